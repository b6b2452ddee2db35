"""Clusters of a chat run by hand: real processes, in any order, killed and started again."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pexpect
import pytest

from tests.chat_kills import kill
from tests.clusters import BAYOU, PATIENCE_S, Cluster, chat, texts
from tests.processes import wait_until

pytestmark = pytest.mark.processes


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def test_servers_come_in_any_order_and_server_0_leads_first(tmp_path: Path) -> None:
    with Cluster(tmp_path, "--election", "20") as cluster:
        client = cluster.client()
        client.type("nobody is there yet")
        cluster.start(2)
        cluster.start(1)
        cluster.start(0)
        client.type("  blanks   inside ", "", " \t ", "caf\xe9")
        view = client.wait_for(3)
        assert client.end() == 0
        assert texts(view) == ["nobody is there yet", "blanks   inside", "caf\xe9"]
        assert [line.split()[0] for line in view] == ["0", "1", "2"]
        sender = {line.split()[1] for line in view}
        assert len(sender) == 1
        assert 1 << 10 <= int(sender.pop()[:-1]) < 1 << 64
        for id in range(3):
            cluster.wait_told(id, "slot 2: ")
            assert [line for line in cluster.told(id).splitlines() if "view: " in line] == [
                f"server {id}: view: {'this server' if id == 0 else 'server 0'} leads, in ballot 1.0"
            ]
        assert [cluster.stop(0), cluster.stop(1, signal.SIGINT)] == [143, 130]
        assert cluster.stop(2, signal.SIGHUP) == 129


def test_who_is_there_is_elected_where_server_0_does_not_come(tmp_path: Path) -> None:
    with Cluster(tmp_path) as cluster:
        cluster.start(1)
        cluster.start(2)
        assert texts(cluster.say("a", "b")) == ["a", "b"]
        assert cluster.leader() in (1, 2)
        leader = cluster.leader()
        cluster.start(0)
        cluster.wait_told(0, "slot 1: ")
        assert texts(cluster.say("c")) == ["a", "b", "c"]
        assert cluster.leader() == leader  # who comes late does not disturb it


def test_a_leader_is_killed_while_messages_go_on_and_comes_back(tmp_path: Path) -> None:
    with Cluster(tmp_path) as cluster:
        cluster.start_all()
        first, second = cluster.client(), cluster.client("--auto", "0")
        first.type("before")
        second.wait_for(20)
        cluster.wait_told(1, "leads, in ballot")
        killed = cluster.leader()
        assert killed is not None
        cluster.kill(killed)
        first.type("without it")
        wait_until(lambda: "without it" in texts(first.view()), PATIENCE_S)
        cluster.start(killed)
        first.type("with it")
        wait_until(lambda: "with it" in texts(first.view()), PATIENCE_S)
        assert second.stop() == 130
        assert re.match(r"\d+ messages delivered in [\d.]+ s, [\d,]+ a second\n", second.err.read_text())
        assert first.end() == 0
        view = first.view()
        assert len(view) == len(set(view))
        mine = [text for text in texts(view) if not text.startswith("message ")]
        assert mine == ["before", "without it", "with it"]
        auto = [int(text.split()[1]) for text in texts(view) if text.startswith("message ")]
        assert auto == list(range(1, len(auto) + 1))
        assert view[: len(second.view())] == second.view()[: len(view)]


def test_nothing_is_lost_where_all_are_killed(tmp_path: Path) -> None:
    with Cluster(tmp_path, snapshot_every=10) as cluster:
        cluster.start_all()
        before = cluster.say(*(f"text {number}" for number in range(34)))
        assert cluster.view(34) == before  # who comes late gets a snapshot
        for id in range(3):
            cluster.kill(id)
        cluster.start_all()
        after = cluster.say("after")
        assert after[:-1] == before
        cluster.wait_told(0, "snapshot: all slots below 30 are in it")
        for id in range(3):
            cluster.kill(id)
        kept = [cluster.delivered(id) for id in range(3)]
        longest = max(kept, key=len)
        assert len(longest) >= 34  # that the last one is decided may not have been written yet
        assert all(each == longest[: len(each)] for each in kept)
        assert max(cluster.kept(id)[2] - len(cluster.kept(id)[0]) for id in range(3)) >= 30
        cluster.start_all()
        assert cluster.view(35) == after


def test_a_server_that_was_away_for_long_takes_a_snapshot_over(tmp_path: Path) -> None:
    with Cluster(tmp_path, snapshot_every=10) as cluster:
        cluster.start(0)
        cluster.start(1)
        view = cluster.say(*(f"text {number} {'x' * 20_000}" for number in range(25)))
        cluster.start(2)
        cluster.wait_told(2, "snapshot: all slots below 20 were taken over")
        cluster.wait_told(2, "slot 24: ")
        cluster.kill(0)
        assert cluster.say("and on")[:-1] == view
        cluster.stop(2)
        cluster.start(2)
        cluster.stop(1)
        cluster.start(0)
        assert len(cluster.say("at last")) == 27


def test_with_much_lost_everything_arrives_once_and_in_order(tmp_path: Path) -> None:
    with Cluster(tmp_path, "--loss", "0.3", "--timeout", "0.1") as cluster:
        cluster.start_all()
        clients = [cluster.client() for _ in range(2)]
        for number, client in enumerate(clients):
            client.type(*(f"{number} says {count}" for count in range(12)))
        assert [client.end() for client in clients] == [0, 0]
        view = cluster.view(24)
        for number, client in enumerate(clients):
            mine = [text for text in texts(view) if text.startswith(f"{number} ")]
            assert mine == [f"{number} says {count}" for count in range(12)]
            assert view[: len(client.view())] == client.view()
        assert len(view) == 24


def test_odd_bytes_and_long_messages(tmp_path: Path) -> None:
    with Cluster(tmp_path, "-f", "0") as cluster:
        cluster.start(0)
        given = b"caf\xe9\nesc \x1b[2J\n" + b"y" * (64 << 10) + b"\n" + b"n" * ((64 << 10) + 9) + b"\nno end"
        done = chat("client", "--config", "cluster.json", cwd=tmp_path, given=given)
        assert done.returncode == 0
        shown = [line.split(b": ", 1)[1] for line in done.stdout.splitlines()]
        assert shown == [b"caf\xe9", b"esc \x1b[2J", b"y" * (64 << 10), b"no end"]
        assert done.stderr == b"a message is too long, and not sent: 64 KiB are the limit\n"
        assert "\x1b" not in cluster.told(0)


def test_input_from_a_file_and_from_nowhere(tmp_path: Path) -> None:
    with Cluster(tmp_path, "-f", "0") as cluster:
        cluster.start(0)
        lines = tmp_path / "lines"
        lines.write_text("".join(f"line {number}\n" for number in range(700)))
        command = "client --config cluster.json"
        bayou = " ".join(BAYOU)
        for given in (f"< {lines}", "<&-", "< /dev/null"):
            done = subprocess.run(
                ["sh", "-c", f"exec {bayou} {command} {given}"],
                cwd=tmp_path, capture_output=True, check=False, timeout=PATIENCE_S,
            )  # fmt: skip
            assert (done.returncode, done.stderr) == (0, b"")
        assert texts(cluster.view(700)) == [f"line {number}" for number in range(700)]


def test_nobody_reads_the_view_any_more(tmp_path: Path) -> None:
    with Cluster(tmp_path, "-f", "0") as cluster:
        cluster.start(0)
        done = subprocess.run(
            ["sh", "-c", f"({' '.join(BAYOU)} client --config cluster.json --auto 0; echo $? >&2) | head -3"],
            cwd=tmp_path, capture_output=True, check=False, timeout=PATIENCE_S,
        )  # fmt: skip
        assert len(done.stdout.splitlines()) == 3
        assert done.stderr.split()[-1] == b"141"


def test_a_few_leaders_are_killed_under_load(tmp_path: Path) -> None:
    """The campaign is ``python -m tests.chat_kills``."""
    outcome = kill(tmp_path, 5, seed=3)
    assert outcome.problems() == []
    assert outcome.ballots > 5
    assert outcome.deaths > 8
    assert sum(outcome.acknowledged) > 50


def test_at_terminals(tmp_path: Path) -> None:
    def terminal(*arguments: str) -> pexpect.spawn[str]:
        words = [*BAYOU[1:], *arguments]
        return pexpect.spawn(BAYOU[0], words, cwd=str(tmp_path), encoding="utf-8", timeout=int(PATIENCE_S))

    def end_of(child: pexpect.spawn[str]) -> tuple[int | None, str]:
        child.expect(pexpect.EOF)
        child.close()
        return child.exitstatus, str(child.before)

    with Cluster(tmp_path, "-f", "0") as cluster:
        server = terminal("serve", "--config", "cluster.json", "--id", "0")
        server.expect("listens at")
        client = terminal("client", "--config", "cluster.json")
        client.expect(r"you are \d+; a line is a message, Ctrl-D ends")
        client.sendline("hello")
        client.expect(r"0 \d+: hello")
        cluster.say("clear \x1b[2J")
        client.expect("1 \\d+: clear \N{REPLACEMENT CHARACTER}\\[2J")
        client.sendeof()
        assert end_of(client)[0] == 0
        auto = terminal("client", "--config", "cluster.json", "--auto", "0")
        auto.expect("message 3")
        auto.sendintr()
        status, told = end_of(auto)
        assert status == 130
        assert re.search(r"\d+ messages delivered in [\d.]+ s, \d+ a second", told)
        server.sendintr()
        status, told = end_of(server)
        assert status == 130
        assert told.endswith("server 0: ends\r\n")


# Who is not let in, and what is refused.


def test_without_the_secret_nobody_gets_in(tmp_path: Path) -> None:
    with Cluster(tmp_path) as cluster:
        cluster.start_all()
        cluster.say("hello")
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        shutil.copy(cluster.path, elsewhere)
        shutil.copy(f"{cluster.path}-secret", elsewhere)
        secret = elsewhere / "cluster.json-secret"
        secret.write_text("ab" * 32)
        done = chat("client", "--config", "cluster.json", cwd=elsewhere, given=b"let me in\n")
        assert (done.returncode, done.stdout) == (1, b"")
        remedy = b"cluster.json-secret is not theirs; copy it from where they run"
        assert remedy in done.stderr.splitlines()[-1]
        assert texts(cluster.view(1)) == ["hello"]
        cluster.wait_told(
            0, "closed the connection to a stranger: it does not know the secret of this cluster"
        )


def test_the_folder_of_another_server_is_refused(tmp_path: Path) -> None:
    with Cluster(tmp_path) as cluster:
        cluster.start(0)
        done = chat(
            "serve", "--config", "cluster.json", "--id", "1", "--data", "cluster.json.d/0", cwd=tmp_path
        )
        assert done.returncode == 1
        assert b"cluster.json.d/0 is in use by process" in done.stderr
        cluster.stop(0)
        done = chat(
            "serve", "--config", "cluster.json", "--id", "1", "--data", "cluster.json.d/0", cwd=tmp_path
        )
        assert done.returncode == 1
        why = (
            f"cluster.json.d/0 is for server 0 of 3 of chat {cluster.config.name}, and not for server 1 of 3"
        )
        assert done.stderr.decode().startswith(f"server 1: {why}")
        assert len(done.stderr.splitlines()) == 1
        chat("config", "--force", cwd=tmp_path)
        done = chat("serve", "--config", "cluster.json", "--id", "0", cwd=tmp_path)
        assert (done.returncode, done.stderr.count(b"name the folder of this node")) == (1, 1)


def test_more_servers_than_there_were_are_refused(tmp_path: Path) -> None:
    """Who is a majority is for good, as long as nobody changes the members through the log."""
    with Cluster(tmp_path, "-f", "0") as cluster:
        cluster.start(0)
        cluster.stop(0)
        plain = json.loads(cluster.path.read_text())
        plain["servers"].append({"id": 1, "host": "127.0.0.1", "port": 1})
        cluster.path.write_text(json.dumps(plain))
        done = chat("serve", "--config", "cluster.json", "--id", "0", cwd=tmp_path)
        assert done.returncode == 1
        assert b"and not for server 0 of 2" in done.stderr


def test_a_folder_that_is_gone_is_missed(tmp_path: Path) -> None:
    with Cluster(tmp_path) as cluster:
        cluster.start(0)
        cluster.stop(0)
        shutil.rmtree(tmp_path / "cluster.json.d" / "0")
        done = chat("serve", "--config", "cluster.json", "--id", "0", cwd=tmp_path)
        assert done.returncode == 1
        assert done.stderr.startswith(
            b"server 0: cluster.json.d/0 is missing, and cluster.json.d/0.made says"
        )


def test_a_folder_that_can_not_be_made(tmp_path: Path) -> None:
    with Cluster(tmp_path):
        (tmp_path / "cluster.json.d").write_text("in the way")
        done = chat("serve", "--config", "cluster.json", "--id", "0", cwd=tmp_path)
        assert done.returncode == 1
        assert re.match(rb"server 0: cluster\.json\.d/0.* can't be used: Not a directory", done.stderr)
        assert len(done.stderr.splitlines()) == 1


def test_a_damaged_journal_is_refused(tmp_path: Path) -> None:
    with Cluster(tmp_path, "-f", "0") as cluster:
        cluster.start(0)
        cluster.say("a", "b", "c")
        cluster.kill(0)
        (journal,) = (tmp_path / "cluster.json.d" / "0").glob("journal-*")
        data = bytearray(journal.read_bytes())
        data[len(data) // 2] ^= 1
        journal.write_bytes(data)
        done = chat("serve", "--config", "cluster.json", "--id", "0", cwd=tmp_path)
        assert done.returncode == 1
        assert b"is damaged" in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with Cluster(tmp_path) as cluster:
        cluster.start(0)
        done = chat("serve", "--config", "cluster.json", "--id", "0", "--data", "other", cwd=tmp_path)
        port = cluster.config.servers[0].port
        why = f"server 0: can't listen at 127.0.0.1:{port}: Address already in use\n"
        assert (done.returncode, done.stderr.decode()) == (1, why)


def test_a_server_that_can_write_no_more_ends_with_one_line_and_loses_nothing(tmp_path: Path) -> None:
    with Cluster(tmp_path) as cluster:
        cluster.start_all()
        cluster.say("hello")
        (journal,) = (tmp_path / "cluster.json.d" / "0").glob("journal-*")
        limit = (journal.stat().st_size + 5_000, resource.RLIM_INFINITY)
        resource.prlimit(cluster.servers[0].pid, resource.RLIMIT_FSIZE, limit)
        view = cluster.say(*(f"{'x' * 1000} {number}" for number in range(10)))
        assert cluster.servers[0].wait(PATIENCE_S) == 1
        told = cluster.told(0).splitlines()
        assert re.fullmatch(
            r"server 0: cluster\.json\.d/0/journal-\d+ can't be used: File too large; raise the limit on the "
            r"size of files \(ulimit -f\), then start the node again",
            told[-1],
        )
        cluster.start(0)
        cluster.kill(1)
        assert cluster.view(len(view)) == view


# Details.


def test_slots_that_are_skipped(tmp_path: Path) -> None:
    with Cluster(tmp_path, "--election", "20") as cluster:
        cluster.start(1, "--skip-slots", "0")
        cluster.wait_told(1, "server 1: --skip-slots counts for server 0 alone, and is ignored")
        cluster.start(0, "--skip-slots", "1,3")
        cluster.wait_told(0, "this server leads")
        client = cluster.client()
        client.type("a", "b", "c")
        cluster.wait_told(0, "slot 2: ")
        assert texts(client.view()) == ["a"]
        plain = json.loads(cluster.path.read_text())
        cluster.start(2)
        cluster.wait_told(2, "server 0 leads")
        assert plain["election_s"] == 20
        cluster.kill(0)
        view = client.wait_for(3)
        assert [line.split()[0] for line in view] == ["0", "2", "3"]
        assert client.end() == 0
        cluster.wait_told(1, "slot 1: no-op")
        cluster.start(0, "--skip-slots", "2,9")  # it does not lead, so that nothing is skipped
        assert [line.split()[0] for line in cluster.say("d")] == ["0", "2", "3", "4"]


@pytest.mark.parametrize("slots", ["", "1,,2", "x", "-1", "1.5", str(1 << 63)])
def test_slots_that_are_none(tmp_path: Path, slots: str) -> None:
    chat("config", cwd=tmp_path)
    done = chat("serve", "--config", "cluster.json", "--id", "0", f"--skip-slots={slots}", cwd=tmp_path)
    assert done.returncode == 2
    assert b"argument --skip-slots: " in done.stderr
    assert not (tmp_path / "cluster.json.d").exists()


def test_messages_that_are_made_up(tmp_path: Path) -> None:
    with Cluster(tmp_path, "-f", "0") as cluster:
        cluster.start(0)
        done = chat("client", "--config", "cluster.json", "--auto", "5", cwd=tmp_path, given=b"not read\n")
        assert done.returncode == 0
        assert texts(done.stdout.decode().splitlines()) == [f"message {number}" for number in range(1, 6)]
        assert re.fullmatch(rb"5 messages delivered in [\d.]+ s, [\d,]+ a second\n", done.stderr)
        done = chat("client", "--config", "cluster.json", "--auto", "-1", cwd=tmp_path)
        assert done.returncode == 2


def test_what_a_client_that_waits_says(tmp_path: Path) -> None:
    with Cluster(tmp_path) as cluster:
        client = cluster.client()
        client.type("hello")
        lonely = "none of the 3 servers of cluster.json can be reached; tries again until one can\n"
        wait_until(lambda: client.err.read_text() == lonely, PATIENCE_S)
        cluster.start(1)
        other = cluster.client()
        other.type("me too")
        waits = "message 1 is not delivered yet (1 of 3 servers can be reached); waits for a majority\n"
        wait_until(lambda: other.err.read_text() == waits, PATIENCE_S)
        assert other.stop() == 130
        assert other.err.read_text() == waits + "1 messages were not known to be delivered yet\n"
        cluster.start(2)
        assert client.end() == 0
        assert sorted(texts(client.view())) in (["hello"], ["hello", "me too"])


@pytest.mark.skipif(not has_ipv6(), reason="there is no IPv6 here")
def test_over_ipv6_with_state_elsewhere(tmp_path: Path) -> None:
    with Cluster(tmp_path, "-f", "0", host="::1") as cluster:
        cluster.start(0, "--data", "deep/down/zero")
        assert (
            f"listens at [::1]:{cluster.config.servers[0].port}, one of 1; deep/down/zero has nothing decided"
            in cluster.told(0)
        )
        assert texts(cluster.say("hello")) == ["hello"]
        assert cluster.stop(0) == 143
        cluster.start(0, "--data", "deep/down/zero")
        assert "one of 1; deep/down/zero has slots below 1" in cluster.told(0)
        assert texts(cluster.view(1)) == ["hello"]
        assert sorted(os.listdir(tmp_path / "deep" / "down")) == ["zero", "zero.made"]


def test_a_host_is_known_by_its_name(tmp_path: Path) -> None:
    with Cluster(tmp_path, "-f", "0") as cluster:
        plain = json.loads(cluster.path.read_text())
        plain["servers"][0]["host"] = "no-such-host.invalid"
        cluster.path.write_text(json.dumps(plain))
        cluster.start(0, is_awaited=False)
        cluster.wait_told(0, "server 0: the host 'no-such-host.invalid' of server 0 is not known")
        assert cluster.stop(0) == 143
        plain["servers"][0]["host"] = "localhost"
        cluster.path.write_text(json.dumps(plain))
        cluster.start(0)
        assert texts(cluster.say("hello")) == ["hello"]
