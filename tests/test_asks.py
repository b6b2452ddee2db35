"""What sessions seldom ask, at one server: against what walking through its whole log says."""

from __future__ import annotations

import random
import tracemalloc
from typing import Any

import pytest

import bayou
import bayou.library.feed as feed_module
from bayou.core.body import Body, made_body
from bayou.core.errors import PeerError
from bayou.core.items import Items
from bayou.core.name import ROOT, Name
from bayou.core.past import LAST
from bayou.core.replica import COMMITTED as IS_COMMITTED
from bayou.core.replica import TENTATIVE, UNKNOWN, Replica
from bayou.core.values import Value, text_value, to_value
from bayou.core.vector import RETIRED, START, VersionVector
from bayou.core.write import DELETE, PUT
from bayou.library.feed import LocalFeed
from bayou.machine.effects import LinkDown, Tick
from bayou.node import reading, waiting
from bayou.node.asks import (
    PAGE_MAX,
    UPDATE_MAX,
    AwaitCommitted,
    Change,
    Changed,
    Changes,
    Collections,
    Contended,
    Edit,
    FeedPosition,
    Names,
    Outcome,
    Page,
    Pending,
    Row,
    Rows,
    Stand,
    Standing,
    Stands,
    TooOld,
    Update,
    Version,
)
from bayou.node.messages import (
    COMMITTED,
    FULL,
    NO_ROOM,
    OK,
    REFUSED,
    Answer,
    Ask,
    Floor,
    Get,
    Got,
    Lacking,
    Put,
    Request,
    Written,
)
from bayou.node.server import Server
from tests.test_nodes import alarm, first, hear, only, said

A = ROOT.child(1)


class Asker:
    """A session at a server, which demands nothing."""

    def __init__(self, server: Server, peer: int = 9, session: int = 1, number: int = 0) -> None:
        self.server = server
        self.peer = peer
        self.session = session
        self.number = number

    def send(
        self,
        ask: Ask,
        *,
        now: float = 0.0,
        floor: Floor | None = None,
        again: bool = False,
        writes: VersionVector | None = None,
    ) -> Any:
        self.number += not again
        request = Request(self.session, self.number, ask, None, writes, floor)
        return hear(self.server, self.peer, request, now=now)

    def ask(self, ask: Ask, **more: Any) -> Any:
        answer = only(self.send(ask, **more))
        assert isinstance(answer, Answer)
        assert answer.verdict == OK
        return answer.reply


def put(key: str, value: Any, collection: str = "notes") -> Put:
    return Put(collection, key, to_value(value))


# Writes.


def test_an_update_is_several_writes_of_one_request() -> None:
    asker = Asker(first())
    values = text_value("1"), text_value("2")
    edits = (*[Edit("notes", "a", value) for value in values], Edit("tasks", "b", None))
    effects = asker.send(Update(edits))
    assert [type(record).__name__ for record in effects.durable] == ["Answered", "Items", "Items", "Items"]
    log = list(asker.server.replica.log)
    assert [(write.kind, write.collection, write.key) for write in log] == [
        (PUT, "notes", "a"), (PUT, "notes", "a"), (DELETE, "tasks", "b"),
    ]  # fmt: skip
    assert [write.stamp for write in log] == [1, 2, 3]
    assert only(effects) == Answer(1, 1, OK, Written(3, ROOT))
    assert only(asker.send(Update(edits), again=True)) == Answer(1, 1, OK, Written(3, ROOT))
    assert len(asker.server.replica.log) == 3


@pytest.mark.parametrize(
    "edits",
    [
        (),
        (Edit("notes", "a", Value("1")),) * (UPDATE_MAX + 1),
        (Edit("notes", "a", Value("1")), Edit("playlist", "a b", Value('"u"'))),
        (Edit("notes", "a", Value("1")), Edit("playlist", "a", Value("1"))),
        (Edit("notes", "a", Value("1")), Edit("notes", "k" * 1025, None)),
        (Edit("notes", "a", Value(f'"{"u" * (1 << 20)}"')),),
        (Edit("notes", "a", Value(f'"{"u" * (1 << 19)}"')),) * 20,
    ],
)
def test_an_update_with_one_write_that_can_not_be_does_nothing(edits: tuple[Edit, ...]) -> None:
    asker = Asker(first())
    effects = asker.send(Update(edits))
    assert [peer for peer, _ in effects.drops] == [9]
    assert (effects.sends, len(asker.server.replica.log)) == ([], 0)


def test_a_server_without_room_takes_no_writes_and_says_so() -> None:
    asker = Asker(first())
    asker.ask(put("a", 1))
    asker.server.is_full = True
    for ask in (put("a", 2), Update((Edit("notes", "a", None),))):
        assert only(asker.send(ask)) == Answer(1, asker.number, NO_ROOM)
    assert asker.ask(Get("notes", "a")) == Got(to_value(1))
    assert asker.ask(Stand()).is_full
    asker.server.is_full = False
    assert asker.ask(put("a", 2)) == Written(2, ROOT)


