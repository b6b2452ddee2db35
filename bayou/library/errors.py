"""What can go wrong for a program that uses the store. All are below ``Error``, and say what to do."""

from __future__ import annotations

from bayou.core.errors import BayouError
from bayou.storage import store as storage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


class Error(Exception):
    """Base of all errors of this package that a program may want to catch.

    ValueError and TypeError, for what no row can be, and KeyError, for what is not there, are Python's own.
    """


class Unavailable(Error, TimeoutError):
    """No server has answered in time. Nothing was changed, and the call can be made again."""


class NotRecentEnough(Error):
    """All servers that answer lack something that this session has seen or written, which its guarantees want
    them to have: wait until they have heard of it, or ask for fewer guarantees (Terry '94)."""


class OutcomeUnknown(Error, TimeoutError):
    """A write was sent, and its server is gone since: it may have been carried out or not. Read before you
    write again. ``number``: that of the request within its session."""

    def __init__(self, message: str, number: int = 0) -> None:
        super().__init__(message)
        self.number = number


class StorageFull(Error):
    """There is no room left where the file is, or where that of the server is."""


class StorageDamaged(Error):
    """The file is damaged, or is not one of a replica that can be used as it is."""


class InUse(Error):
    """Another process has the file open."""


class WrongCluster(Error):
    """The server belongs to another cluster."""


class WrongSecret(Error):
    """The secret can't be had, or the server has another one."""


class LostMemory(Error):
    """The file is older than what its replica has told others already: a copy that was put back, say."""


class TooOld(Error):
    """What changed since that CSN is no longer known in full: begin afresh, with ``since=None``."""


class Gap(Error):
    """What is in the file begins after what is known here: something before it has to come first."""


for _error in (
    Error, Unavailable, NotRecentEnough, OutcomeUnknown, StorageFull, StorageDamaged, InUse, WrongCluster,
    WrongSecret, LostMemory, TooOld, Gap,
):  # fmt: skip
    _error.__module__ = "bayou"  # where users find them

_KINDS: tuple[tuple[type[BayouError], type[Error]], ...] = (
    (storage.StorageFull, StorageFull),
    (storage.StorageDamaged, StorageDamaged),
    (storage.StorageForeign, StorageDamaged),
    (storage.LostMemory, LostMemory),
    (storage.InUse, InUse),
)


def public(error: BaseException) -> Error | None:
    """Return what a program is told in the place of an error from within; None where it is for nobody."""
    if isinstance(error, Error):
        return error
    if not isinstance(error, BayouError):
        return None
    from bayou.host.secrets import SecretError

    kinds: tuple[tuple[type[BayouError], type[Error]], ...] = (
        (SecretError, WrongSecret),
        *_KINDS,
    )
    for kind, shown in kinds:
        if isinstance(error, kind):
            return shown(str(error))
    return Error(str(error))


def told(error: BaseException) -> NoReturn:
    """Raise what a program is told in the place of an error."""
    shown = public(error)
    if shown is None or shown is error:
        raise error
    raise shown from error
