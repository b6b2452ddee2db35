"""Lines that no other small test comes to: what judges, replicas, servers and the wire do at a corner. Each
test here fails where its line does something else."""

from __future__ import annotations

from binascii import b2a_base64
from io import BytesIO
from typing import Any

import pytest

from bayou.check.commitgroup import _completed
from bayou.check.history import History
from bayou.check.lockmodel import EXPIRE, NOTHING, RELEASED, Lock, QueuedLock
from bayou.check.model import Operation
from bayou.check.state import State
from bayou.check.store import judge as judge_store
from bayou.core import functions as functions_module
from bayou.core.body import Body, Call, made_body
from bayou.core.errors import FunctionFault, PeerError
from bayou.core.functions import Functions
from bayou.core.items import Items
from bayou.core.name import ROOT, Name
from bayou.core.past import Base, BasePosition, Chunk, check_base
from bayou.core.replica import TENTATIVE, Replica
from bayou.core.vector import START, VersionVector
from bayou.core.votes import Vote
from bayou.core.write import CHANGE, CREATION, DELETE, GROUP, NOTICE, PUT, RETIREMENT, Write
from bayou.library import feed as feed_module
from bayou.library.feed import LocalFeed
from bayou.machine.effects import LinkUp, Ordered, Tick
from bayou.machine.messages import Failed, Links, Message
from bayou.node import reading
from bayou.node import server as server_module
from bayou.node.asks import Changed, Changes, FeedPosition, Outcome, Stand, Standing
from bayou.node.messages import (
    JOIN,
    REFUSED,
    AntiEntropy,
    AskConsent,
    Consent,
    Consented,
    Declined,
    End,
    Exported,
    GroupIs,
    HandOver,
    Hello,
    Pull,
    Request,
    Retire,
    SetGroup,
    TellGroup,
    Written,
)
from bayou.node.records import Promised
from bayou.node.using import Used
from bayou.node.voting import Voting
from bayou.wire.baserows import pack_rows, unpack_rows
from bayou.wire.codec import dump
from bayou.wire.columns import pack_numbers, pack_vector
from bayou.wire.errors import WireError
from bayou.wire.exports import BadExport, ExportHeader, ExportReader, ExportWriter
from bayou.wire.keeping import Keeping
from bayou.wire.token import PREFIX, BadToken, read_token
from bayou.wire.writes import pack_writes, unpack_collection, unpack_writes
from tests.rows import place, row
from tests.test_check import ROOT as ROOT_IDS
from tests.test_check import TWO, log, named, notice, put
from tests.test_check import A as A_IDS
from tests.test_check_group import ENTERED, FIRST, MADE, PROMISED, voted
from tests.test_check_rules import B as B_IDS
from tests.test_check_rules import crashed, own, restarted
from tests.test_group_bugs import Member
from tests.test_group_corners import grouped, retire, written
from tests.test_group_corners import named as named_nodes
from tests.test_holes_gossip import at_rest, news, pulls
from tests.test_log_judge import CHANGED, CLEARED, GOOD, applied, asked, broken, of
from tests.test_nodes import due, first, hear, only, order, said, system
from tests.test_sessions import LATER, OTHER, Program
from tests.test_sessions import PUT as PUT_ASK

A = ROOT.child(1)
TWO_ROWS = made_body({"name": "two", "do": [["set", "n", "a", 1], ["set", "n", "b", 1]]})
CALL = made_body({"name": "w", "call": ["book", 1], "args": {}})

# What judges make of locks and logs.


def test_who_was_expired_gives_nothing_back() -> None:
    """Not even what it holds, as far as anybody knows."""
    lock = Lock(1, (2,))
    assert lock.after_unlock(1) == (Lock(2), RELEASED)
    gone = Lock(1, (2,), (1,))
    assert gone.after_unlock(1) == (gone, NOTHING)


