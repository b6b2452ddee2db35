"""A segment of a log's journal: a file to which batches are added, each as a whole or not at all.

It begins with a header that says which folder it belongs to and which snapshot it follows. Each batch is one
record: a mark, its number in the segment, its length, a check of all that and of the bytes, a check of this
prefix, and the bytes. The checks take in whose record it is, so that what the disk had before in the same
place, a record of a segment that was removed, say, passes for none.

Room is taken ahead, as zeros: a sync has less to do where a file does not grow.
"""

from __future__ import annotations

from bayou._lean import blake2s, pack, unpack
from bayou.storage.files import OpenFile
from bayou.storage.store import REMEDY, StorageDamaged

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.storage.folder import Folder

WORD = b"bayou segment 1\n"
TOLD = ">16s8sQ"
TOLD_BYTES = 32
CHECK_BYTES = 8
HEADER_BYTES = TOLD_BYTES + CHECK_BYTES
MARK = b"\xb1rec"
HEAD = ">4sQI"
HEAD_BYTES = 16
PREFIX_BYTES = HEAD_BYTES + 2 * CHECK_BYTES
AHEAD_BYTES = 1 << 16


class Segment:
    """The batches that came after the snapshot with a certain serial. ``size_bytes`` is how long the file
    is."""

    def __init__(self, folder: Folder, path: str, serial: int) -> None:
        self.path = path
        self.size_bytes = 0
        self._end = 0
        self._folder = folder
        self._token = folder.token
        self._serial = pack(">Q", serial)
        told = pack(TOLD, WORD, folder.token, serial)
        self._header = told + self._check(told)
        self._count = 0
        self._file: OpenFile | None = None

    def make(self) -> None:
        """Make the file, with no batches. Its name is durable once the folder is."""
        self._file = OpenFile(self._folder.files, self.path, is_new=True)
        self._file.write(self._header)
        self.size_bytes = self._end = HEADER_BYTES

    def read(self) -> list[bytes]:
        """Return all batches, the oldest first, and cut off a torn one at the end.

        Raises StorageDamaged, which names the place, and leaves the file as it is.
        """
        self._file = file = OpenFile(self._folder.files, self.path)
        data = file.content()
        if not data.startswith(self._header):
            raise StorageDamaged(f"{self.path} does not follow the snapshot, or is damaged; {REMEDY}")
        batches: list[bytes] = []
        at = HEADER_BYTES
        while at < len(data):
            batch = self._batch_at(data, at, len(batches))
            if batch is None:
                self._refuse_unless_torn(data, at, len(batches))
                file.write(b"", at, is_end=True)
                break
            batches.append(batch)
            at += PREFIX_BYTES + len(batch)
        self.size_bytes = self._end = at
        self._count = len(batches)
        return batches

    def has_record(self) -> bool:
        """Whether there is a record anywhere in the file, after a header or not."""
        self._file = OpenFile(self._folder.files, self.path)
        data = self._file.content()
        return self._next_record(data, 0) is not None

    def append(self, batch: bytes) -> None:
        """Add a batch; it is durable when this returns."""
        head = pack(HEAD, MARK, self._count, len(batch))
        told = head + self._check(head + batch)
        record = told + self._check(told) + batch
        end = self._end + len(record)
        if self._file is not None:
            if end > self.size_bytes:
                self.size_bytes = self._file.reserve(self.size_bytes, len(record) + AHEAD_BYTES)
            self._file.write(record, self._end)
        self._end = end
        self.size_bytes = max(self.size_bytes, end)
        self._count += 1

    def close(self) -> None:
        """Let go of the file, and of the room that was taken ahead."""
        if self._file is not None:
            if self.size_bytes > self._end:
                self._file.give_back(self._end)
                self.size_bytes = self._end
            self._file.close()
            self._file = None

    def _check(self, data: bytes) -> bytes:
        return blake2s(data, digest_size=CHECK_BYTES, person=self._token, salt=self._serial).digest()

    def _batch_at(self, data: bytes, at: int, number: int) -> bytes | None:
        """Return the batch in record ``number`` if it begins there and is whole."""
        start = at + PREFIX_BYTES
        if len(data) < start:
            return None
        told = data[at : start - CHECK_BYTES]
        mark, found, length = unpack(HEAD, told[:HEAD_BYTES])
        if mark != MARK or found != number:
            return None
        batch = data[start : start + length]
        if len(batch) < length or self._check(told[:HEAD_BYTES] + batch) != told[HEAD_BYTES:]:
            return None
        return batch if self._check(told) == data[start - CHECK_BYTES : start] else None

    def _head_at(self, data: bytes, at: int) -> tuple[int, int] | None:
        """Return the number and the length of the record whose prefix is whole there."""
        told = data[at : at + PREFIX_BYTES - CHECK_BYTES]
        check = data[at + len(told) : at + PREFIX_BYTES]
        if len(check) < CHECK_BYTES or self._check(told) != check:
            return None
        _, number, length = unpack(HEAD, told[:HEAD_BYTES])
        return number, length

    def _next_record(self, data: bytes, at: int) -> int | None:
        """Return where the next whole prefix of a record is, from a place on."""
        while (at := data.find(MARK, at)) >= 0:
            if self._head_at(data, at) is not None:
                return at
            at += 1
        return None

    def _refuse_unless_torn(self, data: bytes, at: int, number: int) -> None:
        """Only what was being written last can be torn: StorageDamaged where anything is behind it but room
        that was taken ahead."""
        head = self._head_at(data, at)
        if head is not None and head[0] == number:
            torn = not data[at + PREFIX_BYTES + head[1] :].strip(b"\0")
        else:
            torn = self._next_record(data, at) is None
        if not torn:
            raise StorageDamaged(
                f"{self.path} is damaged: what begins at byte {at} is no record {number}, and there is more "
                f"behind it; {REMEDY}"
            )
