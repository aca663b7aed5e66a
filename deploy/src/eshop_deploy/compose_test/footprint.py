"""What an engine changes in the kernel besides its own files, and how it is undone: firewall rules, bridges, mounts.

A Docker Engine leaves these behind when it stops. What was there before it started stays as it was.
"""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from eshop_deploy.tools import debian

FIREWALLS = ("iptables", "ip6tables")
TABLES = ("filter", "nat", "mangle", "raw")
LINKS = Path("/sys/class/net")
# How an engine calls its default bridge, those of its networks, and the ends of its containers' cables.
LINKS_OF_AN_ENGINE = ("docker", "br-", "veth")
RULES_OF_AN_ENGINE = ("DOCKER", "docker0", " br-")
FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")


@dataclass(frozen=True)
class Footprint:
    """`rules`: the lines of `iptables -S` by the words that list them."""

    rules: dict[tuple[str, ...], list[str]]
    links: frozenset[str]
    forwarding: str


@contextmanager
def undone() -> Generator[None]:
    """Whatever an engine changes inside is as before afterwards, unless another one has come meanwhile and needs it."""
    before, engines = seen(), _engines()
    try:
        yield
    finally:
        if _engines() <= engines:
            _undo(before)


def _engines() -> set[int]:
    return {process.pid for process in psutil.process_iter(["name"]) if process.info["name"] == "dockerd"}


def seen() -> Footprint:
    lists = [(program, "-t", table) for name in FIREWALLS if (program := debian.find(name)) for table in TABLES]
    links = frozenset(path.name for path in LINKS.iterdir())
    return Footprint({words: _told([*words, "-S"]) for words in lists}, links, FORWARDING.read_text())


def _undo(before: Footprint) -> None:
    after = seen()
    for words, rules in after.rules.items():
        for change in undoing(before.rules[words], rules):
            _told([*words, *change])
    ip = debian.find("ip")
    for link in sorted(after.links - before.links):
        if ip and link.startswith(LINKS_OF_AN_ENGINE):
            _told([ip, "link", "delete", link])
    if after.forwarding != before.forwarding:
        FORWARDING.write_text(before.forwarding)


def undoing(before: list[str], after: list[str]) -> Iterable[list[str]]:
    """The changes that take an engine's rules away again: rules first, then chains, then policies as they were.

    Rules that somebody else has made meanwhile stay.
    """
    added = [shlex.split(line) for line in after if line not in before and _of_an_engine(line)]
    for words in added:
        if words[0] == "-A":
            yield ["-D", *words[1:]]
    for words in added:
        if words[0] == "-N":
            yield ["-X", words[1]]
    for line in before:
        if line.startswith("-P") and line not in after:
            yield shlex.split(line)


def _of_an_engine(line: str) -> bool:
    return any(word in line for word in RULES_OF_AN_ENGINE)


def unmount_below(*folders: Path) -> None:
    """Takes away what is still mounted in these folders, the innermost first."""
    mounted = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    for place in reversed(mounted):
        if any(Path(place).is_relative_to(folder) for folder in folders):
            _told(["umount", "--lazy", place])


def _told(argv: list[str]) -> list[str]:
    """The lines that a command prints; none where it fails: a kernel may lack a table."""
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout.splitlines()
