"""Families of scenarios: where they come from, which one a file is of, and what becomes of one that lacks a
part. tests/bells is one that does not come with the package."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bayou import families
from bayou.core.errors import BayouError
from bayou.explore.main import main as explore
from bayou.explore.trial import Trial, family_of
from bayou.families import FAMILIES, Family, add, find, judging
from bayou.families.chat.commands import COMMANDS as CHAT
from bayou.families.overview import how_families_open, name_of, owned_commands, shared_names
from bayou.families.planting import find_plant, known_bugs
from bayou.families.store.bugs import BUGS, OUT_OF_REACH
from bayou.families.store.commands import COMMANDS as STORE
from bayou.families.vocabulary import OtherFamily, all_commands, find_command
from bayou.judging.main import check, replay
from bayou.master.helping import PROMPT_COMMANDS, commands_at_prompt
from bayou.master.language import COMMANDS
from bayou.master.main import main
from bayou.master.prompt import Prompt
from bayou.master.run import Run, RunSettings
from bayou.script.grammar import BadLine
from bayou.script.registry import Registry
from bayou.trace.file import read_events
from bayou.worlds.simulated import SimulatedWorld
from bayou.worlds.simulated.setup import Setup
from tests.bells import FAMILY as BELLS
from tests.bells.commands import Tower
from tests.processes import run_master

PACKAGE = "tests.bells"
OURS = ["store", "chat", "locks"]
"""The families that come with the package, in the order in which they are explained."""

BOTH = pytest.mark.parametrize(
    "world", [pytest.param("processes", marks=pytest.mark.processes, id="processes"), "sim"]
)
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _families_as_before() -> Iterator[None]:
    """What a test adds is gone when it ends."""
    before = dict(FAMILIES)
    yield
    FAMILIES.clear()
    FAMILIES.update(before)


@pytest.fixture
def bells() -> Family:
    return add(PACKAGE)


class Told:
    """A run in the simulated world, told one line after another; what it prints, says and records is kept."""

    def __init__(self, *lines: str, **options: object) -> None:
        self.printed: list[str] = []
        self.said: list[str] = []
        self.events: list[dict[str, object]] = []
        world = SimulatedWorld(check=True)
        self.run = Run(
            world,
            COMMANDS,
            RunSettings(options={"bells": options}),
            typed={**COMMANDS, **PROMPT_COMMANDS},
            write=lambda data: self.printed.extend(data.decode().splitlines()),
            complain=self.said.append,
            observe=self.events.append,
        )
        self.tell(*lines)

    def tell(self, *lines: str) -> list[str]:
        """Carry out these lines; return what they printed and said."""
        self.printed.clear()
        self.said.clear()
        for line in lines:
            self.run.line(1, line.encode())
        return [*self.printed, *self.said]

    @property
    def family(self) -> str | None:
        return None if self.run.family is None else self.run.family.name


# Which family a file is of.


@pytest.mark.usefixtures("bells")
@pytest.mark.parametrize(
    ("line", "family"),
    [
        ("joinServer 0", "store"),
        ("put 1 a", "store"),  # one that is off tells it, too
        ("joinServer x", "store"),
        ("crashServer 0", "store"),
        ("pause", "store"),
        ("start", "store"),
        ("start 1", "store"),
        ("start 1 ding", "bells"),
        ("start 1 ding dong", "bells"),
        ("start x ding", "bells"),
        ("strike 1", "store"),  # only what opens bells does; in the store it is off
        ("wait 1", None),
        ("expect", None),
        ("# start 1 ding", None),
        ("// joinServer 0", None),
        ("", None),
        ("include nowhere", None),
        ("play 1", None),
        ("START 1 ding", None),
        ("startLocks 3 1", "locks"),
        ("startLocks", "locks"),
        ("sendMessage 0 a", "store"),  # in which it is off
        ("lossRate 0.1", "store"),
        ("printLocks", "store"),
    ],
)
def test_the_first_command_tells_the_family(line: str, family: str | None) -> None:
    """Of two families with a command of that name it is the one that it opens, with so many fields."""
    told = Told(line)
    assert told.family == family
    assert (told.run.system is None) == (family is None)
    opened = [event["family"] for event in told.events if event["event"] == "opened"]
    assert opened == ([] if family is None else [family])


@pytest.mark.usefixtures("bells")
def test_a_file_stays_of_its_family() -> None:
    """Also where another one has an opener of that form."""
    told = Told("joinServer 0", "start 1 ding")
    assert told.family == "store"
    assert told.said == [
        "<stdin>:1: start 1 ding: ignoring what follows the last field, '1 ding': usage is start"
    ]
    told = Told("start 1 ding", "start")
    assert told.said == ["<stdin>:1: start: too few fields: the command is start id sound; skipped"]


@pytest.mark.usefixtures("bells")
def test_the_family_is_told_in_the_trace_before_its_first_command() -> None:
    told = Told("wait 1", "start 1 ding", "strike 1")
    assert [event["event"] for event in told.events] == ["command", "opened", "command", "command"]
    assert told.printed == ["ding 1"]


@pytest.mark.usefixtures("bells")
@pytest.mark.parametrize(
    ("first", "other", "said"),
    [
        ("start 1 ding", "joinServer 0", "joinServer is a command of the family store"),
        ("joinServer 0", "strike 1", "strike is a command of the family bells"),
        ("joinServer 0", "sendMessage 0 a", "sendMessage is a command of the family chat"),
    ],
)
def test_a_command_of_another_family_is_a_line_that_is_off(first: str, other: str, said: str) -> None:
    opened = "bells" if first.startswith("start") else "store"
    said += f", and the first command here was one of the family {opened}"
    told = Told(first)
    assert told.tell(other) == [f"<stdin>:1: {other}: {said}; skipped"]
    done = run_master(f"{first}\n{other}\n", "--family", PACKAGE, "--world", "sim")
    assert (done.returncode, done.stdout) == (0, b"")
    assert done.stderr.decode() == f"<stdin>:2: {other}: {said}; skipped\n"
    assert (
        run_master(f"{first}\n{other}\n", "--family", PACKAGE, "--world", "sim", "--strict").returncode == 2
    )


@pytest.mark.usefixtures("bells")
def test_an_unknown_command_is_compared_with_those_that_there_are() -> None:
    """Those of all families until one is open, then those of that one and those of all files."""
    told = Told()
    assert "did you mean strike?" in told.tell("strik 1")[0]
    assert "did you mean joinServer?" in told.tell("joinserver 1")[0]
    (said,) = told.tell("xyzzy")
    assert "there are joinServer, " in said
    assert "strike" in said
    told.tell("start 1 ding")
    (said,) = told.tell("xyzzy")
    assert said.endswith("unknown command 'xyzzy': there are start, strike, include, expect, wait, help, "
                         "status, quit, exit; skipped")  # fmt: skip
    assert "joinServer" not in told.tell("joinServ 1")[0]


def test_of_several_openers_that_fit_the_last_familys_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """And a command that opens none leaves the file to the first family of all."""
    monkeypatch.setitem(FAMILIES, "one", Family("one", PACKAGE, {"start": 1}))
    monkeypatch.setitem(FAMILIES, "two", Family("two", PACKAGE, {"start": 3}))

    def family(line: str) -> str:
        found = find_command(line.split(), COMMANDS, None)[1]
        assert found is not None
        return found.name

    assert [family(f"start{' a' * count}") for count in range(5)] == ["store", "one", "one", "two", "two"]
    with pytest.raises(OtherFamily) as caught:
        family("strike")
    assert caught.value.chosen.name == "store"
    assert str(caught.value) == (
        "strike is a command of the family one, and a file of that begins with start id sound: without, it "
        "is one of the family store"
    )
    monkeypatch.setitem(FAMILIES, "three", Family("three", PACKAGE))
    assert family("strike") == "three", "one without openers has what begins with a command of it"


def test_commands_that_all_families_have_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    general = {**COMMANDS, "joinServer": COMMANDS["wait"]}
    assert find_command(["joinServer", "0"], general, None) == (COMMANDS["wait"], None)


def test_a_registry_has_one_command_of_a_name() -> None:
    registry = Registry("x")
    register = registry.command("a", does="", until="", example="", group="")
    register(lambda system: None)
    assert registry["a"].family == "x"
    with pytest.raises(ValueError, match="there is a command 'a' already"):
        register(lambda system: None)


# Where families come from.


@BOTH
def test_a_family_that_does_not_come_with_bayou(world: str) -> None:
    """Its commands, its machines, its options and its messages, with nothing of it in the package."""
    text = "# two bells\nstart 1 ding\nstart 2 dong\nstrike 2\nstrike 1\nstrike 2\nstrike 3\nexpect\n"
    done = run_master(text, "--world", world, "--family", PACKAGE)
    assert (done.returncode, done.stdout) == (0, b"dong 1\nding 1\ndong 2\n")
    assert done.stderr == b"<stdin>:7: strike 3: there is no bell 3; skipped\n"
    done = run_master(text, "--world", world, "--family", PACKAGE, "--loud", "--free-running")
    assert (done.returncode, done.stdout) == (0, b"DONG 1\nDING 1\nDONG 2\n")


@pytest.mark.parametrize("option", [["--family", PACKAGE], [f"--family={PACKAGE}"], ["--fam", PACKAGE]])
def test_the_option_in_each_of_its_forms(option: list[str]) -> None:
    """An abbreviation that is taken for it adds the family, too."""
    done = run_master("start 1 ding\nstrike 1\n", "--free-running", "--world", "sim", *option)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"ding 1\n", b"")


def test_a_simulated_run_has_no_need_of_the_wire() -> None:
    """Start-up time counts."""
    code = (
        "import sys; from bayou.master.main import main; main(['--world', 'sim'])\n"
        "print(*sorted(name for name in sys.modules if name.startswith('bayou.wire')))"
    )
    text = b"joinServer 0\njoinClient 8 0\nput 8 a b\nget 8 a\n"
    done = subprocess.run([sys.executable, "-c", code], input=text, capture_output=True, check=True)
    assert done.stdout == b"a:b\n\n"


def test_without_the_option_nothing_of_it_is_known() -> None:
    done = run_master("start 1 ding\nstrike 1\n", "--world", "sim")
    assert b"strike 1: unknown command 'strike'" in done.stderr
    assert run_master("", "--loud").returncode == 2


def test_a_family_from_the_working_directory(tmp_path: Path, capfd: Capture) -> None:
    """Also where that is not on Python's path, as it is not for an installed command."""
    room = tmp_path / "quiet"
    room.mkdir()
    (room / "__init__.py").write_text(
        "from bayou.families import Family\nFAMILY = Family('quiet', 'quiet')\n", encoding="utf-8"
    )
    (room / "options.py").write_text(
        "def add_options(group): group.add_argument('--hush')\ndef options_of(given): return {}\n",
        encoding="utf-8",
    )
    (room / "commands.py").write_text("COMMANDS = {}\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "bayou", "sim", "--family", "quiet", "--help"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "--hush" in done.stdout
    assert "options of the family quiet" in done.stdout


@pytest.mark.parametrize(
    ("package", "why"),
    [
        ("no.such.package", "'no.such.package' brings no family of scenarios: No module named 'no'"),
        ("json", "'json' brings no family of scenarios: module 'json' has no attribute 'FAMILY'"),
        (
            "tests.test_families",
            "'tests.test_families' brings no family of scenarios: its FAMILY is none",
        ),
    ],
)
def test_a_package_that_is_no_family(package: str, why: str, capsys: Capture) -> None:
    with pytest.raises(BayouError) as caught:
        add(package)
    assert str(caught.value) == why
    for verb, arguments in ((main, ["bayou sim"]), (check, []), (replay, []), (explore, [])):
        with pytest.raises(SystemExit) as ended:
            verb(["--family", package, "nowhere"], *arguments)
        assert ended.value.code == 2
        assert why in capsys.readouterr().err
    assert list(FAMILIES) == OURS


FAMILY = "this module's FAMILY is no Family"


def test_two_families_of_one_name_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same one twice is not."""
    monkeypatch.setattr(sys.modules[__name__], "FAMILY", Family("store", __name__))
    with pytest.raises(BayouError, match="there is a family store already"):
        add(__name__)
    assert FAMILIES["store"].package == "bayou.families.store"
    assert add(PACKAGE) is add(PACKAGE) is BELLS
    assert list(FAMILIES) == [*OURS, "bells"]
    assert run_master("", "--family", PACKAGE, "--family", PACKAGE, "--world", "sim").returncode == 0


def test_families_are_found_by_name() -> None:
    assert find("store").package == "bayou.families.store"
    for name in ("shop", None, 3, ["store"]):
        with pytest.raises(BayouError, match=r"there are store, chat, locks; --family PACKAGE adds one$"):
            find(name)


# What is known of all of them.


@pytest.mark.usefixtures("bells")
def test_a_prompt_offers_what_can_be_typed_now() -> None:
    told = Told()
    prompt = Prompt(told.run)
    general = [*COMMANDS, *PROMPT_COMMANDS]
    ours = list(dict.fromkeys(name for family in OURS for name in _names(family)))
    assert ours[: len(_names("store"))] == _names("store"), "start is the store's"
    assert list(all_commands(COMMANDS)) == [*ours, "strike", *COMMANDS]
    assert prompt.candidates([]) == list(commands_at_prompt(told.run)) == [*ours, "strike", *general]
    assert prompt.candidates(["strike"]) == []
    assert told.tell("status") == ["nothing has been started yet: help lists the commands"]
    told.tell("start 3 ding", "start 2 dong")
    assert prompt.candidates([]) == ["start", "strike", *general]
    assert prompt.candidates(["strike"]) == ["3", "2"]
    assert told.tell("status") == ["2 nodes of the family bells are up"]
    told.tell("help")
    assert "bells:" in told.printed
    assert "system:" not in told.printed
    told.tell("help start")
    assert told.printed == [
        "start id sound",
        *("  hangs a bell", "  id: a text without blanks", "  sound: a text without blanks"),
        *("  the next command begins when it hangs", "  example: start 1 ding"),
    ]


def test_help_tells_what_a_name_means_in_each_family() -> None:
    told = Told("help")
    assert [line for line in told.printed if line.endswith(":") and not line.startswith(" ")] == [
        "store, system:", "store, connections:", "store, anti-entropy:", "store:",
        "store, general writes:", "store, what is kept:", "store, faults:", "store, files:",
        "store, the commit group:",
        "chat, system:", "chat:", "chat, faults:", "chat and locks, faults:",
        "chat and locks, coming to rest:", "locks, system:", "locks:", "locks, faults:",
        "language:", "prompt:",
    ]  # fmt: skip
    assert sum(line.split()[:1] == ["start"] for line in told.printed) == 2
    assert how_families_open() == (
        "A scenario is of one family, which its first command tells: start with 2 fields or more is chat, "
        "startLocks is locks, anything else is store."
    )
    assert how_families_open() in " ".join(told.printed)
    add(PACKAGE)
    assert how_families_open().endswith(
        "startLocks is locks, start with 2 fields or more is bells, anything else is store."
    )
    FAMILIES["bells"] = Family("bells", PACKAGE)
    assert "a command that only bells has is bells" in how_families_open()
    FAMILIES.pop("bells")
    (chat,) = [owned for owned in owned_commands({}) if owned[1] is CHAT["start"]]
    assert shared_names(owned_commands({}))["start"] == [(("store",), STORE["start"]), chat]
    told.tell("help start")
    assert [line for line in told.printed if "of the family" in line] == [
        "  in a scenario of the family store", "  in a scenario of the family chat",
    ]  # fmt: skip
    told.tell("help heal")
    assert "  in a scenario of the family chat or locks" in told.printed
    told.tell("help lock")
    assert not any("of the family" in line for line in told.printed)
    for first, begins in (("joinServer 0", "start"), ("start 1 1", "start servers clients")):
        told = Told(first, "help start")
        assert [line for line in told.printed if not line.startswith(" ")] == [begins]


def test_names_that_stand_for_the_same_are_explained_once() -> None:
    owned = owned_commands(COMMANDS)
    assert [owners for owners, command in owned if command.name == "lossRate"] == [("chat", "locks")]
    assert owned[-len(COMMANDS) :] == [((), command) for command in COMMANDS.values()]
    groups = [owners for owners, _ in owned]
    changes = [owners for at, owners in enumerate(groups) if at == 0 or owners != groups[at - 1]]
    assert changes == [("store",), ("chat",), ("chat", "locks"), ("locks",), ()]
    assert name_of(("a",)) == "a"
    assert name_of(("a", "b", "c")) == "a, b and c"


def _names(family: str) -> list[str]:
    return list(FAMILIES[family].part("commands").COMMANDS)


@pytest.mark.usefixtures("bells")
def test_a_prompt_gets_by_with_a_family_that_says_nothing_to_it() -> None:
    """Without a module `prompting`: what was in doubt is over with the next command."""
    told = Told("start 1 ding")
    prompt = Prompt(told.run)
    assert isinstance(told.run.system, Tower)
    told.run.system.doubt()
    assert told.run.system.is_in_doubt
    prompt.carry_out(2, "strike 1")
    assert told.printed[-1:] == ["ding 1"]
    assert not told.run.system.is_in_doubt


@pytest.mark.usefixtures("bells")
def test_what_is_asked_for_on_the_command_line_reaches_the_family(tmp_path: Path) -> None:
    trace = tmp_path / "trace.jsonl"
    done = run_master(
        "start 1 ding\nstrike 1\n", "--world", "sim", "--family", PACKAGE, "--loud", "--trace", str(trace),
        "--guarantees", "MR",
    )  # fmt: skip
    assert done.stdout == b"DING 1\n"
    began, *events = read_events(trace.read_bytes().splitlines())
    assert began["families"]["bells"] == {"loud": True}
    assert began["families"]["store"]["guarantees"] == ["MR"]
    assert [event["event"] for event in events] == ["opened", "command", "command", "sounded"]
    assert replay(["--family", PACKAGE, str(trace)]) == 0


@pytest.mark.usefixtures("bells")
def test_help_lists_the_commands_and_options_of_all() -> None:
    done = run_master("", "--family", PACKAGE, "--help")
    for word in (b"--loud", b"options of the family bells", b"options of the family store", b"strike id"):
        assert word in done.stdout


# What a family lacks.


def test_a_family_without_random_scenarios_can_not_be_explored(tmp_path: Path, capsys: Capture) -> None:
    scenario = tmp_path / "bells.scenario"
    scenario.write_text("start 1 ding\nstrike 1\n", encoding="utf-8")
    why = "the family bells has no exploring: there is no module tests.bells.exploring"
    for arguments in (
        ["--of", "bells", "--seeds", "1", "-j", "1"],
        ["--of", "bells", "--bugs"],
        [str(scenario)],
    ):
        assert explore(["--family", PACKAGE, *arguments]) == 2, arguments
        assert capsys.readouterr().err == f"bayou explore: {why}\n"
    with pytest.raises(BayouError, match=why):
        Trial(["start 1 ding"], Setup())
    with pytest.raises(SystemExit):
        explore(["--of", "bells2"])


def test_a_family_without_rules_can_not_be_judged(tmp_path: Path, capsys: Capture) -> None:
    """The run itself is none the worse for that: nothing was there to be judged."""
    trace = tmp_path / "trace.jsonl"
    done = run_master(
        "start 1 ding\nstrike 1\n", "--world", "sim", "--family", PACKAGE, "--check", "--trace", str(trace)
    )
    why = "the family bells has no judging: there is no module tests.bells.judging"
    assert (done.returncode, done.stdout, done.stderr.decode()) == (6, b"ding 1\n", f"{why}\n")
    assert check(["--family", PACKAGE, str(trace)]) == 2
    assert capsys.readouterr().err == f"bayou check: {trace}: {why}\n"


def test_a_trace_of_a_family_that_is_not_there(tmp_path: Path, capsys: Capture) -> None:
    trace = tmp_path / "trace.jsonl"
    run_master("start 1 ding\nstrike 1\n", "--world", "sim", "--family", PACKAGE, "--trace", str(trace))
    for verb in (check, replay):
        assert verb([str(trace)]) == 2
        assert "there is no family 'bells': there are store, chat, locks;" in capsys.readouterr().err


def test_a_part_whose_import_fails_is_no_part_that_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = tmp_path / "brokenfamily"
    room.mkdir()
    (room / "__init__.py").touch()
    (room / "options.py").write_text("import nosuchmodule\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    broken = Family("broken", "brokenfamily")
    assert broken.has("options")
    assert not broken.has("judging")
    with pytest.raises(ModuleNotFoundError, match="nosuchmodule"):
        broken.part("options")
    with pytest.raises(BayouError, match="the family broken has no judging"):
        broken.part("judging")


def test_bugs_are_those_of_families_that_can_be_explored(bells: Family) -> None:
    assert not bells.has("exploring")
    assert {**known_bugs(), **BUGS, **OUT_OF_REACH} == known_bugs(), (
        "those of the store, and of families on a log"
    )
    assert find_plant("a session forgets its writes") is BUGS["a session forgets its writes"]
    with pytest.raises(BayouError, match="'ring' is no known bug"):
        find_plant("ring")


# Of which family what is read or run is.


@pytest.mark.usefixtures("bells")
def test_the_family_of_lines_and_of_events() -> None:
    assert family_of([b"# start 1 ding", b"wait 1", None, b"xyzzy", b"start 1 ding", b"start"]) is BELLS
    assert family_of([b"start 1", b"strike 1"]) is FAMILIES["store"]
    assert family_of([]) is BELLS, "the one that was added, as all may be in what is included"
    began = {"event": "began"}
    assert judging.family_of([began, {"event": "opened", "family": "bells"}]) is BELLS
    assert judging.family_of([began]) is FAMILIES["store"], "none was opened"
    with pytest.raises(BayouError, match="there is no family 'shop'"):
        judging.family_of([began, {"event": "opened", "family": "shop"}])


@pytest.mark.parametrize("lines", [
    "start x ding\nstart 1 ding\nstrike 1\n",
    "strike 1\nexpect a\nstart 1 ding\nstrike 1\n",
    "strike 1\nstart 1 ding dong\nstart 1 dang\nstrike 1\n",
])  # fmt: skip
def test_a_replay_is_of_the_family_though_its_first_command_was_skipped(
    lines: str, tmp_path: Path, capsys: Capture
) -> None:
    """That one is not in the trace; the family that it told is."""
    trace = tmp_path / "trace.jsonl"
    run_master(lines, "--world", "sim", "--family", PACKAGE, "--trace", str(trace))
    assert sum(event["event"] == "opened" for event in read_events(trace.read_bytes().splitlines())) == 1
    assert replay(["--family", PACKAGE, str(trace)]) == 0, capsys.readouterr().out


def test_a_replay_of_a_trace_that_opens_another_family_differs(tmp_path: Path, capsys: Capture) -> None:
    trace = tmp_path / "trace.jsonl"
    run_master("start 1 ding\nstrike 1\n", "--world", "sim", "--family", PACKAGE, "--trace", str(trace))
    began, opened, *events = read_events(trace.read_bytes().splitlines())
    for wrong in ([began, opened, opened, *events], [began, {**opened, "family": "store"}, *events]):
        trace.write_text("".join(f"{json.dumps(event)}\n" for event in wrong))
        assert replay(["--family", PACKAGE, str(trace)]) == 1
    trace.write_text("".join(f"{json.dumps(event)}\n" for event in [began, {"event": "opened"}, *events]))
    assert replay(["--family", PACKAGE, str(trace)]) == 2
    assert "there is no family 'None'" in capsys.readouterr().err


def test_three_families_come_with_the_package() -> None:
    assert list(families.FAMILIES) == OURS
    assert not any(family.is_added for family in families.FAMILIES.values())
    with pytest.raises(BadLine, match="unknown command 'strike'"):
        find_command(["strike", "1"], COMMANDS, None)


@pytest.mark.parametrize(
    "options", [["--gossip-period", "1e7"], ["--gossip-period", "1e-7", "--free-running"]]
)
def test_options_that_make_no_sense_are_refused_at_once(options: list[str]) -> None:
    done = run_master("joinServer 0\n", "--world", "sim", *options)
    assert done.returncode == 2
    assert b"options of the family store: period_s is a number from 1e-06 to 1e+06" in done.stderr
