"""The folder of one node's files: locked by the process that uses it, and marked with whose it is.

``id`` says for which node and by which kind of store the folder was made, and has a token that all files of
the folder bear. It is there from the moment in which the folder is complete: before, while the folder is
being made, it is called ``making``. So a folder with neither has lost its ``id``.
"""

from __future__ import annotations

from bayou._lean import blake2s
from bayou.storage.files import OpenFile, parent_of
from bayou.storage.store import REMEDY, StorageDamaged, StorageForeign, StorageInUse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from bayou.storage.files import Files

ID, MAKING, LOCK = "id", "making", "lock"
FORMAT = 1
WORD = b"bayou storage "
CHECK_HEX = 16


def checked_owner(owner: str) -> str:
    """Return the owner; ValueError unless it is a line that can be read."""
    if not owner or not owner.isprintable():
        raise ValueError(f"an owner is one printable line, not {owner!r}")
    return owner


class Lock:
    """A file that one process at a time has locked; the number of that process is in it."""

    def __init__(self, files: Files, path: str, what: str) -> None:
        """StorageInUse where another has it; ``what`` is what is then said to be in use."""
        try:
            self._file = OpenFile(files, path)
        except FileNotFoundError:
            try:
                self._file = OpenFile(files, path, is_new=True)
            except FileExistsError:  # two begin at once
                self._file = OpenFile(files, path)
        try:
            if not self._file.try_lock():
                raise StorageInUse(
                    f"{what} is in use by process {self._file.note() or 'unknown'}, which has locked {path}: "
                    "end that one, or give this node a place of its own"
                )
            self._file.put_note(str(files.process()))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._file.close()


class Folder:
    """A folder for the files of one store of one node."""

    def __init__(self, files: Files, path: str, kind: str, owner: str) -> None:
        """``kind`` of store and ``owner`` are one line each: what the folder has to be marked with."""
        self.files = files
        self.path = path
        self.kind = kind
        self.owner = checked_owner(owner)
        self.token = b""
        self._lock: Lock | None = None

    def open(self, is_ours: Callable[[str], bool], *, may_make: bool) -> list[str] | None:
        """Lock the folder, which is made where there is none. Return the names of the files in it that are
        ours. None where it is new, or was never completed: then the caller makes its files, and ``complete``
        is next.

        Raises StorageInUse; StorageForeign where it is another's; StorageDamaged where its ``id`` is none or
        missing, and where there is no complete folder and ``may_make`` is not true.
        """
        if self.files.names(self.path) is None:
            if not may_make:
                raise StorageDamaged(f"{self.path} is missing; {REMEDY}")
            self._make(self.path)
        self._lock = Lock(self.files, self.file(LOCK), self.path)
        names = self.files.names(self.path) or []
        ours = [name for name in names if is_ours(name)]
        if ID in names:
            self.token = self._read_id()
            self.files.sync_folder(self.path)  # a crash may have come before that
            return ours
        is_unfinished = MAKING in names
        if not may_make or (ours and not is_unfinished):
            raise StorageDamaged(f"{self.file(ID)} is missing; {REMEDY}")
        self._sync_ways(self.path)
        self.token = self.files.token()
        mark = OpenFile(self.files, self.file(MAKING), is_new=not is_unfinished)
        try:
            mark.write(self._id(), is_end=True)
        finally:
            mark.close()
        for name in ours:  # nobody has heard of anything that is in them
            self.files.remove(self.file(name))
        self.files.sync_folder(self.path)
        return None

    def complete(self) -> None:
        """All files of the folder are made and durable: from now on none of them may be missing."""
        self.files.sync_folder(self.path)
        self.files.rename(self.file(MAKING), self.file(ID))
        self.files.sync_folder(self.path)

    def file(self, name: str) -> str:
        """Return the path of a file in the folder."""
        return f"{self.path}/{name}"

    def close(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _make(self, path: str) -> None:
        """Make a folder, and those that it is in."""
        parent = parent_of(path)
        if parent != path and self.files.names(parent) is None:
            self._make(parent)
        try:
            self.files.make_folder(path)
        except FileExistsError:  # two begin at once
            pass

    def _sync_ways(self, path: str) -> None:
        """Let the names of a folder and of those that it is in be durable, whoever made them, and when."""
        while (parent := parent_of(path)) != path:
            try:
                self.files.sync_folder(parent)
            except PermissionError:
                return  # so it was not made by this user
            path = parent

    def _id(self) -> bytes:
        """Return what is in ``id``. Its first line and its last have this form in every format."""
        text = b"%s%d\n%s\nfor %s\ntoken %s\n" % (
            WORD, FORMAT, self.kind.encode(), self.owner.encode(), self.token.hex().encode()
        )  # fmt: skip
        return text + b"check " + blake2s(text, digest_size=CHECK_HEX // 2).hexdigest().encode() + b"\n"

    def _read_id(self) -> bytes:
        """Return the token of a folder that is complete."""
        path = self.file(ID)
        mark = OpenFile(self.files, path)
        try:
            data = mark.content()
        finally:
            mark.close()
        at = data.rfind(b"check ")
        check = blake2s(data[: max(at, 0)], digest_size=CHECK_HEX // 2).hexdigest().encode()
        if at < 0 or data[at:] != b"check " + check + b"\n" or not data.startswith(WORD):
            raise StorageDamaged(f"{path} is damaged; {REMEDY}")
        version, kind, owner, token = data[len(WORD) : at].decode().split("\n")[:4]
        if version != str(FORMAT):
            raise StorageForeign(
                f"{self.path} is of format {version}, and this version of bayou reads format {FORMAT}: use "
                "the version that wrote it, or a newer one"
            )
        if owner != f"for {self.owner}":
            raise StorageForeign(
                f"{self.path} is {owner}, and not for {self.owner}: name the folder of this node, or a new "
                "one"
            )
        if kind != self.kind:
            raise StorageForeign(f"{self.path} has {kind}, and not {self.kind}: name another folder")
        return bytes.fromhex(token.removeprefix("token "))
