"""What a function that a general write calls comes to on given rows: the judge's own view, and its own look
at what the function answers.

Functions are given to the judge as they are to a server, since a trace does not tell what they do. They see
plain Python data, and copies of it.
"""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Row = tuple[str, str]

ROWS_MAX = 1000
UPDATES_MAX = 256
DEPTH_MAX = 16
KEY_MAX = 1024
VALUE_MAX = 1024 * 1024
WHOLE_MAX = 2**63 - 1
NAME_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789-_"
BLANKS = " \t\n\r\v\f"
SHAPES = {"set": "value", "new": "value", "delete": "", "add": "whole", "insert": "text", "remove": "text"}


@dataclass
class Given:
    """The ``functions`` that the judge was given, by name and version; ``missed``: what it could not carry
    out, in words."""

    functions: dict[tuple[str, int], Any] = field(default_factory=dict)
    missed: dict[str, None] = field(default_factory=dict)


class Untold(Exception):
    """What a function comes to can't be told: the judge was not given it, or this machine is in need."""


class TooMany(Exception):
    """A query of a function gives too many rows."""


class Seen:
    """The rows before a write, for a function."""

    def __init__(self, values: dict[Row, Any], meets: Callable[[Any, Any], bool]) -> None:
        self._values = values
        self._meets = meets
        self.is_over = False

    def get(self, collection: str, key: str) -> Any:
        """Return the value of a row, None where there is none."""
        _look_at(collection, key)
        return deepcopy(self._values.get((collection, key)))

    def rows(self, collection: str, prefix: str = "", where: Any = ()) -> list[tuple[str, Any]]:
        """Return rows under a prefix that meet all conditions, in order of keys."""
        _look_at(collection, prefix)
        conditions = [list(each) for each in where]
        for name, operator, scalar in conditions:
            is_scalar = type(scalar) in (str, int, float, bool)
            if type(name) is not str or operator not in ("=", "!=", "<", "<=", ">", ">=") or not is_scalar:
                raise ValueError(f"{[name, operator, scalar]} is no condition")
        keys = [
            key
            for (its_collection, key), value in self._values.items()
            if its_collection == collection and key.startswith(prefix) and self._meets(value, conditions)
        ]
        if len(keys) > ROWS_MAX:
            self.is_over = True
            raise TooMany
        return [(key, deepcopy(self._values[collection, key])) for key in sorted(keys)]


def answered(
    call: Any, args: Any, values: dict[Row, Any], given: Given, meets: Callable[[Any, Any], bool]
) -> list[Any] | None:
    """Return the updates that a function answers on these rows, None where it does not fit."""
    name, version = call
    function = given.functions.get((name, version))
    if function is None:
        given.missed[f"{name} {version}, which the judge was not given (--functions FILE)"] = None
        raise Untold
    seen = Seen(values, meets)
    try:
        updates = function(seen, deepcopy(args))
    except (MemoryError, RecursionError, OSError, ImportError) as error:
        given.missed[f"{name} {version}, which can't be carried out here ({error!r})"] = None
        raise Untold from error
    except (Exception, SystemExit, GeneratorExit):  # whatever a function may raise
        return None
    if seen.is_over or type(updates) is not list or len(updates) > UPDATES_MAX:
        return None
    return clean(updates) if all(is_update(update) for update in updates) else None


def clean(value: Any) -> Any:
    """Return a copy in which no zero has a sign."""
    if type(value) is list:
        return [clean(each) for each in value]
    if type(value) is dict:
        return {name: clean(each) for name, each in value.items()}
    return value + 0.0 if type(value) is float else value


def is_update(update: Any) -> bool:
    """Whether this is an update that a body could have."""
    if type(update) is not list or len(update) < 3 or type(update[0]) is not str:
        return False
    word, collection, key = update[:3]
    shape = SHAPES.get(word)
    if (
        shape is None
        or len(update) != (4 if shape else 3)
        or type(collection) is not str
        or type(key) is not str
    ):
        return False
    if collection == "!conflicts":
        return bool(word == "delete")
    last = update[3] if shape else None
    if shape == "whole":
        return type(last) is int and collection != "playlist" and is_row(collection, key)
    if shape == "text":
        is_text = type(last) is str and (word == "remove" or is_value(last))
        return is_text and collection != "playlist" and is_row(collection, key)
    if not is_row(collection, key):
        return False
    if shape == "value" and collection == "playlist":
        return type(last) is str and is_word(last, VALUE_MAX)
    return shape != "value" or is_value(last)


def is_row(collection: str, key: str) -> bool:
    """Whether users can have a row of this name."""
    if collection == "playlist":
        return is_word(key, KEY_MAX)
    return is_collection(collection) and has_bytes(key, KEY_MAX)


def is_collection(name: str) -> bool:
    """Whether users can have a collection of this name."""
    return 0 < len(name) <= 64 and all(letter in NAME_LETTERS for letter in name)


def is_word(text: str, bytes_max: int) -> bool:
    """Whether a text can be in the playlist: some bytes, and no blank."""
    try:
        data = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    is_whole = data.decode("utf-8", "surrogateescape") == text
    return is_whole and 0 < len(data) <= bytes_max and not any(blank in text for blank in BLANKS)


def has_bytes(text: str, bytes_max: int) -> bool:
    """Whether a text is UTF-8, and no longer than that."""
    try:
        return len(text.encode()) <= bytes_max
    except UnicodeEncodeError:
        return False


def is_value(value: Any) -> bool:
    """Whether a row can have this value."""
    if value is None or not is_json(value, DEPTH_MAX):
        return False
    return has_bytes(json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True), VALUE_MAX)


def is_json(value: Any, room: int) -> bool:
    """Whether this is JSON, with whole numbers of 64 bits, nested so deep at most."""
    if type(value) is int:
        return -WHOLE_MAX - 1 <= value <= WHOLE_MAX
    if type(value) is float:
        return value - value == 0
    if type(value) is list:
        return room > 0 and all(is_json(each, room - 1) for each in value)
    if type(value) is dict:
        names = all(type(name) is str for name in value)
        return names and room > 0 and all(is_json(each, room - 1) for each in value.values())
    return value is None or type(value) in (bool, str)


def _look_at(collection: Any, key: Any) -> None:
    if (
        type(collection) is not str
        or type(key) is not str
        or not (collection == "playlist" or is_collection(collection))
    ):
        raise ValueError(f"{collection!r} is no collection that a function can see")
