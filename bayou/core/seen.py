"""Rows as they may be seen, those of the system included: see bayou.core.rows."""

from __future__ import annotations

from bayou.core.body import BadBody, body_of
from bayou.core.rows import CONFLICTS, BadRow, check_collection, check_row
from bayou.core.values import check_value


def check_seen(collection: str, key: str, text: str | None) -> None:
    """Raise BadRow unless there can be such a row, with a value of which this is said to be the canonical
    form (None: any value)."""
    if collection == CONFLICTS:
        _check_conflict(key, text)
        return
    try:
        value = None if text is None else check_value(text)
    except ValueError as error:
        raise BadRow(str(error)) from None
    check_row(collection, key, value)


def _check_conflict(key: str, text: str | None) -> None:
    stamp, _, server = key.partition(":")
    if not all(each.isascii() and each.isdigit() for each in (stamp, *(server.split(",") if server else ()))):
        raise BadRow(f"a key of {CONFLICTS} that is no write's")
    try:
        if text is not None:
            body_of(text)
    except BadBody as error:
        raise BadRow(str(error)) from None


def check_readable(collection: str) -> None:
    """Raise BadRow unless there can be a collection of this name, one of the system's included."""
    if collection != CONFLICTS:
        check_collection(collection)
