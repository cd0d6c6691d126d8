"""Whether the platform does what it promises, and the upkeep of what it keeps."""
