"""Consensus, section 6: the log of many decrees."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from bayou.families.log.machines import keeping
from bayou.host.keeper import Keeper
from bayou.paxos.ballot import Ballot
from bayou.paxos.log.inputs import (
    Applied,
    BecomeLeader,
    ChangeMembers,
    Chosen,
    Done,
    Install,
    LeaderChanged,
    LinkDown,
    LinkUp,
    MembersInForce,
    NotLeader,
    Received,
    Refused,
    Rejected,
    Resend,
    Skip,
    SnapshotTaken,
    Submit,
    TakeSnapshot,
    Tick,
)
from bayou.paxos.log.messages import (
    Accept,
    Accepted,
    Ask,
    Command,
    Decide,
    Decrees,
    Heartbeat,
    Members,
    Nack,
    NoOp,
    Prepare,
    Promise,
)
from bayou.paxos.log.node import LogNode
from bayou.paxos.log.options import LogOptions
from bayou.paxos.log.records import AcceptedRecord, Decided, Promised, Snapshot
from bayou.storage.logfiles import LogFiles
from bayou.storage.store import StorageDamaged
from tests.behaviour.lognodes import Servers, accepts, prepares, sent

CLOCK = LogOptions(0.1, 0.5)


def snapshotting(count: int, every: int) -> Servers:
    """Return servers that take snapshots; the state is the texts applied so far."""
    return Servers(count, LogOptions(None, None, window=8, snapshot_every=every))


def take_snapshots(servers: Servers) -> None:
    """Give each server that asked for a snapshot the slot as its state."""
    for id in list(servers.nodes):
        asked = servers.answers(id, TakeSnapshot)
        if asked:
            servers.give(id, SnapshotTaken(asked[-1].slot, f"state below {asked[-1].slot}"))


# What is durable.


def test_consensus6_a_ballot_is_promised_by_its_candidate_first() -> None:
    """A candidate's new ballot is its own durable promise before its first Prepare leaves."""
    effects = Servers(3).give(0, BecomeLeader())
    assert effects.durable == [Promised(Ballot(1, 0))]
    assert [message for _, message in effects.sends] == [Prepare(Ballot(1, 0), 0)] * 2


def test_consensus6_an_acceptance_is_durable_before_the_accept_leaves() -> None:
    """A leader's own acceptance is durable before its first Accept leaves, and an acceptor's before it says
    Accepted."""
    servers = Servers(3)
    servers.lead(0)
    ballot = servers.nodes[0].leader_ballot
    effects = servers.submit(0, "a")
    assert [type(record) for record in effects.durable] == [AcceptedRecord]
    assert [to for to, message in effects.sends if isinstance(message, Accept)] == [1, 2]
    accept = next(message for _, message in effects.sends if isinstance(message, Accept))
    effects = servers.give(1, Received(0, accept))
    assert effects.durable == [AcceptedRecord(0, ballot, accept.value)]
    assert (0, Accepted(ballot, 0)) in effects.sends


def test_consensus6_a_server_goes_on_from_its_records() -> None:
    """A server made again from what it made durable has its promise, its acceptances and what is decided."""
    servers = Servers(3)
    servers.lead(0)
    servers.submit(0, "a")
    servers.deliver()
    servers.submit(0, "b", number=2)
    servers.deliver(lambda letter: letter[1] != 0)  # nobody hears that it is accepted
    servers.crash(0, 1, 2)
    for id in range(3):
        servers.restart(id)
    assert servers.give(2, Received(1, Prepare(Ballot(1, -1), 0))).sends != []
    servers.post.clear()
    servers.lead(2)
    assert servers.texts(2) == {0: "a", 1: "b"}


# Election.


