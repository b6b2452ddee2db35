"""General writes in programs: `bayou.Write`, and what stores tell of it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bayou
import bayou.aio
from bayou.core.body import made_body
from bayou.node.settings import Keep
from tests.serving import PATIENCE_S, Servers

pytestmark = pytest.mark.processes

ROWS = "rooms"


@pytest.fixture(autouse=True)
def _log_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let replicas keep what came of writes, however long a test takes."""
    monkeypatch.setattr("bayou.library.opening.KEEP", Keep(writes=None))


def booked(who: str) -> bayou.Write:
    """Book the hour at 10, or else the next one."""
    return (
        bayou.Write(who)
        .set(ROWS, "A/10", who).if_absent(ROWS, "A/10")
        .otherwise().set(ROWS, "A/11", who).if_absent(ROWS, "A/11")
    )  # fmt: skip


# The sentence.


def test_a_write_is_the_body_that_its_words_say() -> None:
    db = bayou.open(":memory:")
    write = (
        bayou.Write("all")
        .set(db["a"], "k", {"x": [1, 2.5, None]}).delete("a", "l").new("a", "m", "text").add("a", "n", -3)
        .insert("a", "s", "one").remove("a", "s", "two")
        .if_is("a", "k", True).if_absent("a", "l").if_present("a", "n")
        .if_meets("a", "k", ("x", "=", 1), (".", "!=", "y"))
        .otherwise().if_at_most(3, "a", "p").if_at_least(2, "a", "p", ("x", "<", 1.5))
        .otherwise().set("a", "k", 1).if_none("a").if_some("a", "q", ("x", ">=", "b"))
    )  # fmt: skip
    assert write.name == "all"
    assert write.body == {
        "name": "all",
        "do": [
            ["set", "a", "k", {"x": [1, 2.5, None]}], ["delete", "a", "l"], ["new", "a", "m", "text"],
            ["add", "a", "n", -3], ["insert", "a", "s", "one"], ["remove", "a", "s", "two"],
        ],
        "if": [
            ["is", "a", "k", True], ["absent", "a", "l"], ["present", "a", "n"],
            ["meets", "a", "k", [["x", "=", 1], [".", "!=", "y"]]],
        ],
        "else": [
            {"do": [], "if": [["atmost", 3, "a", "p", []], ["atleast", 2, "a", "p", [["x", "<", 1.5]]]]},
            {
                "do": [["set", "a", "k", 1]],
                "if": [["atmost", 0, "a", "", []], ["atleast", 1, "a", "q", [["x", ">=", "b"]]]],
            },
        ],
    }  # fmt: skip
    assert made_body(write.body).name == "all"
    assert bayou.Write.of(write.body) == write == eval(f"bayou.{write!r}")
    assert len({write, bayou.Write.of(write.body), write.otherwise()}) == 2
    db.close()


def test_a_write_is_never_changed() -> None:
    """Not by a call of it, not by what it was made from, nor by what it gives out."""
    value = {"n": [1]}
    start = bayou.Write("n").set("a", "k", value)
    value["n"].append(2)
    assert start.body["do"] == [["set", "a", "k", {"n": [1]}]]
    start.body["do"].clear()
    one, two = start.if_absent("a", "k"), start.if_present("a", "k")
    assert start == bayou.Write("n").set("a", "k", {"n": [1]})
    assert (one.body["if"], two.body["if"]) == ([["absent", "a", "k"]], [["present", "a", "k"]])
    assert start != "n"


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (lambda write: bayou.Write(""), "a name that is no text of 1 to 64"),
        (lambda write: bayou.Write("n" * 65), "a name that is no text of 1 to 64"),
        (lambda write: write.set("Rooms", "k", 1), "'Rooms' is no name of a collection"),
        (lambda write: write.set("!conflicts", "k", 1), "is no name of a collection"),
        (lambda write: write.set(None, "k", 1), "NoneType where a collection is due"),
        (lambda write: write.set("a", 5, 1), "int where a text is due"),
        (lambda write: write.set("a", "k" * 1025, 1), "more than 1024 bytes"),
        (lambda write: write.set("a", "k", None), "null where a value is due"),
        (lambda write: write.set("a", "k", (1,)), "a tuple is no JSON value"),
        (lambda write: write.set("a", "k", 1 << 63), "beyond 64 bits"),
        (lambda write: write.add("a", "k", 1.0), "float where a whole number is due"),
        (lambda write: write.add("playlist", "k", 1), "add in the playlist"),
        (lambda write: write.insert("a", "k", 1), "int where a text is due"),
        (lambda write: write.if_meets("a", "k", ("x", "~", 1)), "'~' is no operator"),
        (lambda write: write.if_meets("a", "k", ("x", "=", [1])), "compares with a text, a number"),
        (lambda write: write.if_none("a", "", "x"), "is a list of field, operator and scalar"),
        (lambda write: write.if_at_most(-1, "a"), "0 or more is due"),
        (lambda write: bayou.Write.of({"name": "n"}), 'has "do"'),
    ],
)  # fmt: skip
def test_what_no_write_can_say(made: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says.replace("(", "\\(")):
        made(bayou.Write("n"))


