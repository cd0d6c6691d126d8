"""What a tear sheet shows: splits and tables (`figures.py`), the geometry of its charts (`charts.py`). Pure."""
