"""What the roles tell whoever drives them."""

from __future__ import annotations

from bayou._record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.paxos.ballot import Ballot

__all__ = ["Answer", "Chosen", "LeaderChanged", "Preempted"]


class Answer(Record):
    """Base of the answers."""


class Chosen(Answer):
    """``value`` is chosen: no other one ever will be. Told once by each role that finds it out, and to
    whoever proposes something afterwards."""

    value: str


class Preempted(Answer):
    """Somebody else uses ``ballot``, which is above one's own: that one is given up."""

    ballot: Ballot


class LeaderChanged(Answer):
    """From now on ``leader`` leads as far as this node knows, None for nobody."""

    leader: int | None
