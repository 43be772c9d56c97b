"""A folder as the place of a site: renamed into place, killed anywhere, locked, refused; and text without secrets."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite.errors import StoreError, SuiteError, UnknownNameError
from suite.publish.targets.address import open_target
from suite.publish.targets.bucket import Bucket
from suite.publish.targets.folder import Folder
from suite.publish.targets.git import Branch
from suite.publish.targets.target import MARKER, ROOM, UNFINISHED, Target, checked, order_of
from suite.store.credentials import without_credentials

SITE = {MARKER: "{}", "index.html": "index", "runs/a/page.html": "page", "assets/site.1a2b3c4d.css": "css"}


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


def stands(folder: Path) -> dict[str, str]:
    """Every file below a folder."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in files}


def test_files_come_into_place_and_nothing_else_is_left(tmp_path: Path) -> None:
    """A folder that is not there yet is made, and holds the site and nothing more."""
    site = tmp_path / "new" / "site"
    assert publish(Folder(site), SITE) == ""
    assert stands(site) == SITE
    assert {path.name for path in site.iterdir()} == {MARKER, "index.html", "runs", "assets"}


def test_what_is_gone_goes_with_its_empty_folders(tmp_path: Path) -> None:
    """Removed files go, folders that become empty too; a file of somebody else keeps its folder."""
    publish(Folder(tmp_path), SITE)
    (tmp_path / "assets" / "theirs.txt").write_text("theirs")
    publish(Folder(tmp_path), {MARKER: "2"}, ("runs/a/page.html", "assets/site.1a2b3c4d.css", "never/was.html"))
    assert stands(tmp_path) == {MARKER: "2", "index.html": "index", "assets/theirs.txt": "theirs"}
    assert not (tmp_path / "runs").exists()


def test_a_file_is_read_as_it_stands(tmp_path: Path) -> None:
    """Reading gives bytes, and None where there is no file."""
    publish(Folder(tmp_path), SITE)
    with Folder(tmp_path) as target:
        assert target.read(MARKER) == b"{}"
        assert target.read("runs") is None
        assert target.read("runs/a/page.html/more") is None
        assert target.read("nothing.html") is None


def test_the_order_puts_what_is_linked_to_first() -> None:
    """Data, pages, the index, the marker."""
    assert order_of(SITE) == ["assets/site.1a2b3c4d.css", "runs/a/page.html", "index.html", MARKER]


@pytest.mark.parametrize(
    "path",
    [
        *("../out.html", "/etc/passwd", "a/../../b", "C:/x", "C:x", "a\\b", "", "a//b", "./a", "a/.", "x\n", "a:b"),
        *(f"{ROOM}/x", UNFINISHED, ".git/hooks/x", ".GIT/config", "a /b"),
    ],
)
def test_no_path_leaves_the_folder(tmp_path: Path, path: str) -> None:
    """A path that leads out, or is not a file on every system, is refused before anything is written."""
    site = tmp_path / "site"
    with Folder(site) as target:
        files = prepared(target, {"index.html": "x"})
        with pytest.raises(StoreError, match="a file of a site has a path like"):
            target.write({**files, path: files["index.html"]}, [])
        with pytest.raises(StoreError):
            target.write({}, [path])
        with pytest.raises(StoreError):
            target.read(path)
    assert not site.exists()


@given(st.lists(st.sampled_from(["..", ".", "", "a", "b", "/", "\\", "C:", "~"]), min_size=1, max_size=6))
def test_a_path_that_passes_stays_inside(parts: list[str]) -> None:
    """Whatever passes is, joined to a folder, still inside it."""
    path = "/".join(parts)
    try:
        checked(path)
    except StoreError:
        return
    assert Path(os.path.normpath(Path("/site") / path)).is_relative_to("/site")
    assert Path("/site") / path != Path("/site")


