"""Rows of a base on the wire and in journals, in columns: see bayou.core.past."""

from __future__ import annotations

from bayou.core.past import CSN_MAX
from bayou.core.seen import check_seen
from bayou.wire.columns import WRITES_MAX, cut_texts, join_texts, pack_numbers, unpack_numbers
from bayou.wire.errors import WireError
from bayou.wire.writes import unpack_collections

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from bayou.core.past import BaseRow
    from bayou.wire.columns import Plain


def pack_rows(rows: Sequence[BaseRow]) -> Plain:
    """Return rows as plain data, a column for each field; ``unpack_rows`` reads it. A mark has an empty
    value."""
    if not rows:
        return ()
    if len(rows) > WRITES_MAX:
        raise WireError(f"{len(rows)} rows; {WRITES_MAX} are the limit")
    collections, keys, values, csns = zip(*rows, strict=True)
    listed = {collection: at for at, collection in enumerate(dict.fromkeys(("", *collections)))}
    texts = [value or "" for value in values]
    return (
        pack_numbers(csns),
        "/".join(listed),
        pack_numbers([listed[collection] for collection in collections]),
        pack_numbers(list(map(len, keys))),
        join_texts(keys),
        pack_numbers(list(map(len, texts))),
        join_texts(texts),
    )


def unpack_rows(plain: Any) -> list[BaseRow]:
    """Return the rows that this plain data stands for, each of which can be in a base; WireError where it
    stands for none."""
    if plain == ():
        return []
    try:
        numbers, listed, at, key_sizes, keys, sizes, values = plain
        csns = unpack_numbers(numbers)
        if min(csns) < 1 or max(csns) > CSN_MAX:
            raise WireError("a row with a CSN out of range")
        collections = unpack_collections(listed)
        places, key_lengths, lengths = map(unpack_numbers, (at, key_sizes, sizes))
        rows: list[BaseRow] = []
        columns = cut_texts(keys, key_lengths), cut_texts(values, lengths)
        for csn, place, key, text in zip(csns, places, *columns, strict=True):
            collection = collections[place]
            check_seen(collection, key, text or None)
            value: Any = text or None
            rows.append((collection, key, value, csn))
        return rows
    except (TypeError, ValueError, IndexError) as error:
        raise WireError(f"rows that don't fit their columns ({error})") from error
