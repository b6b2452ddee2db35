"""A few functions that random scenarios call: what they see, answer and raise is of every sort there is."""

from __future__ import annotations

from bayou.core.functions import Unfit, merge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from bayou.core.functions import View

COLLECTION = "n"


@merge("tally", 1)
def tally(view: View, args: Any) -> list[Any]:
    """Write down how many rows there are whose keys begin so."""
    return [["set", "c", "tally", len(view.rows(COLLECTION, str(args)))]]


@merge("first", 1)
def first(view: View, args: Any) -> list[Any] | None:
    """Give the first of two rows that is absent a value, which is the key of the other one."""
    for key, other in (("a", "b"), ("b", "a")):
        if view.get(COLLECTION, key) is None:
            return [["set", COLLECTION, key, other], ["add", "c", "count", 1]]
    return None


@merge("swap", 1)
def swap(view: View, args: Any) -> list[Any]:
    """Let two rows have each other's values, and none where one of them is absent."""
    values = [view.get(COLLECTION, key) for key in ("a", "b")]
    if None in values:
        raise Unfit("one is absent")
    return [["set", COLLECTION, "a", values[1]], ["set", COLLECTION, "b", values[0]]]


@merge("like", 1)
def like(view: View, args: Any) -> list[Any]:
    """Delete all rows whose field f, or whose value, is that: another version counts them."""
    keys = [key for field in ("f", ".") for key, _ in view.rows(COLLECTION, "", [(field, "=", args)])]
    return [["delete", COLLECTION, key] for key in keys] or [["insert", "c", "set", "none"]]


@merge("like", 2)
def likes(view: View, args: Any) -> list[Any]:
    """Write down how many rows there are whose value is no less than that."""
    return [["new", COLLECTION, "like", len(view.rows(COLLECTION, "", [(".", ">=", args)]))]]


@merge("strict", 1)
def strict(view: View, args: Any) -> list[Any]:
    """Raise what is no Unfit where a row has no field f: a mistake, as functions have them."""
    row: Any = view.get(COLLECTION, "a")
    return [["set", COLLECTION, "b", row["f"]]]
