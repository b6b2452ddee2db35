"""Writes that are carried in files: what is written, who can take it in, and files that nobody should
trust."""

from __future__ import annotations

import stat
from io import BytesIO
from pathlib import Path
from random import Random

import pytest

from bayou.core.errors import BayouError
from bayou.core.name import ROOT
from bayou.core.replica import Replica
from bayou.core.values import text_value
from bayou.core.vector import START, VersionVector
from bayou.host.carrier import Gap, export, import_file
from bayou.machine.effects import Ordered
from bayou.machine.messages import Failed, Message
from bayou.node.messages import Exported
from bayou.node.server import Server
from bayou.node.settings import Limits, Settings
from bayou.wire.codec import dump
from bayou.wire.exports import (
    CODE_BYTES,
    BadExport,
    ExportHeader,
    ExportReader,
    ExportWriter,
    parse_position,
    position_text,
)
from tests.test_nodes import first, order, server

SECRET = bytes(range(32))
CLUSTER = "c" * 32
SMALL = Settings(limits=Limits(items=2, characters=1 << 20))


class Asked:
    """A server as something that answers orders."""

    def __init__(self, machine: Server) -> None:
        self.machine = machine

    def __call__(self, message: Message) -> Message:
        effects = self.machine.step(self.machine.now, Ordered(1, message))
        self.machine.check()
        ((_, answer),) = effects.answers
        if isinstance(answer, Failed):
            raise BayouError(answer.why)
        return answer


def member(replica: Replica, settings: Settings = SMALL) -> Server:
    """Return a server that is a member, with this replica."""
    machine = server(1, settings=settings)
    machine._replica = replica
    machine.past = replica.past
    machine.life.stage = "a member"
    return machine


def carry(sender: Server, receiver: Server, path: Path, *, assumed: Replica | None = None) -> None:
    """Carry from one server to another what one lacks that stands where ``assumed`` does, or at the
    beginning."""
    csn, vector = (0, START) if assumed is None else (assumed.csn, assumed.vector)
    export(Asked(sender), str(path), SECRET, cluster=CLUSTER, name=ROOT, csn=csn, vector=vector)
    import_file(Asked(receiver), str(path), [b"other", SECRET], cluster=CLUSTER)


def pair() -> tuple[Server, Server]:
    """A primary, and a server that knows only what there was when it was created."""
    root = first(settings=SMALL)
    creation = root.replica.create()
    newcomer = Replica(creation.created)
    newcomer.apply(root.replica.beyond(0, newcomer.vector))
    return root, member(newcomer)


def test_a_file_brings_what_an_exchange_would(tmp_path: Path) -> None:
    root, other = pair()
    for number in range(7):
        root.replica.put("notes", str(number), text_value("v"))
    other.replica.put("notes", "own", text_value("w"))
    carry(root, other, tmp_path / "file")
    assert other.replica.csn == root.replica.csn == 8
    assert [key for key, *_ in other.replica.rows("notes")] == [*map(str, range(7)), "own"]
    carry(other, root, tmp_path / "back")
    root.replica.mark()
    assert root.replica.csn == 9
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o600
    assert not (tmp_path / "file.part").exists()


def test_a_file_of_a_member_tells_where_its_last_decree_ends(tmp_path: Path) -> None:
    """Or whoever takes it in would propose in the middle of that decree."""
    root, other = pair()
    root.replica.regroup([ROOT, other.replica.name])
    boundary = root.replica.csn
    root.replica.put("notes", "a", text_value("v"))
    root.replica.decide(boundary, root.replica.vector)
    carry(root, other, tmp_path / "file")
    assert other.replica.group == root.replica.group
    assert other.replica.boundary == root.replica.boundary == boundary + 1


