"""`bayou.aio`: the same names, within asyncio, on real files and sockets."""

from __future__ import annotations

import asyncio
import doctest
import inspect
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

import bayou
import bayou.aio
from tests.clusters import free_ports
from tests.serving import PATIENCE_S, Served, Servers

pytestmark = pytest.mark.processes


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run a test to its end, with no thread left that was not there before."""
    before = set(threading.enumerate())

    async def main() -> None:
        await work
        assert {each for each in threading.enumerate() if each not in before} == set()

    asyncio.run(main())


def test_the_names_are_the_same_with_the_same_arguments() -> None:
    for name in ("open", "connect"):
        ours, theirs = (inspect.signature(getattr(module, name)) for module in (bayou.aio, bayou))
        assert list(ours.parameters.values()) == list(theirs.parameters.values())
    lacking = {"Collection": {"items", "keys", "values", "popitem", "setdefault"}}
    for name in ("Store", "Collection", "Replica", "Session"):
        ours, theirs = getattr(bayou.aio, name), getattr(bayou, name)
        public = {each for each in dir(theirs) if not each.startswith("_")} - lacking.get(name, set())
        assert public <= set(dir(ours)), name
        for each in public:
            if inspect.isfunction(getattr(theirs, each)):
                ours_too, theirs_too = (inspect.signature(getattr(kind, each)) for kind in (ours, theirs))
                if each != "pop":
                    assert list(ours_too.parameters) == list(theirs_too.parameters), f"{name}.{each}"
                assert inspect.getdoc(getattr(ours, each))


@pytest.mark.parametrize("name", ["open", "connect", ""])
def test_the_examples_in_docstrings_run(name: str) -> None:
    found = getattr(bayou.aio, name) if name else bayou.aio
    tests = doctest.DocTestFinder(recurse=False).find(found, f"bayou.aio.{name}", module=False, globs={})
    runner = doctest.DocTestRunner()
    for test in tests:
        runner.run(test)
    assert (runner.failures, runner.tries > 0) == (0, True)


def test_a_replica_by_coroutines(tmp_path: Path) -> None:
    async def main() -> None:
        async with await bayou.aio.open(tmp_path / "a.bayou") as db:
            notes = db["notes"]
            write = await notes.put("monday", {"text": "milk"})
            assert (await db.outcome(write)).state == "committed"
            assert await notes.get("monday") == {"text": "milk"}
            assert await notes.get("sunday", 7) == 7
            await notes.update((f"{number:04}", number) for number in range(700))
            assert await notes.count() == 701
            assert [row.value async for row in notes.scan("0", start="0100", limit=300)] == list(
                range(100, 400)
            )
            assert [key async for key in notes][:2] == ["0000", "0001"]
            assert await notes.pop("monday") == {"text": "milk"}
            with pytest.raises(KeyError):
                await notes.pop("monday")
            assert await notes.pop("monday", 1) == 1
            assert await db.collections() == ["notes"]
            await notes.clear()
            assert await notes.count() == 0
            assert (await db.pending(), await db.contended()) == ([], {})
            assert (db.name, db.is_primary) == ("<>", True)
            assert (await db.position()).startswith("csn 1402")
            with pytest.raises(TypeError, match="tuple"):
                await notes.put("bad", (1,))
            with pytest.raises(bayou.InUse):
                await bayou.aio.open(tmp_path / "a.bayou")
        with pytest.raises(bayou.Error, match="closed"):
            await notes.put("late", 1)
        with bayou.open(tmp_path / "a.bayou") as same:
            assert same.status()["csn"] == 1402

    run(main())


def test_writes_that_are_begun_at_once_share_a_transaction(tmp_path: Path) -> None:
    async def main() -> None:
        async with await bayou.aio.open(tmp_path / "a.bayou") as db:
            kept: list[int] = []
            db._tally.kept = lambda records, seconds: kept.append(len(records))  # type: ignore[method-assign]
            await asyncio.gather(*[db["notes"].put(f"{number}", number) for number in range(100)])
            assert kept[-1:] == [100]
            assert await db["notes"].count() == 100

    run(main())


def test_changes_are_waited_for() -> None:
    async def main() -> None:
        async with await bayou.aio.open(":memory:") as db:
            feed = db.changes(timeout_s=PATIENCE_S)
            waiting = asyncio.ensure_future(anext(feed))
            await asyncio.sleep(0)
            await db["notes"].put("a", 1)
            assert (await waiting).key == "a"
            assert [change.key async for change in db.changes(timeout_s=0)] == ["a"]
            waiting = asyncio.ensure_future(anext(feed))
            await asyncio.sleep(0)
            await db.close()
            with pytest.raises(bayou.Error, match="closed meanwhile"):
                await waiting

    run(main())


def test_replicas_sync_within_one_event_loop(tmp_path: Path) -> None:
    async def main() -> None:
        async with await bayou.aio.open(tmp_path / "hub.bayou", listen="127.0.0.1:0") as hub:
            at, secret = (await hub.status())["listens"], tmp_path / "hub.bayou-secret"
            one, two = await asyncio.gather(
                *[
                    bayou.aio.open(tmp_path / f"{name}.bayou", join=at, secret=secret)
                    for name in ("one", "two")
                ]
            )
            async with one, two:
                write = await one["notes"].put("a", 1)
                await two["notes"].put("b", 2)
                committed = asyncio.ensure_future(one.wait_committed(write, PATIENCE_S))
                reports = await asyncio.gather(one.sync(), two.sync())
                assert [report.why_stopped for report in reports] == ["level", "level"]
                assert (await committed).state == "committed"  # type: ignore[union-attr]
                await one.keep_synced([at])
                await two["notes"].put("c", 3)
                await two.sync()
                feed = one.changes(timeout_s=PATIENCE_S)
                assert [(await anext(feed)).key for _ in "abc"] == ["a", "b", "c"]
        with pytest.raises(bayou.Unavailable):
            async with await bayou.aio.open(tmp_path / "one.bayou", secret=secret) as one:
                await one.sync(at, timeout_s=2)

    run(main())


@pytest.mark.parametrize("kind", ["file", "memory"])
def test_a_replica_that_was_alone_joins_a_cluster_with_its_rows(kind: str, tmp_path: Path) -> None:
    path: Any = tmp_path / "mine.bayou" if kind == "file" else ":memory:"

    async def main(server: Served) -> None:
        async with await bayou.aio.open(path) as db:
            notes = db["notes"]
            await notes.update((f"{number:04}", number) for number in range(1200))
            with pytest.raises(bayou.WrongSecret):
                await db.join(server.address, secret=bytes(32))
            early = asyncio.ensure_future(notes.put("early", 1))
            await asyncio.sleep(0)  # it has been handed in, and is not durable yet
            await db.write(bayou.Write("mine").delete("notes", "0007").if_absent("notes", "0007"))
            joining = asyncio.ensure_future(db.join(server.address, secret=server.secret))
            await asyncio.sleep(0)
            with pytest.raises(bayou.Error, match="is joining another cluster"):
                await notes.put("late", 1)
            assert await notes.get("early") == 1
            await joining
            await early
            assert not db.is_primary
            assert await db["notes"].count() == 1201
            assert [each.name for each in await db.conflicts()] == ["mine"]
            assert (await db.sync()).why_stopped == "level"
            with pytest.raises(bayou.Error, match="other servers have joined"):
                await db.join(server.address, secret=server.secret)
        if kind == "file":
            assert {each.name for each in tmp_path.iterdir() if "joining" in each.name} == set()
            async with await bayou.aio.open(path) as db:  # the secret beside it is the new one
                assert (await db.sync(server.address)).why_stopped == "level"

    with Servers(tmp_path, 1) as servers:
        servers.start_all()
        run(main(servers[0]))
        with bayou.connect(servers[0].address, secret=servers[0].secret) as session:
            assert len(session["notes"]) == 1201


def test_sessions_by_coroutines(tmp_path: Path) -> None:
    async def main(servers: Servers) -> None:
        addresses, secret = [server.address for server in servers.all], servers[0].secret
        async with (
            await bayou.aio.connect(addresses, secret=secret) as db,
            await bayou.aio.connect(addresses, secret=secret) as other,
        ):
            assert db._remote.hub is other._remote.hub
            write = await db["notes"].put("a", 1)
            found = await db.wait_committed(write, PATIENCE_S)
            assert found is not None
            assert found.state == "committed"
            other.at_least(write=write, wait_s=1)
            assert await other["notes"].get("a") == 1
            await asyncio.gather(*[db["notes"].put(f"{number}", number) for number in range(50)])
            assert await db["notes"].count() == 51
            waiting = asyncio.ensure_future(anext(other.changes((await db.status())["csn"])))
            await asyncio.sleep(0.05)
            await db["more"].put("late", 1)
            assert (await asyncio.wait_for(waiting, PATIENCE_S)).key == "late"
            await asyncio.to_thread(servers.wait_level)
            servers[0].kill()
            assert await db["notes"].get("a") == 1
            assert db.server == servers[1].called
            token = db.token()
            cut = asyncio.ensure_future(other.wait_committed(bayou.WriteId(1 << 61, "<>"), 30))
            await asyncio.sleep(0.05)
            cut.cancel()
            with pytest.raises(asyncio.CancelledError):
                await cut
        async with await bayou.aio.connect(addresses[1], secret=secret, token=token) as again:
            assert await again["notes"].get("a") == 1
            assert again.guarantees == "RYW,MR,WFR,MW"

    with Servers(tmp_path, 2) as servers:
        servers.start_all()
        asyncio.run(main(servers))


def test_nobody_is_there() -> None:
    async def main() -> None:
        at = f"127.0.0.1:{free_ports(1)[0]}"
        with pytest.raises(bayou.Unavailable):
            await bayou.aio.connect(at, secret=bytes(32), timeout_s=0.3)
        async with await bayou.aio.open(":memory:") as db:
            with pytest.raises(bayou.Unavailable, match="refused"):
                await db.sync(at)
            assert await db["notes"].count() == 0

    run(main())
