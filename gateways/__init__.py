"""The outside world, one module per counterparty: clock, settings, embedded PostgreSQL, processes."""
