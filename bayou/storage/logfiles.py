"""A log in a folder: a journal of batches, and snapshots that supersede them in two files by turns.

The journal is in segments. Segment n, ``journal-n``, has what came after snapshot n, so what counts is always
the newest snapshot and the one segment of the same number. A new snapshot goes in this order, each step
durable before the next: the next segment, empty; the snapshot; the older segment is removed. A crash between
two steps leaves a segment too many, which is removed at the next start: an empty one that follows no snapshot
yet, or the one before the snapshot.
"""

from __future__ import annotations

from bayou.storage.copies import Copies
from bayou.storage.files import SystemFiles
from bayou.storage.folder import Folder
from bayou.storage.segment import Segment
from bayou.storage.store import REMEDY, StorageDamaged, StoreBase

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.storage.files import Files

JOURNAL = "journal-"


class LogFiles(StoreBase):
    """A store for a state that grows: ``append`` writes the batch alone, ``replace`` takes a snapshot."""

    KIND = "a journal with snapshots"

    def __init__(self, path: str, owner: str, *, may_make: bool = True, files: Files | None = None) -> None:
        """``path`` is the folder of this node, made where there is none unless ``may_make`` is false;
        ``owner`` a line that says which node of which cluster this is, and never changes."""
        super().__init__(path)
        self._may_make = may_make
        self._folder = Folder(files or SystemFiles(), path, self.KIND, owner)
        self._snapshots = Copies(self._folder, "snapshot")
        self._segment: Segment | None = None

    @property
    def size_bytes(self) -> int:
        return self._snapshots.size_bytes + (0 if self._segment is None else self._segment.size_bytes)

    def _read(self) -> list[bytes]:
        snapshots = self._snapshots
        present = self._folder.open(self._is_ours, may_make=self._may_make)
        if present is None:
            snapshots.make()
            self._segment = self._segment_of(snapshots.serial)
            self._segment.make()
            self._folder.complete()
            return []
        batches = snapshots.read(present)
        needless = self._needless([name for name in present if name.startswith(JOURNAL)])
        self._segment = self._segment_of(snapshots.serial)
        batches += self._segment.read()
        snapshots.clear_torn()
        for name in needless:
            self._folder.files.remove(self._folder.file(name))
        self._folder.files.sync_folder(self._folder.path)
        return batches

    def _append(self, batch: bytes) -> None:
        if self._segment is not None:
            self._segment.append(batch)

    def _replace(self, batch: bytes) -> None:
        older, serial = self._segment, self._snapshots.serial
        self._segment = self._segment_of(serial + 1)
        self._segment.make()
        self._folder.files.sync_folder(self._folder.path)
        self._snapshots.write([batch])
        if older is not None:
            older.close()
            self._folder.files.remove(older.path)
        self._folder.files.sync_folder(self._folder.path)

    def _release(self) -> None:
        if self._segment is not None:
            self._segment.close()
        self._snapshots.close()
        self._folder.close()

    def _is_ours(self, name: str) -> bool:
        return name in self._snapshots.names or name.startswith(JOURNAL)

    def _segment_of(self, serial: int) -> Segment:
        return Segment(self._folder, self._folder.file(f"{JOURNAL}{serial}"), serial)

    def _needless(self, journals: list[str]) -> list[str]:
        """Return the names of the segments that a crash has left over; StorageDamaged for a gap."""
        serial = self._snapshots.serial
        current, earlier, later = (f"{JOURNAL}{number}" for number in (serial, serial - 1, serial + 1))
        if current not in journals:
            raise StorageDamaged(
                f"{self._folder.file(current)} is missing, which follows snapshot {serial}: there is a gap "
                f"in the journal, or a newer snapshot is damaged; {REMEDY}"
            )
        others = [name for name in journals if name != current]
        for name in others:
            if name not in (earlier, later):
                raise StorageDamaged(
                    f"{self._folder.file(name)} does not belong to snapshot {serial}, the newest one; "
                    f"{REMEDY}"
                )
        if later in others and self._is_used(serial + 1):
            raise StorageDamaged(
                f"snapshot {serial + 1} is missing or damaged, and {self._folder.file(later)} follows it; "
                f"{REMEDY}"
            )
        return others

    def _is_used(self, serial: int) -> bool:
        segment = self._segment_of(serial)
        try:
            return segment.has_record()
        finally:
            segment.close()
