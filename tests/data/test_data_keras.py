"""The keras source on files in Keras's own formats; no network."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import importlib.util
import io
import os
import pickle
import shutil
import tarfile
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suite.data.download import fetch
from suite.data.keras import KerasOptions, KerasSource, read_cifar, read_idx, read_mnist
from suite.data.literals import Call, bytes_array, read_literals
from suite.errors import DataError, DownloadError, Requirement, UnknownNameError
from suite.spec.spec import SplitsSpec

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "images"
CIFAR10 = {
    "batches": {"train": ["data_batch_1", "data_batch_2"], "test": ["test_batch"]},
    "labels": "labels",
    "names": ("batches.meta", "label_names"),
}


@pytest.fixture(autouse=True)
def home(keras_home, monkeypatch):
    """An empty Keras folder, and a network that answers nothing."""
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return keras_home


def load(name: str):
    """A data set of Keras."""
    return KerasSource.load(KerasOptions(name=name), splits=SplitsSpec(), on_bad_example="error")


@pytest.mark.parametrize("name", KerasSource.known_names())
def test_without_a_network_the_file_and_its_place_are_named(name, home):
    """Within a moment, and nothing is left half-written."""
    requirement = KerasSource.requirements(KerasOptions(name=name))[0]
    assert not requirement.present
    assert home in requirement.path.parents
    with pytest.raises(DownloadError, match=r"cannot be fetched .*Download https://.* and put it at") as caught:
        load(name)
    assert str(requirement.path) in str(caught.value)
    assert not any(path.is_file() for path in home.rglob("*"))


def test_a_file_with_another_hash_is_refused_and_left_alone(home):
    """Keras itself would fetch it again, and without a network lose it."""
    path = home / "datasets" / "mnist.npz"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"something else")
    with pytest.raises(DownloadError, match=r"expected Keras data set mnist .* with SHA-256 731c5ac602752760.*, got "):
        load("mnist")
    assert path.read_bytes() == b"something else"


def test_places_and_hashes_are_those_of_keras():
    """A file that Keras fetched is found, and the other way round."""
    keras = importlib.util.find_spec("keras")
    for name in KerasSource.known_names():
        source = (Path(keras.origin).parent / "src" / "datasets" / f"{name}.py").read_text(encoding="utf-8")
        for requirement in KerasSource.requirements(KerasOptions(name=name)):
            assert requirement.path.name.removesuffix("_archive") in source
            assert requirement.url.rpartition("/")[0] in source
            assert requirement.sha is None or requirement.sha in source


def test_an_unknown_name_is_answered_with_the_nearest():
    """All four are listed."""
    with pytest.raises(UnknownNameError, match=r"Did you mean 'cifar10'\? Available: cifar10, cifar100"):
        KerasSource.check(KerasOptions(name="cifar_10"))


@pytest.mark.shared
def test_files_in_the_cache_of_keras_are_used(home):
    """Real digits in the files of fashion_mnist, which have no published hash."""
    folder = home / "datasets" / "fashion-mnist"
    folder.mkdir(parents=True)
    for split in ("train", "t10k"):
        for kind in ("images-idx3", "labels-idx1"):
            shutil.copy(SHARED / "mnist_t10k" / f"t10k-{kind}-ubyte.gz", folder / f"{split}-{kind}-ubyte.gz")
    dataset = load("fashion_mnist")
    assert {name: len(split) for name, split in dataset.splits.items()} == {
        "train": 8000,
        "validation": 2000,
        "test": 10_000,
    }
    image = dataset.splits["test"].read(0)
    assert image.shape == (28, 28, 3)
    assert image.max() == 255
    assert dataset.splits["test"].targets[:5].tolist() == [7, 2, 1, 0, 4]
    assert dataset.name == "fashion_mnist-seed0"


def test_a_damaged_file_in_the_cache_is_a_sentence(home):
    """It says which folder to look at."""
    folder = home / "datasets" / "fashion-mnist"
    folder.mkdir(parents=True)
    for requirement in KerasSource.requirements(KerasOptions(name="fashion_mnist")):
        requirement.path.write_bytes(b"not gzip")
    with pytest.raises(DataError, match="fashion-mnist: the files of 'fashion_mnist' do not hold what they should"):
        load("fashion_mnist")


def cifar_batch(number: int) -> dict[str, object]:
    """Four images as CIFAR's files have them: planes of red, green and blue."""
    data = np.random.default_rng(number).integers(0, 256, size=(4, 3072), dtype=np.uint8)
    return {"batch_label": f"batch {number}", "labels": [0, 1, 1, 0], "data": data, "filenames": ["a.png"] * 4}


