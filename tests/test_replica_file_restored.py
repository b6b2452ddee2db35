"""Replicas whose past is in files, and that come back from them: what they knew, they know."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from bayou.core.items import Items
from bayou.core.name import ROOT, Name
from bayou.core.replica import Replica
from bayou.node.records import Named
from bayou.storage.replica.file import ReplicaFile
from tests.replica_files import open_file
from tests.test_core_past import Town


class FileTown(Town):
    """A town whose replicas keep their past in files, and crash."""

    def __init__(self, seed: int, folder: Path, servers: int = 3) -> None:
        self.folder = folder
        self.files: dict[Name, ReplicaFile] = {}
        self.crashes = 0
        super().__init__(seed, 1)
        self.replicas = [self.begin(ROOT)]
        while len(self.replicas) < servers:
            creator = self.rng.choice(self.replicas)
            newcomer = self.begin(creator.create().created)
            self.note(creator)
            self.replicas.append(newcomer)
            newcomer.apply(creator.beyond(0, newcomer.vector))
            self.note(newcomer)

    def path(self, name: Name) -> Path:
        return self.folder / f"{len(name.stamps)}-{'-'.join(map(str, name.stamps))}"

    def begin(self, name: Name) -> Replica:
        file = self.files[name] = open_file(self.path(name))
        file.keep([Named(name)])
        return Replica(name, past=file)

    def note(self, replica: Replica) -> None:
        super().note(replica)
        if replica.name in self.files:
            journal = self.journals[replica.name]
            self.files[replica.name].keep(journal)  # type: ignore[arg-type]
            journal.clear()

    def step(self) -> None:
        if self.rng.random() < 0.08:
            self.crash(self.rng.randrange(len(self.replicas)))
        super().step()

    def crash(self, at: int) -> None:
        """Let a replica come back from its file, in the middle of a turn that nobody hears of."""
        before = self.replicas[at]
        expected = everything(before)
        if self.rng.random() < 0.5:
            before.fold()
            before.truncate(before.csn)
            before.drop_incoming()
        if self.rng.random() < 0.5:
            before.put("notes", "lost", before.get("notes", "a") or before.get("notes", "b") or "1")  # type: ignore[arg-type]
        if self.rng.random() < 0.5:
            self.files[before.name].close()
        else:
            self.files[before.name].abandon()
        file = self.files[before.name] = open_file(self.path(before.name))
        loaded = file.load()
        assert loaded.name is before.name
        replica = Replica(before.name, past=file)
        replica.apply(Items(loaded.items.csn, loaded.items.committed, []))
        replica.apply(Items(file.csn, [], loaded.items.tentative))
        replica.take_journal()
        replica.check()
        assert everything(replica) == expected
        if self.alone is before:
            self.alone = replica
        self.replicas[at] = replica
        self.crashes += 1

    def close(self) -> None:
        for file in self.files.values():
            file.close()


def everything(replica: Replica) -> tuple[object, ...]:
    """Return all that a replica knows."""
    past = replica.past
    return (
        replica.name, replica.vector, replica.csn, replica.primary, replica.is_primary, replica.retired,
        list(replica.log.tentative), past.base, past.omitted_csn, past.marks_from, past.incoming,
        replica.log.stable(past.omitted_csn, replica.csn),
        [replica.get("notes", key, committed_only=only) for key in "abcde" for only in (False, True)],
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(8))
def test_replicas_in_files_do_as_a_replay_does_and_come_back_the_same(seed: int, tmp_path: Path) -> None:
    town = FileTown(seed, tmp_path)
    for _ in range(150):
        town.step()
        for replica in town.replicas:
            town.check(replica)
    assert town.crashes > 3
    town.close()


def test_the_runs_receive_bases(tmp_path: Path) -> None:
    """Those above are of use: whole bases come in, over crashes too."""
    bases = 0
    for seed in range(6):
        (tmp_path / f"{seed}").mkdir()
        town = FileTown(seed, tmp_path / f"{seed}")
        for _ in range(150):
            town.step()
        bases += town.bases
        town.close()
    assert bases > 5


def test_a_clock_is_not_behind_what_was_let_go_of(tmp_path: Path) -> None:
    """Neither the log nor the vector may have the largest stamp: it may be that of one that has retired."""
    random = Random("clock")
    file = open_file(tmp_path / "a")
    file.keep([Named(ROOT)])
    replica = Replica(ROOT, past=file)
    child = replica.create().created
    replica.clock.saw(random.randrange(1000, 2000))
    other = Replica(child)
    other.apply(replica.beyond(0, other.vector))
    other.clock.saw(replica.clock.now)
    other.retire(None)
    replica.apply(other.beyond(replica.csn, replica.vector))
    replica.mark()
    clock = replica.clock.now
    assert clock > 1000
    file.keep(replica.take_journal())
    replica.fold()
    replica.truncate(replica.csn)
    file.keep(replica.take_journal())
    file.abandon()
    file = open_file(tmp_path / "a")
    again = Replica(ROOT, past=file)
    assert len(file.load().items) == 0
    assert child not in again.vector
    assert max(again.vector.stamps) < clock == again.clock.now
    file.close()
