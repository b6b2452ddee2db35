"""What goes into a server of a log, and what it tells whoever drives it."""

from __future__ import annotations

from bayou._record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.machine.messages import Message


class Input(Record):
    """Base of the inputs."""


class Received(Input):
    """A message has come. It may come late, more than once or not at all."""

    sender: int
    message: Message


class ReceivedTogether(Input):
    """Several Accepts, Accepteds or Decides have come from one server, all of one kind and in one ballot: as
    one Received after another, at the cost of one step."""

    sender: int
    messages: tuple[Message, ...]


class LinkUp(Input):
    """The server ``peer`` can be reached."""

    peer: int


class LinkDown(Input):
    """The server ``peer`` can't be reached any more: as far as it led, that is silence."""

    peer: int


class Submit(Input):
    """A client wants a command carried out; see bayou.paxos.log.messages.Command. May be said again."""

    client: int
    number: int
    since: int
    command: str


class ChangeMembers(Input):
    """Let these servers be the members, from a window after the slot in which that is decided."""

    members: tuple[int, ...]


class BecomeLeader(Input):
    """Take over, once all these servers have promised, and a majority."""

    live: tuple[int, ...] = ()


class Skip(Input):
    """Leave these slots empty, as long as you lead."""

    slots: tuple[int, ...]


class SnapshotTaken(Input):
    """The service's state as of all slots below ``slot``, which TakeSnapshot asked for."""

    slot: int
    state: str


class Resend(Input):
    """Send again what is unanswered, and tell how much you know decided."""


class Tick(Input):
    """Time has passed: the server asked to be woken at ``wake_at``."""


class Answer(Record):
    """Base of the answers."""


class Chosen(Answer):
    """This value is decided in this slot; told in any order, once."""

    slot: int
    value: Message


class Applied(Answer):
    """The service is to carry out this command now: told in the order of slots, at most once for a client's
    number."""

    slot: int
    client: int
    number: int
    command: str


class Done(Answer):
    """A command of a client, whom this server tells, has been applied in this slot."""

    client: int
    number: int
    slot: int


class Refused(Answer):
    """A command of a client is too old: nobody knows any more whether it was applied, long ago."""

    client: int
    number: int


class NotLeader(Answer):
    """To a Submit or ChangeMembers: this server does not lead. ``leader`` does, as far as it has heard
    lately; None where it has not."""

    leader: int | None


class Rejected(Answer):
    """To ChangeMembers or Skip: not done, or not for these ``slots``, as they are used already."""

    why: str
    slots: tuple[int, ...] = ()


class LeaderChanged(Answer):
    """As far as this server knows, ``leader`` leads now; None: nobody."""

    leader: int | None


class MembersInForce(Answer):
    """These are the members from ``slot`` on, and a majority of them has all that came before: those who are
    no members any more can be switched off."""

    slot: int
    members: tuple[int, ...]


class TakeSnapshot(Answer):
    """The service is to tell, by SnapshotTaken, what it has come to: all slots below ``slot`` are applied."""

    slot: int


class Install(Answer):
    """The service is to take this state in place of its own: all slots below ``slot`` are applied in it."""

    slot: int
    state: str
