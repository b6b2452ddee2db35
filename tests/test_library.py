"""`import bayou`: the names, replicas within this process, collections and their errors."""

from __future__ import annotations

import doctest
import inspect
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

import bayou
from bayou.core.replica import Replica
from tests.processes import wait_until

WITHOUT_EXAMPLE = (bayou.Change, bayou.Conflict, bayou.Outcome, bayou.SyncReport)
"""What a program gets, and makes none of."""


# What is there.


def test_exactly_the_names_that_are_promised_are_there() -> None:
    assert sorted(bayou.__all__) == sorted(set(bayou.__all__))
    assert set(dir(bayou)) == {*bayou.__all__, "__version__"}
    for name in bayou.__all__:
        assert getattr(bayou, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Server'"):
        bayou.Server  # noqa: B018


def test_all_errors_are_errors_of_bayou() -> None:
    names = [name for name in bayou.__all__ if inspect.isclass(getattr(bayou, name))]
    errors = [getattr(bayou, name) for name in names if issubclass(getattr(bayou, name), Exception)]
    errors.remove(bayou.Unfit)  # which functions raise, and nobody catches
    assert len(errors) == 12
    assert all(issubclass(error, bayou.Error) for error in errors)
    assert {error.__module__ for error in errors} == {"bayou"}
    assert issubclass(bayou.Unavailable, TimeoutError)


def test_to_import_it_costs_little() -> None:
    """Less than 30 ms more than the interpreter; in truth next to nothing is imported."""
    code = "import sys; before = set(sys.modules); import bayou; print(len(set(sys.modules) - before))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(found.stdout) <= 2
    code = "from time import perf_counter as t; a = t(); import bayou; print(t() - a)"
    times = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
        for _ in range(5)
    ]
    assert min(times) < 0.03


@pytest.mark.parametrize("name", sorted({*bayou.__all__} - {"JSON"}))
def test_the_examples_in_docstrings_run(name: str) -> None:
    found = getattr(bayou, name)
    tests = doctest.DocTestFinder().find(found, f"bayou.{name}", module=False, globs={name: found})
    runner = doctest.DocTestRunner()
    for test in tests:
        runner.run(test)
    assert runner.failures == 0
    assert runner.tries or found in WITHOUT_EXAMPLE or issubclass(found, bayou.Error)


def test_the_example_of_the_package_runs() -> None:
    (test,) = doctest.DocTestFinder(recurse=False).find(bayou, globs={})
    assert doctest.DocTestRunner().run(test) == (0, 2)


def test_every_public_method_says_what_it_does() -> None:
    for name in bayou.__all__:
        found = getattr(bayou, name)
        assert name == "JSON" or inspect.getdoc(found), name
        for method, made in vars(found).items() if inspect.isclass(found) else ():
            if not method.startswith("_") and callable(made):
                assert inspect.getdoc(getattr(found, method)), f"{name}.{method}"


# Collections.


KEYS = st.sampled_from(["", "a", "aa", "ab", "b", "é", "\uffff", "\U0001f600", "z/1", "z/2"])
LEAVES = (
    st.booleans() | st.integers(-(1 << 63), (1 << 63) - 1) | st.floats(allow_nan=False, allow_infinity=False)
)
VALUES = st.recursive(
    LEAVES | st.text(max_size=5),
    lambda inner: (
        st.lists(inner | st.none(), max_size=3)
        | st.dictionaries(st.text(max_size=3), inner | st.none(), max_size=3)
    ),
    max_leaves=6,
)


def same(found: Any, expected: Any) -> bool:
    """Whether two values are the same, types included (but for -0.0, which is 0.0)."""
    return repr(found) == repr(expected) or (
        type(found) is type(expected) and canonical(found) == canonical(expected)
    )


def canonical(value: Any) -> str:
    from bayou.core.values import to_value

    return str(to_value([value]))


