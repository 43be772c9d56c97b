"""The ``git`` program: started without a shell, never asking, and what it says without credentials."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import unquote

from suite.errors import StoreError
from suite.publish.targets.target import MARKER, checked, checked_write, crossing, parents, raise_if_full
from suite.store.credentials import without_credentials

__all__ = ["BRANCH", "Branch", "Git", "GitFailed", "Remote", "remote_of"]

OF_A_REPOSITORY = frozenset(
    {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES"}
    | {"GIT_COMMON_DIR", "GIT_NAMESPACE", "GIT_PREFIX", "GIT_SHALLOW_FILE", "GIT_GRAFT_FILE", "GIT_QUARANTINE_PATH"}
    | {"GIT_CEILING_DIRECTORIES", "GIT_IMPLICIT_WORK_TREE", "GIT_REPLACE_REF_BASE", "GIT_CONFIG", "GIT_TRACE"}
    | {"GIT_TRACE_CURL", "GIT_CURL_VERBOSE", "GIT_TRACE_PACKET"}
)
"""What a hook that started us says of its own repository, and what would print headers."""
SETTINGS: Mapping[str, str] = {
    "commit.gpgSign": "false",  # may ask for a passphrase
    "push.gpgSign": "false",
    "push.recurseSubmodules": "no",
    "push.followTags": "false",
    "core.autocrlf": "false",
    "core.logAllRefUpdates": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "60",
    "advice.detachedHead": "false",
    "user.useConfigOnly": "true",  # else git makes an address up from the name of the machine
}


class GitFailed(Exception):  # noqa: N818 - told by whoever knows what was tried
    """Git ended with an error. ``text`` is what it said, without credentials."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    @property
    def reason(self) -> str:
        """The line that says why, without git's own words before it."""
        lines = [line.strip() for line in self.text.splitlines() if line.strip()]
        marked = [line for line in lines if re.match(r"(fatal|error|remote: (error|fatal)|! )", line)]
        first = (marked or lines or ["it did not say why"])[0]
        return re.sub(r"^(fatal|error): ", "", first).rstrip(".")[:300]


