"""Series of bars."""