class AsADict(RuleBasedStateMachine):
    """A collection does what a dict does that is sorted by key."""

    def __init__(self) -> None:
        super().__init__()
        self.db = bayou.open(":memory:")
        self.rows = self.db["notes"]
        self.model: dict[str, Any] = {}

    def teardown(self) -> None:
        self.db.close()

    @rule(key=KEYS, value=VALUES)
    def put(self, key: str, value: Any) -> None:
        self.rows[key] = value
        self.model[key] = value

    @rule(key=KEYS)
    def delete(self, key: str) -> None:
        expected = self.model.pop(key, None)
        if expected is None:
            with pytest.raises(KeyError):
                del self.rows[key]
        else:
            del self.rows[key]

    @rule(key=KEYS)
    def delete_whatever(self, key: str) -> None:
        self.rows.delete(key)
        self.model.pop(key, None)

    @rule(pairs=st.dictionaries(KEYS, VALUES, max_size=4))
    def update(self, pairs: dict[str, Any]) -> None:
        self.rows.update(pairs)
        self.model.update(pairs)

    @rule(key=KEYS, default=st.integers(0, 9))
    def pop(self, key: str, default: int) -> None:
        assert same(self.rows.pop(key, default), self.model.pop(key, default))

    @rule(key=KEYS, value=st.integers(0, 9))
    def setdefault(self, key: str, value: int) -> None:
        assert same(self.rows.setdefault(key, value), self.model.setdefault(key, value))

    @precondition(lambda self: len(self.model) > 4)
    @rule()
    def clear(self) -> None:
        self.rows.clear()
        self.model.clear()

    @rule(key=KEYS)
    def read(self, key: str) -> None:
        assert (key in self.rows) == (key in self.model)
        assert same(self.rows.get(key, 0), self.model.get(key, 0))
        if key in self.model:
            assert same(self.rows[key], self.model[key])
        else:
            with pytest.raises(KeyError):
                self.rows[key]

    @rule(
        prefix=st.sampled_from(["", "a", "z/"]), start=st.none() | KEYS, limit=st.none() | st.integers(0, 3)
    )
    def scan(self, prefix: str, start: str | None, limit: int | None) -> None:
        keys = [
            key for key in sorted(self.model) if key.startswith(prefix) and (start is None or key >= start)
        ]
        found = list(self.rows.scan(prefix, start=start, limit=limit))
        assert [row.key for row in found] == keys[:limit]
        assert all(same(row.value, self.model[row.key]) and row.committed for row in found)

    @invariant()
    def is_the_same(self) -> None:
        assert list(self.rows) == list(self.rows.keys()) == sorted(self.model)
        assert len(self.rows) == len(self.model)
        assert all(same(value, self.model[key]) for key, value in self.rows.items())
        assert len(list(self.rows.values())) == len(self.model)
        assert self.db.collections() == (["notes"] if self.model else [])
        assert self.rows == self.model


TestAsADict = AsADict.TestCase
TestAsADict.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)


def test_many_rows_are_read_a_page_at_a_time() -> None:
    with bayou.open(":memory:") as db:
        rows = db["many"]
        rows.update((f"{number:04}", number) for number in range(1000))
        assert len(rows) == 1000
        assert [row.key for row in rows.scan("09", limit=500)] == [
            f"{number:04}" for number in range(900, 1000)
        ]
        assert [row.value for row in rows.scan(start="0100", limit=300)] == list(range(100, 400))
        rows.clear()
        assert len(rows) == 0


@pytest.mark.parametrize(
    ("key", "value", "error", "says"),
    [
        ("k", None, TypeError, "delete it"),
        ("k", (1, 2), TypeError, "a tuple is no JSON value"),
        ("k", {1: 2}, TypeError, "a int as a key of an object"),
        ("k", b"bytes", TypeError, "base64"),
        ("k", {"deep": b"bytes"}, TypeError, "base64"),
        ("k", float("nan"), ValueError, "not finite"),
        ("k", 1 << 63, ValueError, "64 bits"),
        ("k", "\ud800", ValueError, "lone surrogate"),
        ("k", "x" * (1 << 20), ValueError, "1048576 are the limit"),
        (5, "v", TypeError, "a int as a key"),
        ("k" * 1025, "v", ValueError, "1024 bytes"),
        ("é" * 513, "v", ValueError, "1024 bytes"),
        ("\udc80", "v", ValueError, "lone surrogate"),
    ],
)  # fmt: skip
def test_what_no_row_can_be_is_refused_before_anything_is_written(
    key: Any, value: Any, error: type[Exception], says: str
) -> None:
    with bayou.open(":memory:") as db:
        csn = db.status()["csn"]
        with pytest.raises(error, match=says):
            db["notes"][key] = value
        with pytest.raises(error, match=says):
            db["notes"].update([("sound", 1), (key, value)])
        assert db.status()["csn"] == csn
        assert len(db["notes"]) == 0


