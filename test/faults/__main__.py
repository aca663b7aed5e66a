"""The fault matrix: `make faults`, or `python test/faults --help`.

Each row runs against a stack of its own under load and prints its seed; the same seed makes the same requests and the
same moments of the fault.
"""

import argparse
import asyncio
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent)]

# Each enters its rows into the table, in the order of the report.
import deaths  # noqa: E402, F401  # pyright: ignore[reportUnusedImport] - for its rows
import machines  # noqa: E402, F401  # pyright: ignore[reportUnusedImport] - for its rows
import network  # noqa: E402, F401  # pyright: ignore[reportUnusedImport] - for its rows
import pauses  # noqa: E402, F401  # pyright: ignore[reportUnusedImport] - for its rows
import stores  # noqa: E402, F401  # pyright: ignore[reportUnusedImport] - for its rows
from line import open_lines  # noqa: E402
from report import HEAD, RULE, Report, commit, line  # noqa: E402
from run import Result, Run  # noqa: E402
from scene import ROWS, Row  # noqa: E402
from shop import Shop  # noqa: E402

from eshop_deploy.stacks import BringUpError  # noqa: E402


def main() -> None:
    options = _options()
    try:
        sys.exit(asyncio.run(_matrix(options)))
    except BringUpError as error:
        sys.exit(str(error))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="faults", description=__doc__)
    parser.add_argument("--rows", default="", help=f"comma-separated, or all: {', '.join(ROWS)}")
    parser.add_argument("--seeds", type=int, default=1, help="runs of each row; a row of minutes runs once")
    parser.add_argument("--seed", type=int, default=1, help="seed of the first run")
    parser.add_argument("--long", action="store_true", help="each row as long as the matrix says")
    parser.add_argument("--resume", action="store_true", help="leaves out what the report has as ok")
    parser.add_argument("--pace", type=float, default=1.0, help="of the load: 0.5 is half of it")
    guards = ["", "barrier", "outcome", "order-id", "offsets"]
    parser.add_argument("--without", default="", choices=guards, help="a guard that is switched off: rows turn red")
    parser.add_argument("--keep", action="store_true", help="uses the stack as it is and leaves it up")
    parser.add_argument("--stack", default="faults")
    parser.add_argument("--port-offset", type=int, default=3300)
    parser.add_argument("--report", type=Path, default=None, help="path without suffix")
    return parser.parse_args()


async def _matrix(options: argparse.Namespace) -> int:
    shop = Shop(options.stack, options.port_offset, options.without)
    report = Report(options.report or shop.folder / "report")
    runs = _chosen(options)
    if options.resume:
        runs = [(row, seed) for row, seed in runs if not report.has(row.name, seed, options.without)]
    if not (options.keep or options.resume):
        await shop.clean()
    async with open_lines(shop.line_ports()) as lines:
        _say(f"bringing up stack {options.stack}")
        await shop.up()
        results = []
        for row, seed in runs:
            _say(f"row {row.name}, seed {seed}: {row.what}")
            result = await Run(shop, lines, row, seed, long=options.long, pace=options.pace, tell=_say).result()
            result.without = options.without
            result.when, result.commit = time.strftime("%Y-%m-%d %H:%M"), commit()
            report.add(result)
            results.append(result)
            _tell_result(result)
            if result.verdict != "ok":
                await _start_afresh(shop, result)
        if not options.keep:
            await shop.down()
    print(HEAD, RULE, *map(line, results), sep="\n")
    return 1 if any(result.verdict != "ok" for result in results) else 0


async def _start_afresh(shop: Shop, result: Result) -> None:
    """What a broken run has left must not count against the next; its logs are kept."""
    kept = shop.keep_logs(f"{result.row}-{result.seed}")
    _say(f"logs: {kept}; starting with an empty stack")
    await shop.clean()
    await shop.up()


def _chosen(options: argparse.Namespace) -> list[tuple[Row, int]]:
    names = options.rows.replace(",", " ").split()
    if unknown := [name for name in names if name not in ROWS]:
        sys.exit(f"no such row: {', '.join(unknown)}; there are {', '.join(ROWS)}")
    rows = [ROWS[name] for name in names or ROWS]
    return [(row, options.seed + number) for row in rows for number in range(1 if row.long else options.seeds)]


def _tell_result(result: Result) -> None:
    print(line(result), flush=True)
    for problem in result.problems[:20]:
        print(f"    {problem}", flush=True)


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


if __name__ == "__main__":
    main()