def test_a_lock_is_looked_at_in_a_state_of_a_lock_alone() -> None:
    """A mistake of ours, which must not pass for a history that nothing explains."""
    with pytest.raises(TypeError, match="5 is no state of a lock"):
        QueuedLock().step(5, Operation(1, 0, 1, "lock", None, None))
    with pytest.raises(TypeError, match="an expiry is of a client, not of 'x'"):
        QueuedLock().step(Lock(1), Operation(1, 0, 1, EXPIRE, "x", None))


def test_what_a_service_applies_again_after_a_crash_counts_once() -> None:
    """Told as something new it would be applied a second time."""
    again = of("applied", server=0, slot=0, client=0, number=1)
    assert broken([*GOOD[:-1], again | {"again": True}, CLEARED]) == []
    assert broken([*GOOD[:-1], again, CLEARED]) == ["at most once"]


def test_a_command_that_was_refused_is_not_lost() -> None:
    sent = [*GOOD[:-1], asked(2, "b")]
    assert broken([*sent, CLEARED]) == ["acknowledged"]
    assert broken([*sent, of("refused", client=0, number=2), CLEARED]) == []


def test_a_server_that_has_joined_is_to_be_level_with_the_others() -> None:
    """Before that nobody expects anything of it."""
    assert broken(CHANGED) == []
    assert broken([*CHANGED[:-1], of("joined", server=3), CLEARED]) == ["level"]


def test_a_server_that_is_said_to_be_restarted_had_crashed() -> None:
    """Nobody may have told that. Its service begins anew, and applies everything once more."""
    again = applied(0, 0, 1)
    assert broken([*GOOD[:-1], of("restarted", server=0), again, CLEARED]) == []
    assert broken([*GOOD[:-1], of("restarted", server=0), CLEARED]) == ["level"], "not yet"


# What judges make of the store.


def state(*events: Any) -> State:
    return State.of(History.of([*TWO, *events]))


def test_a_server_that_tells_its_name_again_after_a_crash_is_the_same() -> None:
    same = state(crashed(1), named(1, A_IDS) | {"again": True}, restarted(1))
    assert [(server.id, server.is_replaced) for server in same.servers] == [(0, False), (1, False)]
    other = state(crashed(1), named(1, [5]) | {"again": True}, restarted(1))
    assert [(server.id, server.is_replaced) for server in other.servers] == [
        (0, False),
        (1, True),
        (1, False),
    ]


@pytest.mark.parametrize(
    "told",
    [
        log(1, 1, tentative=[put(2, A_IDS)]),
        log(1, 1, [put(2, A_IDS)]),
        log(1, 1, [put(2, A_IDS)], [put(3, A_IDS)]),
    ],
)
def test_what_a_restarted_server_tells_of_its_log_again_is_left_aside_where_it_was_heard(told: Any) -> None:
    again = told | {"again": True}
    heard = state(told, crashed(1), again)
    assert len(heard.batches) == len(state(told).batches)
    assert heard.twice == heard.again == []
    anew = state(told, crashed(1), told)
    assert anew.twice or anew.again, "as something new it would be wrong"
    unheard = state(crashed(1), again)
    assert list(unheard.accepted) == list(state(told).accepted), "it may have crashed before it was heard of"
    assert unheard.accepted


def test_another_write_than_was_heard_at_a_csn_is_no_repetition() -> None:
    one, other = log(0, 1, [put(2, ROOT_IDS)]), log(0, 1, [put(3, ROOT_IDS)])
    (odd,) = state(one, crashed(0), other | {"again": True}).again
    assert (odd.write.id, odd.other) == ((3, ()), (2, ()))


def test_another_tentative_write_than_was_heard_is_no_repetition() -> None:
    one, both = [put(2, A_IDS)], [put(2, A_IDS), put(3, A_IDS)]
    told = state(log(1, 1, tentative=one), crashed(1), log(1, 1, tentative=both) | {"again": True})
    assert list(told.by_name[(1,)].tentative) == [(2, (1,)), (3, (1,))]