def test_what_is_too_large_is_refused_before_anything_is_written() -> None:
    with bayou.open(":memory:") as db:
        many = wide = bayou.Write("n")
        long = bayou.Write("n").set("a", "k", "x" * 40_000).set("a", "l", "x" * 40_000)
        for _ in range(257):
            many = many.add("a", "k", 1)
        for _ in range(64):
            wide = wide.otherwise()
        for write, says in ((many, "257 conditions"), (wide, "65 alter"), (long, "a body of 80")):
            with pytest.raises(ValueError, match=says):
                db.write(write)
        with pytest.raises(TypeError, match="a dict where a Write is due"):
            db.write({"name": "n", "do": []})  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="a str where a Conflict is due"):
            db.resolve("n")  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="a body of 70"):
            bayou.Write("n").set("a", "k", "x" * 70_000)
        assert db.status()["csn"] == 0


# A replica.


def test_what_fits_is_done_and_what_does_not_is_a_conflict() -> None:
    with bayou.open(":memory:") as db:
        writes = [db.write(booked(who)) for who in ("ann", "bob", "cid")]
        key = f"{writes[2].stamp:020}:"
        assert [db.outcome(write) for write in writes] == [
            bayou.Outcome("committed", 1, "applied", ((ROWS, "A/10"),)),
            bayou.Outcome("committed", 2, "merged 1", ((ROWS, "A/11"),)),
            bayou.Outcome("committed", 3, "conflict", (("!conflicts", key),)),
        ]
        assert dict(db[ROWS]) == {"A/10": "ann", "A/11": "bob"}
        assert db[ROWS].row("A/11").write == writes[1]  # type: ignore[union-attr]
        assert db.wait_committed(writes[2], 0) == db.outcome(writes[2])
        assert db.outcome(db[ROWS].put("A/12", "dan")) == bayou.Outcome(
            "committed", 4, None, ((ROWS, "A/12"),)
        )
        (conflict,) = db.conflicts()
        assert conflict == bayou.Conflict(writes[2], "cid", booked("cid").body, True)
        assert bayou.Write.of(conflict.body) == booked("cid")
        assert db.conflicts(committed=True) == [conflict]
        done = db.outcome(db.resolve(conflict))
        assert (done.result, done.rows) == ("applied", (("!conflicts", key),))
        assert db.conflicts() == []
        assert db.collections() == [ROWS]


def test_outcomes_stay_known_as_long_as_the_log_is_kept() -> None:
    with bayou.open(":memory:") as db:
        writes = [db.write(booked(who)) for who in ("ann", "bob", "cid")]
        writes.append(db[ROWS].put("A/12", "dan"))
        results = ["applied", "merged 1", "conflict", None]
        assert [db.outcome(write).result for write in writes] == results
        db._engine.change(lambda replica: replica.fold())
        assert [db.outcome(write).result for write in writes] == results
        assert [db.outcome(write).csn for write in writes] == [1, 2, 3, 4]
        db._engine.change(lambda replica: replica.truncate(replica.csn))
        assert [db.outcome(write).result for write in writes] == ["done", "done", "conflict", "done"]
        assert db.outcome(writes[0]) == bayou.Outcome("committed", None, "done", ())
        db.resolve(db.conflicts()[0])
        assert db.outcome(writes[2]).result == "done"
        assert db.outcome(bayou.WriteId(1 << 62, "<>")) == bayou.Outcome("unknown", None, None, ())


