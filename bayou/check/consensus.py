"""The promises of a consensus log, checked on the events of a trace: what it says of servers and clients, of
records and of messages.

Events of one server are in order; those of different servers are where the trace says that they are
(``in_order`` of ``started``). Events told again after a crash count once.
"""

from __future__ import annotations

from bayou.check.ballots import Ballots
from bayou.check.decrees import Decrees
from bayou.check.deliveries import Deliveries
from bayou.check.history import HistoryError
from bayou.check.verdict import Verdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bayou.check.decrees import Event

RULES = {
    "agreement": "each slot has one value, for ever",
    "validity": "every value is a no-op, a list of members, or something that a client sent",
    "at most once": "no command is applied twice",
    "client order": "each client's commands are applied in the order of their numbers",
    "one log": "every view, and what every server has applied, is a prefix of one log",
    "acknowledged": "what is acknowledged is in the log and in every view at rest; nothing sent is lost",
    "answers": "a command is answered by a server that has applied it, with its slot",
    "ballots": "a ballot has one value for a slot, one server and one use",
    "records": "nothing is said before it is durable, and nothing below an earlier promise",
    "promises": "a promise tells all that was accepted, and nothing else",
    "proposals": "a value is proposed once a majority of the slot's members promised, and is the last that "
    "they had accepted",
    "majorities": "a slot is decided by a majority of its members, in one ballot",
    "members": "members change a window after their slot, and are told once they have what came before",
    "level": "at rest all members are equal",
}


def judge(events: Iterable[Event]) -> dict[str, Verdict]:
    """Return the verdict of each rule on the events of a trace; HistoryError where an event has not the form
    that it should have."""
    history = list(events)
    verdicts = {rule: Verdict() for rule in RULES}
    at = 0
    try:
        decrees = Decrees(history)
        looks = (Ballots(decrees, verdicts), Deliveries(decrees, verdicts))
        handlers: dict[str, list[Callable[[int, Event], None]]] = {}
        for look in looks:
            for kind, handler in look.handlers.items():
                handlers.setdefault(kind, []).append(handler)
        for at, event in enumerate(history, start=1):
            for handle in handlers.get(event["event"], ()):
                handle(at, event)
        for look in looks:
            look.end()
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise HistoryError(f"event {at} can't be read: {type(error).__name__}: {error}") from error
    return verdicts
