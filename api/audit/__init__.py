"""`/api/audit`: the audit chain."""