def test_a_foreign_folder_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    """Files of somebody else and no marker: refused, with how to go on."""
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(StoreError, match=r"for instance 'thesis.tex'; choose another folder, or add --force"):
        publish(Folder(tmp_path), SITE)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_force_writes_beside_what_is_there(tmp_path: Path) -> None:
    """With force foreign files stay, but one of the same name."""
    (tmp_path / "thesis.tex").write_text("mine")
    (tmp_path / "index.html").write_text("theirs")
    publish(Folder(tmp_path, force=True), SITE)
    assert stands(tmp_path) == {**SITE, "thesis.tex": "mine"}
    publish(Folder(tmp_path), {MARKER: "2"})
    assert (tmp_path / MARKER).read_text() == "2"


def test_a_link_that_leads_out_is_not_written_through(tmp_path: Path) -> None:
    """A linked folder inside the site that is elsewhere is refused; nothing lands there, nothing goes there."""
    site, outside = tmp_path / "site", tmp_path / "outside"
    publish(Folder(site), {MARKER: "{}"})
    outside.mkdir()
    (outside / "a.html").write_text("theirs")
    (site / "runs").symlink_to(outside)
    for files, removed in (({"runs/a.html": "ours"}, ()), ({}, ("runs/a.html",))):
        with pytest.raises(StoreError, match="is a link that leads out"):
            publish(Folder(site), files, removed)
    assert stands(outside) == {"a.html": "theirs"}


def test_a_linked_file_is_replaced_and_not_written_through(tmp_path: Path) -> None:
    """A link in the place of a file goes; what it pointed at stays."""
    site, outside = tmp_path / "site", tmp_path / "outside.html"
    publish(Folder(site), {MARKER: "{}"})
    outside.write_text("theirs")
    (site / "index.html").symlink_to(outside)
    publish(Folder(site), {"index.html": "ours"})
    assert outside.read_text() == "theirs"
    assert (site / "index.html").read_text() == "ours"
    assert not (site / "index.html").is_symlink()


def test_a_target_that_is_a_link_to_a_folder_is_followed(tmp_path: Path) -> None:
    """The folder itself may be a link, as web servers have it."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    publish(Folder(tmp_path / "link"), SITE)
    assert stands(tmp_path / "real") == SITE


@pytest.mark.parametrize("where", ["file for folder", "folder for file", "empty folder for file", "target"])
def test_what_is_in_the_way_is_told_and_the_old_site_stands(tmp_path: Path, where: str) -> None:
    """A file where a folder belongs, or the other way round: one sentence, and nothing was changed."""
    site = tmp_path / "site"
    if where == "target":
        site.write_text("a file")
    else:
        publish(Folder(site), SITE)
    if where == "file for folder":
        (site / "more").write_text("theirs")
    if where == "folder for file":
        (site / "more" / "page.html").mkdir(parents=True)
        (site / "more" / "page.html" / "theirs").write_text("theirs")
    if where == "empty folder for file":
        (site / "more" / "page.html").mkdir(parents=True)
    before = stands(tmp_path)
    with pytest.raises(StoreError, match=r"in the way|is a folder, and a file|is a file; expected a folder"):
        publish(Folder(site), {"index.html": "new", "more/page.html": "new", MARKER: "new"})
    assert stands(tmp_path) == before


def test_a_page_may_become_a_folder_and_a_folder_a_page(tmp_path: Path) -> None:
    """What is removed is not in the way of what comes."""
    publish(Folder(tmp_path), {MARKER: "1", "a": "file", "b/c": "file"})
    publish(Folder(tmp_path), {MARKER: "2", "a/x": "now below", "b": "now a file"}, ("a", "b/c"))
    assert stands(tmp_path) == {MARKER: "2", "a/x": "now below", "b": "now a file"}


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="rights of POSIX")
def test_without_rights_it_is_told_and_the_old_site_stands(tmp_path: Path) -> None:
    """A folder of the site that may not be written: found out before the first page is replaced."""
    site = tmp_path / "site"
    publish(Folder(site), SITE)
    said = run_as_nobody(site, tmp_path)
    assert "cannot be written; change its rights, or choose another folder" in said
    assert "Traceback" not in said
    assert stands(site) == SITE
    assert sorted(path.name for path in site.iterdir()) == sorted([MARKER, "assets", "index.html", "runs"])


def run_as_nobody(site: Path, tmp_path: Path) -> str:
    """Publishes in a process that may write the folder, but not the folder of one page."""
    around = {path: path.stat().st_mode for path in (*tmp_path.parents[:2], tmp_path)}
    for path, mode in around.items():
        path.chmod(mode | 0o111)
    site.chmod(0o777)
    (site / "runs" / "a").chmod(0o555)
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, str(site)], capture_output=True, text=True, check=False, cwd="/"
    )
    for path, mode in around.items():
        path.chmod(mode)
    return done.stdout + done.stderr


AS_NOBODY = """
import os, sys
from pathlib import Path
from suite.errors import SuiteError
from suite.publish.targets.folder import Folder
import suite.store.database
if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
try:
    with Folder(Path(sys.argv[1])) as target:
        one = target.scratch / "one"
        one.write_text("new")
        two = target.scratch / "two"
        two.write_text("new")
        target.write({"assets.css": one, "runs/a/page.html": two}, [])
