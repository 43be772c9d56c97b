"""A bucket as the place of a site: a server that answers like S3, read back with Amazon's own client."""

from __future__ import annotations

import contextlib
import json
import socket
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from suite.errors import MissingExtraError, StoreError
from suite.publish.targets.address import open_target
from suite.publish.targets.bucket import Bucket
from suite.publish.targets.target import MARKER, UNFINISHED, Target, unfinished

SITE = {MARKER: "{}", "index.html": "index", "runs/a/page.html": "page", "assets/site.1a2b3c4d.css": "css"}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the server answers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOTO_RECORDER_FILEPATH", str(tmp_path_factory.mktemp("moto") / "recording"))
        from moto.server import ThreadedMotoServer

        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
        server.stop()


@pytest.fixture
def s3(address: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """Amazon's own client on an empty bucket named ``box``, and an environment in which s3fs finds the server."""
    import boto3
    import requests

    requests.post(f"{address}/moto-api/reset", timeout=10)
    settings = {"AWS_ENDPOINT_URL": address, "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
    settings |= {"AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true", "AWS_MAX_ATTEMPTS": "1"}
    settings |= {"AWS_CONFIG_FILE": str(tmp_path / "none"), "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none")}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    client = boto3.client("s3")
    client.create_bucket(Bucket="box")
    yield client
    client.close()


def publish(target: Target, files: Mapping[str, str], removed: tuple[str, ...] = ()) -> str:
    """Writes texts as files of a site."""
    with target:
        return target.write(prepared(target, files), removed)


def prepared(target: Target, files: Mapping[str, str]) -> dict[str, Path]:
    """Texts as files in the scratch folder."""
    made = {}
    for number, (path, text) in enumerate(files.items()):
        made[path] = target.scratch / f"file-{number}"
        made[path].write_text(text, encoding="utf-8")
    return made


def stands(s3: Any, bucket: str = "box") -> dict[str, str]:
    """Every object of the bucket."""
    keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
    return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode() for key in keys}


def asked(address: str) -> list[tuple[str, str]]:
    """Method and path of what changed something, in the order in which it came."""
    import requests

    entries = requests.get(f"{address}/moto-api/recorder/download-recording", timeout=10).text.splitlines()
    every = (json.loads(line) for line in entries)
    return [(one["method"], urlsplit(one["url"]).path) for one in every if one["method"] not in {"GET", "HEAD"}]


@pytest.fixture
def recorded(s3: Any, address: str) -> Iterator[str]:
    """The server, which writes down what it is asked from now on."""
    import requests

    requests.post(f"{address}/moto-api/recorder/reset-recording", timeout=10)
    requests.post(f"{address}/moto-api/recorder/start-recording", timeout=10)
    yield address
    requests.post(f"{address}/moto-api/recorder/stop-recording", timeout=10)


@pytest.mark.parametrize(("place", "prefix"), [("s3://box", ""), ("s3://box/", ""), ("s3://box/a/b/", "a/b/")])
def test_a_site_comes_into_a_bucket_or_a_folder_of_one(s3: Any, place: str, prefix: str) -> None:
    """With and without a path in the bucket; nothing else is left there."""
    publish(open_target(place), SITE)
    assert stands(s3) == {f"{prefix}{path}": text for path, text in SITE.items()}


TYPES = {
    "index.html": "text/html; charset=utf-8",
    "a/site.css": "text/css; charset=utf-8",
    "a/site.js": "text/javascript; charset=utf-8",
    "data.json": "application/json; charset=utf-8",
    "chart.svg": "image/svg+xml; charset=utf-8",
    "image.PNG": "image/png",
    "feed.xml": "application/xml; charset=utf-8",
    "report.md": "text/markdown; charset=utf-8",
    "llms.txt": "text/plain; charset=utf-8",
    "model.tflite": "application/octet-stream",
    "model.keras": "application/octet-stream",
    "nothing": "application/octet-stream",
}


def test_a_browser_is_told_what_a_file_is(s3: Any) -> None:
    """The type as the bucket answers it; text with its encoding."""
    publish(Bucket("s3://box/site"), {**dict.fromkeys(TYPES, "x"), MARKER: "{}"})
    assert {path: s3.head_object(Bucket="box", Key=f"site/{path}")["ContentType"] for path in TYPES} == TYPES


FOR_EVER = ("assets/site.1a2b3c4d.css", "assets/fonts/inter.0123456789abcdef.woff2", "assets/x.1a2b3c4d5e.min.js")
ASKED_FOR = ("assets/site.css", "assets/site.min.css", "site.1a2b3c4d.css", "index.html", MARKER)


def test_a_browser_is_told_how_long_to_keep_a_file(s3: Any) -> None:
    """An asset with a hash in its name for ever, all else not without asking again."""
    publish(Bucket("s3://box"), dict.fromkeys((*FOR_EVER, *ASKED_FOR), "x"))
    said = {path: s3.head_object(Bucket="box", Key=path)["CacheControl"] for path in (*FOR_EVER, *ASKED_FOR)}
    expected = dict.fromkeys(FOR_EVER, "public, max-age=31536000, immutable") | dict.fromkeys(ASKED_FOR, "no-cache")
    assert said == expected


