"""The command line: help, names, exit codes, what is printed where."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner, Result

from suite.cli.main import COMMANDS, cli
from suite.spec.shipped import shipped_specs

HEAVY = {"tensorflow", "keras", "pandas", "altair", "sqlalchemy", "pydantic", "numpy", "scipy", "sklearn", "rich"}


def call(*arguments: str | Path) -> Result:
    """One command in this process; what it raises apart from an exit is raised here."""
    return CliRunner().invoke(cli, [str(argument) for argument in arguments], catch_exceptions=False, prog_name="suite")


def modules_after(*arguments: str) -> set[str]:
    """Top-level modules that a command has imported when it ends, asked of a fresh interpreter."""
    program = (
        "import sys, json\nfrom suite.cli.main import cli\n"
        f"try:\n    cli({list(arguments)!r}, prog_name='suite')\nexcept SystemExit:\n    pass\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})), file=sys.stderr)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    return set(json.loads(ended.stderr.splitlines()[-1]))


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    """A small valid spec that nobody has run."""
    path = tmp_path / "small.json"
    document = {
        "name": "small",
        "task": "image_classification",
        "models": [{"source": "applications", "name": name} for name in ("MobileNetV2", "ResNet50")],
        "datasets": [{"source": "sklearn", "name": "digits_photo"}],
        "strategies": [{"strategy": "linear_probe"}, {"strategy": "fine_tune", "unfreeze": 1}],
        "seeds": [1, 2],
    }
    path.write_text(json.dumps(document))
    return path


def test_help_imports_nothing_large() -> None:
    """``suite --help`` lists every command without importing one of them."""
    assert not modules_after("--help") & HEAVY


def test_importing_the_package_imports_nothing_large() -> None:
    """``import suite`` is free; its functions import what they need."""
    program = "import suite, sys; dir(suite); suite.run; print(*{name.partition('.')[0] for name in sys.modules})"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not set(ended.stdout.split()) & {"tensorflow", "keras", "pandas", "altair", "sqlalchemy"}


def test_help_names_every_command_with_its_sentence() -> None:
    """The list, the table and each command's own help say the same."""
    listed = call("--help").stdout
    for name, entry in COMMANDS.items():
        assert f"  {name} " in listed
        own = call(name, "--help").stdout
        assert entry.summary in " ".join(own.split())
        assert "Example:" in own


def test_planning_needs_no_tensorflow(spec: Path) -> None:
    """Planning imports neither TensorFlow nor Keras nor Altair; it reads labels, here with what scikit-learn needs."""
    assert not modules_after("plan", str(spec)) & {"tensorflow", "keras", "keras_hub", "altair"}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("rum",), "unknown command 'rum'. Did you mean 'run'?"),
        (("plan", "absent.json"), "absent.json: no such file"),
        (("list", "modles"), "modles"),
        (("show", "model", "resnet_tinny"), "unknown model 'resnet_tinny'."),
        (("show", "model", "aplications:X"), "unknown model 'aplications:X'."),
        (("show", "model", "applications:MobilNetV2"), "Did you mean 'MobileNetV2'?"),
        (("show", "dataset", "digit"), "Did you mean 'digits'?"),
        (("report", "absent"), "absent: holds no run"),
        (("run", "absent.json"), "absent.json: no such file"),
        (("new", "absent"), "absent: no such file or folder"),
        (("cache", "prune", "--max-size", "much"), "--max-size much: expected a size such as 500MB or 5GB."),
        (("plan", "absent.json", "--plugin", "absent.py"), "absent"),
        (("pretrain", "absent.json"), "absent.json: no such file"),
    ],
)
def test_a_mistake_is_one_sentence(arguments: tuple[str, ...], complaint: str) -> None:
    """Exit code 2, the sentence on stderr, nothing on stdout, no traceback."""
    ended = call(*arguments)
    assert ended.exit_code == 2
    assert complaint in ended.stderr
    assert "Error: " in ended.stderr
    assert not ended.stdout
    assert "Traceback" not in ended.stderr


