"""Functions that general writes of the golden scenarios call: see docs/general-writes.md."""

from __future__ import annotations

from typing import Any

import bayou


@bayou.merge("book", 1)
def book(view: bayou.View, args: Any) -> list[Any] | None:
    """Give somebody the first of these rooms that is free; where none is, he waits, behind those who do."""
    for room in args["rooms"]:
        if view.get("rooms", room) is None:
            return [["set", "rooms", room, args["who"]]]
    return [["insert", "waiting", "list", args["who"]]]


@bayou.merge("book", 2)
def book_or_not(view: bayou.View, args: Any) -> list[Any] | None:
    """As before; but who finds all rooms taken has a conflict, unless the write says what else to do."""
    for room in args["rooms"]:
        if view.get("rooms", room) is None:
            return [["set", "rooms", room, args["who"]]]
    return None


@bayou.merge("transfer", 1)
def transfer(view: bayou.View, args: Any) -> list[Any] | None:
    """Move an amount from one account to another, never more than there is."""
    source, target, amount = args
    held: Any = view.get("accounts", source) or 0
    if held < amount:
        raise bayou.Unfit(f"{source} has less than {amount}")
    return [["add", "accounts", source, -amount], ["add", "accounts", target, amount]]


@bayou.merge("close", 1)
def close(view: bayou.View, args: Any) -> list[Any] | None:
    """Count the items of an order, and mark each as sent: as many rows as there are."""
    items: list[Any] = view.rows("items", f"{args}/", [("state", "=", "packed")])
    marked = [["set", "items", key, {**item, "state": "sent"}] for key, item in items]
    return [*marked, ["set", "orders", args, {"sent": len(items)}]]


@bayou.merge("half", 1)
def half(view: bayou.View, args: Any) -> list[Any] | None:
    """Halve a number; of what is none it is a mistake, as functions have them."""
    number: Any = view.get("n", args)
    return [["set", "n", args, number // 2]]


@bayou.merge("many", 1)
def many(view: bayou.View, args: Any) -> list[Any] | None:
    """Answer so many updates."""
    return [["set", "m", str(number), number] for number in range(args)]
