"""Rows in which more than one process is hit: clocks, disks, an absence of minutes, everything at once."""

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path

from deaths import BRANCHES, NOTICED_SECONDS
from scene import NeverStruckError, Scene, row
from shop import Shop

from eshop_deploy.stacks import SERVICES

MEGABYTE = 1 << 20


@row("clocks-off", "clocks of half of the Python services off by an hour", patience=150, long=True)
async def clocks_off(scene: Scene) -> None:
    """One half goes an hour fast; then the other half an hour slow."""
    preload = await asyncio.to_thread(_compiled_clocks, scene.shop.folder)
    services = scene.shuffled(*SERVICES)
    try:
        for half, shift in ((services[::2], 3600), (services[1::2], -3600)):
            await scene.shop.new_supervisor({"LD_PRELOAD": str(preload), "CLOCK_SHIFT": str(shift)})
            await _restart(scene, half)
            scene.note(f"{shift:+} s: {', '.join(half)}")
            await scene.some(4, 6)
    finally:
        await scene.shop.new_supervisor()
        await _restart(scene, services)


def _compiled_clocks(folder: Path) -> Path:
    """The library of clocks.c."""
    compiler, library = shutil.which("cc"), folder / "clocks.so"
    if compiler is None:
        raise NeverStruckError("there is no C compiler")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, Path(__file__).with_name("clocks.c")], check=True)
    return library


async def _restart(scene: Scene, parts: list[str]) -> None:
    for part in parts:
        scene.shop.kill(part)
    await asyncio.sleep(NOTICED_SECONDS)
    await scene.shop.ready(*parts)


@row("service-away", "a branch service away for ten minutes (short form: 45 s)", patience=180, pace=0.3, long=True)
async def service_away(scene: Scene) -> None:
    part = scene.rng.choice(BRANCHES[1:])
    await scene.some(1, 3)
    scene.shop.supervisor_signal(signal.SIGSTOP)
    try:
        scene.shop.kill(part)
        await asyncio.sleep(600 if scene.long else 45)
        scene.note(f"{part} for {600 if scene.long else 45} s")
    finally:
        scene.shop.supervisor_signal(signal.SIGCONT)
    await asyncio.sleep(1)
    await scene.shop.ready(part)


@row("cold-start", "everything killed, cold start", patience=180)
async def cold_start(scene: Scene) -> None:
    await scene.some(3, 6)
    scene.shop.supervisor_signal(signal.SIGKILL)
    for part in scene.shuffled(*scene.shop.parts):
        scene.shop.kill(part)
    scene.note("all parts and the supervisor")
    await asyncio.sleep(1)
    await scene.shop.up()
    await scene.shop.ready()


def small_disk(part: str, spare: int) -> Callable[[Shop], AbstractAsyncContextManager[None]]:
    """Puts the data of `part` on a disk of its own with `spare` bytes left."""

    @asynccontextmanager
    async def around(shop: Shop) -> AsyncGenerator[None]:
        await shop.down()
        data, aside = shop.stack.data(part), shop.stack.data(f"{part}.aside")
        await asyncio.to_thread(_move_to_small_disk, data, aside, spare)
        try:
            await shop.up()
            yield
        finally:
            _ballast(shop, part).unlink(missing_ok=True)
            await shop.down()
            await asyncio.to_thread(_move_back, data, aside)
            await shop.up()

    return around


def _move_to_small_disk(data: Path, aside: Path, spare: int) -> None:
    if os.geteuid() != 0:
        raise NeverStruckError("mounting a small disk needs root")
    used = sum(file.stat().st_blocks * 512 for file in data.rglob("*"))
    data.rename(aside)
    data.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={used + spare}", "tmpfs", str(data)], check=True)
    subprocess.run(["cp", "-a", "--sparse=always", f"{aside}/.", str(data)], check=True)


def _move_back(data: Path, aside: Path) -> None:
    shutil.rmtree(aside)
    subprocess.run(["cp", "-a", "--sparse=always", f"{data}/.", str(aside)], check=True)
    subprocess.run(["umount", str(data)], check=True)
    data.rmdir()
    aside.rename(data)


def _ballast(shop: Shop, part: str) -> Path:
    return shop.stack.data(part) / "ballast.bin"


async def _fill_the_disk(scene: Scene, part: str) -> None:
    """Leaves no byte free for a while; what is freed by others meanwhile is taken as well."""
    await scene.some(1, 2)
    file = _ballast(scene.shop, part)
    for _ in range(60):
        await asyncio.to_thread(_fill, file)
        await asyncio.sleep(0.25)
    scene.note(f"{file.stat().st_size // MEGABYTE} MB of ballast")
    file.unlink()
    await asyncio.sleep(1)
    await scene.shop.ready(part)


def _fill(file: Path) -> None:
    with file.open("ab", buffering=0) as ballast, suppress(OSError):
        for size in (MEGABYTE, 4096):
            with suppress(OSError):
                while True:
                    ballast.write(bytes(size))


@row("mysql-disk-full", "disk full for MySQL", around=small_disk("mysql", 48 * MEGABYTE), patience=180, long=True)
async def mysql_disk_full(scene: Scene) -> None:
    await _fill_the_disk(scene, "mysql")


@row("kafka-disk-full", "disk full for Kafka", around=small_disk("kafka", 48 * MEGABYTE), patience=180, long=True)
async def kafka_disk_full(scene: Scene) -> None:
    await _fill_the_disk(scene, "kafka")
