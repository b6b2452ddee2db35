"""What families bring with them: messages with a space in their names, fractions, and records in fields."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayou._record import Record
from bayou.families.store.specs import MACHINES, BeClient, BeServer
from bayou.machine.messages import Done, Message
from bayou.node.messages import JOIN, Join, Pull
from bayou.node.session import Guarantees
from bayou.node.settings import Habits, Settings
from bayou.wire.codec import RECORDS_DEEP, decode, encode
from bayou.wire.errors import WireError
from bayou.worlds.processes.control import Start, Suffer
from bayou.worlds.weather import Faults
from tests.test_wire_codec import message_from


@pytest.fixture(autouse=True)
def _kinds_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kinds of messages that a test defines are gone when it ends."""
    monkeypatch.setattr(Message, "KINDS", dict(Message.KINDS))


class Poll(Record):
    """A record of plain fields."""

    number: int
    share: float = 0.5


class Voter(Record):
    """A record with another one in it."""

    name: str
    poll: Poll
    older: tuple[Poll, ...] = ()


class Tree(Record):
    """A record that may hold others of its kind, which the wire does not know to end."""

    below: Tree | None = None


class Floor1(Record):
    poll: Poll


class Floor2(Record):
    below: Floor1


class Floor3(Record):
    below: Floor2


class Floor4(Record):
    below: Floor3


class Nothing(Record):
    """A record without fields."""


polls = st.builds(Poll, st.integers(), st.floats(allow_nan=False, allow_infinity=False))
voters = st.builds(Voter, st.text(max_size=5), polls, st.lists(polls, max_size=5).map(tuple))


# Names.


def test_messages_of_a_family_have_its_space_in_front() -> None:
    class ChatMessage(Message, space="chat"):
        """An abstract base."""

    class Pull(ChatMessage):
        slot: int

    assert Pull.wire_name == "chat.Pull"
    assert Message.KINDS["chat.Pull"] is Pull
    assert Message.KINDS["Pull"] is not Pull
    assert decode(encode(Pull(7))) == Pull(7)
    assert decode(message_from("chat.Pull", 7)) == Pull(7)


def test_messages_of_the_store_keep_their_names() -> None:
    assert (Pull.wire_name, Done.wire_name) == ("Pull", "Done")
    assert all(kind.wire_name == name for name, kind in Message.KINDS.items())


def test_a_second_message_of_the_same_name_is_refused_and_the_first_one_stays() -> None:
    class ChatMessage(Message, space="chat"):
        """An abstract base."""

    first = type("Prepare", (ChatMessage,), {"__annotations__": {}})
    with pytest.raises(TypeError, match=r"two kinds of messages are called chat\.Prepare"):
        type("Prepare", (ChatMessage,), {"__annotations__": {}})
    with pytest.raises(TypeError, match="two kinds of messages are called Pull"):
        type("Pull", (Message,), {"__annotations__": {}})
    assert Message.KINDS["chat.Prepare"] is first
    assert Message.KINDS["Pull"] is Pull


def test_a_base_of_messages_is_none() -> None:
    class ChatMessage(Message, space="chat"):
        """An abstract base."""

    assert "chat.ChatMessage" not in Message.KINDS
    for base in (ChatMessage, Message):
        with pytest.raises(TypeError, match="a base of messages"):
            encode(base())
    for name in ("", "chat.", "chat.ChatMessage"):
        with pytest.raises(WireError, match="no kind of message"):
            decode(message_from(name))


def test_fields_of_a_base_go_before_those_of_its_messages() -> None:
    class ChatMessage(Message, space="chat"):
        poll: Poll

    class Accept(ChatMessage):
        slot: int

    assert decode(encode(Accept(Poll(1), 7))) == Accept(Poll(1), 7)


def test_a_space_is_a_name() -> None:
    with pytest.raises(TypeError, match="no name for a space"):
        type("ChatMessage", (Message,), {"__annotations__": {}}, space="chat.room")


# Fractions.


def a_share() -> Any:
    class Share(Message):
        part: float
        rest: float | None = None

    return Share


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_fractions_come_back_as_they_went(number: float) -> None:
    kind: Any = Message.KINDS.get("Share") or a_share()
    assert decode(encode(kind(number, number))) == kind(number, number)
    assert repr(decode(encode(kind(number)))) == repr(kind(number))


def test_whole_numbers_travel_as_fractions_where_these_are_due() -> None:
    kind = a_share()
    assert repr(decode(encode(kind(1)))) == "Share(part=1.0, rest=None)"


@pytest.mark.parametrize("number", [inf, -inf, nan])
def test_only_finite_fractions_travel(number: float) -> None:
    kind = a_share()
    with pytest.raises(WireError, match="finite"):
        encode(kind(number))
    with pytest.raises(WireError, match="finite"):
        decode(message_from("Share", number, None))


