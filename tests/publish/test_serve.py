"""The preview: a real server on loopback, real runs behind it, and readers who mean no good."""

from __future__ import annotations

import contextlib
import http.client
import json
import math
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from page_reader import Elements
from runner_plans import plan_of, register

from suite.errors import SuiteError
from suite.publish.media_types import content_type
from suite.publish.serving import Preview, PreviewServer, find_place, open_server
from suite.publish.serving.curves import draw
from suite.publish.serving.files import segments_of
from suite.publish.serving.injection import relaxed
from suite.publish.serving.live import LiveReader
from suite.publish.serving.rebuild import Rebuilder
from suite.publish.serving.state import RunningTrial, TrialName
from suite.runner.live_curve import CurveWriter, curve_path, read_curve
from suite.runner.run import run_plan
from suite.store.records.result import EpochRecord

TESTS = Path(__file__).resolve().parents[1]
PAGE = "<!doctype html><html><head><meta charset=utf-8>{}</head><body><p>höher</p></body></html>"
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"
"""The report's own."""


@contextlib.contextmanager
def served(folder: Path) -> Iterator[PreviewServer]:
    """A server of a folder in a thread; nothing is rebuilt."""
    server = open_server(Preview(find_place(folder), rebuild=False), port=0)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def ask(
    server: PreviewServer, path: str, *, method: str = "GET", host: str | None = "localhost"
) -> tuple[int, http.client.HTTPMessage, bytes]:
    """Status, head and body; the path goes as it is, with nothing made tidy."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    connection.putrequest(method, path, skip_host=True)
    if host is not None:
        connection.putheader("Host", host)
    connection.endheaders()
    answer = connection.getresponse()
    try:
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def state_of(server: PreviewServer) -> dict[str, Any]:
    """What a program is told of the run."""
    status, _, body = ask(server, "/-/state.json")
    assert status == 200
    return json.loads(body)


def wait_for(look: Callable[[], Any], *, seconds: float = 60) -> Any:
    """The first answer that is true."""
    until = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < until, "it did not come"
        time.sleep(0.1)
    return found


@contextlib.contextmanager
def events(server: PreviewServer, query: str = "") -> Iterator[Iterator[tuple[str, str]]]:
    """The server-sent events as they come: name and data."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    connection.request("GET", f"/-/events{query}")
    answer = connection.getresponse()
    assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"

    def read() -> Iterator[tuple[str, str]]:
        name = ""
        while line := answer.readline().decode():
            key, _, value = line.rstrip("\n").partition(": ")
            if key == "event":
                name = value
            elif key == "data":
                yield name, value

    try:
        yield read()
    finally:
        answer.close()
        connection.close()


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A published site of two pages beside a secret."""
    folder = tmp_path / "site"
    (folder / "runs" / "one").mkdir(parents=True)
    (folder / "suite-site.json").write_text("{}")
    (folder / "index.html").write_text(PAGE.format(f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'))
    (folder / "runs" / "one" / "index.html").write_text(PAGE.format(""))
    for name in ("data.json", "style.css", "notes.md", "chart.svg", "model.onnx", "a b.txt", ".hidden"):
        (folder / name).write_text("{}")
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "out").symlink_to(tmp_path)
    return folder


def digits(out: Path, *models: str, seeds: tuple[int, ...] = (1,)) -> None:
    """A run of small classifiers in this process."""
    plan = plan_of(*models, seeds=seeds, keep_models="none")
    run_plan(plan, out=out, cache_root=out, progress="quiet", executor="runner_executors:execute")


# Files


def test_a_site_is_served_with_its_types_and_never_cached(site):
    """Type and charset by the name of the file; no browser keeps an older copy."""
    types = {
        "/": "text/html; charset=utf-8",
        "/runs/one/": "text/html; charset=utf-8",
        "/data.json": "application/json; charset=utf-8",
        "/style.css?v=1": "text/css; charset=utf-8",
        "/notes.md": "text/markdown; charset=utf-8",
        "/chart.svg": "image/svg+xml; charset=utf-8",
        "/model.onnx": "application/octet-stream",
        "/a%20b.txt": "text/plain; charset=utf-8",
    }
    with served(site) as server:
        for path, kind in types.items():
            status, head, _ = ask(server, path)
            assert (status, head["Content-Type"]) == (200, kind), path
            assert (head["Cache-Control"], head["X-Content-Type-Options"]) == ("no-store", "nosniff")
        assert ask(server, "/data.json")[2] == b"{}"
    assert content_type("report.js") == "text/javascript; charset=utf-8"


def test_a_folder_is_never_listed(site):
    """One without a page is not there; one with a page gets the slash that its links need."""
    with served(site) as server:
        assert ask(server, "/runs/")[0] == 404
        status, head, _ = ask(server, "/runs/one")
        assert (status, head["Location"]) == (301, "/runs/one/")
        assert ask(server, "/nothing.html")[0] == 404
        (site / "404.html").write_text(PAGE.format(""))
        status, _, body = ask(server, "/nothing.html")
        assert (status, "höher".encode() in body) == (404, True)


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/runs/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/runs/%2e%2e/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/..%5csecret.txt",
        "/%252e%252e/secret.txt",
        "//secret.txt",
        "//etc/passwd",
        "/%2fetc/passwd",
        "/data.json%00.html",
        "/%ff",
        "/.hidden",
        "/link.txt",
        "/out/secret.txt",
        "secret.txt",
        "http://localhost/data.json",
    ],
)
def test_no_path_leads_out_of_the_folder(site, path):
    """Parents, encoded too, absolute paths, links that lead out and hidden files are not there."""
    with served(site) as server:
        status, _, body = ask(server, path)
        assert status == 404
        assert b"secret" not in body.replace(b"secret.txt", b"")


def test_parts_of_a_path_are_decoded_once():
    """What is encoded twice is a name with a percent sign in it."""
    assert segments_of("/a%20b/c.html?x=../y#z") == ("a b", "c.html")
    assert segments_of("/%252e%252e/x") == ("%2e%2e", "x")
    assert segments_of("/a/") == ("a", "")
    assert segments_of("/") == ()
    assert segments_of("/a/../b") is segments_of("/a//b") is segments_of("x") is None


def test_only_names_of_this_machine_are_answered(site):
    """A page elsewhere that lets its own name lead here reads nothing; any port will do, as through a tunnel."""
    with served(site) as server:
        for host in ("localhost", "127.0.0.1:8000", "[::1]:9", "LOCALHOST:1"):
            assert ask(server, "/data.json", host=host)[0] == 200, host
        for host in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "192.168.0.1", "", None):
            status, _, body = ask(server, "/data.json", host=host)
            assert (status, b"{}" in body) == (421, False), host


def test_only_get_and_head_are_answered(site):
    """HEAD has the head of GET and no body; everything else is refused."""
    with served(site) as server:
        for path in ("/", "/data.json", "/nothing"):
            status, head, body = ask(server, path, method="HEAD")
            _, of_get, sent = ask(server, path)
            assert body == b""
            assert head["Content-Length"] == of_get["Content-Length"] == str(len(sent))
            assert status == (404 if path == "/nothing" else 200)
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            status, head, _ = ask(server, "/", method=method)
            assert (status, head["Allow"]) == (405, "GET, HEAD")


# Reloading


def test_pages_get_the_script_in_the_served_copy_alone(site):
    """The file stays as it is; the policy lets the script ask its own server, and no more."""
    before = (site / "index.html").read_bytes()
    with served(site) as server:
        page = ask(server, "/")[2].decode()
    assert (site / "index.html").read_bytes() == before
    elements = Elements(page).found
    assert [tag for tag, _ in elements].count("script") == 1
    assert "EventSource" in page
    policy = next(given["content"] for tag, given in elements if tag == "meta" and "content" in given)
    assert policy == f"{POLICY}; connect-src 'self'"


def test_a_policy_is_relaxed_only_where_it_must_be():
    """A nonce where inline scripts are forbidden; what is allowed already stays as it is."""
    assert relaxed("script-src 'self'", "n") == "script-src 'self' 'nonce-n'"
    assert relaxed("default-src 'none'", "n") == "default-src 'none'; script-src 'nonce-n'; connect-src 'self'"
    assert relaxed("script-src 'unsafe-inline' 'nonce-a'", "n") == "script-src 'unsafe-inline' 'nonce-a' 'nonce-n'"
    assert relaxed("img-src data:", "n") == "img-src data:"
    assert relaxed("connect-src https://a.example", "n") == "connect-src https://a.example 'self'"
    assert relaxed("script-src-elem 'none'; script-src 'self'", "n") == "script-src-elem 'nonce-n'; script-src 'self'"


def test_a_changed_file_is_told_to_who_listens(site):
    """The word on the page is the first event; another comes when a file has changed, and nothing between."""
    with served(site) as server:
        page = ask(server, "/")[2].decode()
        with events(server) as told:
            name, word = next(told)
            assert name == "files"
            assert f'data-version="{word}"' in page
            (site / "runs" / "one" / "index.html").write_text(PAGE.format("<title>new</title>"))
            assert next(told)[1] != word


# Runs


def test_a_folder_that_is_neither_is_refused_with_the_next_step(tmp_path):
    """A slip of the hand, a folder of other things, one that holds runs, a file."""
    (tmp_path / "vision" / "store").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "photo.jpg").touch()
    with pytest.raises(SuiteError, match="Did you mean 'vision'"):
        find_place(tmp_path / "vizion")
    with pytest.raises(SuiteError, match="is neither a run nor a site; expected"):
        find_place(tmp_path / "other")
    with pytest.raises(SuiteError, match=r"holds some: vision\. Serve one of them"):
        find_place(tmp_path)
    with pytest.raises(SuiteError, match="is a file"):
        find_place(tmp_path / "other" / "photo.jpg")
    assert find_place(tmp_path / "vision").kind == "run"


def test_a_run_that_has_not_begun_is_waited_for(tmp_path):
    """An empty folder has a live page, which fills when a run works there."""
    with served(tmp_path) as server:
        assert state_of(server)["phase"] == "waiting"
        assert b"Nothing is stored here yet." in ask(server, "/")[2]
        with events(server, "?live") as told:
            assert "Nothing is stored here yet." in next(told)[1]
            digits(tmp_path, "fit")
            assert "The one trial is done" in next(one for _, one in told if "over" in one)


def test_a_finished_run_says_what_is_done_and_what_failed(tmp_path):
    """Counts, validation scores of single fits, reasons, and the tail of a traceback."""
    digits(tmp_path, "fit", "raise:value", "raise:skipped", seeds=(1, 2))
    with served(tmp_path) as server:
        state = state_of(server)
        page = ask(server, "/")[2].decode()
    assert state["phase"] == "finished"
    counts = {name: count for name, count in state["counts"].items() if count}
    assert counts == {"done": 2, "unsuccessful": 2, "skipped": 2}
    assert [trial["name"]["what"] for trial in state["done"]] == ["seed 2", "seed 1"]
    assert all(0.5 < trial["score"] < 1 for trial in state["done"])
    assert {trial["reason"] for trial in state["unsuccessful"]} == {"ValueError: as asked: value", "as asked: skipped"}
    assert page.count("as asked: skipped") == 2
    assert "Traceback" in page


def test_a_run_is_shown_while_it_goes_on_and_after_it_was_broken_off(tmp_path):
    """What runs, what is missing and the command to go on, from a real run in another process."""
    register()
    out = tmp_path / "out"
    out.mkdir()
    options = json.dumps({"models": ["fit", "raise:value", "sleep:60"], "seeds": [1, 2]})
    command = [sys.executable, str(TESTS / "runner_parent.py"), str(out), options]
    with served(out) as server, subprocess.Popen(command, stderr=subprocess.DEVNULL) as run:
        try:
            state = wait_for(
                lambda: (found := state_of(server))["counts"]["unsuccessful"] == 2 and found["seconds_left"] and found
            )
            page = ask(server, "/")[2].decode()
        finally:
            run.send_signal(signal.SIGINT)
            assert run.wait(30) == 130
        after = state_of(server)
    assert state["phase"] == "running"
    assert [trial["name"]["model"] for trial in state["running"]] == ["sleep:60"]
    assert {name: count for name, count in state["counts"].items() if count} == {
        "done": 2, "unsuccessful": 2, "running": 1, "missing": 1, "cells_to_come": 1,
    }  # fmt: skip
    assert state["sentence"].startswith("No answer yet: 2 of 6 trials are done, about ")
    assert "Running now" in page
    assert (after["phase"], after["counts"]["missing"], after["running"]) == ("stopped", 2, [])
    assert after["sentence"] == "No run is going on. No answer yet: 2 of 6 trials are done, 2 are missing."


def test_reading_never_holds_a_run_up(tmp_path):
    """While a writer holds the database the state is read, and the next writer does not wait for it."""
    digits(tmp_path, "fit")
    reader = LiveReader(tmp_path)
    with contextlib.closing(sqlite3.connect(tmp_path / "store" / "results.sqlite", isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        started = time.monotonic()
        assert reader.read().counts.done == 1
        assert time.monotonic() - started < 5
        writer.execute("UPDATE documents SET text = text")
        writer.execute("COMMIT")


def test_names_that_try_to_get_loose_stay_text(tmp_path):
    """A model's name with a script in it, on the page and in what is sent later."""
    digits(tmp_path, "fit:<script>alert(1)</script>", "raise:<img src=x onerror=alert(2)>")
    with served(tmp_path) as server:
        page = ask(server, "/")[2].decode()
        with events(server, "?live") as told:
            parts = "".join(json.loads(next(told)[1])["parts"].values())
    assert "&lt;script&gt;alert(1)" in page
    for text, scripts in ((page, 1), (parts, 0)):
        elements = Elements(text).found
        assert [tag for tag, _ in elements].count("script") == scripts
        assert not [given for tag, given in elements if tag == "img" or any(name.startswith("on") for name in given)]


