"""Plain data in columns: many numbers, texts or names as a handful of strings and byte strings.

Packed and unpacked in C for the most part. All that comes out has been checked, and what is too much is
refused before it takes memory.
"""

from __future__ import annotations

from itertools import accumulate, pairwise

from bayou._lean import pack, unpack
from bayou.core.name import ROOT, Name
from bayou.core.vector import STAMP_MAX, VersionVector
from bayou.wire.errors import WireError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    Plain = tuple["Plain", ...] | int | str | bytes | None

_CODES = {1: "B", 2: "H", 4: "I", 8: "Q"}
"""How struct calls unsigned numbers of so many bytes."""

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


def pack_numbers(numbers: Sequence[int]) -> bytes:
    """Return unsigned little-endian numbers, in the narrowest width for them all, behind that width."""
    largest = max(numbers, default=0)
    width = 1 if largest < 1 << 8 else 2 if largest < 1 << 16 else 4 if largest < 1 << 32 else 8
    return pack(f"<B{len(numbers)}{_CODES[width]}", width, *numbers)


def unpack_numbers(plain: Any, most: int = WRITES_MAX) -> tuple[int, ...]:
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


def pack_names(names: tuple[Name, ...]) -> Plain:
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
            pack_numbers(creators),
            pack_numbers(stamps),
            pack_numbers([places[name] for name in names]),
        )
        _packed_names.keep(names, packed, len(places))
    return packed


def unpack_names(packed: Any) -> tuple[Name, ...]:
    """Return the names that such a table stands for. What is wrong with it raises WireError, or one of the
    errors of what can't be taken apart."""
    names: tuple[Name, ...] | None = _unpacked_names.get(packed)
    if names is None:
        creators, stamps, places = (unpack_numbers(numbers, NAMES_MAX + 1) for numbers in packed)
        if stamps:
            check_stamps(min(stamps), max(stamps))
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
        vector.encoded = pack_names(vector.names), pack_numbers(vector.stamps)
    return vector.encoded


def unpack_vector(plain: Any) -> VersionVector:
    """Return the vector that this plain data stands for; WireError where it stands for none."""
    try:
        vector: VersionVector | None = _unpacked_vectors.get(plain)
        if vector is None:
            packed, numbers = plain
            stamps = unpack_numbers(numbers, NAMES_MAX + 1)
            if max(stamps, default=0) > STAMP_MAX:
                raise WireError("a vector with a stamp out of range")
            vector = VersionVector(dict(zip(unpack_names(packed), stamps, strict=True)))
            vector.encoded = plain
            _unpacked_vectors.keep(plain, vector, len(stamps))
    except (TypeError, ValueError, IndexError) as error:
        raise WireError(f"a vector that does not fit its columns ({error})") from error
    return vector


# Several texts as one.


def join_texts(texts: Sequence[str]) -> Plain:
    """Return texts as one, or each by itself where that would make other characters of odd bytes."""
    joined = "".join(texts)
    packed = pack_text(joined)
    return packed if packed is joined else tuple(map(pack_text, texts))


def cut_texts(packed: Any, sizes: Sequence[int]) -> list[str]:
    """Take apart what join_texts put together, from texts of these sizes."""
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


def check_stamps(smallest: int, largest: int) -> None:
    """WireError unless all stamps between these can be those of writes."""
    if smallest < 1 or largest > STAMP_MAX:
        raise WireError("a stamp out of range")
