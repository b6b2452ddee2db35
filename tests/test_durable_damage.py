"""What befalls disks and files that `bayou serve` runs on: it is said plainly, with what to do about it, and
nothing wrong is served. What files by themselves withstand is in tests/test_replica_file_damage.py."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

import bayou
from bayou.host.caller import CallFailed
from bayou.node.messages import OK
from tests.processes import wait_until
from tests.serving import PATIENCE_S, Served, Servers
from tests.serving import bayou as run_bayou

pytestmark = pytest.mark.processes

PAGE_BYTES = 4096
ROWS = 300


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip(f"no file system can be mounted here: {made.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


def resize(disk: Path, mebibytes: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={mebibytes}m", str(disk)], check=True)


def value_of(at: int) -> str:
    return f"value {at} " + "x" * 200


def filled(servers: Servers, *options: str) -> None:
    """Start the first server, and put rows."""
    servers[0].start(*options)
    with servers[0].session() as session:
        for at in range(ROWS):
            assert session.put(f"key-{at}", value_of(at)).verdict == OK


def reads_right(server: Served, keys: range) -> int:
    """Read rows until the server is gone; return how many were answered. What is answered is right."""
    answered = 0
    try:
        with server.session() as session:
            for at in keys:
                assert session.get(f"key-{at}") == value_of(at)
                answered += 1
    except CallFailed:
        pass
    return answered


def test_a_full_disk_ends_it_and_room_brings_it_back(small_disk: Path) -> None:
    """The kernel itself says that there is no room; the other server has what was acknowledged, and so has
    this one again with more room."""
    with Servers(small_disk, 1) as servers:
        servers[0].start("--min-free", "0")
        kept = []
        with servers[0].session() as session:
            try:
                for at in range(2000):
                    assert session.put(f"key-{at}", "x" * 4000).verdict == OK
                    kept.append(at)
            except CallFailed:
                pass
        assert servers[0].wait() == 74
        told = servers[0].told().splitlines()[-1]
        assert "a.bayou" in told
        assert "make room" in told
        assert 10 < len(kept) < 500
        servers[0].start("--min-free", "0", is_awaited=False)
        if not wait_until_serves_or_ends(servers[0]):  # not even a start can be noted
            assert servers[0].wait() == 74
        resize(small_disk, 64)
        servers[0].kill()
        servers[0].start("--min-free", "0")
        with servers[0].session() as session:
            assert all(session.get(f"key-{at}") == "x" * 4000 for at in kept)
            assert session.put("more", "of it").verdict == OK


def wait_until_serves_or_ends(server: Served) -> bool:
    count = server.lines().count("serving ")
    wait_until(lambda: server.has_ended or server.lines().count("serving ") > count, PATIENCE_S)
    return not server.has_ended


def test_little_room_is_refused_before_the_disk_is_full(small_disk: Path) -> None:
    """With --min-free nothing ends: writes are refused, reads are served, and it goes on by itself."""
    resize(small_disk, 64)
    with Servers(small_disk, 1) as servers:
        servers[0].start("--min-free", str(48 << 20))
        with servers[0].session() as session:
            at = 0
            while session.put(f"key-{at}", "x" * 4000).verdict == OK:
                at += 1
                assert at < 20_000
            assert session.get("key-0") == "x" * 4000
            assert "no room" in servers[0].told()
            resize(small_disk, 256)
            wait_until(lambda: session.put("more", "of it").verdict == OK, PATIENCE_S)
            assert session.get(f"key-{at - 1}") == "x" * 4000
        assert servers[0].stop() == 0


def test_a_log_of_sqlite_that_was_cut_has_lost_its_memory(tmp_path: Path) -> None:
    """With what stands beside the file; and without that, by what another server has heard."""
    with Servers(tmp_path, 2) as servers:
        servers.start_all()
        for at in range(40):
            assert servers[1].put(f"key-{at}", value_of(at)).verdict == OK
        servers.wait_level()
        servers[1].kill()
        log = tmp_path / "b.bayou-wal"
        whole = log.read_bytes()
        log.write_bytes(whole[: len(whole) * 2 // 3])
        before = servers[1].data.read_bytes()
        servers[1].start(is_awaited=False)
        assert servers[1].wait() == 65
        told = servers[1].told().splitlines()[-1]
        assert "b.bayou-lock knows of" in told
        assert "bayou rejoin" in told
        assert servers[1].data.read_bytes() == before  # left as it is
        (tmp_path / "b.bayou-lock").unlink()
        servers[1].start(is_awaited=False)
        assert servers[1].wait() == 65
        assert "knows of what it accepted" in servers[1].told().splitlines()[-1]
        assert reads_right(servers[0], range(40)) == 40


@pytest.mark.parametrize("seed", range(4))
def test_flipped_bits_in_pages_are_never_served(seed: int, tmp_path: Path) -> None:
    """Some pages are hit: each answer is right, or there is none and the server has ended and says why."""
    rng = Random(f"pages {seed}")
    with Servers(tmp_path, 2) as servers:
        filled(servers, "--keep-writes", "100")
        assert servers[0].stop() == 0
        content = bytearray(servers[0].data.read_bytes())
        pages = range(1, len(content) // PAGE_BYTES)
        for page in rng.sample(pages, len(pages) // 4):
            content[page * PAGE_BYTES + rng.randrange(PAGE_BYTES)] ^= 1 << rng.randrange(8)
        with servers[0].data.open("r+b") as file:
            file.write(content)
        servers[0].start(is_awaited=False)
        answered = reads_right(servers[0], range(ROWS)) if wait_until_serves_or_ends(servers[0]) else 0
        if answered == ROWS:  # all that was hit is no row: unused room, or the log that is left
            assert servers[0].stop() == 0
            return
        assert servers[0].wait() == 65
        told = servers[0].told().splitlines()[-1]
        assert "a.bayou" in told
        assert "bayou doctor" in told
        assert run_bayou("doctor", "a.bayou", cwd=tmp_path).returncode == 65


def test_a_damaged_write_is_not_passed_on(tmp_path: Path) -> None:
    """A newcomer pulls what lies in the log, and one value there is wrong while the server runs."""
    with Servers(tmp_path, 2) as servers:
        filled(servers, "--keep-writes", "all")
        wait_until(lambda: servers[0].stats()["unfolded"] == "0", PATIENCE_S)
        assert servers[0].stop() == 0
        with closing(sqlite3.connect(servers[0].data)) as file:
            changed = file.execute(
                "UPDATE committed SET value = replace(value, 'value', 'valve') WHERE key = 'key-150'"
            )
            assert changed.rowcount == 1
            file.commit()
        servers[0].start("--keep-writes", "all")
        shutil.copy(servers[0].secret, servers[1].secret)
        servers[1].start("--join", servers[0].address, is_awaited=False)
        assert servers[0].wait() == 65
        told = servers[0].told().splitlines()[-1]
        assert "its sum is wrong" in told
        assert "a.bayou" in told
        assert not servers[1].lines()
        servers[1].kill()
        assert b"valve 150" not in servers[1].data.read_bytes()


def test_a_program_can_not_have_the_file_of_a_server(tmp_path: Path) -> None:
    """Nor may a server take that of a program, and neither is harmed."""
    with Servers(tmp_path, 1) as servers:
        servers[0].start()
        assert servers[0].process is not None
        number = str(servers[0].process.pid)
        with pytest.raises(bayou.InUse, match=f"in use by process {number}"):
            bayou.open(servers[0].data)
        for verb in ("doctor", "compact"):
            done = run_bayou(verb, "a.bayou", cwd=tmp_path)
            assert done.returncode == 75, done
            assert number in done.stderr
        assert servers[0].put("still", "served").verdict == OK
        assert servers[0].stop() == 0
        with bayou.open(servers[0].data) as db:
            assert db["notes"]["still"] == "served"
            again = Served(tmp_path, "a").start(is_awaited=False)
            assert again.wait() == 75
            db["notes"]["more"] = "of it"


def test_an_old_copy_of_a_programs_file_is_found_out_by_a_sync(tmp_path: Path) -> None:
    """Its lock file has gone too, as on a machine that was put back from a backup."""
    with Servers(tmp_path, 1) as servers:
        servers[0].start()
        path, older = tmp_path / "mine.bayou", tmp_path / "older"
        with bayou.open(path, join=servers[0].address, secret=servers[0].secret) as db:
            db["notes"]["monday"] = "milk"
            db.sync()
        shutil.copy(path, older)
        with bayou.open(path, secret=servers[0].secret) as db:
            db["notes"]["tuesday"] = "bread"
            db.sync(servers[0].address)
        shutil.copyfile(older, path)
        (tmp_path / "mine.bayou-lock").unlink()
        with (
            bayou.open(path, secret=servers[0].secret) as db,
            pytest.raises(bayou.LostMemory, match=r"copies of one file.*join=HOST:PORT"),
        ):
            db.sync(servers[0].address)
        assert servers[0].stop() == 0
        servers[0].start()  # it does not know any more how often that file was opened
        with bayou.open(path, secret=servers[0].secret) as db:
            with pytest.raises(bayou.LostMemory, match="bayou rejoin"):
                db.sync(servers[0].address)
            with pytest.raises(bayou.LostMemory):
                db["notes"]["wednesday"] = "a stamp that may be given twice"
        with bayou.open(tmp_path / "other.bayou", join=servers[0].address, secret=servers[0].secret) as db:
            assert dict(db["notes"]) == {"monday": "milk", "tuesday": "bread"}
