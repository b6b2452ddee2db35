"""Whoever carries writes between servers in files: ``export`` writes one, ``import_file`` reads one.

Both know a server only as something that answers orders, wherever it runs.
"""

from __future__ import annotations

import os
from time import time

from bayou.core.errors import BayouError
from bayou.core.items import Items
from bayou.core.past import CSN_MAX, Base, BasePosition, Incoming
from bayou.core.vector import START, LiveVector
from bayou.core.write import NOTICE
from bayou.node.messages import (
    GAP,
    ROWS,
    CanImport,
    Export,
    Exported,
    Import,
    Importable,
    Imported,
)
from bayou.wire.exports import BadExport, ExportHeader, ExportReader, ExportWriter, position_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import BinaryIO

    from bayou.core.name import Name
    from bayou.core.vector import VersionVector
    from bayou.machine.messages import Message

    Ask = Callable[[Message], Message]
    """Lets a server carry out an order, and returns the answer; raises BayouError where it can't."""

NO_ITEMS = Items(0, [], [])


class Gap(BayouError):
    """Something is missing between a server and a file. The message says from where on to export instead."""


class ExportReport:
    """What a file holds: how many writes, rows of a base, and where its server stood."""

    __slots__ = ("csn", "rows", "vector", "writes")

    def __init__(self) -> None:
        self.writes = 0
        self.rows = 0
        self.csn = 0
        self.vector: VersionVector = START


class ImportReport:
    """What a file brought: how many writes were new, and whether its base took the place of all rows."""

    __slots__ = ("installed", "new")

    def __init__(self) -> None:
        self.new = 0
        self.installed = False


def export(
    ask: Ask,
    path: str,
    secret: bytes,
    *,
    cluster: str,
    name: Name,
    csn: int = 0,
    vector: VersionVector = START,
) -> ExportReport:
    """Write what one lacks that stands at ``csn`` and ``vector`` into the file ``path``, which only its
    owner may read, and which is there whole or not at all. OSError where it can't be written."""
    part = f"{path}.part"
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        try:
            os.fchmod(out.fileno(), 0o600)
            report = write_export(ask, out, secret, cluster=cluster, name=name, csn=csn, vector=vector)
            out.flush()
            os.fsync(out.fileno())
        except BaseException:
            os.unlink(part)
            raise
    os.replace(part, path)
    _sync_folder(path)
    return report


def write_export(
    ask: Ask,
    out: BinaryIO,
    secret: bytes,
    *,
    cluster: str,
    name: Name,
    csn: int = 0,
    vector: VersionVector = START,
) -> ExportReport:
    """Write what one lacks that stands at ``csn`` and ``vector``, wherever ``out`` leads."""
    report = ExportReport()
    writer = ExportWriter(out, secret, ExportHeader(cluster, name, time(), csn, vector))
    _write_pieces(ask, writer, report, csn, vector)
    writer.finish()
    return report


def _sync_folder(path: str) -> None:
    folder = os.open(os.path.dirname(path) or ".", os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _write_pieces(
    ask: Ask, writer: ExportWriter, report: ExportReport, csn: int, vector: VersionVector
) -> None:
    """Ask for a piece after another, standing in for the reader, whose position each of them moves on."""
    incoming: Incoming | None = None
    position: BasePosition | None = None
    while True:
        piece = ask(Export(csn, vector, position))
        if not isinstance(piece, Exported):
            raise BayouError(f"{type(piece).__name__} where a piece of an export is due")
        writer.write(piece)
        if piece.chunk is not None:
            before = None if piece.chunk.after.is_beginning else incoming
            incoming = piece.chunk.incoming(before)
            position = incoming.position
            report.rows = len(piece.chunk.rows) + (0 if before is None else report.rows)
            if piece.base is not None:
                csn, vector, position = piece.base.csn, vector.merged(piece.base.vector), None
            continue
        csn += len(piece.items.committed)
        vector = _learned(vector, piece.items)
        report.writes += len(piece.items)
        if piece.end is not None:
            report.csn, report.vector = piece.end.csn, piece.end.vector
            return


def _learned(vector: VersionVector, items: Items) -> VersionVector:
    live = LiveVector.of(vector)
    for write in (*items.committed, *items.tentative):
        if write.kind != NOTICE:
            live.learn(write)
    return live.snapshot()


def import_file(ask: Ask, path: str, secrets: Sequence[bytes], *, cluster: str) -> ImportReport:
    """Let a server of ``cluster`` take in what the file ``path`` holds; what it has already is passed over.

    Raises BadExport where the file is none, or of another cluster, before anything is changed; Gap where
    something is missing between the server and the file; OSError where it can't be read.
    """
    with open(path, "rb") as file:
        return read_export(ask, file, path, secrets, cluster=cluster)


def read_export(
    ask: Ask, file: BinaryIO, path: str, secrets: Sequence[bytes], *, cluster: str
) -> ImportReport:
    """Let a server take in what ``file`` holds, which messages call ``path``: see ``import_file``."""
    report = ImportReport()
    reader = ExportReader(file, secrets, path)
    if reader.header.cluster != cluster:
        raise BadExport(f"{path} comes from another cluster, {reader.header.cluster[:12]}...")
    able = _can_import(ask, reader, reader.base)
    if able.verdict == ROWS:
        for piece in reader.pieces():
            if piece.chunk is not None:
                done = _import(ask, Import(NO_ITEMS, piece.chunk, piece.base))
                report.installed = report.installed or done.installed
        able = _can_import(ask, reader, None)
    if able.verdict == GAP:
        raise Gap(
            f"something is missing between this server, at CSN {able.csn}, and {path}, whose writes "
            f"begin behind CSN {reader.begins}: export again, with --beyond and this position:\n"
            f"{position_text(able.csn, able.vector)}"
        )
    for piece in reader.pieces():
        if piece.chunk is None and (piece.items or piece.end is not None):
            report.new += _import(ask, Import(piece.items, end=piece.end)).new
    return report


def _can_import(ask: Ask, reader: ExportReader, base: Base | None) -> Importable:
    base_csn = 0 if base is None else min(base.csn, CSN_MAX)
    able = ask(CanImport(reader.begins, reader.header.vector, base_csn))
    if not isinstance(able, Importable):
        raise BayouError(f"{type(able).__name__} where something else is due")
    return able


def _import(ask: Ask, order: Import) -> Imported:
    done = ask(order)
    if not isinstance(done, Imported):
        raise BayouError(f"{type(done).__name__} where something else is due")
    return done
