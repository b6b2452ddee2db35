"""How a replica within a program is opened: its file, its secrets, its station, and how it gets its name.

What has to wait for the network is a generator: it gives out what it waits for and until when, is sent
whether that has come, and runs with the station to itself in between. So the same steps serve threads and
asyncio.
"""

from __future__ import annotations

import os
from time import monotonic, time

from bayou._record import Record
from bayou.library.errors import Error, Unavailable, told
from bayou.library.reaching import addresses as addresses_of
from bayou.library.reaching import check_secret, given_secrets, unreachable
from bayou.library.tally import Tally
from bayou.net.address import parse
from bayou.node.life import NEW
from bayou.node.settings import Habits, Keep, Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from os import PathLike
    from typing import TypeVar

    from bayou.host.filehome import FileHome
    from bayou.host.functions import Known, Source
    from bayou.host.memoryhome import MemoryHome
    from bayou.host.station import Station
    from bayou.library.reaching import Secret

    Made = TypeVar("Made")
    Waiting = Generator[tuple[Callable[[], bool], float | None], bool, Made]

MEMORY = ":memory:"
JOIN_S = 30.0
"""How long a new file may take to get its name, and all that there is."""

REACH_S = 10.0
"""How long to try where nobody has been reached at all."""

RETRY_S = 0.5
PERIOD_S = 5.0
MIN_FREE_BYTES = 64 << 20
KEEP = Keep()


class Wanted(Record):
    """What a program wants opened: where it is, whom to join and to keep synced with, the secret as it was
    given, where to listen, whether there is nothing yet, and the functions that writes may call."""

    place: str
    joins: tuple[str, ...]
    kept_synced: tuple[str, ...]
    secret: Secret | None
    listen: str | None
    is_new: bool
    functions: Known | None

    @staticmethod
    def of(
        path: str | PathLike[str],
        join: str | Iterable[str] | None,
        secret: Secret | None,
        listen: str | None,
        keep_synced: str | Iterable[str],
        *,
        create: bool,
        functions: Source | None = None,
    ) -> Wanted:
        """Return what the arguments of ``open`` say. ValueError, TypeError for what can't be;
        FileNotFoundError; Error for functions that can't be had."""
        place = os.fsdecode(path)
        is_new = place == MEMORY or not (os.path.exists(place) and os.path.getsize(place))
        if is_new and not create:
            raise FileNotFoundError(2, "there is no such file; with create=True it is made", place)
        if listen is not None:
            parse(listen, may_choose=True)
        joins, kept = addresses_of(join), addresses_of(keep_synced)
        return Wanted(place, joins, kept, secret, listen, is_new, _known(functions))

    @property
    def is_first(self) -> bool:
        """Whether it will be the first server of a new cluster, in a file."""
        return self.is_new and not self.joins and self.place != MEMORY


def _known(source: Source | None) -> Known | None:
    """Return the functions that are had from somewhere. Error where there are none to be had."""
    if source is None:
        return None
    from bayou.host.functions import FunctionsError, found  # most programs need none

    try:
        return found(source)
    except FunctionsError as error:
        told(error)


def begin(wanted: Wanted) -> tuple[Station, Tally]:
    """Return the station of a replica that is not connected with anybody, and what counts for it; errors as
    programs are told."""
    try:
        return _begin(wanted)
    except Exception as error:
        told(error)


def _begin(wanted: Wanted) -> tuple[Station, Tally]:
    from bayou.host.secrets import SECRET_BYTES
    from bayou.host.station import Options, Station
    from bayou.net.address import look_up

    secrets = _find_secrets(wanted)
    where = None if wanted.listen is None else look_up(*parse(wanted.listen, may_choose=True))
    habits = Habits(period_s=PERIOD_S, partners="all")
    settings = Settings(habits=habits, wall_offset_s=time() - monotonic(), keep=KEEP)
    tally = Tally()
    home: FileHome | MemoryHome
    if wanted.place == MEMORY:
        from bayou.host.memoryhome import MemoryHome

        home = MemoryHome()
    else:
        from bayou.host.filehome import FileHome

        home = FileHome(wanted.place, min_free_bytes=MIN_FREE_BYTES)
    try:
        options = Options(listen=where, joins=wanted.joins, dials=False)
        network_secrets = secrets or (os.urandom(SECRET_BYTES),)
        functions = None
        if wanted.functions:
            from bayou.host.functions import functions_of

            functions = functions_of(wanted.functions, ends_process=False)
        station = Station(
            home, network_secrets, options, settings, tell=_tell, observer=tally, functions=functions
        )
        station.secrets = secrets
        return station, tally
    except BaseException:
        home.close(is_clean=False)
        raise


