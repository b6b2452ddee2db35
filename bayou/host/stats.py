"""What there is to be told of a server that lasts."""

from __future__ import annotations

from time import monotonic

from bayou.core.name import commits
from bayou.net.address import shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Protocol

    from bayou.core.replica import Replica
    from bayou.core.vector import VersionVector
    from bayou.host.home import Home
    from bayou.host.messages import Entry
    from bayou.net.address import Address
    from bayou.node.server import Server
    from bayou.wire.connection import Identity

    class Known(Protocol):
        @property
        def who(self) -> Identity: ...
        @property
        def is_server(self) -> bool: ...
        @property
        def heard_at(self) -> float: ...
        @property
        def stands(self) -> tuple[int, VersionVector] | None: ...

    class Book(Protocol):
        def entries(self) -> tuple[Entry, ...]: ...

    class Told(Protocol):
        """What is looked at of a station."""

        @property
        def machine(self) -> Server: ...
        @property
        def me(self) -> Identity: ...
        @property
        def home(self) -> Home: ...
        @property
        def address(self) -> Address | None: ...
        @property
        def book(self) -> Book: ...
        @property
        def known(self) -> Sequence[Known]: ...


def group_lines(replica: Replica) -> list[str]:
    """Return lines about who commits: the primary; or all of a commit group of several, with the CSN since
    which they do, and where the last decree ends that is here whole."""
    lines = [f"primary {commits(replica.group)}"]
    if len(replica.group) > 1:
        lines += [f"epoch {replica.epoch}", f"boundary {replica.boundary}"]
    return lines


def stats_lines(station: Told) -> tuple[str, ...]:
    """Return lines of a name and what is to be said of it, of a server that is a member."""
    replica, me, now = station.machine.replica, station.me, monotonic()
    known = station.known
    lines = [
        f"name {replica.name}",
        f"cluster {me.cluster}",
        f"file {station.home.place}",
        f"starts {me.starts}",
        f"listens {'nowhere' if station.address is None else shown(station.address)}",
        f"csn {replica.csn}",
        f"tentative {len(replica.log.tentative)}",
        *group_lines(replica),
        f"stage {station.machine.life.stage}",
        f"full {'yes' if station.machine.is_full else 'no'}",
        f"vector_entries {len(replica.vector.names)}",
        f"servers_connected {sum(peer.is_server for peer in known)}",
        f"clients_connected {sum(not peer.is_server for peer in known)}",
    ]
    lines += [f"{what} {size}" for what, size in station.home.sizes().items()]
    lines += [f"needs {name} {version}" for name, version in replica.needs]
    for name, missing in station.machine.lacking:
        lines.append(f"lacks {missing.function} {missing.version} of server {name}")
    lines.append(f"log_held_by {station.machine.log_held_by}")
    for peer in known:
        if peer.is_server and peer.who.name is not None:
            stands = (
                "unheard"
                if peer.stands is None
                else f"csn {peer.stands[0]} lag {replica.csn - peer.stands[0]}"
            )
            lines.append(f"server {peer.who.name} {stands} heard {now - peer.heard_at:.1f} s ago")
    for entry in station.book.entries():
        lines.append(f"address {entry.name} {' '.join(entry.addresses) or 'none'}")
    return tuple(lines)
