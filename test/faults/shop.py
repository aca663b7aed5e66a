"""The stack under fault: its processes, its supervisor, its crash points."""

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from signal import Signals

from line import HOST
from running_stack import RunningStack

from eshop_deploy import process
from eshop_deploy.stacks import SERVICES, StackDir, read_env, read_settings, state_dir
from eshop_deploy.status import read_status

ESHOP = Path(sys.executable).with_name("eshop")
DTM = ("dtm-mysql", "dtm-redis")
STORES = ("mysql", "redis", "kafka")
READY_SECONDS = 240.0
# The branches that DTM calls, the Submits of both flows, and the Lua calls go through lines.
LINES = (
    "order_grpc",
    "stock_grpc",
    "coupon_grpc",
    "pay_grpc",
    "flash_sale_grpc",
    "dtm_mysql_grpc",
    "dtm_mysql_http",
    "dtm_redis_grpc",
    "redis",
)
GUARDS = Path(__file__).parent / "guards"
_KEPT = ("ESHOP_STATE_DIR", "ESHOP_TOOLS_DIR")


class StackFailedError(Exception):
    """The stack itself does not come up: nothing can be said about the faults."""


class Shop:
    """One stack of the whole suite."""

    def __init__(self, name: str, offset: int, without: str = "") -> None:
        self.stack = StackDir.named(name)
        self._offset = offset
        self._without = {"PYTHONPATH": str(GUARDS), "FAULTS_WITHOUT": without} if without else {}
        self.ports = dict(read_settings({}).shifted(offset).ports)
        self.folder = state_dir() / "faults"
        self._points = self.folder / f"crash_points.{name}"
        self._points.mkdir(parents=True, exist_ok=True)

    @property
    def parts(self) -> tuple[str, ...]:
        return (*STORES, *DTM, *SERVICES)

    @property
    def running(self) -> RunningStack:
        """Addresses of the parts themselves, behind the lines."""
        return RunningStack(read_env(self.stack.env_file))

    def line_ports(self) -> dict[str, int]:
        return {name: self.ports[name] for name in LINES}

    async def up(self, preload: Mapping[str, str] | None = None) -> None:
        """Starts what does not run. `preload` goes into the environment of whatever is started from now on."""
        for last in (False, False, True):
            try:
                await self._up(preload or {})
            except StackFailedError as error:
                # Ports beyond 32768 may be lent to an outgoing connection for a minute.
                if last or "is held by" not in str(error):
                    raise
            else:
                return

    async def _up(self, preload: Mapping[str, str]) -> None:
        await self._eshop("up", "--port-offset", str(self._offset), "--no-demo", env=preload)

    async def down(self) -> None:
        await self._eshop("down", env={})

    async def clean(self) -> None:
        await self._eshop("clean", "--yes", env={})

    async def repair(self) -> str:
        """Puts right what `eshop verify` knows to put right; returns what it said."""
        return await self._eshop("verify", "--repair", "--yes", "--within", "20", env={}, may_fail=True)

    async def new_supervisor(self, preload: Mapping[str, str] | None = None) -> None:
        """Another one takes over the parts; it has forgotten how often they died."""
        if (record := process.read_record(self.stack.supervisor_record)) is not None:
            record.signal(signal.SIGCONT)
            await asyncio.to_thread(process.stop, record, 10)
        await self.up(preload)

    def keep_logs(self, name: str) -> Path:
        """Copies the logs of all parts to a folder of this name."""
        folder = self.folder / "logs" / name
        shutil.copytree(self.stack.path / "logs", folder, dirs_exist_ok=True)
        return folder

    def pid(self, part: str) -> int:
        """Raises StackFailedError for a part that does not run."""
        record = process.read_record(self.stack.record(part))
        if record is None:
            raise StackFailedError(f"{part} does not run")
        return record.pid

    def alive(self, part: str) -> bool:
        return process.read_record(self.stack.record(part)) is not None

    def signal(self, part: str, number: int) -> None:
        os.kill(self.pid(part), number)

    def kill(self, part: str) -> None:
        self.signal(part, signal.SIGKILL)

    async def pause(self, part: str, seconds: float) -> None:
        """Stops the process for a while, as a machine does that swaps or migrates."""
        pid = self.pid(part)
        os.kill(pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            os.kill(pid, signal.SIGCONT)

    def supervisor_signal(self, number: Signals) -> None:
        record = process.read_record(self.stack.supervisor_record)
        if record is None:
            raise StackFailedError("the supervisor does not run")
        record.signal(number)

    def arm(self, point: str) -> None:
        (self._points / point).touch()

    def armed(self, point: str) -> bool:
        return (self._points / point).exists()

    def disarm_all(self) -> None:
        for file in self._points.iterdir():
            file.unlink(missing_ok=True)

    async def ready(self, *parts: str, within: float = READY_SECONDS) -> None:
        """Waits until these parts, or all, do their work."""
        missing: list[str] = []
        try:
            async with asyncio.timeout(within):
                while (missing := self.missing(*parts)) != []:  # noqa: ASYNC110 - a file tells, no event
                    await asyncio.sleep(0.2)
        except TimeoutError:
            raise StackFailedError(f"{', '.join(missing)}: not ready after {within:.0f} s") from None

    def missing(self, *parts: str) -> list[str]:
        """Which of these parts, or of all, do not work at present."""
        status = read_status(self.stack.status_file)
        ready = {part.name: part.pid for part in status.parts if part.state == "ready"} if status else {}
        return [part for part in parts or self.parts if not self._works(part, ready)]

    def _works(self, part: str, ready: Mapping[str, int | None]) -> bool:
        record = process.read_record(self.stack.record(part))
        return record is not None and ready.get(part) == record.pid

    async def _eshop(self, *args: str, env: Mapping[str, str], may_fail: bool = False) -> str:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("ESHOP_") or k in _KEPT}
        asked = await asyncio.create_subprocess_exec(
            ESHOP,
            args[0],
            "--stack",
            self.stack.name,
            *args[1:],
            env={**kept, **self._through_lines(), **self._without, **env},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        told, _ = await asked.communicate()
        if asked.returncode and not may_fail:
            raise StackFailedError(f"eshop {args[0]}: {told.decode().strip()[-500:]}")
        return told.decode().strip()

    def _through_lines(self) -> dict[str, str]:
        at = {name: f"{HOST}:{port}" for name, port in self.line_ports().items()}
        return {
            "ESHOP_CRASH_POINTS": str(self._points),
            "ESHOP_REDIS_HOST": HOST,
            **{f"ESHOP_{name.upper()}": at[name] for name in LINES if name.startswith("dtm_")},
            **{
                f"ESHOP_{name.removesuffix('_grpc').upper()}_ADDRESS": at[name]
                for name in LINES
                if name.removesuffix("_grpc") in SERVICES
            },
        }
