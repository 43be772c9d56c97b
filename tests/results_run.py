"""A small stored run with learning curves, failures and an exported file, made without TensorFlow."""

from __future__ import annotations

from pathlib import Path

from sample_run import make_sample_results
from test_export_model_card import make_export

from suite.store.records.result import Result
from suite.store.store import open_store

MODELS = ("perceptron_8", "logistic")


def store_sample(folder: Path) -> list[Result]:
    """Saves the trials of two classifiers, a spec and a plan, a report and one exported file; returns the trials."""
    plan, results = make_sample_results(folder)
    kept = [one for one in results if one.model in MODELS and one.strategy != "fine_tune: last stage"]
    (folder / "store" / "tmp").mkdir(exist_ok=True)
    with open_store(folder) as store:
        for result in kept:
            # Saving removes the folder of an earlier result, and takes the files from elsewhere.
            room = folder / "store" / "tmp" / result.id
            if store.trial_folder(result.id).is_dir():
                store.trial_folder(result.id).rename(room)
            store.save(result, room)
        store.save_document("plan", plan.model_dump_json())
        store.save_document("spec", '{"name": "sample"}')
        done = next(one for one in kept if one.status == "done")
        place = folder / "exports" / "net" / "onnx-int8"
        place.mkdir(parents=True)
        (place / "README.md").write_text("# A card\n", encoding="utf-8")
        store.save_export(make_export(trial_id=done.id, folder="exports/net/onnx-int8"))
    (folder / "charts").mkdir()
    (folder / "charts" / "ranks.svg").write_text("<svg/>")
    (folder / "report.html").write_text("<p>The report</p>")
    return kept