def test_a_file_of_an_earlier_version_is_to_be_written_again(tmp_path: Path) -> None:
    root, other = pair()
    path = tmp_path / "file"
    export(Asked(root), str(path), SECRET, cluster=CLUSTER, name=ROOT, csn=0, vector=START)
    path.write_bytes(path.read_bytes().replace(b"bayou export 2", b"bayou export 1", 1))
    with pytest.raises(BadExport, match="export it again"):
        import_file(Asked(other), str(path), [SECRET], cluster=CLUSTER)


def test_files_come_in_any_order_and_any_number_of_times(tmp_path: Path) -> None:
    root, other = pair()
    start = Replica(ROOT)
    for number in range(6):
        root.replica.put("notes", str(number), text_value("v"))
        csn, vector = (0, START) if number % 2 else (start.csn, start.vector)
        path = str(tmp_path / str(number))
        export(Asked(root), path, SECRET, cluster=CLUSTER, name=ROOT, csn=csn, vector=vector)
    for number in (5, 1, 5, 3, 0):
        import_file(Asked(other), str(tmp_path / str(number)), [SECRET], cluster=CLUSTER)
    assert list(other.replica.log) == list(root.replica.log)


def test_a_gap_is_told_with_where_to_begin(tmp_path: Path) -> None:
    root, other = pair()
    behind = Replica(other.replica.name)
    behind.apply(other.replica.beyond(0, behind.vector))
    root.replica.put("notes", "a", text_value("v"))
    middle = root.replica.vector
    root.replica.put("notes", "b", text_value("v"))
    path = str(tmp_path / "file")
    export(Asked(root), path, SECRET, cluster=CLUSTER, name=ROOT, csn=2, vector=middle)
    with pytest.raises(Gap, match="behind CSN 2") as told:
        import_file(Asked(other), path, [SECRET], cluster=CLUSTER)
    assert other.replica.csn == 1
    csn, vector = parse_position(str(told.value).split("position:\n")[1])
    assert (csn, vector) == (1, other.replica.vector)
    export(Asked(root), path, SECRET, cluster=CLUSTER, name=ROOT, csn=csn, vector=vector)
    assert import_file(Asked(other), path, [SECRET], cluster=CLUSTER).new == 2


def test_entries_alone_do_not_tell_that_nothing_is_missing(tmp_path: Path) -> None:
    """The assumed vector has seen a server retire that the importing one has not heard the last of: every
    entry that it lists is covered, and yet writes would be missing."""
    root, other = pair()
    third = Replica(root.replica.create().created)
    third.apply(root.replica.beyond(0, third.vector))
    other.replica.apply(root.replica.beyond(1, other.replica.vector))
    third.put("notes", "last", text_value("words"))
    third.retire(None)
    root.replica.apply(third.beyond(root.replica.csn, root.replica.vector))
    assumed = Replica(ROOT.child(99))
    assumed.apply(root.replica.beyond(0, VersionVector({ROOT: 0, ROOT.child(99): 0})))
    vector = root.replica.vector
    assert other.replica.vector.covers_listed(vector)
    assert not other.replica.vector.covers(vector)
    path = str(tmp_path / "file")
    export(Asked(root), path, SECRET, cluster=CLUSTER, name=ROOT, csn=2, vector=vector)
    with pytest.raises(Gap):
        import_file(Asked(other), path, [SECRET], cluster=CLUSTER)


def test_a_truncated_server_writes_its_base_down(tmp_path: Path) -> None:
    root, other = pair()
    for number in range(7):
        root.replica.put("notes", str(number), text_value("v"))
    root.replica.delete("notes", "3")
    root.replica.fold(7)
    root.replica.truncate(6)
    other.replica.put("notes", "own", text_value("w"))
    path = str(tmp_path / "file")
    written = export(Asked(root), path, SECRET, cluster=CLUSTER, name=ROOT)
    assert (written.rows, written.csn) == (6, 9)
    report = import_file(Asked(other), path, [SECRET], cluster=CLUSTER)
    assert report.installed
    assert other.replica.csn == 9
    assert [key for key, *_ in other.replica.rows("notes")] == ["0", "1", "2", "4", "5", "6", "own"]
    again = import_file(Asked(other), path, [SECRET], cluster=CLUSTER)
    assert (again.installed, again.new) == (False, 0)


