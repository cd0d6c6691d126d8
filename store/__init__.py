"""The only SQL of the platform: tables, one query module per table family, the bar store."""
