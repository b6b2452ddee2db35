"""``bayou chat serve``: one server of a chat, until a signal ends it."""

from __future__ import annotations

import argparse
import gc
import os
import random
from time import monotonic, time

from bayou._statuses import EXIT_FAILED
from bayou.cluster.config import ConfigError, read_config, read_secret
from bayou.cluster.display import Display
from bayou.cluster.ending import Ending
from bayou.cluster.joining import Hosts, loser
from bayou.core.errors import BayouError
from bayou.families.chat.machines import keeping
from bayou.families.chat.service import Transcript
from bayou.families.log.fields import parse_slots
from bayou.families.log.messages import BeServer
from bayou.families.log.server import LogServer
from bayou.host.keeper import Keeper
from bayou.host.site import Site
from bayou.machine.machine import Surroundings
from bayou.net.address import shown
from bayou.net.complaints import Complaints
from bayou.script.console import complain
from bayou.script.grammar import BadLine
from bayou.storage.logfiles import LogFiles
from bayou.storage.store import StorageDamaged
from bayou.wire.codec import get_ready
from bayou.wire.connection import Introduce

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from bayou.cluster.config import Config

MADE = ".made"
"""Behind the name of a server's folder: a file that says that there was one."""


def serve(arguments: Sequence[str], prog: str = "bayou chat serve") -> int:
    """Serve until a signal comes. Status 128 and the number of the signal; 1 where something fails, what is
    durable above all; 2 for a wrong option or configuration."""
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Be a server of a chat until Ctrl-C or SIGTERM. The log is shown on standard error.",
        epilog="exit status: 130 after Ctrl-C, 143 after SIGTERM, 1 on a failure, 2 on a wrong option or "
        "configuration.",
    )
    parser.add_argument("--config", required=True, metavar="FILE", help="the cluster: see bayou chat config")
    parser.add_argument("--id", required=True, type=int, metavar="N", help="which of its servers to be")
    parser.add_argument(
        "--data", metavar="DIR", help="where its state is kept (default: FILE.d/N); no other server's"
    )
    parser.add_argument(
        "--skip-slots",
        type=_slots,
        default=(),
        metavar="A,B,...",
        help="slots that server 0 leaves empty while it leads for the first time",
    )
    options = parser.parse_args(arguments)
    try:
        config, secret = read_config(options.config), read_secret(options.config)
    except ConfigError as error:
        parser.exit(2, f"{error}\n")
    id: int = options.id
    if not 0 <= id < len(config.servers):
        there = f"0 to {len(config.servers) - 1}" if len(config.servers) > 1 else "only 0"
        parser.error(f"there is no server {id} in {options.config}: there are {there}")
    who = f"server {id}"
    if options.skip_slots and id:
        complain(f"{who}: --skip-slots counts for server 0 alone, and is ignored")
    data: str = options.data or f"{options.config}.d/{id}"
    ending = Ending()
    try:
        return _Serving(config, secret, id, data, options.skip_slots, ending).run()
    except (BayouError, OSError) as error:
        complain(f"{who}: {_words_of(error)}")
        return EXIT_FAILED


def _words_of(error: Exception) -> str:
    if not isinstance(error, OSError):
        return str(error)
    why = error.strerror or str(error)
    return why if error.filename is None else f"{error.filename!s} can't be used: {why}"


def _slots(text: str) -> tuple[int, ...]:
    try:
        return parse_slots(text)
    except BadLine as error:
        raise argparse.ArgumentTypeError(str(error)) from error


class _Serving:
    """One server, from its folder to its end."""

    def __init__(
        self, config: Config, secret: bytes, id: int, data: str, skips: tuple[int, ...], ending: Ending
    ) -> None:
        self._config = config
        self._secret = secret
        self._id = id
        self._data = data
        self._ending = ending
        self._complaints = Complaints(monotonic)
        self._complaints.introduce(f"server {id}")
        self._what = BeServer(
            tuple(range(len(config.servers))),
            config.heartbeat_s,
            config.election_s,
            config.timeout_s,
            config.window,
            config.snapshot_every,
            id == 0,
            skips if id == 0 else (),
        )

    def run(self) -> int:
        """Serve; return the exit status. StorageError, OSError where that can't be done (any more)."""
        config, ending = self._config, self._ending
        keeper = Keeper(self._store(), keeping())
        records = keeper.read()
        _write_mark(self._data + MADE)
        around = Surroundings(random.SystemRandom(), monotonic(), time() - monotonic())
        server = LogServer(self._id, self._what, around, records, Transcript())
        get_ready(Introduce)
        gc.freeze()
        gc.set_threshold(50_000, 20, 20)
        display = Display(server, self._complaints)
        site = Site(
            server,
            self._secret,
            self._complaints,
            servers=self._what.servers,
            witness=display.witness,
            keeper=keeper,
            loses=loser(config, self._id),
            pause_max_s=config.heartbeat_s,
        )
        try:
            hosts = Hosts(config, f"server {self._id}")
            place = hosts.wait_for(self._id, ending)
            if place is not None:
                ending.wake(site.network)
                address = site.network.listen(place)
                hosts.dial(range(self._id), site)
                state = f"slots below {server.log.first}" if server.log.first else "nothing decided"
                display.say(
                    f"listens at {shown(address)}, one of {len(config.servers)}; {self._data} has {state}"
                )
            while ending.number is None:
                site.turn()
            display.say("ends")
        finally:
            site.close()
        return ending.status

    def _store(self) -> LogFiles:
        count, made = len(self._config.servers), self._data + MADE
        owner = f"server {self._id} of {count} of chat {self._config.name}"
        if os.path.exists(made) and not os.path.exists(self._data):
            raise StorageDamaged(
                f"{self._data} is missing, and {made} says that there was one: a server that has forgotten "
                "what it promised must not come back under its old id; restore the folder as it was when the "
                "server last ran"
            )
        return LogFiles(self._data, owner)


def _write_mark(path: str) -> None:
    """Let it be known, for good, that there is a folder: should that be gone one day, it was lost."""
    if os.path.exists(path):
        return
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
    folder = os.open(os.path.dirname(os.path.abspath(path)), os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
