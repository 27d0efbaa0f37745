"""What is raised where the answer is no yes."""

from typing import Any, Dict, Optional, Tuple

from ._document import Flaw


class OnetimeError(Exception):
    """A call that got no yes: a RefusedError or an UndecidedError. None of it comes from what the call was given."""

    code: str
    """Why: the reason of the server's answer, such as code_mismatch. Without such an answer it is timeout, connection (none,
    or lost) or bad_answer (not one of onetimed)."""
    status: Optional[int]
    """The HTTP status, if there was one."""
    retry_after: Optional[int]
    """After how many seconds to try again; None where waiting does not help, or nobody knows."""
    attempts_left: Optional[int]
    """How many more wrong codes the verification takes. Of code_mismatch."""
    request_id: Optional[str]
    """Names the request in the server's log."""
    flaws: Tuple[Flaw, ...]
    """What is wrong with the body, by member. Of invalid and bad_request."""

    def __init__(
        self,
        message: str,
        *,
        code: str,
        status: Optional[int] = None,
        retry_after: Optional[int] = None,
        attempts_left: Optional[int] = None,
        request_id: Optional[str] = None,
        flaws: Tuple[Flaw, ...] = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.retry_after = retry_after
        self.attempts_left = attempts_left
        self.request_id = request_id
        self.flaws = flaws

    def __reduce__(self) -> Tuple[Any, ...]:
        return _again, (type(self), str(self), dict(self.__dict__))


class RefusedError(OnetimeError):
    """The server said no."""


class UndecidedError(OnetimeError):
    """There is no answer that says yes or no. It is no yes, and the call may have taken effect."""


def _again(kind: "type[OnetimeError]", message: str, details: Dict[str, Any]) -> OnetimeError:
    return kind(message, **details)


def undecided(call: str, code: str, what: str = "", *, status: Optional[int] = None, retry_after: Optional[int] = None) -> UndecidedError:
    """Returns the error of a call without an answer. what is a word of the platform's, such as ECONNREFUSED."""
    detail = f" ({what})" if what else ""
    return UndecidedError(f"onetimed: {call}: no answer: {code}{detail}", code=code, status=status, retry_after=retry_after)
