"""The command that changes the commit group, and how a member leaves it before it retires."""

from __future__ import annotations

from bayou.core.errors import BayouError
from bayou.core.group import majority
from bayou.machine.messages import Done
from bayou.node.messages import Consent, GroupIs, Regroup, Status, TellGroup, Watch
from bayou.script.grammar import REST, BadLine, parse_id
from bayou.script.registry import Registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.core.name import Name
    from bayou.families.store.system import StoreSystem

GROUP = "the commit group"

GROUPING = Registry("store")

TRIES_MAX = 10
"""How often a member tries to leave the group, where other changes come in between."""


@GROUPING.command(
    "commitGroup",
    ("id...", REST),
    does="lets these servers be the primary together: a majority of them commits, whoever else is down; the "
    "first one named accepts the change",
    until="nothing more can move; where servers run freely, the change is accepted",
    example="commitGroup 0 1 2",
    group=GROUP,
)
def commit_group(system: StoreSystem, text: str) -> None:
    members = [parse_id(word) for word in text.split()]
    for at, member in enumerate(members):
        if member in members[:at]:
            raise BadLine(f"{member} is named twice")
        kind = system.topology.kind(member)
        if kind != "server":
            raise BadLine(
                f"{member} is {'unknown' if kind is None else f'a {kind}'}, and no server that is up"
            )
    first = members[0]
    epoch = system.ask(first, TellGroup(), GroupIs).stand.epoch
    for member in members[1:]:
        if system.ask(member, TellGroup(), GroupIs).stand.epoch > epoch:
            raise BadLine(f"server {member} knows a later group than server {first}: name it first")
    _regroup(system, first, members, epoch)
    system.had_group = True
    system.settle([first])


def leave_group(system: StoreSystem, server: int) -> None:
    """Before a server retires: let it leave the commit group, in which another server takes its place.
    BadLine where it can't."""
    if not system.had_group:
        return
    for _ in range(TRIES_MAX):
        told = system.ask(server, TellGroup(), GroupIs)
        if told.is_bound:
            raise BadLine(
                f"server {server} has consented to a change of the commit group that may still count"
            )
        members = told.stand.members
        if len(members) == 1 or system.names[server] not in members:
            if not told.is_free and system.names[server] not in members:
                _wait_free(system, server)
            return
        _leave(system, server, told)
    raise BayouError(f"server {server} could not leave the commit group in {TRIES_MAX} tries")


def _wait_free(system: StoreSystem, server: int) -> None:
    """Half of the new group has to know of the change, which a round of anti-entropy tells."""
    if system.stage.free_running:
        return  # the server waits by itself
    if not system.paused:
        system.pace.settle([server], after_failure=True)
    if not system.ask(server, TellGroup(), GroupIs).is_free:
        raise BadLine(
            f"server {server} was in the commit group before, and half of the present one has not been heard "
            "of: it may still be needed"
        )


def _leave(system: StoreSystem, server: int, told: GroupIs) -> None:
    if system.paused:
        raise BadLine(
            f"server {server} is in the commit group, which decides nothing while anti-entropy is paused"
        )
    (here,) = system.topology.groups([server])
    members = told.stand.members
    if sum(system.names[other] in members for other in here) < majority(len(members)):
        raise BadLine(f"no majority of the commit group is connected with server {server}")
    staying = [other for other in here if other != server and system.names[other] in members]
    gone = [name for name in members if name not in map(system.names.get, (server, *staying))]
    taking = _who_takes_its_place(system, server, told)
    named = [*staying, *taking]
    if len(named) < majority(len(named) + len(gone)):
        raise BadLine(f"without server {server} no majority of the commit group would be connected")
    _regroup(system, server, named, told.stand.epoch, tuple(gone))
    _await_leaving(system, server)


def _who_takes_its_place(system: StoreSystem, server: int, told: GroupIs) -> list[int]:
    """Return the connected server with the lowest id that is no member and is able to consent, if there is
    one."""
    for other in system.topology.neighbours(server):
        if system.names[other] in told.stand.members:
            continue
        answer = system.world.ask(other, TellGroup())
        if isinstance(answer, GroupIs) and answer.stand.epoch <= told.stand.epoch:
            return [other]
    return []


def _regroup(
    system: StoreSystem, first: int, members: list[int], epoch: int, absent: tuple[Name, ...] = ()
) -> None:
    """Bring the consents of these servers, whatever the connections, and let the first one accept the group
    write. ``absent``: who stays in the group though nobody can ask."""
    names = (*[system.names[member] for member in members], *absent)
    system.ask(first, Regroup(names, epoch, is_trial=True), Done)
    for member in members:
        system.ask(member, Consent(epoch), Done)
    system.ask(first, Regroup(names, epoch), Done)


def _await_leaving(system: StoreSystem, server: int) -> None:
    """Let the change be committed."""
    if not system.stage.free_running:
        system.settle([server])
        return
    name = system.names[server]
    status = system.ask(server, Watch(), Status)
    while status.tentative and status.stand is not None and name in status.stand.members:
        status = system.ask(server, Watch(status.csn, status.vector, status.tentative), Status)
