"""Bring-up of the eshop suite on one machine: the real stores, the two DTMs and the eight services."""
