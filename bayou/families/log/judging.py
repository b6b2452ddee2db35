"""What families on a log have in common where their traces are judged."""

from __future__ import annotations

from bayou.check.consensus import RULES
from bayou.check.consensus import judge as judge_log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from bayou.check.verdict import Verdict
    from bayou.trace.file import Event

__all__ = ["RULES", "judge_log", "prepared"]


def prepared(events: Iterable[Event]) -> list[Event]:
    """Return the events of a trace as judges of a log want them: who started says whether they stand in the
    order in which they happened, as those of a simulated run do. Others say it themselves."""
    history = list(events)
    if not history or history[0].get("world") != "sim":
        return history
    return [{**event, "in_order": True} if event.get("event") == "started" else event for event in history]


def judge(events: Iterable[Event]) -> dict[str, Verdict]:
    """Return the verdict of each rule on the events of a trace; HistoryError for one that is none."""
    return judge_log(prepared(events))
