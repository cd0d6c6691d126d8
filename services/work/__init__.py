"""Autonomous work: the tick, the queue, and what people see of either."""
