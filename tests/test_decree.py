"""``bayou paxos``: one decree by separate roles, simulated, on processes, and by a file of hosts."""

from __future__ import annotations

import os
import re
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bayou.decree.hosts import HostsError, read_hosts
from bayou.decree.main import client, decide, node
from bayou.decree.plan import Plan, Wish, parse_wish
from bayou.decree.secret import SecretError, secret_in
from tests.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
ENV = {**os.environ, "PYTHONPATH": str(ROOT)}


def bayou(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bayou", "paxos", *arguments],
        capture_output=True, text=True, timeout=60, check=False, env=ENV,
    )  # fmt: skip


# Simulated.


@pytest.fixture
def told(capfdbinary: pytest.CaptureFixture[bytes]) -> pytest.CaptureFixture[bytes]:
    return capfdbinary


def outcome(told: pytest.CaptureFixture[bytes], *arguments: str) -> tuple[int, str, str]:
    status = decide([*arguments, "--world", "sim"])
    captured = told.readouterr()
    return status, captured.out.decode(), captured.err.decode()


EXAMPLE = ("--proposers", "2", "--acceptors", "3", "--learners", "1", "--value", "210", "--value", "7@1")


@pytest.mark.parametrize("seed", range(25))
def test_every_client_gets_the_one_value(told: pytest.CaptureFixture[bytes], seed: int) -> None:
    status, out, err = outcome(told, *EXAMPLE, "--kill", "3", "--seed", str(seed))
    assert (status, err) == (0, "")
    assert out in ("6: 210\n7: 210\n", "6: 7\n7: 7\n")
    assert outcome(told, *EXAMPLE, "--kill", "3", "--seed", str(seed))[1] == out


def test_any_of_the_values_may_win(told: pytest.CaptureFixture[bytes]) -> None:
    won = {outcome(told, *EXAMPLE, "--seed", str(seed))[1] for seed in range(40)}
    assert won == {"6: 210\n7: 210\n", "6: 7\n7: 7\n"}


@pytest.mark.parametrize(
    ("kills", "why"),
    [
        ("2 3", "no majority of acceptors is left: 1 of 3"),
        ("0 1", "no proposer is left"),
        ("5", "no learner is left"),
    ],
)
def test_who_is_missing_is_told(told: pytest.CaptureFixture[bytes], kills: str, why: str) -> None:
    killed = [word for id in kills.split() for word in ("--kill", id)]
    status, out, err = outcome(told, *EXAMPLE, *killed)
    assert (status, out) == (3, "")
    assert err == f"bayou paxos decide: {why}; clients that have not been told: 6, 7\n"


def test_a_client_goes_on_to_the_next_proposer(told: pytest.CaptureFixture[bytes]) -> None:
    assert outcome(told, "--value", "x@0", "--kill", "0") == (0, "6: x\n", "")
    assert outcome(told, "--value", "x@7", "--kill", "1") == (0, "6: x\n", ""), "7 is place 1 of two"


def test_another_learner_tells_if_one_dies(told: pytest.CaptureFixture[bytes]) -> None:
    assert outcome(told, "--learners", "2", "--value", "x", "--kill", "5") == (0, "7: x\n", "")


def test_the_elected_that_dies_as_a_learner_has_handed_out_the_roles(
    told: pytest.CaptureFixture[bytes],
) -> None:
    assert outcome(told, "--learners", "2", "--value", "x", "--kill", "6") == (0, "7: x\n", "")


def test_the_smallest_decree(told: pytest.CaptureFixture[bytes]) -> None:
    one = ("--proposers", "1", "--acceptors", "1", "--learners", "1")
    assert outcome(told, *one, "--value", "a b @x") == (0, "3: a b @x\n", "")


@pytest.mark.parametrize("seed", range(6))
def test_many(told: pytest.CaptureFixture[bytes], seed: int) -> None:
    many = [word for value in range(12) for word in ("--value", f"v{value}")]
    killed = ("--kill", "4", "--kill", "8", "--kill", "0")
    sizes = ("--proposers", "4", "--acceptors", "7", "--learners", "3")
    status, out, _ = outcome(told, *sizes, *many, *killed, "--seed", str(seed))
    assert status == 0
    lines = [line.split(": ") for line in out.splitlines()]
    assert [id for id, _ in lines] == [str(id) for id in range(14, 26)]
    assert len({value for _, value in lines}) == 1


# The command line.


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("210", Wish("210", None)),
        ("7@1", Wish("7", 1)),
        ("a@b", Wish("a@b", None)),
        ("a@b@2", Wish("a@b", 2)),
        ("a@-1", Wish("a@-1", None)),
        ("a@", Wish("a@", None)),
    ],
)
def test_a_value_and_its_proposer(text: str, wish: Wish) -> None:
    assert parse_wish(text) == wish


