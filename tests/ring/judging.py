"""The rules of a ring, judged from a trace alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bayou.check.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

RULES = {
    "one place": "each count is held by one server only",
    "no gap": "each count is one more than one that was given away",
    "confirmed": "whoever confirms a count has had it",
}


def judge(events: Iterable[dict[str, Any]]) -> dict[str, Verdict]:
    """Return the verdict of each rule on the events of a trace.

    Those of one server are in order; between servers the order in which they were heard says nothing.
    """
    verdicts = {rule: Verdict() for rule in RULES}
    holders: dict[int, int] = {}
    history = list(events)
    given = {-1, *(event["count"] for event in history if event["event"] == "gave")}
    reached: dict[int, int] = {}
    for at, event in enumerate(history, start=1):
        kind, server, count = event["event"], event.get("server", -1), event.get("count", -1)
        if kind == "held":
            holder = holders.setdefault(count, server)
            if verdicts["one place"].fails(holder == server):
                verdicts["one place"].blame(at, f"{count} is at {holder} and at {server}")
            if verdicts["no gap"].fails(count - 1 in given):
                verdicts["no gap"].blame(at, f"{count} is held, and nobody has given {count - 1} away")
            reached[server] = max(count, reached.get(server, -1))
        elif kind == "gave":
            holder = holders.setdefault(count, server)
            if verdicts["one place"].fails(holder == server):
                verdicts["one place"].blame(at, f"{count} was at {holder}, and {server} gives it away")
        elif kind == "confirmed" and verdicts["confirmed"].fails(reached.get(server, -1) >= count):
            verdicts["confirmed"].blame(at, f"{server} confirms {count}, and never held it")
    return verdicts
