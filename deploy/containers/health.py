"""Health check of a service's container: is /readyz of the given port fine? `python -IS /health.py 30280`.

It runs every few seconds in every container, so it loads a socket and nothing else (20 ms instead of 150).
"""

import socket
import sys

with socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=3) as link:
    link.sendall(b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
    reply = link.recv(4096).decode("latin-1")
if not reply.startswith("HTTP/1.1 200"):
    sys.exit(reply.partition("\r\n\r\n")[2] or reply)
