"""What a server has to know again after a crash, beside the items of its log."""

from __future__ import annotations

from bayou._record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.core.name import Name
    from bayou.core.write import Write
    from bayou.node.messages import Answer


class Fact(Record):
    """Base of the facts. They are made durable in the same batch as the items of their step."""


class Named(Fact):
    """It has this name."""

    name: Name


class Activated(Fact):
    """It has taken over all that its creator had, and takes part."""


class Answered(Fact):
    """It has accepted a client's write, and answered so: a request sent again is not carried out again."""

    answer: Answer


class Promised(Fact):
    """It has promised ``asker``, at ``peer``, to take over the primary's duty."""

    asker: Name
    peer: int


class CreatedFor(Fact):
    """It has accepted this creation write for the request with this token."""

    token: int
    creation: Write
