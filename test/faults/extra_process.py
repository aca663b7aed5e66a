"""A second process of a part, beside the one that the supervisor keeps."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager

import httpx
from patience import eventually
from shop import Shop

from eshop_deploy.parts import parts_of
from eshop_deploy.stacks import saved_settings

READY_SECONDS = 60.0
STOP_SECONDS = 20.0


class ExtraProcess:
    """One running process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def pause(self, seconds: float) -> None:
        self._process.send_signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            self._process.send_signal(signal.SIGCONT)

    async def stop(self) -> None:
        self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


@asynccontextmanager
async def another(
    shop: Shop, part: str, ports: Mapping[str, int], ready: str
) -> AsyncGenerator[tuple[ExtraProcess, dict[str, int]]]:
    """Starts another process of `part`. `ports` maps variables to distances from the gateway's HTTP port; the first
    is asked for the path `ready`. Yields the process and its ports.
    """
    there = {variable: shop.ports["gw_http"] + distance for variable, distance in ports.items()}
    [model] = [p for p in parts_of(shop.stack, saved_settings(shop.stack), "all") if p.name == part]
    kept = {k: v for k, v in os.environ.items() if not k.startswith("ESHOP_")}
    env = {**kept, **model.env, **{variable: str(port) for variable, port in there.items()}}
    with shop.stack.log(f"another-{part}").open("ab") as log:
        process = ExtraProcess(
            await asyncio.create_subprocess_exec(*model.argv, env=env, cwd=shop.stack.path, stdout=log, stderr=log)
        )
    try:
        await _answers(f"http://127.0.0.1:{next(iter(there.values()))}{ready}")
        yield process, there
    finally:
        await process.stop()


async def _answers(url: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:

        async def ready() -> bool:
            try:
                return (await http.get(url, timeout=2)).status_code == 200
            except httpx.HTTPError:
                return False

        await eventually(ready, within=READY_SECONDS, every=0.2)
