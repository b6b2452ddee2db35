"""The rules that traces of the store are judged by."""

from __future__ import annotations

from bayou.check.history import History
from bayou.check.store import RULES
from bayou.check.store import judge as judge_history

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from bayou.check.history import Event
    from bayou.check.verdict import Verdict

__all__ = ["RULES", "judge"]


def judge(events: Iterable[Event]) -> dict[str, Verdict]:
    """Return the verdict of each rule on the events of a trace; HistoryError for one that is none."""
    return judge_history(History.of(events))
