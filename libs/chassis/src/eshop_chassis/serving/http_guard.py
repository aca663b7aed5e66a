"""Who may ask over HTTP: names under which this server may be called, and web pages that may call it.

The lab has no logins, and a browser lets any page send requests to any address that it reaches, 127.0.0.1 too. So a
request from a page of another origin is refused, and so is a Host that is not ours: a page can point its own name at
this address (DNS rebinding) and would then be of the same origin. Programs send no Origin and no Sec-Fetch-Site, and
call an address or a name that the server has; for them nothing changes.
"""

import ipaddress
import re
from typing import Final, Protocol

import httptools
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from eshop_chassis.settings import ServiceSettings, is_loopback
from protoc_gen_fastapi.runtime import Forbidden, InvalidArgument, RpcError, error_response

LOOPBACK: Final = "loopback"
ANY: Final = "*"
_LOOPBACK_ORIGIN = r"https?://(localhost|127(\.[0-9]{1,3}){3}|\[::1\])(:[0-9]{1,5})?"
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:@/\s]+)(:[0-9]{0,5})?").fullmatch
_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
# Accepted Host headers are cached, up to this many: with addresses and ports there are many spellings.
_MOST_KNOWN = 1000
_SHOWN = 100


class Asked(Protocol):
    """What a guard looks at in a request."""

    url: bytes
    notes: dict[bytes, bytes]
    noted_twice: bool

    @property
    def reading(self) -> httptools.HttpRequestParser: ...


class Guard:
    """Judges requests by their Host, Origin and Sec-Fetch headers."""

    def __init__(self, settings: ServiceSettings, app: ASGIApp) -> None:
        self._names = _words(settings.allowed_hosts.lower())
        self._listens_at = settings.host.lower()
        self._remote = not is_loopback(settings.host)
        origins = _words(settings.cors_origins)
        self._any_origin = ANY in origins
        self._cors = CORSMiddleware(
            app,
            allow_origins=origins - {LOOPBACK},
            allow_origin_regex=_LOOPBACK_ORIGIN if LOOPBACK in origins else None,
            allow_methods=_METHODS,
            allow_headers=("*",),
            allow_private_network=True,
            expose_headers=("x-request-id", "retry-after"),
        )
        self._known: set[bytes] = set()

    def judge(self, asked: Asked) -> ASGIApp | None:
        """None for a request that is served as it is; otherwise the application that answers it."""
        notes = asked.notes
        if (
            notes.get(b"host") in self._known
            and b"origin" not in notes
            and b"sec-fetch-site" not in notes
            and not asked.noted_twice
            and asked.url.startswith(b"/")
        ):
            return None
        refusal = self._malformed(asked) or self._wrong_host(asked) or self._foreign_page(asked)
        if refusal is not None:
            return _Refusal(refusal)
        return self._cors if self._crosses(notes) else None

    def allows_host(self, host: str) -> bool:
        """True for "name" or "name:port" where the name is one of this server."""
        found = _HOST(host)
        if found is None:
            return False
        name = found[1].lower().removesuffix(".").strip("[]")
        if name == self._listens_at or is_loopback(name) or ANY in self._names:
            return True
        if self._remote and (_is_address(name) or "." not in name):
            return True  # no page can be loaded from such a name of its own: rebinding needs a name in the public DNS
        return name in self._names or any(n.startswith(".") and name.endswith(n) for n in self._names)

    def _malformed(self, asked: Asked) -> RpcError | None:
        if asked.noted_twice:
            return InvalidArgument("request", "has a header twice that it may have once, as Host")
        if b"host" not in asked.notes and asked.reading.get_http_version() != "1.0":
            return InvalidArgument("Host", "is required")
        return None

    def _wrong_host(self, asked: Asked) -> RpcError | None:
        given = asked.notes.get(b"host")
        if given is not None and given not in self._known:
            if not self.allows_host(given.decode("latin-1")):
                return _forbidden("Host", given, "ESHOP_ALLOWED_HOSTS")
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known.add(given)
        if asked.url.startswith((b"/", b"*")):
            return None
        target = _authority(asked.url)  # "GET http://name/ HTTP/1.1": the name counts, not Host
        return None if self.allows_host(target) else _forbidden("Host", target.encode(), "ESHOP_ALLOWED_HOSTS")

    def _foreign_page(self, asked: Asked) -> RpcError | None:
        notes = asked.notes
        origin = notes.get(b"origin")
        if origin is not None:
            if self._crosses(notes) and not self._cors.is_allowed_origin(origin.decode("latin-1")):
                return _forbidden("Origin", origin, "ESHOP_CORS_ORIGINS")
            return None
        if notes.get(b"sec-fetch-site") != b"cross-site" or self._any_origin or _is_link(asked):
            return None
        return _forbidden("Sec-Fetch-Site", b"cross-site", "ESHOP_CORS_ORIGINS")

    def _crosses(self, notes: dict[bytes, bytes]) -> bool:
        """True for a request of a page of another origin. The scheme may differ: TLS may end before us."""
        origin = notes.get(b"origin")
        return origin is not None and origin.partition(b"://")[2].lower() != notes.get(b"host", b"").lower()


class _Refusal:
    """Answers with an error."""

    def __init__(self, error: RpcError) -> None:
        self._error = error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await error_response(self._error)(scope, receive, send)


def _is_link(asked: Asked) -> bool:
    """True when a person followed a link to us, as to Swagger UI: the page that has the link sees nothing of it."""
    notes = asked.notes
    top_level = notes.get(b"sec-fetch-dest", b"document") == b"document"
    return notes.get(b"sec-fetch-mode") == b"navigate" and top_level and asked.reading.get_method() == b"GET"


def _authority(url: bytes) -> str:
    """Host and port of an absolute target, without the user that may stand before them."""
    rest = url.partition(b"://")[2] or url
    return re.split(rb"[/?#]", rest, maxsplit=1)[0].rpartition(b"@")[2].decode("latin-1")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _forbidden(header: str, value: bytes, setting: str) -> Forbidden:
    shown = value[:_SHOWN].decode("ascii", "replace")
    return Forbidden(f"{header}: {shown} may not use this server; {setting} says what may", short="FOREIGN_CALLER")


def _words(text: str) -> frozenset[str]:
    return frozenset(word.strip().rstrip("/") for word in text.split(",") if word.strip())
