"""Places orders, at once or through a queue, and keeps them."""
