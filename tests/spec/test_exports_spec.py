"""What a spec may ask for under ``exports``, and what is refused before anything runs."""

from __future__ import annotations

import json

import pytest

from suite.errors import SpecError
from suite.spec.spec import parse_spec


def document(exports, **changes):
    """A spec with these exports."""
    return json.dumps(
        {
            "name": "files",
            "task": "image_classification",
            "models": [{"source": "zoo", "name": "vgg_tiny"}],
            "datasets": [{"source": "sklearn", "name": "digits"}],
            "strategies": [{"strategy": "linear_probe"}],
            "exports": exports,
            **changes,
        }
    )


def test_the_best_trial_of_each_cell_in_single_precision_is_meant_when_nothing_else_is_said():
    """The defaults."""
    (one,) = parse_spec(document([{"format": "onnx"}])).exports
    assert (one.precision, one.which) == (("fp32",), "all")


def test_files_are_part_of_no_trials_identity():
    """A run may be asked for more files later."""
    from suite.spec.plan import make_plan

    plans = [make_plan(parse_spec(document(exports))) for exports in ([], [{"format": "onnx"}])]
    assert [trial.id for trial in plans[0].trials] == [trial.id for trial in plans[1].trials]


def test_a_plan_says_which_files_will_be_written(tmp_path):
    """Format, precisions and models, and nothing to install where the runtime is there."""
    from click.testing import CliRunner

    from suite.cli.main import cli

    path = tmp_path / "files.json"
    path.write_text(document([{"format": "keras"}, {"format": "onnx", "precision": ["fp32", "int8"], "which": "best"}]))
    shown = CliRunner().invoke(cli, ["plan", str(path), "--out", str(tmp_path / "out")])
    assert "  keras in fp32: the best model of each cell\n" in shown.output
    assert "  onnx in fp32, int8: the best model of each data set\n" in shown.output
    told = json.loads(CliRunner().invoke(cli, ["plan", str(path), "--out", str(tmp_path / "out"), "--json"]).output)
    assert told["files"][0] == {"format": "keras", "precisions": ["fp32"], "which": "all", "install": None}


@pytest.mark.parametrize(
    ("exports", "said"),
    [
        ([{"format": "onx"}], "exports[0].format: unknown export format 'onx'. Did you mean 'onnx'?"),
        ([{"format": "onnx", "precision": ["int4"]}], "exports[0].precision[0]"),
        ([{"format": "onnx", "precision": []}], "exports[0].precision"),
        ([{"format": "saved_model", "precision": ["int8"]}], "no int8: TensorFlow has no smaller form"),
        ([{"format": "onnx"}, {"format": "onnx", "which": "best"}], "exports[1]: 'onnx' in fp32 is given twice"),
        ([{"format": "onnx", "precisions": ["int8"]}], "precision"),
        ([{"format": "onnx", "which": "some"}], "exports[0].which"),
    ],
)
def test_what_can_never_be_written_is_refused(exports, said):
    """With the place, and how to mend it."""
    with pytest.raises(SpecError) as raised:
        parse_spec(document(exports))
    assert said in str(raised.value)


def test_a_run_that_keeps_no_model_has_none_to_export():
    """Said before it trains."""
    with pytest.raises(SpecError, match="no model is kept"):
        parse_spec(document([{"format": "onnx"}], keep_models="none"))


def test_models_that_write_are_not_exported():
    """The task is named."""
    models = {"models": [{"source": "zoo", "name": "gpt2_tiny"}], "task": "text_generation"}
    with pytest.raises(SpecError, match="models of the task 'text_generation' cannot be exported"):
        parse_spec(document([{"format": "onnx"}], **models))


def test_a_missing_runtime_is_told_before_anything_runs(tmp_path, monkeypatch):
    """One line with the command that installs it, and no folder."""
    import importlib.util

    from export_runs import suite_command

    found = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "onnxruntime" else found(name))
    (tmp_path / "spec.json").write_text(document([{"format": "onnx"}]))
    outcome = suite_command("run", tmp_path / "spec.json", "--out", tmp_path / "out")
    assert outcome.exit_code == 2
    assert outcome.output.strip().endswith('pip install "keras-suite[onnx]"')
    assert not (tmp_path / "out").exists()


def test_a_run_whose_files_cannot_be_made_has_its_report(tmp_path):
    """A file is in the way of the folder of the exports: one sentence, and the trials' report is there."""
    from export_runs import suite_command

    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "exports").write_text("in the way")
    (tmp_path / "spec.json").write_text(document([{"format": "keras"}], seeds=[1]))
    outcome = suite_command("run", tmp_path / "spec.json", "--out", tmp_path / "out")
    assert outcome.exit_code == 2
    assert "cannot be written" in outcome.output
    assert (tmp_path / "out" / "report.html").is_file()
