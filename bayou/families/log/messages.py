"""What clients and servers of a log say to each other, and what the master says to both."""

from __future__ import annotations

from bayou._record import Record
from bayou.machine.messages import Message
from bayou.paxos.log.messages import Decree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.paxos.ballot import Ballot
    from bayou.paxos.log.messages import LogValue

__all__ = ["Decree"]


class ServiceMessage(Message, space="service"):
    """Base of the messages of this room."""


# What each tells of itself when it is connected.


class Server(ServiceMessage):
    """I am a server of the log."""


class Client(ServiceMessage):
    """I am this client; ``watches``: I want to be told everything that is decided."""

    client: int
    watches: bool = True


# Between servers: several messages of the log in one (bayou.families.log.bundles).


class Bundle(ServiceMessage):
    """Base of these."""


class Accepts(Bundle):
    """An Accept for each of these slots, of these values."""

    ballot: Ballot
    slots: tuple[int, ...]
    values: tuple[LogValue, ...]


class Accepteds(Bundle):
    """An Accepted for each of these slots."""

    ballot: Ballot
    slots: tuple[int, ...]


class Decides(Bundle):
    """A Decide for each of these slots."""

    ballot: Ballot
    slots: tuple[int, ...]


# A client to a server.


class Submit(ServiceMessage):
    """Have my command ``number`` carried out; ``since``: the first slot that I did not know when I first said
    so."""

    number: int
    since: int
    text: str


class Knows(ServiceMessage):
    """I know all slots below ``first`` decided, and those ``above``: tell me more, if you know more. Of the
    snapshot of slot ``slot`` I have the first ``start`` characters."""

    first: int
    above: tuple[int, ...]
    slot: int | None = None
    start: int = 0


# A server to a client.


class Told(ServiceMessage):
    """This is decided, and here all slots below ``first`` are known; what do you know?"""

    decrees: tuple[Decree, ...]
    first: int


class Answered(ServiceMessage):
    """Your command ``number`` has been applied, in this slot."""

    number: int
    slot: int


class TooOld(ServiceMessage):
    """Your command ``number`` comes too late: nobody knows whether it was applied long ago."""

    number: int


class Redirect(ServiceMessage):
    """I don't lead; ``leader`` does, as far as I have heard lately, None where I have not."""

    number: int
    leader: int | None


class Rested(ServiceMessage):
    """What came of your command ``number`` has come to rest: all to whom I am connected know all that I
    know."""

    number: int


# The master to a server.


class BeServer(ServiceMessage):
    """What a node is: a server of a log, whose members are ``servers``. ``heartbeat_s`` and ``election_s``
    are None where the master orders each step; ``retry_s``: when to say again what was not answered.

    Where nobody orders anything: ``leads_first``: it tries to lead at once, where it is new; ``skips``: which
    slots it leaves empty when it leads for the first time; ``snapshot_every``: see LogOptions."""

    servers: tuple[int, ...]
    heartbeat_s: float | None
    election_s: float | None
    retry_s: float
    window: int = 1000
    snapshot_every: int | None = None
    leads_first: bool = False
    skips: tuple[int, ...] = ()


class Lead(ServiceMessage):
    """Take over, once all these servers have promised. Answered AtRest when nothing more moves."""

    live: tuple[int, ...]


class Spread(ServiceMessage):
    """See that all to whom you are connected know what you know. Answered AtRest then."""


class AtRest(ServiceMessage):
    """Nothing more moves here; all slots below ``first`` are decided."""

    first: int


class Plant(ServiceMessage):
    """Crash after so many more Accepts and Decides have been sent. Answered Done."""

    count: int


class SkipSlots(ServiceMessage):
    """Leave these slots empty, as long as you lead. Answered Skipped."""

    slots: tuple[int, ...]


class Skipped(ServiceMessage):
    """All slots are left empty but those ``refused``, which are used; ``is_leader``: whether I lead at
    all."""

    refused: tuple[int, ...]
    is_leader: bool = True


class Stand(ServiceMessage):
    """Say how you stand, as soon as that is not ``known`` any more (whose outcomes do not count); answered
    Standing. ``is_coarse``: a client need not speak up for slots alone, which it has got to know. What came
    of its commands in slots up to ``heard`` it need not tell again."""

    known: Message | None = None
    is_coarse: bool = False
    heard: int = -1


class Outcome(Record):
    """What came of a client's own command, applied in a slot, in words of the service."""

    slot: int
    number: int
    words: str


class Standing(ServiceMessage):
    """How a node stands: what it knows decided; of a server the highest ballot in which somebody was heard to
    lead; of a client the number of the last command that it was told to say, of the last one delivered,
    whether the one after that is known to be decided above a gap, and what came of its commands, as far as
    nobody has said to have heard that."""

    first: int
    above: tuple[int, ...]
    ballot: Ballot | None = None
    said: int = 0
    delivered: int = 0
    is_held_back: bool = False
    outcomes: tuple[Outcome, ...] = ()


class TellLeaders(ServiceMessage):
    """In which ballots has somebody led, as far as you heard since you were started? Answered Leaders."""


class Leaders(ServiceMessage):
    """Number and node of each of these ballots, one after another."""

    ballots: tuple[int, ...]


# The master to a client; Read also to a server.


class BeClient(ServiceMessage):
    """What a node is: a client of a log. ``is_free``: whether it sends what it is to say by itself."""

    client: int
    is_free: bool
    retry_s: float


class Say(ServiceMessage):
    """Have this carried out, after all that you were told before. Answered Said."""

    text: str


class Said(ServiceMessage):
    """It bears this number."""

    number: int


class Offer(ServiceMessage):
    """Send your first command that is not delivered to this server. Answered Offered."""

    to: int


class Offered(ServiceMessage):
    """Everything has come to rest, or, if ``is_lost``, the server is gone; ``standing``: how I stand."""

    is_lost: bool
    standing: Message


class Read(ServiceMessage):
    """Print what you know, from line ``start`` on. Answered Page."""

    start: int


class Page(ServiceMessage):
    """Some lines, and how many there are in all."""

    lines: tuple[str, ...]
    total: int
