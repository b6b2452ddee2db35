"""A program whose secret is lost goes on offline, and says what it lacks where it needs others."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

import bayou
import bayou.aio
from tests.serving import Servers

pytestmark = pytest.mark.processes


def test_work_offline_goes_on_without_the_secret(tmp_path: Path) -> None:
    with Servers(tmp_path, 1) as servers:
        servers.start_all()
        path, secret = tmp_path / "notes.bayou", tmp_path / "notes.bayou-secret"
        shutil.copy(servers[0].secret, secret)
        with bayou.open(path, join=servers[0].address) as db:
            db["notes"]["monday"] = "milk"
        secret.unlink()
        with bayou.open(path, join=servers[0].address) as db:
            assert dict(db["notes"]) == {"monday": "milk"}
            db["notes"]["tuesday"] = "bread"
            for does in (
                db.sync,
                lambda: db.sync(servers[0].address),
                db.keep_synced,
                lambda: db.export_to(tmp_path / "carried"),
                lambda: db.import_from(tmp_path / "carried"),
                lambda: db.retire(servers[0].address),
            ):
                with pytest.raises(bayou.WrongSecret, match="copy that of any server"):
                    does()
            assert not (tmp_path / "carried").exists()
            assert [change.key for change in db.pending()] == ["monday", "tuesday"]
        for options in ({"listen": "127.0.0.1:0"}, {"keep_synced": [servers[0].address]}):
            with pytest.raises(bayou.WrongSecret, match="there is no secret"):
                bayou.open(path, **options)
        assert not secret.exists()
        shutil.copy(servers[0].secret, secret)
        with bayou.open(path) as db:
            assert db.sync(servers[0].address).why_stopped == "level"
            assert db.pending() == []


def test_likewise_with_asyncio(tmp_path: Path) -> None:
    path = tmp_path / "notes.bayou"
    bayou.open(path).close()
    (tmp_path / "notes.bayou-secret").unlink()

    async def main() -> None:
        async with await bayou.aio.open(path) as db:
            await db["notes"].put("monday", "milk")
            assert await db["notes"].get("monday") == "milk"
            for does in (
                lambda: db.sync("127.0.0.1:1"),
                lambda: db.keep_synced("127.0.0.1:1"),
                lambda: db.export_to(tmp_path / "carried"),
                lambda: db.retire("127.0.0.1:1"),
            ):
                with pytest.raises(bayou.WrongSecret, match="copy that of any server"):
                    await does()

    asyncio.run(main())


def test_a_new_file_needs_it(tmp_path: Path) -> None:
    with pytest.raises(bayou.WrongSecret, match="there is no secret"):
        bayou.open(tmp_path / "notes.bayou", join="127.0.0.1:1")
    assert list(tmp_path.iterdir()) == []
