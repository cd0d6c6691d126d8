"""Statements of jobs, ticks and long work."""
