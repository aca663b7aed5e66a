"""The yardstick: a FastAPI route that does nothing but take a pydantic model and send it back, in a process of its own.

uvicorn is set as the gateway's is: one worker, uvloop, httptools, no access log.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from eshop_deploy.stacks import PartFailed, http_ok

BACKLOG = 16_384
START_SECONDS = 20.0


class Purchase(BaseModel):
    """The body of a flash sale, and the code that load scripts look for in an answer."""

    code: int = 0
    userID: int  # noqa: N815 - the shop's names
    productID: int  # noqa: N815 - as above
    amount: int


def build_app() -> FastAPI:
    app = FastAPI(openapi_url=None)
    app.add_api_route("/echo", _echo, methods=["POST"])
    app.add_api_route("/readyz", _ready, methods=["GET"])
    return app


async def _echo(purchase: Purchase) -> Purchase:
    return purchase


async def _ready() -> dict[str, str]:
    return {"status": "UP"}


@contextmanager
def running_echo(host: str, port: int) -> Generator[int]:
    """Gives the pid of an echo that answers at this address; it ends with the block."""
    argv = [sys.executable, "-m", "eshop_bench.echo", host, str(port)]
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        _await(process, host, port)
        yield process.pid
    finally:
        process.kill()
        process.wait()


def _await(process: subprocess.Popen[bytes], host: str, port: int) -> None:
    end = time.monotonic() + START_SECONDS
    while (missing := http_ok(host, port, "/readyz")) is not None:
        if process.poll() is not None or time.monotonic() > end:
            raise PartFailed(f"The echo does not come up: {missing}", f"Is port {port} free?")
        time.sleep(0.05)


def main() -> None:
    host, port = sys.argv[1:]
    uvicorn.run(
        build_app(),
        host=host,
        port=int(port),
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
        backlog=BACKLOG,
    )


if __name__ == "__main__":
    main()
