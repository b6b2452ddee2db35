"""The web page among the examples, with the programs that serve it, replicas, and a `bayou serve` that is not
always there; over HTTP, and in a headless Chromium where there is one."""

from __future__ import annotations

import http.client
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import bayou
from tests.chromium import Chromium, find_chromium
from tests.clusters import free_ports
from tests.processes import wait_until
from tests.serving import PATIENCE_S, Served, Servers

PROGRAM = Path(__file__).parent.parent / "examples" / "shared_list" / "shared_list.py"
OURS = {"X-Shared-List": "1"}
"""What the page itself sends along with a change."""

pytestmark = pytest.mark.processes


class App:
    """The program that serves the page, in a folder of its own."""

    def __init__(self, folder: Path, server: Served | None = None) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        words = [] if server is None else ["--join", server.address, "--secret-file", str(server.secret)]
        self.words = [sys.executable, str(PROGRAM), "--port", "0", *words]
        self.process: subprocess.Popen[str] | None = None
        self.port = 0

    def __enter__(self) -> App:
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.stop(signal.SIGKILL)

    def start(self, **options: Any) -> App:
        self.process = subprocess.Popen(
            self.words, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            pytest.fail(self.process.communicate()[1])
        self.port = int(line.rsplit(":", 1)[1].rstrip("/\n"))
        return self

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """End it; return its exit status and what it has said."""
        assert self.process is not None
        self.process.send_signal(number)
        said = self.process.communicate(timeout=PATIENCE_S)[1]
        status, self.process = self.process.returncode, None
        return status, said

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes, http.client.HTTPMessage]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers
        finally:
            connection.close()

    def change(self, **what: object) -> int:
        return self.ask("POST", "/change", json.dumps(what).encode(), OURS)[0]

    def tick(self, text: str, is_done: bool) -> int:
        return self.change(does="tick", key=self.key(text), was=text, is_done=is_done)

    def rename(self, was: str, text: str) -> int:
        return self.change(does="rename", key=self.key(was), was=was, text=text)

    def delete(self, text: str) -> int:
        return self.change(does="delete", key=self.key(text), was=text)

    def conflicts(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.state()["conflicts"]
        return found

    def state(self) -> dict[str, Any]:
        status, body, _ = self.ask("GET", "/state")
        assert status == 200, body
        found: dict[str, Any] = json.loads(body)
        return found

    def entries(self) -> list[tuple[str, str]]:
        """Return the texts, with marks: done, pending, going."""
        return [
            (
                entry["text"],
                "".join(mark[0] for mark in ("done", "pending", "going") if entry[f"is_{mark}"]),
            )
            for entry in self.state()["entries"]
        ]

    def key(self, text: str) -> str:
        return next(str(entry["key"]) for entry in self.state()["entries"] if entry["text"] == text)


@contextmanager
def stream(app: App) -> Iterator[Iterator[dict[str, Any]]]:
    """Yield the states that the program tells, as they come."""
    connection = http.client.HTTPConnection("127.0.0.1", app.port, timeout=PATIENCE_S)
    connection.request("GET", "/stream")
    answer = connection.getresponse()
    assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    try:
        yield (json.loads(line[6:]) for line in iter(answer.readline, b"") if line.startswith(b"data: "))
    finally:
        answer.close()
        connection.close()


def test_whoever_changes_something_sees_it_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the watcher has come to it, which nobody has started here."""
    monkeypatch.syspath_prepend(str(PROGRAM.parent))
    the_list = importlib.import_module("the_list")
    with bayou.open(":memory:") as db:
        shared = the_list.SharedList(db)

        def seen() -> list[str]:
            return [entry["text"] for entry in shared.state()["entries"]]

        assert seen() == []
        shared.add("milk")
        assert seen() == ["milk"]
        (key,) = [entry["key"] for entry in shared.state()["entries"]]
        shared.rename(key, "milk", "bread")
        assert seen() == ["bread"]
        shared.tick(key, "bread", True)
        assert shared.state()["entries"][0]["is_done"]
        shared.delete(key, "bread")
        assert seen() == []


def test_a_list_of_its_own(tmp_path: Path) -> None:
    with App(tmp_path / "one") as app:
        assert app.state() == {
            "entries": [],
            "conflicts": [],
            "connected": 0,
            "is_primary": True,
            "waiting": 0,
        }
        assert app.change(does="add", text="  milk\n and  bread ") == 200
        assert app.change(does="add", text="salt") == 200
        assert app.entries() == [("milk and bread", ""), ("salt", "")]
        assert app.tick("salt", True) == 200
        assert app.entries() == [("milk and bread", ""), ("salt", "d")]
        assert app.delete("milk and bread") == 200
        assert app.entries() == [("salt", "d")]
        assert app.stop() == (0, "")
        app.start()
        assert app.entries() == [("salt", "d")]
        assert app.stop(signal.SIGKILL)[0] == -signal.SIGKILL
        app.start()
        assert app.entries() == [("salt", "d")]
        assert app.tick("salt", False) == 200
        assert app.stop(signal.SIGINT) == (0, "")


def test_two_people_and_a_server_that_goes_away(tmp_path: Path) -> None:
    with Servers(tmp_path, 1) as servers:
        servers.start_all()
        with App(tmp_path / "one", servers[0]) as one, App(tmp_path / "two", servers[0]) as two:
            assert one.change(does="add", text="milk") == 200
            wait_for((one, two), lambda app: app.entries() == [("milk", "")])
            servers[0].kill()
            wait_for((one, two), lambda app: app.state()["connected"] == 0)
            assert one.tick("milk", True) == 200
            assert one.change(does="add", text="bread") == 200
            assert two.delete("milk") == 200
            assert one.entries() == [("milk", "dp"), ("bread", "p")]
            assert two.entries() == [("milk", "pg")]
            assert one.state()["waiting"] == 2
            # The server is still away when one of them is killed and comes back.
            one.stop(signal.SIGKILL)
            one.start()
            assert one.entries() == [("milk", "dp"), ("bread", "p")]
            servers[0].start()
            # What was deleted stays deleted, though it was ticked off side by side.
            wait_for((one, two), lambda app: (app.entries(), app.conflicts()) == ([("bread", "")], []))
            assert one.stop() == two.stop() == (0, "")


def wait_for(apps: tuple[App, ...], holds: Callable[[App], bool]) -> None:
    """Wait until this holds for each of them."""
    for app in apps:
        wait_until(partial(holds, app), PATIENCE_S)


def are_final(app: App, count: int) -> bool:
    return [conflict["is_pending"] for conflict in app.conflicts()] == [False] * count


@contextmanager
def apart(tmp_path: Path, servers: Servers, *texts: str) -> Iterator[tuple[App, App]]:
    """Yield the programs of two people who have the same list and no network."""
    with App(tmp_path / "one", servers[0]) as one, App(tmp_path / "two", servers[0]) as two:
        for text in texts:
            one.change(does="add", text=text)
        wait_for((one, two), lambda app: app.entries() == [(text, "") for text in texts])
        servers[0].kill()
        wait_for((one, two), lambda app: app.state()["connected"] == 0)
        yield one, two


def test_two_who_rename_one_entry_are_asked_which_text_it_is_to_have(tmp_path: Path) -> None:
    with Servers(tmp_path, 1) as servers:
        servers.start_all()
        with apart(tmp_path, servers, "milk", "tea") as (one, two):
            assert one.rename("milk", "oat milk") == two.rename("milk", "soya milk") == 200
            assert one.rename("tea", "green tea") == two.rename("tea", "green tea") == 200  # no conflict
            # Before they meet each has his own text, tentatively, and nobody is asked anything.
            assert one.entries() == [("oat milk", "p"), ("green tea", "p")]
            assert two.entries() == [("soya milk", "p"), ("green tea", "p")]
            assert one.conflicts() == two.conflicts() == []
            servers[0].start()
            wait_for((one, two), lambda app: are_final(app, 1))
            ((text, _), tea), (found,) = one.entries(), one.conflicts()
            loser = two if text == "oat milk" else one
            tried = "soya milk" if loser is two else "oat milk"
            assert tea == ("green tea", "")
            told = {"does": "rename", "was": "milk", "text": tried, "now": text}
            assert found.items() >= told.items()
            assert [app.conflicts()[0]["is_ours"] for app in (one, two)] == [loser is one, loser is two]
            # The one who did not get his text takes it after all; the other need not do anything.
            settle = {"does": "settle", "id": found["id"], "takes": "mine", "now": text}
            assert loser.change(**settle) == 200
            wait_for((one, two), lambda app: app.conflicts() == [] and app.entries()[0] == (tried, ""))
            assert one.change(**settle) == 404


def test_who_ticks_off_or_deletes_means_the_text_that_he_sees(tmp_path: Path) -> None:
    """The page of one of them still shows what the other has changed."""
    with Servers(tmp_path, 1) as servers:
        servers.start_all()
        with App(tmp_path / "one", servers[0]) as one, App(tmp_path / "two", servers[0]) as two:
            for text in ("milk", "tea"):
                one.change(does="add", text=text)
            wait_until(lambda: two.entries() == [("milk", ""), ("tea", "")], PATIENCE_S)
            milk, tea = two.key("milk"), two.key("tea")
            assert one.rename("milk", "oat milk") == one.rename("tea", "green tea") == 200
            wait_until(lambda: two.entries() == [("oat milk", ""), ("green tea", "")], PATIENCE_S)
            assert two.change(does="tick", key=milk, was="milk", is_done=True) == 200
            assert two.change(does="delete", key=tea, was="tea") == 200
            wait_for((one, two), lambda app: are_final(app, 2))
            tick, delete = two.conflicts()
            told = {"does": "tick", "was": "milk", "is_done": True, "now": "oat milk"}
            assert tick.items() >= told.items()
            assert delete.items() >= {"does": "delete", "was": "tea", "now": "green tea"}.items()
            assert two.entries() == [("oat milk", ""), ("green tea", "")]
            # Anybody may settle it.
            assert two.change(does="settle", id=tick["id"], takes="theirs", now="oat milk") == 200
            assert one.change(does="settle", id=delete["id"], takes="mine", now="green tea") == 200
            wait_for((one, two), lambda app: (app.entries(), app.conflicts()) == ([("oat milk", "")], []))


def test_a_conflict_that_may_settle_itself_is_shown_and_not_asked(tmp_path: Path) -> None:
    with Servers(tmp_path, 1) as servers:
        servers.start_all()
        with App(tmp_path / "one", servers[0]) as one:
            one.change(does="add", text="milk")
            wait_until(lambda: one.entries() == [("milk", "")], PATIENCE_S)
            servers[0].kill()
            wait_until(lambda: one.state()["connected"] == 0, PATIENCE_S)
            key = one.key("milk")
            assert one.change(does="rename", key=key, was="milk", text="tea") == 200
            assert one.change(does="rename", key=key, was="milk", text="salt") == 200
            (found,) = one.conflicts()
            assert (found["is_pending"], found["text"], found["now"]) == (True, "salt", "tea")
            assert one.change(does="settle", id=found["id"], takes="mine", now="tea") == 409
            servers[0].start()
            wait_until(lambda: not one.conflicts()[0]["is_pending"], PATIENCE_S)
            # Whoever takes what was tried means the text that he sees, too: another conflict.
            assert one.change(does="settle", id=found["id"], takes="mine", now="milk") == 200
            (again,) = one.conflicts()
            assert (again["was"], again["text"], again["now"]) == ("milk", "salt", "tea")
            wait_until(lambda: not one.conflicts()[0]["is_pending"], PATIENCE_S)
            # Deleted meanwhile: what was tried brings it back.
            assert one.delete("tea") == 200
            wait_until(lambda: one.entries() == [], PATIENCE_S)
            (again,) = one.conflicts()
            assert again["now"] is None
            assert one.change(does="settle", id=again["id"], takes="mine", now=None) == 200
            wait_until(lambda: one.entries() == [("salt", "")], PATIENCE_S)
            assert one.conflicts() == []


def test_conflicts_of_other_programs_are_left_alone(tmp_path: Path) -> None:
    import bayou

    with bayou.open(tmp_path / "list.bayou") as db:
        for body in (
            bayou.Write("other").set("rooms", "A", "ann").if_present("rooms", "A"),
            bayou.Write("two").set("entries", "a", "b").set("entries", "c", "d").if_present("rooms", "A"),
            bayou.Write("value").set("entries", "a", ["b"]).if_is("entries", "a", "x"),
        ):
            db.write(body)
        assert len(db.conflicts()) == 3
    with App(tmp_path) as app:
        assert (app.conflicts(), app.entries()) == ([], [])


def test_the_stream_tells_what_changes(tmp_path: Path) -> None:
    with Servers(tmp_path, 1) as servers:
        servers.start_all()
        with (
            App(tmp_path / "one", servers[0]) as one,
            App(tmp_path / "two", servers[0]) as two,
            stream(one) as states,
        ):
            assert next(states)["entries"] == []
            two.change(does="add", text="milk")
            told = next(state["entries"] for state in states if state["entries"])
            assert told[0]["text"] == "milk"
            while told[0]["is_pending"]:
                told = next(states)["entries"]
            servers[0].stop()
            assert any(state["connected"] == 0 for state in states)
            one.change(does="add", text="bread")
            assert any(
                entry["is_pending"] and entry["text"] == "bread"
                for state in states
                for entry in state["entries"]
            )


def test_as_many_streams_as_there_may_be(tmp_path: Path) -> None:
    with App(tmp_path / "one") as app:
        sockets = []
        for _ in range(32):
            found = socket.create_connection(("127.0.0.1", app.port), PATIENCE_S)
            found.sendall(b"GET /stream HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % app.port)
            assert found.recv(12) == b"HTTP/1.1 200"
            sockets.append(found)
        assert app.ask("GET", "/stream")[0] == 503
        assert app.change(does="add", text="milk") == 200
        for each in sockets:
            each.close()
        app.change(does="add", text="bread")

        def is_free() -> bool:
            with socket.create_connection(("127.0.0.1", app.port), PATIENCE_S) as found:
                found.sendall(b"GET /stream HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % app.port)
                return found.recv(12) == b"HTTP/1.1 200"

        wait_until(is_free, PATIENCE_S)


def test_pages_of_others_change_and_see_nothing(tmp_path: Path) -> None:
    with App(tmp_path / "one") as app:
        app.change(does="add", text="secret")
        planted = json.dumps({"does": "add", "text": "planted"}).encode()
        tries: list[dict[str, str]] = [
            {},  # a form
            {"Content-Type": "text/plain"},
            {"X-Shared-List": "1", "Origin": "http://evil.example"},
            {"X-Shared-List": "1", "Origin": "null"},
            {"X-Shared-List": "1", "Origin": f"https://127.0.0.1:{app.port}"},
            {"X-Shared-List": "1", "Host": f"evil.example:{app.port}"},
        ]
        for headers in tries:
            assert app.ask("POST", "/change", planted, headers)[0] == 403, headers
        assert app.ask("OPTIONS", "/change", headers={"Origin": "http://evil.example"})[0] == 501
        for path in ("/", "/state", "/stream"):
            for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}):
                status, body, _ = app.ask("GET", path, headers=headers)
                assert (status, b"secret" in body) == (403, False)
        assert app.ask("POST", "/", b"{}", OURS)[0] == 403
        ours = {
            "X-Shared-List": "1",
            "Origin": f"http://localhost:{app.port}",
            "Host": f"localhost:{app.port}",
        }
        assert app.ask("POST", "/change", b'{"does": "add", "text": "ours"}', ours)[0] == 200
        assert app.entries() == [("secret", ""), ("ours", "")]
        assert app.ask("GET", "/")[2]["Content-Security-Policy"].startswith(
            "default-src 'none'; script-src 'self'"
        )


def test_bad_requests_are_refused_and_harm_nothing(tmp_path: Path) -> None:
    with App(tmp_path / "one") as app:
        for path in ("/nothing", "/../shared_list.py", "/shared_list.py", "/%2e%2e/x"):
            assert app.ask("GET", path)[0] == 404
        for what in (
            {},
            {"does": "add"},
            {"does": "add", "text": " \n"},
            {"does": "add", "text": 5},
            {"does": "add", "text": "x" * 201},
            {"does": "tick", "key": "a", "was": "a"},
            {"does": "tick", "key": "a", "is_done": True},
            {"does": "tick", "key": "a", "was": "a", "is_done": "yes"},
            {"does": "rename", "key": "a", "was": "a"},
            {"does": "rename", "key": "a", "text": "b"},
            {"does": "delete", "key": "a"},
            {"does": "delete", "key": ["a"], "was": "a"},
            {"does": "delete", "key": "k" * 1025, "was": "a"},
            {"does": "delete", "key": "\udc00", "was": "a"},
            {"does": "settle", "id": "17@<>", "takes": "both", "now": "a"},
            {"does": "settle", "id": "17@<>", "takes": "mine"},
            {"does": "settle", "id": "17@<>", "takes": "mine", "now": 5},
            {"does": "add", "text": "\udc00"},
            {"does": "drop"},
        ):
            assert app.change(**what) == 400, what
        assert app.change(does="delete", key="nobody's", was="a") == 404
        assert app.change(does="tick", key="nobody's", was="a", is_done=True) == 404
        assert app.change(does="rename", key="nobody's", was="a", text="b") == 404
        assert app.change(does="settle", id="17@<>", takes="mine", now=None) == 404
        assert app.change(does="settle", id="nonsense", takes="theirs", now="a") == 404
        for text in (b"", b"{", b"[" * 4000, b"\xff", b"null", b"[]", b"1e999"):
            assert app.ask("POST", "/change", text, OURS)[0] == 400, text
        assert app.ask("POST", "/change", b" " * 20000, OURS)[0] == 413
        for length in ("-1", "x", "9" * 50, "\xb2"):
            assert app.ask("POST", "/change", b"", OURS | {"Content-Length": length})[0] == 411
        with socket.create_connection(("127.0.0.1", app.port), PATIENCE_S) as found:
            found.sendall(b"\0\1\2 not HTTP\r\n\r\n")
            while found.recv(4096):
                pass
        assert app.entries() == []
        assert app.change(does="add", text="<script>alert(1)</script>") == 200
        status, _, headers = app.ask("GET", "/state")
        assert (status, headers["Content-Type"]) == (200, "application/json; charset=utf-8")
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert app.stop() == (0, "")


def test_a_program_that_can_not_begin_says_why(tmp_path: Path) -> None:
    def fails(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, str(PROGRAM), *words],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.count("\n") == 1
        return done.stderr

    with App(tmp_path) as app:
        assert "in use by process" in fails("--port", "0")
        assert "in use" in fails("--file", "other.bayou", "--port", str(app.port))
    assert "HOST:PORT" in fails("--file", "third.bayou", "--join", "nonsense")
    (port,) = free_ports(1)
    assert "there is no secret" in fails("--file", "third.bayou", "--join", f"127.0.0.1:{port}")
    assert "0-65535" in fails("--file", "fourth.bayou", "--port", "99999")


TEXTS = (
    "[...document.querySelectorAll('#entries li')].map("
    "item => [...item.querySelectorAll('.text, .mark:not([hidden])')].map(each => each.innerText).join('|'))"
)


def test_the_page_in_a_browser(tmp_path: Path) -> None:
    program = find_chromium()
    if program is None:
        pytest.skip("there is no chromium here: apt-get install chromium")
    with Servers(tmp_path, 1) as servers:
        servers.start_all()
        with (
            App(tmp_path / "one", servers[0]) as one,
            App(tmp_path / "two", servers[0]) as two,
            Chromium(program, tmp_path / "profile") as page,
        ):

            def shows(*texts: str) -> None:
                expected = json.dumps(list(texts), separators=(",", ":"))
                page.wait(f"JSON.stringify({TEXTS}) === {json.dumps(expected)}")

            def status(text: str) -> None:
                page.wait(f"document.getElementById('network').textContent === {json.dumps(text)}")

            page.go(one.url)
            status("In touch with 1 server")
            page.wait("!document.getElementById('empty').hidden")
            page.type("Milk")
            shows("Milk")
            page.wait("document.getElementById('text').value === ''")
            two.change(does="add", text="<img src=x onerror=alert(1)>")  # live, from elsewhere, and only text
            shows("Milk", "<img src=x onerror=alert(1)>")
            assert page.run("document.images.length") == 0
            page.click("#entries li:first-child label")
            wait_until(lambda: two.entries()[0] == ("Milk", "d"), PATIENCE_S)
            page.wait("document.querySelector('#entries li.done input').checked")

            # The server goes away: all goes on, with pending marks.
            servers[0].kill()
            status("Offline: changes wait here")
            page.click("#text")
            page.type("Bread")
            page.click("#entries li:nth-child(2) .delete")
            shows("Milk", "<img src=x onerror=alert(1)>|deletion pending", "Bread|pending")
            page.wait("document.getElementById('footer').textContent === '1 to do, 2 pending'")
            _draw(page, "offline")
            servers[0].start()
            shows("Milk", "Bread")
            status("In touch with 1 server")
            wait_until(lambda: two.entries() == [("Milk", "d"), ("Bread", "")], PATIENCE_S)

            # Both change one entry while they are apart: the page asks one of them, or shows what it is.
            servers[0].kill()
            status("Offline: changes wait here")
            wait_until(lambda: two.state()["connected"] == 0, PATIENCE_S)
            assert two.rename("Bread", "Rye bread") == 200
            page.click("#entries li:nth-child(2) .edit")
            page.wait("document.activeElement.className === 'rename'")
            page.run("document.activeElement.select()")
            page.type("White <b>bread</b>")
            shows("Milk", "White <b>bread</b>|pending")
            assert page.run("document.getElementById('conflicts').hidden")
            servers[0].start()
            page.wait("document.querySelectorAll('#conflicts button').length === 2")
            first = one.entries()[1][0]
            tried = "Rye bread" if first.startswith("White") else "White <b>bread</b>"
            shows("Milk", first)
            who, ours, theirs = ("You", "Mine", "Theirs") if tried[0] == "W" else ("Somebody", "Take", "Keep")
            told = page.run("document.querySelector('#conflicts p').textContent")
            assert told == f"{who} changed “Bread” to “{tried}”, which meanwhile became “{first}”."
            assert page.run("document.querySelector('#conflicts .mine').textContent") == f"{ours}: {tried}"
            assert (
                page.run("document.querySelector('#conflicts .theirs').textContent") == f"{theirs}: {first}"
            )
            _draw(page, "conflict")
            page.click("#conflicts .mine")
            shows("Milk", tried)
            page.wait("document.getElementById('conflicts').hidden")
            wait_until(lambda: two.entries()[1] == (tried, "") and two.conflicts() == [], PATIENCE_S)
            page.click("#entries li:nth-child(2) .edit")
            page.run("document.activeElement.select()")
            page.type("Bread")
            shows("Milk", "Bread")

            # The program itself goes away, and comes back at the same port.
            assert page.complaints == []
            port = one.port
            one.stop()
            status("The program behind this page is gone")
            page.click("#text")
            page.type("Salt")
            page.wait("!document.getElementById('error').hidden")
            one.words[one.words.index("--port") + 1] = str(port)
            one.start()
            status("In touch with 1 server")
            page.click("#text")
            page.type("")
            shows("Milk", "Bread", "Salt")
            assert page.run("document.getElementById('error').hidden")


def _draw(page: Chromium, name: str) -> None:
    """Keep pictures where somebody asks for them: BAYOU_TEST_PICTURES=FOLDER."""
    folder = os.environ.get("BAYOU_TEST_PICTURES")
    if folder:
        for is_dark in (False, True):
            page.screenshot(Path(folder, f"{name}{'-dark' if is_dark else ''}.png"), is_dark=is_dark)
