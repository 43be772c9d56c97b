"""20 Newsgroups: posts of 1993 to twenty newsgroups, split by date, read by their own words alone.

Headers, footers and quotations are removed by scikit-learn's own functions: they name the group, the author or the
thread, which is the same in both splits, and a model would learn those.  scikit-learn keeps what it fetched as a
pickle; here nothing is ever unpickled, so the archive as published is kept beside it and read in place.  Bytes are
Latin-1, as scikit-learn takes them; a NUL, which no text holds, becomes a space.
"""

from __future__ import annotations

import os
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from suite.data.assemble import OnBadExample, assemble
from suite.data.dataset import Dataset
from suite.data.texts import TextCollector, encoded_text
from suite.errors import DataError, Requirement
from suite.spec.spec import SplitsSpec

__all__ = ["load_newsgroups", "newsgroups_requirement"]

_URL = "https://ndownloader.figshare.com/files/5975967"
_SHA256 = "8f1b2514ca22a5ade8fbb9cfa5727df95fa587f4c87b786e15c759fa66d95610"
_SIZE_BYTES = 14_000_000
"""About, by scikit-learn's word."""
_FOLDERS = {"20news-bydate-train": "train", "20news-bydate-test": "test"}


def newsgroups_requirement() -> Requirement:
    """The archive, in the folder of scikit-learn's data: ``SCIKIT_LEARN_DATA`` or ``~/scikit_learn_data``."""
    home = Path(os.environ.get("SCIKIT_LEARN_DATA") or "~/scikit_learn_data").expanduser()
    path = home / "20news-bydate.tar.gz"
    return Requirement(
        what="20 Newsgroups (the archive 20news-bydate.tar.gz)",
        url=_URL,
        path=path,
        present=path.is_file(),
        size_bytes=_SIZE_BYTES,
        sha=_SHA256,
    )


def load_newsgroups(archive: Path, *, splits: SplitsSpec, on_bad_example: OnBadExample) -> Dataset:
    """The data set with its own train and test split; ids are ``train/sci.space/60804``.

    A post of which nothing is left without header, footer and quotations is left out; ``origin`` says how many.

    Args:
        archive: The file as published.
        splits: How the validation split is made.
        on_bad_example: As everywhere; every post can be read.

    Raises:
        DataError: When the archive is damaged or holds something else.
    """
    posts = sorted(_posts(archive))
    groups = sorted({group for _, group, _, _ in posts})
    parts = {name: TextCollector(texts_each=1) for name in ("train", "test")}
    empty = 0
    for split, group, number, content in posts:
        own = _own_words(content.decode("latin-1")).replace("\0", " ")
        if own.strip():
            parts[split].add(f"{split}/{group}/{number}", [encoded_text(own)], groups.index(group))
        else:
            empty += 1
    if not all(map(len, parts.values())):
        raise DataError(f"{archive}: expected posts in folders {' and '.join(_FOLDERS)}, got {len(posts)} in them.")
    return assemble(
        "20newsgroups",
        {name: part.part(name) for name, part in parts.items()},
        class_names=groups,
        splits=splits,
        on_bad_example=on_bad_example,
        place="20newsgroups",
        origin=f"20 Newsgroups by date ({_URL}), headers, footers and quotations removed; "
        f"{empty} posts that were nothing else are left out",
        licence=None,
        content="text",
    )


def _posts(archive: Path) -> Iterator[tuple[str, str, str, bytes]]:
    """Split, group, number and content of each post. Raises ``DataError``."""
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                parts = member.name.split("/")
                if member.isfile() and len(parts) == 3 and parts[0] in _FOLDERS:
                    file = tar.extractfile(member)
                    if file is not None:
                        yield _FOLDERS[parts[0]], parts[1], parts[2], file.read()
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        raise DataError(f"{archive}: cannot be read: {error}. Remove it to fetch it again.") from None


def _own_words(post: str) -> str:
    """A post without header, footer and quotations, in the order in which scikit-learn removes them."""
    from sklearn.datasets import _twenty_newsgroups as newsgroups

    return str(
        newsgroups.strip_newsgroup_quoting(
            newsgroups.strip_newsgroup_footer(newsgroups.strip_newsgroup_header(post)),
        )
    )
