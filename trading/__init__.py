"""Framework-free rules, figures and state machines of the platform.

Belongs here: everything that could be checked with pencil and paper. Does not belong here: clocks, I/O, SQL, Dagster,
FastAPI, or chance without a seed.
"""
