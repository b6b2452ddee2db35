"""Anti-entropy by files that somebody carries (Petersen '97, "Anti-entropy over transportable media"): the
side of the server whose state is written down, or that takes such a file in.

Whoever writes the file stands in for its reader: it assumes where that stands, asks for what lies beyond,
and goes on from where the answer leads. Whoever reads it asks first whether it can be taken in at all.
"""

from __future__ import annotations

from bayou.core.errors import MissingFunction, PeerError
from bayou.core.items import Items
from bayou.core.past import check_position
from bayou.core.vector import START
from bayou.machine.messages import Failed
from bayou.node.messages import (
    GAP,
    ROWS,
    WRITES,
    CanImport,
    End,
    Export,
    Exported,
    Import,
    Importable,
    Imported,
    Stands,
    WhereIs,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.machine.messages import Message
    from bayou.node.context import Context
    from bayou.node.exchange import Exchanges

NO_ITEMS = Items(0, [], [])


class Carrying:
    """Answers those who write files, and those who read them."""

    UNCOMPARED = ("_exchanges", "_server")

    def __init__(self, server: Context, exchanges: Exchanges) -> None:
        self._server = server
        self._exchanges = exchanges

    def answer_to(self, order: Message) -> Message:
        """Carry out an order of this sort, and return the answer."""
        if not self._server.is_member:
            return Failed("it is no member yet")
        try:
            if isinstance(order, Export):
                return self._export(order)
            if isinstance(order, Import):
                return self._import(order)
            if isinstance(order, CanImport):
                return self._can_import(order)
        except (PeerError, MissingFunction) as error:
            return Failed(str(error))
        if isinstance(order, WhereIs):
            csn, vector = self._server.heard.get(order.name, (0, START))
            return Stands(csn, vector)
        raise TypeError(f"{type(order).__name__} is no order about files")

    def _export(self, order: Export) -> Exported:
        replica, limits = self._server.replica, self._exchanges.limits
        check_position(order.base)
        if order.csn < 0:
            raise PeerError(f"an export from CSN {order.csn} on")
        if order.base is not None or order.csn < replica.past.omitted_csn:
            chunk, base = replica.base_chunk(0, order.base, limits.items, limits.characters)
            return Exported(NO_ITEMS, chunk, base)
        items, is_last = self._exchanges.first_part(order.csn, order.vector)
        return Exported(items, end=self._end() if is_last else None)

    def _end(self) -> End:
        """Return the end of a file. There are no votes in it: it may be read when they are long out of date,
        and by a server that has not taken in all that they name."""
        replica = self._server.replica
        boundary = 0 if len(replica.group) == 1 else replica.boundary
        return End(replica.csn, replica.vector, digest=replica.database.digest, boundary=boundary)

    def _can_import(self, order: CanImport) -> Importable:
        """A base is taken where it is newer. Writes are taken where nothing is missing before them: the
        vector has to cover what was assumed of the reader, as a whole: entries alone do not tell who has
        retired."""
        replica = self._server.replica
        if order.base > replica.csn:
            verdict = ROWS
        elif order.csn > replica.csn or not replica.vector.covers(order.vector):
            verdict = GAP
        else:
            verdict = WRITES
        return Importable(verdict, replica.csn, replica.vector)

    def _import(self, order: Import) -> Imported:
        replica = self._server.replica
        if replica.retired:
            raise PeerError("it has retired, and takes nothing over any more")
        installed = False
        if order.chunk is not None and not replica.receive_base(order.chunk):
            raise PeerError("rows of a base have come in from elsewhere meanwhile: import the file again")
        if order.base is not None:
            installed = replica.install(order.base)
        new = replica.apply(order.items) if order.items else 0
        if order.end is not None:
            replica.compare_digest(order.end.csn, order.end.digest)
            replica.learn_boundary(order.end.boundary)
        return Imported(new, installed)
