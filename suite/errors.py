"""What can go wrong, as one tree.

::

    SuiteError                 exit code 2: the user can mend it
    ├── SpecError              the JSON that was asked for is not valid
    ├── UnknownNameError       a name that no registry has
    ├── DataError              a data set cannot be read as what it should be
    │   └── BadExampleError    one example of it cannot be decoded
    ├── ModelError             a model cannot be built or loaded
    │   └── WeightsError       its weights do not fit, or their hash is another
    ├── MissingExtraError      an optional package is not installed
    ├── DownloadError          something must be fetched and cannot be
    ├── SealedSplitError       the test split was asked for where it may not be seen
    └── StoreError             the results database or its folder
        ├── StoreVersionError  written by a newer version of the suite
        └── ScratchError       a site's files cannot be prepared
    TrialFailure               ends one trial, never the run (not a SuiteError)
    ├── BatchTooLarge          a training step needs more memory than there is
    ├── TrialDiverged          the loss is not a number any more
    └── TrialSkipped           this cell cannot be run; its reason is told

A ``SuiteError`` is printed as one sentence without a traceback.  Anything else is a defect of the
suite and keeps its traceback.
"""

from __future__ import annotations

import difflib
import importlib.util
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "DISTRIBUTION",
    "BadExampleError",
    "BatchTooLarge",
    "DataError",
    "DownloadError",
    "MissingExtraError",
    "ModelError",
    "Requirement",
    "ScratchError",
    "SealedSplitError",
    "SpecError",
    "StoreError",
    "StoreVersionError",
    "SuiteError",
    "TrialDiverged",
    "TrialFailure",
    "TrialSkipped",
    "UnknownNameError",
    "WeightsError",
    "did_you_mean",
    "install_line",
]


class SuiteError(Exception):
    """Base of everything that a user can mend. ``exit_code`` is what the command line ends with."""

    exit_code = 2


class SpecError(SuiteError):
    """A spec that is not valid. The message names the file and the JSON path."""


class UnknownNameError(SuiteError):
    """A name that is not registered. The message carries the nearest valid names."""


class DataError(SuiteError):
    """A data set that is missing, empty, or not what its source expects."""


class BadExampleError(DataError):
    """One example that cannot be decoded, for instance a truncated image."""


class ModelError(SuiteError):
    """A model that cannot be built or loaded as asked."""


class WeightsError(ModelError):
    """Weights that do not fit their architecture, or whose hash differs from the expected one."""


class MissingExtraError(SuiteError):
    """An optional package is missing. The message is the line that installs it."""


class DownloadError(SuiteError):
    """Something has to be fetched and cannot be. The message says what, and where to put it by hand."""


class SealedSplitError(SuiteError):
    """The test split was asked for outside the one place that may open it."""


class StoreError(SuiteError):
    """The results database or the folder around it cannot be used."""


class StoreVersionError(StoreError):
    """The results database was written by a newer version of the suite."""


class ScratchError(StoreError):
    """Files of a site cannot be prepared; no run is to blame, and the old site still stands."""


class TrialFailure(Exception):  # noqa: N818 - it is an outcome of a trial, not an error of the user
    """Ends one trial with status ``failed``; the run goes on."""

    status = "failed"


class BatchTooLarge(TrialFailure):
    """A training step needs more memory than there is: with half the batch it may fit."""

    def __init__(self, size: int) -> None:
        super().__init__(f"memory ran out in a training step of {size} example{'' if size == 1 else 's'}")
        self.size = size
        """Examples of the batch."""


class TrialDiverged(TrialFailure):
    """The loss became NaN or infinite."""

    status = "diverged"


class TrialSkipped(TrialFailure):
    """The cell cannot be run, for a reason that only the worker could see."""

    status = "skipped"


def did_you_mean(name: str, choices: Iterable[str], *, what: str = "name") -> str:
    """The closing half of a complaint about an unknown name.

    Returns ``"unknown <what> '<name>'. Did you mean 'x'? Available: a, b, c."``, without the question
    where nothing is near.
    """
    available = sorted(choices)
    near = difflib.get_close_matches(name.lower(), [choice.lower() for choice in available], n=1, cutoff=0.6)
    guess = next((choice for choice in available if near and choice.lower() == near[0]), None)
    question = f" Did you mean '{guess}'?" if guess else ""
    return f"unknown {what} '{name}'.{question} Available: {', '.join(available) or 'none'}."


# What is needed from elsewhere: a file with where it comes from, and packages with the line that installs them.

DISTRIBUTION = "keras-suite"
"""What ``pip`` calls the suite: on the public index ``suite`` is another project."""


def install_line(modules: Iterable[str], extra: str | None) -> str | None:
    """The command that installs what these modules lack, by the extra that brings them; None where all are there."""
    if all(importlib.util.find_spec(module) is not None for module in modules):
        return None
    return f'pip install "{DISTRIBUTION}[{extra}]"'


@dataclass(frozen=True)
class Requirement:
    """One thing that has to be there before a trial can run."""

    what: str
    """In words, for instance ``ImageNet weights of ResNet50``."""
    url: str
    """Where it is fetched from."""
    path: Path
    """Where it is looked for; a file put there by hand is used."""
    present: bool
    """Whether it is there already."""
    size_bytes: int | None = None
    """Size of the download where it is known."""
    sha: str | None = None
    """Hash that the file must have, hex, where one is published."""
