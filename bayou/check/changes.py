"""What a general write comes to on given rows: an interpreter of the judge's own, in plain Python data.

It is written from the rules alone, and shares nothing with what it judges. Bodies and values are JSON as the
json module reads it, told apart by type: 1, 1.0, "1" and true are four values.
"""

from __future__ import annotations

import json

from bayou.check.calls import Given, answered

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Row = tuple[str, str]
    Rows = dict[Row, Any]
    Changes = dict[Row, Any]

CONFLICT = -1
GONE = object()
"""Stands for the value of a row that a write deletes."""

WHOLE_MAX = 2**63 - 1
KEY_MAX = 1024
VALUE_MAX = 1024 * 1024


class CannotBe(Exception):
    """An update that can't be carried out."""


def written(value: Any) -> str:
    """Return the canonical form of a value that came from one."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def overlaid(values: Rows, changes: Changes) -> Rows:
    """Return the rows as they are after some changes."""
    merged = {**values, **changes}
    return {row: value for row, value in merged.items() if value is not GONE}


def executed(body: Any, values: Rows, given: Given | None = None) -> tuple[int, Changes]:
    """Return the outcome of a body on these rows, and what it changes: nothing where it is a conflict.
    ``given``: the functions that it may call; bayou.check.calls.Untold where it calls another."""
    for number, alternative in enumerate([body, *body.get("else", [])]):
        if not all(holds(condition, values) for condition in alternative.get("if", [])):
            continue
        updates = alternative.get("do")
        if updates is None:
            updates = answered(alternative["call"], alternative["args"], values, given or Given(), meets)
            if updates is None:
                continue
        try:
            return number, carried_out(updates, values)
        except CannotBe:
            continue
    return CONFLICT, {}


def holds(condition: Any, values: Rows) -> bool:
    """Whether a condition holds."""
    word = condition[0]
    if word in ("atmost", "atleast"):
        _, count, collection, prefix, where = condition
        found = 0
        for (its_collection, key), value in values.items():
            if its_collection == collection and key.startswith(prefix) and meets(value, where):
                found += 1
        return bool(found <= count if word == "atmost" else found >= count)
    row = (condition[1], condition[2])
    if word == "absent":
        return row not in values
    if row not in values:
        return False
    if word == "is":
        return same(values[row], condition[3])
    if word == "meets":
        return meets(values[row], condition[3])
    return True


def meets(value: Any, where: Any) -> bool:
    """Whether a value meets every condition in a list."""
    for name, operator, scalar in where:
        if name == ".":
            compared = value
        elif type(value) is dict and name in value:
            compared = value[name]
        else:
            return False
        if not stands(compared, operator, scalar):
            return False
    return True


def stands(value: Any, operator: str, scalar: Any) -> bool:
    """Whether a value stands so to a scalar."""
    if operator == "=":
        return same(value, scalar)
    if operator == "!=":
        return not same(value, scalar)
    both_numbers = type(value) in (int, float) and type(scalar) in (int, float)
    both_texts = type(value) is str and type(scalar) is str
    if not both_numbers and not both_texts:
        return False
    if operator == "<":
        return bool(value < scalar)
    if operator == "<=":
        return bool(value <= scalar)
    if operator == ">":
        return bool(value > scalar)
    return bool(value >= scalar)


def same(a: Any, b: Any) -> bool:
    """Whether two values are equal: in type and content."""
    if type(a) is not type(b):
        return False
    if type(a) is list:
        return len(a) == len(b) and all(same(*pair) for pair in zip(a, b, strict=True))
    if type(a) is dict:
        return a.keys() == b.keys() and all(same(a[name], b[name]) for name in a)
    return bool(a == b)


def carried_out(updates: Any, values: Rows) -> Changes:
    """Return what these updates change, each seeing those before it."""
    changes: Changes = {}
    for update in updates:
        now = overlaid(values, changes)
        word, collection, key = update[:3]
        row = (collection, key)
        if word == "delete":
            changes[row] = GONE
        elif word == "set":
            changes[row] = update[3]
        elif word == "new":
            changes[collection, free_key(collection, key, now)] = update[3]
        elif word == "add":
            changes[row] = sum_of(now.get(row, 0), update[3])
        else:
            texts = texts_of(now.get(row, []))
            if word == "insert":
                texts.add(update[3])
            else:
                texts.discard(update[3])
            changes[row] = sorted(texts)
        if changes.get(row, GONE) is not GONE and size(written(changes[row])) > VALUE_MAX:
            raise CannotBe
    return changes


def free_key(collection: str, key: str, values: Rows) -> str:
    """Return the first of K, K-2, K-3 ... K-99 that no row has."""
    for number in range(1, 100):
        candidate = key if number == 1 else f"{key}-{number}"
        if size(candidate) > KEY_MAX:
            raise CannotBe
        if (collection, candidate) not in values:
            return candidate
    raise CannotBe


def sum_of(value: Any, number: int) -> int:
    """Return a counter after an addition."""
    if type(value) is not int:
        raise CannotBe
    total = value + number
    if not -WHOLE_MAX - 1 <= total <= WHOLE_MAX:
        raise CannotBe
    return total


def texts_of(value: Any) -> set[str]:
    """Return the texts of a set."""
    if type(value) is not list or not all(type(each) is str for each in value):
        raise CannotBe
    return set(value)


def size(text: str) -> int:
    """Return how many bytes a text has; an odd byte counts as one."""
    return len(text.encode("utf-8", "surrogateescape"))