def test_a_defect_keeps_its_traceback(tmp_path: Path) -> None:
    """What is not the user's to mend is not dressed up as if it were."""
    plugin = tmp_path / "broken.py"
    plugin.write_text(
        "from suite.registry import MODELS\n\n\n@MODELS.register('broken')\nclass Broken:\n    summary = 'broken'\n"
        "    def known_names():\n        raise ZeroDivisionError\n"
    )
    command = [sys.executable, "-m", "suite", "list", "models", "--plugin", str(plugin)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "Traceback" in ended.stderr
    assert "ZeroDivisionError" in ended.stderr


def test_a_closed_pipe_is_quiet() -> None:
    """``suite schema | head -1`` ends without a word."""
    command = f"{sys.executable} -m suite schema | head -c 1"
    ended = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert (ended.stdout, ended.stderr) == ("{", "")


def test_plan_counts_and_reports_no_time_before_the_first_trial(spec: Path, tmp_path: Path) -> None:
    """One line per cell, then all of it in a sentence."""
    ended = call("plan", spec, "--out", tmp_path / "none")
    assert "ResNet50" in ended.stdout
    assert "small: 8 trials in 4 cells: 8 missing; no estimate" in ended.stdout
    assert not (tmp_path / "none").exists()


def test_one_trial_is_no_plural(spec: Path) -> None:
    """A newcomer's first plan reads as a person would say it."""
    ended = call("plan", spec, "--only", "model=MobileNetV2", "strategy=linear_probe", "seed=1")
    assert "small: 1 trial in 1 cell: 1 missing" in ended.stdout


def test_plan_says_what_it_would_download_and_where_it_goes(spec: Path, keras_home: Path) -> None:
    """Each file that is not here, once, with its address and its place."""
    found = json.loads(call("plan", spec, "--json").stdout)
    assert [need["what"] for need in found["downloads"]] == [
        "ImageNet weights of MobileNetV2",
        "ImageNet weights of ResNet50",
    ]
    assert all(need["url"].startswith("https://") and Path(need["path"]).suffix == ".h5" for need in found["downloads"])


@pytest.mark.parametrize(
    "words",
    [
        ("--only", "model=ResNet50", "strategy=linear_probe"),
        ("--only", "model=ResNet50", "--only", "strategy=linear_probe"),
        ("--only=model=ResNet50", "--only=strategy=linear_probe"),
    ],
)
def test_only_takes_several_pairs(words: tuple[str, ...], spec: Path) -> None:
    """``--only a=1 b=2`` is the same as the option twice."""
    found = json.loads(call("plan", spec, *words, "--json").stdout)
    assert [(cell["model"], cell["strategy"]) for cell in found["cells"]] == [("ResNet50", "linear_probe")]
    assert json.loads(call("plan", *words, spec, "--json").stdout) == found


def test_set_changes_the_spec(spec: Path) -> None:
    """``--set`` reaches any value, several at once."""
    found = json.loads(call("plan", spec, "--set", "seeds=[1]", "name=other", "--json").stdout)
    assert found["counts"] == {"missing": 4}
    assert found["name"] == "other"


def test_a_shipped_spec_is_found_from_anywhere(tmp_path: Path, monkeypatch: Any) -> None:
    """``specs/imagenet.json`` means the shipped one where there is no such file."""
    monkeypatch.chdir(tmp_path)
    assert json.loads(call("plan", "specs/imagenet.json", "--json").stdout)["name"] == "imagenet"


def test_the_schema_takes_every_shipped_spec() -> None:
    """What the loader takes, editors take."""
    schema = json.loads(call("schema").stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    for path in shipped_specs():
        jsonschema.validate(json.loads(path.read_text()), schema)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("models", 0, "naem"), "x"),
        (("models", 0, "source"), "nowhere"),
        (("strategies", 0, "unfreeze"), 1),
        (("strategies", 1, "unfreeze"), -1),
        (("datasets", 0, "path"), "photos"),
        (("task",), "chess"),
        (("training",), {"epoch": 3}),
    ],
)
def test_the_schema_refuses_what_the_loader_refuses(path: tuple[Any, ...], value: Any, spec: Path) -> None:
    """A slip is underlined while it is typed."""
    schema = json.loads(call("schema").stdout)
    document = json.loads(spec.read_text())
    jsonschema.validate(document, schema)
    here: Any = document
    for part in path[:-1]:
        here = here[part]
    here[path[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema)
    spec.write_text(json.dumps(document))
    assert call("plan", spec).exit_code == 2


def test_every_option_in_the_schema_is_described() -> None:
    """The docstring under a field is what an editor shows."""
    schema = json.loads(call("schema").stdout)
    variants = {name: body for name, body in schema["$defs"].items() if "." in name}
    assert {"models.zoo", "datasets.folder", "strategies.fine_tune"} <= set(variants)
    assert all(body["description"] for body in variants.values())
    described = schema["$defs"]["strategies.fine_tune"]["properties"]["unfreeze"]["description"]
    assert "number of stages from the top" in described


@pytest.mark.parametrize("kind", ["models", "datasets", "strategies", "metrics", "charts"])
def test_list_tells_what_each_one_is(kind: str) -> None:
    """Every registered variant with a sentence."""
    found = json.loads(call("list", kind, "--json").stdout)
    assert found == sorted(found, key=lambda listing: listing["name"])
    assert all(listing["summary"] for listing in found)
    shown = call("list", kind).stdout
    assert all(listing["name"] in shown for listing in found)


def test_show_a_dataset() -> None:
    """Classes, sizes, licence and fingerprint of real data."""
    found = json.loads(call("show", "dataset", "digits", "--json").stdout)
    assert sum(found["examples"].values()) == 1797
    assert len(found["class_names"]) == 10
    shown = call("show", "dataset", "sklearn:digits").stdout
    assert found["fingerprint"] in shown
    assert "CC BY 4.0" in shown


def test_show_a_model(keras_home: Path) -> None:
    """Its stages from input to output, which is what fine_tune counts, and what is not on this machine."""
    found = json.loads(call("show", "model", "VGG16", "--json").stdout)
    assert [stage["name"] for stage in found["stages"]] == [f"block{number}" for number in range(1, 6)]
    assert sum(stage["parameters"] for stage in found["stages"]) == found["parameters"] == 14_714_688
    assert [need["present"] for need in found["requirements"]] == [False]
    shown = call("show", "model", "applications:VGG16").stdout
    assert "block5_conv1 ... block5_conv3" in shown
    assert "Not on this machine: ImageNet weights of VGG16" in shown


def test_doctor_looks_without_tensorflow() -> None:
    """Versions, machine, caches, specs; TensorFlow is not started for that."""
    assert not modules_after("doctor", "--json") & {"tensorflow", "keras"}
    found = json.loads(call("doctor", "--json").stdout)
    assert found["versions"]["tensorflow"]
    assert found["machine"]["cores"] >= 1
    assert {spec["name"] for spec in found["specs"]} == {f"specs/{path.name}" for path in shipped_specs()}
    imagenet = next(spec for spec in found["specs"] if spec["name"] == "specs/imagenet.json")
    assert imagenet["missing"] or imagenet["present"]


def test_doctor_speaks_to_people() -> None:
    """The same in words, ending with whether anything is wrong."""
    ended = call("doctor")
    assert "Versions" in ended.stdout
    assert ("Nothing keeps the suite from running." in ended.stdout) == (ended.exit_code == 0)


def test_cache_is_listed_pruned_and_cleared(tmp_path: Path, monkeypatch: Any) -> None:
    """An entry is seen, survives a prune that it satisfies, and goes with clear."""
    from suite.cache import entry_path, write_entry

    monkeypatch.setenv("SUITE_CACHE_DIR", str(tmp_path))
    path = entry_path(None, "features", {"x": 1}, ".npy")
    write_entry(path, lambda file: file.write(b"0" * 1000) and None, {"dataset": "digits", "examples": 3})
    assert "dataset digits, examples 3" in call("cache", "ls").stdout
    assert json.loads(call("cache", "prune", "--max-size", "1MB", "--json").stdout) == []
    assert "unknown kind of entry 'feature'" in call("cache", "clear", "--kind", "feature").stderr
    assert "Removed 1 entry" in call("cache", "clear", "--kind", "features").stdout
    assert not path.exists()
