"""Crashes at every point of what stores in folders do, with every disk that each of them can leave."""

from __future__ import annotations

from contextlib import closing
from errno import EIO, ENOSPC
from itertools import count
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bayou.storage.logfiles import LogFiles
from bayou.storage.memory import MemoryStore
from bayou.storage.store import StorageFailed, StoreBase
from bayou.storage.twofiles import TwoFiles
from tests.modelfiles import Crash, ModelFiles
from tests.stores import OWNER

if TYPE_CHECKING:
    from collections.abc import Iterator

Batches = list[bytes]

Kind = type[TwoFiles] | type[LogFiles]
KINDS: dict[str, Kind] = {"two files": TwoFiles, "log": LogFiles}
PATH = "/disk/folder/node"
LONG = bytes(range(100))
CALLS: list[tuple[str, bytes]] = [
    ("append", b"one"),
    ("append", LONG),
    ("replace", b"snapshot 1"),
    ("append", b""),
    ("replace", LONG),
    ("append", b"two"),
]


@pytest.fixture(params=[*KINDS])
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


class Life:
    """What a node has done with its store: ``durable`` is what it was told is, ``under_way`` what it would
    have if the call that did not return is counted."""

    def __init__(self, kind: Kind, files: ModelFiles) -> None:
        self.kind = kind
        self.files = files
        self.durable: Batches = []
        self.under_way: Batches = []
        self.has_read = False

    def go(self, calls: list[tuple[str, bytes]] = CALLS) -> None:
        """Open the store and make these calls; Crash or StorageFailed where one does not return."""
        with closing(self.kind(PATH, OWNER, files=self.files)) as store:
            self.durable = self.under_way = store.read()
            self.has_read = True
            for call, batch in calls:
                self.under_way = [*self.durable, batch] if call == "append" else [batch]
                getattr(store, call)(batch)
                self.durable = self.under_way

    def failure_of(self, store: StoreBase) -> StorageFailed | None:
        """Do the same with this store until a call fails, and then what can't be done any more."""
        try:
            self.durable = self.under_way = store.read()
        except StorageFailed as error:
            return error
        for call, batch in CALLS:
            self.under_way = [*self.durable, batch] if call == "append" else [batch]
            try:
                getattr(store, call)(batch)
            except StorageFailed as error:
                self._is_over(store, error)
                return error
            self.durable = self.under_way
        return None

    def _is_over(self, store: StoreBase, error: StorageFailed) -> None:
        before = self.files.calls
        for write in (store.append, store.replace):
            with pytest.raises(StorageFailed) as again:
                write(b"more")
            if again.value is not error:
                pytest.fail(f"another error: {again.value}")
        if self.files.calls != before:
            pytest.fail("it still writes")

    def outcomes(self) -> list[Batches]:
        """What the next process may find."""
        return [self.durable, self.under_way]


def lives(kind: Kind, began: ModelFiles | None = None) -> Iterator[Life]:
    """Give out a life for each point at which it can end, those that came before a crash."""
    at = 0
    while True:
        files = ModelFiles() if began is None else began.after_process()
        files.crash_at = at
        life = Life(kind, files)
        try:
            life.go()
        except Crash:
            yield life
        else:
            assert at > 40
            return
        at += 1


def reread(kind: Kind, files: ModelFiles) -> Batches:
    with closing(kind(PATH, OWNER, files=files)) as store:
        return store.read()


def test_the_machine_crashes_between_any_two_calls(kind: Kind) -> None:
    """Whatever of what was not synced is lost: the next start finds what was acknowledged, and goes on."""
    disks = 0
    found = set()
    for life in lives(kind):
        for disk in life.files.after_machine():
            disks += 1
            with closing(kind(PATH, OWNER, files=disk)) as store:
                batches = store.read()
                assert batches in life.outcomes(), (life.files.log[-5:], disk.snapshot())
                found.add(batches == life.under_way)
                store.append(b"next")
            assert reread(kind, disk) == [*batches, b"next"]
    assert disks > 500
    assert found == {False, True}


def test_the_process_crashes_between_any_two_calls_and_then_the_machine(
    kind: Kind,
) -> None:
    """What a process has read is durable, also if the one before it had not seen to that."""
    for life in lives(kind):
        second = life.files.after_process()
        batches = reread(kind, second)
        assert batches in life.outcomes()
        for disk in second.after_machine():
            assert reread(kind, disk) == batches, life.files.log[-5:]
        third = Life(kind, life.files.after_process())
        third.go([("append", b"next")])
        for disk in third.files.after_machine():
            assert reread(kind, disk) == [*batches, b"next"], life.files.log[-5:]


def test_the_machine_crashes_while_it_comes_back_from_a_crash(kind: Kind) -> None:
    for number, life in enumerate(lives(kind)):
        for disk in life.files.after_machine(number % 7, 40):
            for at in count(number % 3, 3):
                second = Life(kind, disk.after_process())
                second.files.crash_at = at
                try:
                    second.go([("append", b"next")])
                except Crash:
                    pass
                else:
                    break
                outcomes = (second if second.has_read else life).outcomes()
                for third in second.files.after_machine(at % 5, 8):
                    assert reread(kind, third) in outcomes


@pytest.mark.parametrize("errno", [EIO, ENOSPC])
def test_any_call_that_fails_ends_the_store(kind: Kind, errno: int) -> None:
    """One error, and nothing more is written; the next process goes on from what had been acknowledged."""
    at = failures = 0
    while True:
        life = Life(kind, ModelFiles())
        files = life.files
        files.fail_at, files.errno = at, errno
        store = kind(PATH, OWNER, files=files)
        error = life.failure_of(store)
        if error is not None:
            failures += 1
            assert str(error).startswith("/disk/folder/node")
            assert "can't be used: it fails; " in str(error)
            assert ("look at the system's log" if errno == EIO else "make room there") in str(error)
        store.close()
        assert not files.locked
        second = files.after_process()
        batches = reread(kind, second)
        assert batches in life.outcomes(), files.log
        for disk in second.after_machine():
            assert reread(kind, disk) == batches, "the system showed what the disk did not have"
        for disk in files.after_machine():
            assert reread(kind, disk) in life.outcomes()
        if at > files.calls:
            break
        at += 1
    assert failures > 40