@pytest.mark.parametrize("name", ["", "Notes", "a b", "x" * 65, "!conflicts"])
def test_what_no_collection_can_be_called(name: str) -> None:
    with bayou.open(":memory:") as db, pytest.raises(ValueError, match="is no name of a collection"):
        db[name]


def test_what_comes_back_is_a_fresh_copy() -> None:
    with bayou.open(":memory:") as db:
        given = {"list": [1]}
        db["notes"]["k"] = given
        given["list"].append(2)
        found = db["notes"]["k"]
        found["list"].append(3)
        assert db["notes"]["k"] == {"list": [1]}


@given(key=KEYS, value=VALUES)
@settings(max_examples=20, deadline=None)
def test_a_row_comes_back_from_a_file(key: str, value: Any) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/a.bayou"
        with bayou.open(path) as db:
            write = db["notes"].put(key, value)
            assert db.outcome(write).state == "committed"
        with bayou.open(path, create=False) as db:
            assert same(db["notes"][key], value)
            assert db.name == "<>"
            assert db.is_primary


# Files.


def test_there_is_no_file_and_none_is_to_be_made(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="create=True"):
        bayou.open(tmp_path / "none.bayou", create=False)
    assert list(tmp_path.iterdir()) == []


def test_one_process_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.bayou"
    with bayou.open(path):
        code = f"import bayou\ntry:\n bayou.open({str(path)!r})\nexcept bayou.InUse as error:\n print(error)"
        said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        assert f"is in use by process {os.getpid()}" in said
        with pytest.raises(bayou.InUse):
            bayou.open(path)
    bayou.open(path).close()


def test_a_damaged_file_is_said_to_be_so_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.bayou"
    bayou.open(path).close()
    damaged = path.read_bytes()[:4096] + b"\xff" * 4096 + path.read_bytes()[8192:]
    path.write_bytes(damaged)
    with pytest.raises(bayou.StorageDamaged, match=r"a\.bayou"):
        bayou.open(path)
    assert path.read_bytes() == damaged


def test_an_older_copy_that_was_put_back_has_lost_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.bayou"
    with bayou.open(path) as db:
        db["notes"]["a"] = 1
    old = path.read_bytes()
    with bayou.open(path) as db:
        db["notes"]["b"] = 2
    path.write_bytes(old)
    with pytest.raises(bayou.LostMemory):
        bayou.open(path)


def test_a_secret_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.bayou"
    bayou.open(path).close()
    (tmp_path / "a.bayou-secret").chmod(0o644)
    with pytest.raises(bayou.WrongSecret, match="chmod 600"):
        bayou.open(path)
    with pytest.raises(bayou.WrongSecret, match="there is no secret"):
        bayou.open(path, secret=tmp_path / "elsewhere")
    with pytest.raises(ValueError, match="3 bytes"):
        bayou.open(path, secret=b"abc")


def test_without_room_it_is_read_and_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bayou.host.filehome import FileHome

    with bayou.open(tmp_path / "a.bayou") as db:
        db["notes"]["a"] = 1
        room = [False]
        monkeypatch.setattr(FileHome, "has_room", lambda self: room[0])
        db._engine.room.due = 0.0
        with pytest.raises(bayou.StorageFull, match="too little room"):
            db["notes"]["b"] = 2
        assert dict(db["notes"]) == {"a": 1}
        assert db.status()["has_room"] is False
        room[0] = True
        db["notes"]["b"] = 2
        assert len(db["notes"]) == 2


