"""Stages, gates and moves between them."""