def test_consensus6_a_candidate_that_is_behind_is_not_promised() -> None:
    """A server that knows more decided does not promise: it tells the candidate what that lacks, which asks
    again, in the same ballot, from its new first slot."""
    servers = Servers(3)
    servers.lead(0)
    servers.submit(0, "a")
    servers.deliver(lambda letter: 2 not in letter[:2])
    servers.crash(0)
    servers.log.clear()
    servers.lead(2)
    told = sent(servers.log, Decrees, Promise, Prepare)
    kinds = [(sender, type(message).__name__) for sender, _, message in told]
    assert kinds[:4] == [(2, "Prepare"), (2, "Prepare"), (1, "Decrees"), (2, "Prepare")]
    first, *_, last = [message for _, to, message in told if isinstance(message, Prepare) and to == 1]
    assert (first.first, last.first, first.ballot) == (0, 1, last.ballot)
    assert servers.nodes[2].is_leader
    assert servers.texts(2) == {0: "a"}


def test_consensus6_a_lower_ballot_is_refused_and_ends_a_leadership() -> None:
    """A leader that promises, or is refused with, a higher ballot stops leading."""
    servers = Servers(3)
    servers.lead(0)
    servers.give(1, BecomeLeader())
    servers.deliver(lambda letter: letter[1] != 0)
    servers.submit(0, "a")
    servers.deliver()
    assert not servers.nodes[0].is_leader
    assert servers.nodes[1].is_leader
    assert sent(servers.log, Nack)


def test_consensus6_a_candidate_that_is_behind_does_not_end_a_leadership() -> None:
    """A candidate that lacks what is decided does not make a leader stop."""
    servers = Servers(3)
    servers.lead(0)
    servers.submit(0, "a")
    servers.deliver(lambda letter: 2 not in letter[:2])
    servers.give(2, BecomeLeader())
    servers.deliver(lambda letter: not isinstance(letter[2], Decrees))
    assert servers.nodes[0].is_leader


# Leading.


def test_consensus6_a_leader_finds_what_was_accepted_and_fills_gaps() -> None:
    """A new leader proposes in each slot the value of the highest ballot that was accepted there, and a no-op
    where a higher slot was named and nothing found."""
    servers = Servers(5)
    servers.lead(0)
    servers.give(0, Skip((0,)))
    servers.submit(0, "a")
    servers.submit(0, "b", client=8)
    servers.deliver(lambda letter: letter[1] == 1)  # server 1 alone hears of slots 1 and 2
    servers.crash(0)
    servers.lead(1)
    assert servers.texts(1) == {0: "", 1: "a", 2: "b"}
    assert isinstance(servers.nodes[1].decided[0], NoOp)


def test_consensus6_the_highest_ballot_counts() -> None:
    """Of two values accepted in one slot the one of the higher ballot is proposed."""
    servers = Servers(3)
    servers.lead(0)
    servers.submit(0, "old")
    servers.post.clear()  # accepted by server 0 alone
    servers.crash(0)
    servers.lead(1)
    servers.submit(1, "new", client=8)
    servers.post.clear()  # accepted by server 1 alone
    servers.restart(0)
    servers.crash(2)
    servers.lead(0)
    assert not servers.nodes[0].is_leader, "its ballot was below server 1's"
    servers.lead(0)
    assert servers.texts(0) == {0: "new"}


def test_consensus6_one_value_for_a_slot_and_ballot() -> None:
    """Once a leader has proposed a value in a slot of its ballot it never proposes another one there."""
    servers = Servers(3)
    servers.lead(0)
    servers.submit(0, "a")
    servers.post.clear()
    for number in range(3):
        servers.give(0, Resend())
        servers.submit(0, f"later {number}", client=10 + number)
    values: dict[tuple[Ballot, int], set[object]] = {}
    for _, _, message in sent(servers.log, Accept):
        assert isinstance(message, Accept)
        values.setdefault((message.ballot, message.slot), set()).add(message.value)
    assert len(values) == 4
    assert all(len(found) == 1 for found in values.values())


