"""Writes on the wire and in journals: one by one, or many in columns.

Some ten bytes a write beyond its key and value, packed and unpacked in C for the most part. All that comes
out has been checked: every write is one that a replica could have made.

What a write has beside its row is its payload. A tag, a byte, tells what that is, so that a new kind of
write needs no new column: nothing, a value in canonical form, or a server's name.
"""

from __future__ import annotations

import sys
from _operator import itemgetter  # the C half: see docs/decisions/0002-start-time.md

from bayou._lean import partial
from bayou.core.name import Name
from bayou.core.rows import (
    BLANKS,
    CONFLICTS,
    KEY_BYTES_MAX,
    PLAYLIST,
    TEXT_BYTES_MAX,
    check_collection,
    check_row,
)
from bayou.core.values import check_value
from bayou.core.write import CHANGE, CREATION, DELETE, GROUP, NOTICE, PUT, RETIREMENT, Write
from bayou.wire.columns import (
    NAMES_MAX,
    WRITES_MAX,
    check_stamps,
    cut_texts,
    join_texts,
    pack_name,
    pack_names,
    pack_numbers,
    pack_text,
    unpack_name,
    unpack_names,
    unpack_numbers,
    unpack_text,
)
from bayou.wire.errors import WireError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from bayou.core.values import Value
    from bayou.wire.columns import Plain

# The numbers of tags are for good, as those of kinds are.
NOTHING_TAG = 0
VALUE_TAG = 1
NAME_TAG = 2

FITTING = frozenset(
    {
        (PUT, VALUE_TAG),
        (DELETE, NOTHING_TAG),
        (CHANGE, VALUE_TAG),
        (CREATION, NOTHING_TAG),
        (RETIREMENT, NOTHING_TAG),
        (RETIREMENT, NAME_TAG),
        (NOTICE, NOTHING_TAG),
        (GROUP, VALUE_TAG),
    }
)
"""Which kinds of writes there are, and what their payload can be. Those up to DELETE have a row."""

_PLAYLIST_ONLY = ["", PLAYLIST]
_PLACE_DIGITS_MAX = len(str(NAMES_MAX))
_BLANKS = BLANKS.encode()
_ESCAPED = bytes(range(0x21)) + b"\\"
"""Blanks, and what canonical form escapes, but for quotation marks."""

_QUOTE = {'"'}
_first, _last = itemgetter(0), itemgetter(-1)

_new_write = partial(tuple.__new__, Write)  # as Write._make, which counts the fields once more


# Many, in columns.


def pack_writes(writes: Sequence[Write]) -> Plain:
    """Return writes as plain data, a column for each field; ``unpack_writes`` reads it.

    Names and collections are listed once, and a write has the place of its own among them.
    """
    if not writes:
        return ()
    if len(writes) > WRITES_MAX:
        raise WireError(f"{len(writes)} writes; {WRITES_MAX} are the limit")
    stamps, servers, kinds, collections, keys, values = zip(*writes, strict=True)
    names = {name: at for at, name in enumerate(dict.fromkeys(servers))}
    payloads: Sequence[str] = values
    tags = bytes([VALUE_TAG]) * len(values)
    if kinds.count(PUT) < len(kinds):
        tags = bytes(map(_tag, values))
        payloads = [_payload(value, names) for value in values]
    listed = {collection: at for at, collection in enumerate(dict.fromkeys(("", *collections)))}
    return (
        pack_names(tuple(names)),
        pack_numbers([names[server] for server in servers]),
        pack_numbers(stamps),
        bytes(kinds),
        "/".join(listed),
        pack_numbers([listed[collection] for collection in collections]),
        pack_numbers(list(map(len, keys))),
        join_texts(keys),
        tags,
        pack_numbers(list(map(len, payloads))),
        join_texts(payloads),
    )


def _tag(value: Value | Name | None) -> int:
    return VALUE_TAG if type(value) is str else NOTHING_TAG if value is None else NAME_TAG


def _payload(value: Value | Name | None, names: dict[Name, int]) -> str:
    """Return a payload as text: of a name, its place among the names, to which it is added."""
    if isinstance(value, Name):
        return str(names.setdefault(value, len(names)))
    return value or ""


def unpack_writes(plain: Any) -> list[Write]:
    """Return the writes that this plain data stands for; WireError where it stands for none."""
    if plain == ():
        return []
    try:
        names, servers, numbers, kinds, listed, places, key_sizes, keys, tags, sizes, payloads = plain
        _check_kinds(kinds, tags)
        table = unpack_names(names)
        stamps = unpack_numbers(numbers)
        check_stamps(min(stamps), max(stamps))
        collections = unpack_collections(listed)
        at, lengths, lengths_of_payloads = map(unpack_numbers, (places, key_sizes, sizes))
        columns: tuple[Any, ...] = (
            stamps,
            [table[place] for place in unpack_numbers(servers)],
            kinds,
            [collections[place] for place in at],
            cut_texts(keys, lengths),
            cut_texts(payloads, lengths_of_payloads),
        )
        if not (
            collections == _PLAYLIST_ONLY
            and _have_rows(kinds, at, lengths)
            and _are_words(keys, lengths, KEY_BYTES_MAX)
            and _are_texts(kinds, payloads, columns[-1], lengths_of_payloads)
        ):
            for row in zip(*columns[2:], strict=True):
                _check_row(*row)
        if tags.count(VALUE_TAG) < len(tags):
            values = [_of_payload(*each, table) for each in zip(tags, columns[-1], strict=True)]
            columns = *columns[:-1], values
        return list(map(_new_write, zip(*columns, strict=True)))
    except (TypeError, ValueError, IndexError) as error:
        raise WireError(f"writes that don't fit their columns ({error})") from error