@pytest.mark.parametrize(
    "entries",
    [{ROOT: 0}, {ROOT: 1}, {ROOT: 3}, {ROOT: 3, A: 4}, {ROOT: 3, A: 5}, {A: 4}, {A: 5}, {A.child(5): 7}],
)
def test_judges_complete_a_vector_as_servers_do(entries: dict[Name, int]) -> None:
    """Though neither knows of the other: a missing root has retired, and a missing creator decides for those
    that it created."""
    vector = VersionVector(entries)
    upto = {name.stamps: stamp for name, stamp in entries.items()}
    for name in (ROOT, A, ROOT.child(2), A.child(5), A.child(6), A.child(5).child(8)):
        assert _completed(upto, name.stamps) == vector.completed(name), name


@pytest.mark.parametrize(("given", "words"), [(A_IDS, "valid"), (B_IDS, "invalid")])
def test_what_was_committed_of_a_decree_when_a_history_ends_is_its_beginning(
    given: list[int], words: str
) -> None:
    """The rest of what it names would have come later."""
    both = [put(4, A_IDS), put(4, B_IDS)]
    decree = [FIRST, 3, [[ROOT_IDS, 3], [A_IDS, 4], [B_IDS, 4]]]
    events = [
        *MADE, *ENTERED, *own(1, 3, both[0], 1), *own(2, 3, both[1], 2), log(0, 3, tentative=both), *PROMISED,
        voted(0, FIRST, decree), log(1, 3, tentative=both[1:]), voted(1, FIRST, decree),
        log(1, 3, [notice(4, given)]),
    ]  # fmt: skip
    assert judge_store(History.of(events))["decrees"].word == words


# Replicas.


def test_a_notice_of_a_write_that_is_not_here_is_a_peers_error() -> None:
    """Where nothing is tentative at all, too."""
    root = Replica(ROOT)
    created = root.create().created
    assert created is not None
    with pytest.raises(PeerError, match="which is not the next tentative write of it"):
        root.apply(Items(1, [Write(2, created, NOTICE, "", "", None)], []))
    assert root.csn == 1


def test_a_stamp_between_two_tentative_writes_is_that_of_none() -> None:
    """A session may ask for it all the same."""
    root = Replica(ROOT)
    here = Replica(root.create().created)
    here.apply(root.beyond(0, START))
    early = here.put(*row("a", "u"))
    for _ in range(9):
        root.put(*row("b", "u"))
    here.apply(root.beyond(here.csn, here.vector))
    late = here.put(*row("c", "u"))
    between = early.stamp + 1
    assert between < late.stamp
    for stamp, rows in ((early.stamp, place("a")), (between, ()), (late.stamp, place("c"))):
        assert reading.answer(here, Outcome(stamp, here.name), may_wait=False) == Standing(
            TENTATIVE, None, None, rows
        )


def test_general_writes_are_folded_as_long_as_there_is_room_for_all_their_rows() -> None:
    """And one at least, or nothing would ever be."""
    for rows_max, stops in ((1, [1, 2, 3]), (3, [1, 2, 3]), (4, [2, 3]), (5, [2, 3]), (6, [3])):
        replica = Replica(ROOT)
        for _ in range(3):
            replica.change(TWO_ROWS)
        assert [replica.fold(rows_max=rows_max) for _ in stops] == stops, rows_max


@pytest.mark.parametrize("stays", [True, False])
def test_who_finds_in_a_base_that_it_is_no_member_any_more_knows_of_which_epoch_it_was_one(
    stays: bool,
) -> None:
    """The new group may need it still."""
    member = Member()
    replica, others = member.replica, member.others
    epoch = replica.epoch
    group = (ROOT, *others) if stays else tuple(others)
    assert replica.receive_base(Chunk(BasePosition.beginning(0), [], 9, 0))
    vector = VersionVector({ROOT: 9, others[0]: 9, others[1]: 2})
    assert replica.install(Base(9, vector, group, 8, 9))
    assert (replica.group, replica.epoch, replica.is_in_group) == (group, 8, stays)
    assert replica.left == (None if stays else epoch)


