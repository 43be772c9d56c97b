"""Texts from the docstrings of installed libraries."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from suite.cli.main import cli
from suite.data.api_docs import ApiDocsOptions, ApiDocsSource, dataset_of
from suite.data.docstrings import docstrings_below
from suite.data.libraries import CLASSES, NAMES, PREFIXES, Library, Passage, collect, passages, split_of
from suite.data.paragraphs import LONGEST, SHORTEST, normal_form, paragraphs_of, without_names
from suite.errors import DataError, UnknownNameError
from suite.spec.spec import SplitsSpec

NUMPY_STYLE = """
Solve the equation for the unknown values.

The matrix must be square and of *full* rank, as :func:`~linalg.inv` wants it.
See https://example.org/page for what happens otherwise here.

Parameters
----------
a : (..., M, M) array_like
    Coefficient matrix of the equations that are to be solved.
b : array_like
    Short one.

Notes
-----
The solutions are computed by a routine that was written long ago::

    x = solve(a, b)
    print(x)

After the code there is one more paragraph with enough words.

===== =====
one   two
===== =====

Examples
--------
Nothing of what is written down here is ever kept by it.

>>> solve(a, b)
array([1., 2.])
"""

GOOGLE_STYLE = """Computes the mean of elements across the dimensions of a tensor.

Reduces the `input_tensor` along the dimensions that are given in **axis**.

```python
x = mean([[1., 1.], [2., 2.]])
```

Args:
  axis: The dimensions to reduce, or None to reduce all of the dimensions.
    It may be negative.
  name: A name.

Returns:
  The reduced tensor, which has the same type as the one given.
"""


def texts(docstring: str) -> list[str]:
    """The paragraphs' texts."""
    return [paragraph.text for paragraph in paragraphs_of(docstring)]


@pytest.fixture(scope="module", autouse=True)
def _cache(tmp_path_factory):
    """One cache for this file, so that the libraries are read once."""
    patch = pytest.MonkeyPatch()
    patch.setenv("SUITE_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
    yield
    patch.undo()


def load(name: str, *, seed: int = 0, limit: int | None = None):
    """One of the data sets."""
    return ApiDocsSource.load(
        ApiDocsOptions(name=name, limit=limit), splits=SplitsSpec(seed=seed), on_bad_example="error"
    )


@pytest.fixture(scope="module")
def libraries():
    """The real thing."""
    return load("libraries")


def examples(dataset) -> dict[str, dict[str, tuple[str, ...]]]:
    """Texts by id, by split."""
    return {
        name: {identifier: split.read(index) for index, identifier in enumerate(split.ids)}
        for name, split in dataset.splits.items()
    }


def file_of(identifier: str) -> str:
    """The file that an id names."""
    return re.split(r"[:#]", identifier)[0]


def test_numpy_style_is_cut_into_sentences() -> None:
    """Headings, parameters' names, code, tables, examples, addresses and markup are gone."""
    assert texts(NUMPY_STYLE) == [
        "Solve the equation for the unknown values.",
        "The matrix must be square and of full rank, as linalg.inv wants it.",
        "Coefficient matrix of the equations that are to be solved.",
        "After the code there is one more paragraph with enough words.",
    ]


def test_google_style_is_cut_into_sentences() -> None:
    """Fences and the names of arguments are gone."""
    assert texts(GOOGLE_STYLE) == [
        "Computes the mean of elements across the dimensions of a tensor.",
        "Reduces the input_tensor along the dimensions that are given in axis.",
        "The dimensions to reduce, or None to reduce all of the dimensions. It may be negative.",
        "The reduced tensor, which has the same type as the one given.",
    ]


def test_the_parts_of_a_docstring_are_told_apart() -> None:
    """The first line, the description, and what is said of parameters."""
    assert [paragraph.part for paragraph in paragraphs_of(GOOGLE_STYLE)] == ["first", "description", "detail", "detail"]


def test_a_sentence_that_hangs_on_a_reference_goes() -> None:
    """Without its number nobody can tell what is meant."""
    found = texts("The algorithm is the one that is described in [1]_. It works for every matrix that is not singular.")
    assert found == ["It works for every matrix that is not singular."]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Calls np.linalg.norm for each of the rows of it.", "Calls linalg.norm for each of the rows of it."),
        ("A NumPy array. " + "It has as many rows as there are samples.", "It has as many rows as there are samples."),
        ("Everything that is here is about a single NumPy array.", ""),
    ],
)
def test_names_are_taken_out_without_stumps(text: str, left: str) -> None:
    """A prefix goes; a sentence with a name goes as a whole; a paragraph that is then too short goes too."""
    assert without_names(text, prefixes=PREFIXES, names=NAMES) == left


