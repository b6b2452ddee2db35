"""What stores ask of the operating system, call by call, so that tests can let each one fail."""

from __future__ import annotations

import os
from errno import EINVAL, EIO, EWOULDBLOCK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Files(Protocol):
        """A file system. Files and folders have paths, open files have descriptors. All raise OSError."""

        def names(self, folder: str) -> list[str] | None:
            """Return the names in a folder, in order; None where there is no such folder."""

        def make_folder(self, path: str) -> None:
            """Make a folder, for its owner only, in one that is there."""

        def open(self, path: str, *, is_new: bool = False) -> int:
            """Open a file for reading and writing; FileNotFoundError where there is none. With ``is_new`` it
            is made, for its owner only; FileExistsError where there is one."""

        def close(self, fd: int) -> None: ...

        def lock(self, fd: int) -> bool:
            """Lock a file against all others that ask for this, until it is closed; False where one has."""

        def unlock(self, fd: int) -> None:
            """Unlock a file, whoever else has a copy of its descriptor."""

        def size(self, fd: int) -> int: ...

        def read(self, fd: int, size: int, at: int) -> bytes:
            """Return up to ``size`` bytes from place ``at`` on, none at the end."""

        def write(self, fd: int, data: bytes | memoryview, at: int) -> int:
            """Write at a place; return how many bytes were written, one at least."""

        def truncate(self, fd: int, size: int) -> None: ...

        def reserve(self, fd: int, at: int, size: int) -> int:
            """Take room for so many bytes from the end of a file on, which is at ``at``: zeros, until they
            are written over. Return where the file ends then."""

        def sync(self, fd: int) -> None:
            """Wait until the content and the size of a file are durable."""

        def forget(self, fd: int) -> None:
            """Let what is read next come from the disk. After a sync that failed the system may go on showing
            what the disk does not have."""

        def sync_folder(self, path: str) -> None:
            """Wait until the names in a folder are durable."""

        def rename(self, old: str, new: str) -> None:
            """Give a file another name, in one step, whoever had that name before."""

        def link(self, path: str, other: str) -> None:
            """Give a file a second name."""

        def remove(self, path: str) -> None: ...

        def token(self) -> bytes:
            """Return 8 random bytes."""

        def process(self) -> int:
            """Return the number of this process."""


class SystemFiles:
    """The files of this machine."""

    def __init__(self) -> None:
        self._sync = getattr(os, "fdatasync", os.fsync)
        try:
            from fcntl import F_FULLFSYNC, fcntl  # type: ignore[attr-defined,unused-ignore]  # on macOS only
        except ImportError:
            pass
        else:  # there, fsync leaves the data in the cache of the disk
            self._sync = lambda fd: fcntl(fd, F_FULLFSYNC)

    def names(self, folder: str) -> list[str] | None:
        try:
            return sorted(os.listdir(folder))
        except FileNotFoundError:
            return None

    def make_folder(self, path: str) -> None:
        os.mkdir(path, 0o700)

    def open(self, path: str, *, is_new: bool = False) -> int:
        return os.open(path, os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT | os.O_EXCL if is_new else 0), 0o600)

    def close(self, fd: int) -> None:
        os.close(fd)

    def lock(self, fd: int) -> bool:
        from fcntl import LOCK_EX, LOCK_NB, flock

        try:
            flock(fd, LOCK_EX | LOCK_NB)
        except OSError as error:
            if error.errno == EWOULDBLOCK:
                return False
            raise
        return True

    def unlock(self, fd: int) -> None:
        from fcntl import LOCK_UN, flock

        flock(fd, LOCK_UN)

    def size(self, fd: int) -> int:
        return os.fstat(fd).st_size

    def read(self, fd: int, size: int, at: int) -> bytes:
        return os.pread(fd, size, at)

    def write(self, fd: int, data: bytes | memoryview, at: int) -> int:
        return os.pwrite(fd, data, at)

    def truncate(self, fd: int, size: int) -> None:
        os.ftruncate(fd, size)

    def reserve(self, fd: int, at: int, size: int) -> int:
        if not hasattr(os, "posix_fallocate"):
            return at
        os.posix_fallocate(fd, at, size)
        return at + size

    def sync(self, fd: int) -> None:
        self._sync(fd)

    def forget(self, fd: int) -> None:
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)

    def sync_folder(self, path: str) -> None:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        except OSError as error:
            if error.errno != EINVAL:  # there are file systems that have no such thing
                raise
        finally:
            os.close(fd)

    def rename(self, old: str, new: str) -> None:
        os.rename(old, new)

    def link(self, path: str, other: str) -> None:
        os.link(path, other)

    def remove(self, path: str) -> None:
        os.unlink(path)

    def token(self) -> bytes:
        return os.urandom(8)

    def process(self) -> int:
        return os.getpid()


