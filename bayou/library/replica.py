"""A replica within a program (Petersen '97): it works offline, and syncs when there is a network."""

from __future__ import annotations

from itertools import islice
from weakref import finalize

from bayou.host.home import put_away
from bayou.library.carrying import export_file, import_file
from bayou.library.engine import Engine
from bayou.library.joining import COPIED, Joining
from bayou.library.local import Local, replica
from bayou.library.opening import (
    MEMORY,
    Wanted,
    becoming_member,
    begin,
    check_alone,
    is_nobody,
    log,
    remove,
    retiring,
)
from bayou.library.reaching import address as address_of
from bayou.library.reaching import addresses as addresses_of
from bayou.library.reaching import check_secret
from bayou.library.stores import Store
from bayou.library.syncing import syncing
from bayou.library.writes import Write
from bayou.wire.exports import position_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from os import PathLike

    from bayou.host.functions import Source
    from bayou.host.station import Station
    from bayou.library.access import Access
    from bayou.library.reaching import Secret
    from bayou.library.records import SyncReport

FIRST = (
    "{} is the first server of a new cluster: what others bring is committed while this program runs, and at "
    "no other time"
)


def open(
    path: str | PathLike[str],
    *,
    join: str | Iterable[str] | None = None,
    secret: Secret | None = None,
    listen: str | None = None,
    keep_synced: Iterable[str] = (),
    create: bool = True,
    functions: Source | None = None,
) -> Replica:
    """Open the replica that is kept in a file, and return it.

    - ``path``: of the file, which is made where there is none, unless ``create`` is false; one process at a
      time may have it. ``":memory:"`` is a replica that is gone with the program, for tests;
    - ``join``: HOST:PORT of a server (or several) of the cluster that a new file joins, which needs the
      network this once; later it is where ``sync`` goes. A new file without it is the first server of a new
      cluster;
    - ``secret``: of the cluster: the path of its file, or its 32 bytes; ``PATH-secret`` where it is not
      given, which the first server makes. Where that is lost, work offline goes on, and nothing else;
    - ``listen``: HOST:PORT where others may connect to this replica, which takes a thread;
    - ``keep_synced``: as the method;
    - ``functions``: those that writes may call (``bayou.merge``): the path of a Python file, a module, or a
      list of them. Writes that call others are not taken, from nobody.

    FileNotFoundError where there is no file and ``create`` is false. InUse, StorageDamaged, LostMemory,
    StorageFull, WrongSecret; of a new file with ``join`` Unavailable and WrongCluster.

    >>> import bayou
    >>> with bayou.open(":memory:") as db:
    ...     db["notes"]["monday"] = "milk"
    ...     dict(db["notes"])
    {'monday': 'milk'}
    """
    wanted = Wanted.of(path, join, secret, listen, keep_synced, create=create, functions=functions)
    return _open(wanted)


def _open(wanted: Wanted) -> Replica:
    station, tally = begin(wanted)
    engine = Engine(station, tally)
    is_new = is_nobody(station)
    try:
        made = Replica(engine, wanted)
        made._start()
        return made
    except BaseException:
        is_new = is_new and is_nobody(station)
        engine.close()
        if is_new and wanted.place != MEMORY:
            remove(wanted.place)
        raise


