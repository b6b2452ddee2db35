"""What nodes and clients of one decree say besides what proposers, acceptors and learners do."""

from __future__ import annotations

from bayou.machine.messages import Message

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.paxos.ballot import Ballot


class DecreeMessage(Message, space="decree"):
    """Base of these messages."""


# What a node is.


class BeNode(DecreeMessage):
    """A node of so many: as many proposers, acceptors and learners, by ascending id. What is unanswered it
    sends again each ``retry_s``. ``is_mortal``: it ends when its first Prepare, proposal or Accepted arrives.
    """

    proposers: int
    acceptors: int
    learners: int
    retry_s: float
    is_mortal: bool = False

    @property
    def nodes(self) -> int:
        """How many nodes there are, with ids from 0."""
        return self.proposers + self.acceptors + self.learners


class BeClient(DecreeMessage):
    """A client of so many ``nodes`` that wants ``value`` decided: it asks the proposer at place ``desired``
    first (modulo how many there are), and the next one each time that one is silent for ``timeout_s``."""

    nodes: int
    value: str
    desired: int
    timeout_s: float


# Between nodes.


class Roles(DecreeMessage):
    """The elected has handed out the roles so."""

    proposers: tuple[int, ...]
    acceptors: tuple[int, ...]
    learners: tuple[int, ...]


class Taken(DecreeMessage):
    """The answer to Roles: I know mine."""


# Between clients and nodes.


class Ask(DecreeMessage):
    """Who proposes, and what is decided? The elected answers the one, learners the other."""


class Proposers(DecreeMessage):
    """The nodes that propose."""

    ids: tuple[int, ...]


class Propose(DecreeMessage):
    """Get this value decided, or find out which one is."""

    value: str


class Proposing(DecreeMessage):
    """The answer to Propose: that is being done."""


class Told(DecreeMessage):
    """This value is decided."""

    value: str


class Watch(DecreeMessage):
    """Tell me of each Accepted that you hear as a learner."""


class Watched(DecreeMessage):
    """A learner has heard that ``acceptor`` accepted ``value`` in ``ballot``."""

    acceptor: int
    ballot: Ballot
    value: str


class Stop(DecreeMessage):
    """End, for good."""


# Orders.


class AwaitValue(DecreeMessage):
    """To a client: say what is decided when you are told. Answered Told."""


class Outlive(DecreeMessage):
    """To a node: whoever gives this order hears of its end, as it is never answered otherwise."""


class Confess(DecreeMessage):
    """To a node: say whether you know, as a learner, what is decided. Answered Told, or Done."""
