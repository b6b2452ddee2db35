"""Replicas within programs, and servers that they sync with: real files, sockets and processes."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from pathlib import Path
from random import Random
from typing import Any

import pytest

import bayou
from bayou.node.settings import Keep
from bayou.wire.exports import parse_name
from tests.clusters import free_ports
from tests.processes import wait_until
from tests.serving import PATIENCE_S, Servers

pytestmark = pytest.mark.processes


def test_the_five_lines(tmp_path: Path) -> None:
    """What the README begins with, against `bayou serve`: join, write, work offline, sync."""
    with Servers(tmp_path, 1) as servers:
        servers.start_all()
        program = f"""
import bayou

with bayou.open("notes.bayou", join="{servers[0].address}") as db:
    notes = db["notes"]
    notes["monday"] = {{"text": "buy milk", "done": False}}
    print(notes["monday"]["text"])
    db.sync()
"""
        (tmp_path / "notes.bayou-secret").write_bytes(servers[0].secret.read_bytes())
        (tmp_path / "notes.bayou-secret").chmod(0o600)
        for _ in range(2):
            run = subprocess.run(
                [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
            )
            assert (run.returncode, run.stdout, run.stderr) == (0, "buy milk\n", "")
        assert servers[0].position().csn == 3  # a creation and two puts
        servers[0].stop()
        with bayou.open(tmp_path / "notes.bayou") as db:  # and offline ever after
            assert db["notes"].row("monday").committed  # type: ignore[union-attr]
            db["notes"]["tuesday"] = "bread"
            with pytest.raises(bayou.Unavailable, match="is there a network"):
                db.sync()
            assert [change.key for change in db.pending()] == ["tuesday"]


def test_two_laptops_that_were_offline_agree_after_a_sync(tmp_path: Path) -> None:
    with Servers(tmp_path, 1) as servers:
        servers.start_all()
        at, secret = servers[0].address, servers[0].secret
        with (
            bayou.open(tmp_path / "one.bayou", join=at, secret=secret) as one,
            bayou.open(tmp_path / "two.bayou", join=at, secret=secret) as two,
        ):
            assert one.name != two.name
            assert not one.is_primary
            first = one["notes"].put("monday", "milk")
            two["notes"]["tuesday"] = "bread"
            assert one.outcome(first) == bayou.Outcome("tentative", None, None, (("notes", "monday"),))
            assert two.outcome(first).state == "unknown"
            report = one.sync()
            assert (report.sent, report.why_stopped) == (1, "level")
            assert report.committed >= 1
            assert one.outcome(first).state == "committed"
            assert two.sync(at).received >= 1
            one.sync()
            assert dict(one["notes"]) == dict(two["notes"]) == {"monday": "milk", "tuesday": "bread"}
            assert all(row.committed for db in (one, two) for row in db["notes"].scan())
            assert one.pending() == two.pending() == []
            assert one.wait_committed(first, 0).state == "committed"  # type: ignore[union-attr]
            again = one.sync()
            assert (again.sent, again.received, again.committed, again.why_stopped) == (0, 0, 0, "level")


def test_many_writes_at_once_are_committed_by_a_server(tmp_path: Path) -> None:
    with Servers(tmp_path, 1) as servers:
        servers.start_all()
        with bayou.open(tmp_path / "one.bayou", join=servers[0].address, secret=servers[0].secret) as one:
            one["notes"].update((f"{number:03}", number) for number in range(300))
            report = one.sync()
            assert (report.sent, report.committed, report.why_stopped) == (300, 300, "level")
            assert all(row.committed for row in one["notes"].scan())
        assert servers[0].stop() == 0


def test_both_edit_the_same_row(tmp_path: Path) -> None:
    """Tentative writes of two servers side by side are contended, and the later one wins."""
    with bayou.open(tmp_path / "hub.bayou", listen="127.0.0.1:0") as hub:
        at, secret = hub.status()["listens"], tmp_path / "hub.bayou-secret"
        with (
            bayou.open(tmp_path / "one.bayou", join=at, secret=secret, listen="127.0.0.1:0") as one,
            bayou.open(tmp_path / "two.bayou", join=at, secret=secret) as two,
        ):
            hub.close()
            one["notes"]["monday"] = "milk"
            two["notes"]["monday"] = "bread"
            assert one.contended() == {}
            assert two.sync(one.status()["listens"]).why_stopped == "level"
            for db in (one, two):
                ((row, writes),) = db.contended().items()
                assert row == ("notes", "monday")
                assert [change.value for change in writes] == ["milk", "bread"]
                assert len({change.write.server for change in writes if change.write is not None}) == 2
                assert db["notes"]["monday"] == "bread"
                assert db["notes"].get("monday", committed=True) is None
                assert not db["notes"].row("monday").committed  # type: ignore[union-attr]
                assert db.wait_committed(db.pending()[0].write, 0.01) is None  # type: ignore[arg-type]
            tentative = list(one.changes(committed=False, timeout_s=0))
            assert [(change.value, change.csn) for change in tentative] == [("bread", None)]


def test_an_embedded_primary_commits_what_others_bring(tmp_path: Path) -> None:
    with bayou.open(tmp_path / "hub.bayou", listen="127.0.0.1:0") as hub:
        at, secret = hub.status()["listens"], tmp_path / "hub.bayou-secret"
        with bayou.open(tmp_path / "one.bayou", join=at, secret=secret, listen="127.0.0.1:0") as one:
            one["notes"].update({"a": 1, "b": 2})
            assert hub.is_primary
            assert not one.is_primary
            report = hub.sync(one.status()["listens"])
            assert (report.received, report.committed) == (2, 2)
            assert not hub.pending()
            assert not one.pending()  # it has the marks too
            assert dict(one["notes"]) == dict(hub["notes"]) == {"a": 1, "b": 2}


def test_kept_synced_it_takes_part_in_all_that_goes_on(tmp_path: Path) -> None:
    with Servers(tmp_path, 2) as servers:
        servers.start_all()
        at, secret = servers[0].address, servers[0].secret
        with bayou.open(tmp_path / "one.bayou", join=at, secret=secret) as one:
            one.keep_synced([at])
            write = one["notes"].put("here", "1")
            assert one.wait_committed(write, PATIENCE_S) is not None
            feed = one.changes(one.status()["csn"], timeout_s=PATIENCE_S)
            servers[1].put("there", "2")
            assert next(feed).key == "there"
            wait_until(lambda: servers[1].get("here") == "1", PATIENCE_S)
            servers[0].kill()
            one["notes"]["offline"] = "3"
            servers[0].start()
            wait_until(lambda: not one.pending(), PATIENCE_S)
            assert servers[0].get("offline") == "3"
        assert not [each for each in threading.enumerate() if each.name == "bayou" and each.is_alive()]


# What goes wrong.


def test_a_new_file_that_can_not_reach_anybody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bayou.library.opening.JOIN_S", 0.5)
    at = f"127.0.0.1:{free_ports(1)[0]}"
    with pytest.raises(bayou.Unavailable, match="refused"):
        bayou.open(tmp_path / "one.bayou", join=at, secret=bytes(32))
    assert list(tmp_path.iterdir()) == []
    with bayou.open(tmp_path / "hub.bayou", listen=at):  # and later it can
        secret = tmp_path / "hub.bayou-secret"
        with bayou.open(tmp_path / "one.bayou", join=at, secret=secret) as one:
            assert one.name != "<>"


def test_another_secret_and_another_cluster(tmp_path: Path) -> None:
    with bayou.open(tmp_path / "hub.bayou", listen="127.0.0.1:0") as hub:
        at = hub.status()["listens"]
        with pytest.raises(bayou.WrongSecret, match="secret"):
            bayou.open(tmp_path / "one.bayou", join=at, secret=bytes(32))
        with bayou.open(tmp_path / "other.bayou", secret=tmp_path / "hub.bayou-secret") as other:
            with pytest.raises(bayou.WrongCluster, match="belongs to the cluster"):
                other.sync(at)
            other["notes"]["still"] = "good"
        with bayou.open(tmp_path / "third.bayou") as third, pytest.raises(bayou.WrongSecret):
            third.sync(at)


@pytest.mark.parametrize("address", ["", "nowhere", "127.0.0.1", "127.0.0.1:0", "::1:7", "h:99999"])
def test_what_is_no_address(address: str) -> None:
    with bayou.open(":memory:") as db, pytest.raises(ValueError, match=r"HOST:PORT|port from 1"):
        db.sync(address)


def test_a_server_that_is_silent_costs_no_more_than_the_patience(tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as deaf, bayou.open(tmp_path / "a.bayou") as db:
        at = f"127.0.0.1:{deaf.getsockname()[1]}"
        done = threading.Event()

        def write() -> None:
            for number in range(20):
                db["notes"][f"{number}"] = number
            done.set()

        threading.Thread(target=write).start()
        with pytest.raises(bayou.Unavailable, match="no answer"):
            db.sync(at, timeout_s=0.5)
        assert done.wait(PATIENCE_S)
        assert len(db["notes"]) == 20


# Files that are carried.


def test_writes_are_carried_in_files(tmp_path: Path) -> None:
    with bayou.open(tmp_path / "hub.bayou", listen="127.0.0.1:0") as hub:
        at, secret = hub.status()["listens"], tmp_path / "hub.bayou-secret"
        with bayou.open(tmp_path / "one.bayou", join=at, secret=secret) as one:
            hub["notes"].update((f"{number:03}", number) for number in range(100))
            one["notes"]["mine"] = 1
            hub.export_to(tmp_path / "all")
            assert one.import_from(tmp_path / "all") == 100
            assert one.import_from(tmp_path / "all") == 0
            assert len(one["notes"]) == 101
            one.export_to(tmp_path / "back", hub.position())
            assert hub.import_from(tmp_path / "back") == 1
            assert hub["notes"]["mine"] == 1
            before = one.position()
            hub["notes"]["late"] = 1
            ahead = hub.position()
            hub["notes"]["later"] = 2
            hub.export_to(tmp_path / "gap", ahead)
            with pytest.raises(bayou.Gap, match="export again"):
                one.import_from(tmp_path / "gap")
            assert one.position() == before
            hub.export_to(tmp_path / "rest", before)
            assert one.import_from(tmp_path / "rest") >= 2
            assert one.import_from(tmp_path / "gap") == 0
            data = (tmp_path / "all").read_bytes()
            (tmp_path / "all").write_bytes(data[:-40])
            with pytest.raises(bayou.StorageDamaged):
                one.import_from(tmp_path / "all")
            with pytest.raises(ValueError, match="position"):
                one.export_to(tmp_path / "x", "nowhere")
        with bayou.open(tmp_path / "other.bayou", secret=secret) as other:
            with pytest.raises(bayou.WrongCluster):
                other.import_from(tmp_path / "rest")
            other["still"]["good"] = 1


# Joining later, and leaving.


@pytest.mark.parametrize("kind", ["file", "memory"])
def test_a_replica_that_was_alone_joins_a_cluster_with_its_rows(kind: str, tmp_path: Path) -> None:
    with Servers(tmp_path, 1) as servers:
        servers.start_all()
        servers[0].put("theirs", "1")
        path: Any = tmp_path / "mine.bayou" if kind == "file" else ":memory:"
        with bayou.open(path) as db:
            notes = db["notes"]
            notes.update((f"{number:04}", number) for number in range(1200))
            db["more"]["x"] = {"y": None}
            with pytest.raises(bayou.WrongSecret):
                db.join(servers[0].address, secret=bytes(32))
            notes["still"] = "good"
            db.write(bayou.Write("mine").delete("notes", "0007").if_absent("notes", "0007"))
            db.join(servers[0].address, secret=servers[0].secret)
            assert not db.is_primary
            assert db.name != "<>"
            assert len(notes) == 1202
            assert db["more"]["x"] == {"y": None}
            assert len(db.pending()) == 1203
            assert [(each.name, each.committed) for each in db.conflicts()] == [("mine", False)]
            assert db.sync().why_stopped == "level"
            with pytest.raises(bayou.Error, match="other servers have joined"):
                db.join(servers[0].address, secret=servers[0].secret)
        if kind == "file":
            assert {each.name for each in tmp_path.iterdir() if "joining" in each.name} == set()
            with bayou.open(path) as db:  # the secret beside it is the new one
                assert db.sync(servers[0].address).why_stopped == "level"
        with bayou.connect(servers[0].address, secret=servers[0].secret) as session:
            assert len(session["notes"]) == 1202
            assert session["notes"]["still"] == "good"


def test_a_replica_that_retires_hands_over_the_duty(tmp_path: Path) -> None:
    path, secret = tmp_path / "hub.bayou", tmp_path / "hub.bayou-secret"
    hub = bayou.open(path, listen="127.0.0.1:0")
    hub["notes"]["a"] = 1
    with bayou.open(
        tmp_path / "heir.bayou", join=hub.status()["listens"], secret=secret, listen="127.0.0.1:0"
    ) as heir:
        hub["notes"]["b"] = 2
        hub.retire(heir.status()["listens"])
        assert heir.is_primary
        assert dict(heir["notes"]) == {"a": 1, "b": 2}
        assert (tmp_path / "hub.bayou.retired").exists()
        assert not path.exists()
        with pytest.raises(bayou.Error, match="closed"):
            hub["notes"]["c"] = 3
        heir["notes"]["c"] = 3
        assert heir["notes"].row("c").committed  # type: ignore[union-attr]


# Two replicas and a model.


@pytest.mark.parametrize("seed", range(8))
def test_replicas_that_are_edited_offline_and_synced_are_as_the_model_says(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three replicas in files, edited in any order, synced in any order, closed and opened again: what each
    has is the writes that it has heard of in accept order; after enough syncs all have the same."""
    keep = Keep(idle_s=1e9)  # what is folded has no CSN to ask for
    monkeypatch.setattr("bayou.library.opening.KEEP", keep)
    rng, folder = Random(seed), tmp_path
    secret = folder / "0.bayou-secret"
    paths = [folder / f"{at}.bayou" for at in range(3)]
    stores = [bayou.open(paths[0], listen="127.0.0.1:0")]
    hub = stores[0].status()["listens"]
    for path in paths[1:]:
        stores.append(bayou.open(path, join=hub, secret=secret, listen="127.0.0.1:0"))
    writes: dict[tuple[int, str], tuple[str, Any]] = {}
    known: list[set[tuple[int, str]]] = [set(), set(), set()]

    def sync(a: int, b: int) -> None:
        report = stores[a].sync(stores[b].status()["listens"])
        assert report.why_stopped == "level"
        known[a] |= known[b]
        known[b] |= known[a]

    def expected(at: int) -> dict[str, Any]:
        rows: dict[str, Any] = {}
        csns = {write: stores[at].outcome(bayou.WriteId(*write)).csn or 1 << 62 for write in known[at]}
        # A commitment is final, and comes before all that is tentative.
        order = sorted(known[at], key=lambda write: (csns[write], write[0], parse_name(write[1])))
        for write in order:
            key, value = writes[write]
            rows.pop(key, None)
            if value is not None:
                rows[key] = value
        return rows

    try:
        for _ in range(20):
            does = rng.choice(["put", "put", "put", "delete", "sync", "reopen"])
            at = rng.randrange(3)
            if does == "sync":
                sync(at, (at + rng.randint(1, 2)) % 3)
            elif does == "reopen":
                stores[at].close()
                stores[at] = bayou.open(paths[at], secret=secret, listen="127.0.0.1:0")
            else:
                key = rng.choice("abc")
                value = len(writes) if does == "put" else None
                rows = stores[at]["notes"]
                write = rows.delete(key) if value is None else rows.put(key, value)
                writes[write.stamp, write.server] = key, value
                known[at].add((write.stamp, write.server))
            for each in range(3):
                assert dict(stores[each]["notes"]) == expected(each)
        for a, b in ((1, 0), (2, 0), (1, 0), (2, 0)):
            sync(a, b)
        found = [dict(store["notes"]) for store in stores]
        assert found[0] == found[1] == found[2] == expected(0)
        assert not any(store.pending() for store in stores)
    finally:
        for store in stores:
            store.close()


def test_a_server_that_is_killed_within_the_handshake_has_no_other_secret(tmp_path: Path) -> None:
    """It looks like one that does at first: the connection ends, and nothing was said."""
    with (
        bayou.open(tmp_path / "hub.bayou") as hub,
        socket.create_server(("127.0.0.1", 0)) as server,
    ):
        port = server.getsockname()[1]

        def be_killed() -> None:
            connection, _ = server.accept()
            server.close()
            connection.close()

        thread = threading.Thread(target=be_killed)
        thread.start()
        with pytest.raises(bayou.Unavailable, match="refused"):
            hub.sync(f"127.0.0.1:{port}")
        thread.join()
