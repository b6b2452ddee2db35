"""`bayou.connect`: sessions with real servers, which move when those are killed."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from random import Random
from typing import Any

import pytest

import bayou
from tests.clusters import free_ports
from tests.processes import wait_until
from tests.serving import PATIENCE_S, Servers

pytestmark = pytest.mark.processes


def test_a_session_does_what_a_replica_does(tmp_path: Path) -> None:
    with Servers(tmp_path, 1) as servers:
        servers.start_all()
        with bayou.connect(servers[0].address, secret=servers[0].secret) as db:
            notes = db["notes"]
            write = notes.put("monday", {"text": "milk", "done": False})
            assert db.server == "<>" == write.server
            assert notes["monday"] == {"text": "milk", "done": False}
            assert db.wait_committed(write, 5) == db.outcome(write)
            assert db.outcome(write).state == "committed"
            assert db.outcome(bayou.WriteId(write.stamp + 9_000_000_000, "<>")).state == "unknown"
            notes.update((f"{number:04}", number) for number in range(1500))
            assert len(notes) == 1501
            assert [row.value for row in notes.scan("1", start="1200", limit=300)] == list(range(1200, 1500))
            row = notes.row("monday")
            assert row is not None
            assert (row.value, row.committed) == ({"done": False, "text": "milk"}, True)
            assert row.write in (write, None)  # which is folded after a second
            assert db.collections() == ["notes"]
            del notes["monday"]
            assert "monday" not in notes
            with pytest.raises(KeyError):
                del notes["monday"]
            assert notes.get("monday", 7) == 7
            assert db.pending() == []
            assert db.contended() == {}
            assert db.status()["server"] == "<>"
            assert db.status()["address"] == servers[0].address
            with pytest.raises(TypeError):
                notes["bad"] = (1,)
            with pytest.raises(ValueError, match="is no name"):
                db["Bad"]
            notes.clear()
            assert dict(notes) == {}


def test_changes_are_followed_from_afar(tmp_path: Path) -> None:
    with Servers(tmp_path, 1) as servers:
        servers.start_all()
        at, secret = servers[0].address, servers[0].secret
        with bayou.connect(at, secret=secret) as db, bayou.connect(at, secret=secret) as other:
            db["notes"].update({"a": 1, "b": 2})
            feed = db.changes(timeout_s=PATIENCE_S)
            assert [next(feed).key, next(feed).key] == ["a", "b"]
            threading.Thread(target=lambda: other["notes"].put("c", 3)).start()
            change = next(feed)
            assert (change.key, change.value, change.csn is not None) == ("c", 3, True)
            assert list(db.changes(change.resume, timeout_s=0)) == []
            other["notes"].delete("a")
            assert [each.value for each in db.changes(change.resume, timeout_s=0)] == [None]


def test_a_session_sees_what_it_wrote_wherever_it_moves(tmp_path: Path) -> None:
    """Read your writes, over servers that do not hear of each other."""
    with Servers(tmp_path, 2) as servers:
        servers.start_all()
        servers.wait_level()
        secret = servers[0].secret
        with bayou.connect([servers[1].address], secret=secret, timeout_s=3) as db:
            servers[0].kill()
            db["notes"]["only"] = "there"
            (pending,) = db.pending()
            assert pending.write is not None
            assert db["notes"].row("only").committed is False  # type: ignore[union-attr]
            assert db.wait_committed(pending.write, 0.05) is None
            token = db.token()
        servers[1].kill()
        servers[0].start()
        with pytest.raises(bayou.NotRecentEnough, match="has seen"):
            bayou.connect(servers[0].address, secret=secret, token=token, timeout_s=1)["notes"].get("only")
        with bayou.connect(servers[0].address, secret=secret, guarantees="none") as careless:
            assert careless["notes"].get("only") is None
            assert careless.guarantees == "none"
            careless._remote.state.timeout_s = 1
            careless.at_least(write=pending.write)
            with pytest.raises(bayou.NotRecentEnough):
                careless["notes"].get("only")
        servers[1].start()
        with bayou.connect(servers[0].address, secret=secret, token=token, timeout_s=PATIENCE_S) as db:
            assert db["notes"]["only"] == "there"  # as soon as it has heard of it
            assert db.guarantees == "RYW,MR,WFR,MW"
            db.at_least(csn=db.status()["csn"], write=pending.write, wait_s=1)
            assert db["notes"]["only"] == "there"


def test_sessions_of_a_process_share_a_connection(tmp_path: Path) -> None:
    with Servers(tmp_path, 1) as servers:
        servers.start_all()
        at, secret = servers[0].address, servers[0].secret
        sessions = [bayou.connect(at, secret=secret) for _ in range(20)]
        assert len({id(session._remote.hub) for session in sessions}) == 1
        assert len(sessions[0]._remote.hub.board.servers) == 1
        failures: list[BaseException] = []

        def work(number: int) -> None:
            try:
                rows = sessions[number % 20]["notes"]
                for count in range(10):
                    rows[f"{number}"] = count
                    assert rows[f"{number}"] == count
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures
        assert len(sessions[0]["notes"]) == 40
        hub = sessions[0]._remote.hub
        for session in sessions:
            session.close()
            session.close()
        with pytest.raises(bayou.Error, match="closed"):
            hub.act(lambda: None)


def test_an_idle_session_whose_server_was_killed_goes_on_elsewhere(tmp_path: Path) -> None:
    with Servers(tmp_path, 2) as servers:
        servers.start_all()
        addresses = [server.address for server in servers.all]
        with bayou.connect(addresses, secret=servers[0].secret) as db:
            db["notes"]["a"] = 1
            servers.wait_level()
            servers[0].kill()
            db["notes"]["b"] = 2
            assert db["notes"]["a"] == 1
            assert db.server == servers[1].called


def test_a_server_that_others_have_told_of_is_found(tmp_path: Path) -> None:
    with Servers(tmp_path, 2) as servers:
        servers.start_all()
        servers.wait_level()
        with bayou.connect(servers[0].address, secret=servers[0].secret) as db:
            wait_until(lambda: db.status() and len(db._remote.hub.board._places) == 2, PATIENCE_S)
            servers[0].kill()
            db["notes"]["b"] = 2
            assert db.server == servers[1].called


def test_an_answer_that_never_comes_leaves_the_outcome_unknown(tmp_path: Path) -> None:
    """A server that is stopped in the midst may have carried a write out: the session says so, reads before
    it writes again, and learns the truth."""
    import signal

    with Servers(tmp_path, 1) as servers:
        servers.start_all()
        with bayou.connect(servers[0].address, secret=servers[0].secret, timeout_s=0.5) as db:
            db["notes"]["a"] = 1
            process = servers[0].process
            assert process is not None
            process.send_signal(signal.SIGSTOP)
            with pytest.raises(bayou.OutcomeUnknown, match="read before you write again") as caught:
                db["notes"]["a"] = 2
            assert caught.value.number > 1
            process.send_signal(signal.SIGCONT)
            db._remote.state.timeout_s = PATIENCE_S
            db["notes"]["b"] = 3
            assert dict(db["notes"]) == {"a": 2, "b": 3}


# What goes wrong.


def test_nobody_is_there(tmp_path: Path) -> None:
    at = f"127.0.0.1:{free_ports(1)[0]}"
    with pytest.raises(bayou.Unavailable, match="refused"):
        bayou.connect(at, secret=bytes(32), timeout_s=0.3)
    with Servers(tmp_path, 1) as servers:
        servers.start_all()
        with pytest.raises(bayou.WrongSecret, match="secret"):
            bayou.connect(servers[0].address, secret=bytes(32))
        with pytest.raises(bayou.WrongSecret, match="name its file"):
            bayou.connect(servers[0].address)
        with pytest.raises(bayou.WrongSecret, match="there is no secret"):
            bayou.connect(servers[0].address, secret=tmp_path / "none")
        with bayou.connect([at, servers[0].address], secret=servers[0].secret) as db:
            db["notes"]["a"] = 1
            db._remote.state.timeout_s = 0.5
            token = db.token()
            servers[0].kill()
            with pytest.raises(bayou.Unavailable):
                db["notes"].get("a")
    secret = tmp_path / "a.bayou-secret"
    with (
        bayou.open(tmp_path / "other.bayou", secret=secret, listen=at),
        pytest.raises(bayou.WrongCluster),
    ):
        bayou.connect(at, secret=secret, token=token)


def test_what_is_no_write_breaks_nothing(tmp_path: Path) -> None:
    with bayou.open(tmp_path / "a.bayou", listen="127.0.0.1:0") as server:
        at = server.status()["listens"]
        with bayou.connect(at, secret=tmp_path / "a.bayou-secret") as db:
            for write in (bayou.WriteId(1, "nobody"), bayou.WriteId(1, "<x>")):
                with pytest.raises(ValueError, match=r"name of a server|invalid literal"):
                    db.at_least(write=write)
                with pytest.raises(ValueError, match=r"name of a server|invalid literal"):
                    db.outcome(write)
                with pytest.raises(ValueError, match=r"name of a server|invalid literal"):
                    server.outcome(write)
            with pytest.raises(ValueError, match="0 at least"):
                db.at_least(csn=-1)
            db["notes"]["still"] = "good"
            assert server["notes"]["still"] == "good"


@pytest.mark.parametrize("token", ["", "bayou1.", "bayou1.AAAA", "bayou2.W10", "bayou1.W10", "x" * 99])
def test_what_is_no_token(token: str) -> None:
    with pytest.raises(ValueError, match="token of a session"):
        bayou.connect("127.0.0.1:1", secret=bytes(32), token=token)


def test_guarantees_are_those_of_the_papers() -> None:
    with pytest.raises(ValueError, match="'EVERYTHING' is no guarantee"):
        bayou.connect("127.0.0.1:1", secret=bytes(32), guarantees="everything")


# Moving, while servers are killed.


WRITER = """
import bayou, sys
addresses, secret, name = sys.argv[1].split(), sys.argv[2], sys.argv[3]
db = bayou.connect(addresses, secret=secret, timeout_s=60)
for number in range(int(sys.argv[4])):
    try:
        db["notes"][f"{name}-{number:04}"] = number
    except bayou.OutcomeUnknown:
        if db["notes"].get(f"{name}-{number:04}") != number:
            db["notes"][f"{name}-{number:04}"] = number
    db["last"][name] = number
    assert db["last"][name] == number
    print(number, flush=True)
