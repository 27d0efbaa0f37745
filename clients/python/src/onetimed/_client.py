"""The client."""

import random
import secrets
import ssl
import time
from typing import Any, Dict, NoReturn, Optional

from . import _settings
from ._answer import judge
from ._document import CALLS, AdminStatusOut, Channel, CheckOut, Client, ExplainOut, InspectOut, IntrospectOut, Kind, StartOut, StatusOut
from ._errors import UndecidedError
from ._exchange import exchange
from ._settings import ABSENT

_BACKOFF = (0.25, 1.0)
"""How many seconds the second and the third attempt wait at most."""


class Onetime:
    """A client of one onetimed, for one caller. It holds no connection and no state, and threads may share it.

    Each method returns what the server answers when the answer is yes. Otherwise it raises a RefusedError, when the answer is
    no, or an UndecidedError, when there is none. Arguments that cannot be sent are a ValueError or TypeError.

    start, resend and check are sent again after an UndecidedError, all with one Idempotency-Key, so that they take effect once;
    status and cancel as they are. No other call is repeated. The same wrong code counts once, however often it is sent.
    """

    __slots__ = ("_key", "_place", "_retries", "_timeout", "admin")

    def __init__(
        self,
        url: str,
        key: str,
        *,
        timeout: float = 15.0,
        retries: int = 2,
        ssl_context: Optional[ssl.SSLContext] = None,
        dangerously_allow_http: bool = False,
    ) -> None:
        """Makes a client.

        url -- where the server is: https, or http on loopback
        key -- the key of a caller
        timeout -- how many seconds a call may take, with all its attempts, 0.1 to 50. The server answers within 5 s by default;
            one attempt gets half of the time, so that another can follow.
        retries -- how many more attempts there are, 0 to 5. Only calls that are safe to repeat are.
        ssl_context -- in place of the default one, for certificates of your own
        dangerously_allow_http -- lets the key, codes and answers travel in clear to any host
        """
        self._place = _settings.place(url, ssl_context, dangerously_allow_http is True)
        self._key = _settings.key(key)
        self._timeout = _settings.duration(timeout)
        if type(retries) is not int or not 0 <= retries <= 5:
            raise ValueError("onetimed: retries: want 0 to 5")
        self._retries = retries
        self.admin = Admin(self)

    def __repr__(self) -> str:
        return f"<Onetime of {self._place.host}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("onetimed: a client holds a key and is not pickled")

    def start(
        self,
        service: str,
        subject: str,
        *,
        to: str = ABSENT,
        channel: Channel = ABSENT,
        kind: Kind = ABSENT,
        locale: str = ABSENT,
        action: str = ABSENT,
        payload: str = ABSENT,
        binding: str = ABSENT,
        request: str = ABSENT,
        decoy: bool = ABSENT,
        ttl_seconds: int = ABSENT,
        client: Client = ABSENT,
        idempotency_key: str = ABSENT,
        timeout: float = ABSENT,
    ) -> StartOut:
        """Issues a code, a link or both, and sends them. Keep the id of the answer in the person's session.

        The parameters are the members of StartIn in the API's document.
        """
        body = {
            "subject": subject,
            "to": to,
            "channel": channel,
            "kind": kind,
            "locale": locale,
            "action": action,
            "payload": payload,
            "binding": binding,
            "request": request,
            "decoy": decoy,
            "ttl_seconds": ttl_seconds,
            "client": client,
        }
        return self._call("start", timeout, body, service=service, idempotency_key=idempotency_key)

    def resend(
        self,
        id: str,
        *,
        to: str = ABSENT,
        channel: Channel = ABSENT,
        action: str = ABSENT,
        payload: str = ABSENT,
        binding: str = ABSENT,
        client: Client = ABSENT,
        idempotency_key: str = ABSENT,
        timeout: float = ABSENT,
    ) -> StartOut:
        """Issues and sends again. The new id counts, and the old one no longer does."""
        body = {"to": to, "channel": channel, "action": action, "payload": payload, "binding": binding, "client": client}
        return self._call("resend", timeout, body, id=id, idempotency_key=idempotency_key)

    def check(
        self, id: str, code: str, *, binding: str = ABSENT, idempotency_key: str = ABSENT, timeout: float = ABSENT
    ) -> CheckOut:
        """Takes the code of an id, and uses it up if it is right."""
        return self._call("check", timeout, {"code": code, "binding": binding}, id=id, idempotency_key=idempotency_key)

    def check_service(
        self,
        service: str,
        *,
        token: str = ABSENT,
        subject: str = ABSENT,
        code: str = ABSENT,
        request: str = ABSENT,
        binding: str = ABSENT,
        ignore_binding: bool = ABSENT,
        known_browser: str = ABSENT,
        known_since: int = ABSENT,
        idempotency_key: str = ABSENT,
        timeout: float = ABSENT,
    ) -> CheckOut:
        """Takes the token of a link, or a subject's code, and uses it up if it is right."""
        body = {
            "token": token,
            "subject": subject,
            "code": code,
            "request": request,
            "binding": binding,
            "ignore_binding": ignore_binding,
            "known_browser": known_browser,
            "known_since": known_since,
        }
        return self._call("check_service", timeout, body, service=service, idempotency_key=idempotency_key)

    def inspect(
        self, service: str, token: str, *, binding: str = ABSENT, ignore_binding: bool = ABSENT, timeout: float = ABSENT
    ) -> InspectOut:
        """Tells what a token is about and uses nothing up, for the page that a link opens. It proves nothing."""
        body = {"service": service, "token": token, "binding": binding, "ignore_binding": ignore_binding}
        return self._call("inspect", timeout, body)

    def undo(self, undo: str, *, timeout: float = ABSENT) -> None:
        """Gives back what check used up, because what it was used for did not happen.

        After an UndecidedError it may be given back.
        """
        self._call("undo", timeout, {"undo": undo})

    def status(self, id: str, *, timeout: float = ABSENT) -> StatusOut:
        """Tells whether a verification is pending. It is no proof: only a check is."""
        return self._call("status", timeout, id=id)

    def cancel(self, id: str, *, timeout: float = ABSENT) -> None:
        """Makes sure that a verification does not verify."""
        self._call("cancel", timeout, id=id)

    def introspect(self, token: str, *, timeout: float = ABSENT) -> IntrospectOut:
        """Tells what an access token says (RFC 7662). Look at active first: a token that is not good is answered, too."""
        return self._call("introspect", timeout, {"token": token})

    def _call(self, name: str, timeout: float, body: Optional[Dict[str, Any]] = None, **parameters: str) -> Any:
        call = CALLS[name]
        headers = {"Accept": "application/json, application/problem+json", "Authorization": f"Bearer {self._key}"}
        key = parameters.pop("idempotency_key", ABSENT)
        path = call.path.format(**{of: _settings.checked(name, of, value) for of, value in parameters.items()})
        data: Optional[bytes] = None
        if body is not None:
            given = _settings.present(name, body)
            if call.form:
                headers["Content-Type"] = "application/x-www-form-urlencoded"
                data = _settings.form(name, given)
            else:
                headers["Content-Type"] = "application/json"
                data = _settings.encoded(name, given)
        if call.retry == "key":
            headers["Idempotency-Key"] = secrets.token_hex(32) if key is ABSENT else _settings.checked(name, "idempotency_key", key)
        end = time.monotonic() + (self._timeout if timeout is ABSENT else _settings.duration(timeout))
        retries = 0 if call.retry == "never" else self._retries
        whole = end - time.monotonic()
        for made in range(retries + 1):
            left = end - time.monotonic()
            try:
                # One that hangs leaves time for another.
                answer = exchange(name, self._place, call.method, path, headers, data, left if made == retries else min(left, whole / 2))
                return judge(name, call, answer, self._key)
            except UndecidedError as error:
                wait = max(random.uniform(0, _BACKOFF[min(made, 1)]), error.retry_after or 0)
                if made == retries or not _may_pass(error) or wait >= end - time.monotonic():
                    raise
            time.sleep(wait)
        raise AssertionError("the last attempt returns or raises")


