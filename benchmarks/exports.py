"""``python -m benchmarks.exports [SHARED]``: files of a fine-tuned MobileNetV2; writes ``benchmarks/exports.md``.

A MobileNetV2 0.35 at 224 with its ImageNet weights is fine-tuned on the photographs of flowers5 and exported in every
format.  Told are parity in fp32, what smaller files weigh and score, how long all of it takes, and how the suite's
latency compares with what the runtime's own tool prints of the same file: ``benchmark_app`` of OpenVINO,
``onnxruntime_test`` of ONNX Runtime, ``litert-benchmark`` of LiteRT.  The suite's measurer, in its own process, and the
tool take turns on one file, and medians of the turns are compared, since a machine that others share is faster in one
minute than in the next.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.corruptions import WEIGHTS
from suite.data.batches import IMAGES
from suite.devices import look_at_machine
from suite.export.formats.examples import ExampleArrays
from suite.export.subject import measured

__all__ = ["main"]

PAGE = Path(__file__).with_suffix(".md")
FORMATS = ("keras", "saved_model", "onnx", "openvino", "litert")
SIZE = 224
TURNS = 5
NOISE = 32
"""Images of noise that the measurer is given; what they show does not change how long an image takes."""
MOST_DIFFERENCE, MOST_SECONDS, MOST_SHARE, NEAR = 1e-4, 180.0, 1 / 3, 0.10
SCRIPTS = Path(sys.executable).parent


def main() -> int:
    """Measures, prints and writes the page. Returns 1 where a target was missed."""
    shared = Path(sys.argv[1] if len(sys.argv) > 1 else PAGE.parents[2] / "shared" / "data")
    if not (shared / WEIGHTS).is_file():
        print(f"{shared}: has no {WEIGHTS}; give the folder of the shared data.", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="suite-benchmark-") as folder:
        os.environ["SUITE_CACHE_DIR"] = str(Path(folder) / "cache")
        out = trained(shared, Path(folder))
        started = time.perf_counter()
        full = exported(out, "fp32")
        seconds = time.perf_counter() - started
        rows = [(card, *in_turns(card, out)) for card in full]
        smaller = exported(out, "fp16,int8_dynamic,int8")
    lines = page(full, smaller, rows, seconds)
    PAGE.write_text("\n".join(lines), encoding="utf-8")
    print("\n".join(lines))
    return 0 if all(" no |" not in line for line in lines) else 1


def trained(shared: Path, folder: Path) -> Path:
    """Fine-tunes the model; the folder of the run."""
    weights = str((shared / WEIGHTS).resolve())
    model = {"source": "applications", "name": "MobileNetV2", "alpha": 0.35, "input_size": [SIZE, SIZE]}
    document = {
        "name": "flowers",
        "task": "image_classification",
        "models": [{**model, "weights": weights}],
        "datasets": [{"source": "folder", "path": str((shared / "images" / "flowers5").resolve())}],
        "strategies": [{"strategy": "fine_tune", "unfreeze": "all", "head_first": True}],
        "seeds": [1],
        "training": {"epochs": 5, "batch_size": 16},
    }
    (folder / "spec.json").write_text(json.dumps(document), encoding="utf-8")
    suite("run", str(folder / "spec.json"), "--out", str(folder / "out"), "--quiet")
    return folder / "out"


def exported(out: Path, precisions: str, *, formats: Sequence[str] = FORMATS) -> list[dict[str, Any]]:
    """The cards of every format that has one of these precisions."""
    which = ("--best", "--format", ",".join(formats), "--precision", precisions)
    cards = suite("export", str(out), *which, "--overwrite", "--json")
    found: list[dict[str, Any]] = json.loads(cards)
    return found


def suite(*words: str) -> str:
    """What a command prints; a failed file is in it, and no error here."""
    done = subprocess.run([sys.executable, "-m", "suite", *words], capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise RuntimeError(done.stderr[-2000:])
    return done.stdout


def in_turns(card: dict[str, Any], out: Path) -> tuple[str, float, float | None]:
    """The runtime's own tool, the suite's median milliseconds for one image over the turns, and the tool's.

    There is no tool for Keras and TensorFlow: what was measured while exporting stands.
    """
    tools: dict[str, tuple[str, Callable[[Path, int], float]]] = {
        "onnx": ("onnxruntime_test", by_onnxruntime_test),
        "openvino": ("benchmark_app", by_benchmark_app),
        "litert": ("litert-benchmark", by_litert_benchmark),
    }
    if card["format"] not in tools:
        return "-", float(card["measured"]["latency_ms_p50"]), None
    name, tool = tools[card["format"]]
    file, threads = out / card["folder"] / card["file"], card["measured"]["threads"]
    ours, theirs = [], []
    with tempfile.TemporaryDirectory(prefix="suite-benchmark-") as scratch:
        noise = np.random.default_rng(0).integers(0, 256, (NOISE, SIZE, SIZE, 3), dtype=np.uint8)
        ExampleArrays({IMAGES: noise}).save(Path(scratch) / "noise")
        for _ in range(TURNS):
            theirs.append(tool(file, threads))
            outcome, _ = measured(card["format"], file, Path(scratch) / "noise", Path(scratch), threads=threads)
            if outcome.measured is None:
                raise RuntimeError(outcome.problem)
            ours.append(outcome.measured.latency_ms_p50)
    return name, statistics.median(ours), statistics.median(theirs)


def by_onnxruntime_test(file: Path, threads: int) -> float:
    """The mean latency that ``onnxruntime_test`` prints; it takes all cores, as the suite does here."""
    if threads != look_at_machine().cores:
        raise RuntimeError("onnxruntime_test takes all cores; export with as many threads")
    printed = subprocess.run([SCRIPTS / "onnxruntime_test", file, "500"], capture_output=True, text=True, check=True)
    (line,) = (line for line in printed.stdout.splitlines() if line.startswith("avg latency:"))
    return float(line.split()[2])


def by_benchmark_app(folder: Path, threads: int) -> float:
    """The median latency that ``benchmark_app`` prints.

    Left to itself it makes bytes of the input of a model of images and so compiles another model than the file's;
    ``-ip f32`` measures the file as it is.
    """
    words = [
        *("-m", str(folder / "model.xml"), "-d", "CPU", "-hint", "none", "-nstreams", "1", "-api", "sync", "-t", "3"),
        *("-nthreads", str(threads), "-infer_precision", "f32", "-ip", "f32", "-data_shape", f"[1,{SIZE},{SIZE},3]"),
    ]
    printed = subprocess.run([SCRIPTS / "benchmark_app", *words], capture_output=True, text=True, check=True).stdout
    (line,) = (line for line in printed.splitlines() if "Median:" in line)
    value, unit = line.split("Median:")[1].split()
    return float(value) / {"us": 1000.0, "ms": 1.0}[unit]


def by_litert_benchmark(file: Path, threads: int) -> float:
    """The median latency that ``litert-benchmark`` writes."""
    result = file.with_name("result.json")
    words = ["--model", str(file), "--num_threads", str(threads), "--num_runs", "100", "--result_json", str(result)]
    done = subprocess.run([SCRIPTS / "litert-benchmark", *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr[-2000:])
    return _median_ms(json.loads(result.read_text(encoding="utf-8")))


def _median_ms(result: dict[str, Any]) -> float:
    return float(result["latency"]["median_ms"])


def page(
    full: Sequence[dict[str, Any]],
    smaller: Sequence[dict[str, Any]],
    rows: Sequence[tuple[dict[str, Any], str, float, float | None]],
    seconds: float,
) -> list[str]:
    """The page's lines."""
    machine = look_at_machine()
    by_place = {(card["format"], card["precision"]): card for card in (*full, *smaller)}
    share = by_place["litert", "int8"]["bytes"] / by_place["litert", "fp32"]["bytes"]
    worst = max(card["parity"]["max_difference"] for card in full)
    return [
        "# Exported files of a MobileNetV2",
        "",
        (
            "Written by `python -m benchmarks.exports`: MobileNetV2 0.35 at 224 with ImageNet weights, fine-tuned on "
            f"flowers5 ({full[0]['parity']['examples']} test images). {machine.processor}, {machine.words}."
        ),
        "",
        "| target | measured | met |",
        "|---|---|---|",
        (
            f"| five formats within 1e-4 of Keras in fp32 | {len(full)} formats, {worst:.1e} | "
            f"{_met(worst <= MOST_DIFFERENCE and sorted(card['format'] for card in full) == sorted(FORMATS))} |"
        ),
        f"| exporting and measuring them under 3 minutes | {seconds:.0f} s | {_met(seconds < MOST_SECONDS)} |",
        f"| int8 LiteRT at most 1/3 of fp32 | {share:.2f} | {_met(share <= MOST_SHARE)} |",
        *(
            f"| latency of {card['format']} within 10 % of {tool} | {own:.2f} ms, "
            f"{tool} {peer:.2f} ms | {_met(abs(own / peer - 1) <= NEAR)} |"
            for card, tool, own, peer in rows
            if peer is not None
        ),
        "",
        "| format | precision | bytes | of fp32 | ms, p50 | images/s | accuracy | minus Keras's | agrees |",
        "|---|---|---|---|---|---|---|---|---|",
        *(_file_line(card, by_place) for card in sorted(by_place.values(), key=lambda card: card["format"])),
        "",
    ]


def _file_line(card: dict[str, Any], by_place: dict[tuple[str, str], dict[str, Any]]) -> str:
    if card["status"] != "done":
        return f"| {card['format']} | {card['precision']} | {card['status']}: {card['reason'][:90]} | | | | | | |"
    difference, of_full = card["difference"], card["bytes"] / by_place[card["format"], "fp32"]["bytes"]
    ends = f" ({difference['low']:+.3f} to {difference['high']:+.3f})"
    return (
        f"| {card['format']} | {card['precision']} | {card['bytes']:,} | {of_full:.2f} | "
        f"{card['measured']['latency_ms_p50']:.2f} | {card['measured']['throughput_per_second']:.0f} | "
        f"{card['scores']['accuracy']['value']:.3f} | {difference['value']:+.3f}{ends} | "
        f"{100 * card['parity']['agreement']:.1f} % |"
    )


def _met(met: bool) -> str:
    return "yes" if met else "no"


if __name__ == "__main__":
    sys.exit(main())
