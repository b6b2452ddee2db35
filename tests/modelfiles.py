"""A file system in memory that loses what was not synced: every disk that a crash can leave, and every call
that can fail."""

from __future__ import annotations

from copy import deepcopy
from errno import EEXIST, EIO, ENOENT
from itertools import islice, product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Change = tuple[int, bytes]
"""Bytes written at a place; nothing at a place is a cut."""


class Crash(BaseException):
    """The machine, or the process, ends here."""


class File:
    """What the disk has of a file, and what was done since the last sync."""

    def __init__(self) -> None:
        self.disk = b""
        self.seen = b""
        self.pending: list[Change] = []

    def change(self, change: Change) -> None:
        self.seen = changed(self.seen, change)
        self.pending.append(change)

    def outcomes(self) -> list[bytes]:
        """Return what the disk may have after the machine crashed: none, some or all of what was done, in any
        order, one write of it torn, or a size without its content."""
        if not self.pending:
            return [self.disk]
        found = [self.disk, self.seen]
        for chosen in choices(len(self.pending)):
            data = self.disk
            for change, is_there in zip(self.pending, chosen, strict=True):
                if is_there:
                    found += [changed(data, (change[0], part)) for part in parts(change[1])]
                    data = changed(data, change)
            found.append(data)
        found.append(self.disk + bytes(max(0, len(self.seen) - len(self.disk))))
        return list(dict.fromkeys(found))


def choices(count: int) -> list[tuple[bool, ...]]:
    """Return which of so many changes are there: any, or where they are many, the first ones, the last ones,
    and all but one."""
    if count <= 3:
        return list(product((False, True), repeat=count))
    numbers = range(count)
    first = [tuple(number < end for number in numbers) for end in range(count + 1)]
    return [
        *first,
        *(tuple(not each for each in chosen) for chosen in first[1:-1]),
        *(tuple(number != out for number in numbers) for out in numbers),
    ]


def changed(data: bytes, change: Change) -> bytes:
    at, new = change
    if not new:
        return data[:at] + bytes(max(0, at - len(data)))
    return data[:at] + bytes(max(0, at - len(data))) + new + data[at + len(new) :]


def parts(data: bytes) -> list[bytes]:
    """Return what may be there of a write that was torn."""
    half = len(data) // 2
    return [] if len(data) < 2 else [data[:1], data[:half], bytes(half) + data[half:], data[:-1]]


class Names:
    """The names in a folder: those on disk, and those that are to be seen."""

    def __init__(self) -> None:
        self.disk: dict[str, File | Names] = {}
        self.seen: dict[str, File | Names] = {}
        self.pending: list[tuple[str, str | None, File | Names | None]] = []

    def change(self, name: str, old: str | None, node: File | Names | None) -> None:
        self.pending.append((name, old, node))
        apply(self.seen, self.pending[-1])

    def outcomes(self) -> list[dict[str, File | Names]]:
        """Each of what was done may be durable or not, whatever the order."""
        found = []
        for chosen in product((False, True), repeat=len(self.pending)):
            names = dict(self.disk)
            for change, is_there in zip(self.pending, chosen, strict=True):
                if is_there:
                    apply(names, change)
            if names not in found:
                found.append(names)
        return found


def apply(names: dict[str, File | Names], change: tuple[str, str | None, File | Names | None]) -> None:
    """Make, rename or remove."""
    name, old, node = change
    if node is None:
        names.pop(name, None)
        return
    if old is not None:
        names.pop(old, None)
    names[name] = node


