"""Functions of replicas within programs, of sessions, of the commands on a file, and of `bayou serve`."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest

import bayou
import bayou.aio
from tests import write_functions
from tests.processes import wait_until
from tests.serving import PATIENCE_S, Servers
from tests.serving import bayou as bayou_command

FUNCTIONS = Path(__file__).parent / "write_functions.py"
SECRET = bytes(32)


def booking(who: str, name: str = "w") -> bayou.Write:
    return bayou.Write(name).call("book", 2, {"rooms": ["a", "b"], "who": who})


@pytest.mark.parametrize(
    "functions", [write_functions, FUNCTIONS, str(FUNCTIONS), [write_functions.book_or_not]]
)
def test_a_program_gives_its_replica_functions(functions: Any, tmp_path: Path) -> None:
    with bayou.open(tmp_path / "x.bayou", functions=functions) as db:
        made = db.write(booking("ann").otherwise().insert("waiting", "list", "ann"))
        assert db.outcome(made).result == "applied"
        db.write(booking("bob"))
        third = db.write(booking("cid"))
        assert db.outcome(third).result == "conflict"
        assert dict(db["rooms"]) == {"a": "ann", "b": "bob"}
        (conflict,) = db.conflicts()
        assert bayou.Write.of(conflict.body) == booking("cid")
    with pytest.raises(bayou.Error, match="the function book 2 is missing here: start the server with it"):
        bayou.open(tmp_path / "x.bayou")
    with bayou.open(tmp_path / "x.bayou", functions=functions) as db:
        assert dict(db["rooms"]) == {"a": "ann", "b": "bob"}


def test_what_can_not_be_had_is_said_and_nothing_is_made(tmp_path: Path) -> None:
    path = tmp_path / "functions.py"
    path.write_text("import bayou\n\nx = 1 // 0\n")
    for functions in (path, [len], tmp_path):
        with pytest.raises(bayou.Error, match=r"mend the file|has no name|can't be read"):
            bayou.open(tmp_path / "x.bayou", functions=functions)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_is_turned_down_with_the_message_and_the_replica_goes_on() -> None:
    with bayou.open(":memory:", functions=write_functions) as db:
        with pytest.raises(ValueError, match="the function half 1 raised TypeError"):
            db.write(bayou.Write("w").call("half", 1, "x"))
        with pytest.raises(ValueError, match="the function nobody 1 is missing here"):
            db.write(bayou.Write("w").call("nobody", 1, "x"))
        db["n"]["x"] = 8
        db.write(bayou.Write("w").call("half", 1, "x"))
        assert db["n"]["x"] == 4


def test_a_fault_closes_the_replica_with_what_to_do(tmp_path: Path) -> None:
    @bayou.merge("in need", 1)
    def in_need(view: bayou.View, args: Any) -> list[Any]:
        raise MemoryError

    with bayou.open(tmp_path / "x.bayou", functions=[in_need]) as db:
        db["n"]["x"] = 1
        with pytest.raises(
            bayou.Error, match=r"in need 1 could not be carried out for the write 'w'.*MemoryError"
        ):
            db.write(bayou.Write("w").call("in need", 1, 1))
        with pytest.raises(bayou.Error, match="could not be carried out"):
            db["n"]["x"]
    with bayou.open(tmp_path / "x.bayou") as db:
        assert (db["n"]["x"], db.status()["csn"]) == (1, 1)


def test_calls_are_checked_where_they_are_made() -> None:
    write = bayou.Write("w")
    for wrong in (("", 1, 1), ("f", 0, 1), ("f", "1", 1), ("f", 1, None), ("f", 1, {1})):
        with pytest.raises((ValueError, TypeError)):
            write.call(*wrong)
    for twice in (write.call("f", 1, 1), write.delete("n", "k")):
        with pytest.raises(ValueError, match=r"otherwise\(\) begins another one"):
            twice.call("f", 1, 1)
    with pytest.raises(ValueError, match=r"otherwise\(\) begins another one"):
        write.call("f", 1, 1).delete("n", "k")
    made = write.call("f", 1, {"a": [1]}).if_absent("n", "k").otherwise().delete("n", "k")
    assert (
        repr(made) == "Write('w').call('f', 1, {'a': [1]}).if_absent('n', 'k').otherwise().delete('n', 'k')"
    )
    assert bayou.Write.of(made.body) == made
    assert made.body["else"] == [{"do": [["delete", "n", "k"]]}]


def test_for_asyncio_too() -> None:
    async def main() -> Any:
        async with await bayou.aio.open(":memory:", functions=write_functions) as db:
            with pytest.raises(ValueError, match="is missing here"):
                await db.write(bayou.Write("w").call("nobody", 1, 1))
            with pytest.raises(ValueError, match="the function half 1 raised"):
                await db.write(bayou.Write("w").call("half", 1, "x"))
            made = await db.write(booking("ann"))
            return (await db.outcome(made)).result, await db["rooms"].get("a")

    assert asyncio.run(main()) == ("applied", "ann")


def test_sessions_and_syncs_are_told() -> None:
    opened = {"listen": "127.0.0.1:0", "secret": SECRET}
    with bayou.open(":memory:", functions=write_functions, **opened) as server:  # type: ignore[arg-type]
        address = server.status()["listens"]
        with bayou.open(":memory:", join=address, secret=SECRET) as early:
            with bayou.connect(address, secret=SECRET) as session:
                assert session.outcome(session.write(booking("ann"))).result == "applied"
                with pytest.raises(ValueError, match="the function half 1 raised"):
                    session.write(bayou.Write("w").call("half", 1, "x"))
                with pytest.raises(ValueError, match="the function nobody 1 is missing here"):
                    session.write(bayou.Write("w").call("nobody", 1, "x"))
                session["n"]["x"] = 1  # it goes on
            report = early.sync(address)
            assert "the function book 2 is missing here" in report.why_stopped
            assert list(early.collections()) == []
        with pytest.raises(bayou.Error, match=r"can't take over what the server at .*: the function book 2"):
            bayou.open(":memory:", join=address, secret=SECRET)
        with bayou.open(":memory:", join=address, secret=SECRET, functions=write_functions) as late:
            assert late["rooms"]["a"] == "ann"


def test_commands_on_a_file(tmp_path: Path) -> None:
    functions = ("--functions", str(FUNCTIONS))
    with bayou.open(tmp_path / "x.bayou"):
        pass
    words = ("x.bayou", "w", "call", "book", "2", '{"rooms":["a"],"who":"ann"}')
    done = bayou_command("write", *words, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (
        2,
        "the function book 2 is missing here: start the server with it (--functions FILE)\n",
    )
    done = bayou_command("write", *functions, *words, cwd=tmp_path)
    assert done.stdout.split("\t")[1:] == ["applied", "committed", "rooms/a\n"]
    assert "is missing here" in bayou_command("get", "x.bayou", "rooms/a", cwd=tmp_path).stderr
    assert bayou_command("get", *functions, "x.bayou", "rooms/a", cwd=tmp_path).stdout == "ann\n"
    assert "needs book 2\n" in bayou_command("stats", *functions, "x.bayou", cwd=tmp_path).stdout
    assert "is missing here" in bayou_command("export", "x.bayou", "out", cwd=tmp_path).stderr
    assert bayou_command("export", *functions, "x.bayou", "out", cwd=tmp_path).returncode == 0
    assert bayou_command("backup", "x.bayou", "kept", cwd=tmp_path).returncode == 0
    restored = bayou_command("restore", *functions, "kept", "new.bayou", "--new-cluster", cwd=tmp_path)
    assert "with 1 rows" in restored.stdout, restored.stderr
    taken = bayou_command("import", "x.bayou", "out", *functions, cwd=tmp_path)
    assert "0 writes were new" in taken.stdout


@pytest.mark.processes
def test_a_server_that_lasts_takes_what_it_can_execute(tmp_path: Path) -> None:
    with Servers(tmp_path, 2) as servers:
        servers[0].start("--functions", str(FUNCTIONS))
        servers[1].start("--join", servers[0].address)
        with bayou.connect(servers[0].address, secret=servers[0].secret) as session:
            session.write(booking("ann"))
            session.write(booking("bob"))
        wait_until(lambda: "function missing" in servers[1].told(), PATIENCE_S)
        assert servers[1].stats()["lacks"] == f"book 2 of server {servers[0].called}"
        assert servers[0].stats()["needs"] == "book 2"
        with (
            bayou.connect(servers[1].address, secret=servers[1].secret) as session,
            pytest.raises(ValueError, match="the function book 2 is missing here"),
        ):
            session.write(booking("cid"))
        assert servers[1].told().count("function missing") == 1
        assert servers[1].stop() == 0
        servers[1].start("--functions", str(FUNCTIONS))
        servers.wait_level()
        assert servers[1].stats()["needs"] == "book 2"
        # Now its own log needs it, and something in that is tentative.
        servers[0].stop()
        with bayou.connect(servers[1].address, secret=servers[1].secret) as session:
            session.write(booking("dan"))
        servers[1].stop()
        servers[1].start(is_awaited=False)
        assert servers[1].wait() == 78
        assert "the function book 2 is missing here" in servers[1].told()


@pytest.mark.processes
def test_a_server_that_lasts_ends_on_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "functions.py"
    shutil.copy(FUNCTIONS, path)
    with path.open("a") as file:
        file.write(
            '\n\n@bayou.merge("in need", 1)\ndef in_need(view, args):\n    raise OSError(5, "a disk")\n'
        )
    with Servers(tmp_path, 1) as servers:
        servers[0].start("--functions", str(path))
        with bayou.connect(servers[0].address, secret=servers[0].secret, timeout_s=5) as session:
            session["n"]["x"] = 1
            with pytest.raises(bayou.Error):
                session.write(bayou.Write("w").call("in need", 1, 1))
        assert servers[0].wait() == 70
        told = servers[0].told()
        assert "the function in need 1 could not be carried out for the write 'w'" in told
        assert "start the server again" in told
        servers[0].start("--functions", str(path))
        assert servers[0].stats()["csn"] == "1"