def test_many_conflicts_are_read_a_page_at_a_time() -> None:
    with bayou.open(":memory:") as db:
        never = [bayou.Write(f"{number}").if_present("a", "k") for number in range(600)]
        writes = [db.write(write) for write in never]
        assert [(each.write, each.name) for each in db.conflicts()] == [
            (write, f"{number}") for number, write in enumerate(writes)
        ]


def test_a_long_name_can_be_resolved() -> None:
    with bayou.open(":memory:") as db:
        db.write(bayou.Write("n" * 64).if_present("a", "k"))
        db.resolve(db.conflicts()[0])
        assert db.conflicts() == []


def test_two_that_were_offline_agree_on_who_has_the_room(tmp_path: Path) -> None:
    with bayou.open(tmp_path / "hub.bayou", listen="127.0.0.1:0") as hub:
        at, secret = hub.status()["listens"], tmp_path / "hub.bayou-secret"
        with (
            bayou.open(tmp_path / "one.bayou", join=at, secret=secret) as one,
            bayou.open(tmp_path / "two.bayou", join=at, secret=secret) as two,
        ):
            one.write(booked("cid"))
            bob, ann = two.write(booked("bob")), one.write(booked("ann"))
            feed = two.changes(committed=False, timeout_s=0)
            assert [(each.key, each.value, each.csn) for each in feed] == [("A/10", "bob", None)]
            assert two.outcome(bob) == bayou.Outcome("tentative", None, "applied", ((ROWS, "A/10"),))
            assert [(each.collection, each.key, each.write) for each in two.pending()] == [
                (ROWS, "A/10", bob)
            ]
            one.sync()
            two.sync()
            assert dict(one[ROWS]) == {"A/10": "cid", "A/11": "ann"} == dict(two[ROWS])
            assert two.outcome(bob).result == "conflict"
            assert one.outcome(ann).result == "merged 1"
            assert [conflict.write for conflict in two.conflicts()] == [bob]
            two.close()
            with bayou.open(tmp_path / "two.bayou", secret=secret) as again:
                assert again.outcome(bob).result == "conflict"
                assert [(each.name, each.committed) for each in again.conflicts()] == [("bob", True)]


def test_a_tentative_write_that_moves_is_told_again(tmp_path: Path) -> None:
    """What a follower of tentative changes makes of them is what there is."""
    with bayou.open(tmp_path / "hub.bayou", listen="127.0.0.1:0") as hub:
        at, secret = hub.status()["listens"], tmp_path / "hub.bayou-secret"
        with (
            bayou.open(tmp_path / "one.bayou", join=at, secret=secret, listen="127.0.0.1:0") as early,
            bayou.open(tmp_path / "two.bayou", join=at, secret=secret) as late,
        ):
            early[ROWS]["A/10"] = "zoe"
            writes = [late.write(booked(who)) for who in ("ann", "bob")]
            late.write(bayou.Write("sign").set(ROWS, "sign", "bob is in").if_is(ROWS, "A/11", "bob"))
            feed = late._access.feed(None, committed=False)
            copy = taken({}, feed.more(0))
            assert copy == {"A/10": "ann", "A/11": "bob", "sign": "bob is in"}
            late.sync(early.status()["listens"])  # and what it brings comes before
            assert [late.outcome(write).result for write in writes] == ["merged 1", "conflict"]
            while more := feed.more(0):
                assert {change.csn for change in more} == {None}
                copy = taken(copy, more)
            assert copy == dict(late[ROWS]) == {"A/10": "zoe", "A/11": "ann"}


def taken(copy: dict[str, Any], changes: list[bayou.Change]) -> dict[str, Any]:
    """Return what changes of the rooms make of a copy."""
    copy = dict(copy)
    for change in changes:
        if change.collection == ROWS:
            copy[change.key] = change.value
            if change.value is None:
                del copy[change.key]
    return copy


# Changes.


def test_what_one_write_changes_is_gone_on_from_behind_all_of_it() -> None:
    with bayou.open(":memory:") as db:
        db["n"]["before"] = 0
        db.write(bayou.Write("three").set("n", "a", 1).set("n", "b", 2).delete("n", "before"))
        db["n"]["after"] = 3
        expected = [("a", 1, 2, 1), ("b", 2, 2, 1), ("before", None, 2, 2), ("after", 3, 3, 3)]
        assert [shown(change) for change in db.changes(1, timeout_s=0)] == expected
        assert [change.key for change in db.changes(timeout_s=0)] == ["a", "b", "after"]
        assert [change.resume for change in db.changes(timeout_s=0)] == [1, 2, 3]
        db._engine.change(lambda replica: replica.fold())
        assert [shown(change) for change in db.changes(1, timeout_s=0)] == expected