except SuiteError as error:
    print(error)
"""


@contextlib.contextmanager
def files_of_at_most(size_bytes: int) -> Iterator[None]:
    """Every longer file is an error of the disk meanwhile."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
def test_a_full_disk_is_told_and_the_old_site_stands(tmp_path: Path) -> None:
    """A disk that is full while files are prepared: one sentence, and the scratch folder is gone."""
    publish(Folder(tmp_path), SITE)
    with files_of_at_most(1000), pytest.raises(StoreError, match="the disk is full; make room"):
        publish(Folder(tmp_path), {"index.html": "x" * 10_000})
    assert stands(tmp_path) == SITE


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
def test_a_disk_that_is_full_when_files_come_into_place_is_told(tmp_path: Path) -> None:
    """Found out before the first page is replaced."""
    publish(Folder(tmp_path), SITE)
    with Folder(tmp_path) as target:
        files = prepared(target, {"index.html": "new", MARKER: "new"})
        with files_of_at_most(0), pytest.raises(StoreError, match="the disk is full; make room and publish again"):
            target.write(files, [])
    assert stands(tmp_path) == SITE


def test_an_error_of_somebody_else_is_left_as_it_is(tmp_path: Path) -> None:
    """What goes wrong inside the block comes out as it is, and everything is given back."""
    with pytest.raises(ZeroDivisionError), Folder(tmp_path / "site"):
        raise ZeroDivisionError
    assert not (tmp_path / "site").exists()


def test_a_second_publish_waits_for_the_first(tmp_path: Path) -> None:
    """One that is done soon is waited for."""
    first = Folder(tmp_path)
    with first:
        files = prepared(first, SITE)
        second = threading.Thread(target=publish, args=(Folder(tmp_path), {MARKER: "second"}))
        second.start()
        time.sleep(0.3)
        first.write(files, [])
    second.join()
    assert stands(tmp_path) == {**SITE, MARKER: "second"}


def test_a_publish_that_takes_long_refuses_the_second_and_names_its_process(tmp_path: Path) -> None:
    """The second is refused with one sentence, and leaves what the first prepares alone."""
    with Folder(tmp_path) as first:
        files = prepared(first, SITE)
        expected = rf"process {os.getpid()} on this machine \(since .+\) publishes there right now; wait"
        with pytest.raises(StoreError, match=expected), Folder(tmp_path, patience_seconds=0.2):
            pass
        first.write(files, [])
    assert stands(tmp_path) == SITE


