"""Writes and vectors in columns: many of them as a handful of strings and byte strings.

Some eight bytes a write beyond its song and URL, packed and unpacked in C for the most part. All that
comes out has been checked: every write is one that a replica could have made.
"""

from __future__ import annotations

from itertools import accumulate, pairwise

from bayou._lean import pack, unpack
from bayou.core.name import ROOT, Name
from bayou.core.vector import STAMP_MAX, VersionVector
from bayou.core.write import (
    CREATION,
    DELETE,
    NOTICE,
    PUT,
    RETIREMENT,
    SONG_BYTES_MAX,
    URL_BYTES_MAX,
    Write,
    fits,
)
from bayou.wire.errors import WireError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    Plain = tuple["Plain", ...] | int | str | bytes | None

_CODES = {1: "B", 2: "H", 4: "I", 8: "Q"}
"""How struct calls unsigned numbers of so many bytes."""

_new_write = Write._make

# What one message may hold, so that what it takes in memory and time is in proportion to its bytes. No
# part of an exchange, and no vector of a system that can be run, comes near.
WRITES_MAX = 8192
NAMES_MAX = 1 << 13
"""How many servers may be named in one place, the ancestors in their names included."""

IDS_MAX = 1 << 16

KEPT = 64
KEPT_NAMES = 4096


class _Kept:
    """The last few things that were packed or unpacked: ``KEPT`` at most, with ``KEPT_NAMES`` names in all.

    The same servers are listed again and again, and servers that are level tell each other the same
    vector: each is packed and unpacked once.
    """

    def __init__(self) -> None:
        self._results: dict[Any, Any] = {}
        self._names = 0
        self.get = self._results.get

    def keep(self, key: object, result: object, names: int) -> None:
        """Keep a result that has so many names in it, unless that is too many."""
        if names > KEPT_NAMES:
            return
        if len(self._results) >= KEPT or self._names + names > KEPT_NAMES:
            self.clear()
        self._results[key] = result
        self._names += names

    def clear(self) -> None:
        """Keep nothing any more."""
        self._results.clear()
        self._names = 0


_packed_names = _Kept()
_unpacked_names = _Kept()
_unpacked_vectors = _Kept()


# Numbers.


def _pack_numbers(numbers: Sequence[int]) -> bytes:
    """Return unsigned little-endian numbers, in the narrowest width for them all, behind that width."""
    largest = max(numbers, default=0)
    width = 1 if largest < 1 << 8 else 2 if largest < 1 << 16 else 4 if largest < 1 << 32 else 8
    return pack(f"<B{len(numbers)}{_CODES[width]}", width, *numbers)


def _unpack_numbers(plain: Any, most: int = WRITES_MAX) -> tuple[int, ...]:
    """Return up to ``most`` numbers."""
    if type(plain) is not bytes or not plain:
        raise WireError("numbers that are none")
    width = plain[0]
    count, rest = divmod(len(plain) - 1, width or 1)
    if width not in _CODES or rest:
        raise WireError("numbers that don't fit their width")
    if count > most:
        raise WireError(f"{count} numbers where {most} are the limit")
    return unpack(f"<{count}{_CODES[width]}", memoryview(plain)[1:])


def pack_ids(ids: tuple[int, ...]) -> Plain:
    """Return numbers, ids of nodes for instance, as plain data: eight bytes each where that is enough."""
    if len(ids) > IDS_MAX:
        raise WireError(f"{len(ids)} numbers where {IDS_MAX} are the limit")
    if not ids or (min(ids) >= -(1 << 63) and max(ids) < 1 << 63):
        return pack(f"<{len(ids)}q", *ids)
    return ids


def unpack_ids(plain: Any) -> tuple[int, ...]:
    """Return the numbers that this plain data stands for; WireError where it stands for none."""
    if type(plain) in (bytes, tuple) and len(plain) > IDS_MAX * (8 if type(plain) is bytes else 1):
        raise WireError(f"more numbers than {IDS_MAX}, which are the limit")
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
    _check_names(name.depth)
    return name.stamps


def unpack_name(plain: Any) -> Name:
    """Return the name that this plain data stands for; WireError where it is none."""
    if type(plain) is not tuple:
        raise WireError("a name that is no tuple")
    _check_names(len(plain))
    known = Name.known(plain)
    if known is not None:
        return known
    if not all(type(stamp) is int and 0 < stamp <= STAMP_MAX for stamp in plain):
        raise WireError("a name with a stamp out of range")
    if any(child <= creator for child, creator in pairwise(plain)):
        raise WireError(f"a name older than its creator: {plain[:4]}")
    return Name.of(plain)


