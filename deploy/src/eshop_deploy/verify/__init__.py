"""`eshop verify`: proves the books of a running suite, or names what breaks them. It only reads.

One look takes one consistent snapshot of all MySQL databases, with Redis, Kafka and both DTM stores read around it, in
an order that makes each comparison sound (the modules say which and why). What is found must be there in a second look
before it is told.

The invariants are written here and nowhere else: the bench, the tests and the judge of the fault matrix ask
`look_at_products` or `open_books`.
"""

from eshop_deploy.verify.findings import Finding, Look
from eshop_deploy.verify.look import Books, look_at_products, open_books, wait_until_at_rest
from eshop_deploy.verify.queue import Names

__all__ = ["Books", "Finding", "Look", "Names", "look_at_products", "open_books", "wait_until_at_rest"]
