"""Autonomous work: jobs, which bot gets which and why, how runs come up, what a bot is doing now."""
