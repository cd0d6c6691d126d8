"""Benchmarks: the engine beside its peers, the whole platform under a fleet."""
