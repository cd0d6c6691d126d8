"""Statements of the audit chain."""