def test_consensus6_several_slots_are_in_flight_up_to_the_window() -> None:
    """Several slots are in flight, and Accepts go out in slot order, none of them a window above the first
    undecided slot."""
    servers = Servers(3)
    servers.lead(0)
    servers.log.clear()
    for client in range(20):
        servers.submit(0, str(client), client=client)
    slots = [
        message.slot
        for _, to, message in sent(servers.log, Accept)
        if isinstance(message, Accept) and to == 1
    ]
    assert slots == list(range(8))
    servers.deliver()
    assert servers.texts(0) == {slot: str(slot) for slot in range(20)}


def test_consensus6_a_window_of_one_takes_one_value_at_a_time() -> None:
    """With a window of 1 a slot is decided before the next one is proposed."""
    servers = Servers(3, LogOptions(None, None, window=1))
    servers.lead(0)
    servers.log.clear()
    for client in range(3):
        servers.submit(0, str(client), client=client)
    assert len(sent(servers.log, Accept)) == 2
    servers.deliver()
    assert servers.texts(2) == {0: "0", 1: "1", 2: "2"}


def test_consensus6_skipped_slots_are_filled_where_the_window_ends() -> None:
    """Skipped slots count in the window: where the next message would get a slot beyond it, the leader first
    fills them with no-ops."""
    servers = Servers(3)
    servers.lead(0)
    servers.give(0, Skip((0, 2)))
    for client in range(6):
        servers.submit(0, str(client), client=client)
        servers.deliver()
    assert servers.nodes[0].first == 0
    servers.submit(0, "6", client=6)
    servers.deliver()
    assert servers.texts(0) == {0: "", 1: "0", 2: "", 3: "1", 4: "2", 5: "3", 6: "4", 7: "5", 8: "6"}
    (answer,) = servers.give(0, Skip((3, 20))).answers
    assert isinstance(answer, Rejected)
    assert answer.slots == (3,)


# Learning, and catching up.


def test_consensus6_a_slot_is_decided_by_a_majority_of_its_members() -> None:
    """A slot is decided once a majority of its members accepted in the same ballot, each counted once."""
    servers = Servers(5)
    servers.lead(0)
    servers.submit(0, "a")
    servers.post.clear()
    ballot = servers.nodes[0].leader_ballot
    for sender in (1, 1, 1, 9):
        servers.give(0, Received(sender, Accepted(ballot, 0)))
    servers.give(0, Received(2, Accepted(Ballot(9, 9), 0)))
    assert servers.texts(0) == {}
    servers.give(0, Received(2, Accepted(ballot, 0)))
    assert servers.texts(0) == {0: "a"}
    four = Servers(4)
    four.lead(0)
    four.submit(0, "a")
    four.post.clear()
    four.give(0, Received(1, Accepted(four.nodes[0].leader_ballot, 0)))
    assert four.texts(0) == {}, "two of four are half"


def test_consensus6_a_decide_counts_only_for_what_was_accepted_in_its_ballot() -> None:
    """A Decide, which has no value, counts only at a server that accepted exactly that ballot there; others
    ask for the value."""
    servers = Servers(3)
    servers.lead(0)
    servers.submit(0, "a")
    servers.deliver(lambda letter: not (accepts(letter) and letter[1] == 2))
    asked = [(sender, to) for sender, to, _ in sent(servers.log, Ask)]
    assert (2, 0) in asked
    assert servers.texts(2) == {0: "a"}, "and get it"
    # Accepted in a lower ballot: the value may be another one.
    other = Servers(3)
    other.lead(0)
    other.submit(0, "a")
    other.deliver(lambda letter: letter[1] == 2 and accepts(letter))
    effects = other.give(2, Received(1, Decide(Ballot(5, 1), 0)))
    assert other.texts(2) == {}
    assert any(isinstance(message, Ask) for _, message in effects.sends)


def test_consensus6_an_accept_for_a_decided_slot_is_answered_with_decrees() -> None:
    """An Accept for a slot that the receiver has decided is answered with the decrees from there on."""
    servers = Servers(3)
    servers.lead(0)
    for client in range(3):
        servers.submit(0, str(client), client=client)
    servers.deliver()
    effects = servers.give(1, Received(2, Accept(Ballot(9, 2), 1, NoOp())))
    ((to, message),) = effects.sends
    assert isinstance(message, Decrees)
    assert (to, [decree.slot for decree in message.decrees]) == (2, [1, 2])


