"""`/api/sessions`: tear sheets."""
