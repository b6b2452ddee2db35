"""A weakly consistent replicated store after the Bayou papers (Terry '94, '95, Petersen '97).

``open`` a replica in a program of yours, or ``connect`` to servers; ``bayou.aio`` has both for asyncio. All
else that is here belongs to them.

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
    from bayou import aio
    from bayou.core.functions import Unfit, View, merge
    from bayou.core.values import JSON
    from bayou.library.errors import (
        Error,
        Gap,
        InUse,
        LostMemory,
        NotRecentEnough,
        OutcomeUnknown,
        StorageDamaged,
        StorageFull,
        TooOld,
        Unavailable,
        WrongCluster,
        WrongSecret,
    )
    from bayou.library.records import Change, Conflict, Outcome, Row, SyncReport, WriteId
    from bayou.library.replica import Replica, open
    from bayou.library.session import Session, connect
    from bayou.library.stores import Collection, Store
    from bayou.library.writes import Write

__all__ = [
    "JSON", "Change", "Collection", "Conflict", "Error", "Gap", "InUse", "LostMemory", "NotRecentEnough",
    "Outcome", "OutcomeUnknown", "Replica", "Row", "Session", "StorageDamaged", "StorageFull", "Store",
    "SyncReport", "TooOld", "Unavailable", "Unfit", "View", "Write", "WriteId", "WrongCluster",
    "WrongSecret", "aio", "connect", "merge", "open",
]  # fmt: skip

_HOMES = {
    "core.functions": ("Unfit", "View", "merge"),
    "core.values": ("JSON",),
    "library.records": ("Change", "Conflict", "Outcome", "Row", "SyncReport", "WriteId"),
    "library.replica": ("Replica", "open"),
    "library.session": ("Session", "connect"),
    "library.stores": ("Collection", "Store"),
    "library.writes": ("Write",),
}
"""Where names are, but errors. Each is imported when it is first asked for: most commands need none."""


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'bayou' has no attribute {name!r}")
    from importlib import import_module

    if name == "aio":
        return import_module("bayou.aio")
    homes = [home for home, names in _HOMES.items() if name in names]
    found: object = getattr(import_module(f"bayou.{(homes or ['library.errors'])[0]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
