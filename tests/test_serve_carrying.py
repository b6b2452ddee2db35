"""`bayou export`, `import`, `backup`, `restore` and `rejoin`, on servers that run and on files of those
that do not."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path

import pytest

from bayou.host.offline import Offline
from bayou.library.replica import open as open_replica
from bayou.node.messages import OK
from bayou.wire.exports import position_text
from tests.processes import wait_until
from tests.serving import PATIENCE_S, Served, Servers, bayou

pytestmark = pytest.mark.processes


def secret_of(server: Served) -> tuple[str, str]:
    return "--secret-file", server.secret.name


def done(*arguments: str, cwd: Path, status: int = 0) -> str:
    """Run a command that is to end with this status; return what it printed, or said where it failed."""
    ran = bayou(*arguments, cwd=cwd)
    assert ran.returncode == status, (arguments, ran.stdout, ran.stderr)
    return ran.stdout if status == 0 else ran.stderr


def position_in(path: Path) -> str:
    """Return where the server of a file stands."""
    with Offline(str(path)) as server:
        return position_text(server.replica.csn, server.replica.vector)


def notes_in(path: Path) -> dict[str, object]:
    """Return the rows that the tests write, as a program sees them in a file."""
    with open_replica(path, create=False) as db:
        return dict(db["notes"])


def test_files_carry_writes_between_servers_that_run_and_files(tmp_path: Path) -> None:
    with Servers(tmp_path, 2) as servers:
        servers.start_all()
        a, b = servers[0], servers[1]
        assert a.put("both", "know").verdict == OK
        servers.wait_level()
        assert b.stop() == 0
        for number in range(5):
            assert a.put(f"key-{number}", f"value-{number}").verdict == OK
        position = position_in(b.data)
        written = done("export", a.address, "carried", "--beyond", position, *secret_of(a), cwd=tmp_path)
        assert written == "carried: 5 writes, up to csn 7\n"
        assert stat.S_IMODE((tmp_path / "carried").stat().st_mode) == 0o600
        assert done("import", b.data.name, "carried", cwd=tmp_path) == "carried: 5 writes were new\n"
        assert done("import", b.data.name, "carried", "carried", cwd=tmp_path).count("0 writes were new") == 2
        assert a.stop() == 0
        b.start(is_awaited=True)
        assert [b.get(f"key-{number}") for number in range(5)] == [f"value-{number}" for number in range(5)]
        assert b.put("mine", "tentative").verdict == OK
        written = done("export", b.address, "back", "--all", *secret_of(b), cwd=tmp_path)
        assert "8 writes, up to csn 7" in written
        assert "1 writes were new" in done("import", a.data.name, "back", cwd=tmp_path)
        assert b.stop() == 0
        a.start()
        assert a.get("mine") == "tentative"


def test_what_is_wrong_with_a_file_is_told_with_a_status(tmp_path: Path) -> None:
    with Servers(tmp_path, 2) as servers:
        servers.start_all()
        a, b = servers[0], servers[1]
        assert b.stop() == 0
        assert a.put("one", "1").verdict == OK
        position = done("position", a.address, *secret_of(a), cwd=tmp_path)
        assert a.put("two", "2").verdict == OK
        done("export", a.address, "late", "--beyond", position, *secret_of(a), cwd=tmp_path)
        gap = done("import", b.data.name, "late", cwd=tmp_path, status=3)
        assert "something is missing" in gap
        assert "--beyond" in gap
        content = (tmp_path / "late").read_bytes()
        (tmp_path / "late").write_bytes(content[:-1])
        assert "cut short" in done("import", b.data.name, "late", cwd=tmp_path, status=65)
        assert "no such file" in done(
            "import", "nothing.bayou", "late", *secret_of(a), cwd=tmp_path, status=1
        )
        assert "can't be reached" in done("export", "127.0.0.1:1", "x", *secret_of(a), cwd=tmp_path, status=1)
        assert "--secret-file" in done("export", a.address, "x", cwd=tmp_path, status=2)
        assert "no line of a position" in done(
            "export", a.address, "x", "--beyond", "nonsense", *secret_of(a), cwd=tmp_path, status=2
        )
        busy = bayou("export", a.data.name, "x", cwd=tmp_path)
        assert busy.returncode == 75
        assert not (tmp_path / "x").exists()


def test_a_backup_of_either_kind_becomes_a_new_server(tmp_path: Path) -> None:
    with Servers(tmp_path, 2) as servers:
        servers.start_all()
        a, b = servers[0], servers[1]
        for number in range(6):
            assert b.put(f"key-{number}", f"value-{number}").verdict == OK
        servers.wait_level()
        done("backup", b.address, "live", *secret_of(b), cwd=tmp_path)
        assert b.stop() == 0
        done("backup", b.data.name, "still", cwd=tmp_path)
        assert "is there already" in done("backup", b.data.name, "still", cwd=tmp_path, status=74)
        b.data.unlink()
        for backup in ("live", "still"):
            shutil.copy(a.secret, tmp_path / f"new-{backup}-secret")
            told = done("restore", backup, f"new-{backup}", "--join", a.address, cwd=tmp_path)
            assert "of the cluster" in told
            rows = notes_in(tmp_path / f"new-{backup}")
            assert rows == {f"key-{number}": f"value-{number}" for number in range(6)}
        refused = bayou("serve", "--data", "still", "--secret-file", a.secret.name, cwd=tmp_path)
        assert refused.returncode == 65
        assert "backup" in refused.stderr


def test_a_lost_primary_s_cluster_begins_anew(tmp_path: Path) -> None:
    with Servers(tmp_path, 2) as servers:
        servers.start_all()
        a, b = servers[0], servers[1]
        assert a.put("kept", "1").verdict == OK
        servers.wait_level()
        a.kill()
        assert b.put("tentative", "2").verdict == OK
        assert b.stop() == 0
        done("write", b.data.name, "no", "del notes/kept if absent notes/kept", cwd=tmp_path)
        done("backup", b.data.name, "saved", cwd=tmp_path)
        told = done("restore", "saved", "begun.bayou", "--new-cluster", cwd=tmp_path)
        assert "with 2 rows" in told
        assert notes_in(tmp_path / "begun.bayou") == {"kept": "1", "tentative": "2"}
        assert done("conflicts", "begun.bayou", cwd=tmp_path).split("\t")[1] == "no"
        assert (tmp_path / "begun.bayou-secret").exists()


def test_a_server_whose_file_is_too_old_rejoins(tmp_path: Path) -> None:
    with Servers(tmp_path, 2) as servers:
        servers.start_all()
        a, b = servers[0], servers[1]
        assert b.put("early", "1").verdict == OK
        servers.wait_level()
        assert b.stop() == 0
        shutil.copy(b.data, tmp_path / "old")
        b.start()
        assert b.put("late", "2").verdict == OK
        servers.wait_level()
        assert b.stop() == 0
        shutil.copy(tmp_path / "old", b.data)
        b.start(is_awaited=False)
        wait_until(lambda: b.has_ended, PATIENCE_S)
        assert b.process is not None
        assert b.process.returncode == 65
        told = done("rejoin", b.data.name, "--join", a.address, cwd=tmp_path)
        assert "of the cluster" in told
        b.start()
        assert (b.get("early"), b.get("late")) == ("1", "2")
        assert (tmp_path / f"{b.data.name}.old").exists()
        assert b.put("again", "3").verdict == OK
        servers.wait_level()
        assert a.get("again") == "3"
