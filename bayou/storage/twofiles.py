"""A small state as a whole in two files by turns: for nodes that keep a few records."""

from __future__ import annotations

from bayou.storage.copies import Copies
from bayou.storage.files import SystemFiles
from bayou.storage.folder import Folder
from bayou.storage.store import StoreBase

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.storage.files import Files


class TwoFiles(StoreBase):
    """All batches are written anew with each one that is added, so ``replace`` is to be called with the whole
    state instead, or from time to time."""

    KIND = "a state in two files"

    def __init__(self, path: str, owner: str, *, may_make: bool = True, files: Files | None = None) -> None:
        """``path`` is the folder of this node, made where there is none unless ``may_make`` is false;
        ``owner`` a line that says which node of which cluster this is, and never changes."""
        super().__init__(path)
        self._may_make = may_make
        self._folder = Folder(files or SystemFiles(), path, self.KIND, owner)
        self._copies = Copies(self._folder, "state")
        self._batches: list[bytes] = []

    @property
    def size_bytes(self) -> int:
        return self._copies.size_bytes

    def _read(self) -> list[bytes]:
        copies = self._copies
        present = self._folder.open(copies.names.__contains__, may_make=self._may_make)
        if present is None:
            copies.make()
            self._folder.complete()
        else:
            self._batches = copies.read(present)
            copies.clear_torn()
        return self._batches.copy()

    def _append(self, batch: bytes) -> None:
        self._copies.write([*self._batches, batch])
        self._batches.append(batch)

    def _replace(self, batch: bytes) -> None:
        self._copies.write([batch])
        self._batches = [batch]

    def _release(self) -> None:
        self._copies.close()
        self._folder.close()
