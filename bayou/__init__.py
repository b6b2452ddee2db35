"""A weakly consistent replicated store after the Bayou papers (Terry '94, '95, Petersen '97).

``open`` a replica in a program of yours, or ``connect`` to servers; ``bayou.aio`` has both for asyncio. All else
that is here belongs to them.

>>> import bayou
>>> with bayou.open(":memory:") as db:
...     db["notes"]["monday"] = {"text": "buy milk", "done": False}
...     print(db["notes"]["monday"]["text"])
buy milk
"""

from __future__ import annotations

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.core.values import JSON as JSON
    from bayou.library.errors import (
        Error as Error,
        Gap as Gap,
        InUse as InUse,
        LostMemory as LostMemory,
        NotRecentEnough as NotRecentEnough,
        OutcomeUnknown as OutcomeUnknown,
        StorageDamaged as StorageDamaged,
        StorageFull as StorageFull,
        TooOld as TooOld,
        Unavailable as Unavailable,
        WrongCluster as WrongCluster,
        WrongSecret as WrongSecret,
    )
    from bayou.library.records import (
        Change as Change,
        Outcome as Outcome,
        Row as Row,
        SyncReport as SyncReport,
        WriteId as WriteId,
    )
    from bayou.library.replica import Replica as Replica, open as open
    from bayou.library.stores import Collection as Collection, Store as Store

_HOMES = {
    "errors": (
        "Error", "Gap", "InUse", "LostMemory", "NotRecentEnough", "OutcomeUnknown", "StorageDamaged", "StorageFull",
        "TooOld", "Unavailable", "WrongCluster", "WrongSecret",
    ),
    "records": ("Change", "Outcome", "Row", "SyncReport", "WriteId"),
    "replica": ("Replica", "open"),
    "stores": ("Collection", "Store"),
}  # fmt: skip
"""Where names are, each imported when it is first asked for: a scenario of ten commands needs none."""

_HOME = {name: home for home, names in _HOMES.items() for name in names}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'bayou' has no attribute {name!r}")
    from importlib import import_module

    found: object = getattr(import_module(f"bayou.library.{home}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
