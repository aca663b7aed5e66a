"""Keeps the catalogue of products."""