def test_a_refusal_says_what_is_lacking() -> None:
    server = first()
    server.replica.create()
    for number, (reads, writes, lacking) in enumerate(
        [
            (VersionVector({ROOT: 7}), None, Lacking(ROOT, 7)),
            (None, VersionVector({A: 9}), Lacking(A, 9)),
            (VersionVector({ROOT: 1}), None, Lacking(A, RETIRED)),
        ]
    ):
        answer = only(hear(server, 9, Request(1, number, Get("notes", "k"), reads, writes)))
        assert answer == Answer(1, number, REFUSED, lacking)


# What a server keeps of its answers.


def test_a_long_value_is_not_remembered_and_an_echo_is_answered_all_the_same() -> None:
    asker = Asker(first())
    long = "v" * 3000
    for key, value in (("a", long), ("b", "short")):
        asker.ask(put(key, value))
        assert asker.ask(Get("notes", key)) == Got(to_value(value))
        asker.server.replica.put("notes", key, to_value("other"))
        echo = asker.ask(Get("notes", key), again=True)
        assert echo == Got(to_value("other" if value is long else value))
        older = Request(asker.session, asker.number - 1, Get("notes", key), None, None)
        assert said(hear(asker.server, asker.peer, older)) == []


def test_what_sessions_have_read_takes_little_memory() -> None:
    """Neither long values, nor what a vector remembers of questions about thousands of names, are kept for
    each of ten thousand sessions."""
    server = first()
    deep = VersionVector({Name.of(tuple(range(2000, 0, -1))): 1})
    tracemalloc.start()
    try:
        for session in range(300):
            asker = Asker(server, session=session)
            asker.ask(put("a", f"{session}" + "v" * 50_000))
            asker.ask(Get("notes", "a"))
            asker.ask(put("b", session))
            asker.ask(Get("notes", "b"))
            Asker(server, session=999, number=session).ask(Get("notes", "b"), writes=deep)
        server.replica.fold(server.replica.csn)
        server.replica.truncate(server.replica.csn)
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size < 3_000_000


# Rows.


def mixed(seed: int, count: int = 60) -> tuple[Replica, dict[int, dict[tuple[str, str], Value]]]:
    """Return a replica of A with committed writes, some of them folded and truncated, and tentative ones; and
    the committed rows as they stood at each CSN."""
    rng = random.Random(seed)
    root, replica = Replica(ROOT), Replica(A)
    root.create()
    history: dict[int, dict[tuple[str, str], Value]] = {0: {}, 1: {}}

    def change(of: Replica) -> None:
        row = rng.choice(("notes", "tasks", "z")), rng.choice(("", "a", "ab", "abc", "b", "é"))
        if rng.random() < 0.25:
            of.delete(*row)
        else:
            of.put(*row, to_value(rng.randrange(1000)))

    for _ in range(count):
        change(root)
        history[root.csn] = committed_rows(root)
    replica.apply(root.beyond(0, START))
    upto = rng.randrange(count)
    replica.fold(upto)
    replica.truncate(rng.randrange(upto + 1))
    replica.drop_marks(rng.randrange(upto + 1))
    for _ in range(rng.randrange(12)):
        change(replica)
    return replica, history


def committed_rows(replica: Replica) -> dict[tuple[str, str], Value]:
    rows: dict[tuple[str, str], Value] = {}
    for write in replica.log.stable(0, replica.csn):
        if write.kind == PUT:
            rows[write.collection, write.key] = write.value  # type: ignore[assignment]
        elif write.kind == DELETE:
            rows.pop((write.collection, write.key), None)
    return rows


def answer_of(replica: Replica, ask: Ask) -> Any:
    return reading.answer(replica, ask, may_wait=False)


@pytest.mark.parametrize("seed", range(20))
def test_pages_of_rows_are_all_rows_in_order(seed: int) -> None:
    replica, history = mixed(seed)
    rng = random.Random(seed)
    for view in (FULL, COMMITTED):
        for collection in ("notes", "tasks", "none"):
            for prefix in ("", "a", "ab", "x"):
                found: list[Version] = []
                after, is_last = None, False
                while not is_last:
                    page = answer_of(replica, Rows(collection, prefix, after, rng.randrange(1, 4), view))
                    found += page.rows
                    is_last = page.is_last
                    after = found[-1].key if found else None
                keys = [row.key for row in found]
                assert keys == sorted(keys)
                for key in ("", "a", "ab", "abc", "b", "é"):
                    value = replica.get(collection, key, committed_only=view == COMMITTED)
                    rows = [row for row in found if row.key == key]
                    is_there = value is not None and key.startswith(prefix)
                    assert [row.value for row in rows] == ([value] if is_there else [])
                    if key.startswith(prefix):
                        assert answer_of(replica, Row(collection, key, view)) == Page(rows, True)
        names = answer_of(replica, Collections(view=view))
        assert names == Names(tuple(sorted({*names.names})), True)
    assert {
        (row.collection, row.key): row.value
        for name in answer_of(replica, Collections(view=COMMITTED)).names
        for row in answer_of(replica, Rows(name, "", None, 99, COMMITTED)).rows
    } == history[replica.csn]