def test_a_base_goes_on_in_files_while_the_server_moves_on(tmp_path: Path) -> None:
    """Between two pieces the server folds, and marks go: the file begins afresh, and is right all the
    same."""
    root, other = pair()
    for number in range(8):
        root.replica.put("notes", str(number), text_value("v"))
    root.replica.fold()
    root.replica.truncate(9)
    asked = Asked(root)
    pieces = 0

    def ask(message: Message) -> Message:
        nonlocal pieces
        pieces += 1
        if pieces == 3:
            root.replica.delete("notes", "0")
            root.replica.put("notes", "1", text_value("new"))
            root.replica.fold()
            root.replica.drop_marks(10)
            root.replica.truncate(11)
        return asked(message)

    path = str(tmp_path / "file")
    export(ask, path, SECRET, cluster=CLUSTER, name=ROOT)
    assert import_file(Asked(other), path, [SECRET], cluster=CLUSTER).installed
    seen = {key: value for key, value, *_ in other.replica.rows("notes")}
    assert seen == {key: value for key, value, *_ in root.replica.rows("notes")}


@pytest.mark.parametrize("seed", range(25))
def test_random_files_among_random_servers(seed: int, tmp_path: Path) -> None:
    """Files of any age, for anybody, from anybody: whatever is taken in is what an exchange would have
    brought."""
    rng = Random(seed)
    root, other = pair()
    third = Replica(root.replica.create().created)
    third.apply(root.replica.beyond(0, third.vector))
    machines = [root, other, member(third)]
    files: list[str] = []
    gaps = 0
    for number in range(70):
        at = rng.choice(machines)
        what = rng.random()
        if what < 0.35:
            at.replica.put("notes", rng.choice("abc"), text_value(str(number)))
        elif what < 0.6:
            reader = rng.choice(machines).replica
            csn, vector = (0, START) if rng.random() < 0.3 else (reader.csn, reader.vector)
            path = str(tmp_path / str(len(files)))
            export(Asked(at), path, SECRET, cluster=CLUSTER, name=at.replica.name, csn=csn, vector=vector)
            files.append(path)
        elif what < 0.9 and files:
            try:
                import_file(Asked(at), rng.choice(files), [SECRET], cluster=CLUSTER)
            except Gap:
                gaps += 1
        elif what < 0.95:
            at.replica.fold()
            at.replica.truncate(rng.randint(0, at.replica.csn))
        else:
            root.replica.mark()
        at.check()
    for _ in range(3):
        for sender in machines:
            for receiver in machines:
                if sender is not receiver:
                    carry(sender, receiver, tmp_path / "last", assumed=receiver.replica)
        root.replica.mark()
    for machine in machines:
        assert machine.replica.csn == root.replica.csn
        assert machine.replica.vector == root.replica.vector
        assert {key: value for key, value, *_ in machine.replica.rows("notes")} == {
            key: value for key, value, *_ in root.replica.rows("notes")
        }


# Files that are none.


def made(tmp_path: Path) -> tuple[Server, bytes]:
    root, other = pair()
    root.replica.put("notes", "a", text_value("v"))
    path = tmp_path / "file"
    export(Asked(root), str(path), SECRET, cluster=CLUSTER, name=ROOT)
    return other, path.read_bytes()


