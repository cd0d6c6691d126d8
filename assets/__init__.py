"""Dagster assets and their checks: unpack, call one service, report metadata. No rules."""
