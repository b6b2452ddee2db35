"""Machines as a page for those who run servers has them: what is typed there is carried out here, each
machine in a folder of its own. Commands are real; only what needs the machine itself (systemctl, journalctl,
scp, useradd, chown) is done by hand, with the units that stand on the page."""

from __future__ import annotations

import os
import re
import select
import shlex
import shutil
import signal
import socket
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from tests.clusters import free_ports

PATIENCE_S = 90.0
DOMAIN = "example.org"
SHARED = ("/opt/",)
"""What is installed once, for all machines."""

OWN = ("/var/", "/etc/", "/srv/")


@dataclass
class Unit:
    """A service as its file has it."""

    settings: dict[str, str]

    @staticmethod
    def parse(text: str) -> Unit:
        lines = (line.partition("=") for line in text.splitlines() if re.match(r"\w+=", line))
        return Unit({name: value for name, _, value in lines})


@dataclass
class Service:
    """What runs of a unit."""

    process: subprocess.Popen[bytes]
    notices: socket.socket
    notice_path: Path


@dataclass
class Machine:
    """One machine: its folders, its ports, and what runs there."""

    name: str
    root: Path
    network: Network
    port: int
    metrics_port: int
    folder: Path = field(init=False)
    aliases: dict[str, str] = field(default_factory=dict)
    services: dict[str, Service] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    enabled: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for each in ("var/lib", "var/backups", "etc/default", "etc/systemd/system", "srv", "root", "tmp"):
            (self.root / each).mkdir(parents=True)
        self.folder = self.root / "root"

    # What is written on the page, and what it is here.

    def here(self, text: str) -> str:
        """Return a command with the places of this machine."""
        for each in SHARED:
            text = re.sub(rf"(?<![\w/.]){each}", f"{self.network.root}{each}", text)
        for each in OWN:
            text = re.sub(rf"(?<![\w/.:]){each}", f"{self.root}{each}", text)
        text = re.sub(r"(?<![\w/.:])/tmp(?![\w/])", f"{self.root}/tmp", text)
        for other in self.network.machines.values():
            text = text.replace(f"{other.name}.{DOMAIN}:7474", f"127.0.0.1:{other.port}")
        text = re.sub(r"(?:127\.0\.0\.1|\[::\]):7474\b", f"127.0.0.1:{self.port}", text)
        return re.sub(r"127\.0\.0\.1:9474\b", f"127.0.0.1:{self.metrics_port}", text)

    def shown(self, text: str) -> str:
        """Return what was printed here as it would be printed there."""
        text = text.replace(f"serving 127.0.0.1:{self.port} ", "serving [::]:7474 ")
        text = text.replace(f"127.0.0.1:{self.port}", "127.0.0.1:7474").replace(str(self.root), "")
        return text.replace(str(self.network.root), "")

    # Commands.

    def type(self, line: str) -> tuple[int, str, str]:
        """Carry out a command line; return its status, what it prints, and what it complains of."""
        printed = ""
        for alternative in line.split(" || "):
            status, said, complained = self._carry_out(alternative)
            printed += said
            if status == 0:
                break
        return status, self.shown(printed), complained

    def _carry_out(self, line: str) -> tuple[int, str, str]:
        for name, meaning in self.aliases.items():
            line = re.sub(rf"^{name} ", f"{meaning} ", line)
        line = line.removeprefix("sudo -u bayou ")
        first, words = line.split(" ", 1)[0], line
        if first in {"cd", "alias", "systemctl", "journalctl", "scp", "useradd", "chown"}:
            split = shlex.split(words)[1:]
            return getattr(self, f"_{first}")(split)  # type: ignore[no-any-return]
        done = subprocess.run(
            ["sh", "-c", self.here(line)],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
            env=self.network.environment | {"HOME": str(self.root / "root")},
        )
        return done.returncode, done.stdout, done.stderr

    def _cd(self, words: list[str]) -> tuple[int, str, str]:
        (to,) = words
        self.folder = Path(self.here(to))
        assert self.folder.is_dir(), to
        return 0, "", ""

    def _alias(self, words: list[str]) -> tuple[int, str, str]:
        (given,) = words
        name, _, meaning = given.partition("=")
        self.aliases[name] = meaning
        return 0, "", ""

    def _useradd(self, words: list[str]) -> tuple[int, str, str]:
        assert words[-1] == "bayou"
        assert "--create-home" in words
        Path(self.here(words[words.index("--home-dir") + 1])).mkdir()
        return 0, "", ""

    def _chown(self, words: list[str]) -> tuple[int, str, str]:
        assert words[0] == "bayou"
        missing = [each for each in words[1:] if not (self.folder / self.here(each)).exists()]
        return len(missing), "", f"there is no {missing}"

    def _scp(self, words: list[str]) -> tuple[int, str, str]:
        """Files of this machine to another one, or the other way round."""
        places = []
        for word in words:
            host, colon, path = word.partition(f".{DOMAIN}:")
            machine = self.network.machines[host] if colon else self
            places.append(machine.folder / machine.here(path if colon else word))
        for source in places[:-1]:
            shutil.copy(source, places[-1])
        return 0, "", ""

    def _journalctl(self, words: list[str]) -> tuple[int, str, str]:
        assert words == ["--unit", "bayou", "--output", "cat"]
        return 0, (self.root / "journal").read_text(), ""

    # Services.

    def _systemctl(self, words: list[str]) -> tuple[int, str, str]:
        verb, *options, name = words
        is_now = "--now" in options
        if verb in {"enable", "disable"}:
            (self.enabled.add if verb == "enable" else self.enabled.discard)(name)
            if name.endswith(".timer"):
                assert self._text(name).startswith("# /etc/systemd/system/")
                return 0, "", ""
            verb = {"enable": "start", "disable": "stop"}[verb] if is_now else "nothing"
        if verb in {"stop", "restart"}:
            self._stop(name)
        if verb in {"start", "restart"}:
            return self._start(name)
        if verb == "is-failed":
            return int(name not in self.failed), "failed\n" if name in self.failed else "active\n", ""
        assert verb in {"stop", "nothing"}, words
        return 0, "", ""

    def _text(self, name: str) -> str:
        return (self.root / "etc/systemd/system" / name).read_text()

    def _start(self, name: str) -> tuple[int, str, str]:
        settings = Unit.parse(self._text(f"{name}.service")).settings
        words = self._words(settings)
        folder = self.here(settings["WorkingDirectory"])
        if settings["Type"] == "oneshot":
            done = subprocess.run(
                words,
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=PATIENCE_S,
                check=False,
                env=self.network.environment,
            )
            return done.returncode, "", done.stderr
        assert settings["Type"] == "notify"
        assert name not in self.services or self.services[name].process.poll() is not None
        self._stop(name)
        self.failed.discard(name)
        path = self.network.root / f"{self.name}.notify"
        notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notices.bind(str(path))
        with (self.root / "journal").open("ab") as journal:
            process = subprocess.Popen(
                words,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=journal,
                stderr=journal,
                env=self.network.environment | {"NOTIFY_SOCKET": str(path)},
            )
        self.services[name] = Service(process, notices, path)
        until = monotonic() + PATIENCE_S
        while process.poll() is None and monotonic() < until:
            if select.select([notices], [], [], 0.05)[0]:
                assert notices.recv(64) == b"READY=1"
                return 0, "", ""
        self.failed.add(name)
        statuses = settings["RestartPreventExitStatus"].split()
        assert str(process.returncode) in statuses, self.journal_end()
        return 1, "", self.journal_end()

    def journal_end(self) -> str:
        return (self.root / "journal").read_text()[-2000:]

    def _words(self, settings: dict[str, str]) -> list[str]:
        """Return the command of a unit, as systemd would."""
        command = settings["ExecStart"].replace("%H", f"{self.name}.{DOMAIN}").replace("%%", "%")
        words = shlex.split(self.here(command))
        variables: dict[str, str] = {}
        source = settings.get("EnvironmentFile")
        if source is not None:
            assert source.startswith("-")
            path = Path(self.here(source[1:]))
            if path.exists():
                lines = (line.partition("=") for line in path.read_text().splitlines())
                variables = {name: value for name, _, value in lines}
        found: list[str] = []
        for word in words:
            if re.fullmatch(r"\$\w+", word):
                found += self.here(variables.get(word[1:], "")).split()
            else:
                found.append(word.replace("$$", "$"))
        return found

    def _stop(self, name: str) -> None:
        service = self.services.pop(name, None)
        if service is None:
            return
        if service.process.poll() is None:
            service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(PATIENCE_S) == 0 or name in self.failed, self.journal_end()
        service.notices.close()
        service.notice_path.unlink()

    def end(self) -> None:
        """Kill what still runs."""
        for service in self.services.values():
            service.process.kill()
            service.process.wait()
            service.notices.close()


class Network:
    """Machines that know each other, in one folder. ``packages``: where Python looks for packages that are
    not installed on them."""

    def __init__(self, root: Path, names: str) -> None:
        self.root = root
        self.packages = root / "packages"
        self.environment = os.environ | {
            "PIP_NO_INDEX": "1",
            "PIP_NO_DEPS": "1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PYTHONPATH": str(self.packages),
        }
        (root / "opt").mkdir()
        ports = free_ports(2 * len(names))
        self.machines: dict[str, Machine] = {}
        for at, name in enumerate(names):
            self.machines[name] = Machine(name, root / name, self, ports[2 * at], ports[2 * at + 1])

    def __enter__(self) -> Network:
        return self

    def __exit__(self, *_: object) -> None:
        for machine in self.machines.values():
            machine.end()
