"""How a broken rule is told; the plugin and the runtime share it, so that both transports answer with one sentence."""


def greater_than(bound: object) -> str:
    return f"must be greater than {bound}"


def at_least(bound: object) -> str:
    return f"must be at least {bound}"


def less_than(bound: object) -> str:
    return f"must be less than {bound}"


def at_most(bound: object) -> str:
    return f"must be at most {bound}"


def min_characters(count: int) -> str:
    return f"must have at least {_counted(count, 'character')}"


def max_characters(count: int) -> str:
    return f"must have at most {_counted(count, 'character')}"


def min_items(count: int) -> str:
    return f"must have at least {_counted(count, 'item')}"


def max_items(count: int) -> str:
    return f"must have at most {_counted(count, 'item')}"


def exactly_characters(count: int) -> str:
    return f"must have exactly {_counted(count, 'character')}"


def exactly_bytes(count: int) -> str:
    return f"must have exactly {_counted(count, 'byte')}"


def min_bytes(count: int) -> str:
    return f"must have at least {_counted(count, 'byte')}"


def max_bytes(count: int) -> str:
    return f"must have at most {_counted(count, 'byte')}"


def begin_with(text: str) -> str:
    return f"must begin with {text}"


def end_with(text: str) -> str:
    return f"must end with {text}"


def contain(text: str) -> str:
    return f"must contain {text}"


def not_contain(text: str) -> str:
    return f"must not contain {text}"


def equal(value: object) -> str:
    return f"must be {value}"


def match(pattern: str) -> str:
    return f"must match the pattern {pattern}"


def one_of(values: object) -> str:
    return f"must be one of {values}"


def none_of(values: object) -> str:
    return f"must be none of {values}"


REQUIRED = "is required"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def one_required(members: tuple[str, ...]) -> str:
    return f"one of {', '.join(members)} is required"