@pytest.mark.parametrize("text", ["", "@1", "a\nb", "x" * 70_000])
def test_what_is_no_value(text: str) -> None:
    with pytest.raises(ValueError, match=r"value|line"):
        parse_wish(text)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "--value"),
        (("--value", "x", "--proposers", "0"), "no number from 1 to 99"),
        (("--value", "x", "--acceptors", "99"), "102 nodes are too many: 99 at most"),
        (("--value", "x", "--kill", "6"), "there is no such node; their ids are 0 to 5"),
        (("--value", "@3"), "has no value"),
        (("--value", "x", "--secret-file", "s"), "--secret-file goes with --hosts"),
        (("--value", "x", "--hosts", "h"), "not with --world sim"),
    ],
)
def test_a_wrong_option(told: pytest.CaptureFixture[bytes], arguments: tuple[str, ...], why: str) -> None:
    with pytest.raises(SystemExit) as ended:
        decide([*arguments, "--world", "sim"])
    assert ended.value.code == 2
    assert why in told.readouterr().err.decode()


def test_hope_is_lost_with_half_of_the_acceptors() -> None:
    plan = Plan(1, 4, 1, (Wish("x", None),))
    assert plan.hopeless({1: None}) is None
    assert plan.hopeless({1: None, 4: None}) == "no majority of acceptors is left: 2 of 4"
    assert plan.hopeless({0: None}) == "no proposer is left"
    assert plan.hopeless({5: None}) == "no learner is left"


# The file of hosts.

FINE = "PROPOSERS 1\nACCEPTORS 1\nLEARNERS 1\nlocalhost 7000 con\n::1 7001 con\nh 7002 con\nh 7003 cli\n"


def hosts_of(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "hosts"
    path.write_text(text)
    return path


def test_a_file_of_hosts(tmp_path: Path) -> None:
    text = FINE.replace("\n", "  # so it is\n\n")
    hosts = read_hosts(str(hosts_of(tmp_path, text)))
    assert (hosts.proposers, hosts.acceptors, hosts.learners) == (1, 1, 1)
    assert hosts.nodes == (("localhost", 7000), ("::1", 7001), ("h", 7002))
    assert hosts.clients == (("h", 7003),)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("PROPOSERS 1", "proposers 1", "1: 'proposers 1' where PROPOSERS and how many is due; write"),
        ("ACCEPTORS 1", "ACCEPTORS", "2: 'ACCEPTORS' where ACCEPTORS and how many is due; write"),
        ("LEARNERS 1", "LEARNERS 0", "3: '0' is no number from 1 to 99"),
        ("LEARNERS 1", "LEARNERS 98", "3: 100 nodes in all; 99 at most"),
        (
            "LEARNERS 1",
            "LEARNERS 2",
            " 4 nodes by the counts (1 + 1 + 2), but 3 con lines; let them be as many",
        ),
        ("h 7003 cli", "h 7003 cli\nh 7004 con", "8: a con line behind a cli line; put all con lines first"),
        ("h 7003 cli", "h 7002 cli", "7: h:7002 stands in line 6 already; choose another port"),
        ("h 7003 cli", "h cli", "7: 'h cli' is no place; write HOST PORT con, or HOST PORT cli"),
        ("h 7003 cli", "h 7003 client", "7: 'client' is neither con (a node) nor cli (a client)"),
        ("h 7003 cli", "h 70030 cli", "7: '70030' is no port; they go from 1 to 65535"),
        ("h 7003 cli", "h 0 cli", "7: '0' is no port; they go from 1 to 65535"),
        (FINE, "PROPOSERS 1\n", "2: the file ends; write ACCEPTORS and how many"),
    ],
)
def test_a_wrong_line_is_named_with_what_to_do(tmp_path: Path, old: str, new: str, why: str) -> None:
    path = hosts_of(tmp_path, FINE.replace(old, new))
    with pytest.raises(HostsError, match="^" + re.escape(f"{path}:{why}")):
        read_hosts(str(path))


def test_a_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(HostsError, match="can't be read: No such file"):
        read_hosts(str(tmp_path / "nowhere"))
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(HostsError, match="is no text; write it as UTF-8"):
        read_hosts(str(tmp_path / "bytes"))


def test_counts_that_do_not_fit(told: pytest.CaptureFixture[bytes], tmp_path: Path) -> None:
    path = hosts_of(tmp_path, FINE)
    assert decide(["--hosts", str(path), "--value", "a", "--value", "b"]) == 2
    assert "1 cli lines, but 2 --value; let them be as many" in told.readouterr().err.decode()
    assert decide(["--hosts", str(path), "--value", "a", "--acceptors", "3"]) == 2
    assert "1 acceptors, but --acceptors 3; leave the option out" in told.readouterr().err.decode()


