"""Sells the units of a flash sale from Redis."""
