"""The lock on the file of a replica, and what is noted in it.

``FILE-lock`` is locked with flock for as long as a process uses FILE: not FILE itself, since a process that
closes any descriptor of a file loses the locks that SQLite has on it.

It has two lines of fixed length, written in place and never synced: the number of the process; and how far
the file had come after its last transaction. SQLite takes a log that was cut short, or a file that was put
back from an old copy, as if the last transactions had never been. What is noted here says that they have.
"""

from __future__ import annotations

import os
from binascii import crc32
from errno import ENOENT

from bayou._record import Record
from bayou.storage.store import InUse, failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.storage.files import Files

PROCESS_BYTES = 21
NOTE_BYTES = 96


class Note(Record):
    """How far a file has come: whose it is (its ``link``), how many transactions it has had, its CSN, and the
    largest stamp that its server has given."""

    link: int
    transactions: int
    csn: int
    own_stamp: int

    def line(self) -> bytes:
        """Return the note as a line of NOTE_BYTES."""
        told = b"%d %d %d %d" % (self.link, self.transactions, self.csn, self.own_stamp)
        return (b"%s %d" % (told, crc32(told))).ljust(NOTE_BYTES - 1) + b"\n"


def note_of(line: bytes) -> Note | None:
    """Return the note in a line; None where a crash of the machine has left none."""
    try:
        *told, sum = line.split()
        if len(line) == NOTE_BYTES and len(told) == 4 and crc32(b" ".join(told)) == int(sum):
            return Note(*map(int, told))
    except ValueError:
        pass
    return None


class FileLock:
    """FILE-lock, held until it is closed."""

    def __init__(self, files: Files, path: str, *, has_file: bool = False) -> None:
        """Lock the file at ``path`` by the one beside it; InUse where another process has, StorageFailed
        where that can't be found out. With ``has_file`` there has to be that file."""
        if has_file and not os.path.exists(path):
            raise failure(path, FileNotFoundError(ENOENT, "No such file"))
        self.path = f"{path}-lock"
        self._files = files
        self._fd = -1
        try:
            self._fd = self._open()
            if not files.lock(self._fd):
                process = files.read(self._fd, PROCESS_BYTES, 0).strip()
                raise InUse(
                    f"{path} is in use by process {process.decode('ascii', 'replace') or 'unknown'}, which "
                    f"has locked {self.path}: end that one, or talk to it instead of the file"
                )
            self.found = note_of(files.read(self._fd, NOTE_BYTES, PROCESS_BYTES))
            files.write(self._fd, (b"%d" % files.process()).ljust(PROCESS_BYTES - 1) + b"\n", 0)
        except OSError as error:
            self.close()
            error.filename = self.path
            raise failure(self.path, error) from error
        except BaseException:
            self.close()
            raise

    def _open(self) -> int:
        try:
            return self._files.open(self.path)
        except FileNotFoundError:
            try:
                return self._files.open(self.path, is_new=True)
            except FileExistsError:  # two begin at once
                return self._files.open(self.path)

    def note(self, note: Note) -> None:
        """Note how far the file has come. Where that fails, less is found out at the next start, that is
        all."""
        try:
            self._files.write(self._fd, note.line(), PROCESS_BYTES)
        except OSError:
            pass

    def close(self, *, is_shared: bool = False) -> None:
        """Let go of the lock: at once, even where the child of a fork has not got round to closing its copy
        of the descriptor. ``is_shared``: this is that child, and the lock stays with its parent."""
        if self._fd >= 0:
            try:
                if not is_shared:
                    self._files.unlock(self._fd)
                self._files.close(self._fd)
            except OSError:
                pass
            self._fd = -1
