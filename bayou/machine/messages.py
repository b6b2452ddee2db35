"""What every machine says and hears, whatever it does: the base of all messages, and orders that all know."""

from __future__ import annotations

from bayou._record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar


class Message(Record):
    """Base of all messages.

    ``KINDS`` maps the name of each kind on the wire, its ``wire_name``, to its class. That is the name of the
    class, behind the ``space`` of its family where that has one::

        class ChatMessage(Message, space="chat"):  # an abstract base: no message itself
            ...

        class Prepare(ChatMessage):  # on the wire: chat.Prepare
            ballot: int

    A second kind with the name of another one raises TypeError where it is defined.
    """

    KINDS: ClassVar[dict[str, type[Message]]] = {}
    wire_name: ClassVar[str] = ""
    _space: ClassVar[str] = ""
    begins_turn: ClassVar[bool] = False
    """Whether all that came before such a message is settled before a machine takes it in."""
    TAGS: ClassVar[tuple[str, ...]] = ("serial", "session", "token")

    def __init_subclass__(cls, *, space: str = "") -> None:
        super().__init_subclass__()
        if space:
            if not space.isidentifier():
                raise TypeError(f"{space!r} is no name for a space of messages")
            cls._space, cls.wire_name = f"{space}.", ""
            return
        name = cls._space + cls.__name__
        taken = Message.KINDS.get(name)
        if taken is not None:
            raise TypeError(f"two kinds of messages are called {name}: {taken!r} and {cls!r}")
        cls.wire_name = name
        Message.KINDS[name] = cls


class Done(Message):
    """An order that needs no other answer has been carried out."""


class Failed(Message):
    """An order can't be carried out, and nothing was changed."""

    why: str


class Probe(Message):
    """What is the node waiting for?"""


class Waiting(Message):
    """What the node waits for, a line each."""

    lines: tuple[str, ...]


class Look(Message):
    """Whom are you connected to? Answered by whoever drives a node, server or client."""


class Links(Message):
    """The nodes that a node is connected to (a client: the server that it talks to), those that it is
    dialling for the master, and whether it is paused."""

    peers: tuple[int, ...]
    dialling: tuple[int, ...] = ()
    paused: bool = False
