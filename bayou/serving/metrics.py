"""What a server counts, as Prometheus reads it, and whether it lives and is ready."""

from __future__ import annotations

from time import monotonic, time

from bayou.core.items import Items
from bayou.machine.effects import Received
from bayou.node.messages import NO_ROOM, OK, Answer, AntiEntropy, BaseRows, Written

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from bayou.host.station import Station
    from bayou.machine.effects import Effects, Input
    from bayou.machine.records import Durable

SECONDS = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
WRITES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 1024)


class Histogram:
    """How often which values came: ``bounds`` are the upper ends, the last of which is followed by all
    others."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def add(self, value: float) -> None:
        """Count a value."""
        at = 0
        while at < len(self._bounds) and value > self._bounds[at]:
            at += 1
        self._counts[at] += 1
        self._sum += value

    def lines(self, name: str, about: str) -> list[str]:
        """Return the lines that tell of it."""
        lines, total = [f"# HELP {name} {about}", f"# TYPE {name} histogram"], 0
        for bound, count in zip((*self._bounds, "+Inf"), self._counts, strict=True):
            total += count
            lines.append(f'{name}_bucket{{le="{bound}"}} {total}')
        return [*lines, f"{name}_sum {self._sum:.6f}", f"{name}_count {total}"]


class Metrics:
    """Counts what a station does; an Observer of it."""

    def __init__(self) -> None:
        self._counts = dict.fromkeys(
            (
                "puts", "gets", "refused", "no_room", "commits", "exchanges", "items_received", "items_sent",
                "base_chunks_received", "base_chunks_sent",
            ),
            0,
        )  # fmt: skip
        self._seconds = Histogram(SECONDS)
        self._writes = Histogram(WRITES)

    def stepped(self, given: Input, effects: Effects) -> None:
        """An input was processed, and brought this about."""
        counts = self._counts
        for _, message in effects.sends:
            if isinstance(message, Answer):
                counts[_kind(message)] += 1
            elif isinstance(message, AntiEntropy):
                counts["items_sent"] += len(message.items)
            elif isinstance(message, BaseRows):
                counts["base_chunks_sent"] += 1
        if not isinstance(given, Received):
            return
        if isinstance(given.message, AntiEntropy):
            counts["items_received"] += len(given.message.items)
            counts["exchanges"] += given.message.end is not None
        elif isinstance(given.message, BaseRows):
            counts["base_chunks_received"] += 1

    def kept(self, records: Sequence[Durable], seconds: float) -> None:
        """That was made durable, and took so long."""
        writes = 0
        for record in records:
            if isinstance(record, Items):
                writes += len(record)
                self._counts["commits"] += len(record.committed)
        self._seconds.add(seconds)
        self._writes.add(writes)

    # The pages.

    def respond(self, station: Station, path: str) -> tuple[int, str]:
        """Return the status and text of a page: /metrics, /live or /ready."""
        if path == "/live":
            return 200, "it lives\n"
        if path == "/ready":
            why = not_ready(station)
            return (200, "it is ready\n") if why is None else (503, f"{why}\n")
        if path == "/metrics":
            return 200, "\n".join(self._lines(station)) + "\n"
        return 404, "there are /metrics, /live and /ready\n"

    def _lines(self, station: Station) -> list[str]:
        lines = []
        for name, count in self._counts.items():
            lines += _metric(f"bayou_{name}_total", "counter", ABOUT[name], count)
        read, sent = station.network.traffic_bytes
        lines += _metric("bayou_read_bytes_total", "counter", "bytes that came over connections", read)
        lines += _metric("bayou_sent_bytes_total", "counter", "bytes sent over connections", sent)
        lines += self._seconds.lines("bayou_transaction_seconds", "how long transactions take")
        lines += self._writes.lines("bayou_transaction_writes", "how many writes or commitments share one")
        lines += _metric("bayou_starts", "gauge", "how often this server was started", station.me.starts)
        lines += _connections(station)
        for name, size in station.home.sizes().items():
            lines += _metric(f"bayou_{name}", "gauge", ABOUT_SIZES.get(name, name), size)
        if station.machine.is_member:
            lines += _replica(station)
        return lines


ABOUT = {
    "puts": "writes of clients that were accepted",
    "gets": "reads of clients that were answered",
    "refused": "requests that the session's guarantees forbade",
    "no_room": "writes that were refused for want of room",
    "commits": "writes committed here",
    "exchanges": "exchanges received to their end",
    "items_received": "writes and commit notices that came from other servers",
    "items_sent": "writes and commit notices sent to other servers",
    "base_chunks_received": "parts of a base that came from other servers",
    "base_chunks_sent": "parts of the base sent to other servers",
}
ABOUT_SIZES = {
    "file_bytes": "size of the file",
    "wal_bytes": "size of the write-ahead log of SQLite",
    "log_entries": "committed writes that are kept in the log",
    "unfolded": "committed writes that are not in the base yet",
    "rows": "rows of the base",
}


def not_ready(station: Station) -> str | None:
    """Return why a server should be sent no clients, None where it may be."""
    if not station.machine.is_active:
        return "it is no member of its cluster"
    if station.is_in_doubt:
        return "it waits for other servers, as it was not ended in good order"
    if station.machine.is_full:
        return "there is no room for writes"
    return "it is about to end" if station.is_stopping else None


def _kind(answer: Answer) -> str:
    if answer.verdict != OK:
        return "no_room" if answer.verdict == NO_ROOM else "refused"
    return "puts" if isinstance(answer.reply, Written) else "gets"


def _metric(name: str, kind: str, about: str, value: float) -> list[str]:
    return [f"# HELP {name} {about}", f"# TYPE {name} {kind}", f"{name} {value}"]


def _connections(station: Station) -> list[str]:
    servers = sum(peer.is_server for peer in station.known)
    states = {
        "server": servers,
        "client": len(station.known) - servers,
        "handshake": station.network.handshakes,
    }
    lines = [
        "# HELP bayou_connections connections by what is at their other end",
        "# TYPE bayou_connections gauge",
    ]
    return lines + [f'bayou_connections{{state="{state}"}} {count}' for state, count in states.items()]


def _replica(station: Station) -> list[str]:
    replica, now = station.machine.replica, monotonic()
    ahead_s = max(0.0, replica.clock.now / 1e6 - time())
    lines = _metric("bayou_csn", "gauge", "the CSN of the last committed write", replica.csn)
    lines += _metric("bayou_tentative", "gauge", "tentative writes", len(replica.log.tentative))
    lines += _metric("bayou_primary", "gauge", "1 where this server commits", int(replica.is_primary))
    if len(replica.group) > 1:
        about = "1 where this server is in the commit group"
        lines += _metric("bayou_group_member", "gauge", about, int(replica.is_in_group))
        lines += _metric("bayou_group_members", "gauge", "servers in the commit group", len(replica.group))
        lines += _metric("bayou_epoch", "gauge", "since which CSN the commit group commits", replica.epoch)
        lines += _metric("bayou_boundary", "gauge", "the CSN at which the last decree ends", replica.boundary)
    lines += _metric(
        "bayou_stamps_ahead_seconds", "gauge", "how far the largest stamp is ahead of the clock here", ahead_s
    )
    lag, heard = [], []
    for peer in station.known:
        if peer.is_server and peer.who.name is not None and peer.stands is not None:
            label = f'{{server="{peer.who.name}"}}'
            lag.append(f"bayou_lag{label} {replica.csn - peer.stands[0]}")
            heard.append(f"bayou_heard_seconds{label} {now - peer.heard_at:.3f}")
    lines += ["# HELP bayou_lag by how many commitments a server is behind", "# TYPE bayou_lag gauge", *lag]
    return [
        *lines,
        "# HELP bayou_heard_seconds how long ago a server last told where it stands",
        "# TYPE bayou_heard_seconds gauge",
        *heard,
    ]
