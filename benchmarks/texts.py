"""Texts: frozen features and training steps of a real BERT against KerasHub and Keras."""

from __future__ import annotations

from benchmarks.measure import Row, in_fresh_process

__all__ = ["features", "steps"]

ONE_TEXT = "benchmarks.one_text"
FASTER = 3.0
"""How many times faster than KerasHub features must be made."""
SLOWER = 1.05
"""How much longer than plain Keras a training step may take."""


def features() -> Row:
    """Features of 2,000 sentences against ``TextClassifier.predict`` with its preprocessor attached.

    Both sides cut the texts and trace their function within the time; building the model is outside it.
    """
    ours = in_fresh_process(ONE_TEXT, "ours-features")
    peer = in_fresh_process(ONE_TEXT, "peer-features", "256")
    short = in_fresh_process(ONE_TEXT, "peer-features", "128")
    return Row(
        f"features of {ours['texts']:,} {ours['of']}, MiniLM",
        f"{FASTER:.0f} x",
        ours["seconds"],
        peer["seconds"],
        peer["seconds"] >= FASTER * ours["seconds"],
        f"both up to 256 tokens; a peer that pads to 128 and cuts what is longer: {short['seconds']:.1f} s; "
        f"the suite's second time, from disk: {ours['again_seconds']:.2f} s",
    )


def steps() -> Row:
    """A training step of everything against ``Model.fit`` on the same batches, the median of each side's epochs."""
    ours = in_fresh_process(ONE_TEXT, "ours-steps")
    peer = in_fresh_process(ONE_TEXT, "peer-steps")
    return Row(
        f"{ours['steps']} fine-tuning steps on {ours['of']}, batches of 16, MiniLM",
        "within 5 %",
        ours["seconds"],
        peer["seconds"],
        ours["seconds"] <= SLOWER * peer["seconds"],
        "the same batches of about one length on both sides, compilation left out",
    )
