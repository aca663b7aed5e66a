"""The language that a caller wants its answers in, of those that the program has."""

from functools import lru_cache
from typing import Final

ACCEPT_LANGUAGE: Final = "accept-language"
# Browsers send about 50 characters. More is cut, so that remembered headers stay small.
_MOST_CHARACTERS: Final = 200


def preferred(header: str, known: tuple[str, ...]) -> str:
    """The language of `known` that an Accept-Language header likes best (RFC 9110, 12.5.4); else the first.

    `known` are primary tags in lower case: "zh" stands for zh-CN and zh-Hant-TW too. Of two that the header likes
    equally well the one that it names first is taken.
    """
    return _preferred(header[:_MOST_CHARACTERS], known)


@lru_cache(maxsize=256)
def _preferred(header: str, known: tuple[str, ...]) -> str:
    weights: dict[str, float] = {}
    for part in header.split(","):
        tag, _, parameter = part.partition(";")
        primary = tag.strip().lower().partition("-")[0]
        weights[primary] = max(_weight(parameter), weights.get(primary, 0.0))
    order = [*(tag for tag in weights if tag in known), *(tag for tag in known if tag not in weights)]
    best = max(order, key=lambda tag: weights.get(tag, weights.get("*", 0.0)))
    return best if weights.get(best, weights.get("*", 0.0)) > 0 else known[0]


def _weight(parameter: str) -> float:
    name, _, value = parameter.partition("=")
    if not name.strip():
        return 1.0
    try:
        weight = float(value)
    except ValueError:
        return 0.0
    return weight if name.strip().lower() == "q" and 0.0 <= weight <= 1.0 else 0.0
