"""The commands for general writes: what a client writes, and sees of what came of it."""

from __future__ import annotations

from bayou.families.store.asking import ask_server, settle_write
from bayou.families.store.fields import CLIENT_ID
from bayou.node.messages import OK
from bayou.script.grammar import REST, TEXT, BadLine, Kind
from bayou.script.registry import Registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from bayou.core.body import Body
    from bayou.families.store.system import StoreSystem
    from bayou.node.asks import Version
    from bayou.script.grammar import Field

GROUP = "general writes"

NO_STAMP = 0
"""The stamp of a write that is nowhere."""

CHANGING = Registry("store")


def _committed(text: str, field: Field, system: StoreSystem) -> bool:
    if text not in ("", "committed"):
        raise BadLine(f"{text!r} where committed or nothing is due")
    return text == "committed"


COMMITTED_ONLY = Kind("committed, for the committed view alone", _committed, is_optional=True)


@CHANGING.command(
    "write",
    ("clientId", CLIENT_ID),
    ("name", TEXT),
    ("updates", REST),
    does="makes a general write: UPDATES [if CONDITIONS], then any number of else UPDATES [if CONDITIONS]; "
    "the first that fits is carried out. Dropped where the server can't keep the session's guarantees",
    until="the client has an answer",
    example="write 9 bob set rooms/A bob if absent rooms/A else set rooms/B bob if absent rooms/B",
    group=GROUP,
)
def write(system: StoreSystem, client: int, name: str, updates: str) -> None:
    from bayou.families.store.phrases import body_of_words

    if name in system.writes:
        raise BadLine(f"a write by the name of {name} has been accepted before")
    _write(system, client, body_of_words(name, updates))


def _write(system: StoreSystem, client: int, body: Body) -> None:
    from bayou.node.asks import Change, NotTaken
    from bayou.node.messages import Written

    did = ask_server(system, client, Change(body.text))
    if isinstance(did.reply, NotTaken):
        raise BadLine(did.reply.why)
    if isinstance(did.reply, Written):
        system.writes[body.name] = did.reply.stamp, did.reply.server
    settle_write(system, client, did)


@CHANGING.command(
    "rows",
    ("clientId", CLIENT_ID),
    ("prefix", TEXT),
    ("committed", COMMITTED_ONLY),
    does="prints the rows whose collection/key begins so, in the order of keys, each with TRUE where it is "
    "committed; in the full view, or the committed one",
    until="they are printed",
    example="rows 9 rooms/",
    group=GROUP,
)
def rows(system: StoreSystem, client: int, prefix: str, committed: bool) -> None:
    from bayou.families.store.describe import describe_row
    from bayou.families.store.phrases import divided

    collection, start = divided(prefix)
    found = False
    for page in _pages(system, client, collection, start, committed):
        if page is None:
            system.stage.print([f"{prefix}:ERR_DEP"])
            return
        system.stage.print(map(describe_row, page))
        found = found or bool(page)
    if not found:
        system.stage.print([f"{prefix}:ERR_KEY"])


def _pages(
    system: StoreSystem, client: int, collection: str, prefix: str, committed: bool
) -> Iterator[list[Version] | None]:
    """Give the rows that a client sees under a prefix, a page at a time; None where its server can't keep the
    session's guarantees, which ends it."""
    from bayou.node.asks import PAGE_MAX, Page, Rows
    from bayou.node.messages import COMMITTED, FULL

    after, is_last = None, False
    while not is_last:
        did = ask_server(
            system, client, Rows(collection, prefix, after, PAGE_MAX, COMMITTED if committed else FULL)
        )
        if did.verdict != OK or not isinstance(did.reply, Page):
            yield None
            return
        page = did.reply
        yield page.rows
        is_last, after = page.is_last, page.rows[-1].key if page.rows else None


@CHANGING.command(
    "outcome",
    ("clientId", CLIENT_ID),
    ("name", TEXT),
    does="prints what came of a general write at the client's server: applied, merged N or conflict, and "
    "TRUE where that is committed; ERR_KEY where that server has no such write",
    until="it is printed",
    example="outcome 9 bob",
    group=GROUP,
)
def outcome(system: StoreSystem, client: int, name: str) -> None:
    from bayou.core.name import ROOT
    from bayou.core.replica import UNKNOWN
    from bayou.families.store.describe import describe_outcome
    from bayou.node.asks import Outcome, Standing

    did = ask_server(system, client, Outcome(*system.writes.get(name, (NO_STAMP, ROOT))))
    reply = did.reply
    if did.verdict != OK:
        text = "ERR_DEP"
    elif not isinstance(reply, Standing) or reply.state == UNKNOWN:
        text = "ERR_KEY"
    else:
        text = describe_outcome(reply)
    system.stage.print([f"{name}:{text}"])


@CHANGING.command(
    "conflicts",
    ("clientId", CLIENT_ID),
    ("committed", COMMITTED_ONLY),
    does="prints the general writes of which nothing fitted, and that nobody has resolved yet",
    until="they are printed",
    example="conflicts 9",
    group=GROUP,
)
def conflicts(system: StoreSystem, client: int, committed: bool) -> None:
    from bayou.core.rows import CONFLICTS
    from bayou.families.store.describe import describe_conflict

    for page in _pages(system, client, CONFLICTS, "", committed):
        system.stage.print(["conflicts:ERR_DEP"] if page is None else map(describe_conflict, page))


@CHANGING.command(
    "resolve",
    ("clientId", CLIENT_ID),
    ("name", TEXT),
    does="deletes the conflict that a general write has left: itself a write, by the name of resolve-NAME",
    until="the client has an answer",
    example="resolve 9 bob",
    group=GROUP,
)
def resolve(system: StoreSystem, client: int, name: str) -> None:
    from bayou.core.body import BadBody
    from bayou.core.execute import RESOLVED, resolution
    from bayou.families.store.asking import server_of
    from bayou.node.messages import Conflict, IsConflict

    if RESOLVED + name in system.writes:
        raise BadLine(f"the conflict {name} has been resolved before")
    server, place = server_of(system, client), system.writes.get(name)
    if place is None or not system.ask(server, IsConflict(*place), Conflict).is_there:
        raise BadLine(f"{name} is no conflict at server {server}")
    try:
        body = resolution(name, *place)
    except BadBody as error:
        raise BadLine(str(error)) from error
    _write(system, client, body)