def test_the_second_publish_uploads_only_what_changed(s3: Any, recorded: str) -> None:
    """What is the same is not sent; the marker is the last of the files, and what is gone goes after it."""
    publish(Bucket("s3://box/site"), SITE)
    before = len(asked(recorded))
    publish(Bucket("s3://box/site"), {"index.html": "2", "z.json": "2", MARKER: "2"}, ("runs/a/page.html", "no.html"))
    came = [(method, path.partition("site/")[2]) for method, path in asked(recorded)[before:]]
    assert came[:4] == [("PUT", UNFINISHED), ("PUT", "z.json"), ("PUT", "index.html"), ("PUT", MARKER)]
    assert sorted(came[4:6]) == [("DELETE", "no.html"), ("DELETE", "runs/a/page.html")]
    assert came[6:] == [("DELETE", UNFINISHED)]
    expected = {**SITE, "index.html": "2", "z.json": "2", MARKER: "2"}
    del expected["runs/a/page.html"]
    assert stands(s3) == {f"site/{path}": text for path, text in expected.items()}


def test_a_file_is_read_as_it_stands_now(s3: Any) -> None:
    """Also what somebody else wrote a moment ago."""
    publish(Bucket("s3://box"), SITE)
    with Bucket("s3://box") as target:
        assert target.read("index.html") == b"index"
        assert target.read("nothing.html") is None
        assert target.read("runs/a") is None
        s3.put_object(Bucket="box", Key="index.html", Body=b"new")
        assert target.read("index.html") == b"new"


def test_a_foreign_place_is_refused_without_force(s3: Any) -> None:
    """Files and no marker: refused and untouched; with force they stay."""
    s3.put_object(Bucket="box", Key="data/thesis.tex", Body=b"mine")
    with pytest.raises(StoreError, match=r"for instance 'thesis.tex'; choose another place, or add --force"):
        publish(Bucket("s3://box/data"), SITE)
    with pytest.raises(StoreError, match="for instance 'data'"):
        publish(Bucket("s3://box"), SITE)
    assert stands(s3) == {"data/thesis.tex": "mine"}
    publish(Bucket("s3://box/beside"), SITE)
    publish(Bucket("s3://box/data", force=True), SITE)
    assert stands(s3)["data/thesis.tex"] == "mine"
    publish(Bucket("s3://box/data"), {MARKER: "2"})
    assert stands(s3)["data/suite-site.json"] == "2"


def test_a_folder_that_a_console_made_is_empty(s3: Any) -> None:
    """Amazon's web page makes an object without content for it."""
    s3.put_object(Bucket="box", Key="site/", Body=b"")
    publish(Bucket("s3://box/site"), SITE)
    assert "site/index.html" in stands(s3)


def test_another_publish_in_between_is_refused(s3: Any) -> None:
    """The marker is not what it was: nothing is written."""
    publish(Bucket("s3://box"), SITE)
    with Bucket("s3://box") as target:
        files = prepared(target, {"index.html": "mine", MARKER: "mine"})
        publish(Bucket("s3://box"), {"index.html": "theirs", MARKER: "theirs"})
        with pytest.raises(StoreError, match="somebody else published there meanwhile; run the same command again"):
            target.write(files, [])
    assert stands(s3) == {**SITE, "index.html": "theirs", MARKER: "theirs"}


def test_what_was_interrupted_is_known_to_the_next(s3: Any) -> None:
    """A publish that ended in the middle: its place is ours, and what it touched is unsure until a write is done."""
    s3.put_object(Bucket="box", Key=UNFINISHED, Body=unfinished(["a.html"], ["b.html"]))
    s3.put_object(Bucket="box", Key="a.html", Body=b"new")
    with Bucket("s3://box") as target:
        assert target.unsure == {"a.html", "b.html"}
        target.write(prepared(target, SITE), ["a.html", "b.html"])
    assert stands(s3) == SITE
    with Bucket("s3://box") as target:
        assert not target.unsure


def test_an_error_in_the_middle_leaves_a_note(s3: Any, address: str) -> None:
    """Rights are lost half way: told, the old marker stands, and the next publish knows what to look at."""
    publish(Bucket("s3://box"), SITE)
    with Bucket("s3://box") as target:
        files = prepared(target, {"data.json": "2", "index.html": "2", MARKER: "2"})
        with accepting(address, "4"), pytest.raises(StoreError, match="have no right to it"):  # two files of four
            target.write(files, [])
    assert stands(s3) == {**SITE, "data.json": "2", UNFINISHED: unfinished(files).decode()}
    with Bucket("s3://box") as target:
        assert target.unsure == set(files)


@contextlib.contextmanager
def accepting(address: str, requests_more: str) -> Iterator[None]:
    """The server takes so many requests more from keys that it does not know."""
    import requests

    requests.post(f"{address}/moto-api/reset-auth", data=requests_more, timeout=10)
    try:
        yield
    finally:
        requests.post(f"{address}/moto-api/reset-auth", data="inf", timeout=10)


