"""Composition root: definitions, the process supervisor, the command line."""
