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
    """The parts of snapshots that have come so far. Those of two senders never mix, and none is in the way of
    the other: of each its latest snapshot is collected, until one of them is complete."""

    def __init__(self) -> None:
        self._parts: dict[int, tuple[int, int, list[str]]] = {}  # slot, length so far, pieces

    def ask(self, sender: int) -> tuple[int | None, int]:
        """Return the slot of the snapshot that is on its way from ``sender``, and how much of it is here."""
        slot, length, _ = self._parts.get(sender, (None, 0, []))
        return slot, length

    def take(self, sender: int, part: SnapshotPart) -> bool:
        """Take a part; return whether it is the one that was due, and not an echo, or of an earlier one."""
        slot, length, pieces = self._parts.get(sender, (-1, 0, []))
        if part.start == 0 and part.slot > slot:
            slot, length, pieces = part.slot, 0, []
        if (part.slot, part.start) != (slot, length) or not part.piece:
            return False
        pieces.append(part.piece)
        self._parts[sender] = slot, length + len(part.piece), pieces
        return True

    def whole(self, sender: int, size: int) -> Snapshot | None:
        """Return the snapshot that came from ``sender`` if it is complete, at ``size`` characters."""
        slot, length, pieces = self._parts.get(sender, (None, 0, []))
        if slot is None or length < size:
            return None
        self._parts.clear()
        return Snapshot(slot, "".join(pieces))
