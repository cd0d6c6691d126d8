"""Figures of a trading record, and which part of a record counts."""
