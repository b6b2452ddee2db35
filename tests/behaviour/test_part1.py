"""Part 1: servers, clients, the master and the tester."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.behaviour.scenarios import PAIR, printed, printed_by_processes, replicas, text
from tests.processes import Master, run_master
from tests.tester_project import Project

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc")

OUT_OF_ORDER = (
    PAIR + "breakConnection 0 1; put 9 a late; put 8 a early; restoreConnection 0 1; printLog 1; get 9 a"
)


def descriptors(pid: int) -> dict[int, str]:
    """Return what each open descriptor of a process leads to."""
    directory = Path(f"/proc/{pid}/fd")
    return {int(entry.name): os.readlink(entry) for entry in directory.iterdir()}


def test_part1_a_server_keeps_a_log_in_two_parts() -> None:
    """Every server keeps its own log, in which committed writes stand before those that are not yet."""
    assert printed(PAIR + "put 9 a 1; pause; put 9 b 2; put 8 c 3; printLog 1; printLog 0") == [
        "PUT:(a, 1):TRUE",
        "PUT:(b, 2):FALSE",
        "PUT:(a, 1):TRUE",
        "PUT:(c, 3):TRUE",
    ]


def test_part1_the_database_is_what_the_log_makes() -> None:
    """What a song is on a server follows from its log, however late a write found its place there."""
    assert printed(OUT_OF_ORDER) == ["PUT:(a, early):TRUE", "PUT:(a, late):TRUE", "a:late"]


def test_part1_a_server_has_a_vector_and_counts_commitments() -> None:
    """Every server knows up to which stamp it has heard each other one, and how many writes are committed."""
    servers = replicas(PAIR + "put 8 a 1; put 9 b 2; pause; put 9 c 3")
    root, other = servers[0].name, servers[1].name
    # Stamp 1 is the creation of server 1, then come the puts.
    assert [servers[1].vector.completed(name) for name in (root, other)] == [2, 4]
    assert [servers[0].vector.completed(name) for name in (root, other)] == [2, 3]
    assert (servers[0].csn, servers[1].csn) == (3, 3)


@pytest.mark.processes
@linux
def test_part1_servers_and_clients_are_processes_of_their_own() -> None:
    """Each server and each client is a separate process."""
    with Master() as master:
        master.say("joinServer 0", "joinServer 1", "joinClient 2 1")
        assert master.ask("get 2 a") == "a:ERR_KEY"
        names = ("bayou server 0", "bayou server 1", "bayou client 2")
        pids = {master.pid_of(name) for name in names} | {master.process.pid}
        assert len(pids) == 4


@pytest.mark.processes
@linux
def test_part1_nodes_share_nothing_but_sockets() -> None:
    """Servers have no file (each has its own journal) and no memory in common: they know of each other what
    came through a socket."""
    journals = []
    with Master() as master:
        master.say("joinServer 0", "joinServer 1", "joinClient 2 1", "put 2 a b")
        assert master.ask("get 2 a") == "a:b"
        for name in ("bayou server 0", "bayou server 1", "bayou client 2"):
            pid = master.pid_of(name)
            standard_error = descriptors(pid)[2]  # a node opens it once more, in a mode of its own
            leads_to = [each for fd, each in descriptors(pid).items() if fd > 2 and each != standard_error]
            journals += [target for target in leads_to if target.endswith(" (deleted)")]
            leads_to = [target for target in leads_to if target not in journals]
            assert all(target.startswith(("socket:", "anon_inode:")) for target in leads_to), leads_to
            shared = [line for line in Path(f"/proc/{pid}/maps").read_text().splitlines() if " rw-s " in line]
            assert shared == []
    assert len({*journals}) == len(journals) == 2


@pytest.mark.processes
@linux
def test_part1_only_the_master_writes_to_standard_output() -> None:
    """Servers and clients do not even hold the standard output of the run."""
    with Master() as master:
        master.say("joinServer 0", "joinClient 1 0")
        assert master.ask("get 1 a") == "a:ERR_KEY"
        out = descriptors(master.process.pid)[1]
        assert out.startswith("pipe:")
        for name in ("bayou warm", "bayou server 0", "bayou client 1"):
            assert out not in descriptors(master.pid_of(name)).values()


def test_part1_a_client_talks_to_one_server_at_a_time() -> None:
    """A client that has moved is served by its new server, and by no other."""
    moved = PAIR + "breakConnection 0 1; restoreConnection 8 1; put 8 a b; printLog 0; printLog 1"
    assert printed(moved) == ["PUT:(a, b):FALSE"]


def test_part1_a_client_is_one_session() -> None:
    """What a client has done counts for its later requests, and for nobody else's."""
    moved = PAIR + "joinClient 7 0; pause; put 8 a b; restoreConnection 8 1; restoreConnection 7 1; "
    assert printed(moved + "get 8 a; get 7 a") == ["a:ERR_DEP", "a:ERR_KEY"]


@pytest.mark.processes
def test_part1_a_scenario_comes_from_a_file_or_standard_input(tmp_path: Path) -> None:
    """A scenario prints the same whether it is read from a file or from standard input."""
    path = tmp_path / "small.test"
    path.write_text(text("joinServer 0; joinClient 1 0; put 1 a b; get 1 a"))
    assert run_master("", str(path)).stdout == run_master(path.read_bytes()).stdout == b"a:b\n"


@pytest.mark.processes
@linux
def test_part1_the_master_starts_and_stops_the_processes() -> None:
    """A process is there from the command that starts it until the one that ends it."""
    with Master() as master:
        master.say("joinServer 0", "joinClient 1 0")
        assert master.ask("get 1 a") == "a:ERR_KEY"
        before = set(master.family())
        master.say("joinServer 2")
        assert master.ask("get 1 a") == "a:ERR_KEY"
        assert set(master.family()) - before == {master.pid_of("bayou server 2")}
        master.say("retireServer 2")
        assert master.ask("get 1 a") == "a:ERR_KEY"
        assert set(master.family()) == before


@pytest.mark.processes
def test_part1_the_tester_compares_every_scenario_with_its_solution(tmp_path: Path) -> None:
    """The tester runs all scenarios through one command and holds what they print against their solutions."""
    project = Project(tmp_path, f"exec {sys.executable} -m bayou.master")
    scenario = text("joinServer 0; joinClient 1 0; put 1 a b; get 1 a")
    project.test("right", scenario, "a:b\n")
    project.test("wrong", scenario, "a:c\n")
    done = project.run()
    assert [line.split()[0] for line in done.stdout.splitlines() if line[:4] in ("pass", "FAIL")] == [
        "pass",
        "FAIL",
    ]


def test_part1_the_database_is_a_playlist() -> None:
    """The store maps songs to URLs: a put sets one, replacing what was there, and a delete removes it."""
    steps = "joinServer 0; joinClient 1 0; put 1 a 1; get 1 a; put 1 a 2; get 1 a; delete 1 a; get 1 a"
    assert printed(steps) == ["a:1", "a:2", "a:ERR_KEY"]


@pytest.mark.processes
def test_part1_processes_print_what_the_simulation_prints() -> None:
    """A scenario prints the same on real processes and simulated."""
    assert printed_by_processes(OUT_OF_ORDER) == ["PUT:(a, early):TRUE", "PUT:(a, late):TRUE", "a:late"]
    assert printed_by_processes(OUT_OF_ORDER, "--world", "sim") == printed(OUT_OF_ORDER)