def _find_secrets(wanted: Wanted) -> tuple[bytes, ...]:
    """Return the secrets of a cluster, the one to dial with first. None where the secret is lost of a replica
    that is there: it goes on offline (see ``check_secret``). SecretError where they can't be had."""
    from bayou.host.secrets import SECRET_BYTES, make_secret

    if wanted.secret is not None:
        return given_secrets(wanted.secret)
    if wanted.place == MEMORY:
        return (os.urandom(SECRET_BYTES),)
    if wanted.is_first:
        make_secret(f"{wanted.place}-secret")
    path = f"{wanted.place}-secret"
    is_offline = not wanted.is_new and wanted.listen is None and not wanted.kept_synced
    return () if is_offline and not os.path.lexists(path) else given_secrets(path)


def becoming_member(station: Station, joins: tuple[str, ...]) -> Waiting[None]:
    """See to it that a replica has its name, and all that whoever gave it that name has. Unavailable where
    nobody can be reached."""
    until, reach_until = monotonic() + JOIN_S, monotonic() + REACH_S
    failures: dict[str, str] = {}
    before: dict[str, str] = {}

    def is_member() -> bool:
        return station.machine.is_member

    yield is_member, 0.0
    if not is_member():
        check_secret(station)
        joins = joins or tuple(address for each in station.book.entries() for address in each.addresses)
    while not is_member():
        if not joins:
            raise Unavailable(
                f"{station.place} has not got its name yet: open it with join=HOST:PORT, with a network"
            )
        for address in joins:
            came: list[int | str] = []
            station.call(address, came.append)
            yield (lambda came=came: bool(came) or is_member()), until  # type: ignore[misc]
            if not came or isinstance(came[0], str):
                failures[address] = str(came[0]) if came else before.get(address, "no answer in time")
                continue
            yield (lambda: is_member() or not _gets_on(station)), until
            for _, missing in station.machine.lacking:
                raise Error(f"{station.place} can't take over what the server at {address} has: {missing}")
            reach_until = until
            failures.setdefault(address, "it has not sent all that it has")
        if not is_member():
            # Twice: a server that is killed in the middle of the handshake looks like another secret.
            if monotonic() >= min(until, reach_until) or (
                failures == before and all(map(_is_final, failures.values()))
            ):
                raise unreachable(failures)
            before, failures = failures, {}
            yield is_member, monotonic() + RETRY_S
    for peer in list(station.peers):
        station.network.hang_up(peer)


def _gets_on(station: Station) -> bool:
    """Whether there is somebody connected of whom more may come."""
    return any(peer.is_company for peer in station.known) and not station.machine.lacking


def _is_final(failure: str) -> bool:
    """Whether it is of no use to try again."""
    return not isinstance(unreachable({"": failure}), Unavailable)


def is_nobody(station: Station) -> bool:
    """Whether it is no server yet, and nobody has heard of it."""
    return station.machine.life.stage == NEW


def remove(place: str) -> None:
    """Remove a file that was made just now, and is of no replica yet."""
    for each in (f"{place}-wal", f"{place}-shm", place, f"{place}-lock"):
        try:
            os.unlink(each)
        except FileNotFoundError:
            pass


def retiring(station: Station, address: str) -> Waiting[None]:
    """Hand all over to the server at an address, and leave for good. Unavailable where that can't be done
    now."""
    from bayou.machine.messages import Failed
    from bayou.node.messages import Retire

    check_secret(station)
    until = monotonic() + JOIN_S
    came: list[int | str] = []
    answers: list[object] = []
    station.call(address, came.append)
    yield (lambda: bool(came)), until
    if not came or isinstance(came[0], str):
        raise unreachable({address: str(came[0])} if came else {}, within_s=JOIN_S)
    station.order(Retire(), answers.append)
    yield (lambda: bool(answers) or station.has_retired), until
    if not station.has_retired:
        failed = answers[0] if answers else None
        why = failed.why if isinstance(failed, Failed) else "it has not taken all over yet"
        raise Unavailable(f"{address}: {why}: retire again, and it goes on")


def check_alone(station: Station) -> None:
    """Raise Error unless no other server has ever joined this one's cluster."""
    replica = station.machine.replica
    if len(replica.vector.names) != 1 or not replica.is_primary:
        raise Error(
            f"{station.place} belongs to a cluster that other servers have joined: put its rows into a new "
            "file that joins, or let it retire"
        )


def _tell(level: str, event: str, fields: dict[str, object]) -> None:
    log(level, " ".join([event, *(f"{name}={value}" for name, value in fields.items())]))


def log(level: str, line: str) -> None:
    if level == "debug":
        return
    import logging

    logging.getLogger("bayou").log(logging.getLevelName(level.upper()), line)


def keep_secret(path: str, secret: Secret) -> None:
    """Let a file hold another secret, as a whole or not at all. SecretError where there is none."""
    lines = b"".join(each.hex().encode() + b"\n" for each in given_secrets(secret))
    making = f"{path}-making"
    fd = os.open(making, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, lines)
        os.fsync(fd)
    finally:
        os.close(fd)
    os.replace(making, path)
