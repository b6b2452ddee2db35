"""The life of a server: the stages that it goes through, in this order and each of them once.

- NEW: it has not been told to join yet;
- ASKING: it asks a member for a name;
- NAMED: it has its name, and takes over what the server had that gave it (see bayou.node.joining);
- MEMBER: it serves clients and other servers;
- LEAVING: it has been told to retire, and looks for somebody to inherit from it; it serves like any member;
- RETIRED: it has accepted its own retirement write, after which it accepts nothing more, and hands over
  all that it has (see bayou.node.retiring);
- GONE: others have all that it had, and it has left.

The first server is a MEMBER as soon as it has its name. A server that comes back after a crash goes through
the stages again, as far as its records tell of them: one that was LEAVING is a MEMBER again, and has to be
told once more.
"""

from __future__ import annotations

from bayou.core.errors import require

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.core.replica import Replica

NEW = "new"
ASKING = "asking for a name"
NAMED = "named"
MEMBER = "a member"
LEAVING = "leaving"
RETIRED = "retired"
GONE = "gone"

NEXT = {
    NEW: (ASKING, MEMBER),
    ASKING: (NAMED,),
    NAMED: (MEMBER,),
    MEMBER: (LEAVING, RETIRED),
    LEAVING: (RETIRED,),
    RETIRED: (GONE,),
    GONE: (),
}
"""Which stages may follow each. A server that comes back after a crash and finds its own retirement write in
its log goes from MEMBER straight to RETIRED."""


class Life:
    """At which stage of its life a server is."""

    __slots__ = ("stage",)

    def __init__(self) -> None:
        self.stage = NEW

    def enter(self, stage: str) -> None:
        """Go on to this stage; InvariantBroken where it does not follow the present one."""
        require(stage in NEXT[self.stage], f"a server that is {self.stage} can't be {stage} next")
        self.stage = stage

    @property
    def is_joining(self) -> bool:
        """Whether it has been told to join, and is no member yet."""
        return self.stage in (ASKING, NAMED)

    @property
    def is_member(self) -> bool:
        """Whether it has its name and has taken over what its creator had."""
        return self.stage in (MEMBER, LEAVING, RETIRED, GONE)

    @property
    def is_active(self) -> bool:
        """Whether it takes part: a member that has not accepted its own retirement write."""
        return self.stage in (MEMBER, LEAVING)

    @property
    def is_leaving(self) -> bool:
        """Whether it has been told to retire, and is still here."""
        return self.stage in (LEAVING, RETIRED)

    def check(self, replica: Replica | None) -> None:
        """Raise InvariantBroken unless this is the replica that a server has at this stage (None: it has
        none)."""
        require(self.stage in NEXT, f"{self.stage!r} is no stage of a life")
        if self.stage in (NEW, ASKING):
            require(replica is None, f"it is {self.stage}, and has a replica")
            return
        require(replica is not None, f"it is {self.stage}, and has no replica")
        if replica is not None:
            is_over = self.stage in (RETIRED, GONE)
            require(replica.retired == is_over, f"it is {self.stage}, and its log says something else")
            require(
                replica.is_complete or not self.is_member, "it is a member without its own creation write"
            )
