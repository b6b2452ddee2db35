"""Messages of a log that go to one server at the same time, as few: values in many slots cost one message,
and one write to the disk of who receives it.

A server that runs freely holds such messages until it has taken in all that its sockets had for it.
"""

from __future__ import annotations

from bayou.families.log.messages import Accepteds, Accepts, Decides
from bayou.paxos.log.messages import Accept, Accepted, Decide

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from bayou.machine.messages import Message

    Send = tuple[int, Message]
    Bundled = Accept | Accepted | Decide

KINDS = (Accept, Accepted, Decide)
BUNDLE_MAX = 64


def bundle(sends: Iterable[Send]) -> list[Send]:
    """Return sends of these KINDS as fewer that say the same, in the same order for each server."""
    runs: dict[int, list[list[Bundled]]] = {}
    for peer, message in sends:
        of_peer = runs.setdefault(peer, [])
        if isinstance(message, KINDS):
            if not of_peer or not _continues(of_peer[-1], message):
                of_peer.append([])
            of_peer[-1].append(message)
    made: list[Send] = []
    before: list[list[Bundled]] = []
    for peer, of_peer in runs.items():
        if of_peer == before:  # what is said to several servers is one message, to be packed once
            made += [(peer, message) for _, message in made[-len(of_peer) :]]
        else:
            made += [(peer, _made_of(run)) for run in of_peer]
        before = of_peer
    return made


def _continues(run: list[Bundled], message: Bundled) -> bool:
    last = run[-1]
    return type(last) is type(message) and last.ballot == message.ballot and len(run) < BUNDLE_MAX


def _made_of(run: list[Bundled]) -> Message:
    first = run[0]
    if len(run) == 1:
        return first
    slots = tuple([message.slot for message in run])
    if isinstance(first, Accepted):
        return Accepteds(first.ballot, slots)
    if isinstance(first, Decide):
        return Decides(first.ballot, slots)
    values = tuple([message.value for message in run if isinstance(message, Accept)])
    return Accepts(first.ballot, slots, values)


def unbundle(message: Message) -> list[Message]:
    """Return the messages that this one stands for."""
    if isinstance(message, Accepts):
        pairs = zip(message.slots, message.values, strict=False)
        return [Accept(message.ballot, slot, value) for slot, value in pairs]
    if isinstance(message, Accepteds):
        return [Accepted(message.ballot, slot) for slot in message.slots]
    if isinstance(message, Decides):
        return [Decide(message.ballot, slot) for slot in message.slots]
    return [message]
