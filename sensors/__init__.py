"""Dagster sensors: the autonomy tick and the watches."""
