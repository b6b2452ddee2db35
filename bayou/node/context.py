"""What the parts of a node may use of the node that they belong to."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from bayou.core.errors import MissingFunction
    from bayou.core.name import Name
    from bayou.core.past import Past
    from bayou.core.replica import Replica
    from bayou.core.vector import VersionVector
    from bayou.machine.messages import Message
    from bayou.machine.records import Fact
    from bayou.node.life import Life
    from bayou.node.messages import End, GroupStand, Votes
    from bayou.node.peers import Peers
    from bayou.node.voting import Voting

    class Context(Protocol):
        """A server as its own parts see it.

        - ``id``: its address; ``now``: the time of the input being processed, in seconds;
        - ``paused``: whether anti-entropy is stopped;
        - ``is_unsure``: whether nothing is to be committed yet; ``is_full``: whether nothing is to be pulled,
          and no client's write accepted;
        - ``life``: how far it has got in its life; ``is_member``, ``is_active``: see there;
        - ``lacking``: from whom nothing more comes in, as a function is missing here;
        - ``peers``: what it keeps of each connection; ``servers``: the ids of connected servers, in order;
        - ``heard``: where each server stood, its CSN and vector, when it was last heard of;
        - ``past``: where its committed prefix is kept;
        - ``replica``: its replica (Misuse before it has a name);
        - ``voting``: its part in the commit group, None where that has always been a group of one; ``votes``:
          those that it knows; ``stand``: how it stands to the group.
        """

        id: int
        now: float
        paused: bool
        is_unsure: bool
        is_full: bool
        life: Life
        peers: Peers
        past: Past
        heard: dict[Name, tuple[int, VersionVector]]

        @property
        def servers(self) -> list[int]: ...
        @property
        def replica(self) -> Replica: ...
        @property
        def is_member(self) -> bool: ...
        @property
        def is_active(self) -> bool: ...
        @property
        def lacking(self) -> list[tuple[Name | None, MissingFunction]]: ...
        @property
        def votes(self) -> Votes: ...
        @property
        def stand(self) -> GroupStand | None: ...
        @property
        def voting(self) -> Voting | None: ...
        @property
        def is_bound(self) -> bool: ...
        def leave_group(self) -> None:
            """Leave the commit group, as this server is about to retire."""

        def send(self, peer: int, message: Message) -> None:
            """Send a message, as an effect of this input."""

        def remember(self, fact: Fact) -> None:
            """Make a fact durable, as an effect of this input."""

        def answer(self, order: int, message: Message) -> None:
            """Answer an order, as an effect of this input."""

        def note(self, *words: object) -> None:
            """Tell a curious operator."""

        def leave(self) -> None:
            """End this server: it has retired."""

        def new_token(self) -> int:
            """Return a number that no other request bears."""

        def become(self, name: Name) -> None:
            """Take this name; the first server is a member at once."""

        def activate(self) -> None:
            """All has been taken over from the creator: serve from now on."""

        def base_begun(self, purpose: str, key: int) -> None:
            """Rows of a base come in, in place of an exchange that one of the parts asked for."""

        def heard_votes(self, end: End) -> None:
            """An exchange is complete, at whose end votes have come."""

        def lacks(self, purpose: str, key: int, peer: int, missing: MissingFunction) -> None:
            """An exchange that one of the parts asked for has ended before a write that calls what is missing
            here."""

        def pulled(self, purpose: str, key: int, peer: int, end: End) -> None:
            """An exchange that one of the parts asked for is complete."""
