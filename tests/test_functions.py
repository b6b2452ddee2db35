"""Functions that general writes call: the registry, what they see, and what becomes of what they raise."""

from __future__ import annotations

from typing import Any

import pytest

from bayou.check.calls import Seen, TooMany, is_update
from bayou.core.body import STEPS_MAX, BadBody, Body, Call, made_body, made_updates
from bayou.core.errors import FunctionFault, MissingFunction, TookTooLong, TurnedDown
from bayou.core.execute import APPLIED, CONFLICT
from bayou.core.functions import ROWS_MAX, Functions, Unfit, View, marks_of, merge
from bayou.core.items import Items
from bayou.core.name import ROOT
from bayou.core.replica import Replica
from bayou.core.values import Value, to_value
from bayou.core.write import CHANGE, Write


def first_free(view: View, args: Any) -> list[Any] | None:
    """Book the first room of these that nobody has."""
    for room in args["rooms"]:
        if view.get("rooms", room) is None:
            return [["set", "rooms", room, args["who"]]]
    return None


def call(args: Any, name: str = "first free", **more: Any) -> Any:
    return made_body({"name": "n", "call": [name, 1], "args": args, **more})


def call_of(body: Body, alternative: int = 0) -> Call:
    found = body.alternatives[alternative].call
    assert found is not None
    return found


def outcome_in_place(replica: Replica, body: Body) -> int | None:
    """Return what becomes of a write that a peer has accepted."""
    write = Write(1, ROOT, CHANGE, "", "", Value(body.text))
    replica.apply(Items(0, [write], []))
    return replica.database.outcome(write)


def replica_with(name: str, function: Any) -> tuple[Replica, Functions]:
    functions = Functions()
    functions.register(name, 1, function)
    return Replica(ROOT, functions=functions), functions


def test_a_function_books_what_is_free_and_is_called_again_where_what_it_read_has_changed() -> None:
    functions = Functions()
    functions.register("first free", 1, first_free)
    root = Replica(ROOT, functions=functions)
    replica = Replica(root.create().created, functions=functions)
    replica.apply(root.beyond(0, replica.vector))
    bob = replica.change(call({"rooms": ["a", "b"], "who": "bob"}))
    assert replica.get("rooms", "a") == to_value("bob")
    ann = root.change(call({"rooms": ["a", "b"], "who": "ann"}))
    replica.apply(Items(1, [ann], []))
    assert (replica.get("rooms", "a"), replica.get("rooms", "b")) == (to_value("ann"), to_value("bob"))
    assert replica.database.outcome(bob) == APPLIED
    full = replica.change(call({"rooms": ["a", "b"], "who": "cat"}))
    assert replica.database.outcome(full) == CONFLICT
    replica.check()


def test_a_function_sees_rows_by_what_they_are() -> None:
    seen: list[Any] = []

    def look(view: View, args: Any) -> list[Any]:
        seen.append((view.get("n", "a"), view.get("n", "nobody"), view.rows("n", "", [["f", "=", 1]]), args))
        return [["set", "n", "seen", len(view.rows("n"))]]

    replica, _ = replica_with("look", look)
    replica.put("n", "a", to_value({"f": 1}))
    replica.put("n", "b", to_value({"f": True}))
    replica.change(call([1, None], "look"))
    assert seen == [({"f": 1}, None, [("a", {"f": 1})], [1, None])] * 2  # it is tried out first
    assert replica.get("n", "seen") == "2"


@pytest.mark.parametrize("raised", [Unfit, Unfit("no"), None, ValueError("a mistake"), KeyError("k")])
def test_what_does_not_fit_leaves_it_to_the_next_alternative(raised: Any) -> None:
    """Whatever a function raises in its place in the order; that may be a mistake which shows there alone."""

    def function(view: View, args: Any) -> list[Any] | None:
        if raised is None:
            return None
        raise raised

    replica, functions = replica_with("f", function)
    assert outcome_in_place(replica, call(1, "f", **{"else": [{"do": [["set", "n", "k", 1]]}]})) == 1
    body = call(1, "f")
    assert functions.call(call_of(body), replica.get, lambda query: []) is None
    if isinstance(raised, ValueError | KeyError):
        with pytest.raises(BadBody, match="the function f 1 raised"):
            functions.strict.call(call_of(body), replica.get, lambda query: [])
    else:
        assert functions.strict.call(call_of(body), replica.get, lambda query: []) is None


