"""What can be set for a log under test."""

from __future__ import annotations

from bayou._record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

SECONDS_MIN, SECONDS_MAX = 0.001, 1000.0


class LogSettings(Record):
    """Times are in seconds. Of those that run freely: how often a leader is heard (``heartbeat_s``), how long
    a server waits at least, hearing none, until it campaigns (``election_s``), and when a client asks again
    (``retry_s``). In lock-step: when something is said again (``resend_s``). ``window``: how many slots may
    be undecided from the first undecided one on."""

    heartbeat_s: float = 0.05
    election_s: float = 0.25
    retry_s: float = 0.1
    resend_s: float = 0.03
    window: int = 1000


def settings_of(plain: Mapping[str, Any]) -> LogSettings:
    """Read settings from plain data; what is left out is as by default. ValueError where it is none."""
    if not plain:
        return LogSettings()
    known = LogSettings()
    values = {name: plain.get(name, getattr(known, name)) for name in LogSettings.field_names}
    surplus = [name for name in plain if name not in values]
    if surplus:
        raise ValueError(f"{surplus[0]!r} can't be set for a log")
    for name, value in values.items():
        if name == "window":
            if type(value) is not int or not 1 <= value <= 1_000_000:
                raise ValueError("window is a whole number from 1 to 1,000,000")
        elif type(value) not in (int, float) or not SECONDS_MIN <= value <= SECONDS_MAX:
            raise ValueError(f"{name} is a number of seconds from {SECONDS_MIN:g} to {SECONDS_MAX:g}")
    return LogSettings(**values)


def plain_of(settings: LogSettings) -> dict[str, Any]:
    """Return settings as plain data."""
    return {name: getattr(settings, name) for name in settings.field_names}