@pytest.mark.parametrize(("verb", "id"), [(node, "3"), (node, "-1"), (client, "2"), (client, "4")])
def test_an_id_that_nobody_has(
    told: pytest.CaptureFixture[bytes], tmp_path: Path, verb: object, id: str
) -> None:
    words = ["--hosts", str(hosts_of(tmp_path, FINE)), "--", id, *(["x"] if verb is client else [])]
    with pytest.raises(SystemExit) as ended:
        verb(words)  # type: ignore[operator]
    assert ended.value.code == 2
    assert "the ids" in told.readouterr().err.decode()


# The secret.


def test_the_secret_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    first = secret_in(str(path))
    assert len(first) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert secret_in(str(path)) == first
    assert list(tmp_path.iterdir()) == [path], "nothing else is left behind"


def test_of_many_who_start_at_once_one_makes_the_secret(tmp_path: Path) -> None:
    code = "import sys; from bayou.decree.secret import secret_in; print(secret_in(sys.argv[1]).hex())"
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "secret")], env=ENV, stdout=subprocess.PIPE
        )
        for _ in range(8)
    ]
    assert len({process.communicate()[0] for process in started}) == 1


def test_a_secret_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.touch(0o600)
    with pytest.raises(SecretError, match="is no secret"):
        secret_in(str(path))
    path.write_text("00" * 32)
    path.chmod(0o640)
    with pytest.raises(SecretError, match="others can read it; chmod 600"):
        secret_in(str(path))
    with pytest.raises(SecretError, match=r"can't be made: No such file.*--secret-file"):
        secret_in(str(tmp_path / "no" / "secret"))


# Processes.


@pytest.mark.processes
def test_a_decree_on_processes() -> None:
    done = bayou("decide", *EXAMPLE, "--kill", "3")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout in ("6: 210\n7: 210\n", "6: 7\n7: 7\n")


@pytest.mark.processes
@pytest.mark.parametrize(
    ("kills", "why"), [("2 4", "no majority"), ("0 1", "no proposer"), ("5", "no learner")]
)
def test_a_decree_on_processes_that_can_t_be(kills: str, why: str) -> None:
    done = bayou("decide", *EXAMPLE, *[word for id in kills.split() for word in ("--kill", id)])
    assert (done.returncode, done.stdout) == (3, "")
    assert why in done.stderr


