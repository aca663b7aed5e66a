"""What the tests of the chassis share: a small service, processes, a proxy, and where the real parts are."""
