"""The audit chain as use cases."""
