"""What the platform trades and by which rules, told by the tables that the code itself reads; and its HTTP API."""
