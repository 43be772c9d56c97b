"""The loader of specs: what it takes, and how it refuses the rest."""

from __future__ import annotations

import contextlib
import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from suite.errors import SpecError, SuiteError
from suite.registry import REGISTRIES
from suite.spec.shipped import shipped_specs
from suite.spec.spec import load_spec, parse_spec

BASE: dict[str, Any] = {
    "name": "small",
    "task": "image_classification",
    "models": [{"source": "applications", "name": "MobileNetV2"}],
    "datasets": [{"source": "sklearn", "name": "digits_photo"}],
    "evaluate_on": [{"source": "sklearn", "name": "digits"}],
    "strategies": [{"strategy": "linear_probe"}, {"strategy": "fine_tune", "unfreeze": 1}],
    "seeds": [1, 2],
    "training": {"epochs": 2},
}


def changed(path: str, value: Any) -> str:
    """The text of ``BASE`` with one value changed, ``models.0.name`` for instance."""
    document = deepcopy(BASE)
    here: Any = document
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    for part in parents:
        here = here[part]
    here[last] = value
    return json.dumps(document)


@pytest.mark.parametrize("path", shipped_specs(), ids=lambda path: path.stem)
def test_every_shipped_spec_is_valid(path: Path) -> None:
    """What ships can be loaded, and is named after its file."""
    assert load_spec(path).name == path.stem


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        ("modls", [], "small.json: modls: unknown key 'modls'. Did you mean 'models'?"),
        ("training.epoch", 3, "small.json: training.epoch: unknown key 'epoch'. Did you mean 'epochs'?"),
        ("training.epochs", "3", 'small.json: training.epochs: expected a valid integer, got "3".'),
        ("training.epochs", 0, "training.epochs: expected greater than or equal to 1, got 0."),
        ("seeds", [], "small.json: seeds: expected at least 1 entry, got []."),
        ("seeds", [1, 2, 1], "small.json: seeds: 1 is given twice"),
        ("headline", "acuracy", "small.json: headline: unknown metric 'acuracy'. Did you mean 'accuracy'?"),
        ("name", "../up", "small.json: name:"),
        (
            "task",
            "image_clasification",
            "task: unknown task 'image_clasification'. Did you mean 'image_classification'?",
        ),
        ("models.0.source", "aplications", "models[0].source: unknown model source 'aplications'. Did you mean"),
        ("models.0.name", "MobilNetV2", "models[0]: "),
        ("models.0.nam", "x", "models[0].nam: unknown key 'nam'. Did you mean 'name'?"),
        (
            "datasets.0.source",
            "skleran",
            "datasets[0].source: unknown dataset source 'skleran'. Did you mean 'sklearn'?",
        ),
        ("datasets.0.name", "digit", "datasets[0]: unknown scikit-learn data set 'digit'. Did you mean 'digits'?"),
        ("evaluate_on.0.name", "digit", "evaluate_on[0]: "),
        ("strategies.0.strategy", "linear", "strategies[0].strategy: unknown strategy 'linear'. Did you mean"),
        ("strategies.0.unfreeze", 1, "strategies[0].unfreeze: unknown key 'unfreeze'."),
        ("datasets.0.splits", {"test": 1.5}, "datasets[0].splits.test: expected less than 1, got 1.5."),
        (
            "datasets.0.on_bad_example",
            "ignore",
            "datasets[0].on_bad_example: expected 'error' or 'skip', got \"ignore\".",
        ),
    ],
)
def test_a_complaint_names_place_and_remedy(path: str, value: Any, complaint: str) -> None:
    """Place, what was expected, what came, the nearest name."""
    with pytest.raises(SpecError) as caught:
        parse_spec(changed(path, value), place="small.json")
    assert complaint in str(caught.value)


@pytest.mark.parametrize("value", [[True], [-1], [10**30], ["x"]])
def test_one_mistake_is_one_complaint(value: Any) -> None:
    """A list whose only entry is refused is not called too short as well."""
    with pytest.raises(SpecError) as caught:
        parse_spec(changed("seeds", value), place="small.json")
    assert str(caught.value).count("small.json") == 1
    assert "seeds[0]: expected" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "line 1, column 2: not valid JSON"),
        ("[1]", "expected a JSON object with 'name', 'task', 'models', ..., got an array."),
        ('{"name": 1, "name": 2}', "key 'name' is given twice"),
        ("{}", "is missing; it is required."),
        ("[" * 100_000, "nested too deeply"),
        ('{"name": ' + "9" * 10_000 + "}", "spec"),
    ],
)
def test_text_that_is_no_spec(text: str, complaint: str) -> None:
    """Broken JSON is refused with line and column, nesting and numbers without end in one sentence."""
    with pytest.raises(SpecError) as caught:
        parse_spec(text, place="spec")
    assert complaint in str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing file, a folder, and bytes that are no text are the user's to mend."""
    binary = tmp_path / "binary.json"
    binary.write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "absent.json", tmp_path, binary):
        with pytest.raises(SpecError, match=path.name):
            load_spec(path)


