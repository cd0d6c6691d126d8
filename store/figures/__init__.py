"""Statements of figures since a baseline."""