def test_a_page_has_so_many_rows_and_characters_at_most() -> None:
    asker = Asker(first())
    for at in range(PAGE_MAX + 1):
        asker.server.replica.put("many", f"{at:05}", to_value(1))
        asker.server.replica.put(f"c{at:05}", "k", to_value(1))
    for at in range(3):
        asker.server.replica.put("large", str(at), text_value("u" * (1 << 19)))
    page = asker.ask(Rows("many", "", None, 1 << 40))
    assert (len(page.rows), page.is_last) == (PAGE_MAX, False)
    page = asker.ask(Rows("many", "", page.rows[-1].key, 1 << 40))
    assert ([row.key for row in page.rows], page.is_last) == ([f"{PAGE_MAX:05}"], True)
    assert [row.key for row in asker.ask(Rows("large", "", None, 9)).rows] == ["0"]
    names = asker.ask(Collections())
    assert (len(names.names), names.is_last) == (PAGE_MAX, False)
    assert asker.ask(Collections(names.names[-1])) == Names(("c01024", "large", "many"), True)


@pytest.mark.parametrize(
    "ask",
    [
        Rows("notes", "", None, 0),
        Rows("Notes", "", None, 1),
        Rows("notes", "", None, 1, "half"),
        Row("playlist", "a b"),
        Row("notes", "k", ""),
        Collections(view="half"),
        Changes(FeedPosition(-1), 1),
        Changes(FeedPosition(0, base=-1), 1),
        Changes(None, 0),
    ],
)
def test_what_can_not_be_asked_costs_the_connection(ask: Ask) -> None:
    asker = Asker(first())
    effects = asker.send(ask)
    assert [peer for peer, _ in effects.drops] == [9]
    assert effects.sends == []


def test_an_answer_that_may_be_long_is_made_afresh_and_echoes_do_no_harm() -> None:
    asker = Asker(first())
    assert asker.ask(Rows("notes", "", None, 9)).rows == []
    asker.server.replica.put("notes", "a", to_value(1))
    assert len(asker.ask(Rows("notes", "", None, 9), again=True).rows) == 1
    written = Request(1, 0, put("b", 1), None, None)
    assert said(hear(asker.server, 9, written)) == [], "an echo of what came before"
    asker.ask(put("b", 1))
    asker.ask(Stand())
    late = Request(1, asker.number - 1, put("b", 1), None, None)
    assert said(hear(asker.server, 9, late)) == []
    assert len(asker.server.replica.log) == 2


# What became of writes.


def test_how_writes_stand() -> None:
    root, replica = Replica(ROOT), Replica(A)
    root.create()
    root.put("notes", "k", to_value(1))
    replica.apply(root.beyond(0, START))
    own = replica.put("notes", "k", to_value(2))
    row = "notes", "k"
    assert answer_of(replica, Outcome(2, ROOT)) == Standing(IS_COMMITTED, 2, None, row)
    assert answer_of(replica, Outcome(own.stamp, A)) == Standing(TENTATIVE, None, None, row)
    assert answer_of(replica, Outcome(own.stamp + 1, A)) == Standing(UNKNOWN, None)
    replica.fold()
    assert answer_of(replica, Outcome(2, ROOT)) == Standing(IS_COMMITTED, 2)
    assert reading.answer(replica, AwaitCommitted(own.stamp, A, 1.0), may_wait=True) is None
    assert answer_of(replica, AwaitCommitted(own.stamp, A, 1.0)) == Standing(TENTATIVE, None, None, row)
    stands = answer_of(replica, Stand())
    assert stands == Stands(A, 2, 1, (ROOT,), 0, 2, 0, False)


def contending() -> tuple[Replica, Name]:
    """Return a replica of A with tentative writes of A and of B side by side."""
    root = Replica(ROOT)
    a, b = root.create().created, root.create().created
    here, there = Replica(a), Replica(b)
    for each in (here, there):
        each.apply(root.beyond(0, START))
    for key in ("p", "q", "r"):
        here.put("notes", key, to_value(1))
        there.put("notes", key if key != "q" else "s", to_value(2))
        there.put("tasks", key, to_value(3))
    here.put("tasks", "q", to_value(4))
    here.apply(there.beyond(here.csn, here.vector))
    return here, b


