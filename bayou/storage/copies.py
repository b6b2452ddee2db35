"""Two copies by turns: a state in one of two files, while the next one is written to the other.

A copy has a serial, the length and a check of its content, and a check of these three. The newer whole copy
counts. A crash can leave one bad copy, the one that was being written, which nobody has heard of; anything
else that is not as it was written is refused.
"""

from __future__ import annotations

from bayou._lean import blake2s, pack, unpack
from bayou.core.errors import require
from bayou.storage.files import OpenFile
from bayou.storage.store import REMEDY, StorageDamaged

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from bayou.storage.folder import Folder

WORD = b"bayou copy 1\n\0\0\0"
CHECK_BYTES = 8
TOLD = ">16s8sQQ8s"
TOLD_BYTES = 48
HEADER_BYTES = TOLD_BYTES + CHECK_BYTES
LENGTH_BYTES = 4


class _Look:
    """What is in one of the files: ``serial`` where its header is whole, ``batches`` where all is."""

    __slots__ = ("batches", "serial", "token")

    def __init__(self, serial: int | None, token: bytes, batches: list[bytes] | None) -> None:
        self.serial = serial
        self.token = token
        self.batches = batches


class Copies:
    """A list of batches in two files of a folder, ``NAME-0`` and ``NAME-1``: the serial of what a file has
    is even in the first and odd in the second. ``serial`` is that of the copy that counts."""

    def __init__(self, folder: Folder, name: str) -> None:
        self._folder = folder
        self.names = (f"{name}-0", f"{name}-1")
        self.paths = tuple(folder.file(name) for name in self.names)
        self.serial = 1
        self._files: list[OpenFile] = []
        self._sizes = [0, 0]
        self._is_other_torn = False

    @property
    def size_bytes(self) -> int:
        return sum(self._sizes)

    def make(self) -> None:
        """Make both files, with no batches."""
        for serial, path in enumerate(self.paths):
            self._files.append(OpenFile(self._folder.files, path, is_new=True))
            self.serial = serial - 1
            self.write([])

    def read(self, present: Sequence[str]) -> list[bytes]:
        """Return the batches of the newer whole copy. ``present`` are the names of the folder's files.

        Raises StorageDamaged: a file is missing, neither is whole, or one is where no crash puts it.
        """
        for name, path in zip(self.names, self.paths, strict=True):
            if name not in present:
                raise StorageDamaged(f"{path} is missing beside the other files of its node; {REMEDY}")
        looks = []
        for slot, path in enumerate(self.paths):
            self._files.append(OpenFile(self._folder.files, path))
            content = self._files[slot].content()
            self._sizes[slot] = len(content)
            looks.append(_look(content))
            self._refuse_stranger(slot, looks[slot])
        whole = [look for look in looks if look.batches is not None]
        if not whole:
            raise StorageDamaged(f"neither {self.paths[0]} nor {self.paths[1]} is a whole copy; {REMEDY}")
        newest = max(whole, key=_serial)
        self.serial = _serial(newest)
        other = looks[1 - self.serial % 2]
        if other.serial is not None and abs(other.serial - self.serial) != 1:
            raise StorageDamaged(
                f"{self.paths[0]} and {self.paths[1]} do not belong together: one has state {self.serial}, "
                f"the other one state {other.serial}; {REMEDY}"
            )
        self._is_other_torn = other.batches is None
        return newest.batches or []

    def clear_torn(self) -> None:
        """Empty the file whose copy is not whole, if there is one. Otherwise the next write could be torn in
        such a way that it completes the older torn copy, whose absence somebody has relied on meanwhile."""
        if self._is_other_torn:
            slot = 1 - self.serial % 2
            self._files[slot].write(b"", is_end=True)
            self._sizes[slot] = 0

    def write(self, batches: Sequence[bytes]) -> None:
        """Put these batches in the place of all: they become the next copy, over the older one."""
        serial = self.serial + 1
        body = b"".join([len(batch).to_bytes(LENGTH_BYTES, "big") + batch for batch in batches])
        told = pack(TOLD, WORD, self._folder.token, serial, len(body), _check(body))
        slot = serial % 2
        self._files[slot].write(told + _check(told) + body, is_end=True)
        self._sizes[slot] = HEADER_BYTES + len(body)
        self.serial = serial

    def close(self) -> None:
        while self._files:
            self._files.pop().close()

    def _refuse_stranger(self, slot: int, look: _Look) -> None:
        """StorageDamaged where a file was put there by somebody."""
        if look.serial is None:
            return
        if look.token != self._folder.token:
            raise StorageDamaged(f"{self.paths[slot]} is a file of another folder; {REMEDY}")
        if look.serial % 2 != slot:
            raise StorageDamaged(f"{self.paths[slot]} has the content of {self.paths[1 - slot]}; {REMEDY}")


def _serial(look: _Look) -> int:
    require(look.serial is not None, "a whole copy has a serial")
    return look.serial or 0


def _check(data: bytes) -> bytes:
    return blake2s(data, digest_size=CHECK_BYTES).digest()


def _look(data: bytes) -> _Look:
    told, check = data[:TOLD_BYTES], data[TOLD_BYTES:HEADER_BYTES]
    if len(check) < CHECK_BYTES or _check(told) != check or not told.startswith(WORD):
        return _Look(None, b"", None)
    _, token, serial, length, body_check = unpack(TOLD, told)
    body = data[HEADER_BYTES : HEADER_BYTES + length]
    if len(body) < length or _check(body) != body_check:
        return _Look(serial, token, None)
    batches = []
    at = 0
    while at < length:
        start = at + LENGTH_BYTES
        at = start + int.from_bytes(body[at:start], "big")
        batches.append(body[start:at])
    return _Look(serial, token, batches)
