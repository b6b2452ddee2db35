"""What sessions of one process share: the connections to servers, and who turns them."""

from __future__ import annotations

import os
from threading import Lock
from time import monotonic

from bayou.host.switchboard import Switchboard
from bayou.library.errors import (
    Error,
    NotRecentEnough,
    OutcomeUnknown,
    StorageFull,
    Unavailable,
    WrongSecret,
    told,
)
from bayou.library.reaching import unreachable
from bayou.library.turner import Turner
from bayou.node.messages import Lacking
from bayou.node.using import NO_ROOM_ANYWHERE, NOT_RECENT, OUTCOME_UNKNOWN, NotUsed, Used

TYPE_CHECKING = False
if TYPE_CHECKING:
    from os import PathLike

    from bayou.machine.messages import Message
    from bayou.node.messages import Reply

    Key = tuple[int, tuple[str, ...], bytes, tuple[str, str, str] | None, str]
    Paths = tuple[str | PathLike[str], str | PathLike[str], str | PathLike[str]]


class Hub(Turner):
    """One switchboard, and how many sessions use it."""

    def __init__(self, board: Switchboard, key: Key) -> None:
        super().__init__(board)
        self.board = board
        self.key = key
        self.count = 1

    def reach(self, timeout_s: float) -> None:
        """See to it that a server is connected. Unavailable, WrongSecret, WrongCluster where that can't be
        had."""
        board, until = self.board, monotonic() + timeout_s
        self.act(lambda: board.want(True))
        try:
            self.wait(lambda: bool(board.servers) or board.is_hopeless, until)
            if not self.act(lambda: bool(board.servers)):
                raise unreachable(board.failures, within_s=timeout_s)
        finally:
            self.act(lambda: board.want(False))

    def leave(self) -> None:
        """A session is closed: the last one closes the connections."""
        with _LOCK:
            self.count -= 1
            is_last = self.count == 0
            if is_last and _HUBS.get(self.key) is self:
                del _HUBS[self.key]
        if is_last:
            self.close()


_LOCK = Lock()
_HUBS: dict[Key, Hub] = {}


def key_of(addresses: tuple[str, ...], secret: bytes, tls: Paths | None, cluster: str) -> Key:
    """Return what sessions have in common that share connections. One process shares none with another."""
    paths = None if tls is None else tuple(map(os.fsdecode, tls))
    if paths is not None and len(paths) != 3:
        raise ValueError("tls is the paths of a certificate, its key, and that of the authority")
    return os.getpid(), addresses, secret, paths, cluster


def make_board(key: Key) -> Switchboard:
    """Return a switchboard that is connected with nobody yet."""
    _, addresses, secret, paths, cluster = key
    tls = None
    if paths is not None:
        from bayou.net.tls import Tls

        try:
            tls = Tls(*paths)
        except Exception as error:
            told(error)
    return Switchboard(addresses, secret, tls=tls, cluster=cluster)


def hub_for(key: Key) -> Hub:
    """Return the hub that sessions with this key share; ``leave`` it once."""
    with _LOCK:
        hub = _HUBS.get(key)
        if hub is not None:
            hub.count += 1
            return hub
        hub = _HUBS[key] = Hub(make_board(key), key)
        return hub


def secret_for(secret: str | PathLike[str] | bytes | None) -> bytes:
    """Return the secret to dial with. WrongSecret where there is none."""
    from bayou.library.reaching import given_secrets

    if secret is None:
        raise WrongSecret(
            "servers want to know that one knows their secret: name its file, secret=PATH (bayou serve has "
            "made it beside its own)"
        )
    try:
        return given_secrets(secret)[0]
    except Error:
        raise
    except Exception as error:
        told(error)


def reply_of(found: Message, timeout_s: float, failures: dict[str, str]) -> Reply | None:
    """Return what a server has replied; the error for what it could not do."""
    if isinstance(found, Used):
        return found.reply
    if not isinstance(found, NotUsed):
        raise Error(f"a session can't do that: {getattr(found, 'why', found)}")
    if found.why == OUTCOME_UNKNOWN:
        raise OutcomeUnknown(
            f"request {found.number} was sent, and not answered within {timeout_s:g} s: it may have been "
            "carried out or not; read before you write again",
            found.number,
        )
    if found.why == NO_ROOM_ANYWHERE:
        raise StorageFull("the servers have too little room to take writes: make room where they run")
    if found.why == NOT_RECENT:
        raise NotRecentEnough(
            f"{_shown(found.lacking)}: try again later, connect to a server that has it, or ask for fewer "
            "guarantees"
        )
    if failures:
        raise unreachable(failures)
    raise Unavailable(f"no server has answered within {timeout_s:g} s: do they run, and is there a network?")


def _shown(lacking: Reply | None) -> str:
    """Say what a server lacks."""
    if not isinstance(lacking, Lacking):
        return "no server that answers has all that this session has seen or written"
    if lacking.server is None:
        return (
            f"no server that answers has reached CSN {lacking.stamp}"
            if lacking.stamp
            else ("the server that answers has retired")
        )
    return (
        f"no server that answers has the write {lacking.stamp}@{lacking.server}, which this session has seen "
        "or made"
    )