def test_pending_writes_and_contended_rows_come_in_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    replica, b = contending()
    for page_max in (1, 2, 99):
        monkeypatch.setattr(reading, "PAGE_MAX", page_max)
        monkeypatch.setattr(reading._Pages.__init__, "__defaults__", (page_max,))
        writes = [(row.stamp, row.server) for row in drained(replica, Pending(None))]
        assert writes == [(write.stamp, write.server) for write in replica.log.tentative]
        known = VersionVector({b: 6})
        rows = drained(replica, Pending(known))
        assert [row.server for row in rows] == [b] * len(rows)
        assert [row.stamp for row in rows] == [
            write.stamp for write in replica.log.tentative if write.server is b and write.stamp <= 6
        ]
        contended = drained(replica, Contended())
        rows_of = [(row.collection, row.key) for row in contended]
        assert rows_of == [row for row in (("notes", "p"), ("notes", "r"), ("tasks", "q")) for _ in range(2)]
        assert contended == [
            reading.version_of(write) for _, _, writes in replica.database.contended() for write in writes
        ]


def drained(replica: Replica, ask: Pending | Contended) -> list[Version]:
    """Return what all pages have."""
    rows: list[Version] = []
    while True:
        page = answer_of(replica, ask)
        rows += page.rows
        if page.is_last:
            return rows
        last = rows[-1]
        if isinstance(ask, Pending):
            ask = Pending(ask.upto, last.stamp, last.server)
        else:
            ask = Contended(last.collection, last.key, last.stamp, last.server)


# Changes.


class Reader:
    """Keeps rows by what a feed tells."""

    def __init__(self, since: FeedPosition | None = None, rows: dict[Any, Value] | None = None) -> None:
        self.position = since
        self.rows: dict[tuple[str, str], Value] = dict(rows or {})
        self.csns: list[int] = []

    def read(self, replica: Replica, count: int, *, tentative: bool = False) -> Any:
        """Hear what is next; rows of one CSN that come again are told by another server, and as they were."""
        reply = answer_of(replica, Changes(self.position, count, tentative=tentative))
        if isinstance(reply, Changed):
            self.position = reply.position
            for row in reply.rows:
                if row.is_committed:
                    self.take(row.collection, row.key, row.value, row.csn)
        return reply

    def take(self, collection: str, key: str, value: Value | None, csn: int) -> None:
        self.csns.append(csn)
        if value is None:
            self.rows.pop((collection, key), None)
        else:
            self.rows[collection, key] = value

    def is_at(self, csn: int) -> bool:
        position = self.position
        return position is not None and (position.csn, position.collection, position.base) == (csn, LAST, 0)


def versions_told(told: list[tuple[Any, int | None]]) -> list[tuple[str, str, Any, int | None]]:
    return [(collection, key, value, csn) for (collection, key, value, csn, _), _ in told]


def all_told(feed: LocalFeed, replica: Replica) -> list[tuple[str, str, Any, int | None]]:
    """Return all that a reader of a replica is told until there is no more."""
    found = []
    while feed.has_more(replica):
        found += versions_told(feed.more(replica))
    return found


def root_and_another() -> tuple[Replica, Replica]:
    """Return the first server and one that has heard of its own creation, which CSN 1 is."""
    root = Replica(ROOT)
    other = Replica(root.create().created)
    other.apply(root.beyond(0, START))
    return root, other


def deleting(keys: list[str]) -> Body:
    return made_body({"name": "clear", "do": [["delete", "n", key] for key in keys]})


