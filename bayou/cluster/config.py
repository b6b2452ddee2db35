"""What a cluster is, in a file that people edit: where its servers are, and how patient all of them are."""

from __future__ import annotations

import os
from stat import S_IMODE

from bayou._quoting import shorten
from bayou._record import Record
from bayou.cluster.numbered import NoJSON, Part, parse
from bayou.core.errors import BayouError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

SERVERS_MAX = 99
PORT_MAX = (1 << 16) - 1
LOSS_MAX = 0.9
SECONDS_MIN, SECONDS_MAX = 0.002, 1000.0
TIMEOUT_S = 0.2
PORT = 7400
HEARTBEATS = 5
"""So many heartbeats make an election time-out, unless another one is given."""

SNAPSHOT_EVERY = 10_000
WINDOW = 64
CLUSTER_BYTES = 8
SECRET_BYTES = 32
FILE_BYTES_MAX = 1 << 20


class Place(Record):
    """Where a server is: a host, by name or in numbers, and a port."""

    host: str
    port: int


class Config(Record):
    """A cluster. Times are in seconds.

    - ``name``: drawn when the cluster is made: what servers keep on disk is marked with it;
    - ``servers``: where they are, by id;
    - ``loss``: with which probability each message gets lost, on purpose;
    - ``timeout_s``: when a client asks again; ``heartbeat_s``: how often a leader is heard, and what is
      unanswered is sent again; ``election_s``: how long a server waits at least, hearing no leader;
    - ``snapshot_every``, ``window``: see bayou.paxos.log.options.
    """

    name: str
    servers: tuple[Place, ...]
    loss: float = 0.0
    timeout_s: float = TIMEOUT_S
    heartbeat_s: float = TIMEOUT_S / 2
    election_s: float = TIMEOUT_S / 2 * HEARTBEATS
    snapshot_every: int = SNAPSHOT_EVERY
    window: int = WINDOW


class ConfigError(BayouError):
    """A configuration, or its secret, can't be used; a line for each reason: where, what is wrong, remedy."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


def secret_path(path: str) -> str:
    """Return where the secret of a cluster is."""
    return f"{path}-secret"


# Making one.


def text_of(servers: list[Place], *, loss: float, timeout_s: float, election_s: float | None) -> str:
    """Return the text of a new cluster's configuration."""
    from json import dumps

    rows = [
        f'    {{"id": {id}, "host": {dumps(place.host)}, "port": {place.port}}}'
        for id, place in enumerate(servers)
    ]
    fields = {"cluster": os.urandom(CLUSTER_BYTES).hex()}
    lines = [f'  "cluster": "{fields["cluster"]}"', '  "servers": [\n' + ",\n".join(rows) + "\n  ]"]
    lines += [f'  "loss": {loss:g}', f'  "timeout_s": {timeout_s:g}']
    if election_s is not None:
        lines.append(f'  "election_s": {election_s:g}')
    return "{\n" + ",\n".join(lines) + "\n}\n"


def write_new(path: str, text: str, *, replaces: bool) -> None:
    """Write a configuration, and a fresh secret that its owner alone can read. FileExistsError, and nothing
    is changed, where one of them is there, unless it ``replaces`` them; other OSError as they come."""
    secret = secret_path(path)
    if replaces:
        for name in (path, secret):
            try:
                os.unlink(name)
            except FileNotFoundError:
                pass
    elif os.path.lexists(path):
        raise FileExistsError(0, "it is there already", path)
    _write(secret, os.urandom(SECRET_BYTES).hex() + "\n", 0o600)
    try:
        _write(path, text, 0o666)
    except OSError:
        os.unlink(secret)
        raise


def _write(path: str, text: str, mode: int) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        if os.write(fd, text.encode()) < len(text.encode()):
            raise OSError(0, "it could be written in part only", path)
    except OSError:
        os.unlink(path)
        raise
    finally:
        os.close(fd)


# Reading one.


