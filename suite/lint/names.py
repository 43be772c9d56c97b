"""Names of data sets as people and libraries write them, brought to one form."""

from __future__ import annotations

import re

__all__ = ["shared_source"]

_IMAGENET = (
    "imagenet", "imagenet1k", "imagenet21k", "imagenet22k", "imagenet12k", "imagenet2012",
    "imagenet2012subset", "imagenet2012real", "imagenet2012multilabel", "imagenet2012corrupted",
    "imagenet2012fewshot", "ilsvrc", "ilsvrc2012", "imagenetv2", "imageneta", "imagenetr", "imagenetc",
    "imagenetsketch", "imagenetlt", "imagenetresized", "imagenetpi", "tinyimagenet", "tinyimagenet200",
    "miniimagenet", "tieredimagenet", "imagenette", "imagenette2", "imagewoof", "imagewoof2", "imagewang",
    "stanforddogs",
)  # fmt: skip
"""ImageNet, and sets that were drawn from it or collected to be its test set. Stanford Dogs: Khosla et al. 2011."""
_ALIASES: dict[str, str] = {
    **dict.fromkeys(_IMAGENET, "ImageNet"),
    **dict.fromkeys(("cifar10", "cifar10corrupted", "cifar101", "cifar10n", "cifar10c", "cifar10h"), "CIFAR-10"),
    **dict.fromkeys(("cifar100", "cifar100n", "cifar100c"), "CIFAR-100"),
    **dict.fromkeys(("mnist", "mnistcorrupted", "emnist", "qmnist", "mnistt10k"), "MNIST"),
    **dict.fromkeys(("fashionmnist",), "Fashion-MNIST"),
}


def shared_source(pretrained_on: str, names: tuple[str, ...]) -> str | None:
    """The source that weights and a data set have in common, or None.

    Args:
        pretrained_on: As cards and weights say it: ``cifar10``, ``ImageNet-21k, then ImageNet-1k``.
        names: What the data set is called: its label, its name at its source, the name of its folder.
    """
    sources = {found for part in re.split(r",|;|\+|\band\b|\bthen\b", pretrained_on) if (found := _source(part))}
    return next((found for name in names if (found := _source(name)) in sources), None)


def _source(name: str) -> str | None:
    """``cifar-10-seed0``, ``CIFAR10.zip`` and ``cifar10/train`` are CIFAR-10; an unknown name stands for itself."""
    stem = re.sub(r"\.(zip|tar|tgz|gz)$", "", name.strip().lower())
    stem = re.sub(r"[-_]seed\d+$", "", re.sub(r"\s*\([^)]*\)$", "", stem))
    words = [re.sub(r"[^a-z0-9]", "", part) for part in (stem, stem.split("/")[0])]
    known = (_ALIASES.get(re.sub(r"(train|test|val|validation|images|jpg|png)$", "", word)) for word in words)
    return next(filter(None, known), None) or (words[0] or None)
