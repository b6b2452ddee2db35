"""What a program wants of its sessions, and what comes of it: see bayou.node.sessions."""

from __future__ import annotations

from bayou._record import Record
from bayou.machine.messages import Message

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.core.name import Name
    from bayou.node.messages import Ask, Reply

UNAVAILABLE = "unavailable"
NOT_RECENT = "not recent enough"
NO_ROOM_ANYWHERE = "no room"
OUTCOME_UNKNOWN = "outcome unknown"
"""Why something could not be done: no server has answered in time; all that did were refused by the session's
guarantees; all that did have no room on their disks; or one may have carried it out, and did not say."""


class Use(Message):
    """Ask this in a session, within ``timeout_s`` seconds, beside those for which the ask itself waits."""

    session: int
    ask: Ask
    timeout_s: float


class Used(Message):
    """The reply, and the name of the server that gave it."""

    reply: Reply | None
    server: Name


class NotUsed(Message):
    """It could not be done, and why. ``lacking``: what the last server lacked that was refused; ``number``:
    that of the last request, 0 where there was none."""

    why: str
    lacking: Reply | None
    number: int


class Wish(Record):
    """A connection that is wanted: to the server called ``name`` or, where that is None, to any but those in
    ``avoid``."""

    name: Name | None
    avoid: tuple[Name, ...] = ()
