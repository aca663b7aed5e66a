"""Names: from those of the .proto to those of the generated Python."""

import keyword
import re

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def snake_case(name: str) -> str:
    """DeleteByID -> delete_by_id, StockDeduct -> stock_deduct, flashSale -> flash_sale."""
    snake = _HUMP.sub("_", name).lower()
    return snake + "_" if keyword.iskeyword(snake) else snake


def camel_case(name: str) -> str:
    """flashSale -> FlashSale, stock -> Stock, eshop_gw -> EshopGw."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def constant_case(name: str) -> str:
    """DeleteByID -> DELETE_BY_ID."""
    return snake_case(name).rstrip("_").upper()


def module_of(proto_file: str, suffix: str) -> str:
    """The Python module generated from a .proto file: a/b.proto, "_pb2" -> a.b_pb2."""
    return proto_file.removesuffix(".proto").replace("-", "_").replace("/", ".") + suffix


def attribute(owner: str, name: str) -> str:
    """The Python expression for something that protobuf gives a name: m.name, or getattr(m, "class")."""
    return f'getattr({owner}, "{name}")' if keyword.iskeyword(name) else f"{owner}.{name}"
