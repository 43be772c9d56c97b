"""The ``git`` program: started without a shell, never asking, and what it says without credentials."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from suite.errors import StoreError
from suite.store.credentials import without_credentials

__all__ = ["Git", "GitFailed"]

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
