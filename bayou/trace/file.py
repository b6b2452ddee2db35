"""Traces as files: one JSON object a line, keys in a fixed order, the same bytes for the same run."""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import IO, Any

    Event = dict[str, Any]


VERSION = 2
"""Of the format, which the first event of a trace tells."""


class TraceError(Exception):
    """A line is no event; the message says which line and why."""


def to_line(event: Event) -> str:
    """Return an event as a line, without its end. Texts that stand for odd bytes are escaped."""
    return json.dumps(event, separators=(",", ":"))


def write_events(stream: IO[str], events: Iterable[Event]) -> None:
    """Write events to a text stream, a line each."""
    for event in events:
        stream.write(f"{to_line(event)}\n")


def read_events(lines: Iterable[str | bytes]) -> Iterator[Event]:
    """Read events from lines; TraceError, with the number of the line, for one that is none, or that begins a
    trace of another version."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            event = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise TraceError(f"line {number} is no JSON: {error}") from error
        if not isinstance(event, dict) or not isinstance(event.get("event"), str):
            raise TraceError(f'line {number} is no event: an object with an "event" is due')
        version = event.get("version", VERSION) if event["event"] == "began" else VERSION
        if version != VERSION:
            raise TraceError(
                f"line {number}: a trace of version {str(version)[:20]} of the format, and version {VERSION} "
                "is read here: record the run again"
            )
        yield event
