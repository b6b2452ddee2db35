"""Rows as sessions are told them, on the wire: in columns. See bayou.node.asks."""

from __future__ import annotations

from bayou.core.past import CSN_MAX
from bayou.core.seen import check_seen
from bayou.core.vector import STAMP_MAX
from bayou.node.asks import Version
from bayou.wire.columns import (
    WRITES_MAX,
    cut_texts,
    join_texts,
    pack_names,
    pack_numbers,
    unpack_names,
    unpack_numbers,
)
from bayou.wire.errors import WireError
from bayou.wire.writes import unpack_collections

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from bayou.wire.columns import Plain


def pack_versions(rows: Sequence[Version]) -> Plain:
    """Return rows as plain data, a column for each field; ``unpack_versions`` reads it.

    A deleted row has an empty value. Where nobody knows the write it has the place behind all servers.
    """
    if not rows:
        return ()
    if len(rows) > WRITES_MAX:
        raise WireError(f"{len(rows)} rows; {WRITES_MAX} are the limit")
    listed = {name: at for at, name in enumerate(dict.fromkeys(["", *[row.collection for row in rows]]))}
    servers = dict.fromkeys([row.server for row in rows if row.server is not None])
    names = {name: at for at, name in enumerate(servers)}
    keys = [row.key for row in rows]
    values = [row.value or "" for row in rows]
    return (
        "/".join(listed),
        pack_numbers([listed[row.collection] for row in rows]),
        pack_numbers(list(map(len, keys))),
        join_texts(keys),
        pack_numbers(list(map(len, values))),
        join_texts(values),
        pack_numbers([row.csn for row in rows]),
        bytes([row.is_committed for row in rows]),
        pack_numbers([row.stamp for row in rows]),
        pack_names(tuple(names)),
        pack_numbers([len(names) if row.server is None else names[row.server] for row in rows]),
    )


def unpack_versions(plain: Any) -> list[Version]:
    """Return the rows that this plain data stands for, each of which can be; WireError where it stands for
    none."""
    if plain == ():
        return []
    try:
        listed, at, key_sizes, keys, sizes, values, numbers, marks, stamped, packed, servers = plain
        collections = unpack_collections(listed)
        csns, stamps, places = map(unpack_numbers, (numbers, stamped, servers))
        if max(csns) > CSN_MAX or max(stamps) > STAMP_MAX or type(marks) is not bytes or max(marks) > 1:
            raise WireError("a row with a CSN or a stamp out of range")
        names = (*unpack_names(packed), None)
        columns = (
            [collections[place] for place in unpack_numbers(at)],
            cut_texts(keys, unpack_numbers(key_sizes)),
            [text or None for text in cut_texts(values, unpack_numbers(sizes))],
            csns,
            map(bool, marks),
            stamps,
            [names[place] for place in places],
        )
        rows = [Version(*row) for row in zip(*columns, strict=True)]
        for row in rows:
            check_seen(row.collection, row.key, row.value)
            if (row.csn and not row.is_committed) or (row.stamp > 0) != (row.server is not None):
                raise WireError("a row with a CSN that is not committed, or a write without a server")
        return rows
    except (TypeError, ValueError, IndexError) as error:
        raise WireError(f"rows that don't fit their columns ({error})") from error
