"""A commit group of servers that last: shown, changed, and surviving the loss of whoever leads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import bayou
from bayou.host.messages import AskGroup, Denied, Told
from bayou.wire.exports import parse_name
from tests.clusters import free_ports
from tests.processes import wait_until
from tests.serving import PATIENCE_S, Servers
from tests.test_serve_watching import values

if TYPE_CHECKING:
    from pathlib import Path

    from bayou.machine.messages import Message

pytestmark = pytest.mark.processes

QUICK = ("--period", "0.05")


def group_of(servers: Servers, at: int = 0) -> dict[str, list[str]]:
    """Return what `bayou group` says, by the first word of each line."""
    done = servers[at].ask("group")
    assert done.returncode == 0, done.stderr
    told: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        word, rest = line.split(" ", 1)
        told.setdefault(word, []).append(rest)
    return told


def members_of(servers: Servers, at: int) -> list[str]:
    return [line.split()[0] for line in group_of(servers, at)["member"]]


def be_group(servers: Servers, *members: int, at: int = 0) -> None:
    """Let these servers be the group, and wait until all of them know."""
    names = [servers[member].called for member in members]
    wait_until(lambda: servers[at].ask("group", "set", *names).returncode == 0, PATIENCE_S)
    for member in members:
        wait_until(lambda: sorted(members_of(servers, member)) == sorted(names), PATIENCE_S)  # noqa: B023


def start_group(folder: Path, count: int, members: int) -> Servers:
    servers = Servers(folder, count)
    servers.start_all(*QUICK)
    be_group(servers, *range(members))
    return servers


def test_a_group_is_shown_and_set(tmp_path: Path) -> None:
    with Servers(tmp_path, 3) as servers:
        (port,) = free_ports(1)
        servers[0].start(*QUICK)
        servers[1].start("--join", servers[0].address, *QUICK)
        servers[2].start("--join", servers[0].address, *QUICK, "--metrics", f"127.0.0.1:{port}")
        assert members_of(servers, 0) == ["<>"]
        assert group_of(servers)["leads"] == ["<>"]
        assert "bayou_epoch" not in values(port)
        be_group(servers, 0, 1, 2)
        told = group_of(servers)
        assert [line.split()[1] for line in told["member"]] == ["itself", "heard", "heard"]
        with bayou.connect(servers[1].address, secret=servers[1].secret) as session:
            write = session["notes"].put("a", 1)
            found = session.wait_committed(write, PATIENCE_S)
            assert found is not None
            assert found.state == "committed"
        wait_until(lambda: "ballot" in group_of(servers)["leads"][0], PATIENCE_S)
        servers.wait_level()
        metrics, stats = values(port), servers[2].stats()
        assert (metrics["bayou_group_member"], metrics["bayou_group_members"]) == (1, 3)
        assert metrics["bayou_epoch"] == float(stats["epoch"]) == float(told["epoch"][0])
        assert metrics["bayou_boundary"] == float(stats["boundary"]) == metrics["bayou_csn"]
        assert stats["primary"] == " ".join(server.called for server in servers.all)


def test_a_change_of_a_group_that_has_been_changed_meanwhile_is_refused(tmp_path: Path) -> None:
    """Two operators each replace a member, and the second has looked before the first was done."""
    with Servers(tmp_path, 2) as servers:
        servers.start_all(*QUICK)
        members = tuple(sorted(parse_name(server.called) for server in servers.all))
        with servers[0].call() as caller:

            def told(epoch: int | None) -> Message:
                asked = AskGroup(1, members, epoch)
                return caller.ask(asked, lambda message: isinstance(message, Told | Denied), PATIENCE_S)

            wait_until(lambda: isinstance(told(0), Told), PATIENCE_S)
            wait_until(lambda: group_of(servers)["epoch"] != ["0"], PATIENCE_S)
            refused = told(0)
            assert isinstance(refused, Denied)
            assert "changed meanwhile" in refused.why


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["set", "<>", "<>"], "named twice"),
        (["set", "<12345>"], "no server that is known here"),
        (["set"], "the command is"),
        (["put", "<>"], "the command is"),
        (["set", "nobody"], "nobody"),
        (["--replace", "<77>", "<>"], "not in the commit group"),
        (["set", "<>", "--replace", "<>", "<>"], "leave out --replace"),
    ],
)
def test_what_is_no_group_is_said(words: list[str], why: str, tmp_path: Path) -> None:
    with Servers(tmp_path, 1) as servers:
        servers.start_all()
        done = servers[0].ask("group", *words)
        assert (done.returncode, done.stdout) == (1, "")
        assert why in done.stderr
        assert members_of(servers, 0) == ["<>"]


def test_a_newcomer_that_is_not_connected_can_not_be_named(tmp_path: Path) -> None:
    with Servers(tmp_path, 3) as servers:
        servers.start_all(*QUICK)
        name = servers[2].called
        servers[2].kill()
        wait_until(lambda: servers[0].stats()["servers_connected"] == "1", PATIENCE_S)
        done = servers[0].ask("group", "set", "<>", servers[1].called, name)
        assert done.returncode == 1
        assert f"{name} is new in the group, and not connected" in done.stderr


def test_commitment_goes_on_without_the_leader(tmp_path: Path) -> None:
    """Whoever leads is killed, and comes back; then one is lost for good, and another takes its place."""
    with start_group(tmp_path, 4, 3) as servers:
        addresses = [server.address for server in servers.all]
        with bayou.connect(addresses[3], secret=servers[3].secret) as session:
            for number in range(3):
                leader = _leader(servers)
                servers[leader].kill()
                write = session["notes"].put(f"{number}", number)
                assert session.wait_committed(write, PATIENCE_S) is not None
                servers[leader].start(*QUICK)
            lost = _leader(servers)
            name, new = servers[lost].called, servers[3].called
            servers[lost].kill()
            at = (lost + 1) % 3
            done = servers[at].ask("group", "--replace", name, new)
            assert done.returncode == 0, done.stderr
            wait_until(
                lambda: new in members_of(servers, at) and name not in members_of(servers, at), PATIENCE_S
            )
            servers[(lost + 2) % 3].kill()  # two of the three that are members now are up
            write = session["notes"].put("last", 1)
            assert session.wait_committed(write, PATIENCE_S) is not None
            assert sorted(session["notes"]) == ["0", "1", "2", "last"]


def _leader(servers: Servers) -> int:
    """Return which server leads, or might, as nobody does yet."""
    up = [at for at, server in enumerate(servers.all) if server.process is not None]
    leads = group_of(servers, up[0])["leads"][0].split()[0]
    return next((at for at in up if servers[at].called == leads), up[0])


def test_a_member_leaves_the_group_before_it_retires(tmp_path: Path) -> None:
    with start_group(tmp_path, 4, 3) as servers:
        gone, taking = servers[0].called, servers[3].called
        done = servers[0].ask("retire")
        assert (done.returncode, done.stdout) == (0, "it has left\n"), done.stderr
        assert servers[0].wait() == 0
        wait_until(lambda: gone not in members_of(servers, 1), PATIENCE_S)
        assert taking in members_of(servers, 1)
        with bayou.connect(servers[1].address, secret=servers[1].secret) as session:
            write = session["notes"].put("a", 1)
            assert session.wait_committed(write, PATIENCE_S) is not None
