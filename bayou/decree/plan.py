"""What a decree is to be like: how many nodes in which roles, who wants what, whom to kill."""

from __future__ import annotations

from bayou._record import Record
from bayou.core.errors import BayouError
from bayou.decree.messages import BeClient, BeNode

MACHINES = "bayou.decree.machines"
RETRY_S = 0.1
NODES_MAX = 99
VALUE_BYTES_MAX = 64 << 10


class Wish(Record):
    """A client's value, and the place of the proposer that it asks first, None for the client's own place."""

    value: str
    desired: int | None = None


class Plan(Record):
    """``kills`` are the nodes that end when their first Prepare, proposal or Accepted arrives."""

    proposers: int
    acceptors: int
    learners: int
    wishes: tuple[Wish, ...]
    kills: tuple[int, ...] = ()
    timeout_s: float = 0.5

    @property
    def nodes(self) -> int:
        """How many nodes there are, with ids from 0; those of the clients follow."""
        return self.proposers + self.acceptors + self.learners

    def node(self, id: int) -> BeNode:
        """Return what the node with that id is to be."""
        return BeNode(self.proposers, self.acceptors, self.learners, RETRY_S, id in self.kills)

    def client(self, place: int) -> BeClient:
        """Return what the client is to be whose wish is at that place."""
        wish = self.wishes[place]
        desired = place if wish.desired is None else wish.desired
        return BeClient(self.nodes, wish.value, desired, self.timeout_s)

    def hopeless(self, dead: dict[int, None]) -> str | None:
        """Return why nothing can be decided and told without the dead nodes, None where it can be."""
        roles = ["proposer"] * self.proposers + ["acceptor"] * self.acceptors + ["learner"] * self.learners
        left = [role for id, role in enumerate(roles) if id not in dead]
        acceptors = left.count("acceptor")
        if 2 * acceptors <= self.acceptors:
            return f"no majority of acceptors is left: {acceptors} of {self.acceptors}"
        for role in ("proposer", "learner"):
            if role not in left:
                return f"no {role} is left"
        return None


def parse_wish(text: str) -> Wish:
    """Read ``V`` or ``V@P``. ValueError, with a message for the user, where it is neither."""
    value, at, desired = text.rpartition("@")
    if not at or not (desired.isascii() and desired.isdigit()):
        value, desired = text, ""
    if not value:
        raise ValueError(f"{text!r} has no value: write VALUE, or VALUE@PROPOSER")
    check_value(value)
    return Wish(value, int(desired) if desired else None)


def check_value(value: str) -> None:
    """ValueError, with a message for the user, where that can't be decided."""
    if not value:
        raise ValueError("an empty value")
    if len(value.encode("utf-8", "surrogateescape")) > VALUE_BYTES_MAX:
        raise ValueError(f"a value of more than {VALUE_BYTES_MAX >> 10} KiB")
    if any(character in value for character in "\r\n"):
        raise ValueError(f"{value!r:.80} is more than one line")


class Hopeless(BayouError):
    """Nothing can be decided and told any more."""
