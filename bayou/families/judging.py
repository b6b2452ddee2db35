"""Which rules a trace is judged by: those of the family of its run."""

from __future__ import annotations

from bayou.core.errors import BayouError
from bayou.families import FAMILIES, find

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from bayou.check.verdict import Verdict
    from bayou.families import Family

    Event = dict[str, Any]


def family_of(events: Sequence[Event]) -> Family:
    """Return the family of the run that these events are of: the one that it opened, or the first of all
    where it opened none. BayouError where there is no such family."""
    for event in events:
        if event.get("event") == "opened":
            return find(event.get("family"))
    return next(iter(FAMILIES.values()))


def rules_of(family: Family) -> dict[str, str]:
    """Return the rules of a family, each with what it says."""
    rules: dict[str, str] = family.part("judging").RULES
    return rules


def judge(events: Sequence[Event], functions: str = "", *, is_own: bool = False) -> dict[str, Verdict]:
    """Return the verdict of each rule of the family; HistoryError, or another BayouError, where these events
    are no trace.

    ``functions``: the path of a file with functions that were called in the run; ``is_own``: whether this
    process has had the run, so that the file which its first event names may be loaded. A trace from
    elsewhere does not decide what is executed here.
    """
    family = family_of(events)
    judging = family.part("judging")
    judge_with = getattr(judging, "judge_with", None)
    if judge_with is None and functions:
        raise BayouError(
            f"in a run of the family {family.name} no functions are called: leave out --functions"
        )
    verdicts: dict[str, Verdict] = (
        judging.judge(events) if judge_with is None else judge_with(events, functions, is_own=is_own)
    )
    return verdicts
