"""What to do where many peers, each within its limits, make a node hold too much."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bayou.net.link import Link

HELD_BYTES_MAX = 32 << 20
"""How much may wait in all: for peers to read, or for the rest of a frame."""

PRESSED_BYTES = 32 << 20
CLIENT_BACKLOG_BYTES = 2 << 20
SERVER_BACKLOG_BYTES = 32 << 20
PRESSED_BACKLOG_BYTES = 4 << 20
"""From a peer that lets so much pile up unread, no more is read until it has read; from a server less where
more than PRESSED_BYTES pile up in all. Honest servers stay below: they do not wait for each other."""

LARGE_BYTES = 1 << 20
"""Only what is larger at one connection counts."""

NOTABLE_BYTES = 64 << 10
PERIOD_S = 0.5
UNREAD_LOOKS = 10
UNFINISHED_LOOKS = 2
"""After how many looks, PERIOD_S apart, a peer is stuck that has read nothing, or sent nothing."""


class Pressure:
    """Says from whom no more is to be read for now, and who has to go.

    It looks at all connections each PERIOD_S as long as much goes over one of them. Where all together
    hold too much, those go whose peer has done nothing about it for some looks, those that hold most
    first. Honest peers read, and finish a frame that they began.
    """

    def __init__(self) -> None:
        self.due: float | None = None
        self._unread: dict[Link, int] = {}
        self._unfinished: dict[Link, int] = {}
        self._held_back: dict[Link, None] = {}
        self._sent: dict[Link, tuple[int, int]] = {}
        self._read: dict[Link, tuple[int, int]] = {}

    def weigh_unread(self, link: Link) -> None:
        """Let ``link.is_congested`` tell whether too much waits for the peer to read."""
        backlog = len(link.channel.outgoing)
        if backlog <= LARGE_BYTES:
            self._unread.pop(link, None)
            link.is_congested = False
            return
        self._unread[link] = backlog
        most = CLIENT_BACKLOG_BYTES
        if link.is_server:
            is_pressed = sum(self._unread.values()) > PRESSED_BYTES
            most = PRESSED_BACKLOG_BYTES if is_pressed else SERVER_BACKLOG_BYTES
        link.is_congested = backlog > most

    @property
    def has_unread(self) -> bool:
        """Whether ``weigh_unread`` has found much at any connection."""
        return bool(self._unread)

    def weigh_unfinished(self, link: Link) -> None:
        """Take notice of how much of a frame is there."""
        pending = link.channel.pending_bytes
        if pending > LARGE_BYTES:
            self._unfinished[link] = pending
        else:
            self._unfinished.pop(link, None)

    def choose(self, links: list[Link]) -> list[Link]:
        """Return from whom to read, of all who have something to say: where too much of long frames is there,
        of those only the one that is there for the most part, until it is whole or its peer has to go."""
        if not self._unfinished or sum(self._unfinished.values()) <= HELD_BYTES_MAX:
            return links
        first = max(self._unfinished, key=self._unfinished.__getitem__)
        chosen = [link for link in links if link is first or link not in self._unfinished]
        if len(chosen) < len(links):
            self._held_back.update(dict.fromkeys(links))
        return chosen

    @property
    def is_on(self) -> bool:
        """Whether ``choose`` may leave anybody out."""
        return bool(self._unfinished)

    def forget(self, link: Link) -> None:
        """A connection is gone."""
        self._held_back.pop(link, None)
        for sizes in (self._unread, self._unfinished):
            sizes.pop(link, None)
        for looks in (self._sent, self._read):
            looks.pop(link, None)

    @property
    def is_over(self) -> bool:
        """Whether there is nothing to look at any more."""
        return self.due is None

    def notice(self, now: float) -> None:
        """Much goes over some connection."""
        if self.due is None:
            self.due = now + PERIOD_S

    def look(self, now: float, links: Iterable[Link]) -> list[tuple[Link, str]]:
        """Return who has to go, and why. To be called when it is ``due``."""
        links = list(links)
        unread = _stuck(links, self._sent, lambda link: link.sent_bytes, UNREAD_LOOKS)
        victims = _beyond(unread, self._unread, "for it to read")
        unfinished = _stuck(links, self._read, lambda link: link.read_bytes, UNFINISHED_LOOKS)
        silent = [link for link in unfinished if link not in self._held_back]
        victims += _beyond(silent, self._unfinished, "for the rest of a frame")
        self._held_back.clear()
        self.due = now + PERIOD_S if self._unread or self._unfinished else None
        return victims


def _stuck(
    links: list[Link], before: dict[Link, tuple[int, int]], bytes_of: Callable[[Link], int], looks_max: int
) -> list[Link]:
    """Return the connections with the same count of bytes as at the last looks, and remember this one."""
    stuck = []
    for link in links:
        count, looks = before.get(link, (-1, 0))
        looks = looks + 1 if bytes_of(link) == count else 0
        before[link] = bytes_of(link), looks
        if looks >= looks_max:
            stuck.append(link)
    return stuck


def _beyond(stuck: list[Link], sizes: dict[Link, int], what: str) -> list[tuple[Link, str]]:
    """Return those who have to go for the sum to be within the limit."""
    too_much = sum(sizes.values()) - HELD_BYTES_MAX
    victims = []
    for link in sorted(stuck, key=lambda link: sizes.get(link, 0), reverse=True):
        size = sizes.get(link, 0)
        if too_much <= 0 or not size:
            break
        too_much -= size
        victims.append((link, f"{size} bytes are waiting {what}, and too many in all"))
    return victims
