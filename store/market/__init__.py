"""Bars on disk."""