def _may_pass(error: UndecidedError) -> bool:
    """Reports whether another attempt may be answered."""
    if error.code == "bad_answer":
        return error.status in (502, 503, 504)  # of a proxy
    return error.code != "no_signing_keys"


class Admin:
    """The calls of support and operators. They need the scope admin."""

    __slots__ = ("_onetime",)

    def __init__(self, onetime: Onetime) -> None:
        self._onetime = onetime

    def status(self, service: str, subject: str, *, timeout: float = ABSENT) -> AdminStatusOut:
        """Tells what is pending, what is locked, and by which name the subject stands in logs."""
        return self._do("admin_status", service, subject, timeout)

    def explain(self, service: str, subject: str, *, timeout: float = ABSENT) -> ExplainOut:
        """Says in one sentence, for support, why somebody cannot get in."""
        return self._do("admin_explain", service, subject, timeout)

    def revoke(self, service: str, subject: str, *, timeout: float = ABSENT) -> None:
        """Ends all that is pending for a subject."""
        self._do("admin_revoke", service, subject, timeout)

    def unlock(self, service: str, subject: str, *, timeout: float = ABSENT) -> None:
        """Forgets failures and limits, for a person who proved by other means who they are."""
        self._do("admin_unlock", service, subject, timeout)

    def erase(self, service: str, subject: str, *, timeout: float = ABSENT) -> None:
        """Revokes, and takes what is left of a subject out of the store."""
        self._do("admin_erase", service, subject, timeout)

    def _do(self, name: str, service: str, subject: str, timeout: float) -> Any:
        return self._onetime._call(name, timeout, {"subject": subject}, service=service)  # pyright: ignore[reportPrivateUsage]
