"""Statements of sessions, their trades and fills."""
