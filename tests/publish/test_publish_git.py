"""A branch of a real bare repository as the place of a site, with the git program itself."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from suite.errors import StoreError
from suite.publish.targets.address import open_target
from suite.publish.targets.git import TRIES, Branch
from suite.publish.targets.target import MARKER, Target

SITE = {MARKER: "{}", "index.html": "index", "runs/a/page.html": "page\r\n", "assets/model.tflite": "bytes"}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without settings of git, and nothing of the machine's."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for name in ("XDG_CONFIG_HOME", "GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_CONFIG_GLOBAL", "GIT_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(home)
    return home


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """An empty repository on a disk."""
    git("init", "-q", "--bare", "site.git", folder=tmp_path)
    return tmp_path / "site.git"


def git(*arguments: str, folder: Path) -> str:
    """What git itself says."""
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


def publish(target: Target, files: Mapping[str, str], removed: tuple[str, ...] = ()) -> str:
    """Writes texts as files of a site."""
    with target:
        return target.write(prepared(target, files), removed)


def prepared(target: Target, files: Mapping[str, str]) -> dict[str, Path]:
    """Texts as files in the scratch folder."""
    made = {}
    for number, (path, text) in enumerate(files.items()):
        made[path] = target.scratch / f"file-{number}"
        made[path].write_bytes(text.encode())
    return made


def stands(bare: Path, branch: str = "gh-pages") -> dict[str, str]:
    """Every file of a branch."""
    paths = git("ls-tree", "-r", "--name-only", branch, folder=bare).split()
    show = ["git", "cat-file", "blob"]
    return {
        path: subprocess.run([*show, f"{branch}:{path}"], cwd=bare, capture_output=True, check=True).stdout.decode()
        for path in paths
    }


def commits(bare: Path, branch: str = "gh-pages") -> list[str]:
    """Author and subject of each commit, the last first."""
    return git("log", "--format=%an <%ae>|%cn|%s", branch, folder=bare).splitlines()


def pushed_by_hand(bare: Path, tmp_path: Path, files: Mapping[str, str], branch: str = "gh-pages") -> None:
    """Somebody else commits files to the branch and pushes them."""
    clone = tmp_path / f"clone-{time.monotonic_ns()}"
    git("clone", "-q", str(bare), str(clone), folder=tmp_path)
    has = git("ls-remote", "--heads", "origin", branch, folder=clone)
    git("checkout", "-q", *(["-B", branch, f"origin/{branch}"] if has else ["--orphan", branch]), folder=clone)
    for path, text in files.items():
        (clone / path).write_text(text)
        git("add", "-f", path, folder=clone)
    name = ["-c", "user.name=Other", "-c", "user.email=other@example.org"]
    git(*name, "commit", "-q", "-m", "by hand", folder=clone)
    git("push", "-q", "origin", branch, folder=clone)


def test_the_first_push_makes_an_orphan_branch(bare: Path) -> None:
    """One commit without a parent, under our own name where git knows none, and what is to be done next."""
    said = publish(open_target(f"git:{bare}"), SITE)
    assert stands(bare) == SITE
    assert commits(bare) == ["suite <suite@localhost>|suite|Publish the site: 4 files written, 0 removed"]
    assert "Branch 'gh-pages' is new there" in said
    assert "as their source in the settings of the repository" in said


def test_the_second_push_keeps_the_history(bare: Path, home: Path) -> None:
    """A commit on top, under the user's name; what changed is changed, what is gone is gone."""
    publish(Branch(str(bare)), SITE)
    first = git("rev-parse", "gh-pages", folder=bare)
    (home / ".gitconfig").write_text("[user]\nname = Ann Example\nemail = ann@example.org\n")
    said = publish(Branch(str(bare)), {MARKER: "2", "new.html": "n"}, ("runs/a/page.html", "never/was.html"))
    assert stands(bare) == {MARKER: "2", "index.html": "index", "new.html": "n", "assets/model.tflite": "bytes"}
    assert commits(bare)[0] == "Ann Example <ann@example.org>|Ann Example|Publish the site: 2 files written, 1 removed"
    assert git("rev-parse", "gh-pages~1", folder=bare) == first
    assert said.startswith("Commit ")


def test_the_author_is_that_of_the_current_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bare: Path
) -> None:
    """A name that is set in the repository one stands in counts."""
    git("init", "-q", "work", folder=tmp_path)
    git("config", "user.name", "Local", folder=tmp_path / "work")
    git("config", "user.email", "local@example.org", folder=tmp_path / "work")
    monkeypatch.chdir(tmp_path / "work")
    publish(Branch(str(bare)), SITE)
    assert commits(bare)[0].startswith("Local <local@example.org>|Local|")


