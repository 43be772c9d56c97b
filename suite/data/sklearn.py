"""Images that ship with scikit-learn, which need no network, and the posts that it fetches.

``digits``
    1,797 handwritten digits, 8 x 8 grey, as RGB.
``digits_photo``
    The same digits blended into patches of scikit-learn's two sample photographs, in colour, 32 x 32: the
    MNIST-M construction, which takes the absolute difference of digit and patch in each channel.

``20newsgroups``
    Posts to twenty newsgroups by their own words: see ``suite.data.newsgroups``.

Both sets of digits give a digit the same id, so for one seed of the splits both put it into the same split: a model
trained on one may be scored on the test split of the other without meeting a digit again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from suite.data.assemble import OnBadExample, Part, assemble
from suite.data.dataset import Dataset, Image, Split
from suite.data.download import fetch
from suite.data.newsgroups import load_newsgroups, newsgroups_requirement
from suite.errors import Requirement, UnknownNameError, did_you_mean
from suite.spec.options import Options
from suite.spec.spec import SplitsSpec

__all__ = ["SklearnOptions", "SklearnSource"]

PHOTO_SIZE = 32
"""Height and width of an image of ``digits_photo``, in pixels."""

_PHOTOGRAPHS_REDUCED = 3
"""At their full size a patch of 32 pixels is mostly plain leaf or sky, and random features read the digit."""

_DIGITS_LICENCE = "CC BY 4.0 (Alpaydin and Kaynak, UCI Machine Learning Repository)"
_PHOTOS_LICENCE = "CC BY 2.0 (china.jpg: danielbuechele; flower.jpg: vultilion; flickr.com)"
_NEWSGROUPS = "20newsgroups"
_LICENCES = {
    "digits": _DIGITS_LICENCE,
    "digits_photo": f"digits {_DIGITS_LICENCE}; photographs {_PHOTOS_LICENCE}",
    _NEWSGROUPS: None,
}
"""By name; None where nobody says."""
_ORIGINS = {
    "digits": "sklearn.datasets.load_digits",
    "digits_photo": "sklearn.datasets.load_digits blended into patches of load_sample_images, reduced 3 x (MNIST-M)",
}


class SklearnOptions(Options):
    """A data set of scikit-learn."""

    name: str
    """``digits`` or ``digits_photo``, which ship with it, or ``20newsgroups``, which is fetched."""


class SklearnSource:
    """Data sets of scikit-learn: images that ship with it, and texts that are fetched."""

    summary: ClassVar[str] = (
        "scikit-learn: the images digits and digits_photo, which ship with it, and the texts 20newsgroups"
    )
    Options: ClassVar[type[Options]] = SklearnOptions

    @classmethod
    def known_names(cls) -> tuple[str, ...]:
        """Every ``name`` that this source has."""
        return tuple(_LICENCES)

    @classmethod
    def label(cls, options: SklearnOptions) -> str:
        """The name of the data set."""
        return options.name

    @classmethod
    def check(cls, options: SklearnOptions) -> SklearnOptions:
        """The options. Raises ``UnknownNameError`` with the nearest name."""
        if options.name not in _LICENCES:
            raise UnknownNameError(did_you_mean(options.name, _LICENCES, what="scikit-learn data set"))
        return options

    @classmethod
    def tasks(cls, options: SklearnOptions) -> tuple[str, ...]:
        """What it is good for: images or texts with classes."""
        return ("text_classification",) if options.name == _NEWSGROUPS else ("image_classification",)

    @classmethod
    def requirements(cls, options: SklearnOptions) -> tuple[Requirement, ...]:
        """The archive of ``20newsgroups``; nothing for what ships with scikit-learn."""
        return (newsgroups_requirement(),) if options.name == _NEWSGROUPS else ()

    @classmethod
    def load(cls, options: SklearnOptions, *, splits: SplitsSpec, on_bad_example: OnBadExample) -> Dataset:
        """The data set; missing splits are made.

        Raises:
            UnknownNameError: For a name that is not known.
            DownloadError: When ``20newsgroups`` cannot be fetched.
            DataError: When the archive of ``20newsgroups`` is damaged.
        """
        from sklearn.datasets import load_digits

        cls.check(options)
        if options.name == _NEWSGROUPS:
            return load_newsgroups(fetch(newsgroups_requirement()), splits=splits, on_bad_example=on_bad_example)
        digits = load_digits()
        grey = np.round(digits.images * (255 / 16)).astype(np.uint8)
        targets = digits.target.astype(np.int64)
        ids = tuple(f"digit-{index:04d}" for index in range(len(targets)))
        read: Callable[[int], Image] = _Digits(grey)
        if options.name == "digits_photo":
            read = _DigitsOnPhotos(grey, ids, _photographs())
        return assemble(
            options.name,
            {"train": Part(Split("train", ids, targets, read), _Bytes(read))},
            class_names=[str(name) for name in digits.target_names],
            splits=splits,
            on_bad_example=on_bad_example,
            place=options.name,
            origin=_ORIGINS[options.name],
            licence=_LICENCES[options.name],
        )


@dataclass(frozen=True)
class _Digits:
    """Plain digits: grey repeated in three channels, ``(8, 8, 3)``."""

    grey: NDArray[np.uint8]

    def __call__(self, index: int) -> Image:
        return np.repeat(self.grey[index][..., np.newaxis], 3, axis=-1)


@dataclass(frozen=True)
class _DigitsOnPhotos:
    """Digits enlarged smoothly and blended into a patch; which patch follows from the example's id alone."""

    grey: NDArray[np.uint8]
    ids: tuple[str, ...]
    photographs: tuple[Image, ...]

    def __call__(self, index: int) -> Image:
        enlarged = PIL.Image.fromarray(self.grey[index]).resize((PHOTO_SIZE, PHOTO_SIZE), PIL.Image.Resampling.BICUBIC)
        digit = np.asarray(enlarged, dtype=np.int16)[..., np.newaxis]
        patch = self._patch(self.ids[index]).astype(np.int16)
        blended: Image = np.abs(digit - patch).astype(np.uint8)
        return blended

    def _patch(self, identifier: str) -> Image:
        seed = int.from_bytes(hashlib.sha256(identifier.encode()).digest()[:8], "big")
        random = np.random.default_rng(seed)
        photograph = self.photographs[int(random.integers(len(self.photographs)))]
        top = int(random.integers(photograph.shape[0] - PHOTO_SIZE + 1))
        left = int(random.integers(photograph.shape[1] - PHOTO_SIZE + 1))
        return photograph[top : top + PHOTO_SIZE, left : left + PHOTO_SIZE]


@dataclass(frozen=True)
class _Bytes:
    """The bytes of an image that has no file: its shape and its values."""

    read: Callable[[int], Image]

    def __call__(self, index: int) -> bytes:
        image = self.read(index)
        return repr(image.shape).encode() + image.tobytes()


def _photographs() -> tuple[Image, ...]:
    """Both photographs, a third of their height and width."""
    from sklearn.datasets import load_sample_images

    samples: Any = load_sample_images()
    order = np.argsort([str(name) for name in samples.filenames])
    images = [PIL.Image.fromarray(np.asarray(samples.images[index], dtype=np.uint8)) for index in order]
    return tuple(np.asarray(image.reduce(_PHOTOGRAPHS_REDUCED), dtype=np.uint8) for image in images)
