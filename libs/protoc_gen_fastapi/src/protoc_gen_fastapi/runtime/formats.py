"""The formats that field rules name: whether a text is an e-mail address, a host name, a URI, ..."""

import ipaddress
import math
import re
import time
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import urlsplit

# The pattern of HTML's <input type="email">, which both rule vocabularies name.
_EMAIL: Final = re.compile(
    r"[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
    r"(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*"
).fullmatch
_LABEL: Final = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?").fullmatch
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}").fullmatch
_TUUID: Final = re.compile(r"[0-9a-fA-F]{32}").fullmatch
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*").fullmatch
_URI_CHARACTERS: Final = re.compile(r"(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*").fullmatch
_HEADER_NAME: Final = re.compile(r":?[0-9a-zA-Z!#$%&'*+.^_|~`-]+").fullmatch
_HEADER_VALUE: Final = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*").fullmatch
_PORT: Final = re.compile(r"0|[1-9][0-9]{0,4}").fullmatch


def is_finite(value: float) -> bool:
    return math.isfinite(value)


def is_email(text: str) -> bool:
    return _EMAIL(text) is not None


def is_hostname(text: str) -> bool:
    labels = text.removesuffix(".").split(".")
    return len(text) <= 253 and all(map(_LABEL, labels)) and not labels[-1].isdigit()


def is_ip(text: str) -> bool:
    return is_ipv4(text) or is_ipv6(text)


def is_ipv4(text: str) -> bool:
    return _holds(ipaddress.IPv4Address, text)


def is_ipv6(text: str) -> bool:
    return _holds(ipaddress.IPv6Address, text)


def is_address(text: str) -> bool:
    return is_hostname(text) or is_ip(text)


def is_ip_with_prefix(text: str) -> bool:
    return is_ipv4_with_prefix(text) or is_ipv6_with_prefix(text)


def is_ipv4_with_prefix(text: str) -> bool:
    return _has_length(text) and _holds(ipaddress.IPv4Interface, text)


def is_ipv6_with_prefix(text: str) -> bool:
    return _has_length(text) and _holds(ipaddress.IPv6Interface, text)


def is_ip_prefix(text: str) -> bool:
    return is_ipv4_prefix(text) or is_ipv6_prefix(text)


def is_ipv4_prefix(text: str) -> bool:
    return _has_length(text) and _holds(ipaddress.IPv4Network, text)


def is_ipv6_prefix(text: str) -> bool:
    return _has_length(text) and _holds(ipaddress.IPv6Network, text)


def is_host_and_port(text: str) -> bool:
    host, _, port = text.rpartition(":")
    if not _PORT(port) or int(port) > 65535:
        return False
    if host.startswith("["):
        return host.endswith("]") and is_ipv6(host[1:-1])
    return is_hostname(host) or is_ipv4(host)


def is_uri(text: str) -> bool:
    scheme, colon, _ = text.partition(":")
    return bool(colon) and _SCHEME(scheme) is not None and is_uri_ref(text)


def is_uri_ref(text: str) -> bool:
    if not _URI_CHARACTERS(text):
        return False
    try:
        urlsplit(text).port  # noqa: B018 - raises for a port that is none
    except ValueError:
        return False
    return True


def is_uuid(text: str) -> bool:
    return _UUID(text) is not None


def is_tuuid(text: str) -> bool:
    return _TUUID(text) is not None


def is_header_name(text: str) -> bool:
    return _HEADER_NAME(text) is not None


def is_header_value(text: str) -> bool:
    return _HEADER_VALUE(text) is not None


def has_twins(values: Iterable[Any]) -> bool:
    """Whether a list holds something twice."""
    listed = [v.SerializeToString(deterministic=True) if hasattr(v, "SerializeToString") else v for v in values]
    return len(set(listed)) != len(listed)


def now() -> int:
    """Nanoseconds since 1970."""
    return time.time_ns()


def _has_length(text: str) -> bool:
    return text.rpartition("/")[2].isdigit()


def _holds(kind: Any, text: str) -> bool:
    try:
        kind(text.partition("%")[0] if kind is ipaddress.IPv6Address else text)
    except ValueError:
        return False
    return True
