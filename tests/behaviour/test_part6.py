"""Part 6: anti-entropy, and requests that are sent again."""

from __future__ import annotations

import pytest

from bayou.core.errors import PeerError
from bayou.core.items import Items
from bayou.core.replica import Replica
from bayou.core.write import NOTICE, PUT
from bayou.machine.effects import LinkUp, Tick
from bayou.machine.messages import Message
from bayou.node.client import Client
from bayou.node.messages import (
    HAND_OVER,
    Answer,
    AntiEntropy,
    Continue,
    Do,
    HandOver,
    Hello,
    Join,
    Pull,
    Put,
    Request,
)
from bayou.node.server import Server
from bayou.node.settings import Limits, Settings
from tests.behaviour.scenarios import PAIR, printed
from tests.rows import place, row, text_value
from tests.simulated import StoreWorld
from tests.test_core_replica import family, tell
from tests.test_nodes import Numbers, client, due, first, hear, only, order, said, system


def songs(server: Server) -> list[str]:
    return [write.key for write in server.replica.log if write.key]


def begun() -> tuple[Server, Server, list[AntiEntropy]]:
    """Return a server with six puts of its own, another one that asks for them, and the first parts that
    come, of two items each."""
    nodes = system(2, Settings(limits=Limits(items=2, characters=1000, parts_ahead=2)))
    for song in "abcdef":
        nodes[1].replica.put(*row(song, "u"))
    return nodes[1], nodes[0], parts(hear(nodes[1], 0, asks(nodes[0])).sends)


def asks(receiver: Server) -> Pull:
    """Let the other one of two servers offer something, and return what the receiver asks for."""
    pull = only(hear(receiver, 1 - receiver.id, HandOver(1)))
    assert isinstance(pull, Pull)
    return pull


def parts(sends: list[tuple[int, Message]]) -> list[AntiEntropy]:
    return [message for _, message in sends if isinstance(message, AntiEntropy)]


# What an exchange holds.


def test_part6_an_exchange_goes_one_way() -> None:
    """An exchange brings the receiver what the sender has, and the sender nothing."""
    root, other = family(2)
    root.put(*row("a", "1"))
    other.put(*row("b", "2"))
    tell(root, other)
    assert (root.get(*place("b")), other.get(*place("a"))) == (None, text_value("1"))


def test_part6_the_receiver_first_tells_where_it_stands() -> None:
    """An exchange begins with the receiver's version vector and commit sequence number."""
    nodes = system(2)
    nodes[1].replica.put(*row("a", "b"))
    pull = asks(nodes[1])
    assert pull.vector == nodes[1].replica.vector
    assert (pull.csn, pull.purpose) == (1, HAND_OVER), "one creation is committed"


def test_part6_an_exchange_holds_only_what_the_receiver_lacks() -> None:
    """Nothing that the receiver has is sent to it."""
    root, other, third = family(3)
    old = root.put(*row("old", "1"))
    tell(root, other)
    new = root.put(*row("new", "2"))
    items = root.beyond(other.csn, other.vector)
    assert (items.committed, items.tentative) == ([new], [])
    assert old not in items.committed
    own = third.put(*row("own", "3"))
    tell(root, third)
    assert third.beyond(root.csn, root.vector).tentative == [own]
    tell(root, other)
    assert len(root.beyond(other.csn, other.vector)) == 0


def test_part6_committed_writes_are_sent_first_in_csn_order() -> None:
    """Committed writes come before tentative ones, in the order of commitment, whatever their stamps."""
    root, early, sender, receiver = family(4)
    # One write has an earlier stamp than the next two, but is committed after them.
    late = early.put(*row("late", "1"))
    before = [root.put(*row("first", "2")), root.put(*row("second", "3"))]
    tell(early, root)
    root.mark()
    tell(root, sender)
    sender.put(*row("tentative", "4"))
    items = sender.beyond(receiver.csn, receiver.vector)
    assert [write.key for write in items.committed] == ["first", "second", "late"]
    assert late < before[1]
    assert [write.key for write in items.tentative] == ["tentative"]


