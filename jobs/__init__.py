"""Dagster jobs: the work autonomy asks for."""