class OpenFile:
    """One open file, whose errors bear its name."""

    __slots__ = ("_fd", "_files", "path")

    def __init__(self, files: Files, path: str, *, is_new: bool = False) -> None:
        self._files = files
        self.path = path
        self._fd = files.open(path, is_new=is_new)

    def content(self) -> bytes:
        """Return all that is in the file, once that is durable, and as the disk has it."""
        files, fd = self._files, self._fd
        try:
            files.sync(fd)
            files.forget(fd)
            size = files.size(fd)
            data = bytearray()
            while len(data) < size and (piece := files.read(fd, size - len(data), len(data))):
                data += piece
        except OSError as error:
            raise self._named(error) from error
        return bytes(data)

    def sync(self) -> int:
        """Wait until the file is durable; return its size."""
        try:
            self._files.sync(self._fd)
            return self._files.size(self._fd)
        except OSError as error:
            raise self._named(error) from error

    def head(self, size: int) -> bytes:
        """Return up to so many bytes from the beginning."""
        try:
            return self._files.read(self._fd, size, 0)
        except OSError as error:
            raise self._named(error) from error

    def write(self, data: bytes, at: int = 0, *, is_end: bool = False) -> None:
        """Write bytes at a place, and wait until they are durable. ``is_end`` cuts off what is behind."""
        files, fd = self._files, self._fd
        left = memoryview(data)
        try:
            while left:
                count = files.write(fd, left, at)
                if not count:
                    raise OSError(EIO, "nothing could be written")
                left, at = left[count:], at + count
            if is_end:
                files.truncate(fd, at)
            files.sync(fd)
        except OSError as error:
            raise self._named(error) from error

    def reserve(self, at: int, size: int) -> int:
        """Take room behind the end of the file, which is at ``at``, where there is some; return where it ends
        then."""
        try:
            return self._files.reserve(self._fd, at, size)
        except OSError:
            return at  # what can't be written is told when it is

    def give_back(self, at: int) -> None:
        """Let the file end there, where that can be. It need not be durable."""
        try:
            self._files.truncate(self._fd, at)
        except OSError:
            pass

    def try_lock(self) -> bool:
        """Lock the file until it is closed; False where another has."""
        return self._files.lock(self._fd)

    def note(self) -> str:
        """Return the number that ``put_note`` left, nothing where there is none."""
        data = self._files.read(self._fd, 20, 0)
        return data.decode() if data.isdigit() else ""

    def put_note(self, text: str) -> None:
        """Leave a number for whoever asks while the file is locked. It need not be durable."""
        try:
            self._files.truncate(self._fd, 0)
            self._files.write(self._fd, text.encode(), 0)
        except OSError:
            pass  # they are told nothing then

    def close(self) -> None:
        """Close the file. What was written is durable by now, so an error says nothing."""
        try:
            self._files.close(self._fd)
        except OSError:
            pass

    def _named(self, error: OSError) -> OSError:
        return OSError(error.errno, error.strerror or str(error), self.path)


def parent_of(path: str) -> str:
    """Return the folder that a file or folder is in."""
    return os.path.dirname(os.path.abspath(path))
