"""FastAPI on port 5000: admin, proof, bots, health and the operators' screen."""