KILLED = """
import sys
from pathlib import Path
from suite.publish.targets.folder import Folder
from suite.publish.targets.target import MARKER

folder, count, renames = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
done = 0


def halt(event, arguments):
    # Stands still before this rename, until somebody kills.
    global done
    if event == "os.rename" and writing:
        done += 1
        if done > renames:
            print("there", flush=True)
            sys.stdin.read()


writing = False
sys.addaudithook(halt)
with Folder(folder) as target:
    changed = {}
    names = [f"data/{number}.json" for number in range(count)] + [f"runs/{n}/page.html" for n in range(count)]
    for number, name in enumerate([*names, "index.html", MARKER]):
        changed[name] = target.scratch / str(number)
        changed[name].write_text("new " * 50)
    writing = True
    target.write(changed, [f"old/{number}.html" for number in range(count)])
"""


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.8, 0.95])
@pytest.mark.skipif(sys.platform == "win32", reason="kill -9")
def test_killed_between_renames_every_page_can_be_read_and_the_next_goes_on(tmp_path: Path, share: float) -> None:
    """After kill -9 each page is whole, old or new; the next publish knows what is unsure and mends it."""
    count = 400
    old = {f"data/{number}.json": "old " * 50 for number in range(count)}
    old |= {f"runs/{number}/page.html": "old " * 50 for number in range(count)} | {"index.html": "old", MARKER: "old"}
    old |= {f"old/{number}.html": "old" for number in range(count)}
    publish(Folder(tmp_path), old)
    killed_after(tmp_path, share, count)
    stand = stands(tmp_path)
    site = {path: text for path, text in stand.items() if not path.startswith(ROOM) and path != UNFINISHED}
    kept = {path for path in old if not path.startswith("old/")}
    assert kept <= set(site)
    assert all(text in {old[path], "new " * 50} for path, text in site.items())
    with Folder(tmp_path) as target:
        assert list(target.scratch.iterdir()) == []
        changed = {path for path in site if site[path] != old[path]}
        assert changed <= target.unsure or UNFINISHED not in stand
        target.write(prepared(target, dict.fromkeys(kept, "after")), [path for path in old if path not in kept])
    assert stands(tmp_path) == dict.fromkeys(kept, "after")
    with Folder(tmp_path) as target:
        assert not target.unsure


def killed_after(folder: Path, share: float, count: int) -> None:
    """Starts a publish and kills it before the rename at which this share of its files is in place, and its list."""
    renames = 1 + round(share * (2 * count + 2))
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(folder), str(count), str(renames)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == b"there\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdin.close()
    process.stdout.close()


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9")
def test_a_first_publish_that_was_killed_is_no_foreign_folder(tmp_path: Path) -> None:
    """Without a marker yet, but begun by the suite: the next goes on without force."""
    killed_after(tmp_path / "site", 0.3, 400)
    assert not (tmp_path / "site" / MARKER).exists()
    assert (tmp_path / "site" / UNFINISHED).is_file()
    publish(Folder(tmp_path / "site"), SITE)
    assert stands(tmp_path / "site").items() >= SITE.items()


def test_a_dead_process_holds_no_lock(tmp_path: Path) -> None:
    """What a killed process left in the folder is removed, and nobody waits for it."""
    (tmp_path / ROOM / "scratch").mkdir(parents=True)
    (tmp_path / ROOM / "scratch" / "half").write_text("half")
    (tmp_path / ROOM / "lock").write_text('{"process": 1, "machine": "here", "since": "2020"}')
    publish(Folder(tmp_path, patience_seconds=0), SITE)
    assert stands(tmp_path) == SITE


def test_many_publish_at_once_and_each_is_whole(tmp_path: Path) -> None:
    """Threads that come and go leave the site of one of them, and no lock."""
    sites = [{MARKER: str(number), "a.html": str(number), "b.html": str(number)} for number in range(12)]
    threads = [threading.Thread(target=publish, args=(Folder(tmp_path, patience_seconds=30), site)) for site in sites]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stands(tmp_path) in sites


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        *(("site", Folder), (r"C:\site", Folder), ("C:site", Folder), ("./a:b", Folder), ("file:///tmp/site", Folder)),
        *(("git:/tmp/x.git#pages", Branch), ("git:git@host:me/x.git", Branch)),
        *(("s3://bucket", Bucket), ("gs://bucket/x", Bucket), ("az://box", Bucket)),
        *(("memory://site", Bucket), ("sftp://host/x", Bucket)),
    ],
)
def test_an_address_names_its_place(address: str, kind: type) -> None:
    """Drive letters are folders, known schemes are places; nothing is touched yet."""
    assert isinstance(open_target(address), kind)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("s3n://bucket", "unknown kind of place 's3n'. Did you mean 's3'?"),
        ("gti:x", "Did you mean 'git'?"),
        ("azure://box", "Did you mean 'az'?"),
        ("s3:bucket/x", "did you mean s3://bucket/x?"),
        ("https://me:secret@host/x.git", "https://***@host/x.git: is an address to read from; for a repository write"),
        ("git@host:me/x.git", "did you mean git:git@host:me/x.git#gh-pages?"),
        ("zip://x", "unknown kind of place 'zip'"),
        ("", "says not where"),
        ("file://elsewhere/x", "is no address of a folder"),
    ],
)
def test_an_unknown_address_is_refused_with_what_is_near(address: str, said: str) -> None:
    """One sentence, with the nearest that is valid and without a password."""
    with pytest.raises(SuiteError) as caught:
        open_target(address)
    assert said in str(caught.value)
    assert isinstance(caught.value, UnknownNameError) == ("unknown" in said or "Did" in said)