def cifar_archive(path: Path) -> Path:
    """A small archive laid out like CIFAR-10's."""
    members = {f"data_batch_{number}": cifar_batch(number) for number in (1, 2)}
    members |= {"test_batch": cifar_batch(3), "batches.meta": {"label_names": ["cat", "dog"], "num_vis": 3072}}
    with tarfile.open(path, "w:gz") as tar:
        for name, value in members.items():
            content = pickle.dumps(value, protocol=3)
            info = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def test_cifar_is_read_without_unpickling(tmp_path):
    """The same arrays as unpickling gives, as images."""
    arrays = read_cifar(cifar_archive(tmp_path / "a.tar.gz"), **CIFAR10)
    assert arrays.class_names == ("cat", "dog")
    assert arrays.images["train"].shape == (8, 32, 32, 3)
    assert arrays.targets["test"].tolist() == [0, 1, 1, 0]
    planes = cifar_batch(3)["data"].reshape(4, 3, 32, 32)
    np.testing.assert_array_equal(arrays.images["test"], planes.transpose(0, 2, 3, 1))


def test_the_pickles_of_python_2_are_read():
    """Their text and bytes are one kind of string, as in the published files."""
    array = b"cnumpy.core.multiarray\n_reconstruct\nq\x05cnumpy\nndarray\nq\x06K\x00\x85U\x01b\x87Rq\x07"
    dtype = b"cnumpy\ndtype\nq\x08U\x02u1K\x00K\x01\x87Rq\x09(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    state = b"(K\x01K\x02K\x03\x86" + dtype + b"\x89T\x06\x00\x00\x00\x00\x7f\x80\xfe\xff\x01tb"
    content = b"\x80\x02}q\x01(U\x06labelsq\x02]q\x03(K\x07K\x01eU\x04dataq\x04" + array + state + b"u."
    found = read_literals(content, place="a")
    assert found["labels"] == [7, 1]
    assert bytes_array(found["data"], place="a").tolist() == [[0, 127, 128], [254, 255, 1]]
    expected = pickle.loads(content, encoding="bytes")
    np.testing.assert_array_equal(bytes_array(found["data"], place="a"), expected[b"data"])


class Trap:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.path),)


def test_a_pickle_that_would_run_something_runs_nothing(tmp_path):
    """The call stays a description of itself."""
    found = read_literals(pickle.dumps({"data": Trap(tmp_path / "trap")}, protocol=3), place="a")
    assert isinstance(found["data"], Call)
    assert not (tmp_path / "trap").exists()
    with pytest.raises(DataError, match="expected an array of bytes"):
        bytes_array(found["data"], place="a")


@settings(max_examples=100, deadline=None)
@given(at=st.integers(0, 5000), put=st.binary(min_size=1, max_size=4))
def test_a_damaged_pickle_gives_a_value_or_our_error(at, put):
    """Nothing else comes out."""
    content = pickle.dumps({"labels": [1, 2], "names": ["a"], "deep": ({}, None, True, 2.5)}, protocol=2)
    at %= len(content)
    with contextlib.suppress(DataError):
        read_literals(content[:at] + put + content[at + len(put) :], place="a")


def test_mnist_is_read_without_pickles(tmp_path):
    """An object array, which is a pickle, is refused."""
    images, labels = np.zeros((3, 28, 28), np.uint8), np.array([3, 1, 2], np.uint8)
    np.savez(tmp_path / "a.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)
    assert read_mnist(tmp_path / "a.npz").targets["train"].tolist() == [3, 1, 2]
    np.savez(tmp_path / "b.npz", x_train=np.array([{}]), y_train=labels, x_test=images, y_test=labels)
    with pytest.raises(ValueError, match="allow_pickle"):
        read_mnist(tmp_path / "b.npz")


@pytest.mark.shared
def test_idx_files_are_read():
    """MNIST's original test images."""
    assert read_idx(SHARED / "mnist_t10k" / "t10k-images-idx3-ubyte.gz").shape == (10_000, 28, 28)


@pytest.fixture
def server(tmp_path):
    """A web server for the files of one folder; its address."""
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "file.bin").write_bytes(b"content")

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object, **named: object) -> None:
            super().__init__(*arguments, directory=str(folder), **named)

        def log_message(self, *arguments: object) -> None:
            """Quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def needed(path: Path, url: str, *, sha: str | None = None) -> Requirement:
    """A requirement for one file of the server."""
    return Requirement(what="the file", url=url, path=path, present=path.exists(), sha=sha)


def test_a_download_is_checked_and_then_gets_its_name(server, tmp_path):
    """The second time it is read from disk."""
    path = tmp_path / "deep" / "file.bin"
    sha = hashlib.sha256(b"content").hexdigest()
    assert fetch(needed(path, f"{server}/file.bin", sha=sha)) == path
    assert path.read_bytes() == b"content"
    assert fetch(needed(path, f"{server}/gone.bin", sha=sha)) == path


def test_a_download_with_another_hash_is_not_kept(server, tmp_path):
    """Expected and found hash are named."""
    with pytest.raises(DownloadError, match=f"SHA-256 {'0' * 64}, got "):
        fetch(needed(tmp_path / "file.bin", f"{server}/file.bin", sha="0" * 64))
    assert not list(tmp_path.glob("file.bin*"))


def test_a_file_that_the_server_does_not_have_is_a_sentence(server, tmp_path):
    """With the way to place it by hand."""
    with pytest.raises(DownloadError, match=r"cannot be fetched \(HTTP Error 404.*put it at .*file\.bin"):
        fetch(needed(tmp_path / "file.bin", f"{server}/gone.bin"))