def test_part6_tentative_writes_are_sent_in_accept_order() -> None:
    """Tentative writes are sent by their stamps, not in the order in which they came."""
    root, one, two = family(3)
    for song in ("one-a", "one-b"):
        one.put(*row(song, "u"))
    for song in ("two-a", "two-b"):
        two.put(*row(song, "u"))
    tell(two, one)
    # Both servers went on from stamp 2 on, and the older one's name comes first.
    items = one.beyond(root.csn, root.vector)
    assert [write.key for write in items.tentative] == ["one-a", "two-a", "one-b", "two-b"]


def test_part6_a_known_write_is_committed_by_a_notice_alone() -> None:
    """Where the receiver has a write already, only the word of its commitment is sent."""
    root, other = family(2)
    write = other.put(*row("a", "a long URL"))
    tell(other, root)
    root.mark()
    (notice,) = root.beyond(other.csn, other.vector).committed
    assert (notice.kind, notice.stamp, notice.server) == (NOTICE, write.stamp, write.server)
    assert (notice.key, notice.value) == ("", None)
    tell(root, other)
    assert other.log.committed[-1] == write
    assert not other.log.tentative


def test_part6_nothing_is_sent_twice_in_one_exchange() -> None:
    """A write and its commitment are never sent both in the same exchange."""
    root, one, two = family(3)
    writes = [one.put(*row("a", "1")), one.put(*row("b", "2"))]
    tell(one, root)
    root.mark()
    two.put(*row("c", "3"))
    tell(two, root)
    items = root.beyond(two.csn, two.vector)
    assert [write.kind for write in items.committed] == [PUT, PUT]
    assert items.committed == writes
    assert items.tentative == []


def test_part6_a_connected_pair_exchanges_both_ways() -> None:
    """Two servers that are connected each get what the other has."""
    steps = "breakConnection 0 1; put 8 a 1; put 9 b 2; restoreConnection 0 1; get 9 a; get 8 b"
    assert printed(PAIR + steps) == ["a:1", "b:2"]


# Messages that are lost, doubled or late.


def test_part6_items_are_numbered() -> None:
    """A long exchange is sent in parts that tell the number of their first item."""
    sender, receiver, sent = begun()
    assert [(part.first, len(part.items)) for part in sent] == [(0, 2), (2, 2)]
    more = only(hear(receiver, 1, sent[0]))
    assert isinstance(more, Continue)
    (next_part,) = parts(hear(sender, 0, more).sends)
    assert next_part.first == 4


def test_part6_a_gap_ends_the_exchange_and_what_came_before_stays() -> None:
    """Where a part is missing nothing that follows is taken, and what was taken before is kept."""
    sender, receiver, sent = begun()
    more = only(hear(receiver, 1, sent[0]))
    (third,) = parts(hear(sender, 0, more).sends)
    assert said(hear(receiver, 1, third)) == []
    assert songs(receiver) == ["a", "b"]
    assert said(hear(receiver, 1, sent[1])) == []
    assert songs(receiver) == ["a", "b"], "the exchange is over"


def test_part6_a_part_that_comes_twice_counts_once() -> None:
    """A part that arrives doubled changes nothing the second time, and the exchange goes on."""
    sender, receiver, sent = begun()
    more = only(hear(receiver, 1, sent[0]))
    assert said(hear(receiver, 1, sent[0])) == []
    hear(receiver, 1, sent[1])
    assert songs(receiver) == ["a", "b", "c", "d"]
    (third,) = parts(hear(sender, 0, more).sends)
    hear(receiver, 1, third)
    assert songs(receiver) == list("abcdef")


