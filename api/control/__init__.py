"""`/api/kill-switch`."""