def test_a_write_that_is_broken_off_ends_the_store(kind: Kind) -> None:
    """As by Ctrl-C: nobody knows whether it is there."""
    files = ModelFiles()
    store = kind(PATH, OWNER, files=files)
    store.read()
    files.crash_at = files.calls + 1
    with pytest.raises(Crash):
        store.append(b"broken off")
    with pytest.raises(StorageFailed, match="a write was broken off; start the node again"):
        store.append(b"more")
    store.close()


def test_memory_outlives_what_files_do(kind: Kind) -> None:
    """The moments of the twin are the states that the files go through."""
    twin = MemoryStore(remembers=True)
    twin.read()
    for call, batch in CALLS:
        getattr(twin, call)(batch)
    moments = [list(moment) for moment in twin.moments or ()]
    seen: list[Batches] = []
    for life in lives(kind):
        batches = reread(kind, life.files.after_process())
        if not seen or batches != seen[-1]:
            seen.append(batches)
    assert seen == moments[: len(seen)]
    assert len(seen) >= len(moments) - 1


def test_there_is_one_segment_whenever_no_call_is_under_way() -> None:
    """So that a snapshot that is lost later is missed: the journal before it is gone for good."""

    def segments(files: ModelFiles) -> set[int]:
        disks = (disk.snapshot() for disk in files.after_machine())
        return {sum("/journal-" in path for path in disk) for disk in disks}

    files = ModelFiles()
    store = LogFiles(PATH, OWNER, files=files)
    store.read()
    for call, batch in CALLS:
        getattr(store, call)(batch)
        assert segments(files) == {1}
    leftovers = 0
    for life in lives(LogFiles):
        leftovers += sum("/journal-" in path for path in life.files.snapshot()) == 2
        for disk in life.files.after_machine(0, 7):
            reread(LogFiles, disk)
            assert segments(disk) == {1}
    assert leftovers > 1


class Stores(RuleBasedStateMachine):
    """A store in a folder beside its twin in memory, through crashes of both kinds and failing calls."""

    kind: Kind

    def __init__(self) -> None:
        super().__init__()
        self.files = ModelFiles()
        self.twin = MemoryStore()
        self.store: StoreBase = self.twin

    @initialize()
    def begin(self) -> None:
        self._start()

    def _start(self) -> None:
        self.store = self.kind(PATH, OWNER, files=self.files)
        self.twin = self.twin.crashed()
        assert self.store.read() == self.twin.read()

    @rule(batch=st.binary(max_size=120))
    def append(self, batch: bytes) -> None:
        self.store.append(batch)
        self.twin.append(batch)

    @rule(batch=st.binary(max_size=120))
    def replace(self, batch: bytes) -> None:
        self.store.replace(batch)
        self.twin.replace(batch)

    @rule()
    def restart(self) -> None:
        self.store.close()
        self._start()

    @rule()
    def be_killed(self) -> None:
        self.files = self.files.after_process()
        self._start()

    @rule(data=st.data(), calls=st.integers(0, 14), is_replaced=st.booleans(), batch=st.binary(max_size=120))
    def crash(self, data: st.DataObject, calls: int, is_replaced: bool, batch: bytes) -> None:
        """The machine goes within a call, or right after it."""
        self.files.crash_at = self.files.calls + calls
        under_way = self.twin.crashed()
        under_way.read()
        try:
            self._write(self.store, batch, is_replaced=is_replaced)
            self._write(self.twin, batch, is_replaced=is_replaced)
        except Crash:
            pass
        self._write(under_way, batch, is_replaced=is_replaced)
        self._go_on(data.draw(st.sampled_from([*self.files.after_machine()])), under_way)

    @rule(calls=st.integers(0, 14), is_replaced=st.booleans(), batch=st.binary(max_size=120))
    def fail(self, calls: int, is_replaced: bool, batch: bytes) -> None:
        self.files.fail_at = self.files.calls + calls
        under_way = self.twin.crashed()
        under_way.read()
        try:
            self._write(self.store, batch, is_replaced=is_replaced)
            self._write(self.twin, batch, is_replaced=is_replaced)
        except StorageFailed:
            pass
        self._write(under_way, batch, is_replaced=is_replaced)
        self._go_on(self.files.after_process(), under_way)

    def _write(self, store: StoreBase, batch: bytes, *, is_replaced: bool) -> None:
        (store.replace if is_replaced else store.append)(batch)

    def _go_on(self, files: ModelFiles, under_way: MemoryStore) -> None:
        """Whether the call counted is for the files to say."""
        self.files = files
        found = reread(self.kind, files)
        if found != self.twin.crashed().read():
            self.twin = under_way
        self._start()

    @precondition(lambda self: self.store is not self.twin)
    @invariant()
    def there_is_room_for_what_is_kept(self) -> None:
        assert self.store.size_bytes >= self.twin.size_bytes


class TwoFilesStores(Stores):
    kind = TwoFiles


class LogStores(Stores):
    kind = LogFiles


Stores.TestCase.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
TestTwoFiles = TwoFilesStores.TestCase
TestTwoFiles.settings = Stores.TestCase.settings
TestLog = LogStores.TestCase
TestLog.settings = Stores.TestCase.settings
