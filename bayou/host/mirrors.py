"""Servers that are looked at, or copied, and never run: in a file of their own for as long as that takes."""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager
from tempfile import TemporaryDirectory

from bayou.core.name import ROOT
from bayou.host.filehome import FileHome
from bayou.host.offline import Offline
from bayou.node.records import Activated, Asking, Named
from bayou.storage.replica.care import back_up

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from bayou.core.name import Name
    from bayou.machine.records import Durable


@contextmanager
def copied(path: str, functions: str = "") -> Iterator[Offline]:
    """Give out the server of a file or backup, in a copy beside it which is gone afterwards: also one that
    may not go on, because it has lost its memory. ``functions``: see Offline. Errors as for backing up a
    file, and for opening one."""
    folder = os.path.dirname(os.path.abspath(path))
    with TemporaryDirectory(prefix=f".{os.path.basename(path)}-", dir=folder) as scratch:
        copy = os.path.join(scratch, "copy")
        back_up(path, copy)
        connection = sqlite3.connect(copy)
        try:
            connection.execute("DELETE FROM meta WHERE key = 'backup'")
            connection.commit()
        finally:
            connection.close()
        with Offline(copy, moved=True, functions=functions) as server:
            yield server


@contextmanager
def filled(out: str, cluster: str, name: Name, functions: str = "") -> Iterator[Offline]:
    """Give out a server of this name that knows nothing yet, in a file of its own; what it has in the end
    becomes the backup ``out``, which must not be there. ``functions``: see Offline."""
    folder = os.path.dirname(os.path.abspath(out))
    with TemporaryDirectory(prefix=f".{os.path.basename(out)}-", dir=folder) as scratch:
        path = os.path.join(scratch, "copy")
        home = FileHome(path)
        try:
            home.belong(cluster)
            records: list[Durable] = [Named(name)]
            if name is not ROOT:
                records = [Asking(None, 0, 0), Named(name), Activated()]
            home.keep(records)
        finally:
            home.close(is_clean=True)
        with Offline(path, functions=functions) as server:
            yield server
        back_up(path, out)
