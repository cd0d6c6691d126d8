"""Statements of verification runs."""
