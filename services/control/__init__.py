"""Stopping autonomy and letting it go on."""
