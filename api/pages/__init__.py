"""The operators' screen: one shell, small ES modules, no framework."""
