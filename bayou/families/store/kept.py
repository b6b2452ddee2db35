"""Servers of a scenario that are kept in files, as those are that last (bayou.storage.replica)."""

from __future__ import annotations

import os

from bayou.host.filehome import FileHome
from bayou.host.home import put_away

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.core.functions import Functions
    from bayou.machine.machine import Surroundings
    from bayou.machine.records import Durable
    from bayou.node.settings import Settings


class Kept:
    """A server in a file, which is made where there is none. ``machine``: as it was there."""

    def __init__(
        self,
        address: int,
        path: str,
        settings: Settings,
        around: Surroundings,
        *,
        paused: bool,
        functions: Functions | None,
    ) -> None:
        """See ReplicaFile for errors."""
        os.makedirs(os.path.dirname(path), exist_ok=True)
        self._path = path
        self._home = FileHome(path)
        self.machine = self._home.server(
            settings, around.now, functions, id=address, rng=around.rng, paused=paused
        )

    def keep(self, records: list[Durable]) -> None:
        """Make records durable, in one go. StorageError where that can't be done."""
        self._home.keep(records)

    def close(self, *, has_left: bool) -> None:
        """Let go of the file; that of a server that has left for good gets another name."""
        self._home.close(is_clean=True)
        if has_left:
            put_away(self._path)
