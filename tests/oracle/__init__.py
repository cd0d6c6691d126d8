"""A slow, obvious second opinion on the engine: lists and loops, written from the rules, sharing no code with it."""
