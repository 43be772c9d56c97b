"""The file that lets a forge publish on each push: valid YAML, and whatever the user wrote stays one word."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from suite.errors import SuiteError
from suite.publish.workflow import Forge, workflow

HOSTILE = [
    "$(touch pwned)",
    "`touch pwned`",
    "'; touch pwned; '",
    '"; touch pwned; "',
    "$HOME ${HOME} %HOME% $CI_JOB_TOKEN",
    "${{ secrets.TOKEN }} and ${{ '}}' }}",
    "$${{ github.token }}}}",
    "a: b # c",
    "- x\n- run: touch pwned",
    "line\nline\ttab\r\x07 end",
    "!reference [x] &a *a |> @ %",
    "Wörter 模型 😀 \u2028 \x85 \ufeff",
    "\\ \\n \\",
    "--title",
    "PUBLISH\n",
    "",
]


def read(kind: Forge, **values: Any) -> Any:
    """The workflow as a YAML reader sees it."""
    return yaml.safe_load(workflow(kind, **values)[1])


def commands(kind: Forge, document: Any) -> list[str]:
    """The lines that a shell gets; on GitHub after it has evaluated what it takes for an expression."""
    if kind == "gitlab":
        return [str(line) for line in document["pages"]["script"]]
    lines = [str(step["run"]) for step in document["jobs"]["publish"]["steps"] if "run" in step]
    return [re.sub(r"\$\{\{(.*?)\}\}", evaluated, line, flags=re.DOTALL) for line in lines]


def evaluated(found: re.Match[str]) -> str:
    """What GitHub makes of an expression that is one literal; any other is an injection."""
    literal = re.fullmatch(r" '(\$\{\{)' ", found[1])
    assert literal, f"an expression of the user is evaluated: {found[0]}"
    return literal[1]


def words(line: str, folder: Path) -> list[str]:
    """What a real shell gives the program, in place of which this one prints its arguments."""
    program = f"{sys.executable} -c 'import json, sys; print(json.dumps(sys.argv[1:]))'"
    script = f'suite() {{ {program} "$@"; }}\n{line}'
    done = subprocess.run(["bash", "-eo", "pipefail", "-c", script], cwd=folder, capture_output=True, check=True)
    return list(json.loads(done.stdout.decode()))


@pytest.mark.parametrize("kind", ["github", "gitlab"])
def test_it_installs_the_suite_and_publishes(kind: Forge) -> None:
    """The two commands, and where the forge looks for the site."""
    document = read(kind, runs=["reports/vision", "reports/text"], title="Our models", base_url="https://e.org/x/")
    target = "site" if kind == "github" else "public"
    assert commands(kind, document) == [
        "python -m pip install keras-suite",
        f"suite publish reports/vision reports/text --to={target} '--title=Our models' --base-url=https://e.org/x/",
    ]


def test_what_is_not_known_is_not_told() -> None:
    """Without a title and an address there are no options."""
    document = read("gitlab", runs=["r"], title=None, base_url=None, package="keras-suite[s3]==1.2")
    assert commands("gitlab", document) == [
        "python -m pip install 'keras-suite[s3]==1.2'",
        "suite publish r --to=public",
    ]


def test_github_gets_pages_from_an_artifact() -> None:
    """On each push to the default branch, with the rights that Pages asks for and no more."""
    path, text = workflow("github", runs=["r"], title=None, base_url=None)
    document = yaml.safe_load(text)
    job = document["jobs"]["publish"]
    uses = [step["uses"].partition("@")[0] for step in job["steps"] if "uses" in step]
    assert path == ".github/workflows/publish.yml"
    assert uses[0] == "actions/checkout"
    assert uses[-2:] == ["actions/upload-pages-artifact", "actions/deploy-pages"]
    assert {"push", "workflow_dispatch"} == set(document[True])  # YAML reads `on` as a truth
    assert document["permissions"] == {"contents": "read", "pages": "write", "id-token": "write"}
    assert job["if"] == "github.ref_name == github.event.repository.default_branch"
    assert [step["with"]["path"] for step in job["steps"] if "upload" in step.get("uses", "")] == ["site"]


def test_gitlab_gets_a_job_named_pages() -> None:
    """With the folder that GitLab publishes, on the default branch."""
    path, text = workflow("gitlab", runs=["r"], title=None, base_url=None)
    job = yaml.safe_load(text)["pages"]
    assert path == ".gitlab-ci.yml"
    assert job["artifacts"] == {"paths": ["public"]}
    assert job["rules"] == [{"if": "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH"}]


@pytest.mark.parametrize("kind", ["github", "gitlab"])
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_one_word(kind: Forge, text: str, tmp_path: Path) -> None:
    """Through YAML, GitHub's expressions and a shell each value arrives as it was, and nothing is run."""
    run = f"./{text}" if text else "run"
    document = read(kind, runs=[run], title=text, base_url=text, package=text)
    install, publish = commands(kind, document)
    came = words(publish, tmp_path)
    assert came[0] == "publish"
    assert Path(came[1]) == Path(run)
    assert came[3:] == [f"--title={text}", f"--base-url={text}"]
    assert words(install.replace("python -m pip", "suite"), tmp_path) == ["install", text]
    assert list(tmp_path.iterdir()) == []
    assert len(document) == len(read(kind, runs=["r"], title=None, base_url=None))


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
@settings(max_examples=300)
def test_any_text_comes_through_yaml(title: str) -> None:
    """What was quoted is read back letter by letter."""
    import shlex

    line = commands("gitlab", read("gitlab", runs=["r"], title=title, base_url=None))[1]
    assert shlex.split(line) == ["suite", "publish", "r", "--to=public", f"--title={title}"]


@pytest.mark.parametrize("run", ["/srv/run", "../run", "a/../../b", "~/run"])
def test_a_run_outside_the_repository_is_refused(run: str) -> None:
    """A workflow sees only what is committed."""
    with pytest.raises(SuiteError, match=r"is not in the repository; a workflow sees what is committed"):
        workflow("github", runs=[run], title=None, base_url=None)


def test_a_run_is_no_option() -> None:
    """A folder whose name begins like one."""
    line = commands("gitlab", read("gitlab", runs=["--force"], title=None, base_url=None))[1]
    assert line == "suite publish ./--force --to=public"


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_text_that_no_command_can_be_given_is_refused(text: str) -> None:
    """A zero byte and half a letter."""
    with pytest.raises(SuiteError, match="has a letter that no command can be given"):
        workflow("gitlab", runs=["r"], title=text, base_url=None)


def test_without_a_run_there_is_nothing_to_publish() -> None:
    """Said before a file is written."""
    with pytest.raises(SuiteError, match="needs the folders of runs"):
        workflow("github", runs=[], title=None, base_url=None)
