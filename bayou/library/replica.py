"""A replica within a program (Petersen '97): it works offline, and syncs when there is a network."""

from __future__ import annotations

import os
from time import monotonic, time
from weakref import finalize

from bayou.library.engine import Engine
from bayou.library.errors import Error, Unavailable, WrongCluster, WrongSecret, told
from bayou.library.local import Local, replica
from bayou.library.records import SyncReport
from bayou.library.stores import Store
from bayou.library.syncing import TIMEOUT, Sync
from bayou.library.tally import Tally
from bayou.net.address import parse
from bayou.node.life import NEW
from bayou.node.settings import Habits, Keep, Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from os import PathLike

    from bayou.host.filehome import FileHome
    from bayou.host.memoryhome import MemoryHome
    from bayou.host.station import Station
    from bayou.library.access import Access

    Secret = str | PathLike[str] | bytes

MEMORY = ":memory:"
JOIN_S = 30.0
"""How long a new file may take to get its name, and all that there is."""

PERIOD_S = 5.0
RETRY_S = 0.5
MIN_FREE_BYTES = 64 << 20
KEEP = Keep()


def open(
    path: str | PathLike[str],
    *,
    join: str | Iterable[str] | None = None,
    secret: Secret | None = None,
    listen: str | None = None,
    keep_synced: Iterable[str] = (),
    create: bool = True,
) -> Replica:
    """Open the replica that is kept in a file, and return it.

    - ``path``: of the file, which is made where there is none, unless ``create`` is false; one process at a
      time may have it. ``":memory:"`` is a replica that is gone with the program, for tests;
    - ``join``: HOST:PORT of a server (or several) of the cluster that a new file joins, which needs the
      network this once; later it is where ``sync`` goes. A new file without it is the first server of a new
      cluster;
    - ``secret``: of the cluster: the path of its file, or its 32 bytes; ``PATH-secret`` where it is not
      given, which the first server makes;
    - ``listen``: HOST:PORT where others may connect to this replica, which takes a thread;
    - ``keep_synced``: as the method.

    FileNotFoundError where there is no file and ``create`` is false. InUse, StorageDamaged, LostMemory,
    StorageFull, WrongSecret; of a new file with ``join`` Unavailable and WrongCluster.

    >>> import bayou
    >>> with bayou.open(":memory:") as db:
    ...     db["notes"]["monday"] = "milk"
    ...     dict(db["notes"])
    {'monday': 'milk'}
    """
    joins = _addresses(join)
    kept_synced = _addresses(keep_synced)
    place = os.fsdecode(path)
    is_new = place == MEMORY or not (os.path.exists(place) and os.path.getsize(place))
    if is_new and not create:
        raise FileNotFoundError(2, "there is no such file; with create=True it is made", place)
    try:
        station, tally = make_station(place, joins, secret, listen, is_new=is_new)
    except Exception as error:
        told(error)
    engine = Engine(station, tally)
    is_nobody = is_new and station.machine.life.stage == NEW
    try:
        made = Replica(engine, joins)
        become_member(engine, joins)
        if is_new and not joins and place != MEMORY:
            _log(
                "info",
                f"{place} is the first server of a new cluster: what others bring is committed while "
                "this program runs, and at no other time",
            )
        if listen is not None:
            engine.start()
        if kept_synced:
            made.keep_synced(kept_synced)
        return made
    except BaseException:
        is_nobody = is_nobody and station.machine.life.stage == NEW
        engine.close()
        if is_nobody and place != MEMORY:
            _remove(place)
        raise


def _remove(place: str) -> None:
    """Remove a file that was made just now, and is of no replica yet."""
    for each in (f"{place}-wal", f"{place}-shm", place, f"{place}-lock"):
        try:
            os.unlink(each)
        except FileNotFoundError:
            pass


