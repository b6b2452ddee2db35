"""Servers of a log with a service take snapshots; clients that are behind get what is in them."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from bayou.cluster.client import Screen
from bayou.core.errors import BayouError
from bayou.families.chat.service import Transcript, delivered_in
from bayou.families.log.bundles import unbundle
from bayou.families.log.client import ClientEffects, LogClient
from bayou.families.log.messages import (
    BeClient,
    BeServer,
    Bundle,
    Client,
    Knows,
    Redirect,
    Say,
    Server,
    Submit,
    Told,
    TooOld,
)
from bayou.families.log.server import LogServer, ServerEffects
from bayou.machine.effects import LinkDown, LinkUp, Ordered, Received, Tick
from bayou.machine.machine import Surroundings
from bayou.paxos.ballot import Ballot
from bayou.paxos.effects import Effects
from bayou.paxos.log import inputs
from bayou.paxos.log.inputs import LeaderChanged, Skip
from bayou.paxos.log.leading import IDLE, LEADING
from bayou.paxos.log.ledger import Ledger
from bayou.paxos.log.messages import (
    Accept,
    Accepted,
    Ask,
    Command,
    Decree,
    Decrees,
    LogMessage,
    Members,
    NoOp,
    Prepare,
    Promise,
    SnapshotPart,
    Vote,
)
from bayou.paxos.log.node import LogNode
from bayou.paxos.log.options import LogOptions
from bayou.paxos.log.records import Snapshot
from bayou.storage.memory import Memory
from bayou.wire.codec import decode, encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bayou.machine.effects import Input
    from bayou.machine.messages import Message
    from bayou.machine.records import Durable

EVERY = 5


def server(
    *,
    id: int = 0,
    servers: tuple[int, ...] = (0,),
    records: Iterable[Durable] = (),
    first: bool = True,
    skips: tuple[int, ...] = (),
) -> LogServer:
    what = BeServer(servers, 0.1, 0.5, 0.2, 64, EVERY, first, skips)
    return LogServer(id, what, Surroundings(Random(1), 0.0, 0.0), records, Transcript())


class Seated:
    """A server alone, and clients that are connected to it. Messages go there and back at once, as bytes."""

    def __init__(self, server: LogServer) -> None:
        self.server = server
        self.records = Memory()
        self.clients: dict[int, LogClient] = {}
        self.screens: dict[int, Screen] = {}
        self.delivered: dict[int, list[tuple[int, int]]] = {}
        self.carried: list[Message] = []
        self.loses: Callable[[Message], bool] = lambda message: False
        self.now = 0.0

    def add(self, id: int) -> None:
        self.screens[id] = screen = Screen()
        self.clients[id] = LogClient(id, BeClient(id, True, 0.2), screen, screen.load)
        self.delivered[id] = []
        self.link(id)

    def link(self, id: int) -> None:
        self._from_server(self.server.step(self.now, LinkUp(id, Client(id))))
        self._from_client(id, self.clients[id].step(self.now, LinkUp(self.server.id, Server())))

    def unlink(self, id: int) -> None:
        self._from_server(self.server.step(self.now, LinkDown(id)))
        self._from_client(id, self.clients[id].step(self.now, LinkDown(self.server.id)))

    def say(self, id: int, *lines: str) -> None:
        for line in lines:
            self._from_client(id, self.clients[id].step(self.now, Ordered(0, Say(line))))

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self._from_server(self.server.step(self.now, Tick()))
        for id, client in self.clients.items():
            self._from_client(id, client.step(self.now, Tick()))

    def _from_server(self, effects: ServerEffects) -> None:
        self.records.append(effects.durable)
        self.server.check()
        for peer, message in effects.sends:
            if peer in self.clients and not self._is_lost(message):
                given = Received(self.server.id, decode(encode(message)))
                self._from_client(peer, self.clients[peer].step(self.now, given))

    def _from_client(self, id: int, effects: ClientEffects) -> None:
        self.delivered[id] += effects.delivered
        for _, message in effects.sends:
            if not self._is_lost(message):
                self._from_server(self.server.step(self.now, Received(id, decode(encode(message)))))

    def _is_lost(self, message: Message) -> bool:
        self.carried.append(message)
        return self.loses(message)


def numbered(count: int) -> list[str]:
    return [f"message {number}" for number in range(count)]


def test_what_is_in_a_snapshot_is_dropped_and_told_all_the_same() -> None:
    seated = Seated(server())
    seated.add(100)
    seated.say(100, *numbered(23))
    assert seated.server.log.base == 20
    assert seated.screens[100].new == [f"{slot} 100: message {slot}" for slot in range(23)]
    seated.add(101)
    assert seated.screens[101].new == seated.screens[100].new
    assert any(isinstance(message, SnapshotPart) for message in seated.carried)
    seated.say(101, "and another")
    assert seated.screens[100].new == seated.screens[101].new
    assert seated.screens[101].new[-1] == "23 101: and another"


def test_a_server_that_comes_back_still_has_its_service() -> None:
    before = Seated(server())
    before.add(100)
    before.say(100, *numbered(13))
    after = Seated(server(records=before.records, first=False))
    assert isinstance(next(iter(before.records)), Snapshot)
    after.pass_time(0.1)
    after.pass_time(2.0)  # beyond its election time-out
    assert after.server.log.is_leader
    after.add(101)
    after.say(101, *numbered(8))
    assert after.server.log.base == 20
    after.add(102)
    assert after.screens[102].new[:13] == before.screens[100].new
    assert after.screens[102].new == after.screens[101].new
    assert len(after.screens[102].new) == 21


def test_a_long_snapshot_comes_in_parts_some_of_which_get_lost_or_come_twice() -> None:
    rng = Random(7)
    seated = Seated(server())
    seated.add(100)
    seated.say(100, *["x" * 40_000] * 2 * EVERY)
    seated.carried.clear()
    seated.loses = lambda message: isinstance(message, SnapshotPart) and rng.random() < 0.5
    seated.add(101)
    while seated.clients[101].first < 2 * EVERY:
        seated.pass_time(0.2)
        assert seated.now < 60
    parts = [message for message in seated.carried if isinstance(message, SnapshotPart)]
    assert max(len(part.piece) for part in parts) <= 64 << 10
    assert len({part.start for part in parts}) > 5
    assert seated.screens[101].new == seated.screens[100].new
    echo = ClientEffects()
    for part in parts:
        echo = seated.clients[101].step(seated.now, Received(0, part))
        assert (echo.sends, echo.drops) == ([], [])
    assert len(seated.screens[101].new) == 2 * EVERY


def test_a_command_under_way_may_be_found_in_a_snapshot() -> None:
    """All that the client would have been told of it got lost, and what came after it is snapshot by now."""
    seated = Seated(server())
    seated.add(100)
    seated.add(101)
    seated.say(100, "first")
    seated.loses = lambda message: not isinstance(message, Submit)
    seated.say(100, "second", "third")
    seated.loses = lambda message: False
    seated.unlink(100)
    seated.say(101, *numbered(9))
    assert seated.server.log.base > 2
    assert seated.delivered[100] == [(1, 0)]
    seated.link(100)
    assert seated.delivered[100] == [(1, 0), (2, 1), (3, seated.server.log.first - 1)]
    assert len(seated.screens[100].new) == 12
    assert [line for line in seated.screens[100].new if "second" in line] == ["1 100: second"]


def test_what_stands_in_a_snapshot_already_is_delivered_once() -> None:
    """A command may be decided again, above the snapshot that it is in; what was told below is not kept."""
    seated = Seated(server())
    seated.add(100)
    seated.say(100, *numbered(EVERY))
    snapshot = seated.server.log.ledger.snapshot
    assert snapshot is not None
    screen = Screen()
    late = LogClient(101, BeClient(101, True, 0.2), screen, screen.load)
    late.step(0.0, LinkUp(0, Server()))
    late.step(0.0, Received(0, Told((Decree(2, NoOp()), Decree(EVERY, Command(100, 2, 0, "again"))), EVERY)))
    assert screen.new == []
    part = SnapshotPart(snapshot.slot, len(snapshot.text), 0, snapshot.text)
    effects = late.step(0.0, Received(0, part))
    assert [line.split(": ")[1] for line in screen.new] == numbered(EVERY)
    assert late.first == EVERY + 1
    assert late.decided == {}
    assert Knows(EVERY + 1, ()) in [message for _, message in effects.sends]


def test_a_command_that_is_refused_is_told_and_the_next_one_goes_out() -> None:
    client = LogClient(100, BeClient(100, True, 0.2), Screen())
    client.step(0.0, LinkUp(0, Server()))
    client.step(0.0, Ordered(0, Say("old")))
    client.step(0.0, Ordered(0, Say("new")))
    effects = client.step(0.0, Received(0, TooOld(1)))
    assert effects.refused == [1]
    assert effects.sends == [(0, Submit(2, 0, "new"))]
    assert client.step(0.0, Received(0, TooOld(1))).refused == []


def test_a_client_that_knows_no_snapshots_drops_who_sends_one() -> None:
    client = LogClient(100, BeClient(100, True, 0.2), Screen())
    client.step(0.0, LinkUp(0, Server()))
    effects = client.step(0.0, Received(0, SnapshotPart(5, 10, 0, "0123456789")))
    assert [peer for peer, _ in effects.drops] == [0]


def test_without_a_service_no_snapshot_is_taken() -> None:
    what = BeServer((0,), 0.1, 0.5, 0.2, 64, EVERY, True)
    seated = Seated(LogServer(0, what, Surroundings(Random(1), 0.0, 0.0)))
    seated.add(100)
    seated.say(100, *numbered(12))
    assert (seated.server.log.first, seated.server.log.base) == (12, 0)


def test_what_a_transcript_dumps_it_loads() -> None:
    transcript = Transcript()
    texts = ['say "hello"', "caf\udce9", "日本", "a\tb", "", " blanks "]
    for slot, text in enumerate(texts):
        transcript.take(slot, (1 << 64) - 1, slot + 1, text)
    again = Transcript()
    again.take(7, 7, 7, "is replaced")
    again.load(transcript.dump())
    assert again.dump() == transcript.dump()
    assert delivered_in(again.dump()) == [(slot, (1 << 64) - 1, text) for slot, text in enumerate(texts)]


@pytest.mark.parametrize("state", ["", "[", "7", "[7]", '[["a", 1, "x"]]', "null"])
def test_what_is_no_state_of_a_chat(state: str) -> None:
    with pytest.raises(BayouError, match="no messages of a chat"):
        Transcript().load(state)


# Who leads first, and what it leaves empty.


def sent(effects: ServerEffects) -> list[tuple[int, Message]]:
    return [
        (peer, single)
        for peer, message in effects.sends
        if isinstance(message, (LogMessage, Bundle))
        for single in unbundle(message)
    ]


def said_after(server: LogServer, now: float, given: Input) -> list[tuple[int, Message]]:
    """Return what is said to other servers after an input, by the end of its turn."""
    return sent(server.step(now, given)) + sent(server.step(now, Tick()))


def test_a_new_server_0_asks_for_promises_at_once_and_as_others_come() -> None:
    zero = server(servers=(0, 1, 2))
    assert {peer for peer, _ in sent(zero.step(0.0, Tick()))} == {1, 2}
    assert sent(zero.step(0.0, LinkUp(1, Server())))[0] == (1, Prepare(Ballot(1, 0), 0))
    zero.step(0.0, Received(1, Promise(Ballot(1, 0), 0, None, ())))
    assert zero.log.is_leader


def test_a_server_that_has_promised_something_waits_for_silence_like_all() -> None:
    before = Seated(server(servers=(0, 1, 2)))
    before.pass_time(0.0)
    after = server(servers=(0, 1, 2), records=before.records)
    assert sent(after.step(0.0, Tick())) == []


def lead(zero: LogServer, accepted: tuple[tuple[int, str], ...] = ()) -> ServerEffects:
    """Let it be promised, and told what was accepted."""
    zero.step(0.0, LinkUp(1, Server()))
    votes = tuple(Vote(slot, Ballot(0, 1), Command(7, slot + 1, 0, text)) for slot, text in accepted)
    return zero.step(0.0, Received(1, Promise(zero.log.leading.ballot, 0, None, votes)))


def test_slots_are_left_empty_by_the_first_leadership_alone() -> None:
    zero = server(servers=(0, 1, 2), skips=(0, 2, 9))
    zero.step(0.0, Tick())
    lead(zero)
    assert zero.log.is_leader
    zero.step(0.0, LinkUp(100, Client(100)))
    for number, slot in ((1, 1), (2, 3)):
        said = said_after(zero, 0.0, Received(100, Submit(number, 0, "x")))
        assert [each.slot for _, each in said if isinstance(each, Accept)] == [slot, slot]
        zero.step(0.0, Received(1, Accepted(Ballot(1, 0), slot)))
    assert list(zero.log.leading.skipped) == [0, 2, 9]
    zero.step(0.1, Received(1, Prepare(Ballot(2, 1), 0)))
    assert zero.log.leading.phase == IDLE
    zero.step(5.0, Tick())
    said = said_after(zero, 5.0, Received(1, Promise(zero.log.leading.ballot, 0, None, ())))
    assert zero.log.leading.phase == LEADING
    noops = {each.slot for _, each in said if isinstance(each, Accept) and each.value == NoOp()}
    assert noops == {0, 2}
    assert list(zero.log.leading.skipped) == []


def test_slots_that_are_used_can_not_be_left_empty() -> None:
    zero = server(servers=(0, 1, 2), skips=(0, 1, 5))
    zero.step(0.0, Tick())
    effects = lead(zero, ((1, "found"),))
    assert LeaderChanged(0) in [answer for _, made in effects.log for answer in made.answers]
    ((_, made),) = [(given, made) for given, made in effects.log if isinstance(given, Skip)]
    assert [getattr(answer, "slots", None) for answer in made.answers] == [(0, 1)]
    assert list(zero.log.leading.skipped) == [5]


# How much goes into one message.


def many(count: int) -> LogNode:
    """Return a leader of two that has decided so many slots."""
    options = LogOptions(None, None, window=1000)
    node = LogNode(0, (0,), options, Random(1))
    node.step(0.0, inputs.BecomeLeader())
    for number in range(1, count + 1):
        node.step(0.0, inputs.Submit((1 << 64) - 1, number, 0, "x"))
    assert node.first == count
    return node


def test_what_a_server_that_is_behind_is_sent_fits_onto_the_wire() -> None:
    """Hundreds of short decrees are few bytes, and what a stranger's message may hold is limited."""
    node, other = many(500), LogNode(1, (0, 1), LogOptions(None, None, window=1000), Random(1))
    asks: list[Message] = [Ask(0)]
    while asks:
        asks_now, asks = asks, []
        for ask in asks_now:
            for _, message in node.step(0.0, inputs.Received(1, ask)).sends:
                assert isinstance(message, Decrees)
                answer = other.step(0.0, inputs.Received(0, decode(encode(message))))
                asks += [each for _, each in answer.sends if isinstance(each, Ask)]
    assert other.first == 500


