"""Strategies: archetypes, genomes, indicators and signals; one implementation for every book."""
