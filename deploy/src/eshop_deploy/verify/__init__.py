"""`eshop verify`: proves the books of a running suite, or names what breaks them. It only reads.

One look takes one consistent snapshot of all MySQL databases, with Redis, Kafka and both DTM stores read around it, in
an order that makes each comparison sound (the modules say which and why). What is found must be there in a second look
before it is told.
"""
