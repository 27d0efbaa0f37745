"""Judges answers: a yes has the one status of its call and is of its shape."""

import dataclasses
import json
import re
from datetime import datetime, timedelta, timezone
from typing import Any, Dict, List, Mapping, NoReturn, Optional, Tuple, Union, cast, get_type_hints

from ._document import Call, Flaw
from ._errors import RefusedError, UndecidedError, undecided
from ._exchange import Answer

_CODE = re.compile(r"[a-z][a-z_]{0,39}\Z")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")
_POINTER = re.compile(r"#[ -~]{0,99}\Z")
_DETAIL = re.compile(r"[ -~]{1,300}\Z")
_SECONDS = re.compile(r"[0-9]{1,9}\Z")
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)\Z", re.ASCII)


class _Misfit(Exception):
    """A value that is not of its shape."""


def judge(name: str, call: Call, answer: Answer, key: str) -> Any:
    """Returns what an answer says, if it is the yes of its call.

    What a proxy or another server says must never be taken as a yes. key is that of the caller: nothing that is told may
    hold it.
    """
    bad = undecided(name, "bad_answer", f"status {answer.status}", status=answer.status, retry_after=_seconds(answer.headers))
    kind = _media_type(answer.headers)
    if answer.status == call.status and call.answer is None:
        return None
    if answer.status == call.status and call.answer is not None and kind == "application/json":
        try:
            return _fit(_parse(answer.body), call.answer)
        except _Misfit:
            pass
    if answer.status < 400 or kind != "application/problem+json":
        raise bad
    try:
        problem: Any = _parse(answer.body)
    except _Misfit:
        problem = None
    if not isinstance(problem, dict):
        raise bad
    _refuse(name, answer, cast("Dict[str, Any]", problem), key, bad)


def _refuse(name: str, answer: Answer, problem: Dict[str, Any], key: str, bad: UndecidedError) -> NoReturn:
    code = _plain(problem.get("reason"), _CODE, key)
    if code is None or problem.get("status") != answer.status:
        raise bad
    flaws = _flaws(problem.get("errors"), key)
    details: Dict[str, Any] = {
        "code": code,
        "status": answer.status,
        "retry_after": _count(problem["retry_after"]) if "retry_after" in problem else _seconds(answer.headers),
        "attempts_left": _count(problem.get("attempts_left")),
        "request_id": _plain(problem.get("request_id"), _REQUEST_ID, key),
        "flaws": flaws,
    }
    if answer.status >= 500:
        raise UndecidedError(f"onetimed: {name}: no answer: {code}", **details)
    raise RefusedError(f"onetimed: {name}: {code}" + "".join(f"; {flaw.pointer}: {flaw.detail}" for flaw in flaws), **details)


def _media_type(headers: Mapping[str, str]) -> str:
    kind, *parameters = (each.strip() for each in headers.get("content-type", "").lower().split(";"))
    return kind if parameters in ([], ["charset=utf-8"]) else ""


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        pass
    raise _Misfit


def _no_constant(_: str) -> NoReturn:
    raise ValueError


def _fit(value: Any, shape: Any) -> Any:
    """Returns a value of JSON as one of a shape. Members that are not known are left to newer clients."""
    if shape is datetime:
        return _instant(value)
    if shape in (str, int, bool):
        if type(value) is not shape:  # True is an int
            raise _Misfit
        return value
    origin: Any = getattr(shape, "__origin__", None)
    arguments: Any = getattr(shape, "__args__", ())
    if origin is Union:  # Optional: it may be absent, but never null
        return _fit(value, arguments[0])
    if origin is list:
        if not isinstance(value, list):
            raise _Misfit
        return [_fit(each, arguments[0]) for each in cast("List[Any]", value)]
    if not isinstance(value, dict):
        raise _Misfit
    members, given = cast("Dict[str, Any]", value), {}
    hints = get_type_hints(shape)
    for each in dataclasses.fields(shape):
        if each.name in members:
            given[each.name] = _fit(members[each.name], hints[each.name])
        elif each.default is dataclasses.MISSING:
            raise _Misfit
    return shape(**given)


def _instant(value: Any) -> datetime:
    found = _INSTANT.match(value) if isinstance(value, str) else None
    if found:
        text, fraction, zone = found.groups()
        try:
            moment = datetime.strptime(text + zone.replace("Z", "+0000"), "%Y-%m-%dT%H:%M:%S%z")
            return moment.astimezone(timezone.utc) + timedelta(microseconds=int((fraction or "").ljust(6, "0")[:6]))
        except (ValueError, OverflowError):
            pass
    raise _Misfit


def _plain(value: Any, pattern: "re.Pattern[str]", key: str) -> Optional[str]:
    """Returns a text of the server's that is of a pattern and does not hold the key."""
    if isinstance(value, str) and pattern.match(value) and key not in value:
        return value
    return None


def _count(value: Any) -> Optional[int]:
    return value if type(value) is int and 0 <= value < 1 << 53 else None


def _seconds(headers: Mapping[str, str]) -> Optional[int]:
    """Returns the seconds of Retry-After, also of a proxy's. Its other form, a date, is not looked at."""
    value = headers.get("retry-after", "")
    return int(value) if _SECONDS.match(value) else None


def _flaws(value: Any, key: str) -> Tuple[Flaw, ...]:
    found: List[Flaw] = []
    for each in cast("List[Any]", value)[:32] if isinstance(value, list) else []:
        if isinstance(each, dict):
            members = cast("Dict[str, Any]", each)
            pointer, detail = _plain(members.get("pointer"), _POINTER, key), _plain(members.get("detail"), _DETAIL, key)
            if pointer is not None and detail is not None:
                found.append(Flaw(pointer=pointer, detail=detail))
    return tuple(found)