"""


def test_sessions_go_on_while_their_servers_are_killed(tmp_path: Path) -> None:
    """Three servers, killed and started again at random; what was acknowledged is on all of them in the end,
    and each session has seen its own writes all the time."""
    rng, count = Random(5), 60
    with Servers(tmp_path, 3) as servers:
        servers.start_all()
        addresses = [server.address for server in servers.all]
        writers = []
        for name in ("one", "two"):
            order = rng.sample(addresses, 3)
            arguments = [" ".join(order), str(servers[0].secret), name, str(count)]
            writers.append(
                subprocess.Popen(
                    [sys.executable, "-c", WRITER, *arguments], stdout=subprocess.PIPE, text=True
                )
            )
        kills = 0
        while any(writer.poll() is None for writer in writers) and kills < 40:
            victim = servers[rng.randrange(3)]
            victim.kill()
            victim.start()
            kills += 1
        for writer in writers:
            said, _ = writer.communicate(timeout=PATIENCE_S * 2)
            assert writer.returncode == 0
            assert [int(line) for line in said.split()] == list(range(count))
        assert kills > 2
        servers.wait_level()
        for server in servers.all:
            with bayou.connect(server.address, secret=servers[0].secret) as db:
                rows: dict[str, Any] = dict(db["notes"])
                assert len(rows) == 2 * count
                assert dict(db["last"]) == {"one": count - 1, "two": count - 1}