def test_without_a_change_there_is_no_commit(bare: Path) -> None:
    """The same again says so."""
    publish(Branch(str(bare)), SITE)
    assert publish(Branch(str(bare)), SITE) == "Nothing changed, so there is no new commit on branch 'gh-pages'."
    assert publish(Branch(str(bare)), {}, ("never/was.html",)).startswith("Nothing changed")
    assert len(commits(bare)) == 1


def test_a_file_is_read_as_it_stands(bare: Path) -> None:
    """Reading gives bytes, line endings and all; None where there is no file."""
    publish(Branch(str(bare)), SITE)
    with Branch(str(bare)) as target:
        assert target.read("runs/a/page.html") == b"page\r\n"
        assert target.read("runs/a") is None
        assert target.read("nothing.html") is None
        assert target.unsure == frozenset()


def test_other_files_of_the_branch_stay(bare: Path, tmp_path: Path) -> None:
    """A CNAME that somebody added between two publishes is kept."""
    publish(Branch(str(bare)), SITE)
    pushed_by_hand(bare, tmp_path, {"CNAME": "example.org"})
    publish(Branch(str(bare)), {"index.html": "2", MARKER: "2"})
    assert stands(bare) == {**SITE, "CNAME": "example.org", "index.html": "2", MARKER: "2"}
    assert [line.rpartition("|")[2][:9] for line in commits(bare)] == ["Publish t", "by hand", "Publish t"]


def test_a_push_in_between_is_built_upon(bare: Path, tmp_path: Path) -> None:
    """Somebody pushes while the site is prepared: the publish comes on top of that."""
    publish(Branch(str(bare)), SITE)
    with Branch(str(bare)) as target:
        files = prepared(target, {"index.html": "2", MARKER: "2"})
        pushed_by_hand(bare, tmp_path, {"CNAME": "example.org"})
        target.write(files, ["runs/a/page.html"])
    expected = {**SITE, "CNAME": "example.org", "index.html": "2", MARKER: "2"}
    del expected["runs/a/page.html"]
    assert stands(bare) == expected
    assert len(commits(bare)) == 3


def test_another_publish_in_between_is_refused(bare: Path) -> None:
    """Two different sites are not mixed: the second is told to look again, and the first stands."""
    publish(Branch(str(bare)), SITE)
    with Branch(str(bare)) as target:
        files = prepared(target, {"index.html": "mine", MARKER: "mine"})
        publish(Branch(str(bare)), {"index.html": "theirs", MARKER: "theirs"})
        with pytest.raises(StoreError, match="somebody else published there meanwhile; run the same command again"):
            target.write(files, [])
    assert stands(bare) == {**SITE, "index.html": "theirs", MARKER: "theirs"}


def test_two_first_publishes_of_the_same_are_one(bare: Path, home: Path) -> None:
    """Where another process published exactly this in between, there is nothing left to do."""
    with Branch(str(bare)) as target:
        files = prepared(target, SITE)
        publish(Branch(str(bare)), SITE)
        (home / ".gitconfig").write_text("[user]\nname = Ann Example\nemail = ann@example.org\n")
        assert target.write(files, []).startswith("Nothing changed")
    assert len(commits(bare)) == 1


@pytest.mark.skipif(os.name == "nt", reason="a hook in shell")
def test_pushes_in_between_without_end_are_told(bare: Path, tmp_path: Path) -> None:
    """A branch that moves with every try is given up after a few."""
    publish(Branch(str(bare)), SITE)
    hook = bare / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(MOVES)
    hook.chmod(0o755)
    with pytest.raises(StoreError, match="somebody else pushed each time in between; run the same command again"):
        publish(Branch(str(bare)), {MARKER: "2"})
    assert len(commits(bare)) == 1 + TRIES


MOVES = """#!/bin/sh
unset GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES
export GIT_AUTHOR_NAME=o GIT_AUTHOR_EMAIL=o@o GIT_COMMITTER_NAME=o GIT_COMMITTER_EMAIL=o@o
new=$(git commit-tree 'gh-pages^{tree}' -p gh-pages -m moved)
git update-ref refs/heads/gh-pages "$new"
"""


