"""Files that carry writes from one server to another (Petersen '97, "Anti-entropy over transportable
media"), as bytes.

A line that says what it is, pieces (a tag, a size, a pickle of plain data), and a code over all of it, keyed
with what only the cluster knows. Nothing of a file is taken apart before its code was found right. It is not
encrypted.
"""

from __future__ import annotations

import struct
from hashlib import blake2b
from hmac import compare_digest

from bayou._record import Record
from bayou.core.errors import BayouError
from bayou.core.name import Name
from bayou.core.past import Base
from bayou.core.vector import VersionVector
from bayou.node.messages import Exported
from bayou.wire.codec import dump, fields_of, load, make
from bayou.wire.columns import pack_vector, unpack_name, unpack_vector
from bayou.wire.errors import WireError
from bayou.wire.scan import scan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import BinaryIO, TypeVar

    Made = TypeVar("Made", bound=Record)

MAGIC = b"bayou export 2\n"
"""Version 1 had no commit group."""

OLDER = b"bayou export 1\n"
CODE_BYTES = 32
PIECE_BYTES_MAX = 64 << 20
READ_BYTES = 1 << 20
_HEAD = struct.Struct("<cI")

HEADER = b"H"
PIECE = b"P"


class BadExport(BayouError):
    """A file that is no export, is cut short or damaged, or was made by somebody who does not know the
    secret."""


class ExportHeader(Record):
    """What a file says of itself: of which ``cluster``, by the server of which ``name``, when (``time_s``,
    since 1970), and where it assumes its reader to stand."""

    cluster: str
    name: Name
    time_s: float
    csn: int
    vector: VersionVector


class ExportWriter:
    """Writes a file, a piece at a time."""

    def __init__(self, out: BinaryIO, secret: bytes, header: ExportHeader) -> None:
        self._out = out
        self._code = blake2b(key=_key(secret), digest_size=CODE_BYTES)
        self._put(MAGIC)
        self._piece(HEADER, header)

    def write(self, piece: Exported) -> None:
        """Add a piece."""
        self._piece(PIECE, piece)

    def finish(self) -> None:
        """Add the code; nothing comes after it."""
        self._out.write(self._code.digest())

    def _piece(self, tag: bytes, record: Record) -> None:
        payload = dump(fields_of(record))
        self._put(_HEAD.pack(tag, len(payload)))
        self._put(payload)

    def _put(self, raw: bytes) -> None:
        self._code.update(raw)
        self._out.write(raw)


class ExportReader:
    """Reads a file whose code is right. ``header``: what it says of itself; ``base``: the base that it
    holds, whole, None where it holds none; ``begins``: behind which CSN its writes begin."""

    def __init__(self, file: BinaryIO, secrets: Sequence[bytes], place: str) -> None:
        """Raises BadExport, with ``place`` in it, unless all of ``file`` was made by somebody who knew one of
        ``secrets``."""
        self._file = file
        self._place = place
        self._end = _verified(file, secrets, place)
        self.base: Base | None = None
        header: ExportHeader | None = None
        ends = False
        for tag, plain in self._pieces():
            if tag == HEADER:
                header = self._make(ExportHeader, plain)
            else:
                piece = self._make(Exported, plain)
                self.base = piece.base or self.base
                ends = piece.end is not None
        if header is None or not ends:
            raise BadExport(f"{place} has no beginning, or no end")
        self.header = header
        self.begins = header.csn if self.base is None else self.base.csn

    def pieces(self) -> Iterator[Exported]:
        """Give out all pieces, in order."""
        for tag, plain in self._pieces():
            if tag == PIECE:
                yield self._make(Exported, plain)

    def _make(self, kind: type[Made], plain: object) -> Made:
        try:
            if type(plain) is not tuple:
                raise WireError("no fields")
            return make(kind, plain)
        except BayouError as error:
            raise BadExport(f"{self._place} holds what no server has written: {error}") from error

    def _pieces(self) -> Iterator[tuple[bytes, object]]:
        file = self._file
        file.seek(len(MAGIC))
        while file.tell() < self._end:
            head = file.read(_HEAD.size)
            if len(head) < _HEAD.size:
                raise BadExport(f"{self._place} ends in the middle of a piece")
            tag, size = _HEAD.unpack(head)
            if size > PIECE_BYTES_MAX or file.tell() + size > self._end or tag not in (HEADER, PIECE):
                raise BadExport(f"{self._place} has a piece that is none, before byte {file.tell()}")
            payload = file.read(size)
            try:
                scan(payload)
                plain = load(payload)
            except BayouError as error:
                raise BadExport(f"{self._place} holds what no server has written: {error}") from error
            yield tag, plain