@pytest.mark.parametrize(
    "answer", [5, [["nothing"]], [["set", "n", "k", None]], [["set", "!conflicts", "k", 1]], [["set"] * 9]]
)
def test_updates_that_are_none_do_not_fit(answer: Any) -> None:
    replica, _ = replica_with("f", lambda view, args: answer)
    assert outcome_in_place(replica, call(1, "f")) == CONFLICT
    with pytest.raises(TurnedDown, match="which is no list of updates"):
        replica.change(call(1, "f"))
    assert len(replica.log) == 1


def test_limits_count_results() -> None:
    def many_updates(view: View, args: int) -> list[Any]:
        return [["set", "n", f"k{n}", n] for n in range(args)]

    replica, _ = replica_with("f", many_updates)
    assert replica.database.outcome(replica.change(call(STEPS_MAX, "f"))) == APPLIED
    assert replica.database.outcome(replica.change(call(STEPS_MAX + 1, "f"))) == CONFLICT

    def all_rows(view: View, args: Any) -> list[Any]:
        return [["set", "out", "count", len(view.rows("many"))]]

    replica, _ = replica_with("f", all_rows)
    for number in range(ROWS_MAX):
        replica.put("many", f"{number}", to_value(1))
    assert replica.database.outcome(replica.change(call(1, "f"))) == APPLIED
    replica.put("many", "more", to_value(1))
    assert replica.database.outcome(replica.change(call(1, "f"))) == CONFLICT


@pytest.mark.parametrize("fault", [MemoryError, RecursionError, OSError("disk"), ImportError])
def test_a_fault_of_the_server_is_no_outcome(fault: Any) -> None:
    def function(view: View, args: Any) -> None:
        raise fault

    replica, _ = replica_with("f", function)
    with pytest.raises(FunctionFault, match="f 1 could not be carried out"):
        replica.change(call(1, "f"))


def test_what_is_missing_is_said_by_name_and_version() -> None:
    functions = Functions()
    functions.register("f", 2, first_free)
    with pytest.raises(ValueError, match="there are two functions f 2"):
        functions.register("f", 2, first_free)
    body = made_body(
        {"name": "n", "do": [], "else": [{"call": ["f", 2], "args": 1}, {"call": ["f", 3], "args": 1}]}
    )
    assert body.needs == (("f", 2), ("f", 3))
    assert functions.missing(body) == ("f", 3)
    with pytest.raises(TurnedDown, match="the function f 3 is missing here: start the server with it"):
        Replica(ROOT, functions=functions).change(body)
    with pytest.raises(MissingFunction, match="the function f 3"):
        functions.call(call_of(body, 2), lambda collection, key: None, lambda query: [])


@pytest.mark.parametrize(
    "raised", [ValueError("a mistake"), KeyError("k"), SystemExit(1), ZeroDivisionError()]
)
def test_what_raises_anything_but_unfit_is_turned_down_where_it_is_accepted(raised: BaseException) -> None:
    def function(view: View, args: Any) -> None:
        raise raised

    replica, _ = replica_with("f", function)
    with pytest.raises(TurnedDown, match="the function f 1 raised"):
        replica.change(call(1, "f"))
    assert (len(replica.log), replica.clock.now, replica.has_moved) == (0, 0, False)
    fits = replica.change(call(1, "f", **{"if": [["present", "n", "k"]]}))  # then it is not called at all
    assert replica.database.outcome(fits) == CONFLICT
    replica.check()


def test_what_is_tried_out_sees_all_that_stands_before_it() -> None:
    root = Replica(ROOT)
    functions = Functions()
    functions.register("count", 1, lambda view, args: [["set", "out", str(args), len(view.rows("n"))]])
    replica = Replica(root.create().created, functions=functions)
    replica.apply(root.beyond(0, replica.vector))
    replica.put("n", "a", to_value(1))
    replica.change(call(1, "count"))
    replica.change(made_body({"name": "m", "do": [["set", "n", "b", 2]]}))
    replica.change(call(2, "count"))
    assert (replica.get("out", "1"), replica.get("out", "2")) == ("1", "2")
    assert replica.needs == [("count", 1)]
    replica.check()


