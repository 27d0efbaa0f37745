# Generated from onetimed/openapi.json by clients/generate.mjs.
"""What the API takes and answers."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple, Optional

Channel = Literal["mail", "sms", "voice", "webhook", "none"]
Kind = Literal["code", "link", "both", "token"]


@dataclass(frozen=True)
class Client:
    """Who asks, as the caller knows."""

    app_hash: Optional[str] = None
    """Ends an SMS, so that an Android app reads the code (SMS Retriever API)."""
    known_browser: Optional[str] = field(default=None, repr=False)
    """What check answered as known_browser when somebody signed in with this browser before, from a cookie of the
    caller's. Where it is of the subject, sends and wrong codes count apart from those of strangers, who so can
    keep nobody's known browser out. What was altered, or is of somebody else, counts as none. It goes with a
    binding, or the kind code without request, which is bound to its id."""
    known_since: Optional[int] = None
    """Ends what was answered as known_browser before this time, in seconds since 1970: keep it in the account's
    row, and set it to 5 min after now when a device was lost."""
    user_agent: Optional[str] = None
    """The person's User-Agent. A mail says which browser asked, in a few fixed words; nothing of it is kept."""


@dataclass(frozen=True)
class CheckOut:
    """The answer to check and check service."""

    issued_at: datetime
    """When it was issued, by the clock of Redis."""
    kind: str
    """What was shown: a code, or a token."""
    purpose: str
    """What the proof is good for: the purpose of the service."""
    subject: str = field(repr=False)
    """Who was proved, in the one spelling that all spellings share."""
    access_token: Optional[str] = field(default=None, repr=False)
    """A signed proof (JWT) of the subject. Of services with access tokens: what is signed cannot be undone."""
    access_token_expires_in: Optional[int] = None
    """How many seconds it is good for."""
    fixed_code: bool = False
    """The code is one that the operator fixed for people who review apps. It proves nothing about an inbox."""
    known_browser: Optional[str] = field(default=None, repr=False)
    """What makes the browser a known one, together with what it was known by to other people: keep it in a cookie
    that is HttpOnly and Secure, and show it at the next start. It proves nothing."""
    payload: Optional[str] = field(default=None, repr=False)
    """What start was given; absent if nothing."""
    payload_base64: Optional[str] = field(default=None, repr=False)
    """The same in base64, in place of payload, where a program has issued it by the library and it is not text."""
    repeated: bool = False
    """An earlier sending with the same Idempotency-Key used it, at most 60 s ago: act as then, once. It can no
    longer be undone."""
    undo: Optional[str] = field(default=None, repr=False)
    """The right to give it back by /v1/undo: for the key of this caller, for 60 s, in case that what it was used
    for cannot be done. Of services without access tokens."""


@dataclass(frozen=True)
class Delivery:
    """What becomes of a message."""

    channel: str
    """How the message goes."""
    state: str
    """queued: it goes out after this answer. none: the caller has the secrets."""


@dataclass(frozen=True)
class ExplainOut:
    """The answer to admin explain."""

    sentence: str
    """What support can tell the person, in English. It names nobody."""


@dataclass(frozen=True)
class Flaw:
    """One thing that is wrong with a body."""

    detail: str
    """What the member has to be."""
    pointer: str
    """The member, as a JSON Pointer in a fragment. It names what this document names and nothing else."""


@dataclass(frozen=True)
class InspectOut:
    """The answer to inspect."""

    issued_at: datetime
    """When it was issued, by the clock of Redis."""
    purpose: str
    """The purpose of the service."""
    subject: str = field(repr=False)
    """Who would be proved."""
    payload: Optional[str] = field(default=None, repr=False)
    """What start was given; absent if nothing."""
    payload_base64: Optional[str] = field(default=None, repr=False)
    """The same in base64, in place of payload, where it is not text."""


@dataclass(frozen=True)
class IntrospectOut:
    """The answer to introspect."""

    active: bool
    """It is an access token of one of the caller's services, and good now. If not, there is nothing else."""
    amr: Optional[list[str]] = None
    """How it was proved (RFC 8176)."""
    aud: Optional[str] = None
    """Whom it is for."""
    auth_time: Optional[int] = None
    """When the secret was used, in seconds since 1970."""
    exp: Optional[int] = None
    """When it ends, in seconds since 1970."""
    fixed_code: bool = False
    """A code that the operator fixed was shown: it proves nothing about an inbox."""
    iat: Optional[int] = None
    """When it was signed, in seconds since 1970."""
    iss: Optional[str] = None
    """Who signed it."""
    jti: Optional[str] = None
    """The same for all tokens of one use of a secret."""
    nbf: Optional[int] = None
    """Since when it is good, in seconds since 1970."""
    purpose: Optional[str] = None
    """What it is good for: the purpose of the service."""
    sub: Optional[str] = field(default=None, repr=False)
    """Who was proved."""