class Replica(Store):
    """A replica of the whole store within this program, kept in a file: see ``bayou.open``.

    Reads and writes go to the file alone. ``put`` returns when it is durable. What was written is tentative
    until the primary of the cluster has committed it, which takes a ``sync`` with a server that has a way to
    it.

    Where this replica itself is the primary (``is_primary``), it commits at once what it accepts, and what
    others bring when a sync ends. Nobody else does while this program does not run: for several devices start
    a ``bayou serve`` first, and join that one.
    """

    __slots__ = ("_engine", "_finalizer", "_local", "_wanted")

    def __init__(self, engine: Engine, wanted: Wanted) -> None:
        """Not for users: ``bayou.open`` makes one."""
        self._wanted = wanted
        self._use(engine)

    def _use(self, engine: Engine) -> None:
        self._engine = engine
        self._local = Local(engine)
        self._finalizer = finalize(self, engine.close)

    def _start(self) -> None:
        """Become a member, and do what was wanted besides."""
        wanted, engine = self._wanted, self._engine
        engine.run(becoming_member(engine.station, wanted.joins))
        if wanted.is_first:
            log("info", FIRST.format(wanted.place))
        if wanted.listen is not None:
            engine.start()
        if wanted.kept_synced:
            self.keep_synced(wanted.kept_synced)

    @property
    def _access(self) -> Access:
        return self._local

    @property
    def name(self) -> str:
        """What this replica is called within its cluster: ``<>`` is the first one, others are named by the
        stamps of their creation writes."""
        return self._engine.look(lambda station: repr(replica(station).name))

    @property
    def is_primary(self) -> bool:
        """Whether it is this replica's part to commit (Terry '95, "Write stability and commitment")."""
        return self._engine.look(lambda station: replica(station).is_primary)

    def sync(self, address: str | None = None, timeout_s: float = 30) -> SyncReport:
        """Bring this replica and one server level: each gets what the other has, and where one of them is the
        primary, what it has committed of that.

        ``address``: HOST:PORT; without it the first that answers of ``join`` and of the servers that are
        known. It returns when both have what both had when it began, or when ``timeout_s`` seconds are over,
        or the connection has ended: see ``why_stopped``. Unavailable where no server answers, WrongSecret and
        WrongCluster where one does and is not for this replica; the replica is as good as before then.

        >>> import bayou
        >>> with bayou.open(":memory:") as db:
        ...     db.sync()
        Traceback (most recent call last):
        bayou.Unavailable: no server is known to sync with: name one, as sync("HOST:PORT")
        """
        engine, station = self._engine, self._engine.station
        given = None if address is None else address_of(address)
        return engine.run(syncing(station, engine.tally, given, self._wanted.joins, timeout_s))

    def keep_synced(self, addresses: str | Iterable[str] = ()) -> None:
        """Stay connected, from now on until ``close``, with the servers at these addresses (HOST:PORT) and
        with those that they know of, and take part in all that goes on. It takes a thread."""
        found = addresses_of(addresses)
        engine = self._engine
        engine.look(check_secret)
        engine.act(lambda: engine.station.dial_others((*self._wanted.joins, *found)))
        engine.start()

    def join(self, address: str, *, secret: Secret | None = None) -> None:
        """Let this replica, the first server of a cluster that nobody else has joined, become a new server of
        another one: it gets its name and all rows from the server at ``address`` (HOST:PORT), then puts its
        own rows again, as new writes, which the next ``sync`` takes there; general writes that are conflicts
        are tried again there.

        Meanwhile nobody can connect to it, and nothing can be written. ``secret``: that of the other cluster,
        which takes the place of ``PATH-secret``, where it is not the same. Error where others have joined
        this one; Unavailable, WrongSecret: it is as it was then.
        """
        joining, engine = Joining(self._wanted, address, secret), self._engine
        engine.look(check_alone)
        engine.freeze(joining.while_it_goes_on)
        joined: Replica | None = None
        try:
            engine.act(engine.station.seclude)
            engine.look(check_alone)  # until then somebody may have come
            joining.begin()
            joined = _open(joining.beside)
            self._copy_to(joined)
        except BaseException:
            engine.freeze(None)
            if joined is not None:
                joined.close()
            engine.act(engine.station.come_back)
            raise
        self.close()
        self._wanted = joining.after
        if joining.is_kept:
            joined.close()
            joining.take_its_place()
            self._use(Engine(*begin(joining.after)))
            self._start()
        else:
            joined._finalizer.detach()
            self._use(joined._engine)

    def _copy_to(self, other: Replica) -> None:
        """Put all rows again, and make the writes again that are conflicts."""
        for name in self.collections():
            rows = self[name].scan()
            while page := list(islice(rows, COPIED)):
                other[name].update((row.key, row.value) for row in page)
        for conflict in self.conflicts():
            other.write(Write.of(conflict.body))

    def retire(self, address: str) -> None:
        """Leave the cluster for good: the server at ``address`` (HOST:PORT) takes over all that there is and,
        where this replica is the primary, the duty to commit. The replica is closed then, and its file is
        kept as ``PATH.retired``. Unavailable where that can't be done now."""
        engine = self._engine
        engine.run(retiring(engine.station, address_of(address)))
        self.close()
        if self._wanted.place != MEMORY:
            put_away(self._wanted.place)

    def position(self) -> str:
        """Return how far this replica has come, as text: its CSN, and its version vector, a server a line.

        >>> import bayou
        >>> with bayou.open(":memory:") as db:
        ...     db.position().split()[:2]
        ['csn', '0']
        """
        return self._engine.look(position)

    def export_to(self, path: str | PathLike[str], beyond: str | None = None) -> None:
        """Write what another server lacks into a file, for somebody to carry there (Petersen '97,
        "Anti-entropy over transportable media"). ``beyond``: where that server stands, as its ``position``
        says; without it the file holds all. It is there whole or not at all, and for its owner only."""
        engine = self._engine
        export_file(engine.station, engine.carry, self._secrets, path, beyond)

    def import_from(self, path: str | PathLike[str]) -> int:
        """Take in what is in a file that a server of this cluster has exported; return how many writes were
        new. Any files in any order: what is known already is passed over. Gap where something is missing
        before what the file holds, StorageDamaged where it is damaged or nobody of this cluster wrote it,
        WrongCluster; nothing is changed then.

        >>> import bayou, tempfile
        >>> with tempfile.TemporaryDirectory() as folder, bayou.open(":memory:") as db:
        ...     db["notes"]["monday"] = "milk"
        ...     db.export_to(f"{folder}/carried")
        ...     db.import_from(f"{folder}/carried")
        0
        """
        engine = self._engine
        return import_file(engine.station, engine.carry, self._secrets, path)

    @property
    def _secrets(self) -> tuple[bytes, ...]:
        return self._engine.look(lambda station: station.secrets)

    def __repr__(self) -> str:
        return f"<the replica in {self._engine.station.home.place}>"


Replica.__module__ = open.__module__ = "bayou"


def position(station: Station) -> str:
    """Return where a replica stands, as ``bayou position`` prints it."""
    return position_text(replica(station).csn, replica(station).vector)
