"""Messages of a log that go together: nothing gets lost, and each server gets its own in order."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from bayou.families.log.bundles import bundle, unbundle
from bayou.families.log.messages import Accepteds, BeServer, Client, Lead, Plant, Submit
from bayou.families.log.server import SERVER, LogServer
from bayou.machine.effects import LinkUp, Ordered, Received, Tick
from bayou.machine.machine import Surroundings
from bayou.paxos.ballot import Ballot
from bayou.paxos.log.messages import Accept, Accepted, Command, Decide, LogMessage, NoOp, Promise
from bayou.wire.codec import decode, encode

BALLOTS = st.builds(Ballot, st.integers(1, 2), st.integers(0, 1))
SLOTS = st.integers(0, 200)
VALUES = st.just(NoOp()) | st.builds(Command, SLOTS, SLOTS, SLOTS, st.text(max_size=3))
MESSAGES: st.SearchStrategy[LogMessage] = st.one_of(
    st.builds(Accept, BALLOTS, SLOTS, VALUES),
    st.builds(Accepted, BALLOTS, SLOTS),
    st.builds(Decide, BALLOTS, SLOTS),
)
SENDS = st.lists(st.tuples(st.integers(0, 2), MESSAGES))


@given(SENDS)
def test_each_server_gets_its_own_in_order(sends: list[tuple[int, LogMessage]]) -> None:
    bundled = bundle(sends)
    for peer in range(3):
        came = [
            single
            for receiver, message in bundled
            if receiver == peer
            for single in unbundle(decode(encode(message)))
        ]
        assert came == [message for receiver, message in sends if receiver == peer]


def test_many_slots_go_in_one_message() -> None:
    ballot = Ballot(3, 1)
    sends: list[tuple[int, LogMessage]] = [
        (peer, Accept(ballot, slot, NoOp())) for slot in range(50) for peer in (0, 2)
    ]
    assert [peer for peer, _ in bundle(sends)] == [0, 2]
    assert len(bundle([*sends, *sends])) == 4


def test_what_is_said_to_several_servers_is_one_message() -> None:
    """So that it is packed once."""
    ballot = Ballot(3, 1)
    accepts = [Accept(ballot, slot, NoOp()) for slot in range(5)]
    sends: list[tuple[int, LogMessage]] = [(peer, each) for each in accepts for peer in (0, 2, 3)]
    (_, one), (_, two), (_, other) = bundle([*sends[:-1], (3, Accept(ballot, 9, NoOp()))])
    assert one is two
    assert other != one


def test_what_is_no_bundle_stands_for_itself() -> None:
    decide = Decide(Ballot(3, 1), 7)
    assert unbundle(decide) == [decide]
    assert bundle([(1, decide)]) == [(1, decide)]


def test_who_dies_of_the_first_message_of_a_bundle_hears_no_other() -> None:
    """Its bomb goes off with a Decide: what else the bundle says comes to a dead server."""
    server = LogServer(0, BeServer((0, 1, 2), 10.0, 50.0, 1.0), Surroundings(Random(1), 0.0, 0.0))
    server.step(0.0, LinkUp(1, SERVER))
    for client in range(3):
        server.step(0.0, LinkUp(1000 + client, Client(client)))
    server.step(0.0, Ordered(1, Lead(())))
    ballot = server.log.leading.ballot
    server.step(0.0, Received(1, Promise(ballot, 0, None, ())))
    for client in range(3):
        server.step(0.0, Received(1000 + client, Submit(1, 0, "x")))
    server.step(0.0, Tick())
    server.step(0.0, Ordered(2, Plant(1)))
    effects = server.step(0.0, Received(1, Accepteds(ballot, (0, 1, 2))))
    assert effects.crash
    assert [peer for peer, message in effects.sends if isinstance(message, Decide)] == [1]
    assert server.log.first == 1
