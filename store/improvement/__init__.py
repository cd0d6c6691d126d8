"""Statements of improve and evolve iterations."""
