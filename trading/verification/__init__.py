"""Tests of a strategy: whether its record can be believed."""
