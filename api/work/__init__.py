"""`/api/_proof`, `/api/ticks`, `/api/jobs`: autonomous work."""