def test_what_a_promise_tells_fits_onto_the_wire() -> None:
    ledger = Ledger((0, 1, 2), LogOptions(None, None))
    for slot in range(300):
        value: Message = Members((0, 1)) if slot % 2 else Command((1 << 64) - 1, slot, 0, "x")
        ledger.accept(slot, Ballot(1, 1), value, Effects())
    first, found = 0, 0
    while True:
        votes, upto = ledger.votes(first, 65536)
        promise = Promise(Ballot(1, 1), first, upto, votes)
        assert decode(encode(promise)) == promise
        found += len(votes)
        if upto is None:
            break
        first = upto
    assert found == 300


def test_clients_are_told_in_pieces_that_fit_onto_the_wire() -> None:
    """A server alone that fills hundreds of skipped slots decides them all in one step."""
    alone = LogServer(
        0,
        BeServer((0,), 0.1, 0.5, 0.2, 1000, None, True, tuple(range(999))),
        Surroundings(Random(1), 0.0, 0.0),
    )
    seated = Seated(alone)
    seated.add(100)
    seated.say(100, "x")
    seated.say(100, "y")
    seated.add(101)
    seated.say(101, "z")
    assert alone.log.first == 1002
    assert any(isinstance(message, Told) and len(message.decrees) > 50 for message in seated.carried)
    assert len(seated.screens[100].new) == 3
    assert not any(isinstance(message, Redirect) for message in seated.carried)
