"""The commands that carry writes from one server to another in files (Petersen '97, "Anti-entropy over
transportable media")."""

from __future__ import annotations

from bayou.families.store.fields import SERVER_ID
from bayou.machine.messages import Message
from bayou.script.grammar import OPTIONAL, TEXT, BadLine, parse_id
from bayou.script.registry import Registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.families.store.system import StoreSystem

GROUP = "files"

FILES = Registry("store")


@FILES.command(
    "exportWrites",
    ("id", SERVER_ID),
    ("file", TEXT),
    ("forId", OPTIONAL),
    does="writes all that a server has into a file, whose name is relative to the scenario: or, for another "
    "server, what that lacked when it was last heard of",
    until="the file is written",
    example="exportWrites 0 /tmp/carried",
    group=GROUP,
)
def export_writes(system: StoreSystem, server: int, file: str, reader: str) -> None:
    from bayou.core.vector import START
    from bayou.host.carrier import export
    from bayou.node.messages import Stands, WhereIs

    csn, vector = 0, START
    if reader:
        name = system.names.get(parse_id(reader))
        if name is None:
            raise BadLine(f"{reader} is no server that has joined")
        heard = system.ask(server, WhereIs(name), Stands)
        csn, vector = heard.csn, heard.vector
    secret, cluster = system.secret
    name = system.names[server]
    try:
        export(
            lambda order: system.ask(server, order, Message), system.stage.path_of(file), secret,
            cluster=cluster, name=name, csn=csn, vector=vector,
        )  # fmt: skip
    except OSError as error:
        raise BadLine(f"{file} can't be written: {error.strerror}") from error


@FILES.command(
    "importWrites",
    ("id", SERVER_ID),
    ("file", TEXT),
    does="lets a server take in what is in a file that exportWrites has written in this run; nothing of it "
    "where something is missing in between",
    until="it has all that is in it",
    example="importWrites 2 /tmp/carried",
    group=GROUP,
)
def import_writes(system: StoreSystem, server: int, file: str) -> None:
    from bayou.host.carrier import Gap, import_file
    from bayou.wire.exports import BadExport

    secret, cluster = system.secret
    path = system.stage.path_of(file)
    try:
        import_file(lambda order: system.ask(server, order, Message), path, [secret], cluster=cluster)
    except Gap as error:
        raise BadLine(str(error).split(": export again")[0]) from error
    except BadExport as error:
        raise BadLine(str(error)) from error
    except OSError as error:
        raise BadLine(f"{file} can't be read: {error.strerror}") from error
    finally:
        system.settle([server])
