"""Backtests and what a session shows."""
