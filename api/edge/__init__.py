"""What every request passes and every answer carries, whatever it is about."""
