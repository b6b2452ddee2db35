"""Writes and vectors in columns: many of them as a handful of strings and byte strings.

Some eight bytes a write beyond its song and URL, packed and unpacked in C for the most part. All that
comes out has been checked: every write is one that a replica could have made.
"""

from __future__ import annotations

from itertools import accumulate, pairwise
from struct import pack, unpack

from bayou.core.name import Name
from bayou.core.vector import STAMP_MAX, VersionVector
from bayou.core.write import CREATION, DELETE, NOTICE, PUT, RETIREMENT, Write
from bayou.wire.errors import WireError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    Plain = tuple["Plain", ...] | int | str | bytes | None

_CODES = {1: "B", 2: "H", 4: "I", 8: "Q"}
"""How struct calls unsigned numbers of so many bytes."""

_new_write = Write._make

KEPT = 64
_packed_names: dict[tuple[Name, ...], Plain] = {}
_unpacked_names: dict[Plain, tuple[Name, ...]] = {}
_unpacked_vectors: dict[Plain, VersionVector] = {}
"""The same servers are listed again and again, and servers that are level tell each other the same
vector: each is packed and unpacked once, the last few at least."""


# Numbers.


def _pack_numbers(numbers: Sequence[int]) -> bytes:
    """Return unsigned little-endian numbers, in the narrowest width for them all, behind that width."""
    largest = max(numbers, default=0)
    width = 1 if largest < 1 << 8 else 2 if largest < 1 << 16 else 4 if largest < 1 << 32 else 8
    return pack(f"<B{len(numbers)}{_CODES[width]}", width, *numbers)


def _unpack_numbers(plain: Any) -> tuple[int, ...]:
    if type(plain) is not bytes or not plain:
        raise WireError("numbers that are none")
    width = plain[0]
    count, rest = divmod(len(plain) - 1, width or 1)
    if width not in _CODES or rest:
        raise WireError("numbers that don't fit their width")
    return unpack(f"<{count}{_CODES[width]}", memoryview(plain)[1:])


def pack_ids(ids: tuple[int, ...]) -> Plain:
    """Return numbers, ids of nodes for instance, as plain data: eight bytes each where that is enough."""
    if not ids or (min(ids) >= -(1 << 63) and max(ids) < 1 << 63):
        return pack(f"<{len(ids)}q", *ids)
    return ids


def unpack_ids(plain: Any) -> tuple[int, ...]:
    """Return the numbers that this plain data stands for; WireError where it stands for none."""
    if type(plain) is bytes and len(plain) % 8 == 0:
        return unpack(f"<{len(plain) // 8}q", plain)
    if type(plain) is tuple and all(type(number) is int for number in plain):
        return plain
    raise WireError("numbers that are none")


# Texts. Those that came from bytes that are no UTF-8 (PEP 383) travel as these bytes: pickle has a way to
# write them as they are, which is fifty times slower.