def test_part6_a_part_of_an_earlier_exchange_comes_too_late() -> None:
    """A part of an exchange that was given up is left aside."""
    sender, receiver, late = begun()
    receiver.exchanges.stop_receiving()
    sent = parts(hear(sender, 0, asks(receiver)).sends)
    hear(receiver, 1, late[0])
    assert songs(receiver) == []
    hear(receiver, 1, sent[0])
    assert songs(receiver) == ["a", "b"]


def test_part6_the_next_exchange_goes_on_where_the_last_one_ended() -> None:
    """After a loss a new exchange brings the rest, and only the rest."""
    sender, receiver, sent = begun()
    hear(receiver, 1, sent[0])
    receiver.exchanges.stop_receiving()
    border = parts(hear(sender, 0, asks(receiver)).sends)
    count = 0
    while border:
        part = border.pop(0)
        count += len(part.items)
        for _, answer in hear(receiver, 1, part).sends:
            if isinstance(answer, Continue):
                border += parts(hear(sender, 0, answer).sends)
    assert count == 4
    assert songs(receiver) == list("abcdef")


def test_part6_a_commit_notice_applies_only_where_it_is_next() -> None:
    """A commit notice with a gap before it is refused, and one that is known already changes nothing."""
    root, one, two = family(3)
    writes = [one.put(*row("a", "1")), two.put(*row("b", "2"))]
    tell(two, one)
    tell(one, root)
    root.mark()
    notices = root.beyond(one.csn, one.vector)
    with pytest.raises(PeerError):
        one.apply(notices.slice(1, 2))
    assert list(one.log.tentative) == writes
    assert one.apply(notices.slice(0, 1)) == 1
    assert one.apply(notices.slice(0, 1)) == 0
    assert (one.log.committed[-1], list(one.log.tentative)) == (writes[0], writes[1:])


def test_part6_writes_of_a_server_never_heard_of_are_refused() -> None:
    """A write can't come before the creation of its server."""
    root, other = family(2)
    child = other.create().created
    newcomer = Replica(child)
    tell(other, newcomer)
    with pytest.raises(PeerError):
        root.apply(Items(root.csn, [], [newcomer.put(*row("a", "b"))]))
    assert root.get(*place("a")) is None


# Requests.


def test_part6_a_request_that_comes_twice_is_accepted_once() -> None:
    """A request that is sent again is carried out once and answered the same both times."""
    node = first()
    put = Request(77, 1, Put(*row("a", "b")), None, None)
    answers = [only(hear(node, 9, put)) for _ in range(3)]
    assert isinstance(answers[0], Answer)
    assert answers == answers[:1] * 3
    assert songs(node) == ["a"]


def test_part6_a_client_sends_an_unanswered_request_again() -> None:
    """A client that gets no answer sends the same request, with the same id, again."""
    node = client(0)
    request = only(order(node, Do(Put(*row("a", "b")))))
    assert only(node.step(due(node), Tick())) == request
    other = Client(0, Numbers(5))
    other.step(0.0, LinkUp(0, Hello(is_server=True)))
    assert only(order(other, Do(Put(*row("a", "b"))))) != request, "another session has other ids"


def test_part6_lost_and_doubled_messages_do_no_harm() -> None:
    """A put whose request is lost, then doubled, and whose first answers are lost, happens once."""
    world = StoreWorld(check=True)
    world.start_server(0, [], Join(first=True), paused=False)
    world.start_client(9, 0)
    number = world.order(9, Do(Put(*row("a", "b"))))
    (request,) = world.flights()
    world.lose(request)
    world.pass_time(10.0)
    (request,) = world.flights()
    world.repeat(request)
    world.deliver(request)
    for answer in [flight for flight in world.flights() if flight.node == 9]:
        world.lose(answer)
    (doubled,) = world.flights()
    world.deliver(doubled)
    assert world.answer(number) is None
    (answer,) = world.flights()
    world.deliver(answer)
    assert world.answer(number) is not None
    assert songs(world.server(0)) == ["a"]
