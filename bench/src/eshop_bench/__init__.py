"""Measures the suite under load, beside a bare FastAPI echo, and checks its books after every row."""
