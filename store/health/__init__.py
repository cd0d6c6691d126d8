"""Recounts, and the room the database takes."""