SNIPPETS = st.lists(
    st.one_of(
        st.text(max_size=40),
        st.sampled_from(["np.", "Keras", "::", "```", ">>> x", "----", "Args:", "a : int", ":param x:", "``", "[1]_"]),
        st.sampled_from(["\n", "\n\n", "\n    ", "The values are computed for all of the rows at once.", "`a <b>`_"]),
    ),
    max_size=30,
).map(" ".join)


@settings(max_examples=200, deadline=None)
@given(SNIPPETS)
def test_any_text_can_be_cleaned(docstring: str) -> None:
    """Nothing raises, no paragraph is too long, and no name of a library is left where they are taken out."""
    for place, paragraph in enumerate(paragraphs_of(docstring)):
        assert (3 if place == 0 else SHORTEST) <= len(paragraph.text.split()) <= LONGEST
        assert "\0" not in paragraph.text
        paragraph.text.encode()
        assert not NAMES.search(without_names(paragraph.text, prefixes=PREFIXES, names=NAMES))


def package(folder: Path, **files: str) -> Path:
    """A folder of Python files."""
    folder.mkdir()
    for name, content in files.items():
        (folder / f"{name}.py").write_text(content, encoding="utf-8")
    return folder


def test_files_that_cannot_be_read_are_passed_by(tmp_path: Path) -> None:
    """Wrong syntax, wrong encoding and tests; what is given to compiled functions is read."""
    root = package(
        tmp_path / "lib",
        good='class A:\n    def f(self):\n        """Text."""\n',
        bad="def (",
        test_it='"""A test."""',
        given='add_newdoc("lib", "g", """Given."""); add_newdoc("lib", "h", ("m", """Within."""))',
    )
    (root / "latin.py").write_bytes(b'"""caf\xe9"""')
    assert [(one.file, one.name, one.text) for one in docstrings_below(root, prefix="lib")] == [
        ("lib/given.py", "g", "Given."),
        ("lib/given.py", "h.m", "Within."),
        ("lib/good.py", "A.f", "Text."),
    ]


def test_what_two_libraries_say_is_dropped(tmp_path: Path) -> None:
    """Said twice in one library it is kept where it comes first."""
    shared = '"""The same sentence stands in both of these libraries, word for word."""\n'
    twice = '"""This sentence number {} stands in two files of this library alone."""\n'
    one = package(tmp_path / "one", a=shared, b=twice.format(1), c=twice.format(2))
    two = package(tmp_path / "two", a=shared)
    found = collect([(Library("one", "one"), one), (Library("two", "two"), two)])
    assert [passage.id for passage in found["prose"]] == ["one/b.py#0"]


def test_the_issues_numbers_hold(libraries) -> None:
    """At least 6 classes and 4,000 paragraphs, of each class about as many."""
    counts = [sum((split.targets == number).sum() for split in libraries.splits.values()) for number in range(8)]
    assert libraries.class_names == CLASSES
    assert len(counts) >= 6
    assert sum(counts) >= 4000
    assert min(counts) >= 0.5 * max(counts)
    assert libraries.content == "text"
    assert libraries.answers == "class"


def test_no_name_and_no_paragraph_twice(libraries) -> None:
    """The label cannot be read off, and no text is in two splits."""
    found = [text for split in examples(libraries).values() for (text,) in split.values()]
    assert not [text for text in found if NAMES.search(text)]
    assert len({normal_form(text) for text in found}) == len(found)


def test_no_module_is_in_two_splits_of_any_data_set(libraries) -> None:
    """One split per file, the same in all three: who was pretrained on prose has seen no test paragraph."""
    where: dict[str, set[str]] = {}
    found = {"libraries": libraries, "summaries": load("summaries"), "prose": load("prose")}
    for dataset in found.values():
        for name, split in dataset.splits.items():
            for identifier in split.ids:
                where.setdefault(file_of(identifier), set()).add(name)
    assert {len(names) for names in where.values()} == {1}
    seen = {normal_form(text) for _, text in examples(found["prose"])["train"].values()}
    for name in ("libraries", "summaries"):
        tested = itertools.chain.from_iterable(examples(found[name])["test"].values())
        assert not seen & {normal_form(text) for text in tested}


