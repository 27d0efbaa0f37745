"""Reads what a client and its calls are given."""

import dataclasses
import ipaddress
import json
import re
import ssl
from typing import Any, Dict, Optional
from urllib.parse import urlencode, urlsplit

from ._document import PARAMETERS
from ._exchange import Place

MAX_TIMEOUT = 50.0
"""The longest time that a call may take, in seconds: a check is repeated by its Idempotency-Key for 60 s."""

_KEY = re.compile(r"[!-~]{16,512}\Z")
_PATH = re.compile(r"[A-Za-z0-9._~/-]*\Z")


class Absent:
    """A parameter that was not given. None is not the same: what it was to demand would be left out in silence."""

    def __repr__(self) -> str:
        return "<absent>"


ABSENT: Any = Absent()


def key(value: object) -> str:
    if not isinstance(value, str) or not _KEY.match(value):
        raise ValueError("onetimed: key: want 16 to 512 visible ASCII characters")
    return value


def place(url: str, context: Optional[ssl.SSLContext], http: bool) -> Place:
    try:
        parsed = urlsplit(url)
        host, port = parsed.hostname or "", parsed.port
        host.encode("idna")
    except ValueError:
        raise ValueError("onetimed: url: want a URL") from None
    if not host or parsed.username is not None or parsed.query or parsed.fragment or not _PATH.match(parsed.path) or not url.isprintable():
        raise ValueError("onetimed: url: want a host and a plain path, and no user, query or fragment")
    path = parsed.path.rstrip("/")
    if parsed.scheme == "https":
        return Place(host, port or 443, context or ssl.create_default_context(), path)
    if parsed.scheme == "http" and (http or _loopback(host)):
        return Place(host, port or 80, None, path)
    raise ValueError("onetimed: url: want https, or http on loopback; dangerously_allow_http allows it elsewhere")


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def duration(value: float) -> float:
    if isinstance(value, bool) or not 0.1 <= value <= MAX_TIMEOUT:
        raise ValueError(f"onetimed: timeout: want 0.1 to {MAX_TIMEOUT:g} s")
    return value


def checked(call: str, parameter: str, value: object) -> str:
    """Returns a value that is put into a path or header."""
    pattern = PARAMETERS[parameter]
    if not isinstance(value, str) or len(value) > 4096 or not pattern.match(value):
        raise ValueError(f"onetimed: {call}: {parameter}: want {pattern.pattern}")
    return value


def present(call: str, members: Dict[str, Any]) -> Dict[str, Any]:
    """Returns the members that were given."""
    body: Dict[str, Any] = {}
    for name, value in members.items():
        if value is None:
            raise TypeError(f"onetimed: {call}: {name} is None: leave it out or give it a value")
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            value = {name: each for name, each in dataclasses.asdict(value).items() if each is not None}
        if value is not ABSENT:
            body[name] = value
    return body


def encoded(call: str, body: Dict[str, Any]) -> bytes:
    try:
        return json.dumps(body, ensure_ascii=False, allow_nan=False).encode("utf-8")
    except (TypeError, ValueError):
        pass
    raise TypeError(f"onetimed: {call}: want text, numbers and booleans of JSON")


def form(call: str, fields: Dict[str, Any]) -> bytes:
    try:
        if all(isinstance(value, str) for value in fields.values()):
            return urlencode(fields).encode("ascii")
    except ValueError:
        pass
    raise TypeError(f"onetimed: {call}: want text")