class Replica(Store):
    """A replica of the whole store within this program, kept in a file: see ``bayou.open``.

    Reads and writes go to the file alone. ``put`` returns when it is durable. What was written is tentative
    until the primary of the cluster has committed it, which takes a ``sync`` with a server that has a way to
    it.

    Where this replica itself is the primary (``is_primary``), it commits at once what it accepts, and what
    others bring when a sync ends. Nobody else does while this program does not run: for several devices start
    a ``bayou serve`` first, and join that one.
    """

    __slots__ = ("_engine", "_finalizer", "_joins", "_local")

    def __init__(self, engine: Engine, joins: tuple[str, ...]) -> None:
        """Not for users: ``bayou.open`` makes one."""
        self._engine = engine
        self._joins = joins
        self._local = Local(engine)
        self._finalizer = finalize(self, engine.close)

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
        began = monotonic()
        until = began + timeout_s
        engine = self._engine
        addresses = (_address(address),) if address is not None else engine.look(self._known)
        if not addresses:
            raise Unavailable('no server is known to sync with: name one, as sync("HOST:PORT")')
        tally = engine.tally
        failures: dict[str, str] = {}
        for at in addresses:
            csn, sent, received, bases = engine.look(
                lambda station: (replica(station).csn, tally.sent, tally.received, tally.bases)
            )
            sync = engine.act(lambda station, at=at: Sync(station, at))  # type: ignore[misc]
            try:
                is_over = engine.wait(lambda sync=sync: sync.is_over, until)  # type: ignore[misc]
            finally:
                engine.act(lambda station, sync=sync: sync.end())  # type: ignore[misc]
            if sync.failure is None and (is_over or sync.is_connected):
                return SyncReport(
                    tally.sent - sent,
                    tally.received - received,
                    engine.look(lambda station: replica(station).csn) - csn,
                    tally.bases > bases,
                    monotonic() - began,
                    sync.why_stopped or TIMEOUT,
                )
            failures[at] = sync.failure or f"no answer within {timeout_s:g} s"
        raise unreachable(failures)

    def _known(self, station: Station) -> tuple[str, ...]:
        """Return where to look for a server."""
        own = replica(station).name
        listed = [
            address
            for entry in station.book.entries()
            if entry.name is not own
            for address in entry.addresses
        ]
        return tuple(dict.fromkeys([*self._joins, *listed]))

    def keep_synced(self, addresses: str | Iterable[str] = ()) -> None:
        """Stay connected, from now on until ``close``, with the servers at these addresses (HOST:PORT) and
        with those that they know of, and take part in all that goes on. It takes a thread."""
        found = _addresses(addresses)
        self._engine.act(lambda station: station.dial_others((*self._joins, *found)))
        self._engine.start()

    def position(self) -> str:
        """Return how far this replica has come, as text: its CSN, and its version vector, a server a line.

        >>> import bayou
        >>> with bayou.open(":memory:") as db:
        ...     db.position().split()[:2]
        ['csn', '0']
        """
        return self._engine.look(position)

    def __repr__(self) -> str:
        return f"<the replica in {self._engine.station.home.place}>"


Replica.__module__ = open.__module__ = "bayou"


def position(station: Station) -> str:
    """Return where a replica stands, as ``bayou position`` prints it."""
    vector = replica(station).vector
    lines = [f"{name} {stamp}" for name, stamp in zip(vector.names, vector.stamps, strict=True)]
    return "\n".join([f"csn {replica(station).csn}", *lines])


def make_station(
    place: str, joins: tuple[str, ...], secret: Secret | None, listen: str | None, *, is_new: bool
) -> tuple[Station, Tally]:
    """Return the station of a replica that is not connected with anybody, and what counts for it."""
    from bayou.host.station import Options, Station
    from bayou.net.address import look_up

    secrets = find_secrets(place, secret, may_make=is_new and not joins)
    where = None if listen is None else look_up(*parse(listen, may_choose=True))
    habits = Habits(period_s=PERIOD_S, partners="all")
    settings = Settings(habits=habits, wall_offset_s=time() - monotonic(), keep=KEEP)
    tally = Tally()
    home: FileHome | MemoryHome
    if place == MEMORY:
        from bayou.host.memoryhome import MemoryHome

        home = MemoryHome()
    else:
        from bayou.host.filehome import FileHome

        home = FileHome(place, min_free_bytes=MIN_FREE_BYTES)
    try:
        options = Options(listen=where, joins=joins, dials=False)
        return Station(home, secrets, options, settings, tell=_tell, observer=tally), tally
    except BaseException:
        home.close(is_clean=False)
        raise