def test_consensus6_who_is_behind_is_brought_level_by_anybody() -> None:
    """Heartbeats carry the sender's first undecided slot, and who is behind asks from its own, of whomever it
    heard that from."""
    servers = Servers(3)
    servers.lead(0)
    for client in range(5):
        servers.submit(0, str(client), client=client)
    servers.deliver(lambda letter: 2 not in letter[:2])
    servers.crash(0)
    servers.give(1, LinkUp(2))
    servers.deliver()
    assert [message.first for _, to, message in sent(servers.log, Heartbeat) if to == 2][-1] == 5  # type: ignore[attr-defined]
    assert servers.texts(2) == servers.texts(1) == {slot: str(slot) for slot in range(5)}


def test_consensus6_what_is_far_behind_comes_in_bounded_parts() -> None:
    """What a server lacks comes in messages of a bounded size."""
    servers = Servers(3, LogOptions(None, None, window=64, chunk_bytes=2000))
    servers.lead(0)
    for number in range(1, 31):
        servers.submit(0, "x" * 300, number=number)
        servers.deliver(lambda letter: 2 not in letter[:2])
    servers.log.clear()
    servers.give(0, LinkUp(2))
    servers.deliver()
    parts = [message for _, to, message in sent(servers.log, Decrees) if to == 2]
    assert len(parts) >= 6
    assert all(len(part.decrees) <= 7 for part in parts if isinstance(part, Decrees))
    assert servers.nodes[2].first == 30


# Snapshots.


def test_consensus6_a_snapshot_takes_the_place_of_what_is_below() -> None:
    """A snapshot is durable before anything is dropped; what is accepted or decided above it stays, and so
    does the promise."""
    servers = snapshotting(3, 4)
    servers.lead(0)
    servers.give(0, Skip((6,)))
    for client in range(6):
        servers.submit(0, str(client), client=client)
    servers.submit(0, "above the gap", client=90)
    servers.deliver()
    assert servers.nodes[0].first == 6
    effects = servers.give(0, SnapshotTaken(servers.answers(0, TakeSnapshot)[0].slot, "state"))
    first, *rest = effects.durable
    assert isinstance(first, Snapshot)
    assert any(isinstance(record, Promised) for record in rest)
    assert any(isinstance(record, Decided) and record.slot == 7 for record in rest)
    assert servers.nodes[0].base == first.slot
    servers.crash(0)
    servers.disks[0] = list(effects.durable)
    servers.restart(0)
    assert servers.nodes[0].decided[7] == Command(90, 1, 0, "above the gap")


def test_consensus6_a_server_that_is_far_behind_gets_the_snapshot() -> None:
    """A server that lacks what is in a snapshot gets that, is told to install it, and goes on above it."""
    servers = snapshotting(3, 4)
    servers.lead(0)
    for client in range(9):
        servers.submit(0, str(client), client=client)
        servers.deliver(lambda letter: 2 not in letter[:2])
        take_snapshots(servers)
    assert servers.nodes[0].base == 8
    servers.give(0, LinkUp(2))
    servers.deliver()
    assert servers.answers(2, Install) == [Install(8, "state below 8")]
    assert [answer.slot for answer in servers.answers(2, Applied)] == [8]
    # It knows who was answered before, though it never saw the commands.
    servers.crash(0)
    servers.lead(2)
    assert servers.submit(2, "3", client=3).answers == [Done(3, 1, 3)]


# Members.


