"""A journal: a file to which batches are added, each as a whole or not at all.

After a header each batch is one record: the length of its bytes, a checksum of them, a checksum of these
two, and the bytes. Whoever reads it after a crash finds every batch whose ``append`` had returned. The last
record may be torn, as its writing was under way: it is cut off. A record that is damaged anywhere else is no
trace of a crash but of a disk or a person, and nobody knows what else is missing: the journal is refused.
"""

from __future__ import annotations

import os

from bayou._lean import blake2s
from bayou.core.errors import BayouError

HEADER = b"bayou journal 2\n"
LENGTH_BYTES = 4
CHECK_BYTES = 8
PREFIX_BYTES = LENGTH_BYTES + 2 * CHECK_BYTES
BATCH_BYTES_MAX = (1 << 31) - 1


class JournalDamaged(BayouError):
    """A journal can't be read, and is no torn one either."""


class Journal:
    """A journal that is open for reading and adding; nobody else may use the file meanwhile.

    ``size_bytes`` is how long it is; ``is_named``: whether its file has a name, by which it can be had again.
    """

    def __init__(
        self, path: str, *, is_synced: bool = True, fd: int | None = None, is_named: bool = False
    ) -> None:
        """Open a file, which is made where there is none. ``is_synced`` tells whether ``append`` waits for
        the disk: otherwise what was added survives the end of this process, but not that of the machine. With
        ``fd``, that descriptor is used, of a file without a name unless ``is_named``, and ``path`` is what
        the journal is called.

        Raises OSError where the file can't be opened.
        """
        self.path = path
        self.is_named = is_named or fd is None
        self.size_bytes = 0
        self._sync = (getattr(os, "fdatasync", os.fsync)) if is_synced else None
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600) if fd is None else fd

    def read(self) -> list[bytes]:
        """Return all batches, the oldest first, and cut off a torn one at the end. To be called once, before
        the first ``append``.

        Raises JournalDamaged, which names the file and the place, and leaves the file as it is.
        """
        data = self._content()
        if not data.startswith(HEADER):
            if not HEADER.startswith(data):
                raise JournalDamaged(f"{self.path} is no journal of this version")
            self._cut(0)
            self._write(HEADER)
            return []
        batches = []
        at = len(HEADER)
        while at < len(data):
            batch = _record_at(data, at)
            if batch is None:
                self._refuse_unless_torn(data, at)
                self._cut(at)
                break
            batches.append(batch)
            at += PREFIX_BYTES + len(batch)
        self.size_bytes = at
        return batches

    def append(self, batch: bytes) -> None:
        """Add a batch. When this returns it is durable; where it raises OSError, as for a full disk, the
        journal is as it was before."""
        if len(batch) > BATCH_BYTES_MAX:
            raise ValueError(f"a batch of {len(batch)} bytes; {BATCH_BYTES_MAX} is the limit")
        size_bytes = self.size_bytes
        try:
            self._write(_prefix(batch) + batch)
        except OSError:
            try:
                self._cut(size_bytes)
            except OSError:
                self.size_bytes = size_bytes  # what is behind it is torn, and the first error is to be told
            raise

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)

    def _content(self) -> bytes:
        size = os.fstat(self._fd).st_size
        data = bytearray()
        while len(data) < size and (piece := os.pread(self._fd, size - len(data), len(data))):
            data += piece
        return bytes(data)

    def _write(self, data: bytes) -> None:
        left = memoryview(data)
        at = self.size_bytes
        while left:
            count = os.pwrite(self._fd, left, at)
            left, at = left[count:], at + count
        if self._sync is not None:
            self._sync(self._fd)
        self.size_bytes = at

    def _cut(self, size_bytes: int) -> None:
        os.ftruncate(self._fd, size_bytes)
        if self._sync is not None:
            self._sync(self._fd)
        self.size_bytes = size_bytes

    def _refuse_unless_torn(self, data: bytes, at: int) -> None:
        """JournalDamaged where what is no whole record has others behind it."""
        length = _length_at(data, at)
        if length is not None:
            torn = at + PREFIX_BYTES + length >= len(data)
        else:
            torn = all(_length_at(data, place) is None for place in range(at + 1, len(data)))
        if not torn:
            remedy = (
                "restore the file from a backup"
                if self.is_named
                else "it is a file of this run alone, which has no other copy: begin another run"
            )
            raise JournalDamaged(
                f"{self.path} is damaged: what begins at byte {at} is no record, and there are others behind "
                f"it; {remedy}"
            )


def _check(data: bytes) -> bytes:
    return blake2s(data, digest_size=CHECK_BYTES).digest()


def _prefix(batch: bytes) -> bytes:
    told = len(batch).to_bytes(LENGTH_BYTES, "big") + _check(batch)
    return told + _check(told)


def _length_at(data: bytes, at: int) -> int | None:
    """Return the length of the record that begins there, None where none begins."""
    told = data[at : at + LENGTH_BYTES + CHECK_BYTES]
    check = data[at + len(told) : at + PREFIX_BYTES]
    if len(check) < CHECK_BYTES or _check(told) != check:
        return None
    return int.from_bytes(told[:LENGTH_BYTES], "big")


def _record_at(data: bytes, at: int) -> bytes | None:
    """Return the batch in the record that begins there, None where there is no whole one."""
    told = data[at : at + LENGTH_BYTES + CHECK_BYTES]
    start = at + PREFIX_BYTES
    if len(data) < start or _check(told) != data[at + LENGTH_BYTES + CHECK_BYTES : start]:
        return None
    length = int.from_bytes(told[:LENGTH_BYTES], "big")
    batch = data[start : start + length]
    return batch if len(batch) == length and _check(batch) == told[LENGTH_BYTES:] else None


def place_of_nameless() -> str:
    """Return the folder for files that go with a run: in memory where the system has a place for that, unless
    TMPDIR names another one."""
    return os.environ.get("TMPDIR") or ("/dev/shm" if os.access("/dev/shm", os.W_OK) else "/tmp")


def nameless(place: str) -> int:
    """Return the descriptor of a new file in a folder, which has no name there, and is gone as soon as nobody
    has it open, however that comes about. OSError where none can be made."""
    flag = getattr(os, "O_TMPFILE", 0)
    if flag:
        try:
            return os.open(place, flag | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError:
            pass  # some file systems can't
    path = f"{place}/bayou-{os.urandom(8).hex()}"
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    os.unlink(path)
    return fd