WORD = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=20, max_size=40)
PASSWORD = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="/?#\"'<>`"), min_size=6)
AROUND = st.text(max_size=30)


@given(AROUND, WORD, PASSWORD)
def test_passwords_in_addresses_are_masked(around: str, user: str, password: str) -> None:
    """User and password of an address go, its host stays."""
    masked = without_credentials(f"{around} https://{user}:{password}@host/path {around}")
    assert f"{user}:{password}@" not in masked
    assert "https://***@host/path" in masked


@given(st.sampled_from(["hf_", "ghp_", "gho_", "github_pat_", "glpat-", "Bearer "]), WORD)
def test_tokens_are_masked(prefix: str, word: str) -> None:
    """Tokens are known by how they begin."""
    assert word not in without_credentials(f"it said: {prefix}{word}, and more")


@given(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", min_size=16, max_size=16))
def test_keys_of_aws_are_masked(word: str) -> None:
    """Both kinds of access keys."""
    assert word not in without_credentials(f"key AKIA{word} and (ASIA{word})")


NAMES = ["password", "PASSWORD", "db_password", "token", "hf_token", "api_key", "AWS_SECRET_ACCESS_KEY", "secret"]


@given(st.sampled_from(NAMES), st.text("abcXYZ019.,;:!$%()*+/@[]^_{|}~-", min_size=6), st.sampled_from(["", '"', "'"]))
def test_values_of_secret_names_are_masked(name: str, value: str, quote: str) -> None:
    """``password=…`` and the like, quoted or not; what comes after stays."""
    masked = without_credentials(f"--set {name}={quote}{value}{quote} next=1")
    assert masked == f"--set {name}={quote}***{quote} next=1"


@given(st.sampled_from(NAMES), st.text(min_size=4))
def test_values_of_secret_names_in_json_are_masked(name: str, value: str) -> None:
    """The value of a quoted key goes, and the document stays one."""
    assert json.loads(without_credentials(json.dumps({name: value, "next": 1}))) == {name: "***", "next": 1}


@given(st.text() | st.tuples(AROUND, st.sampled_from(["://a:b@", "token=", "Bearer "]), AROUND).map("".join))
def test_masking_twice_changes_nothing_more(text: str) -> None:
    """What is masked stays as it is."""
    masked = without_credentials(text)
    assert without_credentials(masked) == masked


@pytest.mark.parametrize(
    "text",
    [
        *("ssh://git@host/x.git", "git@host:me/x.git", "pad_token=0 max_tokens=512", "http://127.0.0.1:5000/@fs/x"),
        *("The token: a word, as the tokenizer sees it.", "hf_hub_download", "sk-learn-like", "me@example.org"),
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    """Accounts of ssh, settings of models, ports and prose are left alone."""
    assert without_credentials(text) == text


@pytest.mark.parametrize("piece", ["://", "token", "password=", "eyJ", "a", "hf_", '"', "://a:", "\\", "sig"])
def test_long_text_is_masked_in_no_time(piece: str) -> None:
    """No pattern is quadratic in a text without spaces."""
    started = time.perf_counter()
    without_credentials(piece * (300_000 // len(piece)))
    assert time.perf_counter() - started < 5
