"""What a server that lasts keeps through its life, as the loop that runs it sees that."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Protocol

    from bayou.core.functions import Functions
    from bayou.core.name import Name
    from bayou.host.messages import Entry
    from bayou.machine.records import Durable
    from bayou.node.server import Server
    from bayou.node.settings import Settings

    class Home(Protocol):
        """Where a server that lasts is kept: it has been opened, and this start has been counted.

        - ``place``: where that is, for people;
        - ``cluster``: which cluster it belongs to, "" where that is not known yet; ``link``: its id;
          ``starts``: how often it was started; ``was_clean``: whether it was ended in good order before;
        - ``entries``: where servers are found, as far as was kept.
        """

        @property
        def place(self) -> str: ...
        @property
        def cluster(self) -> str: ...
        @property
        def link(self) -> int: ...
        @property
        def starts(self) -> int: ...
        @property
        def was_clean(self) -> bool: ...
        @property
        def entries(self) -> Sequence[Entry]: ...

        def server(self, settings: Settings, now: float, functions: Functions | None = None) -> Server:
            """Return the machine as it was, or a new one where it never was anything; ``functions``: those
            that general writes may call there, MissingFunction where one of its log calls another. To be
            called once."""

        def belong(self, cluster: str) -> None:
            """Let it belong to this cluster, durable with what is kept next."""

        def keep(self, records: list[Durable]) -> None:
            """Make records durable, in one go. StorageError where that can't be done; nothing more can
            then."""

        def keep_entries(self, entries: Iterable[Entry], gone: Iterable[Name] = ()) -> None:
            """Keep where servers are found, in the place of what was kept of the same, and forget those that
            are gone; durable at once."""

        def has_room(self) -> bool:
            """Whether there is room for more."""

        def sizes(self) -> dict[str, int]:
            """Return how much there is: bytes of files, and counts of what is in them, by what it is
            called."""

        def disown(self) -> None:
            """In the child of a fork: let go of what keeps others from it, which is the parent's."""

        def close(self, *, is_clean: bool) -> None:
            """Let go of it; ``is_clean``: this server ends in good order."""


def put_away(path: str) -> str:
    """Let the file of a server that has retired be called so, and keep it; return its new name. OSError where
    that can't be done."""
    kept, number = f"{path}.retired", 1
    while os.path.lexists(kept):
        number += 1
        kept = f"{path}.retired-{number}"
    os.rename(path, kept)
    return kept