def find_secrets(place: str, secret: Secret | None, *, may_make: bool) -> tuple[bytes, ...]:
    """Return the secrets of a cluster, the one to dial with first. SecretError where they can't be had."""
    from bayou.host.secrets import SECRET_BYTES, make_secret, read_secrets

    if isinstance(secret, bytes):
        if len(secret) != SECRET_BYTES:
            raise ValueError(f"a secret of {len(secret)} bytes, where it has {SECRET_BYTES}")
        return (secret,)
    if secret is not None:
        return read_secrets(os.fsdecode(secret))
    if place == MEMORY:
        return (os.urandom(SECRET_BYTES),)
    if may_make:
        make_secret(f"{place}-secret")
    return read_secrets(f"{place}-secret")


def become_member(engine: Engine, joins: tuple[str, ...]) -> None:
    """See to it that a replica has its name, and all that whoever gave it that name has. Unavailable where
    nobody can be reached."""
    until = monotonic() + JOIN_S
    failures: dict[str, str] = {}
    pause_until = 0.0

    def is_member() -> bool:
        return engine.station.machine.is_member

    def is_connected() -> bool:
        return any(peer.is_company for peer in engine.station.peers.values())

    while not engine.wait(is_member, 0.0):
        if not joins:
            joins = engine.look(lambda station: tuple(a for e in station.book.entries() for a in e.addresses))
        if not joins:
            raise Unavailable(
                f"{engine.station.home.place} has not got its name yet: open it with join=HOST:PORT, with a "
                "network"
            )
        for address in joins:
            came: list[int | str] = []
            engine.act(lambda station, to=address, came=came: station.call(to, came.append))  # type: ignore[misc]
            engine.wait(lambda came=came: bool(came) or is_member(), until)  # type: ignore[misc]
            if came and isinstance(came[0], str):
                failures[address] = came[0]
                continue
            engine.wait(lambda: is_member() or not is_connected(), until)
            failures.setdefault(address, "it has not sent all that it has")
        if is_member():
            break
        if monotonic() >= until or all(map(_is_final, failures.values())):
            raise unreachable(failures)
        pause_until = monotonic() + RETRY_S
        engine.wait(is_member, pause_until)
    engine.act(_hang_up)


def _hang_up(station: Station) -> None:
    for peer in list(station.peers):
        station.network.hang_up(peer)


def _is_final(failure: str) -> bool:
    """Whether it is of no use to try again."""
    return not isinstance(unreachable({"": failure}), Unavailable)


def unreachable(failures: dict[str, str]) -> Error:
    """Return what to tell of servers that can't be reached, given why."""
    from bayou.host.acquaintances import OTHER_CLUSTER

    said = "; ".join(f"{address}: {why}" for address, why in failures.items())
    if any(OTHER_CLUSTER in why for why in failures.values()):
        return WrongCluster(f"{said}: this replica can only be synced with servers of its own cluster")
    if any(why.endswith("handshake was over") for why in failures.values()):
        return WrongSecret(
            f"{said}: is the secret the same there? It is in the file that its name ends on -secret"
        )
    return Unavailable(f"{said}: does it run, and is there a network?")


def _address(text: str) -> str:
    if not isinstance(text, str):
        raise TypeError(f"a {type(text).__name__} as an address, where HOST:PORT is due")
    parse(text)
    return text


def _addresses(given: str | Iterable[str] | None) -> tuple[str, ...]:
    """Return addresses; ValueError for what is none."""
    if given is None:
        return ()
    return tuple(map(_address, (given,) if isinstance(given, str) else given))


def _tell(level: str, event: str, fields: dict[str, object]) -> None:
    _log(level, " ".join([event, *(f"{name}={value}" for name, value in fields.items())]))


def _log(level: str, line: str) -> None:
    if level == "debug":
        return
    import logging

    logging.getLogger("bayou").log(logging.getLevelName(level.upper()), line)