def test_a_base_of_a_group_that_can_be_none_is_a_peers_error() -> None:
    vector, good = VersionVector({ROOT: 4, A: 2}), (ROOT, A)
    check_base(Base(4, vector, good, 4, 4))
    for group, epoch in (((), 0), ((A, ROOT), 0), ((A, A), 0), (good, 5), (good, -1)):
        with pytest.raises(PeerError, match="a base of CSN 4 with a group that can be none"):
            check_base(Base(4, vector, group, epoch, 4))


def test_a_write_has_the_fields_that_it_has() -> None:
    write = Write(3, ROOT, PUT, *row("a", "u"))
    assert write._replace(stamp=4) == Write(4, ROOT, PUT, *row("a", "u"))
    with pytest.raises(TypeError, match="a write has no csn, stmp"):
        write._replace(csn=1, stmp=4)  # type: ignore[call-arg]


# Functions.


def called(body: Body) -> Call:
    ((alternative),) = body.alternatives
    assert alternative.call is not None
    return alternative.call


@pytest.mark.parametrize("is_strict", [True, False])
@pytest.mark.parametrize("fault", functions_module.FAULTS)
def test_a_server_in_need_says_nothing_about_what_a_function_has_returned(
    fault: type[BaseException], is_strict: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else servers would come to different ends with the same write."""

    def fails(plain: object) -> None:
        raise fault("in need")

    functions = Functions({("book", 1): lambda view, args: []})
    call = called(CALL)

    def answer() -> Any:
        return functions.call(call, lambda *row: None, lambda query: [], is_strict=is_strict)

    assert answer() == ()
    monkeypatch.setattr(functions_module, "made_updates", fails)
    with pytest.raises(FunctionFault, match=r"book 1.*in need"):
        answer()


def test_whoever_is_strict_has_the_same_functions() -> None:
    assert Functions().strict.missing(CALL) == ("book", 1)
    functions = Functions()
    functions.register("book", 1, lambda view, args: [])
    assert functions.strict.missing(CALL) is None
    assert Functions().strict.missing(TWO_ROWS) is None


# What replicas answer.


def two_with_a_change() -> tuple[Replica, Replica]:
    """Return the root, which has folded a write of two rows, and a replica that has it in its log."""
    root = Replica(ROOT)
    other = Replica(root.create().created)
    root.change(TWO_ROWS)
    other.apply(root.beyond(0, START))
    root.fold()
    assert (root.past.base.csn, other.past.base.csn) == (2, 0)
    return root, other


def rest_of_half(asked_of: Replica) -> tuple[list[str], bool, FeedPosition]:
    """Return the keys that a feed is told next which has heard of one row of the two, whether the write is
    told whole then, and where the feed stands."""
    root, _ = two_with_a_change()
    half = reading.answer(root, Changes(None, 1), may_wait=False)
    assert isinstance(half, Changed)
    assert ([row.key for row in half.rows], half.is_whole) == (["a"], False)
    rest = reading.answer(asked_of, Changes(half.position, 9), may_wait=False)
    assert isinstance(rest, Changed)
    return [row.key for row in rest.rows], rest.is_whole, rest.position


def test_a_feed_told_half_of_a_write_is_told_all_of_it_by_a_server_that_has_not_folded_it() -> None:
    """Of a base rows are told one by one; of a log writes, each as a whole."""
    _, other = two_with_a_change()
    assert rest_of_half(other) == (["a", "b"], True, FeedPosition(2))


def test_a_feed_told_half_of_the_last_write_of_a_base_is_told_the_other_half() -> None:
    root, _ = two_with_a_change()
    assert rest_of_half(root) == (["b"], True, FeedPosition(2))


def test_a_reader_of_a_replica_is_told_all_rows_of_the_last_write_of_a_base(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    root, _ = two_with_a_change()
    monkeypatch.setattr(feed_module, "ROWS_MAX", 1)
    feed, keys = LocalFeed(root, None, committed=True), []
    while feed.has_more(root):
        keys += [told[1] for told, _ in feed.more(root)]
    assert keys == ["a", "b"]


def test_a_feed_that_has_come_further_than_a_server_waits_for_it() -> None:
    _, other = two_with_a_change()
    ahead = FeedPosition(3)
    assert reading.answer(other, Changes(ahead, 9), may_wait=False) == Changed([], ahead, True, 2)
    assert reading.answer(other, Changes(ahead, 9), may_wait=True) is None


# Sessions.


def test_a_program_is_told_how_its_sessions_are_connected() -> None:
    assert Program(0, 1).machine.survey((0, 1), (7,)) == Links((0, 1), (7,))


@pytest.mark.parametrize("verdict", ["ok", REFUSED])
def test_an_answer_by_a_server_that_was_not_asked_is_left_aside(verdict: str) -> None:
    """A session believes nobody else that its write was carried out, or that it was not."""
    program = Program(0, 1)
    session = program.open()
    program.use(session, PUT_ASK)
    assert program.last[0] == 0
    program.reply(Written(12, OTHER), verdict=verdict, vector=LATER, by=1)
    assert program.answers == []
    assert len(program.sent) == 1
    assert program.machine.session(session).own == {}
    program.reply(Written(12, ROOT))
    assert program.answers == [Used(Written(12, ROOT), ROOT)]
    assert program.machine.session(session).own == {(12, ROOT): None}


def test_a_kind_of_write_that_nobody_carries_out_costs_the_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As if this one, a read, were a write of a version to come."""
    node = first()
    assert not hear(node, 9, Request(1, 1, Stand(), None, None)).drops
    monkeypatch.setattr(Stand, "is_write", True)
    effects = hear(node, 9, Request(1, 2, Stand(), None, None))
    assert effects.drops == [(9, "nobody here can carry out a request of the kind Stand")]
    assert (effects.sends, effects.durable, len(node.replica.log)) == ([], [], 0)


# Servers.


def test_what_is_kept_of_where_servers_stand_is_of_servers_that_are_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else whoever makes up names would fill the memory."""
    monkeypatch.setattr(server_module, "HEARD_MAX", 2)
    nodes = named_nodes(2)
    node, other = nodes[0], nodes[1].replica.name
    hear(node, 1, Pull(1 << 50, JOIN, 1, START))
    for id in (50, 51, 52):
        node.step(0.0, LinkUp(id, Hello(is_server=True, name=ROOT.child(id))))
        hear(node, id, Pull(1 << 50, JOIN, 0, START))
    assert node.heard == {other: (1, START), ROOT.child(52): (0, START)}


def test_who_can_not_take_over_a_write_that_calls_what_is_missing_declines() -> None:
    """Whoever retires turns to somebody else, and does not wait for ever."""
    nodes = system(2)
    pull = only(hear(nodes[0], 1, HandOver(9)))
    assert isinstance(pull, Pull)
    effects = hear(
        nodes[0], 1, AntiEntropy(pull.serial, 0, Items(nodes[0].replica.csn, [], [calling(nodes[1].replica)]))
    )
    assert effects.sends == [(1, Declined(9))]
    assert effects.drops == []
    assert not nodes[0].replica.log.tentative


def calling(replica: Replica) -> Write:
    """Return a write of a server that calls a function which none has here."""
    return Write(replica.clock.now + 1, replica.name, CHANGE, "", "", CALL.text)  # type: ignore[arg-type]


def test_when_the_rest_is_over_of_whoever_has_what_can_not_be_carried_out_it_alone_is_asked_again() -> None:
    nodes = at_rest(3)
    node, sender = nodes[0], nodes[1].replica
    write = calling(sender)
    ahead = VersionVector(
        {**dict(zip(sender.vector.names, sender.vector.stamps, strict=True)), write.server: write.stamp}
    )
    (pull,) = pulls(hear(node, 1, type(news(nodes[1]))(sender.csn, ahead), now=10.0))
    hear(node, 1, AntiEntropy(pull.serial, 0, Items(node.replica.csn, [], [write])), now=10.0)
    assert [missing.function for _, missing in node.lacking] == ["book"]
    assert due(node) == 11.0
    again = node.step(11.0, Tick())
    assert [(peer, type(message)) for peer, message in again.sends] == [(1, Pull)]


# The commit group.


def test_a_vote_of_an_epoch_that_an_exchange_has_not_come_to_is_a_peers_error() -> None:
    """It would have brought the group write that makes the epoch. Earlier votes mean nothing any more."""
    member = Member()
    voting, epoch, other = Voting(member), member.replica.epoch, member.others[0]
    with pytest.raises(PeerError, match=f"a vote in the epoch {epoch + 1}, where {epoch} is that"):
        voting.take_in((Vote(other, epoch + 1, 1, other),))
    voting.take_in((Vote(other, epoch - 1, 1, other),))
    assert voting.votes.of(other) is None
    voting.take_in((Vote(other, epoch, 1, other),))
    assert voting.votes.of(other) == Vote(other, epoch, 1, other)


def test_who_has_retired_answers_nothing_about_the_group() -> None:
    node = system(2)[1]
    ((_, told),) = order(node, TellGroup()).answers
    assert isinstance(told, GroupIs)
    order(node, Retire())
    assert node.replica.retired
    for asked_for in (TellGroup(), Consent(0)):
        assert node.step(0.0, Ordered(2, asked_for)).answers == [
            (2, Failed("it is leaving, or no member yet"))
        ]


def test_who_has_accepted_that_it_leaves_the_group_asks_nobody_else() -> None:
    """It waits until that is committed, or another change was before it."""
    nodes = grouped(4, 0, 1, 2)
    leaving = nodes[0]
    for peer, message in retire(leaving):
        ((_, answer),) = hear(nodes[peer], 0, message).sends
        hear(leaving, peer, answer)
    (group,) = written(leaving)
    assert leaving.replica.name not in group
    for _ in range(3):
        again = leaving.step(due(leaving), Tick())
        assert said(again) == []
        assert written(leaving) == [group]


def changing(nodes: dict[int, Any], at: int, *members: int) -> int:
    """Let an operator want this group at one of the servers; return the token of what it asks of others."""
    names = tuple(nodes[id].replica.name for id in members)
    effects = nodes[at].step(0.0, Ordered(7, SetGroup(names)))
    assert effects.answers == []
    (token,) = {message.token for _, message in effects.sends if isinstance(message, AskConsent)}
    return token


MEANWHILE: list[tuple[int, Message]] = [(7, Failed("the group has been changed meanwhile"))]


def test_a_change_is_given_up_where_another_one_was_made_before_the_consents_came() -> None:
    nodes = named_nodes(3)
    asker, root = nodes[1], nodes[0].replica
    token = changing(nodes, 1, 0, 1)
    root.apply(nodes[2].replica.beyond(root.csn, root.vector))
    root.regroup([nodes[id].replica.name for id in (0, 2)])
    asker.replica.apply(root.beyond(asker.replica.csn, asker.replica.vector))
    assert asker.step(0.0, Tick()).answers == MEANWHILE
    assert hear(asker, 0, Consented(token)).answers == []
    assert written(asker) == []


def test_a_change_is_given_up_where_the_primary_finds_another_one_among_what_it_marks_first() -> None:
    """It has the last consent, and commits what it holds before its own group write: which would be for an
    epoch that is over."""
    nodes = named_nodes(3)
    primary, other = nodes[0], nodes[2].replica
    names = [nodes[id].replica.name for id in range(3)]
    token = changing(nodes, 0, 0, 1)
    other.regroup([names[0], names[2]])
    primary.replica.apply(other.beyond(primary.replica.csn, primary.replica.vector))
    assert primary.replica.is_primary
    assert hear(primary, 1, Consented(token)).answers == MEANWHILE
    assert primary.replica.group == (names[0], names[2])
    assert [write.server for write in primary.replica.log if write.kind == GROUP] == [names[2]]


# The wire.


def test_no_rows_at_all_are_packed_as_nothing() -> None:
    assert pack_rows([]) == ()
    assert unpack_rows(()) == []


def token_of(*plain: Any) -> str:
    """Return a text in the form of a token that says this."""
    text = b2a_base64(dump(plain), newline=False).decode().rstrip("=")
    return PREFIX + text.replace("+", "-").replace("/", "_")


def test_a_token_whose_fields_are_none_is_damaged() -> None:
    chosen, vectors = (True, False, True, True), (pack_vector(START), pack_vector(VersionVector({ROOT: 3})))
    token = read_token(token_of("c" * 64, chosen, *vectors))
    assert (token.cluster, token.writes) == ("c" * 64, VersionVector({ROOT: 3}))
    assert not token.guarantees.monotonic_reads
    for cluster, guarantees, why in (
        (b"c", chosen, "fields of the wrong types"),
        ("c" * 65, chosen, "fields of the wrong types"),
        ("c", b"\1\0\1\1", "fields of the wrong types"),
        ("c", chosen[1:], "guarantees that are none"),
        ("c", (*chosen, True), "guarantees that are none"),
        ("c", (1, 0, 1, 1), "guarantees that are none"),
    ):
        with pytest.raises(BadToken, match=f"is damaged: {why}"):
            read_token(token_of(cluster, guarantees, *vectors))


@pytest.mark.parametrize("plain", [5, ((),), ((2, ()),), (5,), (("x", ()),), (([], ()),)])
def test_bytes_that_are_no_batch_of_records(plain: Any) -> None:
    keeping = Keeping({1: Promised})
    batch = keeping.pack([Promised(A)])
    assert keeping.unpack(batch) == [Promised(A)]
    with pytest.raises(WireError, match="no batch of records"):
        keeping.unpack(dump(plain))


@pytest.mark.parametrize(
    ("kind", "value", "payload"),
    [
        (DELETE, None, "x"),
        (CREATION, None, "0"),
        (RETIREMENT, A, ""),
        (RETIREMENT, A, "-1"),
        (RETIREMENT, A, "x"),
        (RETIREMENT, A, "\u0661"),
        (RETIREMENT, A, "00001"),
    ],
)
def test_a_payload_that_is_not_what_its_tag_says(kind: int, value: Name | None, payload: str) -> None:
    """Beside others whose payload is right: the columns fit."""
    where = place("a") if kind == DELETE else ("", "")
    writes = [Write(7, ROOT, kind, *where, value), Write(8, ROOT, PUT, *row("b", "u"))]
    packed = pack_writes(writes)
    assert isinstance(packed, tuple)
    assert unpack_writes(packed) == writes
    columns = pack_numbers([len(payload), 3]), f'{payload}"u"'
    with pytest.raises(WireError, match="a payload that is not what its tag says"):
        unpack_writes((*packed[:-2], *columns))


def test_a_collection_has_a_text_for_a_name() -> None:
    assert unpack_collection("notes") == "notes"
    for plain, kind in ((5, "int"), (None, "NoneType"), (b"notes", "bytes")):
        with pytest.raises(WireError, match=f"a {kind} where the name of a collection is due"):
            unpack_collection(plain)


def test_a_file_that_was_cut_short_since_its_code_was_found_right() -> None:
    """Somebody writes it anew, or its disk fails, while it is read."""
    secret, out = b"s" * 32, BytesIO()
    writer = ExportWriter(out, secret, ExportHeader("c", ROOT, 0.0, 0, START))
    begins = out.tell()
    piece = Exported(Items(0, [], []), end=End(0, START))
    writer.write(piece)
    writer.finish()
    reader = ExportReader(out, [secret], "the file")
    assert list(reader.pieces()) == [piece]
    for kept in range(5):
        out.truncate(begins + kept)
        out.seek(0)
        with pytest.raises(BadExport, match="the file ends in the middle of a piece"):
            list(reader.pieces())
        out.seek(begins + kept)
        out.write(b"P" * 5)