def test_a_foreign_branch_is_refused_without_force(bare: Path, tmp_path: Path) -> None:
    """Files and no marker: refused; with force they stay beside the site."""
    pushed_by_hand(bare, tmp_path, {"README": "theirs", "index.html": "theirs"}, branch="main")
    with pytest.raises(StoreError, match="for instance 'README'; choose another branch, or add --force"):
        publish(open_target(f"git:{bare}#main"), SITE)
    assert stands(bare, "main") == {"README": "theirs", "index.html": "theirs"}
    publish(open_target(f"git:{bare}#main", force=True), SITE)
    assert stands(bare, "main") == {**SITE, "README": "theirs"}


def test_other_branches_are_left_alone(bare: Path, tmp_path: Path) -> None:
    """The site has a history of its own beside the sources."""
    pushed_by_hand(bare, tmp_path, {"code.py": "x"}, branch="main")
    publish(Branch(str(bare)), SITE)
    assert stands(bare, "main") == {"code.py": "x"}
    assert len(commits(bare)) == 1


def test_a_file_in_the_way_is_told(bare: Path, tmp_path: Path) -> None:
    """A file of somebody else where a folder belongs, and the other way round; nothing is pushed."""
    publish(Branch(str(bare)), SITE)
    pushed_by_hand(bare, tmp_path, {"more": "theirs"})
    with pytest.raises(StoreError, match=r"'more' is a file in the way of 'more/page\.html'"):
        publish(Branch(str(bare)), {"more/page.html": "x"})
    with pytest.raises(StoreError, match="'runs' is a folder, and a file belongs there"):
        publish(Branch(str(bare)), {"runs": "x"})
    publish(Branch(str(bare)), {"runs": "now a file"}, ("runs/a/page.html",))
    assert stands(bare)["runs"] == "now a file"


def test_hooks_templates_filters_and_ignore_lists_of_the_user_change_nothing(bare: Path, home: Path) -> None:
    """Settings that would break a commit of the user's own do not touch ours."""
    hooks, template = home / "hooks", home / "template"
    for folder in (hooks, template / "hooks"):
        folder.mkdir(parents=True)
        for name in ("pre-commit", "commit-msg", "pre-push", "post-index-change", "reference-transaction"):
            (folder / name).write_text("#!/bin/sh\nexit 1\n")
            (folder / name).chmod(0o755)
    git("config", "core.hooksPath", "hooks", folder=bare)  # those of the server are the server's
    (home / "ignored").write_text("*.html\nassets/\n")
    (home / "attributes").write_text("* text=auto eol=crlf filter=broken\n*.tflite filter=lfs\n")
    (home / ".gitconfig").write_text(
        f"[core]\nhooksPath = {hooks.as_posix()}\nexcludesFile = {(home / 'ignored').as_posix()}\nautocrlf = true\n"
        f"attributesFile = {(home / 'attributes').as_posix()}\n[init]\ntemplateDir = {template.as_posix()}\n"
        '[commit]\ngpgSign = true\n[gpg]\nprogram = false\n[filter "broken"]\nclean = false\nrequired = true\n'
        "[push]\ngpgSign = true\n"
    )
    publish(Branch(str(bare)), SITE)
    assert stands(bare) == SITE


