"""Requests that carry an idempotency key."""