def test_too_many_rows_do_not_fit_whatever_the_function_does_then() -> None:
    def function(view: View, args: Any) -> list[Any]:
        try:
            view.rows("many")
        except Unfit:
            pass
        return [["set", "n", "k", 1]]

    replica, _ = replica_with("f", function)
    for number in range(ROWS_MAX + 1):
        replica.put("many", f"{number}", to_value(1))
    assert replica.database.outcome(replica.change(call(1, "f"))) == CONFLICT
    seen = Seen({("many", f"{number}"): 1 for number in range(ROWS_MAX + 1)}, lambda value, where: True)
    with pytest.raises(TooMany):
        seen.rows("many")
    assert seen.is_over


@pytest.mark.parametrize("row", [("!conflicts", ""), ("No", "k"), (5, "k"), ("n", 5)])
def test_what_no_row_can_be_no_function_sees(row: Any) -> None:
    """The error log least of all; nor does one that the judge calls."""
    views: list[Any] = [
        View(lambda collection, key: None, lambda query: []),
        Seen({}, lambda value, where: True),
    ]
    for view in views:
        for look in (view.get, view.rows):
            with pytest.raises((ValueError, TypeError)):
                look(*row)


def test_what_takes_too_long_is_a_fault_that_names_the_write_and_what_to_do() -> None:
    def guard(does: Any) -> Any:
        raise TookTooLong

    functions = Functions({("f", 1): first_free}, guard)
    replica = Replica(ROOT, functions=functions)
    with pytest.raises(
        FunctionFault, match=r"f 1 could not .* 'n', which a client wants accepted: it ran for more"
    ):
        replica.change(call(1, "f"))
    with pytest.raises(FunctionFault, match=r"for the write 'n', 1@<>: .*start the server again"):
        outcome_in_place(replica, call(1, "f"))


def test_a_function_keeps_its_marks_and_stays_as_it_is() -> None:
    @merge("b", 2)
    @merge("a", 1)
    def function(view: View, args: Any) -> None:
        return None

    assert marks_of(function) == (("a", 1), ("b", 2))
    assert function(View(lambda collection, key: None, lambda query: []), 1) is None
    for name, version in (("", 1), ("n" * 65, 1), (5, 1), ("\ud800", 1)):
        with pytest.raises(ValueError, match="names no function"):
            merge(name, version)  # type: ignore[arg-type]
    wrong_versions: tuple[Any, ...] = (0, -1, True, "1", 1 << 63)
    for version in wrong_versions:
        with pytest.raises(ValueError, match="is no version of a function"):
            merge("n", version)

    async def later(view: View, args: Any) -> None: ...

    def several(view: View, args: Any) -> Any:
        yield

    for wrong in (later, several, 5):
        with pytest.raises(TypeError, match="is no plain function"):
            merge("n", 1)(wrong)  # type: ignore[type-var]


def test_the_judge_looks_at_answers_as_bodies_are_looked_at() -> None:
    """Its own rules, and those of servers, say the same of every update."""
    values = [
        1,
        1.5,
        -0.0,
        "x",
        "",
        None,
        True,
        [1],
        {"a": [None]},
        1 << 64,
        float("inf"),
        (1,),
        b"x",
        "\udc80",
    ]
    deep: Any = 1
    for _ in range(18):
        deep = [deep]
        values.append(deep)
    keys = ["k", "", "a b", "\udc80", "k" * 1025, 5]
    updates: list[Any] = [
        [],
        ["set"],
        5,
        None,
        ["nothing", "n", "k"],
        ["set", "n", "k"],
        [["set"], "n", "k", 1],
    ]
    for collection in ("n", "playlist", "!conflicts", "No", "", 5):
        for key in keys:
            updates.append(["delete", collection, key])
            updates += [
                [word, collection, key, value]
                for word in ("set", "new", "add", "insert", "remove")
                for value in values
            ]
    for update in updates:
        try:
            made_updates([update])
            is_right = True
        except (BadBody, TypeError):
            is_right = False
        assert is_update(update) == is_right, update
