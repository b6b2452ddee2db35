"""JSON of which each part knows its line, so that whoever edits a file by hand is told where it is off."""

from __future__ import annotations

import json

from bayou._record import Record
from bayou.core.errors import BayouError

BLANKS = " \t\n\r"


class Part(Record):
    """A value, and the line in which it begins, counted from 1. The values of an object (a dict) and of a
    list are parts themselves; ``twice`` has the keys that an object names twice, with their lines."""

    value: object
    line: int
    twice: tuple[tuple[str, int], ...] = ()


class NoJSON(BayouError):
    """A text is no JSON; ``line`` says from where on."""

    def __init__(self, why: str, line: int) -> None:
        super().__init__(why)
        self.line = line


def parse(text: str) -> Part:
    """Return what a text says; NoJSON where it says nothing.

    >>> parse('{"a":\\n[1, true]}').value["a"]
    Part(value=[Part(value=1, line=2, twice=()), Part(value=True, line=2, twice=())], line=2, twice=())
    """
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        raise NoJSON(error.msg, error.lineno) from error
    except RecursionError as error:
        raise NoJSON("nested too deep", 1) from error
    return _Walk(text).part(0)[0]


class _Walk:
    """Goes once more through a text that is JSON, and looks where things are."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._decoder = json.JSONDecoder()

    def part(self, at: int) -> tuple[Part, int]:
        """Return the part that begins there, and where it ends."""
        at = self._skip(at)
        line = self._text.count("\n", 0, at) + 1
        if self._text[at] == "{":
            return self._object(at, line)
        if self._text[at] == "[":
            return self._list(at, line)
        value, end = self._decoder.raw_decode(self._text, at)
        return Part(value, line), end

    def _object(self, at: int, line: int) -> tuple[Part, int]:
        found: dict[str, Part] = {}
        twice: list[tuple[str, int]] = []
        at = self._skip(at + 1)
        while self._text[at] != "}":
            key, at = self.part(at)
            part, at = self.part(self._skip(at) + 1)
            if str(key.value) in found:
                twice.append((str(key.value), key.line))
            found[str(key.value)] = part
            at = self._skip(at)
            if self._text[at] == ",":
                at = self._skip(at + 1)
        return Part(found, line, tuple(twice)), at + 1

    def _list(self, at: int, line: int) -> tuple[Part, int]:
        found: list[Part] = []
        at = self._skip(at + 1)
        while self._text[at] != "]":
            part, at = self.part(at)
            found.append(part)
            at = self._skip(at)
            if self._text[at] == ",":
                at = self._skip(at + 1)
        return Part(found, line), at + 1

    def _skip(self, at: int) -> int:
        while self._text[at] in BLANKS:
            at += 1
        return at
