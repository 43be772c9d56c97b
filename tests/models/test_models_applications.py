"""Model source ``applications``: the table, its weights files, its preprocessing."""

from __future__ import annotations

import hashlib
import importlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pydantic
import pytest

from suite.errors import DownloadError, ModelError, SpecError, WeightsError
from suite.models.applications import ApplicationsOptions, ApplicationsSource
from suite.models.cache import keras_models_folder
from suite.models.constructors import CONSTRUCTORS, weights_file
from suite.models.preprocessing import preprocessing_for
from suite.registry import MODELS
from suite.spec.plan import make_plan
from suite.spec.spec import load_spec, parse_spec

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
MOBILENET = SHARED / "weights" / "mobilenet_025" / "mobilenet_2_5_224_tf_no_top.h5"
MOBILENET_V2 = SHARED / "weights" / "mobilenetv2_035"
CORAL = SHARED / "weights" / "coral" / "mobilenet_v1_0.5_160_quant.dequantised_no_top.h5"


class Fetched(Exception):  # noqa: N818 - stops a constructor where it would download
    """What Keras asked for."""


@pytest.fixture
def keras_models(keras_home: Path) -> Path:
    """An empty folder where Keras looks for weights."""
    (keras_home / "models").mkdir()
    return keras_home / "models"


@pytest.fixture
def requested(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keras's own downloader tells what it is asked for instead of fetching it."""

    def tell(name: str, url: str, **options: Any) -> None:
        raise Fetched(name, url, options.get("file_hash") or "")

    monkeypatch.setattr("keras.src.utils.file_utils.get_file", tell)


def options(**given: Any) -> ApplicationsOptions:
    """Validated options."""
    return ApplicationsSource.check(ApplicationsOptions(**given))


def assert_table_is_keras(name: str, **given: Any) -> None:
    """The table's file, URL and hash are those that the installed Keras asks for."""
    with pytest.raises(Fetched) as told:
        getattr(keras.applications, name)(include_top=False, weights="imagenet", input_shape=(96, 96, 3), **given)
    thin = given.get("minimalistic", False)
    file = weights_file(name, alpha=given.get("alpha", 1.0), minimalistic=thin, size=(96, 96))
    assert told.value.args == (file.name, file.url, file.file_hash)


def test_table_has_every_constructor() -> None:
    """A constructor that Keras adds or drops is noticed."""
    assert set(CONSTRUCTORS) == {name for name in dir(keras.applications) if name[0].isupper()}


@pytest.mark.usefixtures("requested")
@pytest.mark.filterwarnings("ignore:`input_shape` is undefined")
@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("MobileNet", {"alpha": 0.5}),
        ("MobileNetV2", {"alpha": 1.4}),
        ("MobileNetV3Large", {"alpha": 0.75}),
        ("MobileNetV3Small", {"minimalistic": True}),
        ("ResNet50", {}),
        ("VGG16", {}),
        ("EfficientNetB0", {}),
        ("EfficientNetV2B0", {}),
        ("ConvNeXtTiny", {}),
    ],
)
def test_weights_files_are_those_of_keras(name: str, given: dict[str, Any]) -> None:
    """One constructor of most modules, with the options that change its file."""
    assert_table_is_keras(name, **given)


@pytest.mark.slow
@pytest.mark.usefixtures("requested")
@pytest.mark.filterwarnings("ignore:`input_shape` is undefined")
@pytest.mark.parametrize("name", CONSTRUCTORS)
def test_all_weights_files_are_those_of_keras(name: str) -> None:
    """Every row of the table."""
    assert_table_is_keras(name)


