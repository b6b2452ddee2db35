"""Sessions that share connections: where they ask, when they move on, and what they are certain of."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayou.core.name import ROOT, Name
from bayou.core.values import text_value
from bayou.core.vector import START, VersionVector
from bayou.machine.effects import LinkDown, LinkUp, Ordered, Received, Tick
from bayou.machine.messages import Failed, Message, Probe, Waiting
from bayou.node.asks import AwaitCommitted, Edit, Page, Pending, Stand, Update, Version
from bayou.node.desk import Desk
from bayou.node.messages import (
    NO_ROOM,
    OK,
    REFUSED,
    Answer,
    Delete,
    Floor,
    Get,
    Got,
    Hello,
    Lacking,
    Pull,
    Put,
    Reply,
    Request,
    Written,
)
from bayou.node.session import Guarantees, Session
from bayou.node.sessions import DOUBTS_MAX, OWN_MAX, Errand, Sessions
from bayou.node.using import (
    NO_ROOM_ANYWHERE,
    NOT_RECENT,
    OUTCOME_UNKNOWN,
    UNAVAILABLE,
    NotUsed,
    Use,
    Used,
    Wish,
)
from bayou.wire.token import PREFIX, BadToken, Token, read_token, write_token
from tests.messages import vectors
from tests.session_machines import Roaming, roam
from tests.test_nodes import Numbers

GET = Get("notes", "k")
PUT = Put("notes", "k", text_value("v"))
OTHER = ROOT.child(5)
LATER = VersionVector({ROOT: 9})


class Program:
    """Sessions with servers 0 (the root) and 1 (OTHER) that a test plays itself."""

    def __init__(self, *servers: int) -> None:
        self.machine = Sessions(100, Numbers(1))
        self.now = 0.0
        self.orders = 0
        self.answers: list[Message] = []
        self.sent: list[tuple[int, Request]] = []
        self.drops: list[tuple[int, str]] = []
        for server in servers:
            self.connect(server)

    def give(self, given: Any) -> None:
        effects = self.machine.step(self.now, given)
        self.machine.check()
        self.answers += [answer for _, answer in effects.answers]
        self.sent += effects.sends  # type: ignore[arg-type]
        self.drops += effects.drops

    def connect(self, server: int, name: Name | None = None) -> None:
        self.give(LinkUp(server, Hello(is_server=True, name=name or (ROOT, OTHER)[server])))

    def open(self, guarantees: Guarantees | None = None) -> int:
        return self.machine.open(guarantees or Guarantees())

    def use(self, session: int, ask: Any, timeout_s: float = 10.0) -> None:
        self.orders += 1
        self.give(Ordered(self.orders, Use(session, ask, timeout_s)))

    def wait(self, now: float) -> None:
        """Let time pass, with a tick whenever one is wanted."""
        while self.machine.wake_at is not None and self.machine.wake_at <= now:
            self.now = max(self.now, self.machine.wake_at)
            self.give(Tick())
        self.now = now

    def reply(
        self,
        reply: Reply | None,
        *,
        verdict: str = OK,
        vector: VersionVector | None = None,
        to: int = -1,
        by: int | None = None,
    ) -> None:
        server, request = self.sent[to]
        answer = Answer(request.session, request.number, verdict, reply, vector)
        self.give(Received(server if by is None else by, answer))

    @property
    def last(self) -> tuple[int, Request]:
        return self.sent[-1]


def test_a_read_and_a_write_are_answered_and_make_demands_of_what_comes_next() -> None:
    program = Program(0)
    session = program.open()
    program.use(session, GET)
    server, request = program.last
    assert (server, request) == (0, Request(session, 1, GET, START, VersionVector({})))
    program.reply(Got(text_value("u")), vector=LATER)
    program.use(session, PUT)
    assert program.last[1] == Request(session, 2, PUT, LATER, VersionVector({}))
    program.reply(Written(12, ROOT))
    program.use(session, GET)
    assert program.last[1].writes == VersionVector({ROOT: 12})
    assert program.answers == [Used(Got(text_value("u")), ROOT), Used(Written(12, ROOT), ROOT)]
    assert program.machine.server_of(session) is ROOT


def test_sessions_share_a_connection_and_each_has_one_request_under_way() -> None:
    program = Program(0)
    first, second = program.open(), program.open()
    program.use(first, GET)
    program.use(second, GET)
    program.use(first, GET)
    assert [request.session for _, request in program.sent] == [first, second]
    assert program.answers == [Failed("its last request is still under way")]
    program.reply(Got(None), vector=LATER, to=1)
    assert program.answers[1:] == [Used(Got(None), ROOT)]
    program.use(77, GET)
    assert program.answers[2:] == [Failed("there is no such session")]


def test_a_request_is_sent_again_under_its_number_and_the_second_answer_is_left_aside() -> None:
    program = Program(0)
    session = program.open()
    program.use(session, PUT)
    program.wait(1.0)
    assert program.sent[0] == program.sent[1]
    program.reply(Written(12, ROOT))
    program.reply(Written(12, ROOT))
    assert program.answers == [Used(Written(12, ROOT), ROOT)]
    assert program.machine.wake_at is None


def test_a_read_moves_on_where_its_server_is_gone() -> None:
    program = Program(0, 1)
    session = program.open()
    program.use(session, GET)
    program.give(LinkDown(0))
    server, request = program.last
    assert (server, request.number) == (1, 2)
    program.reply(Got(None), to=0, by=0)
    assert program.answers == [], "it was asked under another number by then"
    program.reply(Got(None), vector=LATER)
    assert program.answers == [Used(Got(None), OTHER)]
    program.connect(0)
    program.use(session, GET)
    assert program.last[0] == 1, "it stays where it is"


@pytest.mark.parametrize(("ask", "verdict"), [(GET, REFUSED), (PUT, REFUSED), (PUT, NO_ROOM)])
def test_whatever_is_refused_moves_on_and_comes_back_until_its_time_is_up(ask: Any, verdict: str) -> None:
    program = Program(0, 1)
    session = program.open()
    program.use(session, ask, 1.9)
    lacking = Lacking(OTHER, 7)
    program.reply(lacking, verdict=verdict)
    assert program.last[0] == 1
    program.reply(lacking, verdict=verdict)
    assert len(program.sent) == 2, "all have been asked"
    assert program.machine.wishes == (Wish(None, (ROOT, OTHER)),)
    program.wait(1.0)
    assert program.last[1].number == 3, "again, as they may have heard of it by now"
    program.reply(lacking, verdict=verdict)
    program.reply(lacking, verdict=verdict)
    program.wait(1.9)
    why = NO_ROOM_ANYWHERE if verdict == NO_ROOM else NOT_RECENT
    assert program.answers == [NotUsed(why, lacking, 4)]
    assert not program.machine.wishes


def test_a_write_that_may_have_left_waits_for_the_server_of_that_name() -> None:
    program = Program(0, 1)
    session = program.open()
    program.use(session, PUT)
    program.give(LinkDown(0))
    assert len(program.sent) == 1
    assert program.machine.wishes == (Wish(ROOT),)
    program.give(LinkUp(0, Hello(is_server=True, name=ROOT.child(9))))
    assert len(program.sent) == 1, "another server at the same place"
    program.give(LinkUp(7, Hello(is_server=True, name=ROOT)))
    assert program.sent[1] == (7, program.sent[0][1]), "the same server at another place"
    program.reply(Written(12, ROOT))
    assert program.answers == [Used(Written(12, ROOT), ROOT)]


def test_a_write_that_certainly_never_left_goes_to_anybody() -> None:
    program = Program()
    session = program.open()
    program.use(session, PUT)
    assert program.machine.wishes == (Wish(None),)
    program.connect(1)
    assert program.last[0] == 1


def test_after_an_unknown_outcome_the_session_reads_before_it_writes() -> None:
    program = Program(0)
    session = program.open()
    program.use(session, PUT, 2.0)
    program.wait(2.0)
    assert program.answers == [NotUsed(OUTCOME_UNKNOWN, None, 1)]
    program.use(session, PUT)
    assert program.last[1].ask == Stand()
    program.reply(None, vector=LATER)
    assert (program.last[1].ask, program.last[1].reads) == (PUT, LATER)
    program.reply(Written(13, ROOT))
    program.use(session, PUT)
    assert program.last[1].ask == PUT


def test_an_answer_that_comes_after_all_is_learned() -> None:
    program = Program(0)
    session = program.open()
    program.use(session, PUT, 2.0)
    program.wait(2.0)
    program.use(session, GET)
    program.reply(Written(12, ROOT), to=0)
    assert len(program.answers) == 1, "nobody waits for it"
    assert program.machine.session(session).state.writes == VersionVector({ROOT: 12})
    for _ in range(DOUBTS_MAX + 5):
        program.reply(Got(None), vector=LATER)
        program.use(session, PUT, 2.0)
        program.wait(program.now + 2.0)
        program.use(session, GET)
    assert len(program.machine.session(session).doubts) == DOUBTS_MAX


def test_all_writes_of_an_update_are_learned_that_is_answered_after_all() -> None:
    program = Program(0)
    session = program.open()
    program.use(session, Update((Edit("n", "a", text_value("1")), Edit("n", "b", text_value("1")))), 2.0)
    program.wait(2.0)
    program.use(session, GET)
    program.reply(Written(12, ROOT), to=0)
    assert list(program.machine.session(session).own) == [(11, ROOT), (12, ROOT)]


def test_a_server_that_does_not_answer_a_read_is_left_for_another() -> None:
    program = Program(0, 1)
    session = program.open()
    program.use(session, GET, 5.0)
    program.wait(1.0)
    assert program.last[0] == 1
    program.wait(2.0)
    assert program.last[0] == 1, "there is nobody else: the same again"
    program.wait(5.0)
    assert program.answers == [NotUsed(UNAVAILABLE, None, program.last[1].number)]


def test_nobody_is_there() -> None:
    program = Program()
    program.use(program.open(), GET, 3.0)
    program.wait(3.0)
    assert program.answers == [NotUsed(UNAVAILABLE, None, 0)]


def test_a_server_without_a_name_is_asked_when_it_has_one() -> None:
    program = Program()
    program.give(LinkUp(0, Hello(is_server=True)))
    session = program.open()
    program.use(session, GET)
    assert program.sent == []
    effects = program.machine.has_name(0.0, 0, OTHER)
    assert [peer for peer, _ in effects.sends] == [0]


def test_who_is_no_server_or_talks_nonsense_is_dropped() -> None:
    program = Program(0)
    program.give(LinkUp(5, None))
    program.give(LinkUp(6, Hello(is_server=False)))
    program.give(Received(0, Pull(1, "join", 0, START)))
    program.give(Ordered(9, Pull(1, "join", 0, START)))
    assert program.drops == [
        (5, "nothing where a Hello is due"),
        (6, "a client where a server is due"),
        (0, "Pull is no message for a client"),
    ]
    assert program.answers == [Failed("Pull is no order for sessions")]


def test_what_waits_is_given_the_time_that_it_asked_for() -> None:
    program = Program(0)
    session = program.open()
    program.use(session, AwaitCommitted(3, ROOT, 30.0), 5.0)
    program.wait(30.0)
    assert len(program.sent) == 1
    program.wait(31.5)
    assert len(program.sent) == 2
    program.wait(35.0)
    assert program.answers == [NotUsed(UNAVAILABLE, None, 1)]
    program.use(session, GET)
    program.give(Ordered(9, Probe()))
    assert isinstance(program.answers[-1], Waiting)


def test_reads_have_a_floor_and_writes_have_none() -> None:
    program = Program(0)
    session = program.open(Guarantees(read_your_writes=False))
    program.machine.at_least(session, csn=4, write=(7, OTHER), wait_s=2.0)
    program.machine.at_least(session, csn=3, write=(6, OTHER), wait_s=2.0)
    program.use(session, GET)
    request = program.last[1]
    assert (request.floor, request.writes) == (Floor(4, 2.0), VersionVector({OTHER: 7}))
    program.reply(Got(None), vector=LATER)
    program.use(session, PUT)
    assert (program.last[1].floor, program.last[1].writes) == (None, VersionVector({}))


def test_of_what_is_pending_a_session_hears_its_own() -> None:
    program = Program(0)
    session = program.open()
    edits = tuple(Edit("notes", str(at), text_value("v")) for at in range(3))
    program.use(session, Update(edits))
    program.reply(Written(12, ROOT))
    rows = [Version("notes", str(stamp), None, 0, False, stamp, ROOT) for stamp in range(8, 14)]
    program.use(session, Pending(program.machine.session(session).state.writes))
    program.reply(Page(rows, True), vector=LATER)
    assert program.answers[1] == Used(Page(rows[2:5], True), ROOT)
    program.use(session, Pending(None))
    program.reply(Page(rows, True), vector=LATER)
    assert program.answers[2] == Used(Page(rows, True), ROOT), "all of the server's"


def test_a_session_knows_only_so_many_writes_as_its_own() -> None:
    program = Program(0)
    session = program.machine.session(program.open())
    for stamp in range(OWN_MAX + 10):
        session.learn(Answer(1, 1, OK, Written(stamp + 1, ROOT)), 1)
    assert len(session.own) == OWN_MAX
    assert (OWN_MAX + 10, ROOT) in session.own


def test_a_session_that_is_closed_hears_no_more() -> None:
    program = Program(0)
    session = program.open()
    program.use(session, GET)
    program.machine.close(session)
    program.reply(Got(None), vector=LATER)
    program.give(LinkDown(0))
    assert program.answers == []
    assert program.machine.wake_at is None


# Tokens.


@given(vectors, vectors, st.tuples(*[st.booleans()] * 4))
def test_a_token_says_what_it_was_given(reads: VersionVector, writes: VersionVector, chosen: Any) -> None:
    token = Token("4f2a", Guarantees(*chosen), reads, writes)
    text = write_token(token)
    assert text.startswith(PREFIX)
    assert text.replace("-", "").replace("_", "").replace(".", "").isalnum()
    assert read_token(text) == token


@given(st.text(max_size=40) | st.text(max_size=40).map(lambda text: PREFIX + text), st.data())
def test_a_text_that_is_no_token_is_refused(text: str, data: st.DataObject) -> None:
    whole = write_token(Token("4f2a", Guarantees(), LATER, START))
    at = data.draw(st.integers(0, len(whole) - 1))
    for odd in (text, whole[:at]):
        with pytest.raises(BadToken, match="token of a session"):
            read_token(odd)
    with suppress(BadToken):  # a change may make another token of it
        read_token(whole[:at] + data.draw(st.characters()) + whole[at + 1 :])


def test_a_token_that_is_too_long_is_not_read() -> None:
    with pytest.raises(BadToken):
        read_token(PREFIX + "A" * (1 << 20))


# Walks.


@pytest.mark.parametrize("seed", range(30))
def test_sessions_that_move_lose_nothing_and_do_nothing_twice(seed: int) -> None:
    roam(seed)


def test_walks_see_what_is_worth_seeing() -> None:
    seen = Roaming(0).seen
    for seed in range(12):
        seen += roam(seed).seen
    wanted = {"read", "written", "a token", "a crash", OUTCOME_UNKNOWN, UNAVAILABLE, NOT_RECENT}
    assert {what for what, count in seen.items() if count} == wanted


def roam_all(count: int) -> None:
    for seed in range(count):
        roam(seed)


def _sent_to_anybody(patch: pytest.MonkeyPatch) -> None:
    """Whoever is connected is sent a write that may have been carried out."""
    patch.setattr(
        Sessions,
        "_peers_for",
        lambda self, errand: [at for at, name in self._links.items() if name is not None],
    )


def _taken_for_new(patch: pytest.MonkeyPatch) -> None:
    """A write whose server is gone is begun anew."""
    patch.setattr(Errand, "is_uncertain", property(lambda self: False))


def _writes_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Session, "has_written", lambda self, stamp, server: None)


def _reads_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Session, "has_read", lambda self, vector: None)


def _carried_out_twice(patch: pytest.MonkeyPatch) -> None:
    def on_request(self: Desk, peer: int, message: Request) -> None:
        self._numbers.clear()
        original(self, peer, message)

    original = Desk.on_request
    patch.setattr(Desk, "on_request", on_request)


@pytest.mark.parametrize(
    "plant", [_sent_to_anybody, _taken_for_new, _writes_forgotten, _reads_forgotten, _carried_out_twice]
)
def test_walks_find_planted_bugs(plant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    with pytest.raises(AssertionError):
        roam_all(60)


def test_a_delete_is_a_write() -> None:
    assert Delete.is_write
    assert not Get.is_write
