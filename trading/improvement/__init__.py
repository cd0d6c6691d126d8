"""Better genomes: breeding candidates, and when one may replace its parent."""