def test_a_feed_within_a_write_whose_deletions_are_forgotten_is_too_old(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The rest of them would not be told; and a reader who begins with what there is now needs none."""
    monkeypatch.setattr(feed_module, "ROWS_MAX", 2)
    root, keys = Replica(ROOT), ["a", "b", "c", "d"]
    for key in keys:
        root.put("n", key, to_value(1))
    root.change(deleting(keys))
    root.fold()
    root.truncate(5)
    feed = LocalFeed(root, 4, committed=True)
    assert [key for _, key, _, _ in versions_told(feed.more(root))] == ["a", "b"]
    half = answer_of(root, Changes(FeedPosition(4), 2))
    root.drop_marks(5)
    with pytest.raises(bayou.TooOld):
        feed.more(root)
    assert isinstance(answer_of(root, Changes(half.position, 9)), TooOld)
    root.put("n", "e", to_value(2))
    assert all_told(LocalFeed(root, None, committed=True), root) == [("n", "e", to_value(2), 6)]


def test_a_reader_who_has_begun_with_what_there_is_needs_no_earlier_deletions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(feed_module, "ROWS_MAX", 1)
    root = Replica(ROOT)
    early = LocalFeed(root, None, committed=True)  # has told nothing when it comes to that
    for key in ("a", "b", "c"):
        root.put("n", key, to_value(key))
    root.delete("n", "b")
    root.fold()
    root.drop_marks(4)
    for feed in (LocalFeed(root, None, committed=True), early):
        assert [key for _, key, _, _ in all_told(feed, root)] == ["a", "c"]


def test_a_reader_who_waits_is_told_of_a_row_that_is_there_for_a_moment_only() -> None:
    """What there was when it began to wait was nothing, and that has been told."""
    root = Replica(ROOT)
    feed = LocalFeed(root, None, committed=True)
    assert not feed.has_more(root)
    root.put("n", "a", to_value(1))
    root.delete("n", "a")
    assert all_told(feed, root) == [("n", "a", to_value(1), 1), ("n", "a", None, 2)]


def test_a_row_that_was_told_while_it_was_tentative_is_told_again_when_it_is_deleted() -> None:
    root, late = root_and_another()
    feed = LocalFeed(late, None, committed=False)
    write = late.put("n", "a", to_value(1))
    assert all_told(feed, late) == [("n", "a", to_value(1), None)]
    root.apply(Items(root.csn, [], [write]))
    root.mark()
    root.delete("n", "a")
    late.apply(root.beyond(late.csn, late.vector))
    assert all_told(feed, late)[-1] == ("n", "a", None, 3)


def test_a_page_of_deletions_that_say_nothing_is_no_place_to_go_on_from_as_if_it_were_the_end() -> None:
    """What is tentative comes when all that is committed has been told."""
    root, other = Replica(ROOT), Replica(A)
    keys = [f"{number:04}" for number in range(PAGE_MAX + 1)]
    for key in keys:
        root.put("n", key, to_value(1))
    root.change(
        made_body({"name": "w", "do": [*[["delete", "n", key] for key in keys[:200]], ["set", "z", "k", 1]]})
    )
    for key in keys[200:]:
        root.delete("n", key)
    root.fold()
    other.apply(root.beyond(0, START))
    told: list[tuple[str, str, Any]] = []
    position = None
    for _ in range(5):
        page = answer_of(root, Changes(position, PAGE_MAX, tentative=True))
        position, told = page.position, told + [(row.collection, row.key, row.value) for row in page.rows]
    assert told == [("z", "k", to_value(1))]


def test_what_a_tentative_write_has_come_to_is_taken_back_where_it_is_committed_as_something_else() -> None:
    root, late = root_and_another()
    feed = LocalFeed(late, None, committed=False)
    either = {
        "if": [["absent", "n", "flag"]],
        "do": [["set", "n", "x", 1]],
        "else": [{"do": [["set", "n", "y", 1]]}],
    }
    write = late.change(made_body({"name": "w", **either}))
    assert all_told(feed, late) == [("n", "x", to_value(1), None)]
    root.put("n", "flag", to_value(1))
    root.apply(Items(root.csn, [], [write]))
    root.mark()
    late.apply(root.beyond(late.csn, late.vector))
    assert all_told(feed, late) == [
        ("n", "flag", to_value(1), 2),
        ("n", "y", to_value(1), 3),
        ("n", "x", None, None),
    ]
    assert not feed.has_more(late)


def test_an_ordinary_commitment_tells_a_row_once_more_and_what_stands_over_it_again() -> None:
    root, late = root_and_another()
    feed = LocalFeed(late, None, committed=False)
    first, second = (late.put("n", "a", to_value(number)) for number in (1, 2))
    assert all_told(feed, late) == [("n", "a", to_value(2), None)]
    for write, number, over in ((first, 1, [("n", "a", to_value(2), None)]), (second, 2, [])):
        root.apply(Items(root.csn, [], [write]))
        root.mark()
        late.apply(root.beyond(late.csn, late.vector))
        assert all_told(feed, late) == [("n", "a", to_value(number), number + 1), *over]
    assert not feed.has_more(late)


class Feeds:
    """A primary that changes rows, another server that hears of that now and then, and readers of both who
    began anywhere. Local readers (of the library) have no position to carry about."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.root = Replica(ROOT)
        self.other = Replica(self.root.create().created)
        self.rows: dict[int, dict[tuple[str, str], Value]] = {0: {}, 1: {}}
        self.readers = [Reader()]
        self.locals = [(LocalFeed(self.root, None, committed=True), Reader())]
        self.too_old = 0

    def change(self) -> None:
        """One row, or several in one write."""
        rng, root = self.rng, self.root
        rows = [
            (rng.choice(("notes", "z")), rng.choice("abcdef")) for _ in range(rng.choice((1, 1, 1, 2, 4)))
        ]
        if len(rows) > 1:
            do = [
                ["delete", *row] if rng.random() < 0.3 else ["set", *row, rng.randrange(1000)]
                for row in dict.fromkeys(rows)
            ]
            root.change(made_body({"name": "several", "do": do}))
        elif rng.random() < 0.4:
            root.delete(*rows[0])
        else:
            root.put(*rows[0], to_value(rng.randrange(1000)))
        seen = {name: list(root.rows(name)) for name in root.collections()}
        self.rows[root.csn] = {(name, row[0]): row[1] for name, rows in seen.items() for row in rows}

    def let_go(self) -> None:
        """Move a base on, or forget what is before it."""
        replica = self.rng.choice((self.root, self.other))
        upto = self.rng.randrange(replica.csn + 1)
        act = self.rng.randrange(4)
        if act == 0:
            replica.truncate(upto)
        elif act == 1:
            replica.drop_marks(upto)
        else:
            replica.fold(upto)

    def catch_up(self) -> None:
        """Let the other server hear of what it lacks, if the log of the primary has that."""
        root, other = self.root, self.other
        if other.csn >= root.past.omitted_csn:
            other.apply(root.beyond(other.csn, other.vector))

    def begin(self) -> None:
        csn = self.rng.randrange(self.root.csn + 1)
        self.readers.append(self.rng.choice((Reader(), Reader(FeedPosition(csn), self.rows[csn]))))
        if csn >= self.root.past.marks_from:
            since, rows = self.rng.choice(((None, {}), (csn, self.rows[csn])))
            self.locals.append((LocalFeed(self.root, since, committed=True), Reader(rows=rows)))

    def read(self) -> None:
        reader = self.rng.choice(self.readers)
        before = reader.position
        replica = self.root if self.rng.random() < 0.7 else self.other
        if isinstance(reader.read(replica, self.rng.randrange(1, 5)), TooOld):
            assert before is not None
            whole = before.csn if before.collection == LAST else before.csn - 1
            assert max(whole, before.base) < replica.past.marks_from
            self.readers.remove(reader)
            self.too_old += 1
            self.readers = self.readers or [Reader()]
        elif reader.is_at(self.root.csn):
            assert reader.rows == self.rows[self.root.csn]

    def read_here(self) -> None:
        if self.locals:
            feed, reader = self.rng.choice(self.locals)
            if not self._read_locally(feed, reader):
                self.locals.remove((feed, reader))
                self.too_old += 1

    def _read_locally(self, feed: LocalFeed, reader: Reader) -> bool:
        """Hear what is next of a replica itself; False where that is not known any more."""
        try:
            told = feed.more(self.root) if feed.has_more(self.root) else []
        except bayou.TooOld:
            return False
        for (collection, key, value, csn, _), _ in told:
            assert csn is not None
            reader.take(collection, key, value, csn)
        return True

    def finish(self, reader: Reader) -> None:
        while not reader.is_at(self.root.csn):
            if isinstance(reader.read(self.root, 3), TooOld):
                self.too_old += 1
                return
        assert reader.rows == self.rows[self.root.csn]
        assert reader.read(self.root, 3).rows == []

    def finish_locally(self, feed: LocalFeed, reader: Reader) -> None:
        while feed.has_more(self.root):
            if not self._read_locally(feed, reader):
                self.too_old += 1
                return
        assert reader.rows == self.rows[self.root.csn]
        assert reader.csns == sorted(reader.csns)


def follow(seed: int) -> Feeds:
    """Let readers follow; return what there was."""
    feeds = Feeds(seed)
    steps = (feeds.change, feeds.let_go, feeds.catch_up, feeds.begin, feeds.read, feeds.read_here)
    for step in feeds.rng.choices(steps, (10, 5, 3, 2, 6, 3), k=180):
        step()
    for reader in feeds.readers:
        feeds.finish(reader)
    for feed, reader in feeds.locals:
        feeds.finish_locally(feed, reader)
    return feeds


def follow_all(count: int) -> int:
    """Return how many feeds of so many walks were too old."""
    return sum(follow(seed).too_old for seed in range(count))


@pytest.mark.parametrize("seed", range(60))
def test_a_feed_from_anywhere_leads_to_the_committed_rows(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the base moves on, the log is truncated, and deletions are forgotten; a page ends within a write
    now and then."""
    monkeypatch.setattr(feed_module, "ROWS_MAX", 1 + seed % 4)
    follow(seed)


def test_feeds_are_too_old_at_times_and_have_to_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert follow_all(20) > 5
    monkeypatch.setattr(reading, "max", lambda csn, base: 1 << 60, raising=False)  # as if nothing were
    with pytest.raises(AssertionError):
        follow_all(60)


def test_what_is_told_again_is_the_row_that_changed_meanwhile() -> None:
    """And a feed that begins with the present state goes on, though deletions before that are forgotten."""
    root = Replica(ROOT)
    for key in "abcd":
        root.put("notes", key, to_value(key))
    root.delete("notes", "a")
    root.fold()
    root.truncate(root.csn)
    root.drop_marks(root.csn)
    reader = Reader()
    assert [row.key for row in reader.read(root, 2).rows] == ["b", "c"]
    root.put("notes", "b", to_value("new"))
    root.delete("notes", "c")
    root.fold()
    assert [(row.key, row.value) for row in reader.read(root, 9).rows] == [
        ("d", to_value("d")), ("b", to_value("new")), ("c", None),
    ]  # fmt: skip
    late = Reader(FeedPosition(2))
    assert late.read(root, 9) == TooOld(5)


def test_a_feed_tells_tentative_writes_once_each_and_again_when_they_are_committed() -> None:
    replica, _ = contending()
    reader = Reader()
    told: list[Version] = []
    while True:
        changed = reader.read(replica, 2, tentative=True)
        if not changed.rows and reader.is_at(replica.csn):
            break
        told += changed.rows
    tentative = [row for row in told if not row.is_committed]
    assert {(row.stamp, row.server) for row in tentative} == {
        (write.stamp, write.server) for write in replica.log.tentative
    }
    assert len(tentative) == len(replica.log.tentative)
    own = replica.put("notes", "new", to_value(5))
    assert [row.stamp for row in reader.read(replica, 9, tentative=True).rows] == [own.stamp]
    writes = list(replica.log.tentative)
    replica.apply(Items(replica.csn, [write.notice() for write in writes], []))
    changed = reader.read(replica, 99, tentative=True)
    assert [(row.stamp, row.server) for row in changed.rows] == [
        (write.stamp, write.server) for write in writes
    ]
    assert [row.csn for row in changed.rows] == list(range(3, 3 + len(writes)))


def test_a_retired_server_whose_writes_did_not_fit_is_not_forgotten() -> None:
    root = Replica(ROOT)
    here, there = Replica(root.create().created), Replica(root.create().created)
    for each in (here, there):
        each.apply(root.beyond(0, START))
    for at in range(5):
        there.put("notes", str(at), to_value(at))
    there.retire(None)
    here.apply(there.beyond(here.csn, here.vector))
    reader, told = Reader(), []
    for _ in range(9):
        told += [row.key for row in reader.read(here, 2, tentative=True).rows]
    assert told == [str(at) for at in range(5)]


# Waiting.


def follower() -> tuple[Server, Replica]:
    """Return a server with the name A, and the root."""
    from bayou.node.life import ASKING

    server, root = Server(1, random.Random(1)), Replica(ROOT)
    server.life.enter(ASKING)
    server.become(A)
    server.activate()
    root.create()
    server.replica.apply(root.beyond(0, START))
    return server, root


def commit(server: Server, root: Replica, now: float = 1.0) -> Any:
    """Let the root commit all that the server has, and the server hear of it, as in an exchange."""
    root.apply(server.replica.beyond(root.csn, root.vector))
    root.mark()
    server.replica.apply(root.beyond(server.replica.csn, server.replica.vector))
    return server.step(now, Tick())


def test_whoever_waits_for_a_commitment_is_answered_when_it_comes() -> None:
    server, root = follower()
    asker = Asker(server)
    written = asker.ask(put("a", 1))
    waits = AwaitCommitted(written.stamp, A, 30.0)
    assert said(asker.send(waits)) == []
    assert alarm(server) == 30.0
    assert said(asker.send(waits, now=1.0, again=True)) == [], "asked again, it waits once"
    effects = commit(server, root, 2.0)
    assert [(peer, answer.reply) for peer, answer in effects.sends] == [
        (9, Standing(IS_COMMITTED, 2, None, ("notes", "a")))
    ]
    assert alarm(server) is None
    assert asker.ask(waits) == Standing(IS_COMMITTED, 2, None, ("notes", "a")), "at once"


def test_whoever_waits_is_answered_when_the_time_is_up() -> None:
    server, _ = follower()
    asker = Asker(server)
    written = asker.ask(put("a", 1))
    asker.send(AwaitCommitted(written.stamp, A, 0.7), now=0.1)
    assert server.step(0.5, Tick()).sends == []
    due = alarm(server)
    assert due is not None
    ((peer, answer),) = server.step(due, Tick()).sends
    stands = Standing(TENTATIVE, None, None, ("notes", "a"))
    assert (peer, answer.reply) == (9, stands)  # type: ignore[attr-defined]
    assert alarm(server) is None
    asker.send(AwaitCommitted(written.stamp, A, 1e9), now=1.0)
    assert alarm(server) == 61.0


def test_a_feed_waits_for_something_to_tell() -> None:
    server, root = follower()
    asker = Asker(server)
    feed = Changes(FeedPosition(1), 9, 30.0)
    assert said(asker.send(feed)) == []
    writer = Asker(server, peer=8, session=2)
    assert said(writer.send(put("a", 1))) == [Answer], "what is tentative is not told"
    ((_, answer),) = commit(server, root).sends
    assert [row.key for row in answer.reply.rows] == ["a"]
    watching = Changes(answer.reply.position, 9, 30.0, tentative=True)
    assert said(asker.send(watching)) == []
    effects = writer.send(put("b", 2))
    assert [peer for peer, _ in effects.sends] == [8, 9]


def test_a_read_waits_for_its_floor_and_is_refused_in_the_end() -> None:
    server, root = follower()
    asker = Asker(server)
    for floor in (Floor(2), Floor(2, 0.0)):
        answer = only(asker.send(Get("notes", "a"), floor=floor))
        assert answer == Answer(1, asker.number, REFUSED, Lacking(None, 2))
    assert said(asker.send(Get("notes", "a"), floor=Floor(2, 5.0))) == []
    ((_, refused),) = server.step(5.0, Tick()).sends
    assert refused == Answer(1, 3, REFUSED, Lacking(None, 2))
    assert said(asker.send(Get("notes", "a"), floor=Floor(2, 5.0), now=5.0)) == []
    Asker(server, session=2).ask(put("a", 1), now=5.5)
    ((_, answer),) = commit(server, root, 6.0).sends
    assert (answer.number, answer.reply) == (4, Got(to_value(1)))
    assert only(asker.send(Get("notes", "a"), floor=Floor(2, 5.0), again=True)) == answer
    assert asker.send(put("b", 1), floor=Floor(9, 5.0)).drops


def test_a_newer_request_of_the_session_is_the_end_of_waiting_and_so_is_the_connection() -> None:
    server, root = follower()
    asker, other = Asker(server), Asker(server, peer=8, session=2)
    written = asker.ask(put("a", 1))
    waits = AwaitCommitted(written.stamp, A, 30.0)
    for each in (asker, other):
        each.send(waits)
    asker.ask(Get("notes", "a"))
    server.step(0.0, LinkDown(8))
    assert alarm(server) is None
    assert commit(server, root).sends == []


def test_so_many_requests_wait_and_more_are_answered_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "ALL_MAX", 30)
    monkeypatch.setattr(waiting, "EACH_MAX", 20)
    server, root = follower()
    written = Asker(server).ask(put("a", 1))
    waits = AwaitCommitted(written.stamp, A, 30.0)
    answered = [
        bool(Asker(server, peer, 100 * peer + at).send(waits).sends) for peer in (5, 6) for at in range(25)
    ]
    assert answered == [False] * 20 + [True] * 5 + [False] * 10 + [True] * 15
    assert len(commit(server, root).sends) == 30


def test_where_many_wait_they_are_not_looked_at_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    server, _ = follower()
    written = Asker(server).ask(put("a", 1))
    looks: list[int] = []
    original = server._desk._carry_out

    def counted(request: Request, *rest: float) -> Answer | None:
        looks.append(request.session)
        return original(request, *rest)

    for at in range(waiting.FEW + 4):
        Asker(server, 5, 100 + at).send(AwaitCommitted(written.stamp, A, 30.0))
    monkeypatch.setattr(server._desk, "_carry_out", counted)
    writer = Asker(server, 6, 7)
    for at in range(100):
        writer.ask(put("b", at), now=1.0 + at / 10_000)
    assert len(looks) == 100 + waiting.FEW + 4, "once in that time"
    assert alarm(server) == 1.0 + waiting.LOOK_S
    server.step(1.0 + waiting.LOOK_S, Tick())
    assert len(looks) == 100 + 2 * (waiting.FEW + 4)


def test_nothing_new_is_imported_for_what_is_asked_often() -> None:
    import subprocess
    import sys

    code = (
        "import sys, random\n"
        "from bayou.families.store.machines import make\n"
        "from bayou.wire import codec\n"
        "assert not {'bayou.node.asks', 'bayou.node.reading', 'bayou.node.waiting'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_ask_is_answered_or_carried_out() -> None:
    kinds = {kind for kind in Ask.KINDS.values() if kind.__module__.startswith("bayou")}
    answered = {*reading._ANSWERS, Get, Put, Update, Change, Ask.KINDS["Delete"]}
    assert kinds == answered
    assert all(kind.is_kept or not kind.is_write for kind in kinds)
    with pytest.raises(PeerError, match="nobody here can answer"):
        reading.answer(Replica(ROOT), Put("notes", "k", to_value(1)), may_wait=False)
