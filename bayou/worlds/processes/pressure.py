"""Which connections have to go where many peers, each within its limits, make a node hold too much."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bayou.worlds.processes.link import Link

HELD_BYTES_MAX = 64 << 20
"""How much may wait in all: for peers to read, or for the rest of a frame."""

PRESSED_BYTES = 32 << 20
CLIENT_BACKLOG_BYTES = 2 << 20
SERVER_BACKLOG_BYTES = 32 << 20
PRESSED_BACKLOG_BYTES = 4 << 20
"""From a peer that lets so much pile up unread, no more is read until it has read; from a server less where
more than PRESSED_BYTES pile up in all. Honest servers stay below: they do not wait for each other."""

PERIOD_S = 0.5
LARGE_BYTES = 1 << 20
"""Only where so much waits at one connection is the sum worth looking at."""


class Pressure:
    """Says from whom no more is to be read for now, and who has to go.

    It looks at all connections each PERIOD_S as long as one of them holds much. Where all together hold
    too much, those go whose peer has done nothing about it from one look to the next, those that hold
    most first. Honest peers read, and finish a frame that they began.
    """

    def __init__(self) -> None:
        self.due: float | None = None
        self._backlogs: dict[Link, int] = {}
        self._sent: dict[Link, int] = {}
        self._taken: dict[Link, int] = {}

    def weigh(self, link: Link) -> None:
        """Let ``link.is_congested`` tell whether too much waits for the peer to read."""
        backlog = len(link.channel.outgoing)
        if backlog <= LARGE_BYTES:
            self._backlogs.pop(link, None)
            link.is_congested = False
            return
        self._backlogs[link] = backlog
        most = CLIENT_BACKLOG_BYTES
        if link.is_server:
            is_pressed = sum(self._backlogs.values()) > PRESSED_BYTES
            most = PRESSED_BACKLOG_BYTES if is_pressed else SERVER_BACKLOG_BYTES
        link.is_congested = backlog > most

    def forget(self, link: Link) -> None:
        """A connection is gone."""
        self._backlogs.pop(link, None)
        self._sent.pop(link, None)
        self._taken.pop(link, None)

    def notice(self, now: float) -> None:
        """Some connection holds much."""
        if self.due is None:
            self.due = now + PERIOD_S

    def victims(self, now: float, links: Iterable[Link]) -> list[tuple[Link, str]]:
        """Return who has to go, and why, if it is time to look."""
        if self.due is None or now < self.due:
            return []
        links = list(links)
        stuck = {link for link in links if self._sent.get(link) == link.sent_bytes}
        victims = _beyond(links, stuck, lambda link: len(link.channel.outgoing), "for it to read")
        stuck = {link for link in links if self._taken.get(link) == link.channel.frames_taken}
        victims += _beyond(links, stuck, lambda link: link.channel.pending_bytes, "for the rest of a frame")
        self._sent = {link: link.sent_bytes for link in links}
        self._taken = {link: link.channel.frames_taken for link in links}
        if any(max(len(link.channel.outgoing), link.channel.pending_bytes) > LARGE_BYTES for link in links):
            self.due = now + PERIOD_S
        else:
            self.due = None
            self._sent.clear()
            self._taken.clear()
        return victims


def _beyond(
    links: list[Link], stuck: set[Link], size_of: Callable[[Link], int], what: str
) -> list[tuple[Link, str]]:
    """Return those who have to go for the sum to be within the limit."""
    too_much = sum(map(size_of, links)) - HELD_BYTES_MAX
    victims = []
    for link in sorted(stuck, key=size_of, reverse=True):
        if too_much <= 0:
            break
        size = size_of(link)
        too_much -= size
        victims.append((link, f"{size} bytes are waiting {what}, and too many in all"))
    return victims
