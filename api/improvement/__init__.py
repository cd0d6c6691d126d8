"""`/api/iterations`: the strategy lab."""