def test_a_file_that_was_changed_changes_nothing(tmp_path: Path) -> None:
    other, content = made(tmp_path)
    path = tmp_path / "bad"
    for at in range(0, len(content), 7):
        path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        with pytest.raises(BadExport):
            import_file(Asked(other), str(path), [SECRET], cluster=CLUSTER)
    for end in range(0, len(content), 11):
        path.write_bytes(content[:end])
        with pytest.raises(BadExport):
            import_file(Asked(other), str(path), [SECRET], cluster=CLUSTER)
    path.write_bytes(content + b"x")
    with pytest.raises(BadExport):
        import_file(Asked(other), str(path), [SECRET], cluster=CLUSTER)
    assert other.replica.csn == 1


def test_a_file_of_another_cluster_or_secret_is_refused(tmp_path: Path) -> None:
    other, _ = made(tmp_path)
    path = str(tmp_path / "file")
    with pytest.raises(BadExport, match="another cluster"):
        import_file(Asked(other), path, [SECRET], cluster="d" * 32)
    with pytest.raises(BadExport, match="another secret"):
        import_file(Asked(other), path, [b"x" * 32], cluster=CLUSTER)
    assert other.replica.csn == 1


@pytest.mark.parametrize(
    "payload",
    [dump(()), dump((1, 2, 3)), b"no pickle", dump("text"), b"cos\nsystem\n(S'true'\ntR."],
)
def test_who_knows_the_secret_may_write_nonsense_and_does_no_harm(payload: bytes, tmp_path: Path) -> None:
    """The code of such a file is right: what is in it is looked at all the same."""
    other, _ = made(tmp_path)
    out = BytesIO()
    writer = ExportWriter(out, SECRET, ExportHeader(CLUSTER, ROOT, 0.0, 0, START))
    writer._put(b"P" + len(payload).to_bytes(4, "little") + payload)
    writer.finish()
    path = tmp_path / "bad"
    path.write_bytes(out.getvalue())
    with pytest.raises(BadExport):
        import_file(Asked(other), str(path), [SECRET], cluster=CLUSTER)


def test_a_piece_that_claims_to_be_longer_than_the_file(tmp_path: Path) -> None:
    out = BytesIO()
    writer = ExportWriter(out, SECRET, ExportHeader(CLUSTER, ROOT, 0.0, 0, START))
    writer._put(b"P" + (1 << 30).to_bytes(4, "little"))
    writer.finish()
    with pytest.raises(BadExport, match="piece that is none"):
        ExportReader(out, [SECRET], "file")
    assert len(out.getvalue()) > CODE_BYTES


def test_a_file_that_can_not_be_written_leaves_none(tmp_path: Path) -> None:
    root, _ = pair()

    def refuse(message: Message) -> Message:
        raise BayouError("no")

    with pytest.raises(BayouError, match="no"):
        export(refuse, str(tmp_path / "file"), SECRET, cluster=CLUSTER, name=ROOT)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OSError, match="No such file"):
        export(Asked(root), str(tmp_path / "no" / "file"), SECRET, cluster=CLUSTER, name=ROOT)


def test_positions_as_people_carry_them() -> None:
    name = ROOT.child(3)
    for vector in (START, VersionVector({ROOT: 9, name: 3, name.child(5): 8})):
        assert parse_position(position_text(4, vector)) == (4, vector)
    for text in (
        "",
        "csn x\n<> 1",
        "csn 1",
        "<> 1",
        "csn -1\n<> 1",
        "csn 1\n<3,4> 5",
        "csn 1\nroot 4",
        "csn 1\n<> a",
    ):
        with pytest.raises(ValueError, match=r"position|stand"):
            parse_position(text)


def test_who_is_no_member_or_has_retired_says_so() -> None:
    newcomer = server(2)
    from bayou.node.messages import Export, Import

    assert isinstance(only_answer(newcomer, Export(0, START)), Failed)
    root, other = pair()
    other.replica.retire(None)
    refused = only_answer(other, Import(Exported(root.replica.beyond(0, START)).items))
    assert isinstance(refused, Failed)
    assert "retired" in refused.why


def only_answer(machine: Server, message: Message) -> Message:
    ((_, answer),) = order(machine, message).answers
    return answer
