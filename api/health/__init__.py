"""Readiness, vital signs, the proof pack."""