def test_consensus6_a_change_of_members_holds_a_window_later() -> None:
    """A change of members decided in slot s holds from slot s + window on; the leader fills the slots up to
    there, asks the new members for promises, and tells when it is done."""
    servers = Servers(5, members=(0, 1, 2))
    servers.lead(0)
    servers.submit(0, "a")
    servers.deliver()
    servers.give(0, ChangeMembers((0, 3, 4)))
    servers.deliver()
    assert servers.nodes[0].decided[1] == Members((0, 3, 4))
    assert all(isinstance(servers.nodes[0].decided[slot], NoOp) for slot in range(2, 9))
    servers.submit(0, "b", number=2)
    servers.deliver()
    for _ in range(3):  # who was not there reports how far it is
        for id in (0, 3, 4):
            servers.give(id, Resend())
        servers.deliver()
    assert servers.texts(3)[9] == "b"
    assert servers.answers(0, MembersInForce) == [MembersInForce(9, (0, 3, 4))]
    ninth = [
        to
        for _, to, message in sent(servers.log, Accept)
        if isinstance(message, Accept) and message.slot == 9
    ]
    eighth = [
        to
        for _, to, message in sent(servers.log, Accept)
        if isinstance(message, Accept) and message.slot == 8
    ]
    assert (set(eighth), set(ninth)) == ({1, 2}, {3, 4})
    asked = [letter for letter in sent(servers.log, Prepare) if letter[1] == 3]
    assert asked, "a new member promises before anything is proposed in a slot of its"


@pytest.mark.parametrize("members", [(), (1, 1, 2)])
def test_consensus6_members_are_some_and_each_once(members: tuple[int, ...]) -> None:
    """An empty list of members, or one that names a server twice, is refused."""
    servers = Servers(3)
    servers.lead(0)
    (answer,) = servers.give(0, ChangeMembers(members)).answers
    assert isinstance(answer, Rejected)


def test_consensus6_a_leader_that_is_left_out_stops() -> None:
    """A leader that is left out leads up to the slot from which the new list holds, and no further."""
    servers = Servers(3)
    servers.lead(0)
    servers.give(0, ChangeMembers((1, 2)))
    servers.deliver()
    assert not servers.nodes[0].is_leader
    servers.lead(1)
    servers.submit(1, "a")
    servers.deliver()
    assert servers.texts(2)[8] == "a"
    assert 8 not in [message.slot for sender, _, message in sent(servers.log, Accept) if sender == 0]  # type: ignore[attr-defined]


def test_consensus6_who_is_no_member_never_campaigns() -> None:
    """A server that is no member as far as it knows never campaigns, but asks whom it knows."""
    node = LogNode(3, (0, 1, 2), CLOCK, Random(1))
    kinds: set[type] = set()
    for step in range(100):
        kinds |= {type(message) for _, message in node.step(step * 0.1, Tick()).sends}
    assert kinds == {Ask}


# Clients.


def test_consensus6_a_command_is_applied_at_most_once() -> None:
    """However often a command is sent, and in however many slots it stands, it is applied once, and answered
    each time with the slot where it was."""
    servers = Servers(5)
    servers.lead(0)
    servers.submit(0, "a")
    servers.post.clear()  # nobody else has it
    servers.crash(0)
    servers.lead(1)
    servers.submit(1, "x", client=9)
    servers.submit(1, "a")
    servers.deliver()
    assert servers.submit(1, "a").answers == [Done(7, 1, 1)]
    assert servers.submit(1, "a").answers == [Done(7, 1, 1)]
    assert [(answer.slot, answer.command) for answer in servers.answers(2, Applied)] == [(0, "x"), (1, "a")]
    # Found in a second slot after it was decided in a lower one: decided again, and not applied.
    late = Servers(5)
    late.lead(0)
    late.give(0, Skip((0,)))
    late.submit(0, "a")
    late.post.clear()  # accepted in slot 1 by server 0 alone
    late.crash(0)
    late.lead(1)
    late.submit(1, "a")
    late.deliver()
    late.restart(0)
    late.crash(1)
    late.lead(2, live=(0, 2, 3, 4))
    assert late.texts(2) == {0: "a", 1: "a"}
    for id in (0, 2, 3, 4):
        assert [answer.slot for answer in late.answers(id, Applied)] == [0]


