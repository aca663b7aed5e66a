"""The parts of a stack and the order they depend on each other in."""

from __future__ import annotations

from typing import Literal

from eshop_deploy.layout import StackDir
from eshop_deploy.part import Part
from eshop_deploy.parts import dtm, kafka, mariadb, redis, services
from eshop_deploy.settings import SERVICES, Settings

Goal = Literal["parts", "all"]


def parts_of(stack: StackDir, settings: Settings, goal: Goal) -> list[Part]:
    """Stores first, services last; stopping goes the other way round."""
    stores = [mariadb.part(stack, settings), redis.part(stack, settings), kafka.part(stack, settings)]
    parts = [*stores, *dtm.parts(settings)]
    return parts if goal == "parts" else [*parts, *services.parts(settings)]


def layer_of(name: str) -> int:
    """Stopped from the highest down: the gateway first, so that nobody meets a half-stopped suite."""
    if name == "gw":
        return 3
    if name in SERVICES:
        return 2
    return 1 if name.startswith("dtm-") else 0
