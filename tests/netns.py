"""Hosts with a network of their own (Linux): network namespaces on one switch, with rules of nftables that
lose packets at random and cut links in one direction, and links that can be taken down.

They are reached by nothing outside: the switch is in a namespace too, so any number of such networks can be
side by side with the same addresses. It takes root; ``why_not`` says what is missing.
"""

from __future__ import annotations

import ctypes
import itertools
import json
import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Made = TypeVar("Made")

PORT = 7474
FOLDER = Path("/run/netns")
CLONE_NEWNET = 0x40000000
COMMAND_S = 20.0
_numbers = itertools.count()
_SWEPT = re.compile(r"bayou-(\d+)-\d+-\w+")


class CommandFailed(Exception):
    """A command that makes or changes a network has failed; says which, and what it said."""


def run(*command: str, given: str = "") -> str:
    """Run a command, and return what it printed; CommandFailed where it fails."""
    try:
        done = subprocess.run(
            command, input=given, capture_output=True, text=True, timeout=COMMAND_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CommandFailed(f"{' '.join(command)}: {error}") from error
    if done.returncode:
        raise CommandFailed(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def why_not(family: int = 4) -> str | None:
    """Return why no such networks can be made here, None where they can: one is tried."""
    missing = [name for name in ("ip", "nft") if shutil.which(name) is None]
    if missing:
        return f"{' and '.join(missing)} not found: Debian's packages iproute2 and nftables have them"
    if os.geteuid() != 0:
        return "network namespaces are made by root only"
    try:
        with Net(1, family) as net:
            net.weather(1)
    except CommandFailed as error:
        return f"network namespaces are not allowed here: {error}"
    return None


class Host:
    """A namespace: ``outer`` is its address on the network, ``inner`` one that only it knows itself."""

    def __init__(self, name: str, number: int, family: int) -> None:
        self.name = name
        self.number = number
        self.family = family
        at = number + 1
        self.outer, self.inner = (
            (f"10.77.0.{at}", f"10.77.1.{at}") if family == 4 else (f"fd77::{at:x}", f"fd77:1::{at:x}")
        )
        self._thread: ThreadPoolExecutor | None = None

    @property
    def within(self) -> list[str]:
        """What to put before a command that is to run there."""
        return ["ip", "netns", "exec", self.name]

    def address(self, host: str, port: int = PORT) -> str:
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def enter(self) -> None:
        """Let the calling thread, which never comes back, make its sockets there."""
        libc = ctypes.CDLL(None, use_errno=True)
        with (FOLDER / self.name).open() as file:
            if libc.setns(file.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), f"setns to {self.name}")

    def do(self, what: Callable[[], Made]) -> Made:
        """Return what ``what`` returns, called there."""
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, initializer=self.enter)
        return self._thread.submit(what).result()

    def close(self) -> None:
        if self._thread is not None:
            self._thread.shutdown()


class Net:
    """Hosts on one switch; all is gone when it is left. ``loss_percent`` holds until it is changed."""

    def __init__(self, count: int, family: int = 4) -> None:
        _sweep()
        prefix = f"bayou-{os.getpid()}-{next(_numbers)}"
        self.switch = f"{prefix}-switch"
        self.family = family
        self.loss_percent = 0
        self.hosts = [Host(f"{prefix}-{number}", number, family) for number in range(count)]
        self._down: dict[int, str] = {}
        try:
            self._make()
        except BaseException:
            self.close()
            raise

    def _make(self) -> None:
        run("ip", "netns", "add", self.switch)
        self._ip(self.switch, "link", "add", "switch", "type", "bridge")
        self._ip(self.switch, "link", "set", "switch", "up")
        for host in self.hosts:
            port = f"port{host.number}"
            run("ip", "netns", "add", host.name)
            link = ("link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", host.name)
            self._ip(self.switch, *link)
            self._ip(self.switch, "link", "set", port, "master", "switch", "up")
            if self.family == 6:
                keep = "net.ipv6.conf.eth0.keep_addr_on_down=1"
                run(*host.within, "sysctl", "-q", "-w", keep)
            whole, net, more = (32, 24, ()) if self.family == 4 else (128, 64, ("nodad",))
            self._ip(host.name, "addr", "add", f"{host.inner}/{whole}", "dev", "lo", *more)
            self._ip(host.name, "addr", "add", f"{host.outer}/{net}", "dev", "eth0", *more)
            self._ip(host.name, "link", "set", "lo", "up")
            self._ip(host.name, "link", "set", "eth0", "up")
            rules = "counter lost {}\ncounter cut {}\nchain arrives { type filter hook input priority 0; }"
            run(*host.within, "nft", "-f", "-", given=f"table inet wire {{\n{rules}\n}}\n")

    def __enter__(self) -> Net:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove all namespaces; whoever still runs in one keeps it, out of sight, as long as it lives."""
        for host in self.hosts:
            host.close()
        for name in (*(host.name for host in self.hosts), self.switch):
            if (FOLDER / name).exists():
                run("ip", "netns", "del", name)

    def weather(
        self, loss_percent: int, cuts: Iterable[tuple[int, int]] = (), down: Iterable[tuple[int, str]] = ()
    ) -> None:
        """From now on every packet is lost at random with that likelihood, nothing goes from the first to
        the second host of ``cuts``, and the links ``down`` are down: "eth0" at the host, "port" at the
        switch. All else is as it should be."""
        cuts, wanted = set(cuts), dict(down)
        self.loss_percent = loss_percent
        for host in self.hosts:
            sources = sorted(self.hosts[from_].outer for from_, to in cuts if to == host.number)
            rules = ["flush chain inet wire arrives"]
            if sources:
                saddr = f"ip{'' if self.family == 4 else '6'} saddr {{ {', '.join(sources)} }}"
                rules.append(f'add rule inet wire arrives iifname "eth0" {saddr} counter name cut drop')
            if loss_percent:
                lost = f"numgen random mod 100 < {loss_percent} counter name lost drop"
                rules.append(f'add rule inet wire arrives iifname "eth0" {lost}')
            run(*host.within, "nft", "-f", "-", given="\n".join(rules) + "\n")
        for host in self.hosts:
            before, after = self._down.get(host.number), wanted.get(host.number)
            for which, state in ((before, "up"), (after, "down")):
                if which is not None and before != after:
                    at = (host.name, "eth0") if which == "eth0" else (self.switch, f"port{host.number}")
                    self._ip(at[0], "link", "set", at[1], state)
        self._down = wanted

    def counted(self) -> tuple[int, int]:
        """Return how many packets were lost at random so far, and how many at cuts."""
        counts = dict.fromkeys(("lost", "cut"), 0)
        for host in self.hosts:
            listed = json.loads(run(*host.within, "nft", "-j", "list", "counters"))
            for each in listed["nftables"]:
                if "counter" in each:
                    counts[each["counter"]["name"]] += each["counter"]["packets"]
        return counts["lost"], counts["cut"]

    def _ip(self, where: str, *what: str) -> None:
        run("ip", "-n", where, *what)


def _sweep() -> None:
    """Remove what is left of networks whose process was killed."""
    for path in FOLDER.glob("bayou-*") if FOLDER.is_dir() else ():
        found = _SWEPT.fullmatch(path.name)
        if found is not None and not Path(f"/proc/{found[1]}").exists():
            run("ip", "netns", "del", path.name)