def shown(change: bayou.Change) -> tuple[str, Any, int | None, int | None]:
    """Return what a change says, but for the write."""
    return change.key, change.value, change.csn, change.resume


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_who_follows_changes_of_general_writes_has_what_there_is(data: st.DataObject) -> None:
    with bayou.open(":memory:") as db:
        copies: list[tuple[int | None, dict[str, Any]]] = [(None, {})]
        keys = st.sampled_from("abcd")
        for number in range(data.draw(st.integers(1, 20))):
            does = data.draw(st.sampled_from(["write", "write", "put", "fold", "read", "some"]))
            if does == "write":
                one, two, three = (data.draw(keys) for _ in range(3))
                write = bayou.Write(f"{number}").set(ROWS, one, number).delete(ROWS, two)
                write = write.if_absent(ROWS, three).otherwise().new(ROWS, three, number).add(ROWS, "n", 1)
                db.write(write.if_present(ROWS, two))
            elif does == "put":
                db[ROWS][data.draw(keys)] = number
            elif does == "fold":
                db._engine.change(lambda replica: replica.fold())
            elif does == "read":
                copies.append((None, {}))
            else:
                at = data.draw(st.integers(0, len(copies) - 1))
                copies[at] = follow(db, *copies[at], limit=data.draw(st.integers(1, 4)))
        for since, copy in copies:
            assert follow(db, since, copy)[1] == dict(db[ROWS])


def follow(
    db: bayou.Replica, since: int | None, copy: dict[str, Any], limit: int | None = None
) -> tuple[int | None, dict[str, Any]]:
    """Take changes into a copy, up to so many of them."""
    for count, change in enumerate(db.changes(since, timeout_s=0), 1):
        since, copy = change.resume, taken(copy, [change])
        if count == limit:
            break
    return since, copy


# Sessions, and asyncio.


def test_a_session_makes_general_writes(tmp_path: Path) -> None:
    with Servers(tmp_path, 1) as servers:
        servers.start_all("--keep-writes", "all")  # or outcomes are soon forgotten
        with bayou.connect(servers[0].address, secret=servers[0].secret) as db:
            writes = [db.write(booked(who)) for who in ("ann", "bob", "cid")]
            assert [db.outcome(write).result for write in writes] == ["applied", "merged 1", "conflict"]
            assert db.outcome(writes[1]).rows == ((ROWS, "A/11"),)
            assert db.wait_committed(writes[1], PATIENCE_S) == db.outcome(writes[1])
            (conflict,) = db.conflicts()
            assert (conflict.write, conflict.name) == (writes[2], "cid")
            assert conflict.body == booked("cid").body
            keys = [(change.key, change.csn, change.resume) for change in db.changes(0, timeout_s=0)]
            assert keys[:2] == [("A/10", 1, 1), ("A/11", 2, 2)]
            db.resolve(conflict)
            assert db.conflicts() == []
            assert dict(db[ROWS]) == {"A/10": "ann", "A/11": "bob"}
            assert db.pending() == []


def test_general_writes_by_coroutines(tmp_path: Path) -> None:
    async def main() -> None:
        async with await bayou.aio.open(tmp_path / "a.bayou", listen="127.0.0.1:0") as db:
            at = (await db.status())["listens"]
            async with await bayou.aio.connect(at, secret=tmp_path / "a.bayou-secret") as session:
                writes = [await store.write(booked("ann")) for store in (db, session, session)]
                for store in (db, session):
                    results = [(await store.outcome(write)).result for write in writes]
                    assert results == ["applied", "merged 1", "conflict"]
                    assert [each.write for each in await store.conflicts()] == [writes[2]]
                    found = await store.wait_committed(writes[2], PATIENCE_S)
                    assert found is not None
                    assert found.result == "conflict"
                await session.resolve((await session.conflicts())[0])
                assert await db.conflicts() == []
                assert await db[ROWS].count() == 2
                sold = bayou.Write("tea").add(db["stock"], "tea", -2)
                await asyncio.gather(*[db.write(sold) for _ in range(50)])
                assert await session["stock"].get("tea") == -100
                with pytest.raises(TypeError, match="where a Write is due"):
                    await db.write("tea")  # type: ignore[arg-type]

    asyncio.run(main())