def pack_text(text: str) -> Plain:
    """Return a text as plain data."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        try:
            return text.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError as error:
            raise WireError(f"a text that nobody can write ({error.reason})") from error
    return text


def unpack_text(plain: Any) -> str:
    """Return the text that this plain data stands for; WireError where it stands for none."""
    if type(plain) is bytes:
        return plain.decode("utf-8", "surrogateescape")
    if type(plain) is not str:
        raise WireError(f"a {type(plain).__name__} where a text is due")
    if not plain.isascii():
        try:
            plain.encode()
        except UnicodeEncodeError as error:
            raise WireError(f"a text that nobody can write ({error.reason})") from error
    return plain


# Names and vectors.


def pack_name(name: Name) -> tuple[int, ...]:
    """Return a name as plain data."""
    return name.stamps


def unpack_name(plain: Any) -> Name:
    """Return the name that this plain data stands for; WireError where it is none."""
    if type(plain) is not tuple:
        raise WireError("a name that is no tuple")
    known = Name.known(plain)
    if known is not None:
        return known
    if not all(type(stamp) is int and 0 < stamp <= STAMP_MAX for stamp in plain):
        raise WireError("a name with a stamp out of range")
    if any(child <= creator for child, creator in pairwise(plain)):
        raise WireError(f"a name older than its creator: {plain[:4]}")
    return Name.of(plain)


def _pack_names(names: tuple[Name, ...]) -> Plain:
    """Return names as plain data: how many stamps each has, and all their stamps in a row."""
    packed = _packed_names.get(names)
    if packed is None:
        depths = [len(name.stamps) for name in names]
        packed = _pack_numbers(depths), _pack_numbers([stamp for name in names for stamp in name.stamps])
        _keep(_packed_names, names, packed)
    return packed


def _unpack_names(packed: Any) -> tuple[Name, ...]:
    names = _unpacked_names.get(packed)
    if names is None:
        depths, stamps = map(_unpack_numbers, packed)
        names = tuple(unpack_name(own) for own in _cut(stamps, depths))
        if len(dict.fromkeys(names)) != len(names):
            raise WireError("a name listed twice")
        _keep(_unpacked_names, packed, names)
    return names


def _keep(kept: dict[Any, Any], key: object, value: object) -> None:
    if len(kept) >= KEPT:
        kept.clear()
    kept[key] = value


def pack_vector(vector: VersionVector) -> object:
    """Return a vector as plain data: its names, and its stamps in the same order."""
    if vector.encoded is None:
        vector.encoded = _pack_names(vector.names), _pack_numbers(vector.stamps)
    return vector.encoded


def unpack_vector(plain: Any) -> VersionVector:
    """Return the vector that this plain data stands for; WireError where it stands for none."""
    try:
        vector = _unpacked_vectors.get(plain)
        if vector is None:
            packed, numbers = plain
            stamps = _unpack_numbers(numbers)
            if max(stamps, default=0) > STAMP_MAX:
                raise WireError("a vector with a stamp out of range")
            vector = VersionVector(dict(zip(_unpack_names(packed), stamps, strict=True)))
            vector.encoded = plain
            _keep(_unpacked_vectors, plain, vector)
    except (TypeError, ValueError) as error:
        raise WireError(f"a vector that does not fit its columns ({error})") from error
    return vector


# Writes.


def pack_writes(writes: Sequence[Write]) -> Plain:
    """Return writes as plain data, a column for each field; ``unpack_writes`` reads it."""
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
        _pack_names(tuple(table)),
        _pack_numbers([table[server] for server in servers]),
        _pack_numbers(stamps),
        bytes(kinds),
        _pack_numbers(list(map(len, songs))),
        _join(songs),
        _pack_numbers([0 if text is None else len(text) + 1 for text in texts]),
        _join([text for text in texts if text is not None]),
        _pack_numbers([at for at, _ in heirs]),
        _pack_numbers([table[heir] for _, heir in heirs]),
    )


def unpack_writes(plain: Any) -> list[Write]:
    """Return the writes that this plain data stands for; WireError where it stands for none."""
    if plain == ():
        return []
    try:
        names, servers, numbers, kinds, song_sizes, songs, value_sizes, values, retired, heirs = plain
        table = _unpack_names(names)
        stamps = _unpack_numbers(numbers)
        columns = (
            stamps,
            [table[at] for at in _unpack_numbers(servers)],
            kinds,
            _cut_texts(songs, _unpack_numbers(song_sizes)),
            _cut_values(values, _unpack_numbers(value_sizes)),
        )
        _check_stamps(min(stamps), max(stamps))
        _check_kinds(kinds, columns[3], columns[4])
        writes = list(map(_new_write, zip(*columns, strict=True)))
        for at, heir in zip(_unpack_numbers(retired), _unpack_numbers(heirs), strict=True):
            writes[at] = _with_heir(writes[at], table[heir])
    except (TypeError, ValueError, IndexError) as error:
        raise WireError(f"writes that don't fit their columns ({error})") from error
    return writes


def pack_write(write: Write) -> tuple[Plain, ...]:
    """Return one write as plain data; ``unpack_write`` takes the parts."""
    stamp, server, kind, song, value = write
    if isinstance(value, Name):
        return stamp, pack_name(server), kind, "", pack_name(value)
    return stamp, pack_name(server), kind, pack_text(song), None if value is None else pack_text(value)


def unpack_write(*plain: Any) -> Write:
    """Return the write that these parts stand for; WireError where they stand for none."""
    if len(plain) != 5:
        raise WireError(f"a write has five fields, not {len(plain)}")
    stamp, server, kind, packed, value = plain
    if type(stamp) is not int or type(kind) is not int:
        raise WireError("a write with fields of the wrong types")
    song = unpack_text(packed)
    if value is not None and type(value) is not tuple:
        value = unpack_text(value)
    _check_stamps(stamp, stamp)
    fits = {
        PUT: type(value) is str,
        DELETE: value is None,
        CREATION: value is None and not song,
        RETIREMENT: (value is None or type(value) is tuple) and not song,
        NOTICE: value is None and not song,
    }
    if not fits.get(kind):
        raise WireError("a write whose fields don't fit its kind")
    return Write(
        stamp, unpack_name(server), kind, song, unpack_name(value) if type(value) is tuple else value
    )


def _join(texts: Sequence[str]) -> Plain:
    """Return texts as one, or each by itself where that would make other characters of odd bytes."""
    joined = "".join(texts)
    packed = pack_text(joined)
    return packed if packed is joined else tuple(map(pack_text, texts))


def _cut_texts(packed: Any, sizes: Sequence[int]) -> list[str]:
    """Take apart what _join put together, from texts of these sizes."""
    if type(packed) is not tuple:
        return _cut(unpack_text(packed), sizes)
    texts = list(map(unpack_text, packed))
    if list(map(len, texts)) != list(sizes):
        raise WireError("texts that don't fit their sizes")
    return texts


def _cut(whole: Any, sizes: Iterable[int]) -> list[Any]:
    """Cut a string or tuple into pieces of these sizes."""
    ends = list(accumulate(sizes, initial=0))
    if ends[-1] != len(whole):
        raise WireError("pieces that don't fit their sizes")
    return [whole[start:end] for start, end in pairwise(ends)]


def _cut_values(packed: Any, sizes: tuple[int, ...]) -> Sequence[str | None]:
    """As _cut_texts, where a size is one more than that of the text, and 0 stands for no text at all."""
    cut = iter(_cut_texts(packed, [size - 1 for size in sizes if size]))
    if 0 not in sizes:
        return list(cut)
    return [next(cut) if size else None for size in sizes]


def _check_stamps(smallest: int, largest: int) -> None:
    if smallest < 1 or largest > STAMP_MAX:
        raise WireError("a stamp out of range")


def _check_kinds(kinds: Any, songs: list[str], values: Sequence[str | None]) -> None:
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
