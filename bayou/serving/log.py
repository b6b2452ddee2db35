"""What a server that lasts says on standard error: a line an event, for people or for programs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from time import monotonic, time

from bayou.net.complaints import BURST, PERIOD_S, Complaints

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

LEVELS = ("debug", "info", "warning", "error")


class Log:
    """Writes events from ``level`` on. Of one sort that comes too often some are left out, and counted."""

    def __init__(
        self, level: str = "info", *, as_json: bool = False, say: Callable[[str], bool] | None = None
    ) -> None:
        """``say`` writes a line without waiting, and returns whether it was taken; standard error unless told
        otherwise."""
        self._least = LEVELS.index(level)
        self._as_json = as_json
        self._say = say or Complaints(monotonic).say
        self._allowance: dict[str, tuple[float, float]] = {}
        self._left_out: dict[str, int] = {}

    def tell(self, level: str, event: str, fields: dict[str, object]) -> None:
        """Write an event, unless it is below the level, or one too many of its sort."""
        if LEVELS.index(level) < self._least:
            return
        if not self._allow(event):
            self._left_out[event] = self._left_out.get(event, 0) + 1
            return
        left_out = self._left_out.pop(event, 0)
        if left_out:
            fields = {**fields, "left_out_before": left_out}
        if not self._say(self._line(level, event, fields)):
            self._left_out[event] = left_out + 1

    def _line(self, level: str, event: str, fields: dict[str, object]) -> str:
        at = datetime.fromtimestamp(time(), UTC).isoformat(timespec="milliseconds")
        if self._as_json:
            plain = {
                key: value if isinstance(value, int | float) else str(value) for key, value in fields.items()
            }
            return json.dumps({"time": at, "level": level, "event": event, **plain})
        told = "".join(f" {key}={_shown(value)}" for key, value in fields.items())
        return f"{at} {level} {event}{told}"

    def _allow(self, event: str) -> bool:
        now = monotonic()
        left, since = self._allowance.get(event, (float(BURST), now))
        left = min(float(BURST), left + (now - since) / PERIOD_S)
        is_allowed = left >= 1
        self._allowance[event] = (left - is_allowed, now)
        return is_allowed


def _shown(value: object) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if not text or " " in text or '"' in text else text
