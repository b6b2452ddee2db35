"""The commit group in files: in those that carry writes, and in those that servers are kept in."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from bayou.core.errors import BayouError
from bayou.core.items import Items
from bayou.core.name import ROOT
from bayou.core.replica import Replica
from bayou.core.values import text_value
from bayou.core.vector import START, VersionVector
from bayou.core.votes import first_vote
from bayou.host.carrier import export, import_file
from bayou.host.filehome import FileHome
from bayou.machine.effects import Tick
from bayou.machine.messages import Message
from bayou.node.messages import OK, End, Export, Exported, Import
from bayou.node.records import ConsentGiven, Voted
from bayou.node.server import Server
from bayou.node.settings import Settings
from bayou.wire.exports import BadExport, ExportReader
from tests.processes import wait_until
from tests.serving import PATIENCE_S, Served, Servers, bayou
from tests.test_exports import CLUSTER, SECRET, Asked, carry, member


def group_of_three() -> list[Server]:
    """Return the members of a group, which know of it and of three writes, the last of which is tentative."""
    root = Replica(ROOT)
    names = [ROOT, *[root.create().created for _ in range(2)]]
    start = root.beyond(0, START)
    root.regroup(names)
    for key in "abc":
        root.put("notes", key, text_value(key))
    replicas = [root]
    for name in names[1:]:
        replicas.append(Replica(name))
        replicas[-1].apply(start)
        replicas[-1].apply(root.beyond(replicas[-1].csn, replicas[-1].vector))
    machines = [member(replica) for replica in replicas]
    for machine in machines:
        machine.replica.decide(machine.replica.boundary, upto_b(root))
        assert (machine.replica.csn, machine.replica.boundary) == (5, 5)
        machine.step(0.0, Tick())
        assert machine.votes == (first_vote(machine.replica.name, 3),)
    return machines


def upto_b(root: Replica) -> VersionVector:
    """Return a vector that knows all but the last write."""
    known = dict(zip(root.vector.names, root.vector.stamps, strict=True))
    return VersionVector({**known, ROOT: known[ROOT] - 1})


def decide_all(machine: Server, keys: str) -> None:
    """Let a member accept writes, and a decree of which the others have not heard yet commit all it has."""
    for key in keys:
        machine.replica.put("notes", key, text_value(key))
    machine.replica.decide(machine.replica.boundary, machine.replica.vector)


def test_the_end_of_a_file_tells_the_boundary_and_no_votes(tmp_path: Path) -> None:
    sender, reader, _ = group_of_three()
    sender.replica.apply(Items(5, [next(iter(sender.replica.log.tentative)).notice()], []))
    assert (sender.replica.csn, sender.replica.boundary) == (6, 5)
    path = str(tmp_path / "file")
    export(Asked(sender), path, SECRET, cluster=CLUSTER, name=ROOT)
    with open(path, "rb") as file:
        *before, last = ExportReader(file, [SECRET], path).pieces()
    assert [piece.end for piece in before] == [None] * len(before)
    assert last.end == End(6, sender.replica.vector, boundary=5)
    held = reader.votes
    import_file(Asked(reader), path, [SECRET], cluster=CLUSTER)
    assert (reader.replica.csn, reader.replica.boundary) == (6, 5)
    assert reader.votes == held
    sender.replica.learn_boundary(6)
    carry(sender, reader, tmp_path / "next")
    assert reader.replica.boundary == 6


def test_who_stops_early_learns_no_boundary(tmp_path: Path) -> None:
    """A decree may have come in part."""
    sender, reader, _ = group_of_three()
    decide_all(sender, "defg")
    assert (sender.replica.csn, sender.replica.boundary) == (10, 10)
    path = tmp_path / "file"
    export(Asked(sender), str(path), SECRET, cluster=CLUSTER, name=ROOT)
    asked, count = Asked(reader), 0

    def stopping(order: Message) -> Message:
        nonlocal count
        count += isinstance(order, Import)
        if count > 4:
            raise BayouError("that is enough")
        return asked(order)

    with pytest.raises(BayouError, match="that is enough"):
        import_file(stopping, str(path), [SECRET], cluster=CLUSTER)
    assert (reader.replica.csn, reader.replica.boundary) == (8, 5)
    import_file(asked, str(path), [SECRET], cluster=CLUSTER)
    assert (reader.replica.csn, reader.replica.boundary) == (10, 10)


def test_a_boundary_that_can_not_be_is_refused() -> None:
    sender, *_ = group_of_three()
    with pytest.raises(BayouError, match="a decree that ends at 99"):
        Asked(sender)(Import(Items(0, [], []), end=End(5, START, boundary=99)))
    assert sender.replica.boundary == 5


def test_a_base_in_a_file_has_group_and_epoch(tmp_path: Path) -> None:
    """And ends at a boundary. What was accepted before means nothing beyond it."""
    sender, reader, _ = group_of_three()
    decide_all(sender, "d")
    sender.replica.put("notes", "e", text_value("e"))
    for again in (False, True):
        assert sender.replica.fold() == sender.replica.truncate(7) == 7, again
    piece = Asked(sender)(Export(0, START))
    assert isinstance(piece, Exported)
    assert piece.chunk is not None
    carry(sender, reader, tmp_path / "file")
    replica = reader.replica
    assert (replica.past.base.csn, replica.epoch, replica.boundary) == (7, 3, 7)
    assert replica.past.base == sender.replica.past.base
    assert replica.group == sender.replica.group
    assert len(replica.log.tentative) == len(sender.replica.log.tentative) == 1
    assert reader.votes == (first_vote(replica.name, 3),)


def test_a_file_of_an_earlier_version_says_so(tmp_path: Path) -> None:
    sender, reader, _ = group_of_three()
    path = tmp_path / "file"
    carry(sender, reader, path)
    path.write_bytes(path.read_bytes().replace(b"bayou export 2", b"bayou export 1", 1))
    with pytest.raises(BadExport, match="was written by an earlier version of bayou: export it again"):
        import_file(Asked(reader), str(path), [SECRET], cluster=CLUSTER)


# Servers that are kept in files.


@pytest.mark.processes
def test_a_member_is_in_its_file_what_it_was(tmp_path: Path) -> None:
    lines = (
        b"joinServer 0\njoinServer 1\njoinServer 2\njoinClient 9 1\ncommitGroup 0 1 2\nput 9 a u1\n"
        b"crashServer 0\nput 9 b u2\ncrashServer 2\nput 9 c u3\nprintLog 1\n"
    )
    command = [sys.executable, "-m", "bayou.master", "--data", str(tmp_path / "kept")]
    ran = subprocess.run(command, input=lines, capture_output=True, timeout=60, check=False)
    assert ran.stdout == b"PUT:(a, u1):TRUE\nPUT:(b, u2):TRUE\nPUT:(c, u3):FALSE\n"
    found = []
    for id, csn in ((0, 4), (1, 5), (2, 5)):
        home = FileHome(str(tmp_path / "kept" / f"{id}.bayou"))
        (fact,) = [fact for fact in home.file.load().facts if isinstance(fact, Voted)]
        machine = home.server(Settings(), 0.0, rng=Random(0))
        replica = machine.replica
        assert (replica.csn, replica.boundary, replica.epoch, len(replica.group)) == (csn, csn, 3, 3)
        assert machine.voting is not None
        assert machine.voting.own == fact.vote
        assert machine.is_bound is False
        assert fact.vote.number > 0
        assert fact.vote.accepted is not None
        assert fact.vote.accepted.base == csn - 1
        found.append(fact.vote.member)
        home.close(is_clean=True)
    assert len(set(found)) == 3


def sorted_names(names: list[str]) -> list[str]:
    """Return names of the root and what it has created, in the order of names."""
    return sorted(names, key=lambda name: (len(name), name))


def told_of_group(server: Served) -> str:
    return server.ask("group").stdout


@pytest.mark.processes
def test_a_member_that_has_forgotten_its_vote_stops_and_rejoins_with_nothing(tmp_path: Path) -> None:
    """With the same CSN and vector: only its vote shows that."""
    with Servers(tmp_path, 3) as servers:
        servers.start_all("--period", "0.05")
        names = [server.called for server in servers.all]
        wait_until(lambda: servers[0].ask("group", "set", *names).returncode == 0, PATIENCE_S)
        assert servers[0].put("a", "b").verdict == OK
        for server in servers.all:
            wait_until(lambda: told_of_group(server).count("accepted what follows") == 3, PATIENCE_S)  # noqa: B023
        assert servers[1].stop() == 0
        home = FileHome(str(servers[1].data))
        (kept,) = [fact for fact in home.file.load().facts if isinstance(fact, Voted)]
        assert kept.vote.number
        home.keep([Voted(first_vote(kept.vote.member, kept.vote.epoch))])
        home.close(is_clean=True)
        servers[1].start("--period", "0.05", is_awaited=False)
        assert servers[1].wait() == 65
        lost = f"knows of a vote that it gave in the commit group of the epoch {kept.vote.epoch}"
        assert lost in servers[1].told()
        ran = bayou("rejoin", servers[1].data.name, "--join", servers[0].address, cwd=tmp_path)
        assert ran.returncode == 0, ran.stderr
        home = FileHome(str(servers[1].data))
        try:
            assert home.file.name is not kept.vote.member
            assert not [fact for fact in home.file.load().facts if isinstance(fact, Voted | ConsentGiven)]
        finally:
            home.close(is_clean=True)


@pytest.mark.processes
def test_a_member_that_was_killed_votes_again(tmp_path: Path) -> None:
    """It hears what others know of it first; then the two that are left need it."""
    with Servers(tmp_path, 3) as servers:
        servers.start_all("--period", "0.05")
        names = [server.called for server in servers.all]
        wait_until(lambda: servers[0].ask("group", "set", *names).returncode == 0, PATIENCE_S)
        servers.wait_level()
        servers[1].kill()
        servers[2].kill()
        servers[1].start("--period", "0.05")
        servers[1].wait_told("knows no more of it")
        assert servers[1].put("a", "b").verdict == OK
        for server in servers.all[:2]:
            wait_until(lambda: "tentative 0" in told_of_group(server), PATIENCE_S)  # noqa: B023
            assert "csn 4" in told_of_group(server)
            told = server.ask("stats").stdout.splitlines()
            assert told[told.index(f"primary {' '.join(sorted_names(names))}") :][1:3] == [
                "epoch 3",
                "boundary 4",
            ]
        assert servers[1].stop() == 0
        of_a_file = bayou("stats", servers[1].data.name, cwd=tmp_path).stdout
        assert "\nepoch 3\nboundary 4\n" in of_a_file
