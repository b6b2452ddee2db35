"""Writes in columns: many of them as a handful of strings and byte strings.

Some eight bytes a write beyond its song and URL, packed and unpacked in C for the most part. All that
comes out has been checked: every write is one that a replica could have made.
"""

from __future__ import annotations

from itertools import accumulate, pairwise
from struct import pack, unpack

from bayou.core.name import Name
from bayou.core.vector import STAMP_MAX
from bayou.core.write import DELETE, NOTICE, PUT, RETIREMENT, Write
from bayou.wire.errors import WireError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    Plain = tuple["Plain", ...] | int | str | bytes | None

_WIDTHS = ((1 << 8, "B"), (1 << 16, "H"), (1 << 32, "I"), (1 << 64, "Q"))
_new_write = Write._make


def pack_name(name: Name) -> tuple[int, ...]:
    """Return a name as plain data."""
    return name.stamps


def unpack_name(plain: object) -> Name:
    """Return the name that this plain data stands for; WireError where it is none."""
    if type(plain) is not tuple or not all(type(stamp) is int and 0 < stamp <= STAMP_MAX for stamp in plain):
        raise WireError("a name that is no tuple of stamps")
    if any(child <= creator for child, creator in pairwise(plain)):
        raise WireError(f"a name older than its creator: {plain[:4]}")
    return Name.of(plain)


def pack_writes(writes: Sequence[Write]) -> Plain:
    """Return writes as plain data; the shape is in the code, and ``unpack_writes`` reads it."""
    if not writes:
        return ()
    stamps, servers, kinds, songs, values = zip(*writes, strict=True)
    heirs = [(at, value) for at, value in enumerate(values) if isinstance(value, Name)]
    texts: tuple[str | None, ...] = values
    if heirs:
        texts = tuple(None if isinstance(value, Name) else value for value in values)
    table = {name: at for at, name in enumerate(dict.fromkeys(servers))}
    for _, heir in heirs:
        table.setdefault(heir, len(table))
    return (
        tuple(pack_name(name) for name in table),
        _pack_numbers([table[server] for server in servers]),
        _pack_numbers(stamps),
        bytes(kinds),
        _pack_numbers(list(map(len, songs))),
        "".join(songs),
        _pack_numbers([0 if text is None else len(text) + 1 for text in texts]),
        "".join([text for text in texts if text is not None]),
        tuple((at, table[heir]) for at, heir in heirs),
    )


def unpack_writes(plain: Any) -> list[Write]:
    """Return the writes that this plain data stands for; WireError where it stands for none."""
    if plain == ():
        return []
    try:
        names, servers, stamps, kinds, song_sizes, songs, value_sizes, values, heirs = plain
        table = [unpack_name(name) for name in names]
        size = len(kinds)
        columns = (
            _checked_stamps(_unpack_numbers(stamps, size)),
            [table[at] for at in _unpack_numbers(servers, size)],
            kinds,
            _cut(songs, _unpack_numbers(song_sizes, size)),
            _cut_values(values, _unpack_numbers(value_sizes, size)),
        )
        _check_kinds(kinds, columns[3], columns[4])
        writes = list(map(_new_write, zip(*columns, strict=True)))
        for at, heir in heirs:
            writes[at] = _with_heir(writes[at], table[heir])
    except (TypeError, ValueError, IndexError, AttributeError) as error:
        raise WireError(f"writes that don't fit their columns ({error})") from error
    return writes


def check_write(write: Write) -> Write:
    """Return a write made of plain data and names, checked; WireError where it can't be one."""
    _checked_stamps((write.stamp,))
    heir = write.value
    _check_kinds(bytes((write.kind,)), [write.song], [None if isinstance(heir, Name) else heir])
    return _with_heir(write._replace(value=None), heir) if isinstance(heir, Name) else write


def _pack_numbers(numbers: Sequence[int]) -> Plain:
    """Return (type code, bytes): unsigned little-endian numbers in the narrowest width for them all."""
    largest = max(numbers)
    code = next(code for limit, code in _WIDTHS if largest < limit)
    return code, pack(f"<{len(numbers)}{code}", *numbers)


def _unpack_numbers(plain: tuple[str, bytes], count: int) -> tuple[int, ...]:
    code, data = plain
    if code not in ("B", "H", "I", "Q"):
        raise WireError(f"numbers of the type {code!r}")
    try:
        return unpack(f"<{count}{code}", data)
    except Exception as error:  # struct.error, without the import
        raise WireError(f"numbers that don't fit ({error})") from error


def _checked_stamps(stamps: tuple[int, ...]) -> tuple[int, ...]:
    if min(stamps) < 1 or max(stamps) > STAMP_MAX:
        raise WireError("a stamp out of range")
    return stamps


def _cut(text: str, sizes: Iterable[int]) -> list[str]:
    if type(text) is not str:
        raise WireError("a text that is no string")
    ends = list(accumulate(sizes, initial=0))
    if ends[-1] != len(text):
        raise WireError("texts that don't fit their sizes")
    return [text[start:end] for start, end in pairwise(ends)]


def _cut_values(text: str, sizes: tuple[int, ...]) -> list[str | None]:
    if 0 not in sizes:
        return list(_cut(text, [size - 1 for size in sizes]))
    cut = iter(_cut(text, [size - 1 for size in sizes if size]))
    return [next(cut) if size else None for size in sizes]


def _check_kinds(kinds: bytes, songs: list[str], values: Sequence[str | None]) -> None:
    """Every write has the fields of its kind: a song for a put or delete, a URL for a put, no others."""
    if type(kinds) is not bytes or max(kinds) > NOTICE:
        raise WireError("a write of an unknown kind")
    if [kind == PUT for kind in kinds] != [value is not None for value in values]:
        raise WireError("a put without a URL, or a URL without a put")
    if max(kinds) > DELETE and any(song for kind, song in zip(kinds, songs, strict=True) if kind > DELETE):
        raise WireError("a song where none belongs")


def _with_heir(write: Write, heir: Name) -> Write:
    if write.kind != RETIREMENT:
        raise WireError("an heir without a retirement")
    return write._replace(value=heir)
