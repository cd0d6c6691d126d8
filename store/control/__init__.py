"""Statements of the kill switch."""
