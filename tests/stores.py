"""Stores of every kind, as tests open them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bayou.storage.files import SystemFiles
from bayou.storage.logfiles import LogFiles
from bayou.storage.memory import MemoryStore
from bayou.storage.sqlite import SqliteFile
from bayou.storage.twofiles import TwoFiles

if TYPE_CHECKING:
    from collections.abc import Callable

    from bayou.storage.store import StoreBase

OWNER = "server 0 of cluster 1f"
ON_DISK: dict[str, Callable[..., StoreBase]] = {"two files": TwoFiles, "log": LogFiles, "sqlite": SqliteFile}


class Unsynced(SystemFiles):
    """The files of this machine, for tests that have no question about syncs, and many files."""

    def sync(self, fd: int) -> None:
        pass

    def reserve(self, fd: int, at: int, size: int) -> int:
        """Take little room, so that tests can go through it byte by byte."""
        return super().reserve(fd, at, 50)

    def sync_folder(self, path: str) -> None:
        pass


class Place:
    """Where one node's store is, of one kind; ``open`` opens it again and again."""

    def __init__(self, kind: str, path: Path, files: SystemFiles | None = None) -> None:
        self.files_of_system = files
        self.kind = kind
        self.path = path / "node"
        self._memory: MemoryStore | None = None

    def open(self, owner: str = OWNER, *, may_make: bool = True) -> StoreBase:
        if self.kind != "memory":
            return ON_DISK[self.kind](str(self.path), owner, may_make=may_make, files=self.files_of_system)
        self._memory = MemoryStore() if self._memory is None else self._memory.crashed()
        return self._memory

    def read(self) -> list[bytes]:
        """Return what a new process would read."""
        store = self.open()
        try:
            return store.read()
        finally:
            store.close()

    def files(self) -> dict[str, bytes]:
        """Return the files that count, by name. Locks do not."""
        folder = self.path if self.path.is_dir() else self.path.parent
        found = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}
        return {name: data for name, data in found.items() if not name.endswith("lock")}

    def put(self, files: dict[str, bytes]) -> None:
        """Let these be all the files there are."""
        folder = self.path if self.kind in ("two files", "log") else self.path.parent
        folder.mkdir(exist_ok=True)
        for path in folder.iterdir():
            if path.is_file():
                path.unlink()
        for name, data in files.items():
            (folder / name).write_bytes(data)
