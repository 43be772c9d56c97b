"""Where models saw different crops of the same images, the report says so, on the page and in its twin."""

from __future__ import annotations

from pathlib import Path

import pytest
from sample_run import load_from, make_sample_results

from suite.compare.compare import compare
from suite.compare.comparison import Comparison
from suite.report.writing import write_report
from suite.store.records.resizing import Resizing
from suite.store.records.result import Result

CROP = Resizing(fit="shorter_side", crop_share=0.875)
BICUBIC = Resizing(fit="shorter_side", crop_share=0.875, interpolation="bicubic")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory):
    """Folder, plan and results of two small models."""
    folder = tmp_path_factory.mktemp("crops")
    return (folder, *make_sample_results(folder, ("perceptron_8", "perceptron_32")))


def compared(run, **resizing: Resizing) -> Comparison:
    """The comparison where models saw images so; those that are not named are from before it was recorded."""
    folder, plan, results = run

    def seen(result: Result) -> Result:
        return Result.model_validate_json(
            result.model_copy(update={"resizing": resizing.get(result.model)}).model_dump_json()
        )

    return compare([seen(one) for one in results], plan_summary=plan, load_predictions=load_from(folder))


def test_different_crops_are_said(run, tmp_path: Path) -> None:
    """A remark at the top with who saw what, and a column beside the input's size, in both."""
    comparison = compared(run, perceptron_8=CROP)
    (remark,) = (one for one in comparison.remarks if "different crops" in one)
    assert "cropped, middle 87.5 %, bilinear: perceptron_8" in remark
    assert "stretched, bilinear: perceptron_32" in remark
    assert Comparison.model_validate_json(comparison.model_dump_json()) == comparison
    written = write_report(comparison, tmp_path)
    for path in (written.html, written.markdown):
        text = path.read_text(encoding="utf-8")
        assert "different crops" in text
        assert text.count("cropped, middle 87.5 %, bilinear") > 1


@pytest.mark.parametrize(
    "resizing",
    [{}, {"perceptron_8": CROP, "perceptron_32": CROP}, {"perceptron_8": CROP, "perceptron_32": BICUBIC}],
)
def test_the_same_crop_is_no_remark(run, resizing: dict[str, Resizing]) -> None:
    """Nor is another interpolation of the same part of an image, which the table tells."""
    assert not any("crops" in one for one in compared(run, **resizing).remarks)
