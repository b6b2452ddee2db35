"""Functions that general writes call: the registry, what they see, and what becomes of what they raise."""

from __future__ import annotations

from typing import Any

import pytest

from bayou.core.body import STEPS_MAX, BadBody, Body, Call, made_body
from bayou.core.errors import FunctionFault, MissingFunction, TurnedDown
from bayou.core.execute import APPLIED, CONFLICT
from bayou.core.functions import ROWS_MAX, Functions, Unfit, View
from bayou.core.items import Items
from bayou.core.name import ROOT
from bayou.core.replica import Replica
from bayou.core.values import to_value


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
    write = replica.change(call(1, "f", **{"else": [{"do": [["set", "n", "k", 1]]}]}))
    assert replica.database.outcome(write) == 1
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
    assert replica.database.outcome(replica.change(call(1, "f"))) == CONFLICT


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