@pytest.mark.parametrize("module", sorted({constructor.module for constructor in CONSTRUCTORS.values()}))
def test_preprocessing_is_that_of_the_module(module: str) -> None:
    """The serialisable preprocessing gives what the constructor's own ``preprocess_input`` gives."""
    mode = next(constructor.mode for constructor in CONSTRUCTORS.values() if constructor.module == module)
    own = importlib.import_module(f"keras.applications.{module}").preprocess_input
    images = np.random.default_rng(0).uniform(0, 255, (2, 5, 4, 3)).astype("float32")
    ours = np.asarray(preprocessing_for(mode)(keras.ops.convert_to_tensor(images)))
    np.testing.assert_allclose(ours, np.asarray(own(images.copy())), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("mode", ["none", "tf", "torch", "caffe"])
def test_preprocessing_is_saved_with_a_model(mode: Any, tmp_path: Path) -> None:
    """A model that preprocesses comes back from its file and gives the same numbers."""
    inputs = keras.layers.Input((4, 4, 3))
    outputs = keras.layers.GlobalAveragePooling2D()(preprocessing_for(mode)(inputs))
    model = keras.Model(inputs, outputs)
    model.save(tmp_path / "model.keras")
    images = np.random.default_rng(0).uniform(0, 255, (2, 4, 4, 3)).astype("float32")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_array_equal(np.asarray(loaded(images)), np.asarray(model(images)))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"name": "MobilenetV2"}, "Did you mean 'MobileNetV2'"),
        ({"name": "InceptionV3", "weights": None, "input_size": (64, 64)}, "from 75 x 75"),
        ({"name": "Xception", "weights": None, "input_size": (70, 71)}, "from 71 x 71"),
        ({"name": "ResNet50", "alpha": 0.5}, "no option 'alpha'"),
        ({"name": "MobileNetV2", "alpha": 0.3}, "0.35, 0.5, 0.75, 1, 1.3, 1.4"),
        ({"name": "MobileNetV3Small", "minimalistic": True, "alpha": 0.75}, "published for 1, got 0.75"),
        ({"name": "MobileNet", "depth_multiplier": 2}, "published for 1 only"),
        ({"name": "VGG16", "weights": "imagenett"}, "got 'imagenett'"),
        ({"name": "VGG16", "weights": "nowhere/vgg.h5"}, "is no file"),
        ({"name": "VGG16", "weights": None, "sha256": "0" * 64}, "no weights file"),
    ],
)
def test_what_cannot_be_built_is_told_without_tensorflow(given: dict[str, Any], message: str) -> None:
    """Options that fit no constructor are refused when the spec is read."""
    with pytest.raises(ModelError, match=message):
        options(**given)


def test_an_absurd_size_is_refused() -> None:
    """An image of 100,000 pixels a side would fit no memory."""
    with pytest.raises(pydantic.ValidationError, match="less than or equal to 2048"):
        options(name="VGG16", weights=None, input_size=100_000)


def test_a_complaint_carries_its_place_in_the_spec() -> None:
    """The spec loader puts the JSON path in front."""
    with pytest.raises(SpecError, match=r"models\[0\]: unknown constructor .* Did you mean 'ResNet50'"):
        parse_spec(
            '{"name": "a", "task": "image_classification", "models": [{"source": "applications", "name": "ResNet5"}],'
            '"datasets": [{"source": "sklearn", "name": "digits"}], "strategies": [{"strategy": "linear_probe"}]}'
        )


def test_options_survive_the_spec() -> None:
    """What a spec resolves to is valid again, sizes included."""
    first = options(name="MobileNet", alpha=0.25, input_size=96)
    assert first.input_size == (96, 96)
    assert ApplicationsOptions.model_validate(first.model_dump(mode="json")) == first


def test_labels_tell_settings_apart() -> None:
    """Width, size and weights are in the name where they are not the usual."""
    assert ApplicationsSource.label(options(name="ResNet50")) == "ResNet50"
    given = options(name="MobileNet", alpha=0.25, input_size=(96, 128), weights=None)
    assert ApplicationsSource.label(given) == "MobileNet 0.25 @96x128 (random)"


