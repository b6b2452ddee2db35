"""Replicas that join another cluster later: broken off half way, while others are connected, and by tasks."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import bayou
import bayou.aio
from bayou.library import aireplica
from bayou.library.replica import Replica
from bayou.library.stores import Collection

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = "127.0.0.1:0"


class BrokenOff(BaseException):
    """As Ctrl-C is, when all rows have been copied."""


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[bayou.Replica]:
    with bayou.open(tmp_path / "hub", listen=HERE) as opened:
        yield opened


def break_off(monkeypatch: pytest.MonkeyPatch, db: bayou.Replica, hub: bayou.Replica, secret: Path) -> None:
    """Let it join, and break that off just before the end."""
    copy = Replica._copy_to

    def broken(self: Replica, other: Replica) -> None:
        copy(self, other)
        raise BrokenOff

    with monkeypatch.context() as patch:
        patch.setattr(Replica, "_copy_to", broken)
        with pytest.raises(BrokenOff):
            db.join(hub.status()["listens"], secret=secret)


@pytest.mark.parametrize("which", ["hub", "another"])
def test_nothing_is_left_of_a_join_that_was_broken_off(
    which: str, hub: bayou.Replica, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that are gone since do not come back, and it is that cluster that is joined which is named."""
    with bayou.open(tmp_path / "another", listen=HERE) as another, bayou.open(tmp_path / "own") as db:
        db["notes"].update({"keep": 1, "gone": 2})
        db.write(bayou.Write("late").set("notes", "x", 1).if_present("notes", "nobody"))
        break_off(monkeypatch, db, hub, tmp_path / "hub-secret")
        del db["notes"]["gone"]
        joined = hub if which == "hub" else another
        db.join(joined.status()["listens"], secret=tmp_path / f"{which}-secret")
        assert db.status()["cluster"] == joined.status()["cluster"]
        assert dict(db["notes"]) == {"keep": 1}
        assert len(db.conflicts()) == 1


def test_nobody_is_told_that_something_is_kept_while_a_replica_joins(
    hub: bayou.Replica, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a session wrote meanwhile would be lost with the old file. Where nothing comes of it, all is as it
    was: sessions come back."""
    copy, told = Replica._copy_to, []
    with bayou.open(tmp_path / "own", listen=HERE) as db:
        db["notes"]["a"] = 1
        at, secret = db.status()["listens"], tmp_path / "own-secret"
        with bayou.connect(at, secret=secret, timeout_s=60) as session:

            def copied(self: Replica, other: Replica) -> None:
                copy(self, other)
                with (
                    bayou.connect(at, secret=secret, timeout_s=0.3) as late,
                    pytest.raises(bayou.Error) as said,
                ):
                    late["notes"].put("lost", 1)
                told.append(str(said.value))
                for change in (lambda: db["notes"].put("b", 2), lambda: db.import_from(tmp_path / "carried")):
                    with pytest.raises(bayou.Error, match="is joining another cluster"):
                        change()
                raise BrokenOff

            db.export_to(tmp_path / "carried")
            monkeypatch.setattr(Replica, "_copy_to", copied)
            with pytest.raises(BrokenOff):
                db.join(hub.status()["listens"], secret=tmp_path / "hub-secret")
            assert len(told) == 1
            assert session["notes"].put("again", 1)
            assert dict(db["notes"]) == {"a": 1, "again": 1}
            assert db.status()["listens"] == at


def test_nobody_is_told_so_by_a_task_either(
    hub: bayou.Replica, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with await bayou.aio.open(tmp_path / "own", listen=HERE) as db:
            at, secret = (await db.status())["listens"], tmp_path / "own-secret"
            await db.export_to(tmp_path / "carried")

            async def copied(self: aireplica.Replica, other: aireplica.Replica) -> None:
                with pytest.raises(bayou.Unavailable):
                    await bayou.aio.connect(at, secret=secret, timeout_s=0.3)
                with pytest.raises(bayou.Error, match="is joining another cluster"):
                    await db.import_from(tmp_path / "carried")
                raise BrokenOff

            monkeypatch.setattr(aireplica.Replica, "_copy_to", copied)
            with pytest.raises(BrokenOff):
                await db.join(hub.status()["listens"], secret=tmp_path / "hub-secret")
            async with await bayou.aio.connect(at, secret=secret, timeout_s=60) as session:
                await session["notes"].put("a", 1)
            assert await db["notes"].get("a") == 1

    asyncio.run(main())


def test_a_row_that_is_taken_is_the_one_that_is_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not one that another thread has put in its place meanwhile."""
    with bayou.open(":memory:") as db:
        jobs, given = db["jobs"], ["first"]
        jobs["slot"] = "first"
        read = Collection.row

        def put_in_between(self: Collection, key: str, **options: bool) -> bayou.Row | None:
            found = read(self, key, **options)
            jobs["slot"] = "second"
            given.append("second")
            return found

        monkeypatch.setattr(Collection, "row", put_in_between)
        taken = jobs.pop("slot")
        monkeypatch.undo()
        assert [taken, *jobs.values()] == given
        assert jobs.pop("nothing", 7) == 7
        with pytest.raises(KeyError):
            jobs.pop("nothing")


def test_one_of_several_tasks_gets_a_row_that_all_take() -> None:
    async def main() -> list[object]:
        async with await bayou.aio.open(":memory:") as db:
            await db["jobs"].put("first", 1)
            taken: list[object] = await asyncio.gather(*[db["jobs"].pop("first", None) for _ in range(3)])
            return taken

    assert sorted(asyncio.run(main()), key=repr) == [1, None, None]


def test_a_sessions_own_writes_are_pending_behind_a_page_of_others(
    hub: bayou.Replica, tmp_path: Path
) -> None:
    secret = tmp_path / "hub-secret"
    with bayou.open(tmp_path / "laptop", join=hub.status()["listens"], secret=secret, listen=HERE) as laptop:
        at = laptop.status()["listens"]
        with bayou.connect(at, secret=secret) as one, bayou.connect(at, secret=secret) as other:
            one["notes"].update({f"{number}": number for number in range(1100)})
            other["notes"].put("own", 1)
            assert [change.key for change in other.pending()] == ["own"]
            assert len(one.pending()) == 1100