@dataclass(frozen=True)
class LocksOut:
    """What the limits of one set refuse."""

    check_in: int
    """In how many seconds the guess limits let the next code be looked at."""
    disabled: bool
    """Codes are disabled until unlock, or a success of whatever browser."""
    failures: int
    """Consecutive wrong codes; codes are disabled at 85 of strangers, at 15 of known browsers."""
    send_in: int
    """In how many seconds the send limits let the next message pass."""


@dataclass(frozen=True)
class PendingOut:
    """One issue that is pending."""

    attempts_left: int
    """How many more wrong codes it takes."""
    bound: bool
    """It was issued with a binding."""
    code: bool
    """Its code is alive."""
    expires_in: int
    """How many seconds what lives longest is still good for."""
    issue: str
    """The id of the issue, as it stands in logs and events."""
    issued_at: datetime
    """When it was issued, by the clock of Redis."""
    token: bool
    """Its token or link is alive."""
    used: bool
    """It was used: it verifies only after an undo."""


@dataclass(frozen=True)
class StatusOut:
    """The answer to status."""

    attempts_left: int
    """How many more wrong codes it takes."""
    check_in: int
    """In how many seconds a code is looked at again; 0: at once."""
    expires_in: int
    """How many seconds what lives longest is still good for."""
    resend_in: int
    """In how many seconds it can be sent again."""
    state: str
    """used: it was used, by whatever call. What is over is a problem."""


@dataclass(frozen=True)
class AdminStatusOut:
    """The answer to admin status."""

    known_browsers: LocksOut
    """What browsers may do that have signed in before."""
    pending: list[PendingOut]
    """What is pending, newest first. Decoys are among it."""
    pseudonym: str
    """What stands for the subject in logs and events of this service."""
    strangers: LocksOut
    """What new browsers may do."""


@dataclass(frozen=True)
class StartOut:
    """The answer to resend and start."""

    delivery: Delivery
    """What becomes of the message."""
    expires_in: int
    """How many seconds it is good for; of both, the link."""
    id: str = field(repr=False)
    """Names the verification for the calls of /v1/verifications. It is sealed and names nobody. Keep it in the
    person's session. Only callers of the service can use it."""
    resend_in: int
    """In how many seconds it can be sent again."""
    code: Optional[str] = field(default=None, repr=False)
    """The code; of the channel none."""
    code_expires_in: Optional[int] = None
    """How many seconds the code is good for. Absent without a code."""
    repeated: bool = False
    """An earlier sending with the same Idempotency-Key made it and sent the message. There are no secrets."""
    token: Optional[str] = field(default=None, repr=False)
    """The token, also that of the link; of the channel none."""
    url: Optional[str] = field(default=None, repr=False)
    """The link; of the channel none."""


class Call(NamedTuple):
    """One call of the API."""

    method: str
    path: str
    status: int
    """The one that means yes."""
    answer: Optional[type]
    """What comes with it."""
    form: bool
    """The body is a form, not JSON."""
    retry: Literal["key", "plain", "never"]
    """How it can be sent again: with its Idempotency-Key, as it is, or never."""


CALLS = {
    "admin_erase": Call("POST", "/v1/admin/{service}/erase", 204, None, False, "never"),
    "admin_explain": Call("POST", "/v1/admin/{service}/explain", 200, ExplainOut, False, "never"),
    "admin_revoke": Call("POST", "/v1/admin/{service}/revoke", 204, None, False, "never"),
    "admin_status": Call("POST", "/v1/admin/{service}/status", 200, AdminStatusOut, False, "never"),
    "admin_unlock": Call("POST", "/v1/admin/{service}/unlock", 204, None, False, "never"),
    "cancel": Call("DELETE", "/v1/verifications/{id}", 204, None, False, "plain"),
    "check": Call("POST", "/v1/verifications/{id}/check", 200, CheckOut, False, "key"),
    "check_service": Call("POST", "/v1/services/{service}/check", 200, CheckOut, False, "key"),
    "inspect": Call("POST", "/v1/tokens/inspect", 200, InspectOut, False, "never"),
    "introspect": Call("POST", "/v1/access-tokens/introspect", 200, IntrospectOut, True, "never"),
    "resend": Call("POST", "/v1/verifications/{id}/resend", 201, StartOut, False, "key"),
    "start": Call("POST", "/v1/services/{service}/verifications", 201, StartOut, False, "key"),
    "status": Call("GET", "/v1/verifications/{id}", 200, StatusOut, False, "plain"),
    "undo": Call("POST", "/v1/undo", 204, None, False, "never"),
}

PARAMETERS = {
    "service": re.compile(r"^[a-z0-9][a-z0-9._-]{0,63}\Z"),
    "id": re.compile(r"^[A-Za-z0-9_-]+\Z"),
    "idempotency_key": re.compile(r"^[!-~]{16,255}\Z"),
}
