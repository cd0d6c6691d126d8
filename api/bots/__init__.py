"""`/api/bots`: the fleet, one bot in depth, what people do to a bot."""