def test_planning_imports_no_tensorflow() -> None:
    """Names, sizes and requirements of all sources are known without it."""
    code = (
        "import sys; from suite.models.applications import *; from suite.models.hub import *;"
        "from suite.models.file import *; from suite.models.zoo.images import *;"
        "o = ApplicationsSource.check(ApplicationsOptions(name='ResNet50'));"
        "assert ApplicationsSource.requirements(o) and HubSource.known_names();"
        "assert not {'tensorflow', 'keras', 'keras_hub'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_requirement_follows_keras_home(monkeypatch: pytest.MonkeyPatch, keras_models: Path) -> None:
    """The file is looked for where Keras looks for it."""
    (requirement,) = ApplicationsSource.requirements(options(name="ResNet50"))
    assert requirement.path == keras_models / "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"
    assert requirement.url.endswith("/resnet/resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5")
    assert not requirement.present
    monkeypatch.delitem(sys.modules, "keras.src.backend.config")
    monkeypatch.setenv("KERAS_HOME", "elsewhere")
    assert keras_models_folder() == Path("elsewhere/models")


def test_a_file_of_another_hash_is_left_alone(keras_models: Path) -> None:
    """Keras would delete it before it finds out that there is no network."""
    path = keras_models / "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"
    path.write_bytes(b"precious")
    with pytest.raises(WeightsError, match="is there, but its hash"):
        ApplicationsSource.build(options(name="ResNet50"))
    assert path.read_bytes() == b"precious"


def test_no_network_says_what_and_where(keras_models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The complaint names the file, its address and the place to put it by hand."""

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr("socket.create_connection", refuse)
    with pytest.raises(DownloadError) as complaint:
        ApplicationsSource.build(options(name="MobileNetV2", alpha=0.35))
    place = str(keras_models / "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_224_no_top.h5")
    assert place in str(complaint.value)
    assert "https://" in str(complaint.value)
    assert not list(keras_models.iterdir())


@pytest.mark.shared
def test_a_file_in_kerass_cache_is_used(keras_models: Path) -> None:
    """Real ImageNet weights placed by hand are loaded, named and hashed; the file stays."""
    shutil.copy(MOBILENET, keras_models)
    given = options(name="MobileNet", alpha=0.25, input_size=64)
    backbone = ApplicationsSource.build(given)
    assert backbone.weights.name == "imagenet"
    assert backbone.weights.licence == "Apache-2.0"
    assert backbone.weights.sha256 == ApplicationsSource.build(given).weights.sha256
    assert ApplicationsSource.requirements(given)[0].present


@pytest.mark.shared
def test_mobilenet_v2_in_kerass_cache_is_used(keras_models: Path) -> None:
    """The other real file in the official layout gives features that are not those of random weights."""
    for path in MOBILENET_V2.glob("*.h5"):
        shutil.copy(path, keras_models)
    given = options(name="MobileNetV2", alpha=0.35, input_size=64)
    pretrained = ApplicationsSource.build(given)
    scratch = ApplicationsSource.build(given, weights="random")
    assert pretrained.is_pretrained
    assert not scratch.is_pretrained
    assert pretrained.stages == scratch.stages


@pytest.mark.shared
def test_a_file_by_path_is_used() -> None:
    """The option ``weights`` takes a path, and its hash is compared where one is given."""
    digest = hashlib.sha256(CORAL.read_bytes()).hexdigest()
    given = options(name="MobileNet", alpha=0.5, input_size=160, weights=str(CORAL), sha256=digest)
    backbone = ApplicationsSource.build(given)
    assert backbone.weights.name == CORAL.name
    with pytest.raises(WeightsError, match="expected to have 000000000000"):
        ApplicationsSource.build(given.model_copy(update={"sha256": "0" * 64}))


@pytest.mark.shared
def test_weights_of_another_width_do_not_fit() -> None:
    """The complaint names the file, the constructor and the misfit."""
    given = options(name="MobileNet", alpha=0.75, input_size=96, weights=str(CORAL))
    with pytest.raises(WeightsError, match=r"does not fit MobileNet without head.*shape"):
        ApplicationsSource.build(given)


def test_a_truncated_weights_file_is_refused(tmp_path: Path) -> None:
    """Half a file is no weights."""
    path = tmp_path / "half.weights.h5"
    keras.applications.MobileNet(weights=None, include_top=False, alpha=0.25, input_shape=(32, 32, 3)).save_weights(
        path
    )
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(WeightsError, match=r"half.weights.h5 does not fit"):
        ApplicationsSource.build(options(name="MobileNet", alpha=0.25, input_size=32, weights=str(path)))


def test_the_imagenet_spec_plans_and_says_what_it_needs(keras_models: Path) -> None:
    """Every model of specs/imagenet.json names a file, its address and its place."""
    spec = load_spec(Path(__file__).resolve().parents[2] / "specs" / "imagenet.json")
    plan = make_plan(spec)
    sources = [(MODELS.get(model.source), model) for model in spec.models]
    needs = [need for source, model in sources for need in source.requirements(source.Options(**model.own()))]
    assert len(needs) == len(spec.models) == 7
    assert all(
        need.url.startswith("https://") and not need.present for need in needs if keras_models in need.path.parents
    )
    assert plan.trials
    assert not plan.skips