def test_a_closed_replica_says_so(tmp_path: Path) -> None:
    db = bayou.open(tmp_path / "a.bayou")
    notes = db["notes"]
    db.close()
    db.close()
    with pytest.raises(bayou.Error, match="open it again"):
        notes["a"] = 1


def test_one_that_nobody_holds_is_closed(tmp_path: Path) -> None:
    db = bayou.open(tmp_path / "a.bayou")
    db["notes"]["a"] = 1
    del db
    with bayou.open(tmp_path / "a.bayou") as again:
        assert again["notes"]["a"] == 1


def test_after_a_fork_only_the_parent_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "a.bayou"
    code = f"""
import bayou, os
db = bayou.open({str(path)!r})
db["notes"]["a"] = 1
reading, writing = os.pipe()
child = os.fork()
if not child:
    try:
        db["notes"]["b"] = 2
    except bayou.Error as error:
        os.write(writing, str(error).encode())
    db.close()
    os._exit(0)
os.waitpid(child, 0)
print(os.read(reading, 1000).decode())
lingering = os.fork()
if not lingering:
    os.read(reading, 1)
    os._exit(0)
db["notes"]["c"] = 3
db.close()
with bayou.open({str(path)!r}) as again:  # the child holds no lock
    print(dict(again["notes"]))
os.write(writing, b"!")
os.waitpid(lingering, 0)
"""
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert run.returncode == 0, run.stderr
    assert "only that one may go on with it after a fork" in run.stdout
    assert "{'a': 1, 'c': 3}" in run.stdout


KILLED = """
import bayou, sys
with bayou.open(sys.argv[1]) as db:
    for number in range(int(sys.argv[2]), 1 << 30):
        if number % 7:
            db["notes"][f"{number:06}"] = number
        else:
            db["notes"].update({f"{number:06}": number, "last": number})
        print(number, flush=True)
"""


def test_a_program_that_is_killed_has_all_that_it_was_told_is_durable(tmp_path: Path) -> None:
    """SIGKILL in the midst of puts, again and again: what was acknowledged is there, in order, once."""
    path, acknowledged = tmp_path / "a.bayou", -1
    for _ in range(4):
        out = tmp_path / "out"
        with out.open("wb") as printed:
            process = subprocess.Popen(
                [sys.executable, "-c", KILLED, str(path), str(acknowledged + 1)], stdout=printed
            )
            wait_until(lambda out=out: out.read_bytes().count(b"\n") > 20, 60)  # type: ignore[misc]
            process.kill()
            process.wait()
        acknowledged = int(out.read_text().rsplit("\n", 1)[0].split()[-1])
        with bayou.open(path) as db:
            found = [row.value for row in db["notes"].scan() if row.key != "last"]
            assert found == list(range(len(found)))
            assert len(found) in (acknowledged + 1, acknowledged + 2)
            assert db["notes"]["last"] == (len(found) - 1) // 7 * 7
            acknowledged = len(found) - 1


def test_threads_share_a_replica(tmp_path: Path) -> None:
    with bayou.open(tmp_path / "a.bayou") as db:
        failures: list[BaseException] = []

        def work(name: int) -> None:
            try:
                for number in range(25):
                    db["notes"][f"{name}-{number}"] = number
                    assert db["notes"][f"{name}-{number}"] == number
                    assert len(list(db["notes"].scan(f"{name}-"))) == number + 1
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures
        assert len(db["notes"]) == 100


def test_an_interrupt_while_it_waits_breaks_nothing(tmp_path: Path) -> None:
    import signal

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with bayou.open(tmp_path / "a.bayou", listen=None) as db:
            db["notes"]["a"] = 1
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            with pytest.raises(KeyboardInterrupt):
                list(db.changes(1))
            db["notes"]["b"] = 2
            assert dict(db["notes"]) == {"a": 1, "b": 2}
    finally:
        signal.signal(signal.SIGALRM, before)


# Changes.