def test_a_store_that_cannot_be_read_is_told_on_the_page(tmp_path):
    """One of a newer suite, then a damaged one; the preview goes on."""
    digits(tmp_path, "fit")
    path = tmp_path / "store" / "results.sqlite"
    with served(tmp_path) as server:
        with contextlib.closing(sqlite3.connect(path)) as file, file:
            file.execute("UPDATE documents SET text = '99' WHERE name = 'version'")
        state = state_of(server)
        assert state["phase"] == "unreadable"
        assert "written by a newer suite" in state["problem"]
        for name in ("results.sqlite", "results.sqlite-wal", "results.sqlite-shm"):
            (path.parent / name).unlink(missing_ok=True)
        path.write_bytes(b"no database at all" * 500)
        status, _, page = ask(server, "/")
        assert (status, b"is damaged" in page) == (200, True)


def test_a_report_that_is_behind_is_made_again(tmp_path):
    """Once: a report of exactly what is stored is left alone."""
    digits(tmp_path, "fit", seeds=(1, 2))
    rebuilder = Rebuilder(tmp_path, patience_seconds=0)
    rebuilder.consider()
    assert rebuilder.is_busy
    wait_for(lambda: not rebuilder.is_busy)
    assert rebuilder.problem is None
    assert LiveReader(tmp_path).read().report == "current"
    again = Rebuilder(tmp_path, patience_seconds=0)
    again.consider()
    assert not again.is_busy


