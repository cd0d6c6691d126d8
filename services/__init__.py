"""Use cases: one public function is one transaction. No Dagster, no FastAPI, no SQL."""