def family_of(pid: int) -> list[int]:
    """Return the live processes of the session that ``pid`` leads."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == pid and fields[0] != "Z":
                found.append(int(entry.name))
    return found


@pytest.fixture
def hosts(tmp_path: Path) -> Path:
    """A file of hosts with places of this machine that are free: two proposers, three acceptors, a learner,
    and two clients."""
    holders = [socket.socket() for _ in range(8)]
    for holder in holders:
        holder.bind(("127.0.0.1", 0))
    ports = [holder.getsockname()[1] for holder in holders]
    for holder in holders:
        holder.close()
    path = tmp_path / "hosts"
    lines = [f"127.0.0.1 {port} {'con' if at < 6 else 'cli'}" for at, port in enumerate(ports)]
    path.write_text("\n".join(["PROPOSERS 2", "ACCEPTORS 3", "LEARNERS 1", *lines, ""]))
    return path


@pytest.mark.processes
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("with_hosts", [False, True])
def test_all_processes_are_gone_however_it_ends(hosts: Path, number: int, with_hosts: bool) -> None:
    """It waits for ever, as the one learner does not run: with hosts, somebody else holds its place."""
    text = hosts.read_text().splitlines()
    with socket.socket() as holder:
        words = ["--value", "x", "--value", "y", "--kill", "0", "--timeout", "9"]
        if with_hosts:
            holder.bind(("127.0.0.1", int(text[8].split()[1])))
            words += ["--hosts", str(hosts)]
        process = subprocess.Popen(
            [sys.executable, "-m", "bayou", "paxos", "decide", *words],
            env=ENV, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        try:
            wait_until(lambda: len(family_of(process.pid)) >= 7)
            process.send_signal(number)
            process.wait(timeout=10)
            wait_until(lambda: not family_of(process.pid))
            assert process.returncode == -number
        finally:
            for pid in family_of(process.pid):
                os.kill(pid, signal.SIGKILL)
            process.communicate()


# By a file of hosts.


@pytest.mark.processes
def test_a_decree_of_all_that_can_run_here(hosts: Path) -> None:
    done = bayou("decide", "--hosts", str(hosts), "--value", "210", "--value", "7@1", "--kill", "3")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout in ("6: 210\n7: 210\n", "6: 7\n7: 7\n")
    assert Path(f"{hosts}-secret").exists()
    done = bayou("decide", "--hosts", str(hosts), "--value", "210", "--value", "7@1", "--kill", "5")
    assert (done.returncode, done.stdout) == (3, "")
    assert "no learner is left" in done.stderr


class Hand:
    """Starts nodes by hand, and kills them all in the end."""

    def __init__(self, hosts: Path) -> None:
        self.hosts = hosts
        self.nodes: dict[int, subprocess.Popen[str]] = {}
        self.started: list[subprocess.Popen[str]] = []

    def start(self, *ids: int) -> None:
        for id in ids:
            self.nodes[id] = subprocess.Popen(
                [sys.executable, "-m", "bayou", "paxos", "node", "--hosts", str(self.hosts), str(id)],
                env=ENV, stderr=subprocess.PIPE, text=True,
            )  # fmt: skip
            self.started.append(self.nodes[id])

    def kill(self, id: int) -> None:
        self.nodes[id].kill()
        self.nodes[id].wait()

    def client(self, *words: str) -> subprocess.CompletedProcess[str]:
        return bayou("client", "--hosts", str(self.hosts), *words)


@pytest.fixture
def hand(hosts: Path) -> Iterator[Hand]:
    made = Hand(hosts)
    yield made
    for process in made.started:
        process.kill()
        process.communicate()


@pytest.mark.processes
def test_by_hand_in_any_order(hand: Hand) -> None:
    """The client is there before the nodes; nodes are killed and come back; all are stopped."""
    hand.start(4)
    first = subprocess.Popen(
        [sys.executable, "-m", "bayou", "paxos", "client", "--hosts", str(hand.hosts), "6", "red", "--watch"],
        env=ENV, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    hand.start(5, 0, 3, 1, 2)
    out, err = first.communicate(timeout=60)
    assert (first.returncode, out) == (0, "6: red\n")
    assert re.search(r"^learner 5: [234] accepted red in \d+\.\d$", err, re.MULTILINE)
    for id in (2, 3, 4, 5):
        hand.kill(id)
    hand.start(3, 2, 4, 5)
    done = hand.client("7", "blue", "1", "--stop")
    assert (done.returncode, done.stdout, done.stderr) == (0, "7: red\n", "")
    for process in hand.nodes.values():
        process.wait(timeout=10)
    assert {hand.nodes[id].returncode for id in range(6)} == {0}


@pytest.mark.processes
def test_what_acceptors_accepted_survives_them(hand: Hand) -> None:
    """The learner's state is lost on purpose, so that acceptors alone know."""
    hand.start(*range(6))
    assert hand.client("6", "red").stdout == "6: red\n"
    for id in range(6):
        hand.kill(id)
    for entry in Path(f"{hand.hosts}.d/5").iterdir():
        entry.unlink()
    Path(f"{hand.hosts}.d/5").rmdir()
    Path(f"{hand.hosts}.d/5.made").unlink()
    hand.start(*range(6))
    assert hand.client("7", "blue").stdout == "7: red\n"


@pytest.mark.processes
def test_a_node_without_its_state_does_not_start(hand: Hand) -> None:
    hand.start(2)
    folder = Path(f"{hand.hosts}.d/2")
    wait_until(lambda: Path(f"{folder}.made").exists())
    hand.kill(2)
    for entry in folder.iterdir():
        entry.unlink()
    folder.rmdir()
    done = bayou("node", "--hosts", str(hand.hosts), "2")
    assert done.returncode == 1
    assert "is gone, and with it what node 2 had promised: restore it" in done.stderr


@pytest.mark.processes
def test_a_client_that_nobody_tells_says_what_it_waits_for(hand: Hand) -> None:
    done = hand.client("6", "x", "--deadline", "0.3", "--stop")
    assert (done.returncode, done.stdout) == (3, "")
    assert "not told a value within 0.3 s: waits to be told who proposes; node 0: " in done.stderr
    assert "node 5 was not reached, and goes on if it runs" in done.stderr


@pytest.mark.processes
def test_who_does_not_know_the_secret_is_not_let_in(hand: Hand, tmp_path: Path) -> None:
    hand.start(*range(6))
    done = hand.client("6", "x", "--deadline", "2", "--secret-file", str(tmp_path / "another"))
    assert done.returncode == 3
    assert hand.client("6", "y").stdout == "6: y\n"


@pytest.mark.processes
def test_a_place_that_is_taken(hand: Hand) -> None:
    hand.start(0)
    wait_until(lambda: Path(f"{hand.hosts}.d/0.made").exists())
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", int(hand.hosts.read_text().splitlines()[4].split()[1])))
        holder.listen()
        done = bayou("node", "--hosts", str(hand.hosts), "1")
    assert done.returncode == 1
    assert "node 1 can't listen at 127.0.0.1:" in done.stderr
    assert "Address already in use; does it run already" in done.stderr