class ModelFiles:
    """The Files that stores use. ``calls`` counts those that change something or can fail; ``crash_at`` is
    the one that is never carried out, as all is over (a write is, by half), ``fail_at`` the one that
    gives ``errno``. A sync that fails loses what it was to make durable, and it can still be seen."""

    def __init__(self) -> None:
        self.root = Names()
        self.open_files: dict[int, File] = {}
        self.locked: dict[int, File] = {}
        self.calls = 0
        self.log: list[str] = []
        self.crash_at: int | None = None
        self.fail_at: int | None = None
        self.errno = EIO
        self._next_fd = 3

    # What a crash leaves.

    def after_process(self) -> ModelFiles:
        """Return the files after the process has died and the system has not."""
        return _renewed(deepcopy(self))

    def after_machine(self, first: int = 0, every: int = 1) -> Iterator[ModelFiles]:
        """Give out every disk that may be left after the machine has died, or some of them."""
        folders: list[Names] = []
        files: list[File] = []
        _collect(self.root, folders, files)
        named = [folder.outcomes() for folder in folders]
        filled = [file.outcomes() for file in files]
        for names, contents in islice(product(product(*named), product(*filled)), first, None, every):
            after = ModelFiles()
            copies = {id(file): _durable(data) for file, data in zip(files, contents, strict=True)}
            chosen = {id(folder): each for folder, each in zip(folders, names, strict=True)}
            after.root = _rebuilt(self.root, chosen, copies)
            yield after

    def snapshot(self) -> dict[str, bytes]:
        """Return all files that are to be seen, by path."""
        found: dict[str, bytes] = {}
        _list(self.root, "", found)
        return found

    # The calls.

    def names(self, folder: str) -> list[str] | None:
        node = self._find(folder)
        return sorted(node.seen) if isinstance(node, Names) else None

    def make_folder(self, path: str) -> None:
        self._call(f"make_folder {path}")
        self._enter(path, None, Names())

    def open(self, path: str, *, is_new: bool = False) -> int:
        self._call(f"open {path}")
        node = self._find(path)
        if is_new:
            if node is not None:
                raise OSError(EEXIST, "File exists", path)
            node = File()
            self._enter(path, None, node)
        if not isinstance(node, File):
            raise OSError(ENOENT, "No such file or directory", path)
        self._next_fd += 1
        self.open_files[self._next_fd] = node
        return self._next_fd

    def close(self, fd: int) -> None:
        del self.open_files[fd]
        self.locked.pop(fd, None)

    def lock(self, fd: int) -> bool:
        self._call("lock")
        if self.open_files[fd] in self.locked.values():
            return False
        self.locked[fd] = self.open_files[fd]
        return True

    def unlock(self, fd: int) -> None:
        self.locked.pop(fd, None)

    def size(self, fd: int) -> int:
        return len(self.open_files[fd].seen)

    def read(self, fd: int, size: int, at: int) -> bytes:
        self._call("read")
        return self.open_files[fd].seen[at : at + size]

    def write(self, fd: int, data: bytes | memoryview, at: int) -> int:
        """Write at most 90 bytes at a time, as the system may."""
        piece = bytes(data[:90])
        file = self.open_files[fd]
        self._call("write", lambda: file.change((at, piece[: len(piece) // 2])) if len(piece) > 1 else None)
        file.change((at, piece))
        return len(piece)

    def truncate(self, fd: int, size: int) -> None:
        self._call("truncate")
        if size != len(self.open_files[fd].seen):
            self.open_files[fd].change((size, b""))

    def reserve(self, fd: int, at: int, size: int) -> int:
        """Take less room than is asked for, so that it is taken often."""
        self._call("reserve")
        self.open_files[fd].change((at + 149, b"\0"))
        return at + 150

    def sync(self, fd: int) -> None:
        file = self.open_files[fd]
        self._call("sync", file.pending.clear)
        for change in file.pending:
            file.disk = changed(file.disk, change)
        file.pending = []

    def forget(self, fd: int) -> None:
        file = self.open_files[fd]
        if not file.pending:
            file.seen = file.disk

    def sync_folder(self, path: str) -> None:
        self._call(f"sync_folder {path}")
        node = self._find(path)
        if not isinstance(node, Names):
            raise OSError(ENOENT, "No such file or directory", path)
        node.disk, node.pending = dict(node.seen), []

    def rename(self, old: str, new: str) -> None:
        self._call(f"rename {old} {new}")
        self._enter(new, old.rpartition("/")[2], self._find(old))

    def link(self, path: str, other: str) -> None:
        self._call(f"link {path} {other}")
        self._enter(other, None, self._find(path))

    def remove(self, path: str) -> None:
        self._call(f"remove {path}")
        if self._find(path) is None:
            raise OSError(ENOENT, "No such file or directory", path)
        self._enter(path, None, None)

    def token(self) -> bytes:
        return b"a token!"

    def process(self) -> int:
        return 77

    def _call(self, what: str, before: Callable[[], object] | None = None) -> None:
        """Count a call; crash or fail if it is the one. ``before`` is what it does even so; a failed sync
        loses what was to be durable, a crash does not happen after one."""
        number, self.calls = self.calls, self.calls + 1
        self.log.append(what)
        if number == self.crash_at:
            if before is not None and what == "write":
                before()
            raise Crash
        if number == self.fail_at:
            if before is not None:
                before()
            raise OSError(self.errno, "it fails")

    def _find(self, path: str) -> File | Names | None:
        node: File | Names | None = self.root
        for name in filter(None, path.split("/")):
            node = node.seen.get(name) if isinstance(node, Names) else None
        return node

    def _enter(self, path: str, old: str | None, node: File | Names | None) -> None:
        folder = self._find(path.rpartition("/")[0])
        if not isinstance(folder, Names):
            raise OSError(ENOENT, "No such file or directory", path)
        name = path.rpartition("/")[2]
        if isinstance(node, Names) and name in folder.seen:
            raise OSError(EEXIST, "File exists", path)
        folder.change(name, old, node)


def _renewed(files: ModelFiles) -> ModelFiles:
    files.open_files.clear()
    files.locked.clear()
    files.log.clear()
    files.calls = 0
    files.crash_at = files.fail_at = None
    return files


def _collect(folder: Names, folders: list[Names], files: list[File]) -> None:
    """Find all that can be reached by names that are seen or on disk."""
    folders.append(folder)
    for names in (folder.disk, folder.seen):
        for node in names.values():
            if isinstance(node, Names):
                if not any(node is known for known in folders):
                    _collect(node, folders, files)
            elif not any(node is known for known in files):
                files.append(node)


def _durable(data: bytes) -> File:
    file = File()
    file.disk = file.seen = data
    return file


def _rebuilt(folder: Names, chosen: dict[int, dict[str, File | Names]], copies: dict[int, File]) -> Names:
    after = Names()
    for name, node in chosen[id(folder)].items():
        after.disk[name] = _rebuilt(node, chosen, copies) if isinstance(node, Names) else copies[id(node)]
    after.seen = dict(after.disk)
    return after


def _list(folder: Names, path: str, found: dict[str, bytes]) -> None:
    for name, node in folder.seen.items():
        if isinstance(node, Names):
            _list(node, f"{path}/{name}", found)
        else:
            found[f"{path}/{name}"] = node.seen