class Git:
    """Runs git in one folder, with settings that keep the user's hooks, filters and questions away."""

    def __init__(self, folder: Path, *, secrets: Sequence[str] = ()) -> None:
        """A folder that is there, and texts that are never to be printed.

        Raises:
            StoreError: Where git is not installed.
        """
        program = shutil.which("git")
        if program is None:
            raise StoreError("git is not installed, and a branch is written with it; install it from git-scm.com.")
        self._program = program
        self._folder = folder
        self._secrets = [secret for secret in secrets if secret]
        self.environment = {name: value for name, value in os.environ.items() if name not in OF_A_REPOSITORY}
        self.environment |= {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C", "LANGUAGE": "C", "GCM_INTERACTIVE": "never"}
        self.environment.setdefault("GIT_ASKPASS", "")  # empty: no program either
        if not {"GIT_SSH_COMMAND", "GIT_SSH"} & set(self.environment):
            command = self.text("config", "--get", "core.sshCommand", fine=(0, 1)).strip() or "ssh"
            if re.match(r"ssh(\s|$)", command):
                self.environment["GIT_SSH_COMMAND"] = f"{command} -oBatchMode=yes -oConnectTimeout=20"

    def text(self, *arguments: str, fine: Sequence[int] = (0,), given: bytes = b"", folder: Path | None = None) -> str:
        """What a command of git prints."""
        return self.output(*arguments, fine=fine, given=given, folder=folder).decode(errors="replace")

    def output(
        self, *arguments: str, fine: Sequence[int] = (0,), given: bytes = b"", folder: Path | None = None
    ) -> bytes:
        """What a command of git prints.

        Args:
            arguments: The command and what belongs to it.
            fine: Exit codes that are no errors.
            given: Its input; it never reads the terminal.
            folder: Where it runs, if elsewhere.

        Raises:
            GitFailed: Where it ends with another code.
        """
        settings = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
        hooks = ["-c", f"core.hooksPath={self._folder / 'no-hooks'}"]
        done = subprocess.run(  # noqa: S603 - no shell
            [self._program, *settings, *hooks, *arguments],
            cwd=folder or self._folder,
            env=self.environment,
            input=given,
            capture_output=True,
            check=False,
        )
        if done.returncode not in fine:
            said = (done.stderr or done.stdout).decode(errors="replace")
            if arguments[0] == "push":
                said += done.stdout.decode(errors="replace")
            raise GitFailed(self.masked(said))
        return done.stdout

    def masked(self, text: str) -> str:
        """The text without what must not be printed."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return without_credentials(text)


# Which repository is meant: a path, an address, or the name of a remote of the current folder.

HOST_AND_PATH = re.compile(r"[^/\\:]{2,}:")
"""``git@host:path``; a single letter is a drive of Windows."""
SHORTEST_SECRET = 4
"""What is shorter would black out half of every message."""


@dataclass(frozen=True)
class Remote:
    """A repository as git is told of it."""

    address: str
    secrets: tuple[str, ...]
    """Parts of it that are never printed."""


def remote_of(given: str) -> Remote:
    """Reads what stands behind ``git:``.

    Raises:
        StoreError: Where it is nothing that git could take for a repository.
    """
    shown = without_credentials(given)
    if not given or given.startswith("-"):
        raise StoreError(
            f"git:{shown}: names no repository; expected for instance git:https://host/me/site.git#gh-pages."
        )
    if "://" in given or HOST_AND_PATH.match(given):
        return Remote(given, _secrets(given))
    path = Path(given).expanduser()
    if path.exists():
        return Remote(str(path.absolute()), ())
    if re.fullmatch(r"[\w.-]+", given):
        try:
            address = Git(Path.cwd()).text("remote", "get-url", "--push", given).strip()
        except GitFailed:
            pass
        else:
            return remote_of(address) if address != given else Remote(address, ())
    raise StoreError(f"git:{shown}: there is no such repository; expected a path that is there, or an address.")


def _secrets(address: str) -> tuple[str, ...]:
    user, at, _ = address.partition("://")[2].partition("/")[0].rpartition("@")
    if not at or address.startswith("ssh://"):
        return ()
    name, colon, password = user.partition(":")
    found = {user, unquote(user), *((password, unquote(password)) if colon else (name,))}
    return tuple(sorted((one for one in found if len(one) >= SHORTEST_SECRET), key=len, reverse=True))


# A branch of a git repository: each publish is one commit on top of what is there.

BRANCH = "gh-pages"
"""Where GitHub looks for pages unless told otherwise."""
TRIES = 5
"""Of a push, where somebody else pushes in between."""
NOBODY = "suite <suite@localhost>"
"""Author of a commit where git knows no name and address."""
TIP = "refs/suite/tip"
FILES = frozenset({"100644", "100755"})


@dataclass(frozen=True)
class _Stand:
    """A branch as it stands on the remote."""

    commit: str | None
    """None where the branch is not there yet."""
    files: Mapping[str, tuple[str, str]]
    """Path to mode and hash."""


class Branch:
    """A branch that holds a site, and perhaps other files, which are left alone."""

    def __init__(self, remote: str, branch: str = BRANCH, *, force: bool = False) -> None:
        self.shown = without_credentials(f"git:{remote}#{branch}")
        self.unsure: frozenset[str] = frozenset()
        """Always empty: a push is done or not done."""
        self._given, self._branch, self._force = remote, branch, force
        self._room: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Self:
        try:
            self._room = tempfile.TemporaryDirectory(prefix="suite-git-", ignore_cleanup_errors=True)
            room = Path(self._room.name)
            self.scratch = room / "scratch"
            self.scratch.mkdir()
            self._repository = room / "repository"
            self._repository.mkdir()
            with self._told("cannot be read"):
                self._remote: Remote = remote_of(self._given)
                self._git = Git(self._repository, secrets=self._remote.secrets)
                self._check_branch()
                self._stand = self._look()
            self._check_ours()
        except BaseException:
            self._leave()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()
        raise_if_full(self.shown, error, self.scratch)

    def read(self, path: str) -> bytes | None:
        """The file as it stands in the branch."""
        mode, blob = self._stand.files.get(checked(path), ("", ""))
        if mode not in FILES:
            return None
        with self._told("cannot be read"):
            return self._git.output("cat-file", "blob", blob)

    def write(self, changed: Mapping[str, Path], removed: Collection[str]) -> str:
        """Commits what changed and pushes it; where somebody pushed in between, once more on top of that."""
        gone = checked_write(changed, removed)
        with self._told("cannot be written"):
            blobs = self._blobs(changed)
            for _ in range(TRIES):
                self._check_places(blobs, gone)
                commit = self._commit(blobs, gone)
                if commit is None:
                    return f"Nothing changed, so there is no new commit on branch '{self._branch}'."
                if self._push(commit):
                    return self._note(commit)
                self._look_again(blobs)
        raise StoreError(f"{self.shown}: somebody else pushed each time in between; run the same command again.")

    # Taking the place

    def _check_branch(self) -> None:
        try:
            self._git.text("check-ref-format", f"refs/heads/{self._branch}")
        except GitFailed:
            raise StoreError(f"{self.shown}: that is no name of a branch; expected for instance {BRANCH}.") from None

    def _look(self) -> _Stand:
        """Asks the remote for the branch and fetches its last commit."""
        reference = f"refs/heads/{self._branch}"
        lines = self._git.text("ls-remote", "--", self._remote.address, "HEAD", reference).splitlines()
        hashes = {name: commit for commit, _, name in (line.partition("\t") for line in lines)}
        if not (self._repository / "HEAD").exists():
            kind = "sha256" if any(len(commit) == 64 for commit in hashes.values()) else "sha1"
            self._git.text("init", "-q", "--bare", "--template=", f"--object-format={kind}", ".")
        if reference not in hashes:
            return _Stand(None, {})
        self._git.text("fetch", "-q", "--depth=1", "--no-tags", "--", self._remote.address, f"+{reference}:{TIP}")
        listed = self._git.output("ls-tree", "-r", "-z", "--full-tree", TIP).split(b"\0")
        files: dict[str, tuple[str, str]] = {}
        for line in filter(None, listed):
            about, _, path = line.partition(b"\t")
            mode, _, blob = about.decode().split()
            files[os.fsdecode(path)] = (mode, blob)
        return _Stand(self._git.text("rev-parse", TIP).strip(), files)

    def _check_ours(self) -> None:
        files = self._stand.files
        if files and MARKER not in files and not self._force:
            raise StoreError(
                f"{self.shown}: holds files that are not of a site of the suite, for instance '{min(files)}'; choose "
                "another branch, or add --force to write beside them. Only a file of the same name is replaced."
            )

    def _look_again(self, blobs: Mapping[str, str]) -> None:
        """After a push was refused: what stands there now, if it is still the same site."""
        before = self._stand.files.get(MARKER)
        self._stand = self._look()
        self._check_ours()
        now = self._stand.files.get(MARKER)
        if now != before and (now is None or now[1] != blobs.get(MARKER)):
            raise StoreError(f"{self.shown}: somebody else published there meanwhile; run the same command again.")

    def _leave(self) -> None:
        if self._room is not None:
            self._room.cleanup()
            self._room = None

    # Writing

    def _check_places(self, blobs: Mapping[str, str], gone: frozenset[str]) -> None:
        """Refuses where a file stands in the way of a folder, or the other way round."""
        stays = set(self._stand.files) - crossing(blobs, gone)
        folders = {parent for path in stays for parent in parents(path)}
        for path in blobs:
            in_the_way = next((parent for parent in parents(path) if parent in stays), None)
            if in_the_way:
                raise StoreError(f"{self.shown}: '{in_the_way}' is a file in the way of '{path}'; move it away.")
            if path in folders:
                raise StoreError(f"{self.shown}: '{path}' is a folder, and a file belongs there; move it away.")

    def _blobs(self, changed: Mapping[str, Path]) -> dict[str, str]:
        """Stores the prepared files; path in the site to hash."""
        if not changed:
            return {}
        given = b"".join(os.fsencode(prepared.absolute()) + b"\n" for prepared in changed.values())
        hashes = self._git.text("hash-object", "-w", "--no-filters", "--stdin-paths", given=given).split()
        return dict(zip(changed, hashes, strict=True))

    def _commit(self, blobs: Mapping[str, str], gone: Iterable[str]) -> str | None:
        """A commit on top of the branch; None where it would change nothing."""
        parent = self._stand.commit
        self._git.text("read-tree", *([parent] if parent else ["--empty"]))
        there = sorted(path for path in gone if path in self._stand.files)
        lines = [f"0 {'0' * len(self._stand.files[path][1])}\t{path}\0" for path in there]
        lines += [f"100644 {blob}\t{path}\0" for path, blob in blobs.items()]
        self._git.text("update-index", "-z", "--index-info", given="".join(lines).encode())
        tree = self._git.text("write-tree").strip()
        if parent and tree == self._git.text("rev-parse", f"{parent}^{{tree}}").strip():
            return None
        message = f"Publish the site: {len(blobs)} files written, {len(there)} removed"
        above = ["-p", parent] if parent else []
        with self._signed():
            return self._git.text("commit-tree", tree, *above, "-m", message).strip()

    @contextlib.contextmanager
    def _signed(self) -> Iterator[None]:
        """With the user's name where the commands of the current folder would use it, else with ours."""
        try:
            known = self._git.text("var", "GIT_AUTHOR_IDENT", folder=Path.cwd())
        except GitFailed:
            known = NOBODY
        found = re.match(r"(.+?) <(.*?)>", known) or re.match(r"(.+?) <(.*?)>", NOBODY)
        assert found is not None  # noqa: S101 - the second always matches
        before = dict(self._git.environment)
        for who in ("AUTHOR", "COMMITTER"):
            self._git.environment |= {f"GIT_{who}_NAME": found[1], f"GIT_{who}_EMAIL": found[2]}
        try:
            yield
        finally:
            self._git.environment = before

    def _push(self, commit: str) -> bool:
        """Whether the branch is now there; False where somebody pushed in between."""
        target = f"{commit}:refs/heads/{self._branch}"
        try:
            self._git.text("push", "-q", "--porcelain", "--no-verify", "--", self._remote.address, target)
        except GitFailed as error:
            if re.search(r"\[rejected\]|cannot lock ref|failed to update ref|reference already exists", error.text):
                return False
            raise
        return True

    def _note(self, commit: str) -> str:
        if self._stand.commit is None:
            return (
                f"Branch '{self._branch}' is new there (commit {commit[:10]}); if it is to be seen as pages, choose it "
                "as their source in the settings of the repository."
            )
        return f"Commit {commit[:10]} is on branch '{self._branch}'."

    @contextlib.contextmanager
    def _told(self, what: str) -> Iterator[None]:
        try:
            yield
        except GitFailed as error:
            raise StoreError(f"{self.shown}: {what}: {_reason(error)}") from None


def _reason(error: GitFailed) -> str:
    """Why, and how to mend it."""
    said = error.text
    for pattern, mending in MENDING:
        if re.search(pattern, said, re.IGNORECASE):
            return f"{error.reason}; {mending}."
    return f"{error.reason}."


NO_RIGHT = (
    "you have no right to it so; write git:https://USER:TOKEN@HOST/PATH, or set up a credential helper or an SSH key"
)
MENDING = (
    (r"bad/illegal format|malformed|bad port", "write other letters of a password with their number, @ as %40"),
    (r"host key verification", "connect once by hand with ssh, so that its key is known"),
    (r"\b(protected branch|hook declined|GH006|pre-receive)", "the server does not take this push; see its rules"),
    (r"could not read (username|password)|authentication failed|invalid credentials|\b40[13]\b", NO_RIGHT),
    (r"permission|denied|not allowed|write access|dubious ownership", NO_RIGHT),
    (r"resolve host|unable to connect|connection|timed out|network|failed to connect", "is the network there?"),
    (r"not found|does not exist|does not appear|\b404\b", "check the address of the repository"),
    (r"no space left|disk quota", "make room there and run the same command again"),
)
"""What git says, to what helps; the first that is found counts."""
