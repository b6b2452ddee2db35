"""Whether all servers and clients of a chat have the same log in the end; the first difference."""

from __future__ import annotations

from bayou._record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NO_OP = "no-op"
MEMBERS = "members"


class Comparison(Record):
    """``messages``: how many there are in the log, each counted once; ``slots``: how long it is, with so many
    ``no_ops``; ``difference``: the first one, in words, None where all is as it should be."""

    messages: int
    slots: int
    no_ops: int
    difference: str | None


def compare(
    logs: Mapping[int, Sequence[str]], views: Mapping[int, Sequence[str]], sent: Mapping[int, Sequence[str]]
) -> Comparison:
    """Compare the ``logs`` of servers, a line ``slot client number: text`` or ``slot no-op`` for each slot,
    the ``views`` of clients, a line ``slot client: text`` for each message, and what each client has
    ``sent``, in order."""
    server, log = next(iter(logs.items()))
    seen: dict[tuple[int, int], str] = {}
    view: list[str] = []
    no_ops = 0
    for line in log:
        slot, value = line.split(" ", 1)
        if value in (NO_OP, MEMBERS):
            no_ops += value == NO_OP
            continue
        client, number, text = _parts(value)
        if (client, number) not in seen:  # a message that stands in a lower slot already counts once
            seen[client, number] = text
            view.append(f"{slot} {client}: {text}")
    found = next((each for each in _differences(server, logs, view, views)), None)
    return Comparison(len(seen), len(log), no_ops, found or _lost(seen, sent))


def _parts(value: str) -> tuple[int, int, str]:
    about, text = value.split(": ", 1)
    client, number = about.split(" ")
    return int(client), int(number), text


def _differences(
    first: int, logs: Mapping[int, Sequence[str]], view: Sequence[str], views: Mapping[int, Sequence[str]]
) -> list[str]:
    """Return how others differ from the first server's log, and from the view that it makes."""
    found = [
        _difference(f"server {server}", log, f"server {first}", logs[first]) for server, log in logs.items()
    ]
    found += [
        _difference(f"client {client}", lines, f"the log of server {first}", view)
        for client, lines in views.items()
    ]
    return [each for each in found if each is not None]


def _difference(who: str, lines: Sequence[str], other: str, expected: Sequence[str]) -> str | None:
    for mine, theirs in zip(lines, expected, strict=False):
        if mine != theirs:
            return f"{who} has {mine!r} where {other} has {theirs!r}"
    if len(lines) < len(expected):
        return f"{who} lacks {expected[len(lines)]!r}, which {other} has"
    if len(lines) > len(expected):
        return f"{who} has {lines[len(expected)]!r}, which {other} lacks"
    return None


def _lost(seen: Mapping[tuple[int, int], str], sent: Mapping[int, Sequence[str]]) -> str | None:
    """Return what is wrong with the log itself: each client's messages in its own order, each once."""
    numbers: dict[int, int] = {}
    for (client, number), text in seen.items():
        expected = numbers.get(client, 0) + 1
        if number != expected:
            return f"the log has message {number} of client {client} where {expected} is due"
        numbers[client] = number
        texts = sent.get(client, ())
        if number > len(texts) or texts[number - 1] != text:
            return f"the log has {text!r} as message {number} of client {client}, who has not sent that"
    for client, texts in sent.items():
        if numbers.get(client, 0) < len(texts):
            number = numbers.get(client, 0) + 1
            return f"the log lacks message {number} of client {client}: {texts[number - 1]!r}"
    return None
