"""Keeps how many units of each product there are, with a ledger of every change."""
