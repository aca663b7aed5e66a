"""Keeps the users of the shop."""
