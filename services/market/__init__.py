"""Bars: from files and the simulator, which series serve which bots, laid out for the engine."""
