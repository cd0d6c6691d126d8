"""Bots: registering, acting on and looking at them."""