@pytest.mark.parametrize("path", ["../out.html", "/x", "a/../../b", "C:/x", UNFINISHED])
def test_no_path_leaves_the_place(s3: Any, path: str) -> None:
    """A path that leads out of the folder in the bucket is refused."""
    with Bucket("s3://box/site") as target:
        files = prepared(target, {"index.html": "x"})
        with pytest.raises(StoreError, match="a file of a site has a path like"):
            target.write({path: files["index.html"]}, [])
        with pytest.raises(StoreError):
            target.write({}, [path])
    assert stands(s3) == {}


def test_without_credentials_it_is_told(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the variables that hold them."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(StoreError, match="no credentials were found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"):
        publish(Bucket("s3://box"), SITE)


@pytest.mark.parametrize("place", ["s3://no-such-box", "s3://no-such-box/site"])
def test_without_a_bucket_it_is_told(s3: Any, place: str) -> None:
    """It is never made: that costs money and has a name in the whole world."""
    with pytest.raises(StoreError, match="there is no such bucket; check the address, or make it first"):
        publish(Bucket(place), SITE)
    assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == ["box"]


@pytest.mark.parametrize("place", ["s3://", "s3:///", "s3://B_A_D/x", "s3://a"])
def test_what_is_no_name_of_a_bucket_is_told(s3: Any, place: str) -> None:
    """One sentence, no traceback."""
    with pytest.raises(StoreError, match=r"names no bucket|is no name of a bucket|no such bucket"):
        publish(open_target(place), SITE)


def test_without_rights_it_is_told(s3: Any, address: str) -> None:
    """Keys that the server does not accept."""
    expected = r"you have no right to it .*; check the rights of your credentials"
    with accepting(address, "0"), pytest.raises(StoreError, match=expected):
        publish(Bucket("s3://box"), SITE)


def test_a_server_that_is_not_there_is_told(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence that asks for the network."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free.getsockname()[1]}")
    with pytest.raises(StoreError, match="cannot be reached"):
        publish(Bucket("s3://box"), SITE)


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("gs://box", 'pip install "keras-suite[gs]"'),
        ("az://box/x", 'pip install "keras-suite[azure]"'),
        ("s3://box", 'pip install "keras-suite[s3]"'),
        ("sftp://host/x", "paramiko"),
    ],
)
def test_a_missing_driver_is_told(monkeypatch: pytest.MonkeyPatch, place: str, line: str) -> None:
    """With the line that installs it."""
    import importlib.util

    find = importlib.util.find_spec
    hidden = {"gcsfs", "adlfs", "s3fs"}
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name in hidden else find(name, *rest))
    monkeypatch.setitem(sys.modules, "paramiko", None)
    with pytest.raises(MissingExtraError) as caught:
        publish(open_target(place), SITE)
    assert line in str(caught.value)


@pytest.fixture
def memory() -> Iterator[Any]:
    """The file system of fsspec that is gone with the process, empty."""
    import fsspec

    files = fsspec.filesystem("memory")
    files.store.clear()
    files.pseudo_dirs[:] = [""]
    yield files
    files.store.clear()
    files.pseudo_dirs[:] = [""]


@pytest.mark.parametrize("place", ["memory://", "memory://site", "memory://a/b"])
def test_any_other_place_of_fsspec_holds_a_site(memory: Any, place: str) -> None:
    """Folders are made, and go when they are empty; foreign ones are refused."""
    publish(open_target(place), SITE)
    publish(open_target(place), {"index.html": "2", MARKER: "2"}, ("runs/a/page.html",))
    root = place.removeprefix("memory:/").rstrip("/")
    expected = {**SITE, "index.html": "2", MARKER: "2"}
    del expected["runs/a/page.html"]
    assert {path: memory.cat_file(path).decode() for path in memory.store} == {
        f"{root}/{path}": text for path, text in expected.items()
    }
    assert not memory.exists(f"{root}/runs")


def test_a_foreign_place_in_memory_is_refused(memory: Any) -> None:
    """As everywhere."""
    memory.pipe_file("/site/theirs.txt", b"theirs")
    with pytest.raises(StoreError, match=r"for instance 'theirs.txt'"):
        publish(open_target("memory://site"), SITE)


def test_files_of_a_trial_come_back_from_a_cluster_through_a_bucket(s3, tmp_path):
    """Nothing stays in the bucket; one that is not there is told, and not made."""
    from suite.runner.cluster.artefacts import Place

    made = tmp_path / "made"
    (made / "predictions").mkdir(parents=True)
    (made / "predictions" / "test.npz").write_bytes(b"answers")
    place = Place("s3://box/way")
    place.check()
    parcel = place.put(made, "trial-1")
    assert stands(s3) == {"way/trial-1/predictions/test.npz": "answers"}
    place.fetch(parcel, "trial-1", tmp_path / "came")
    assert (tmp_path / "came" / "predictions" / "test.npz").read_bytes() == b"answers"
    assert stands(s3) == {}
    with pytest.raises(StoreError, match="--artifacts s3://gone/way: cannot be written and read"):
        Place("s3://gone/way").check()
    assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == ["box"]
