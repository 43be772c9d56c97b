"""One fit over several devices: what stays the same, what is refused, and which worker gets which GPU."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from distribution_cases import CASES, GRADIENT, IN_DOUBLE_PRECISION
from test_end_to_end import SPEC

from suite.compare.comparison import Comparison, EnvironmentUse
from suite.errors import SpecError, SuiteError
from suite.report.sections.environment import environment_pairs
from suite.runner.environment import environment, worker_settings
from suite.spec.placement import (
    LOGICAL_CPUS,
    Deterministic,
    DeviceSettings,
    fits_in_words,
    logical_cpus,
    precision_for,
    refuse_distribution,
    share_gpus,
)
from suite.spec.plan import make_plan
from suite.spec.spec import parse_spec
from suite.store.store import open_store

TESTS = Path(__file__).resolve().parents[1]
WITH_BATCH_NORM = {"MobileNet", "ResNetBackbone"}
WITHOUT_BATCH_NORM = (
    *GRADIENT,
    "batch of 33",
    "batch of 1",
    "ViTBackbone",
    "ViTBackbone by SGD",
    "bert_tiny",
    "gpt2_tiny",
    "t5_tiny",
    "xla",
)


def _process(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": f"{TESTS.parent}{os.pathsep}{TESTS}", "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, env={**environment, **variables}, check=False
    )


def _outcomes(path: Path, precision: str) -> dict[str, dict[str, Any]]:
    ended = _process(str(TESTS / "distribution_cases.py"), str(path), precision)
    assert ended.returncode == 0, ended.stderr[-4000:]
    return json.loads(path.read_text())


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory) -> dict[str, dict[str, Any]]:
    """Every case on one device and on two, from one fresh process."""
    return _outcomes(tmp_path_factory.mktemp("cases") / "outcomes.json", "float32")


@pytest.fixture(scope="module")
def exact_outcomes(tmp_path_factory) -> dict[str, dict[str, Any]]:
    """The same of those that can be had in double precision."""
    return _outcomes(tmp_path_factory.mktemp("exact") / "outcomes.json", "float64")


@pytest.mark.parametrize("case", IN_DOUBLE_PRECISION)
def test_in_double_precision_nothing_is_left_of_the_difference(case, exact_outcomes):
    """What single precision leaves between one device and two is rounding, and no step is another one."""
    one, two = exact_outcomes[case]["none"], exact_outcomes[case]["mirrored"]
    assert len(one["losses"]) >= 1
    assert np.allclose(one["losses"], two["losses"], rtol=1e-12, atol=0)
    assert np.allclose(one["outputs"], two["outputs"], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("case", WITHOUT_BATCH_NORM)
def test_two_devices_lose_what_one_loses(case, outcomes):
    """Losses of every epoch agree to 1e-5, and so does what the model says afterwards."""
    one, two = outcomes[case]["none"], outcomes[case]["mirrored"]
    assert len(one["losses"]) >= 1
    assert np.allclose(one["losses"], two["losses"], rtol=0, atol=1e-5)
    assert np.allclose(one["outputs"], two["outputs"], rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("case", [name for name in WITHOUT_BATCH_NORM if name != "xla"])
def test_two_devices_score_and_stop_like_one(case, outcomes):
    """Accuracies, the best epoch and the number of epochs are those of one device."""
    one, two = outcomes[case]["none"], outcomes[case]["mirrored"]
    assert np.allclose(one["scores"], two["scores"], atol=1e-6)
    assert one["best_epoch"] == two["best_epoch"]


@pytest.mark.parametrize("case", sorted(WITH_BATCH_NORM))
def test_with_batch_norm_two_devices_come_close(case, outcomes):
    """Each device normalises by its own half of a batch, so that losses differ a little."""
    one, two = np.array(outcomes[case]["none"]["losses"]), np.array(outcomes[case]["mirrored"]["losses"])
    assert not np.array_equal(one, two)
    assert np.allclose(one, two, rtol=0.1)


@pytest.mark.parametrize("case", ["knn", "linear_probe"])
def test_frozen_features_are_those_of_one_device(case, outcomes):
    """What is fitted on features that two devices computed says the same."""
    one, two = outcomes[case]["none"], outcomes[case]["mirrored"]
    assert np.allclose(one["outputs"], two["outputs"], atol=1e-4)


def test_two_devices_hold_the_same_weights_after_a_fit(outcomes):
    """Of every case no weight differs between the devices, statistics of batch norms included."""
    apart = {name: found["mirrored"]["apart"] for name, found in outcomes.items() if "apart" in found["mirrored"]}
    assert len(apart) > 10
    assert set(apart.values()) == {0.0}


def test_moving_statistics_are_the_mean_over_the_devices(outcomes):
    """The statistics of a batch norm are the mean of what each device measured on its own examples."""
    for found in outcomes["batch norm"].values():
        assert np.allclose(found["wanted"], found["found"], rtol=1e-4)
    assert outcomes["batch norm"]["none"]["found"] != outcomes["batch norm"]["mirrored"]["found"]


def test_devices_drop_different_units(outcomes):
    """On two devices the third of four examples does not get the numbers of the first."""
    rows = np.array(outcomes["dropout"]["mirrored"]["rows"])
    assert not np.array_equal(rows[:2], rows[2:])
    assert np.array_equal(rows[:2], np.array(outcomes["dropout"]["none"]["rows"])[:2])


def test_written_texts_are_those_of_one_device(outcomes):
    """A language model that two devices trained writes what that of one device writes."""
    one, two = outcomes["gpt2_tiny"]["none"], outcomes["gpt2_tiny"]["mirrored"]
    assert one["texts"] == two["texts"]


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("distribution", ["none", "mirrored"])
def test_a_model_of_mixed_precision_learns_and_is_kept_in_float32(precision, distribution, outcomes):
    """Its loss falls, and the kept file, all of whose layers compute in float32, says nearly the same."""
    found = outcomes[precision][distribution]
    assert found["losses"][-1][0] < found["losses"][0][0]
    assert found["policies"] == ["float32", precision]
    logits = np.array(found["outputs"])
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert np.allclose(shares, found["kept"], atol=0.02)


@pytest.mark.parametrize("distribution", ["none", "mirrored"])
def test_a_gradient_that_overflows_on_one_device_is_left_out_on_all(distribution, outcomes):
    """No weight changes, and the loss scale falls."""
    assert outcomes["overflow"][distribution] == {"same": True, "scale_falls": True}


def test_a_file_keeps_its_precision_and_another_is_refused(outcomes):
    """A preset takes the precision that is asked for; layers out of a file would ignore it."""
    assert "'sequential" in outcomes["saved in float32"]["none"]["refused"]
    assert "keep the float32 that they were saved with" in outcomes["saved in float32"]["none"]["refused"]


def test_every_case_is_looked_at(outcomes):
    """No case is computed in vain."""
    others = {"knn", "linear_probe", "mixed_bfloat16", "mixed_float16", "batch norm", "dropout", "overflow"}
    others.add("saved in float32")
    assert set(outcomes) == set(CASES) == {*WITHOUT_BATCH_NORM, *WITH_BATCH_NORM, *others}


@pytest.fixture(scope="module")
def shared_run(tmp_path_factory) -> tuple[Path, Path]:
    """A run whose only trial is fitted over two devices in bfloat16."""
    folder = tmp_path_factory.mktemp("run")
    strategies = [{"strategy": "fine_tune", "unfreeze": 1, "learning_rate": 0.001}]
    document = {**SPEC, "strategies": strategies, "seeds": [1], "evaluate_on": [], "precision": "mixed_bfloat16"}
    spec, out = folder / "small.json", folder / "out"
    spec.write_text(json.dumps(document))
    command = ("-m", "suite", "run", str(spec), "--out", str(out), "--distribution", "mirrored")
    ended = _process(*command, **{LOGICAL_CPUS: "2"})
    assert ended.returncode == 0, ended.stderr[-4000:]
    return spec, out


def test_a_result_says_over_how_many_devices_and_in_which_precision(shared_run):
    """Result and report name both."""
    with open_store(shared_run[1], create=False) as store:
        here = store.query()[0].environment
    assert (here.replicas, here.precision) == (2, "mixed_bfloat16")
    assert here.device.endswith("shown as 2 devices")
    report = (shared_run[1] / "report.md").read_text()
    assert "shared out over 2 devices (MirroredStrategy)" in report
    assert "mixed_bfloat16" in report


def test_what_is_kept_of_a_run_computes_in_float32(shared_run):
    """The kept model runs where there is no such precision."""
    with open_store(shared_run[1], create=False) as store:
        path = store.artefact(store.query()[0], "model")
    with zipfile.ZipFile(path) as file:
        assert "mixed_bfloat16" not in file.read("config.json").decode()


def test_a_trial_is_the_same_on_one_device(shared_run):
    """After a run over two devices the same spec has nothing to do on one."""
    spec, out = shared_run
    ended = _process("-m", "suite", "run", str(spec), "--out", str(out), "--distribution", "none")
    assert "nothing to do" in ended.stdout


def _ids(**changes: Any) -> set[str]:
    return {trial.id for trial in make_plan(parse_spec(json.dumps({**SPEC, **changes}))).trials}


def test_the_distribution_is_no_part_of_a_trial_and_the_precision_is():
    """Distribution changes rounding only; what the layers compute in changes scores."""
    assert _ids() == _ids(distribution="mirrored", gpu_memory_mb=500) == _ids(precision="float32")
    assert not _ids() & _ids(precision="mixed_float16")


def test_a_fit_over_many_machines_is_refused_with_the_reason():
    """In the spec and on the command line, with what to do instead."""
    with pytest.raises(SpecError, match=r"distribution: .*MultiWorkerMirroredStrategy.*suite run --cluster"):
        parse_spec(json.dumps({**SPEC, "distribution": "multi_worker_mirrored"}))
    with pytest.raises(SuiteError, match=r"'fit' raises.*suite run --cluster"):
        refuse_distribution("MultiWorkerMirroredStrategy")
    with pytest.raises(SuiteError, match="Did you mean 'mirrored'"):
        refuse_distribution("mirorred")


def test_features_of_another_precision_are_refused():
    """An engine that computes in float32 does not serve models of mixed precision."""
    with pytest.raises(SpecError, match=r"feature_engine: 'onnx' computes in float32"):
        parse_spec(json.dumps({**SPEC, "precision": "mixed_bfloat16", "feature_engine": "onnx"}))


@pytest.mark.parametrize(
    ("distribution", "jobs", "shares"),
    [
        ("auto", None, ["0", "1", "2", "3"]),
        ("auto", 1, ["0,1,2,3"]),
        ("auto", 2, ["0,1", "2,3"]),
        ("auto", 3, ["0", "1", "2"]),
        ("auto", 5, ["0", "1", "2", "3", "0"]),
        ("none", 1, ["0"]),
        ("mirrored", None, ["0,1,2,3"]),
        ("mirrored", 2, ["0,1", "2,3"]),
    ],
)
def test_workers_get_equally_many_gpus(distribution, jobs, shares, tmp_path):
    """One worker per GPU unless fewer workers are asked for, or one fit over all of them."""
    settings = DeviceSettings(distribution)
    workers = worker_settings(jobs, folder=tmp_path, gpus=("0", "1", "2", "3"), devices=settings)
    assert [worker.environment["CUDA_VISIBLE_DEVICES"] for worker in workers] == shares


@pytest.mark.parametrize(
    ("gpus", "jobs", "settings", "said"),
    [
        ((), None, DeviceSettings("mirrored"), "there is none here.*SUITE_LOGICAL_CPUS=2"),
        (("0",), None, DeviceSettings("mirrored"), "there is 1"),
        (("0", "1"), 2, DeviceSettings("mirrored"), "2 for 2 workers leave 1 each.*fewer --jobs"),
        ((), None, DeviceSettings(gpu_memory_mb=1000), "no GPU here"),
    ],
)
def test_what_the_devices_cannot_do_is_refused(gpus, jobs, settings, said):
    """Before anything is trained, with what would do."""
    with pytest.raises(SuiteError, match=said):
        share_gpus(gpus, jobs, settings)


def test_logical_cpus_are_read_from_the_environment(monkeypatch):
    """A number from 1 to 16; nothing beside GPUs, where it would be ignored."""
    monkeypatch.setenv(LOGICAL_CPUS, "2")
    assert logical_cpus() == 2
    assert share_gpus((), None, DeviceSettings("mirrored")) == ((),)
    with pytest.raises(SuiteError, match="machines without a GPU"):
        share_gpus(("0",), None, DeviceSettings())
    monkeypatch.setenv(LOGICAL_CPUS, "many")
    with pytest.raises(SuiteError, match="from 1 to 16, got 'many'"):
        logical_cpus()


def test_without_a_gpu_the_benchmark_says_so():
    """It ends well, and the page stays as it is."""
    ended = _process("-m", "benchmarks.gpu", CUDA_VISIBLE_DEVICES="-1", **{LOGICAL_CPUS: "1"})
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "no GPU here" in ended.stdout


@pytest.mark.parametrize(
    ("gpus", "cpus", "said"), [(0, 1, "on one device"), (0, 2, "2 devices"), (1, 1, "the GPU"), (4, 1, "over all 4")]
)
def test_the_doctor_says_how_fits_use_the_devices(gpus, cpus, said):
    """One sentence for each kind of machine."""
    assert said in fits_in_words(gpus, cpus)


def test_the_doctor_names_a_wrong_number_of_logical_cpus():
    """It is a problem, since no run would start."""
    ended = _process("-m", "suite", "doctor", "--json", **{LOGICAL_CPUS: "0"})
    assert ended.returncode == 1
    assert "from 1 to 16, got '0'" in json.loads(ended.stdout)["complaints"][-1]


def test_the_precision_follows_the_slowest_device():
    """bfloat16 from Ampere, float16 from Volta, else float32."""
    assert precision_for([(9, 0), (8, 0)]) == "mixed_bfloat16"
    assert precision_for([(8, 0), (7, 5)]) == "mixed_float16"
    assert precision_for([(8, 0), None]) == precision_for([(6, 1)]) == precision_for([]) == "float32"


@pytest.mark.parametrize(
    ("asked", "gpus", "deterministic"),
    [("auto", 0, True), ("auto", 2, False), (True, 2, True), (False, 0, False)],
)
def test_a_gpu_is_fast_unless_determinism_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, asked: Deterministic, gpus: int, deterministic: bool
) -> None:
    """Which of TensorFlow's settings are made: deterministic operations on a CPU, rewritten graphs on a GPU."""
    import tensorflow as tf

    from suite.training.device import prepare_device

    asked_of: list[str] = []
    options: dict[str, bool] = {}
    found = {"GPU": [f"GPU:{index}" for index in range(gpus)]}
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: found.get(kind, []))
    monkeypatch.setattr(tf.config.experimental, "set_memory_growth", lambda gpu, _: asked_of.append(gpu))
    monkeypatch.setattr(tf.config.experimental, "enable_op_determinism", lambda: asked_of.append("determinism"))
    monkeypatch.setattr(tf.config.optimizer, "set_experimental_options", options.update)
    assert prepare_device(threads=1, deterministic=asked) == deterministic
    assert ("determinism" in asked_of) == deterministic
    assert options == {"disable_meta_optimizer": gpus == 0}