def test_a_summary_is_not_in_its_source() -> None:
    """It would only have to be copied."""
    pairs = [pair for split in examples(load("summaries")).values() for pair in split.values()]
    assert 2000 <= len(pairs) <= 4000
    assert all(source and reference and reference.casefold() not in source.casefold() for source, reference in pairs)


def test_it_is_the_same_each_time_and_another_for_another_seed(libraries) -> None:
    """The seed is in the name, and resampling may make others."""
    again = load("libraries")
    assert again.fingerprint == libraries.fingerprint
    assert examples(again) == examples(libraries)
    other = load("libraries", seed=1)
    assert other.name == "api_docs-libraries-seed1"
    assert other.made_splits == ("train", "validation", "test")
    assert set(other.splits["test"].ids) != set(libraries.splits["test"].ids)


def test_a_limit_keeps_the_proportions(libraries) -> None:
    """Of each split its share, and of each class."""
    small = load("libraries", limit=400)
    assert 350 <= sum(map(len, small.splits.values())) <= 400
    for name, split in small.splits.items():
        assert set(split.ids) < set(libraries.splits[name].ids)
        assert len(split) == pytest.approx(len(libraries.splits[name]) / 20, abs=9)
        assert set(split.targets.tolist()) == set(range(8))


def made_up(change: str = "") -> list[Passage]:
    """Two texts in each of many modules of every class."""
    return [
        Passage(
            f"{library}/{module}.py#{place}", f"{library}:{module}", library, (f"{library} {module} {place}{change}",)
        )
        for library in CLASSES
        for module in range(60)
        for place in range(2)
    ]


def test_a_changed_text_changes_the_fingerprint() -> None:
    """Another version of a library is another data set."""
    options = ApiDocsOptions(name="libraries")
    first, second = (dataset_of(made_up(change), options, splits=SplitsSpec()) for change in ("", "!"))
    assert first.fingerprint != second.fingerprint
    assert first.splits["test"].ids == second.splits["test"].ids


def test_too_few_libraries_are_refused() -> None:
    """With their names, and what to do."""
    few = [passage for passage in made_up() if passage.library in CLASSES[:5]]
    with pytest.raises(DataError, match=r"at least 6 of the libraries .* Install the others"):
        dataset_of(few, ApiDocsOptions(name="libraries"), splits=SplitsSpec())


def test_shares_are_kept_over_modules() -> None:
    """20 % of all modules are tests, 20 % of the others validation."""
    found = [split_of(f"lib:{number}", seed=0, validation=0.2, test=0.2) for number in range(5000)]
    assert found.count("test") / 5000 == pytest.approx(0.2, abs=0.02)
    assert found.count("validation") / 5000 == pytest.approx(0.16, abs=0.02)


def test_a_broken_cache_is_made_again(tmp_path: Path) -> None:
    """A file that is no JSON is written anew."""
    library = Library("click", "click", ("click",))
    first = passages("prose", {library: "1"}, root=tmp_path)
    for path in (tmp_path / "api_docs").glob("*.texts"):
        path.write_bytes(b"[")
    assert passages("prose", {library: "1"}, root=tmp_path) == first
    assert len(first) > 100


def test_an_unknown_name_is_refused() -> None:
    """With the nearest one."""
    with pytest.raises(UnknownNameError, match="libraries"):
        ApiDocsSource.check(ApiDocsOptions(name="librarys"))


def test_tasks_follow_from_the_name() -> None:
    """Classes to classify, texts to write."""
    found = {name: ApiDocsSource.tasks(ApiDocsOptions(name=name)) for name in ApiDocsSource.known_names()}
    assert found == {
        "libraries": ("text_classification",),
        "summaries": ("text_generation",),
        "prose": ("text_generation",),
    }


def test_show_has_lengths_and_samples() -> None:
    """In words, and no image sizes."""
    shown = CliRunner().invoke(cli, ["show", "dataset", "api_docs:summaries"], catch_exceptions=False).output
    assert re.search(r"texts +\d+ to \d+ words", shown)
    assert shown.count("\n  -> ") == 3
    assert "px" not in shown
    shown = CliRunner().invoke(cli, ["show", "dataset", "api_docs:libraries"], catch_exceptions=False).output
    assert re.search(r"\(sqlalchemy\)|\(python\)", shown)
