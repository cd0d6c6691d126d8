"""Statements of bots, one by one and as a fleet."""
