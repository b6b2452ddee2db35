"""The rules that traces of the store are judged by."""

from __future__ import annotations

from bayou.check.calls import Given
from bayou.check.history import History
from bayou.check.store import RULES
from bayou.check.store import judge as judge_history
from bayou.families.store.functions import SAMPLES, known_functions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from bayou.check.history import Event
    from bayou.check.verdict import Verdict

__all__ = ["RULES", "judge", "judge_with"]


def judge(events: Sequence[Event]) -> dict[str, Verdict]:
    """Return the verdict of each rule on the events of a trace; HistoryError for one that is none."""
    return judge_with(events)


def judge_with(events: Sequence[Event], functions: str = "", *, is_own: bool = False) -> dict[str, Verdict]:
    """As ``judge``; see bayou.families.judging for the functions. FunctionsError where there are none."""
    named = _named(events)
    functions = functions or (named if is_own or named == SAMPLES else "")
    known = known_functions(functions) if functions else {}
    given = {each: _guarded(function) for each, function in known.items()}
    return judge_history(History.of(events, Given(given)))


def _named(events: Sequence[Event]) -> str:
    """Return what the first event of a trace names as the functions of its run."""
    found: Any = events[0] if events else {}
    for part in ("families", "store", "functions"):
        found = found.get(part) if isinstance(found, dict) else None
    return found if isinstance(found, str) else ""


def _guarded(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Return the function as the judge calls it: one that runs for too long is a fault of this machine."""
    from bayou.core.errors import TookTooLong
    from bayou.host.guard import Guard

    guard = Guard(ends_process=True)

    def called(view: Any, args: Any) -> Any:
        try:
            return guard(lambda: function(view, args))
        except TookTooLong:
            raise TimeoutError("it ran for too long") from None

    return called