# Curves


def epoch(number: int, score: float) -> EpochRecord:
    """An epoch that scored so much."""
    return EpochRecord(
        epoch=number, seconds=1.0, learning_rate=0.1, train_loss=1.0, train_accuracy=score + 0.1, validation_loss=1.0,
        validation_score=score, trainable_parameters=3,
    )  # fmt: skip


def test_a_curve_is_read_while_it_is_written(tmp_path):
    """Epochs so far; half a line is not an epoch yet; a fit that begins again begins its curve again."""
    folder = tmp_path / "trial"
    assert read_curve(folder) is None
    writer = CurveWriter(folder)
    writer.begin(epochs=3, setting={"learning_rate": 0.1})
    writer.add(epoch(1, 0.5))
    with curve_path(folder).open("a") as file:
        file.write(epoch(2, 0.6).model_dump_json()[:40])
    found = read_curve(folder)
    assert found is not None
    assert (found.head.epochs, found.epochs) == (3, (epoch(1, 0.5),))
    writer.begin(epochs=3, setting={})
    assert read_curve(folder).epochs == ()
    assert not folder.exists()


@pytest.mark.parametrize("scores", [(0.5,), (0.5, 0.5), (0.1, 0.9, 0.4), (float("nan"), 0.2), (1e-6, 2e-6)])
def test_a_curve_of_any_scores_can_be_drawn(scores):
    """Every point lies inside, and the marks are round numbers below and above them."""
    records = tuple(epoch(number, score) for number, score in enumerate(scores, start=1))
    trial = RunningTrial(TrialName("t", "m", "d", "s", "seed 1"), 0.0, {}, 4, records, ((0.3, 0.6, 0.7),), None)
    drawing = draw(trial)
    assert drawing is not None
    points = [tuple(map(float, pair.split(","))) for pair in drawing.validation.points.split()]
    assert len(points) == sum(map(math.isfinite, scores))
    assert all(drawing.left <= x <= drawing.right and 0 <= y <= drawing.bottom for x, y in points)
    assert 2 <= len(drawing.ys) <= 7


