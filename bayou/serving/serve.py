"""``bayou serve``: a server that lasts, from its file to a signal."""

from __future__ import annotations

import gc
import os
import sys
from time import monotonic, time

from bayou._lean import signal
from bayou._statuses import EXIT_FAILED, EXIT_FAULT, EXIT_LACKING
from bayou.core.errors import BayouError, FunctionFault, MissingFunction
from bayou.core.name import commits
from bayou.host.acquaintances import short
from bayou.host.filehome import FileHome
from bayou.host.home import put_away
from bayou.host.secrets import make_secret, read_secrets
from bayou.host.station import Options, Station
from bayou.net.address import is_loopback, is_wildcard, look_up, shown
from bayou.node.settings import Habits, Keep, Settings
from bayou.serving.http import Pages
from bayou.serving.log import Log
from bayou.serving.metrics import Metrics
from bayou.serving.notify import READY, STOPPING, notify
from bayou.serving.options import parser
from bayou.storage.store import StorageError
from bayou.wire.codec import get_ready
from bayou.wire.connection import Introduce

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from bayou.core.functions import Functions
    from bayou.net.address import Address
    from bayou.net.tls import Tls


def serve(arguments: Sequence[str], prog: str = "bayou serve") -> int:
    """Serve until a signal comes; return the exit status: see bayou.serving.options."""
    made = parser(prog)
    options = made.parse_args(arguments)
    tls_files = (options.tls_cert, options.tls_key, options.tls_ca)
    if any(tls_files) and not all(tls_files):
        made.error("--tls-cert, --tls-key and --tls-ca belong together")
    log = Log(options.log_level, as_json=options.log_format == "json")
    try:
        return _Serving(options, log).run()
    except (BayouError, OSError) as error:
        status, why = _verdict(error)
        log.tell("error", "ends", {"status": status, "why": why})
        return status
    finally:
        _end_in_peace()


def _end_in_peace() -> None:
    """It is over: a signal that asks for that now, while Python clears up, changes no exit status."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _verdict(error: Exception) -> tuple[int, str]:
    """Return the exit status for an error, and what to say of it."""
    if isinstance(error, StorageError):
        return error.exit_status, str(error)
    if isinstance(error, FunctionFault | MissingFunction):
        return EXIT_FAULT if isinstance(error, FunctionFault) else EXIT_LACKING, str(error)
    if not isinstance(error, OSError):
        return EXIT_FAILED, str(error)
    why = error.strerror or str(error)
    return EXIT_FAILED, why if error.filename is None else f"{error.filename!s} can't be used: {why}"


def _functions(path: str) -> Functions | None:
    """Return the functions of a file, None without one."""
    if not path:
        return None
    from bayou.host.functions import functions_of, load  # seldom needed, and start-up time counts

    return functions_of(load(path))


class Signals:
    """``count``: how many signals to end have come. The second one ends the process at once."""

    def __init__(self) -> None:
        self.count = 0
        self.heard, self._rung = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self._rung)
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) != signal.SIG_IGN:  # as it is where whoever started it wants that
                signal.signal(number, self._end)

    def hear(self) -> None:
        """Take what has come off the pipe."""
        os.read(self.heard, 64)

    def _end(self, number: int, _: object) -> None:
        self.count += 1
        signal.signal(number, signal.SIG_DFL)


class _Serving:
    """One server, from its file to its end."""

    def __init__(self, options: argparse.Namespace, log: Log) -> None:
        self._options = options
        self._log = log
        self._is_told = False

    def run(self) -> int:
        """Serve; return the exit status. BayouError, OSError where that can't be done (any more)."""
        options = self._options
        signals = Signals()
        secrets = self._secrets()
        tls = self._tls()
        host, port = options.listen
        listen = look_up(host, port)
        if not is_loopback(listen[0]) and tls is None:
            self._log.tell(
                "warning",
                "not encrypted",
                {"listen": shown(listen), "remedy": "--tls-cert, --tls-key and --tls-ca"},
            )
        if is_wildcard(listen[0]) and not options.advertise:
            self._log.tell(
                "warning",
                "no address",
                {"listen": shown(listen), "remedy": "--advertise HOST:PORT, for others to dial"},
            )
        metrics = None if options.metrics is None else Metrics()
        station = self._station(secrets, tls, listen, metrics)
        is_clean = False
        pages: Pages | None = None
        try:
            if metrics is not None:
                pages = self._open_pages(station, metrics)
            get_ready(Introduce)
            gc.freeze()
            gc.set_threshold(50_000, 20, 20)
            station.network.watch(signals.heard, signals.hear)
            while not station.has_ended:
                station.turn(None if pages is None else pages.due)
                if pages is not None:
                    pages.pass_time()
                if not self._is_told and station.is_serving:
                    self._tell_serving(station)
                if signals.count and not station.is_stopping:
                    self._log.tell("info", "stops", {})
                    notify(STOPPING)
                    station.stop()
            is_clean = True
        finally:
            if pages is not None:
                pages.close()
            station.close(is_clean=is_clean)
        if station.has_retired:
            kept = put_away(options.data)
            self._log.tell("info", "retired", {"file": kept})
        self._log.tell("info", "ends", {"status": 0})
        return 0

    def _open_pages(self, station: Station, metrics: Metrics) -> Pages:
        place = look_up(*self._options.metrics)
        pages = Pages(station.network, place, lambda path: metrics.respond(station, path))
        self._log.tell("info", "metrics", {"listen": shown(pages.address)})
        return pages

    def _secrets(self) -> tuple[bytes, ...]:
        options = self._options
        path = options.secret_file or f"{options.data}-secret"
        is_first = not options.join and not (os.path.exists(options.data) and os.path.getsize(options.data))
        if is_first and options.secret_file is None and not os.path.lexists(path):
            make_secret(path)
            self._log.tell(
                "info", "secret made", {"file": path, "remedy": "other machines need a copy of it"}
            )
        return read_secrets(path)

    def _tls(self) -> Tls | None:
        options = self._options
        if options.tls_cert is None:
            return None
        from bayou.net.tls import Tls  # milliseconds, and not always needed

        return Tls(options.tls_cert, options.tls_key, options.tls_ca)

    def _station(
        self, secrets: tuple[bytes, ...], tls: Tls | None, listen: Address, metrics: Metrics | None
    ) -> Station:
        options = self._options
        habits = Habits(period_s=options.period, jitter=options.jitter, partners=options.partners)
        keep = Keep(writes=options.keep_writes, age_s=options.keep_s, marks=options.keep_marks)
        settings = Settings(habits=habits, wall_offset_s=time() - monotonic(), keep=keep)
        functions = _functions(options.functions)
        home = FileHome(options.data, moved=options.moved, min_free_bytes=options.min_free)
        try:
            return Station(
                home,
                secrets,
                Options(listen=listen, advertise=tuple(options.advertise), joins=tuple(options.join)),
                settings,
                tls=tls,
                tell=self._log.tell,
                observer=metrics,
                functions=functions,
            )
        except BaseException:
            home.close(is_clean=False)
            raise

    def _tell_serving(self, station: Station) -> None:
        self._is_told = True
        replica = station.machine.replica
        where = "nowhere" if station.address is None else shown(station.address)
        line = (
            f"serving {where} name={replica.name} cluster={short(station.me.cluster)} csn={replica.csn} "
            f"tentative={len(replica.log.tentative)} primary={commits(replica.group)}\n"
        )
        try:
            sys.stdout.write(line)
            sys.stdout.flush()
        except OSError:
            pass  # nobody reads it
        notify(READY)
