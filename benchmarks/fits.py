"""Fits against the same fits written by hand in Keras."""

from __future__ import annotations

from benchmarks.measure import Row, in_fresh_process

__all__ = ["one_trial", "probes", "warm_trials"]

ONE_FIT = "benchmarks.one_fit"
MODELS = ("resnet_tiny", "vgg_tiny", "vit_tiny", "mobilenet_025", "mobilenetv2_035")
PEER_EPOCHS = 10
"""A plain probe needs about ten epochs of Adam to come near the optimum."""


def probes() -> Row:
    """Linear probes over 5 models x 3 seeds x 20 strengths.

    The peer's 300 fits would take half an hour, so two strengths of each model are measured and scaled.
    """
    ours = in_fresh_process(ONE_FIT, "ours-probes", *MODELS)
    measured = [
        in_fresh_process(ONE_FIT, "peer-probe", name, strength, str(PEER_EPOCHS))["seconds"]
        for name in MODELS
        for strength in ("0.0001", "0.01")
    ]
    peer = sum(measured) / len(measured) * ours["fits"]
    ratio = peer / ours["seconds"]
    remark = f"{len(measured)} of the peer's {ours['fits']} fits were measured and scaled"
    return Row("linear probes, 5 models x 3 seeds x 20 strengths", "20 x", ours["seconds"], peer, ratio >= 20, remark)


def one_trial() -> Row:
    """One fine-tuning trial against the same epochs by hand: the time in training and validation."""
    ours = in_fresh_process(ONE_FIT, "ours-fine-tune", "resnet_tiny", "5", "0.001")
    peer = in_fresh_process(ONE_FIT, "peer-fine-tune", "resnet_tiny", "all", "5", "0.001", "1")
    met = ours["cold_seconds"] <= 1.05 * peer["seconds"]
    return Row(
        "one fine-tuning trial, build and compilation included (ResNet, 5 epochs)",
        "within 5 %",
        ours["cold_seconds"],
        peer["seconds"],
        met,
        f"of it in fit and validation: {ours['fit_seconds']:.1f} s, by hand {peer['fit_seconds']:.1f} s with tracing",
    )


def warm_trials() -> Row:
    """The second trial of a cell against a fresh build and compile of each (MobileNetV2, 5 epochs)."""
    ours = in_fresh_process(ONE_FIT, "ours-fine-tune", "mobilenetv2_035", "5", "0.001")
    peer = in_fresh_process(ONE_FIT, "peer-fine-tune", "mobilenetv2_035", "all", "5", "0.001", "2")
    return Row(
        "second trial of a cell (MobileNetV2, 5 epochs) against a fresh build and compile",
        "3 x",
        ours["warm_seconds"],
        peer["seconds"],
        peer["seconds"] >= 3 * ours["warm_seconds"],
        f"the suite's own first trial: {ours['cold_seconds']:.1f} s",
    )
