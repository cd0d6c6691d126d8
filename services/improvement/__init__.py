"""Better genomes: searching them, judging them, showing how they were judged."""
