"""The content of an exchange: a piece of a log, as a replica tells it to another one, or to its own disk."""

from __future__ import annotations

from bayou._record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.core.write import Write


class Items(Record):
    """A piece of a log in log order (Petersen '97, "Basic anti-entropy"): committed writes, then
    tentative ones.

    - ``csn``: the commit sequence number before the first of ``committed``;
    - ``committed``: consecutive in CSN order, a notice in place of a write that the reader has;
    - ``tentative``: in accept order.
    """

    csn: int
    committed: list[Write]
    tentative: list[Write]

    @property
    def key(self) -> None:
        """As a record that was made durable, it never takes the place of another one."""
        return None

    def __len__(self) -> int:
        return len(self.committed) + len(self.tentative)

    def slice(self, start: int, stop: int) -> Items:
        """Return the items numbered ``start`` to ``stop`` (excluded), counted from 0."""
        split = len(self.committed)
        return Items(
            self.csn + min(start, split),
            self.committed[start:stop],
            self.tentative[max(0, start - split) : max(0, stop - split)],
        )