def test_defaults_are_written_out() -> None:
    """A loaded spec carries every option with its value, so that a default that changes later changes no trial."""
    spec = parse_spec(json.dumps(BASE))
    assert spec.strategies[1].own()["unfreeze"] == 1
    assert len(spec.strategies[1].own()) > 1


def test_a_why_is_allowed_anywhere_and_kept_nowhere() -> None:
    """Remarks are for the reader."""
    document = json.loads(changed("why", "because"))
    document["training"]["why"] = document["models"][0]["why"] = document["strategies"][0]["why"] = "nobody knows"
    spec = parse_spec(json.dumps(document))
    assert "nobody knows" not in spec.model_dump_json()


@pytest.mark.parametrize(
    ("override", "read"),
    [
        ("training.epochs=3", lambda spec: spec.training.epochs == 3),
        ("name=other", lambda spec: spec.name == "other"),
        ("strategies.1.unfreeze=all", lambda spec: spec.strategies[1].own()["unfreeze"] == "all"),
        ("strategies[1].unfreeze=all", lambda spec: spec.strategies[1].own()["unfreeze"] == "all"),
        ("seeds=[4]", lambda spec: spec.seeds == (4,)),
        ("training.patience=1", lambda spec: spec.training.patience == 1),
    ],
)
def test_overrides_are_read_before_validation(override: str, read: Any) -> None:
    """``--set`` changes any value by its path."""
    assert read(parse_spec(json.dumps(BASE), overrides=(override,)))


@pytest.mark.parametrize(
    "override",
    [
        "training.epochs",
        "=3",
        "models.7.name=x",
        "models[7].name=x",
        "name.deep=1",
        "training.epoch=3",
        "seeds.0.x=1",
        ".",
    ],
)
def test_overrides_that_fit_nowhere(override: str) -> None:
    """A path that leads nowhere is refused like a wrong key in the file."""
    with pytest.raises(SpecError):
        parse_spec(json.dumps(BASE), overrides=(override,))


@pytest.mark.parametrize("registry", REGISTRIES, ids=lambda registry: registry.kind)
def test_every_registry_knows_the_nearest_name(registry: Any) -> None:
    """A slip of one letter is answered with the name that was meant."""
    for name in registry.names():
        slipped = name[:1] + name[2:] if len(name) > 3 else name + "x"
        if slipped not in registry:
            with pytest.raises(SuiteError, match=f"unknown {registry.noun} '{slipped}'. Did you mean "):
                registry.get(slipped)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
SHAPE = ["name", "task", "models", "datasets", "strategies", "source", "strategy", "training", "splits", "seeds"]
INSIDE = ["unfreeze", "path", "learning_rate", "epochs", "label", "why", "evaluate_on", "weights", "unknown", "$schema"]
KEYS = st.sampled_from([*SHAPE, *INSIDE])


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every path inside a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in inner for place in places(item, (*path, key)))]


def refuses_or_takes(text: str, overrides: tuple[str, ...] = ()) -> None:
    """Anything but ``SuiteError`` is a defect."""
    with contextlib.suppress(SuiteError):
        parse_spec(text, overrides=overrides)


@settings(max_examples=150, deadline=None)
@given(st.text())
@example('{"name": NaN}')
@example("\ud800")
def test_arbitrary_text_is_refused_politely(text: str) -> None:
    """Whatever the text, only the suite's own error comes out."""
    refuses_or_takes(text)


@settings(max_examples=150, deadline=None)
@given(JSON)
def test_arbitrary_json_is_refused_politely(value: Any) -> None:
    """Whatever the JSON, only the suite's own error comes out."""
    refuses_or_takes(json.dumps(value))


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_mutated_specs_are_refused_politely(data: st.DataObject) -> None:
    """A valid spec with values replaced, keys added or removed: taken, or refused with the suite's own error."""
    document = deepcopy(BASE)
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(places(document)[1:]))
        here: Any = document
        for part in path[:-1]:
            here = here[part]
        action = data.draw(st.sampled_from(["replace", "remove", "add"]))
        if action == "add" and isinstance(here, dict):
            here[data.draw(KEYS)] = data.draw(JSON)
        elif action == "remove" and len(document) > 1:
            del here[path[-1]]
        else:
            here[path[-1]] = data.draw(JSON)
        if not places(document)[1:]:
            break
    document.pop("plugins", None)  # a path that happens to exist would be imported
    refuses_or_takes(json.dumps(document))


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=30).filter(lambda text: "plugins" not in text))
@example("name=\ud800")
@example("training.epochs=" + "[" * 5000)
@example("seeds.²=1")
def test_arbitrary_overrides_are_refused_politely(override: str) -> None:
    """Whatever follows ``--set``, only the suite's own error comes out."""
    refuses_or_takes(json.dumps(BASE), (override,))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le"])
def test_a_spec_is_read_as_editors_write_it(tmp_path: Path, encoding: str):
    """With a mark in front, or two bytes a letter."""
    path = tmp_path / "vision.json"
    path.write_bytes(shipped_specs()[-1].read_text("utf-8").encode(encoding))
    assert load_spec(path).name == shipped_specs()[-1].stem
