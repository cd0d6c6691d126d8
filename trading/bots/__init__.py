"""Bots: how people pick them out of a fleet."""