def _verified(file: BinaryIO, secrets: Sequence[bytes], place: str) -> int:
    """Return where the pieces of a file end whose code one of the secrets has made."""
    size = file.seek(0, 2)
    file.seek(0)
    magic = file.read(len(MAGIC))
    if magic == OLDER:
        raise BadExport(f"{place} was written by an earlier version of bayou: export it again")
    if size < len(MAGIC) + CODE_BYTES or magic != MAGIC:
        raise BadExport(f"{place} is no file that bayou export has written, or was cut short")
    codes = [blake2b(MAGIC, key=_key(secret), digest_size=CODE_BYTES) for secret in secrets]
    end = size - CODE_BYTES
    while file.tell() < end:
        part = file.read(min(READ_BYTES, end - file.tell()))
        for code in codes:
            code.update(part)
    found = file.read(CODE_BYTES)
    matches = [compare_digest(code.digest(), found) for code in codes]  # each is looked at, whichever it is
    if not any(matches):
        raise BadExport(f"{place} was changed or cut short, or comes from a cluster with another secret")
    return end


def _key(secret: bytes) -> bytes:
    return blake2b(secret, person=b"bayou export", digest_size=32).digest()


# A position as people carry it from one server to another.


def position_text(csn: int, vector: VersionVector) -> str:
    """Return a position as lines: the CSN, and a server with its stamp each.

    >>> position_text(7, VersionVector({Name.of(()): 0}))
    'csn 7\\n<> 0'
    """
    pairs = zip(vector.names, vector.stamps, strict=True)
    return "\n".join([f"csn {csn}", *[f"{name} {stamp}" for name, stamp in pairs]])


def parse_position(text: str) -> tuple[int, VersionVector]:
    """Return the CSN and the vector of a position; ValueError, with a message for people, where it is none.

    >>> parse_position("csn 7\\n<> 3\\n<2> 5")
    (7, {<>: 3, <2>: 5})
    """
    entries: dict[Name, int] = {}
    csn: int | None = None
    for line in text.split("\n"):
        words = line.split()
        if not words:
            continue
        try:
            if words[0] == "csn" and csn is None:
                _, number = words
                csn = int(number)
            else:
                name, stamp = words
                entries[parse_name(name)] = int(stamp)
        except ValueError:
            raise ValueError(f"{line[:60]!r} is no line of a position, as bayou position prints it") from None
    if csn is None or csn < 0 or not entries:
        raise ValueError("a position begins with a line csn N, behind which each server has a line")
    vector = VersionVector(entries)
    try:
        return csn, unpack_vector(pack_vector(vector))
    except WireError as error:
        raise ValueError(f"no server can stand there: {error}") from error


def parse_name(text: str) -> Name:
    """Return the name that people write so; ValueError where it is none.

    >>> parse_name("<5,3>")
    <5,3>
    """
    if text[:1] != "<" or text[-1:] != ">":
        raise ValueError(f"{text[:40]!r} is no name of a server, such as <5,3>")
    stamps = tuple([int(stamp) for stamp in text[1:-1].split(",")]) if len(text) > 2 else ()
    try:
        return unpack_name(stamps)
    except WireError as error:
        raise ValueError(str(error)) from error