def _check_kinds(kinds: Any, tags: Any) -> None:
    """Every write is of a kind that there is, with a payload that this kind can have."""
    if type(kinds) is not bytes or type(tags) is not bytes or len(kinds) > WRITES_MAX:
        raise WireError("kinds of writes that are none, or too many")
    if kinds.count(PUT) == tags.count(VALUE_TAG) == len(kinds) == len(tags):
        return
    unfitting = set(zip(kinds, tags, strict=True)) - FITTING
    if unfitting:
        kind, tag = min(unfitting)
        raise WireError(f"a write of the kind {kind} with a payload of the kind {tag}")


def _check_row(kind: int, collection: str, key: str, payload: str) -> None:
    """A write has a row that can be, and a put a value that this row can have; others have no row, a
    change has a body, and a group write a group."""
    if kind <= DELETE:
        check_row(collection, key, check_value(payload) if kind == PUT else None)
    elif collection or key:
        raise ValueError("a row where none belongs")
    elif kind == CHANGE:
        from bayou.core.body import body_of  # most exchanges have none

        body_of(payload)
    elif kind == GROUP:
        from bayou.core.group import group_of

        group_of(payload)


def _of_payload(tag: int, payload: str, names: tuple[Name, ...]) -> str | Name | None:
    if tag == VALUE_TAG:
        return payload
    if tag == NOTHING_TAG and not payload:
        return None
    if tag == NAME_TAG and len(payload) <= _PLACE_DIGITS_MAX and payload.isascii() and payload.isdecimal():
        return names[int(payload)]
    raise ValueError("a payload that is not what its tag says")


# The rows of a playlist, looked at all together: whatever is not surely right is looked at one by one.


def _have_rows(kinds: bytes, places: tuple[int, ...], sizes: tuple[int, ...]) -> bool:
    """Whether puts and deletes, and only they, have a collection and a key."""
    if max(kinds) <= DELETE:
        return 0 not in places and 0 not in sizes
    have = [kind <= DELETE for kind in kinds]
    return [place > 0 for place in places] == have == [size > 0 for size in sizes]


def _are_words(joined: object, sizes: Sequence[int], bytes_max: int) -> bool:
    """Whether texts that were joined are surely without blanks, and none is too long."""
    return type(joined) is str and max(sizes) * 4 <= bytes_max and _is_without(joined, _BLANKS)


def _are_texts(kinds: bytes, joined: Any, payloads: list[str], sizes: tuple[int, ...]) -> bool:
    """Whether puts, and only they, have a payload, each surely the canonical form of a word."""
    puts = kinds.count(PUT)
    if puts < len(kinds):
        if [size > 0 for size in sizes] != [kind == PUT for kind in kinds]:
            return False
        payloads = list(filter(None, payloads))
    return not puts or (
        type(joined) is str
        and min(map(len, payloads)) > 2
        and max(sizes) * 4 <= TEXT_BYTES_MAX
        and joined.count('"') == 2 * puts
        and set(map(_first, payloads)) == _QUOTE == set(map(_last, payloads))
        and _is_without(joined, _ESCAPED)
    )


def _is_without(text: str, bytes_out: bytes) -> bool:
    """Whether none of these bytes is in a text, which has no odd ones."""
    encoded = text.encode()
    return len(encoded.translate(None, bytes_out)) == len(encoded)


# Collections.


def unpack_collection(plain: Any) -> str:
    """Return the name of a collection that this plain data stands for; WireError where it stands for none."""
    if type(plain) is not str:
        raise WireError(f"a {type(plain).__name__} where the name of a collection is due")
    try:
        if plain != CONFLICTS:
            check_collection(plain)
    except ValueError as error:
        raise WireError(str(error)) from error
    return sys.intern(plain)  # it stands in each write


def unpack_collections(listed: Any) -> list[str]:
    """Return the names in such a list, the first of them empty: that of no collection."""
    if type(listed) is not str or listed.count("/") > WRITES_MAX:
        raise WireError("collections that are none")
    none, *names = listed.split("/")
    if none or len(dict.fromkeys(names)) != len(names):
        raise WireError("a collection listed twice, or where none belongs")
    return [none, *map(unpack_collection, names)]


# One by one.


def pack_write(write: Write) -> tuple[Plain, ...]:
    """Return one write as plain data; ``unpack_write`` takes the parts. The payload's type is its tag."""
    stamp, server, kind, collection, key, value = write
    if isinstance(value, Name):
        return stamp, pack_name(server), kind, collection, key, pack_name(value)
    payload = None if value is None else pack_text(value)
    return stamp, pack_name(server), kind, collection, pack_text(key), payload


def unpack_write(*plain: Any) -> Write:
    """Return the write that these parts stand for; WireError where they stand for none."""
    if len(plain) != 6:
        raise WireError(f"a write has six fields, not {len(plain)}")
    stamp, server, kind, collection, key, payload = plain
    if type(stamp) is not int or type(kind) is not int or type(collection) is not str:
        raise WireError("a write with fields of the wrong types")
    check_stamps(stamp, stamp)
    tag = NOTHING_TAG if payload is None else NAME_TAG if type(payload) is tuple else VALUE_TAG
    if (kind, tag) not in FITTING:
        raise WireError("a write whose fields don't fit its kind")
    key = unpack_text(key)
    value: Any = unpack_name(payload) if tag == NAME_TAG else payload
    if tag == VALUE_TAG:
        value = unpack_text(payload)
    try:
        _check_row(kind, collection, key, value)
    except ValueError as error:
        raise WireError(f"a write that nobody can have accepted: {error}") from error
    return Write(stamp, unpack_name(server), kind, sys.intern(collection), key, value)