def test_consensus6_a_client_is_answered_when_its_command_is_applied() -> None:
    """A client is answered when its command is applied, and not when it is only decided above a gap."""
    servers = Servers(3)
    servers.lead(0)
    servers.give(0, Skip((0,)))
    servers.submit(0, "a")
    servers.deliver()
    assert [answer.slot for answer in servers.answers(0, Chosen)] == [1]
    assert servers.answers(0, Done, Applied) == []
    servers.crash(1)
    servers.restart(1)
    servers.lead(1)
    servers.deliver()
    assert servers.answers(1, Applied) == [Applied(1, 7, 1, "a")]


def test_consensus6_a_command_that_waits_in_the_log_is_taken_once() -> None:
    """A leader ignores a command that waits in its log undecided."""
    servers = Servers(3)
    servers.lead(0)
    for _ in range(5):
        servers.submit(0, "a")
    servers.deliver()
    assert servers.texts(0) == {0: "a"}


def test_consensus6_clients_are_forgotten_by_slots() -> None:
    """The table of clients is bounded by slots: a client whose last command is forget_slots behind is
    dropped, and a command that was first sent so long ago is refused, everywhere alike."""
    servers = Servers(3, LogOptions(None, None, window=8, forget_slots=5))
    servers.lead(0)
    servers.submit(0, "a", client=1)
    for client in range(10, 17):
        servers.submit(0, "x", client=client, since=client - 9)
    servers.deliver()
    assert servers.submit(0, "a", client=1).answers == [Refused(1, 1)]
    assert servers.submit(0, "b", client=1, number=2, since=8).answers == []
    servers.deliver()
    assert servers.texts(2)[8] == "b"
    late = Servers(3, LogOptions(None, None, window=8, forget_slots=2))
    late.lead(0)
    for client in range(4):
        late.submit(0, "x", client=client)  # all of them sent first when no slot was known
    late.deliver()
    assert [answer.client for answer in late.answers(2, Applied)] == [0, 1]
    assert [answer.client for answer in late.answers(2, Refused)] == [2, 3], "refused where it is applied"


def test_consensus6_a_server_that_does_not_lead_names_who_does() -> None:
    """A server that does not lead names a leader that it has heard from within an election time-out, and none
    otherwise."""
    node = LogNode(1, (0, 1, 2), CLOCK, Random(1))
    submit = Submit(7, 1, 0, "a")
    assert node.step(0.0, submit).answers == [NotLeader(None)]
    node.step(0.1, Received(0, Heartbeat(Ballot(1, 0), 0, 0)))
    assert node.step(0.5, submit).answers == [NotLeader(0)]
    assert node.step(0.7, submit).answers == [NotLeader(None)]


# Heartbeats.


def test_consensus6_silence_makes_a_candidate() -> None:
    """A follower that hears no leader for one to two election time-outs campaigns."""
    for seed in range(20):
        node = LogNode(1, (0, 1, 2), CLOCK, Random(seed))
        node.step(0.0, Received(0, Heartbeat(Ballot(1, 0), 0, 0)))
        assert node.wake_at is not None
        assert 0.5 <= node.wake_at <= 1.0
        assert any(isinstance(message, Prepare) for _, message in node.step(node.wake_at, Tick()).sends)


def test_consensus6_a_lost_leader_is_followed_in_a_circle() -> None:
    """Losing the link to the leader counts as silence: the next member by id campaigns at once, the one after
    it a heartbeat later."""
    waits = {}
    for id in (0, 3, 4):
        node = LogNode(id, (0, 1, 2, 3, 4), CLOCK, Random(id))
        node.step(0.0, Received(2, Heartbeat(Ballot(1, 2), 0, 0)))
        effects = node.step(0.2, LinkDown(2))
        waits[id] = 0.0 if any(isinstance(message, Prepare) for _, message in effects.sends) else node.wake_at
    assert waits == {3: 0.0, 4: pytest.approx(0.3), 0: pytest.approx(0.4)}


