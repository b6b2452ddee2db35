"""The commands that carry writes from one server to another in files (Petersen '97, "Anti-entropy over
transportable media")."""

from __future__ import annotations

from io import BytesIO

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
    from bayou.host.carrier import export, write_export
    from bayou.node.messages import Stands, WhereIs

    csn, vector = 0, START
    if reader:
        name = system.names.get(parse_id(reader))
        if name is None:
            raise BadLine(f"{reader} is no server that has joined")
        heard = system.ask(server, WhereIs(name), Stands)
        csn, vector = heard.csn, heard.vector
    secret, cluster = system.secret
    name, path = system.names[server], system.stage.path_of(file)

    def ask(order: Message) -> Message:
        return system.ask(server, order, Message)

    try:
        if system.files is None:
            export(ask, path, secret, cluster=cluster, name=name, csn=csn, vector=vector)
        else:
            out = BytesIO()
            write_export(ask, out, secret, cluster=cluster, name=name, csn=csn, vector=vector)
            system.files[path] = out.getvalue()
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
    from bayou.host.carrier import Gap, import_file, read_export
    from bayou.wire.exports import BadExport

    secret, cluster = system.secret
    path = system.stage.path_of(file)

    def ask(order: Message) -> Message:
        return system.ask(server, order, Message)

    why = ""
    try:
        if system.files is None:
            import_file(ask, path, [secret], cluster=cluster)
        elif path in system.files:
            read_export(ask, BytesIO(system.files[path]), path, [secret], cluster=cluster)
        else:
            why = f"{file} can't be read: nothing has been exported into it"
    except Gap as error:
        why = str(error).split(": export again")[0]
    except (BadExport, BadLine) as error:
        why = str(error)
    except OSError as error:
        why = f"{file} can't be read: {error.strerror}"
    system.unsettle()  # a server by itself, too, has something new, which it may have to commit
    system.settle([server])
    if why:
        raise BadLine(why)
