"""A client of onetimed: proves that a person holds an inbox, a phone or a link."""

from ._client import Admin, Onetime
from ._document import (
    AdminStatusOut,
    Channel,
    CheckOut,
    Client,
    Delivery,
    ExplainOut,
    Flaw,
    InspectOut,
    IntrospectOut,
    Kind,
    PendingOut,
    StartOut,
    StatusOut,
)
from ._errors import OnetimeError, RefusedError, UndecidedError

__all__ = [
    "Admin",
    "AdminStatusOut",
    "Channel",
    "CheckOut",
    "Client",
    "Delivery",
    "ExplainOut",
    "Flaw",
    "InspectOut",
    "IntrospectOut",
    "Kind",
    "Onetime",
    "OnetimeError",
    "PendingOut",
    "RefusedError",
    "StartOut",
    "StatusOut",
    "UndecidedError",
]