@pytest.mark.parametrize("plain", [1, "1.5", True, None, (1.5,), "x" * 1000])
def test_what_is_no_fraction(plain: object) -> None:
    a_share()
    with pytest.raises(WireError) as caught:
        decode(message_from("Share", plain, None))
    assert len(str(caught.value)) < 100


# Records.


def a_poll() -> Any:
    class Poll(Message):
        voter: Voter
        other: Voter | None
        others: tuple[Voter, ...]

    return Poll


@given(voters, st.none() | voters, st.lists(voters, max_size=4).map(tuple))
def test_records_come_back_as_they_went(voter: Voter, other: Voter | None, others: tuple[Voter, ...]) -> None:
    kind: Any = Message.KINDS.get("Poll") or a_poll()
    assert decode(encode(kind(voter, other, others))) == kind(voter, other, others)


def test_many_records_travel_as_one_tuple() -> None:
    """So that many of them are no more nested than a few."""

    class Many(Message):
        polls: tuple[Poll, ...]

    many = Many(tuple(Poll(number) for number in range(1000)))
    assert decode(encode(many)) == many


FINE = ("ann", (1, 0.5), ())


@pytest.mark.parametrize(
    "fields",
    [
        (FINE, None),
        (None, None, ()),
        ("ann", None, ()),
        (("ann", (1, 0.5)), None, ()),
        ((*FINE, 1), None, ()),
        (("ann", (1, 1), ()), None, ()),
        (("ann", (1, inf), ()), None, ()),
        (("ann", ("1", 0.5), ()), None, ()),
        (("ann", (1, 0.5), (1,)), None, ()),
        (("ann", (1, 0.5), None), None, ()),
        ((b"ann", (1, 0.5), 7), None, ()),
        (FINE, (), ()),
        (FINE, FINE, (FINE,)),
        (FINE, FINE, FINE[:2]),
        (FINE, FINE, None),
    ],
)
def test_records_that_are_none(fields: tuple[Any, ...]) -> None:
    a_poll()
    with pytest.raises(WireError):
        decode(message_from("Poll", *fields))
    decode(message_from("Poll", FINE, FINE, FINE + FINE))


def test_a_record_of_another_kind_does_not_leave() -> None:
    class Vote(Message):
        poll: Poll

    with pytest.raises(TypeError, match="a Voter where a Poll is due"):
        encode(Vote(Voter("ann", Poll(1))))  # type: ignore[arg-type]


def test_records_are_nested_a_few_deep() -> None:
    class Fits(Message):
        floor: Floor2

    class Deep(Message):
        floor: Floor4

    assert RECORDS_DEEP == 4
    fits = Fits(Floor2(Floor1(Poll(1))))
    assert decode(encode(fits)) == fits
    with pytest.raises(TypeError, match="too deep"):
        encode(Deep(Floor4(Floor3(Floor2(Floor1(Poll(1)))))))


def test_no_record_holds_its_own_kind() -> None:
    class Forest(Message):
        tree: Tree | None

    assert decode(encode(Forest(None))) == Forest(None)
    with pytest.raises(TypeError, match="too deep"):
        encode(Forest(Tree()))


@pytest.mark.parametrize("annotation", ["dict[str, int]", "Poll | int", "tuple[Poll, Poll]", "set"])
def test_an_annotation_that_the_wire_does_not_know(annotation: str) -> None:
    kind = type("Odd", (Message,), {"__annotations__": {"field": annotation}, "__module__": __name__})
    with pytest.raises(TypeError, match="no codec"):
        encode(kind(Nothing()))


def test_many_records_without_fields_could_not_be_counted() -> None:
    class Empty(Message):
        nothings: tuple[Nothing, ...]

    with pytest.raises(TypeError, match="nothing in them"):
        encode(Empty((Nothing(),)))


# What uses them.


def test_the_masters_settings_travel_as_they_are() -> None:
    """To the last bit: no number is rounded."""
    settings = Settings(
        retry_s=1 / 3, habits=Habits(period_s=0.1234567891, partners="turn"), wall_offset_s=-1 / 7
    )
    start = Start(
        1, "server 1", True, False, MACHINES, BeServer(settings), (2, 40000), None, 1 / 3,
    )  # fmt: skip
    assert decode(encode(start)) == start
    start = Start(
        1, "client 1", False, False, MACHINES, BeClient(Guarantees(monotonic_reads=False)), (2, 40000),
        Join(first=False), 1 / 3,
    )  # fmt: skip
    assert decode(encode(start)) == start
    suffer = Suffer(None, True, Faults(loss=1e-9, delay_s=1 / 3), "network 0 1")
    assert decode(encode(suffer)) == suffer


def test_a_pull_is_what_it_was() -> None:
    """A message without records is sent as before there were any, and one that may have one says that it has
    none."""
    from bayou.core.vector import START

    vector = ((b"\x01", b"\x01", b"\x01\x00"), b"\x01\x00")
    assert decode(message_from("Pull", 1, JOIN, 0, vector, None)) == Pull(1, JOIN, 0, START)
