"""The shop in memory: fakes of every store, gRPC without sockets, and all services wired to a DTM in memory.

The fakes pass the same tests as the real stores (each service's test_store.py). Tests of other services find this
package by its folder, which their conftest.py puts on the path.
"""
