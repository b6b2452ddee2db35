"""Snapshots: all that the slots below one came to, as one text, and how it travels in parts."""

from __future__ import annotations

from bayou.core.errors import BayouError
from bayou.paxos.log.messages import Ask, SnapshotPart
from bayou.paxos.log.records import Snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from bayou.paxos.log.clients import Clients
    from bayou.paxos.log.membership import Membership


class Content:
    """What is in a snapshot: the service's ``state``; ``clients``, as (client, number, slot) each; ``lists``
    of members, in force and to come, as (slot, members) each; ``known``: all who were ever members."""

    def __init__(
        self,
        state: str,
        clients: Sequence[tuple[int, int, int]],
        lists: Sequence[tuple[int, Sequence[int]]],
        known: Sequence[int],
    ) -> None:
        self.state = state
        self.clients = clients
        self.lists = lists
        self.known = known


def pack(state: str, clients: Clients, membership: Membership) -> str:
    """Return the text of a snapshot."""
    from json import dumps  # takes a while to import, and is seldom needed

    content = [state, clients.entries, membership.lists, list(membership.known)]
    return dumps(content, separators=(",", ":"))


def unpack(text: str) -> Content:
    """Return what is in a snapshot; BayouError where the text is none."""
    from json import loads

    try:
        state, clients, lists, known = loads(text)
        return Content(
            str(state),
            [(int(client), int(number), int(slot)) for client, number, slot in clients],
            [(int(since), tuple(map(int, members))) for since, members in lists],
            list(map(int, known)),
        )
    except (TypeError, ValueError) as error:
        raise BayouError(f"this is the text of no snapshot ({error})") from error


def part_for(snapshot: Snapshot, ask: Ask, size_max: int) -> SnapshotPart:
    """Return the part that comes next for who asked."""
    start = ask.start if ask.slot == snapshot.slot and 0 <= ask.start < len(snapshot.text) else 0
    return SnapshotPart(snapshot.slot, len(snapshot.text), start, snapshot.text[start : start + size_max])


class Collecting:
    """The parts of a snapshot that have come so far, all from one server: those of two never mix."""

    def __init__(self) -> None:
        self.slot: int | None = None
        self._sender = -1
        self._pieces: list[str] = []
        self._length = 0

    def ask(self, sender: int) -> tuple[int | None, int]:
        """Return the slot of the snapshot that is on its way from ``sender``, and how much of it is here."""
        return (self.slot, self._length) if sender == self._sender else (None, 0)

    def take(self, sender: int, part: SnapshotPart) -> Snapshot | None:
        """Take a part; return the snapshot once it is complete."""
        if part.start == 0 and (sender, part.slot) != (self._sender, self.slot):
            self.slot, self._sender, self._pieces, self._length = part.slot, sender, [], 0
        if (sender, part.slot, part.start) != (self._sender, self.slot, self._length) or not part.piece:
            return None  # an echo, or a part of another one
        self._pieces.append(part.piece)
        self._length += len(part.piece)
        if self._length < part.size:
            return None
        snapshot = Snapshot(part.slot, "".join(self._pieces))
        self.clear()
        return snapshot

    def clear(self) -> None:
        """Forget what has come."""
        self.slot, self._sender, self._pieces, self._length = None, -1, [], 0
