"""Rows of any collection in both worlds, by orders to clients: no scenario has commands for them yet."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayou.check.history import History
from bayou.check.store import judge
from bayou.check.verdict import VALID
from bayou.core.rows import PLAYLIST
from bayou.core.values import Value, text_value, to_value
from bayou.core.write import PUT
from bayou.families.store.describe import describe_log
from bayou.node.messages import COMMITTED, FULL, OK, REFUSED, Did, LogPage
from bayou.worlds.processes.world import ProcessWorld
from bayou.worlds.simulated import SimulatedWorld
from tests.driven import Driven
from tests.messages import rows
from tests.simulated import system_of

ODD: list[tuple[str, str, Value]] = [
    (PLAYLIST, "caf\udce9\u00a0", text_value('\udcff"\\\x01')),
    ("notes", "", to_value({"": [1, 1.0, True, None, "1"], "\U0001f600": -0.0})),
    ("notes", "a b\n\x00", to_value(False)),
    ("a" * 64, "é" * 512, to_value("")),
    ("0", "{}", to_value(-(2**63))),
    ("tasks", "k", to_value(1)),
    ("tasks", "k", to_value(1.0)),
    ("tasks", "k", to_value("1")),
    ("tasks", "k", to_value(True)),
]


@pytest.fixture(params=[SimulatedWorld, pytest.param(ProcessWorld, marks=pytest.mark.processes)])
def driven(request: pytest.FixtureRequest) -> Iterator[Driven]:
    world = request.param()
    try:
        yield Driven(world)
    finally:
        world.close()


def test_rows_with_odd_content_are_the_same_everywhere(driven: Driven) -> None:
    for row in ODD:
        assert driven.do(10, "put", *row).verdict == OK
        for view in (FULL, COMMITTED):
            assert driven.read(11, *row[:2], view) == row[2]
    for server in range(3):
        puts = [write for write in driven.log(server).writes if write.kind == PUT]
        assert [(put.collection, put.key, put.value) for put in puts] == ODD
    for collection, key, _ in ODD[:5]:
        assert driven.do(10, "delete", collection, key).verdict == OK
        assert driven.read(11, collection, key) is driven.read(11, collection, key, COMMITTED) is None


def test_a_server_that_is_killed_has_its_rows_again(driven: Driven) -> None:
    """By way of its journal, committed ones and tentative ones."""
    for row in ODD[:4]:
        driven.do(10, "put", *row)
    driven.say("pause")
    for row in ODD[4:]:
        driven.do(10, "put", *row)
    before = driven.log(1)
    driven.say("crashServer 1", "restartServer 1")
    assert driven.log(1) == before
    assert driven.read(10, "tasks", "k") == to_value(True)
    assert driven.read(10, "tasks", "k", COMMITTED) is None
    assert [driven.read(10, *row[:2], COMMITTED) for row in ODD[:4]] == [row[2] for row in ODD[:4]]


def test_the_committed_view_shows_what_is_stable(driven: Driven) -> None:
    driven.do(10, "put", "notes", "k", to_value("old"))
    driven.say("pause")
    driven.do(10, "put", "notes", "k", to_value("new"))
    driven.do(10, "put", "notes", "fresh", to_value(0))
    assert (driven.read(10, "notes", "k"), driven.read(10, "notes", "fresh")) == (
        to_value("new"),
        to_value(0),
    )
    assert driven.read(10, "notes", "k", COMMITTED) == to_value("old")
    assert driven.read(10, "notes", "fresh", COMMITTED) is None
    driven.do(10, "delete", "notes", "k")
    assert driven.read(10, "notes", "k") is None
    assert driven.read(10, "notes", "k", COMMITTED) == to_value("old")
    driven.say("start")
    assert driven.read(10, "notes", "k", COMMITTED) is None
    assert driven.read(11, "notes", "fresh", COMMITTED) == to_value(0)


def test_guarantees_hold_for_reads_of_the_committed_view(driven: Driven) -> None:
    """What the session wrote has to be known where it reads, though the view does not show it."""
    driven.say("pause")
    driven.do(10, "put", "notes", "k", to_value(1))
    driven.say("restoreConnection 10 2")
    for view in (FULL, COMMITTED):
        assert driven.do(10, "get", "notes", "k", None, view) == Did(REFUSED, None)


def test_the_judge_finds_reads_of_both_views_right(driven: Driven) -> None:
    """And wrong once one of them is told with another value, or as one of the other view."""
    driven.do(10, "put", "notes", "k", to_value(1))
    driven.say("pause")
    driven.do(10, "put", "notes", "k", to_value(1.0))
    assert driven.read(10, "notes", "k") == to_value(1.0)
    assert driven.read(10, "notes", "k", COMMITTED) == to_value(1)
    driven.say("start")
    driven.world.close()
    events = [*driven.events, {"event": "ended"}]
    assert {verdict.word for verdict in judge(History.of(events)).values()} <= {VALID, "unknown"}
    reads = [at for at, event in enumerate(events) if event["event"] == "served" and event["kind"] == "get"]
    assert [(events[at]["view"], events[at]["read"]) for at in reads] == [("full", 1.0), ("committed", 1)]
    for at, change in (
        (reads[1], {"read": 1.0}),
        (reads[1], {"read": True}),
        (reads[0], {"view": "committed"}),
    ):
        told = [*events[:at], {**events[at], **change}, *events[at + 1 :]]
        assert judge(History.of(told))["reads"].word == "invalid", change


def test_a_log_with_other_collections_is_described(driven: Driven) -> None:
    for row in (("notes", "k", to_value(1)), (PLAYLIST, "a", text_value("u")), ("notes", "", to_value("x"))):
        driven.do(10, "put", *row)
    driven.do(10, "delete", "notes", "k")
    assert list(describe_log(driven.log(2))) == [
        "PUT:(notes/k, 1):TRUE",
        "PUT:(a, u):TRUE",
        'PUT:(notes/, "x"):TRUE',
        "DELETE:(notes/k):TRUE",
    ]


# A slow twin: what a session reads is what replaying its server's log gives.


def replayed(page: LogPage, view: str) -> dict[tuple[str, str], Value]:
    found: dict[tuple[str, str], Any] = {}
    for write in page.writes if view == FULL else page.writes[: page.committed]:
        if write.kind == PUT:
            found[write.collection, write.key] = write.value
        else:
            found.pop((write.collection, write.key), None)
    return found


@given(st.lists(rows, min_size=1, max_size=6), st.integers(0, 2**32))
@settings(max_examples=40)
def test_both_views_are_what_replaying_the_log_gives(drawn: list[tuple[str, str, Value]], seed: int) -> None:
    rng = random.Random(seed)
    driven = Driven(SimulatedWorld(check=True))
    for _ in range(12):
        client, (collection, key, value) = rng.choice((10, 11)), rng.choice(drawn)
        act = rng.choice(("put", "put", "delete", "pause", "start", "cut", "mend"))
        if act in ("pause", "start"):
            driven.say(act)
        elif act in ("cut", "mend"):
            driven.say("breakConnection 0 2" if act == "cut" else "restoreConnection 0 2")
        else:
            driven.do(client, act, collection, key, value if act == "put" else None)
        server = system_of(driven.run).topology.server_of(client)
        assert server is not None
        page = driven.log(server)
        for view in (FULL, COMMITTED):
            expected = replayed(page, view)
            for row in drawn:
                assert driven.read(client, row[0], row[1], view) == expected.get(row[:2])
    assert {verdict.word for verdict in judge(History.of(driven.events)).values()} <= {VALID, "unknown"}