def _check_names(count: int) -> None:
    if count > NAMES_MAX:
        raise WireError(f"{count} servers are named; {NAMES_MAX} are the limit")


def _pack_names(names: tuple[Name, ...]) -> Plain:
    """Return names as plain data: a table of them and all their ancestors, and where in it they stand.

    The root stands at 0; of each other name the table has the place of its creator, which comes before
    it, and its own stamp. So ancestors that names share are packed once.
    """
    packed: Plain = _packed_names.get(names)
    if packed is None:
        places = {ROOT: 0}
        creators: list[int] = []
        stamps: list[int] = []
        for name in names:
            path = []
            while name not in places:
                path.append(name)
                name = name.creator  # noqa: PLW2901  # on to the root, or as far as the table has it
            for missing in reversed(path):
                creators.append(places[missing.creator])
                stamps.append(missing.stamp)
                places[missing] = len(places)
        _check_names(len(stamps))
        packed = (
            _pack_numbers(creators),
            _pack_numbers(stamps),
            _pack_numbers([places[name] for name in names]),
        )
        _packed_names.keep(names, packed, len(places))
    return packed


def _unpack_names(packed: Any) -> tuple[Name, ...]:
    names: tuple[Name, ...] | None = _unpacked_names.get(packed)
    if names is None:
        creators, stamps, places = (_unpack_numbers(numbers, NAMES_MAX + 1) for numbers in packed)
        if stamps:
            _check_stamps(min(stamps), max(stamps))
        table = [ROOT]
        for place, stamp in zip(creators, stamps, strict=True):
            creator = table[place]
            if creator is not ROOT and stamp <= creator.stamp:
                raise WireError("a name older than its creator")
            table.append(creator.child(stamp))
        names = tuple([table[place] for place in places])
        if len(dict.fromkeys(names)) != len(names):
            raise WireError("a name listed twice")
        _unpacked_names.keep(packed, names, len(table))
        if len(stamps) + (ROOT in names) == len(names):  # nothing else in the table: as good as our own
            _packed_names.keep(names, packed, len(table))
    return names


def pack_vector(vector: VersionVector) -> object:
    """Return a vector as plain data: its names, and its stamps in the same order."""
    if vector.encoded is None:
        vector.encoded = _pack_names(vector.names), _pack_numbers(vector.stamps)
    return vector.encoded


def unpack_vector(plain: Any) -> VersionVector:
    """Return the vector that this plain data stands for; WireError where it stands for none."""
    try:
        vector: VersionVector | None = _unpacked_vectors.get(plain)
        if vector is None:
            packed, numbers = plain
            stamps = _unpack_numbers(numbers, NAMES_MAX + 1)
            if max(stamps, default=0) > STAMP_MAX:
                raise WireError("a vector with a stamp out of range")
            vector = VersionVector(dict(zip(_unpack_names(packed), stamps, strict=True)))
            vector.encoded = plain
            _unpacked_vectors.keep(plain, vector, len(stamps))
    except (TypeError, ValueError, IndexError) as error:
        raise WireError(f"a vector that does not fit its columns ({error})") from error
    return vector


# Writes.


def pack_writes(writes: Sequence[Write]) -> Plain:
    """Return writes as plain data, a column for each field; ``unpack_writes`` reads it."""
    if not writes:
        return ()
    if len(writes) > WRITES_MAX:
        raise WireError(f"{len(writes)} writes; {WRITES_MAX} are the limit")
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
        sizes, sizes_of_values = _unpack_numbers(song_sizes), _unpack_numbers(value_sizes)
        columns = (
            stamps,
            [table[at] for at in _unpack_numbers(servers)],
            kinds,
            _cut_texts(songs, sizes),
            _cut_values(values, sizes_of_values),
        )
        _check_stamps(min(stamps), max(stamps))
        _check_sizes(columns[3], max(sizes), SONG_BYTES_MAX)
        _check_sizes(columns[4], max(sizes_of_values), URL_BYTES_MAX)
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
    _check_sizes((song,), len(song), SONG_BYTES_MAX)
    if type(value) is str:
        _check_sizes((value,), len(value), URL_BYTES_MAX)
    is_fitting = {
        PUT: type(value) is str,
        DELETE: value is None,
        CREATION: value is None and not song,
        RETIREMENT: (value is None or type(value) is tuple) and not song,
        NOTICE: value is None and not song,
    }
    if not is_fitting.get(kind):
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


def _check_sizes(texts: Iterable[str | None], longest: int, bytes_max: int) -> None:
    """No song or URL is longer than a server accepts; ``longest`` is how many characters the longest has."""
    if longest * 4 > bytes_max and not all(text is None or fits(text, bytes_max) for text in texts):
        raise WireError(f"a song or URL of more than {bytes_max} bytes")


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
