"""`/api/admin/reset-metrics`."""
