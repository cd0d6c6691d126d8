"""Verifications of a bot: checks, and what they showed."""
