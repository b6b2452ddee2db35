"""What a replica that was alone, and becomes a server of another cluster, is opened as meanwhile and then."""

from __future__ import annotations

import os

from bayou.library.opening import MEMORY, Wanted, keep_secret, remove
from bayou.library.reaching import address as address_of
from bayou.storage.files import SystemFiles
from bayou.storage.replica.lock import FileLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.library.reaching import Secret

COPIED = 1000
"""How many rows are put again in one transaction."""


class Joining:
    """How one replica goes over to another cluster.

    - ``beside``: the newcomer, in a file of its own, that all rows are put into again;
    - ``after``: what is open when that file has taken the place of the old one.
    """

    def __init__(self, wanted: Wanted, address: str, secret: Secret | None) -> None:
        """ValueError, TypeError for an address that can't be one."""
        joins = (address_of(address),)
        given = wanted.secret or f"{wanted.place}-secret" if secret is None else secret
        self.is_kept = wanted.place != MEMORY
        place = f"{wanted.place}-joining" if self.is_kept else MEMORY
        functions = wanted.functions
        self.beside = Wanted(place, joins, (), given, None, True, functions)
        self.after = Wanted(wanted.place, joins, wanted.kept_synced, given, wanted.listen, False, functions)
        self.while_it_goes_on = f"{wanted.place} is joining another cluster: write when that is over"
        self._new_secret = secret if wanted.secret is None else None

    def begin(self) -> None:
        """Let nothing be left of a newcomer that was broken off: it may be of another cluster, or have rows
        that are gone since."""
        if self.is_kept:
            FileLock(SystemFiles(), self.beside.place).close()  # InUse where another process is at it
            remove(self.beside.place)

    def take_its_place(self) -> None:
        """Let the newcomer's file stand where the old one was; both are closed."""
        if self._new_secret is not None:
            keep_secret(f"{self.after.place}-secret", self._new_secret)
        os.replace(self.beside.place, self.after.place)
        remove(self.beside.place)
