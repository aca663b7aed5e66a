"""What a stack was asked to be: written by a command, carried out by the supervisor."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from eshop_deploy.layout import StackDir
from eshop_deploy.parts import Goal


@dataclass(frozen=True)
class Plan:
    """`number` grows with every plan, so that a command can tell whether a status already answers its own."""

    goal: Goal
    number: int
    port_offset: int


def write_plan(stack: StackDir, plan: Plan) -> None:
    stack.plan_file.write_text(json.dumps(asdict(plan)))


def read_plan(stack: StackDir) -> Plan:
    return Plan(**json.loads(stack.plan_file.read_text()))


def last_offset(stack: StackDir) -> int:
    """The offset this stack was last started with: it keeps its ports until told otherwise."""
    try:
        return read_plan(stack).port_offset
    except (OSError, ValueError, TypeError):
        return 0
