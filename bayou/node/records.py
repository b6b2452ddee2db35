"""What a server has to know again after a crash, beside the items of its log."""

from __future__ import annotations

from bayou.machine.records import Fact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar

    from bayou.core.name import Name
    from bayou.core.vector import VersionVector
    from bayou.core.votes import Vote
    from bayou.core.write import Write


class Named(Fact):
    """It has this name."""

    name: Name


class Asking(Fact):
    """It asks the server of this name (None where that had none when it was connected), at ``peer``, for one
    of its own, under this token: asked again, it gets the same."""

    creator: Name | None
    peer: int
    token: int

    @property
    def key(self) -> tuple[str, object]:
        """Whom it asks."""
        return "Asking", self.peer if self.creator is None else self.creator


class Aiming(Fact):
    """It has its name, and is to take over what its creator had then."""

    csn: int
    vector: VersionVector


class Activated(Fact):
    """It has taken over all that its creator had, and takes part."""


class Answered(Fact):
    """It has accepted a client's write, the request ``number`` of that session, and said so: sent again, it
    is not carried out again. ``stamp`` is that of the write, or of the last of several; ``server`` its name.
    """

    TAGS: ClassVar[tuple[str, ...]] = ("session",)

    session: int
    number: int
    stamp: int
    server: Name

    @property
    def key(self) -> tuple[str, object]:
        """The session: only its last request can come again."""
        return "Answered", self.session


class Promised(Fact):
    """It has promised ``asker`` to take over the primary's duty."""

    asker: Name

    @property
    def key(self) -> tuple[str, object]:
        """Whom the promise was given."""
        return "Promised", self.asker


class Voted(Fact):
    """Its own vote in the commit group: the latest takes the place of those before."""

    vote: Vote

    @property
    def key(self) -> tuple[str, object]:
        """There is one."""
        return "Voted", None


class ConsentGiven(Fact):
    """It has consented to a change of the commit group that was made in this epoch: it does not retire before
    its own is a later one."""

    epoch: int

    @property
    def key(self) -> tuple[str, object]:
        """The latest counts."""
        return "ConsentGiven", None


class CreatedFor(Fact):
    """It has accepted this creation write for the request with this token."""

    token: int
    creation: Write

    @property
    def key(self) -> tuple[str, object]:
        """The request."""
        return "CreatedFor", self.token
