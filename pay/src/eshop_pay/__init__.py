"""Keeps the payments; each live order has exactly one."""
