"""Keeps the coupons; each is used at most once, by its owner."""