def test_a_hook_that_publishes_writes_to_its_target_and_nowhere_else(
    bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What git tells its hooks of their own repository does not lead us there."""
    git("init", "-q", "work", folder=tmp_path)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "work" / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "work" / ".git" / "index"))
    publish(Branch(str(bare)), SITE)
    monkeypatch.delenv("GIT_DIR")
    assert stands(bare) == SITE
    assert git("for-each-ref", folder=tmp_path / "work") == ""
    assert not (tmp_path / "work" / ".git" / "index").exists()


def test_a_remote_of_the_current_checkout_has_a_name(
    bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``git:origin`` is what one would write there."""
    git("clone", "-q", str(bare), "work", folder=tmp_path)
    monkeypatch.chdir(tmp_path / "work")
    publish(open_target("git:origin#pages"), SITE)
    assert stands(bare, "pages") == SITE


def test_a_repository_with_long_hashes_is_written_too(tmp_path: Path) -> None:
    """SHA-256 repositories, once there is something in them."""
    git("init", "-q", "--bare", "--object-format=sha256", "site.git", folder=tmp_path)
    bare = tmp_path / "site.git"
    tree = git("hash-object", "-w", "-t", "tree", os.devnull, folder=bare).strip()
    name = ["-c", "user.name=o", "-c", "user.email=o@o"]
    commit = git(*name, "commit-tree", tree, "-m", "empty", folder=bare).strip()
    git("update-ref", "refs/heads/gh-pages", commit, folder=bare)
    publish(Branch(str(bare)), SITE)
    publish(Branch(str(bare)), {MARKER: "2"}, ("index.html",))
    assert len(commits(bare)) == 3
    assert "index.html" not in stands(bare)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("git:/nowhere/at/all#x", "there is no such repository; expected a path that is there, or an address"),
        ("git:origin", "there is no such repository"),
        ("git:", "names no repository"),
        ("git:--upload-pack=touch x", "names no repository"),
        ("git:HERE#no..name", "that is no name of a branch; expected for instance gh-pages"),
        ("git:HERE#-x", None),
        ("git:HERE#", "that is no name of a branch"),
        ("git:ext::sh -c touch% pwned", "transport 'ext' not allowed"),
    ],
)
def test_an_address_that_is_none_is_told(bare: Path, home: Path, address: str, said: str | None) -> None:
    """One sentence; nothing is run and no option is smuggled in."""
    target = open_target(address.replace("HERE", str(bare)))
    if said is None:
        publish(target, SITE)
        assert "refs/heads/-x" in git("for-each-ref", folder=bare)
        return
    with pytest.raises(StoreError, match=said) as caught:
        publish(target, SITE)
    assert str(caught.value).count("\n") == 0
    assert list(home.iterdir()) == []


def test_a_folder_that_is_no_repository_is_told(tmp_path: Path) -> None:
    """With what to check."""
    with pytest.raises(StoreError, match="does not appear to be a git repository; check the address"):
        publish(Branch(str(tmp_path)), SITE)


@pytest.mark.skipif(os.name == "nt", reason="a hook in shell")
def test_a_server_that_takes_no_push_is_told(bare: Path) -> None:
    """Rules of the server are no push in between: refused at once, the branch is as it was."""
    publish(Branch(str(bare)), SITE)
    hook = bare / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'protected branch: ask tok_https://me:hunter22@host/' >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(StoreError, match="the server does not take this push; see its rules") as caught:
        publish(Branch(str(bare)), {MARKER: "2"})
    assert "hunter22" not in str(caught.value)
    assert len(commits(bare)) == 1


class _Refusing(BaseHTTPRequestHandler):
    """Asks for a password, and never likes it."""

    def do_GET(self) -> None:
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="site"')
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Says nothing."""


@pytest.fixture
def refusing() -> str:
    """``host:port`` of a server that refuses everybody."""
    server = HTTPServer(("127.0.0.1", 0), _Refusing)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("user", ["me:hunter22@", "tokenthatislong22@", "", "me:p%40zz%2Fy22@"])
def test_credentials_are_never_printed_and_never_asked_for(refusing: str, user: str) -> None:
    """A refused password: one sentence that does not hold it, and no question on the terminal."""
    target = open_target(f"git:http://{user}{refusing}/me/site.git#gh-pages")
    started = time.monotonic()
    with pytest.raises(StoreError, match="you have no right to it so; write git:https://USER:TOKEN@HOST") as caught:
        publish(target, SITE)
    said = f"{caught.value} {target.shown} {caught.value.__cause__}"
    for secret in ("hunter22", "tokenthatislong22", "p%40zz", "p@zz", "/y22"):
        assert secret not in said
    assert time.monotonic() - started < 20


def test_an_address_that_git_cannot_read_is_told_without_its_password(refusing: str) -> None:
    """An @ in a password must be written as its number."""
    with pytest.raises(StoreError, match="write other letters of a password with their number, @ as %40") as caught:
        publish(Branch(f"http://me:hunter@22@{refusing}/site.git"), SITE)
    assert "hunter" not in str(caught.value)
    assert "22@" not in str(caught.value)


def test_a_server_that_is_not_there_is_told() -> None:
    """With the address, without the password."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(StoreError, match="is the network there") as caught:
        publish(Branch(f"http://me:hunter22@127.0.0.1:{port}/x.git"), SITE)
    assert "hunter22" not in str(caught.value)
    assert f"***@127.0.0.1:{port}" in str(caught.value)


def test_without_git_it_is_told(bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With where it comes from."""
    monkeypatch.setenv("PATH", str(tmp_path / "home"))
    with pytest.raises(StoreError, match="git is not installed, and a branch is written with it"):
        publish(Branch(str(bare)), SITE)