def test_consensus6_a_leader_that_hears_from_no_majority_stops() -> None:
    """A leader that has heard from no majority for three election time-outs stops leading."""
    node = LogNode(0, (0, 1, 2), CLOCK, Random(1))
    node.step(0.0, BecomeLeader())
    node.step(0.0, Received(1, Promise(Ballot(1, 0), 0, None, ())))
    assert node.is_leader
    beat, ended = 0.1, None
    while ended is None and beat < 5:
        effects = node.step(beat, Tick())
        ended = beat if LeaderChanged(None) in effects.answers else None
        beat += 0.1
    assert ended == pytest.approx(1.6, abs=0.11)


def test_consensus6_what_is_unanswered_is_sent_again_every_heartbeat() -> None:
    """What is unanswered is sent again with every heartbeat, to those who have not answered."""
    node = LogNode(0, (0, 1, 2), CLOCK, Random(1))
    node.step(0.0, BecomeLeader())
    node.step(0.0, Received(1, Promise(Ballot(1, 0), 0, None, ())))
    node.step(0.0, Submit(7, 1, 0, "a"))
    again = [to for to, message in node.step(0.1, Tick()).sends if isinstance(message, Accept)]
    assert again == [1, 2]


def test_consensus6_a_server_alone_decides_at_once() -> None:
    """A log of one server decides by itself."""
    servers = Servers(1)
    servers.lead(0)
    assert servers.submit(0, "a").answers[-1] == Done(7, 1, 0)


# Storage.


def keeper_at(folder: Path) -> Keeper:
    return Keeper(LogFiles(str(folder), "log 0"), keeping())


def test_consensus6_what_a_log_keeps_on_disk_comes_back(tmp_path: Path) -> None:
    """What a server makes durable in files comes back as it was, and a torn end, whose reply never left, is
    dropped."""
    folder = tmp_path / "0"
    keeper = keeper_at(folder)
    assert list(keeper.read()) == []
    records = [
        Promised(Ballot(3, 0)),
        AcceptedRecord(0, Ballot(3, 0), Command(7, 1, 0, "a")),
        Decided(0, None),
    ]
    keeper.keep(list(records))
    keeper.keep([Promised(Ballot(4, 0))])
    keeper.close()
    journal = largest_file(folder)
    journal.write_bytes(journal.read_bytes()[:-1])
    again = keeper_at(folder)
    assert sorted(again.read(), key=str) == sorted(records, key=str)
    again.close()


def largest_file(folder: Path) -> Path:
    return max((path for path in folder.iterdir() if path.is_file()), key=lambda path: path.stat().st_size)


def test_consensus6_damage_is_refused_with_a_remedy(tmp_path: Path) -> None:
    """Damage in the middle of a journal keeps a server from starting, with the remedy."""
    folder = tmp_path / "0"
    keeper = keeper_at(folder)
    keeper.read()
    for slot in range(50):
        keeper.keep([AcceptedRecord(slot, Ballot(3, 0), Command(7, slot + 1, 0, "some text"))])
    keeper.close()
    journal = largest_file(folder)
    data = bytearray(journal.read_bytes())
    data[len(data) // 2] ^= 0xFF
    journal.write_bytes(data)
    with pytest.raises(StorageDamaged, match="restore"):
        keeper_at(folder).read()


def test_consensus6_prepares_name_the_first_undecided_slot() -> None:
    """Prepare names the candidate's first undecided slot, and promises tell what was accepted from there
    on."""
    servers = Servers(3)
    servers.lead(0)
    for client in range(3):
        servers.submit(0, str(client), client=client)
    servers.deliver()
    servers.submit(0, "open", client=9)
    servers.deliver(lambda letter: letter[1] == 1 and accepts(letter))
    servers.log.clear()
    servers.crash(0)
    servers.lead(2)
    firsts = {message.first for _, _, message in servers.log if isinstance(message, Prepare)}
    assert firsts == {3}
    told = [message for _, _, message in servers.log if isinstance(message, Promise)]
    assert [vote.slot for promise in told for vote in promise.accepted] == [3]
    assert servers.texts(2)[3] == "open"
    assert any(prepares(letter) for letter in servers.log)