def test_changes_begin_with_what_is_there_and_go_on() -> None:
    with bayou.open(":memory:") as db:
        db["notes"].update({"a": 1, "b": 2})
        db["notes"]["a"] = 3
        db["notes"].delete("b")
        seen = list(db.changes(timeout_s=0))
        assert [(change.key, change.value, change.csn) for change in seen] == [("a", 3, 3)]
        since = seen[-1].resume
        assert [(change.key, change.value) for change in db.changes(since, timeout_s=0)] == [("b", None)]
        db["more"]["c"] = [4]
        assert [change.collection for change in db.changes(4, timeout_s=0)] == ["more"]
        assert list(db.changes(5, timeout_s=0.01)) == []
        with pytest.raises(bayou.TooOld, match="begin afresh"):
            list(db.changes(99, timeout_s=0))


def test_changes_wait_for_another_thread() -> None:
    with bayou.open(":memory:") as db:
        threading.Thread(target=lambda: db["notes"].put("late", 1)).start()
        assert next(db.changes(timeout_s=60)).key == "late"


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_who_follows_changes_has_what_there_is(data: st.DataObject) -> None:
    """Whatever was folded, and wherever a reader stopped, what it makes of changes is the database."""
    with bayou.open(":memory:") as db:
        copies: list[tuple[int | None, dict[str, Any]]] = [(None, {})]
        for number in range(data.draw(st.integers(1, 25))):
            does = data.draw(st.sampled_from(["put", "put", "delete", "fold", "read", "some"]))
            key = data.draw(st.sampled_from("abcd"))
            if does == "put":
                db["notes"][key] = number
            elif does == "delete":
                db["notes"].delete(key)
            elif does == "fold":
                db._engine.change(lambda replica: replica.fold())
            elif does == "read":
                copies.append((None, {}))
            else:
                at = data.draw(st.integers(0, len(copies) - 1))
                copies[at] = follow(db, *copies[at], limit=data.draw(st.integers(1, 3)))
        for since, copy in copies:
            assert follow(db, since, copy)[1] == dict(db["notes"])


def follow(
    db: bayou.Replica, since: int | None, copy: dict[str, Any], limit: int | None = None
) -> tuple[int | None, dict[str, Any]]:
    """Take changes into a copy, up to so many of them."""
    copy = dict(copy)
    for count, change in enumerate(db.changes(since, timeout_s=0), 1):
        since = change.resume
        if change.value is None:
            copy.pop(change.key, None)
        else:
            copy[change.key] = change.value
        if count == limit:
            break
    return since, copy


def test_a_feed_that_has_fallen_too_far_behind_says_so() -> None:
    with bayou.open(":memory:") as db:
        for number in range(10):
            db["notes"][f"{number}"] = number
            db["notes"].delete(f"{number}")
        db._engine.change(fold_and_forget)
        with pytest.raises(bayou.TooOld, match="since=None"):
            list(db.changes(5, timeout_s=0))
        assert list(db.changes(timeout_s=0)) == []
        assert len(list(db.changes(10, timeout_s=0))) == 5


def fold_and_forget(replica: Replica) -> None:
    """Fold all, and drop the marks of the first ten deletions."""
    replica.fold()
    replica.drop_marks(10)


FILLED = """
import bayou, resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
db = bayou.open(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
done = 0
try:
    while True:
        db["notes"][f"{done:05}"] = "x" * 2000
        done += 1
except bayou.Error as error:
    print(done, type(error).__name__, error)
try:
    db["notes"]["more"] = 1
except bayou.Error as error:
    print(type(error).__name__)
"""


def test_a_file_that_may_grow_no_more_ends_the_replica_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.bayou"
    run = subprocess.run(
        [sys.executable, "-c", FILLED, str(path)], capture_output=True, text=True, check=False, timeout=120
    )
    assert run.returncode == 0, run.stderr
    first, second = run.stdout.splitlines()
    assert "a.bayou" in first
    assert second == first.split()[1]  # it says the same again, and does nothing
    with bayou.open(path) as db:
        done = int(first.split()[0])
        assert done > 10
        assert [row.key for row in db["notes"].scan(limit=done)] == [f"{number:05}" for number in range(done)]
        assert len(db["notes"]) in (done, done + 1)
