"""What is displayed since a reset: moving baselines, computing figures anew."""