def read_config(path: str) -> Config:
    """Return the configuration in a file; ConfigError where it is none."""
    try:
        with open(path, "rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise ConfigError(
            [f"{path}: can't be read: {error.strerror}; bayou chat config makes one"]
        ) from error
    if len(data) > FILE_BYTES_MAX:
        raise ConfigError([f"{path}: longer than any configuration; bayou chat config makes one"])
    try:
        part = parse(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError([f"{path}:{line}: this is no UTF-8; save the file as UTF-8"]) from error
    except NoJSON as error:
        why = f"this is no JSON ({error}); mend the line, or the one before it"
        raise ConfigError([f"{path}:{error.line}: {why}"]) from error
    return _Reading(path).config(part)


def read_secret(path: str) -> bytes:
    """Return the secret of the cluster whose configuration that is; ConfigError where there is none."""
    name = secret_path(path)
    try:
        with open(name, "rb") as file:
            data = file.read(2 * SECRET_BYTES + 2)
            mode = S_IMODE(os.fstat(file.fileno()).st_mode)
    except OSError as error:
        remedy = f"copy it from where {path} was made"
        raise ConfigError([f"{name}: can't be read: {error.strerror}; {remedy}"]) from error
    if mode & 0o077:
        raise ConfigError([f"{name}: others can read or change it; chmod 600 {name}"])
    try:
        secret = bytes.fromhex(data.decode("ascii").strip())
    except ValueError:
        secret = b""
    if len(secret) != SECRET_BYTES:
        remedy = f"copy it once more from where {path} was made"
        raise ConfigError([f"{name}: this is no secret of {2 * SECRET_BYTES} hex digits; {remedy}"])
    return secret


class _Reading:
    """Reads one file, and collects all that is wrong with it."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._wrong: list[tuple[int, str]] = []

    def config(self, part: Part) -> Config:
        fields = self._fields(part, "a configuration", _FIELDS, needed=("cluster", "servers"))
        servers = self._servers(fields.pop("servers", None))
        values: dict[str, Any] = {}
        for name, each in fields.items():
            value = _FIELDS[name](each.value)
            if isinstance(value, str) and name != "cluster":
                self._blame(each, f"{name} is {value}, not {_shown(each)}")
            elif value is None:
                self._blame(each, f"cluster is the name that was drawn for it, not {_shown(each)}")
            else:
                values[name] = value
        if not self._wrong:
            self._add_times(values, fields)
        if self._wrong:
            self._wrong.sort()
            raise ConfigError([f"{self._path}:{line}: {why}" for line, why in self._wrong])
        return Config(values.pop("cluster"), tuple(servers), **values)

    def _add_times(self, values: dict[str, Any], fields: dict[str, Part]) -> None:
        """What is left out follows from what is there."""
        heartbeat_s = values.setdefault("heartbeat_s", values.get("timeout_s", TIMEOUT_S) / 2)
        election_s = values.setdefault("election_s", HEARTBEATS * heartbeat_s)
        if election_s < 2 * heartbeat_s:
            why = f"election_s, {election_s:g}, is less than two heartbeats of {heartbeat_s:g} s, so that no"
            part = fields.get("election_s", fields.get("heartbeat_s"))
            self._wrong.append(
                (
                    1 if part is None else part.line,
                    f"{why} leader would last; leave it out, or let it be longer",
                )
            )

    def _fields(
        self, part: Part, what: str, known: dict[str, Callable[[Any], Any]], needed: tuple[str, ...]
    ) -> dict[str, Part]:
        """Return the fields of an object, by name: those that are known."""
        if not isinstance(part.value, dict):
            self._blame(part, f"{what} is an object, in braces, not {_shown(part)}")
            return {}
        fields: dict[str, Part] = {}
        for key, line in part.twice:
            self._wrong.append((line, f"{key} is there twice; leave one out"))
        for name, each in part.value.items():
            if name in known:
                fields[name] = each
            else:
                self._blame(each, f"{shorten(name)!r} is no field of {what}; there are {', '.join(known)}")
        for name in needed:
            if name not in fields:
                self._blame(part, f"{what} needs a field {name}; add it, as bayou chat config writes it")
        return fields

    def _servers(self, part: Part | None) -> list[Place]:
        if part is None:
            return []
        if not isinstance(part.value, list) or not 1 <= len(part.value) <= SERVERS_MAX:
            self._blame(part, f"servers is a list, in brackets, of 1 to {SERVERS_MAX} servers")
            return []
        places: list[Place] = []
        taken: dict[Place, int] = {}
        for id, each in enumerate(part.value):
            fields = self._fields(each, "a server", _PLACE, needed=tuple(_PLACE))
            for name, field in fields.items():
                why = _PLACE[name](field.value)
                if why is not None:
                    self._blame(field, f"{name} is {why}, not {_shown(field)}")
            if "id" in fields and fields["id"].value != id:
                self._blame(fields["id"], f"servers come by id, and this is the place of server {id}")
            if len(fields) == len(_PLACE) and not self._wrong:
                place = Place(str(fields["host"].value), int(str(fields["port"].value)))
                if place in taken:
                    self._blame(
                        each, f"server {taken[place]} is at this host and port too; give it another port"
                    )
                taken[place] = id
                places.append(place)
        return places

    def _blame(self, part: Part, why: str) -> None:
        self._wrong.append((part.line, why))


def _shown(part: Part) -> str:
    if isinstance(part.value, dict):
        return "an object"
    if isinstance(part.value, list):
        return "a list"
    from json import dumps

    return shorten(dumps(part.value, ensure_ascii=False))


# What a field may be: each function returns its value, or says in words what it should be.


def _name(value: object) -> str | None:
    return value if isinstance(value, str) and value and len(value) <= 100 and value.isprintable() else None


def _number(least: float, most: float) -> Callable[[object], float | str]:
    def read(value: object) -> float | str:
        if type(value) in (int, float) and least <= value <= most:  # type: ignore[operator]
            return float(value)  # type: ignore[arg-type]
        return f"a number from {least:g} to {most:g}"

    return read


def _whole(least: int, most: int) -> Callable[[object], int | str]:
    def read(value: object) -> int | str:
        if type(value) is int and least <= value <= most:
            return value
        return f"a whole number from {least} to {most:,}"

    return read


_SECONDS = _number(SECONDS_MIN, SECONDS_MAX)
_FIELDS: dict[str, Callable[[Any], Any]] = {
    "cluster": _name,
    "servers": lambda value: value,
    "loss": _number(0, LOSS_MAX),
    "timeout_s": _SECONDS,
    "heartbeat_s": _SECONDS,
    "election_s": _SECONDS,
    "snapshot_every": _whole(1, 1_000_000_000),
    "window": _whole(1, 1_000_000),
}


def _wrong_with(reads: Callable[[object], object]) -> Callable[[Any], str | None]:
    def why(value: object) -> str | None:
        read = reads(value)
        return read if isinstance(read, str) else None

    return why


def _wrong_host(value: object) -> str | None:
    if isinstance(value, str) and value and len(value) <= 253 and value.isprintable() and " " not in value:
        return None
    return "the name of a host, or its address in numbers"


_PLACE: dict[str, Callable[[Any], str | None]] = {
    "id": _wrong_with(_whole(0, SERVERS_MAX - 1)),
    "host": _wrong_host,
    "port": _wrong_with(_whole(1, PORT_MAX)),
}