# The command


@contextlib.contextmanager
def command(folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """``suite serve`` in a process of its own, and its first line."""
    words = [sys.executable, "-m", "suite", "serve", str(folder), *options]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def test_the_command_prints_its_address_and_ends_quietly(site):
    """The address is the first line, at once, also in a pipe; Ctrl-C is no error."""
    with command(site, "--port", "0") as (process, url):
        connection = http.client.HTTPConnection(url.removeprefix("http://").rstrip("/"), timeout=20)
        connection.request("GET", "/data.json")
        assert connection.getresponse().read() == b"{}"
        connection.close()
        process.send_signal(signal.SIGINT)
        out, complaints = process.communicate(timeout=20)
    assert (process.returncode, out) == (0, "")
    assert complaints.startswith("Shows the site in ")
    assert "Traceback" not in complaints


def test_a_port_in_use_is_told_with_the_next_step(site):
    """A port that was asked for and is taken ends the command; one that was not is passed over."""
    with served(site) as server:
        words = [sys.executable, "-m", "suite", "serve", str(site), "--port", str(server.server_port)]
        ended = subprocess.run(words, capture_output=True, text=True, check=False)
        assert ended.returncode == 2
        assert "is in use by another program" in ended.stderr
        assert "leave --port out" in ended.stderr
    with served(site):
        preview = Preview(find_place(site))
        first, second = open_server(preview), open_server(preview)
        assert first.server_port != second.server_port
        first.server_close()
        second.server_close()


def test_an_address_for_others_is_warned_of(site):
    """Only where it is asked for; then any name is answered."""
    with command(site, "--host", "0.0.0.0", "--port", "0") as (process, url):
        assert url.startswith("http://127.0.0.1:")
        port = int(url.rstrip("/").rpartition(":")[2])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", "/data.json", headers={"Host": "workstation.example"})
        assert connection.getresponse().status == 200
        connection.close()
        process.send_signal(signal.SIGTERM)
        _, complaints = process.communicate(timeout=20)
    assert "Warning: whoever reaches 0.0.0.0 reads everything in" in complaints
    assert process.returncode == 0


SPEC = {
    "name": "live",
    "task": "image_classification",
    "models": [{"source": "zoo", "name": "resnet_tiny"}],
    "datasets": [{"source": "sklearn", "name": "digits_photo"}],
    "strategies": [{"strategy": "fine_tune", "unfreeze": 1, "learning_rate": [0.003, 0.01], "jit": "off"}],
    "seeds": [1],
    "training": {"epochs": 4, "batch_size": 64},
    "keep_models": "none",
}


def test_the_curve_of_a_real_trial_grows_and_leaves_nothing_behind(tmp_path):
    """Its epochs are told while it trains; in the end each trial has the files that its result names, and no more."""
    spec, out = tmp_path / "live.json", tmp_path / "out"
    spec.write_text(json.dumps(SPEC))
    out.mkdir()
    words = [sys.executable, "-m", "suite", "run", str(spec), "--out", str(out), "--quiet"]
    seen: list[dict[str, Any]] = []
    with served(out) as server, subprocess.Popen(words, stdout=subprocess.DEVNULL, env=os.environ) as run:
        while run.poll() is None:
            seen += state_of(server)["running"]
            time.sleep(0.1)
        state = state_of(server)
        page = ask(server, "/report.html")[2].decode()
    assert run.returncode == 0
    assert any(0 < len(trial["epochs"]) < 4 for trial in seen)
    assert {trial["setting"].get("learning_rate") for trial in seen} >= {0.003, 0.01}
    assert (state["phase"], state["counts"]["done"], state["report"]) == ("finished", 3, "current")
    assert "connect-src 'self'" in page
    from suite.store.store import open_store

    with open_store(out, create=False) as store:
        for result in store.query():
            files = {
                path.relative_to(store.trial_folder(result.id)).as_posix()
                for path in store.trial_folder(result.id).rglob("*")
                if path.is_file()
            }
            assert files == set(result.artefacts.values())
    assert list((out / "store" / "tmp").iterdir()) == []
