"""The gateway: one door to all services."""
