"""The commands that decide how much servers keep of the past."""

from __future__ import annotations

from bayou.families.store.fields import CSN, SERVER_ID
from bayou.node.messages import DropIncoming, DropMarks, Fold, Shortened, Truncate
from bayou.script.registry import Registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.families.store.system import StoreSystem

GROUP = "what is kept"

PAST = Registry("store")


@PAST.command(
    "truncateLog",
    ("id", SERVER_ID),
    ("csn", CSN),
    does="lets a server forget its oldest committed writes, those up to that number: its database keeps what "
    "they made, printLog begins behind them, and a server that lacks one of them gets the database instead",
    until="they are gone",
    example="truncateLog 0",
    group=GROUP,
)
def truncate_log(system: StoreSystem, server: int, csn: int | None) -> None:
    _order(system, server, Truncate(csn))


@PAST.command(
    "foldLog",
    ("id", SERVER_ID),
    ("csn", CSN),
    does="lets a server bring the database that it would give to others up to that number; its log stays",
    until="it is",
    example="foldLog 0",
    group=GROUP,
)
def fold_log(system: StoreSystem, server: int, csn: int | None) -> None:
    _order(system, server, Fold(csn))


@PAST.command(
    "dropMarks",
    ("id", SERVER_ID),
    ("csn", CSN),
    does="lets a server forget what was deleted up to that number: who lacks a write up to there gets the "
    "whole database, not what has changed in it",
    until="it has",
    example="dropMarks 0",
    group=GROUP,
)
def drop_marks(system: StoreSystem, server: int, csn: int | None) -> None:
    _order(system, server, DropMarks(csn))


@PAST.command(
    "dropIncoming",
    ("id", SERVER_ID),
    does="lets a server throw away what it has received so far of another one's database",
    until="it is gone",
    example="dropIncoming 0",
    group=GROUP,
)
def drop_incoming(system: StoreSystem, server: int) -> None:
    _order(system, server, DropIncoming())


def _order(system: StoreSystem, server: int, order: Fold | Truncate | DropMarks | DropIncoming) -> None:
    kept = system.ask(server, order, Shortened)
    news = f"the log of server {server} begins after CSN {kept.omitted}, its base is of CSN {kept.base}"
    system.stage.tell(news)