def test_determinism_is_part_of_no_trial() -> None:
    """A run goes on under the other setting; what it is must be one of three."""
    spec = {
        "name": "small",
        "task": "image_classification",
        "models": [{"source": "zoo", "name": "vgg_tiny"}],
        "datasets": [{"source": "sklearn", "name": "digits"}],
        "strategies": [{"strategy": "linear_probe"}],
    }
    plans = [make_plan(parse_spec(json.dumps({**spec, "training": {"deterministic": one}}))) for one in (True, "auto")]
    assert plans[0].trials == plans[1].trials
    with pytest.raises(SuiteError, match="deterministic"):
        parse_spec(json.dumps({**spec, "training": {"deterministic": "always"}}))


@pytest.mark.parametrize(
    ("deterministic", "said"), [(True, "deterministic: the same"), (False, "not deterministic, which"), (None, None)]
)
def test_the_page_says_whether_a_fit_can_be_repeated(deterministic: bool | None, said: str | None) -> None:
    """Under its environment; of results from before that was recorded it says nothing."""
    use = EnvironmentUse(environment=environment(deterministic=deterministic), trials=1)
    pairs = dict(environment_pairs(Comparison.model_construct(environments=(use,))))
    assert (said is None) == ("operations" not in pairs)
    assert said is None or pairs["operations"].startswith(said)
