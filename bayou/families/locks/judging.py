"""The rules that traces of a lock service are judged by: those of its log, and those of locks."""

from __future__ import annotations

from bayou.check import locks
from bayou.families.log import judging as log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from bayou.check.verdict import Verdict
    from bayou.trace.file import Event

RULES = {**log.RULES, **locks.RULES}


def judge(events: Iterable[Event]) -> dict[str, Verdict]:
    """Return the verdict of each rule on the events of a trace; HistoryError for one that is none."""
    history = log.prepared(events)
    return {**log.judge_log(history), **locks.judge(history)}
