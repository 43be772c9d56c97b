"""The constructors of ``keras.applications`` as a table, so that specs plan without TensorFlow.

Read from Keras 3.15; a test compares every row with the installed Keras.
"""

from __future__ import annotations

from dataclasses import dataclass

from suite.models.preprocessing import PreprocessingMode
from suite.store.records.resizing import Interpolation, Resizing

__all__ = [
    "CONSTRUCTORS",
    "Constructor",
    "WeightsFile",
    "evaluation_resizing",
    "published_side",
    "published_widths",
    "weights_file",
    "weights_licence",
]

HOST = "https://storage.googleapis.com/"


@dataclass(frozen=True)
class Constructor:
    """What has to be known of a constructor before it is called."""

    module: str
    """Under ``keras.applications``; holds its ``preprocess_input``."""
    mode: PreprocessingMode
    """``none`` where the network preprocesses inside."""
    default_size: int
    """Side of the images that the published weights were trained on, pixels."""
    smallest: int
    """Shortest side that it can be built for without head, pixels."""
    family: str
    """A family of ``suite/models/stages.py``."""
    file_hash: str
    """MD5 or SHA-256 of the published weights without head; empty where it depends on options, or is not given."""


@dataclass(frozen=True)
class WeightsFile:
    """A published weights file."""

    name: str
    """In the folder ``models`` of Keras's cache."""
    url: str
    file_hash: str
    """MD5 or SHA-256, hex; empty where none is published."""


CONSTRUCTORS: dict[str, Constructor] = {
    "ConvNeXtBase": Constructor(
        "convnext", "none", 224, 32, "convnext", "40a20c5548a5e9202f69735ecc06c990e6b7c9d2de39f0361e27baeb24cb7c45"
    ),
    "ConvNeXtLarge": Constructor(
        "convnext", "none", 224, 32, "convnext", "96f02b6f0753d4f543261bc9d09bed650f24dd6bc02ddde3066135b63d23a1cd"
    ),
    "ConvNeXtSmall": Constructor(
        "convnext", "none", 224, 32, "convnext", "6fc8009faa2f00c1c1dfce59feea9b0745eb260a7dd11bee65c8e20843da6eab"
    ),
    "ConvNeXtTiny": Constructor(
        "convnext", "none", 224, 32, "convnext", "d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1"
    ),
    "ConvNeXtXLarge": Constructor(
        "convnext", "none", 224, 32, "convnext", "de3f8a54174130e0cecdc71583354753d557fcf1f4487331558e2a16ba0cfe05"
    ),
    "DenseNet121": Constructor("densenet", "torch", 224, 32, "densenet", "30ee3e1110167f948a6b9946edeeb738"),
    "DenseNet169": Constructor("densenet", "torch", 224, 32, "densenet", "b8c4d4c20dd625c148057b9ff1c1176b"),
    "DenseNet201": Constructor("densenet", "torch", 224, 32, "densenet", "c13680b51ded0fb44dff2d8f86ac8bb1"),
    "EfficientNetB0": Constructor("efficientnet", "none", 224, 32, "efficientnet", "50bc09e76180e00e4465e1a485ddc09d"),
    "EfficientNetB1": Constructor("efficientnet", "none", 240, 32, "efficientnet", "74c4e6b3e1f6a1eea24c589628592432"),
    "EfficientNetB2": Constructor("efficientnet", "none", 260, 32, "efficientnet", "111f8e2ac8aa800a7a99e3239f7bfb39"),
    "EfficientNetB3": Constructor("efficientnet", "none", 300, 32, "efficientnet", "af6d107764bb5b1abb91932881670226"),
    "EfficientNetB4": Constructor("efficientnet", "none", 380, 32, "efficientnet", "ebc24e6d6c33eaebbd558eafbeedf1ba"),
    "EfficientNetB5": Constructor("efficientnet", "none", 456, 32, "efficientnet", "38879255a25d3c92d5e44e04ae6cec6f"),
    "EfficientNetB6": Constructor("efficientnet", "none", 528, 32, "efficientnet", "9ecce42647a20130c1f39a5d4cb75743"),
    "EfficientNetB7": Constructor("efficientnet", "none", 600, 32, "efficientnet", "cbcfe4450ddf6f3ad90b1b398090fe4a"),
    "EfficientNetV2B0": Constructor(
        "efficientnet_v2", "none", 224, 32, "efficientnet", "893217f2bb855e2983157299931e43ff"
    ),
    "EfficientNetV2B1": Constructor(
        "efficientnet_v2", "none", 240, 32, "efficientnet", "0e80663031ca32d657f9caa404b6ec37"
    ),
    "EfficientNetV2B2": Constructor(
        "efficientnet_v2", "none", 260, 32, "efficientnet", "1dfe2e7a5d45b6632553a8961ea609eb"
    ),
    "EfficientNetV2B3": Constructor(
        "efficientnet_v2", "none", 300, 32, "efficientnet", "f6abf7b5849ac99a89b50dd3fd532856"
    ),
    "EfficientNetV2L": Constructor(
        "efficientnet_v2", "none", 480, 32, "efficientnet", "b0b66b5c863aef5b46e8608fe1711615"
    ),
    "EfficientNetV2M": Constructor(
        "efficientnet_v2", "none", 480, 32, "efficientnet", "1b8dc055df72dde80d614482840fe342"
    ),
    "EfficientNetV2S": Constructor(
        "efficientnet_v2", "none", 384, 32, "efficientnet", "af0682fb74e8c54910f2d4393339c070"
    ),
    "InceptionResNetV2": Constructor(
        "inception_resnet_v2", "tf", 299, 75, "inception", "d19885ff4a710c122648d3b5c3b684e4"
    ),
    "InceptionV3": Constructor("inception_v3", "tf", 299, 75, "inception", "bcbd6486424b2319ff4ef7d526e38f63"),
    "MobileNet": Constructor("mobilenet", "tf", 224, 32, "mobilenet", ""),
    "MobileNetV2": Constructor("mobilenet_v2", "tf", 224, 32, "mobilenet", ""),
    "MobileNetV3Large": Constructor("mobilenet_v3", "none", 224, 32, "mobilenet", ""),
    "MobileNetV3Small": Constructor("mobilenet_v3", "none", 224, 32, "mobilenet", ""),
    "NASNetLarge": Constructor("nasnet", "tf", 331, 32, "nasnet", "d81d89dc07e6e56530c4e77faddd61b5"),
    "NASNetMobile": Constructor("nasnet", "tf", 224, 32, "nasnet", "1ed92395b5b598bdda52abe5c0dbfd63"),
    "ResNet101": Constructor("resnet", "caffe", 224, 32, "resnet", "88cf7a10940856eca736dc7b7e228a21"),
    "ResNet101V2": Constructor("resnet_v2", "tf", 224, 32, "resnet", "c0ed64b8031c3730f411d2eb4eea35b5"),
    "ResNet152": Constructor("resnet", "caffe", 224, 32, "resnet", "ee4c566cf9a93f14d82f913c2dc6dd0c"),
    "ResNet152V2": Constructor("resnet_v2", "tf", 224, 32, "resnet", "ed17cf2e0169df9d443503ef94b23b33"),
    "ResNet50": Constructor("resnet", "caffe", 224, 32, "resnet", "4d473c1dd8becc155b73f8504c6f6626"),
    "ResNet50V2": Constructor("resnet_v2", "tf", 224, 32, "resnet", "fac2f116257151a9d068a22e544a4917"),
    "VGG16": Constructor("vgg16", "caffe", 224, 32, "vgg", "6d6bbae143d832006294945121d1f1fc"),
    "VGG19": Constructor("vgg19", "caffe", 224, 32, "vgg", "253f8cb515780f3b799900260a226db6"),
    "Xception": Constructor("xception", "tf", 299, 71, "xception", "b0042744bf5b25fce3cb969f33bebb97"),
}

MOBILENET_V3 = {
    ("Large", False, 0.75): "40af19a13ebea4e2ee0c676887f69a2e",
    ("Large", False, 1.0): "07fb09a5933dd0c8eaafa16978110389",
    ("Large", True, 1.0): "ec5221f64a2f6d1ef965a614bdae7973",
    ("Small", False, 0.75): "ebdb5cc8e0b497cd13a7c275d475c819",
    ("Small", False, 1.0): "d3e8ec802a04aa4fc771ee12a9a9b836",
    ("Small", True, 1.0): "cde8136e733e811080d9fcd8a252f7e4",
}
"""Hashes by size, whether minimalistic, and width."""
WIDTHS = {
    "MobileNet": (0.25, 0.5, 0.75, 1.0),
    "MobileNetV2": (0.35, 0.5, 0.75, 1.0, 1.3, 1.4),
}
MOBILENET_WIDTHS = {0.25: "2_5", 0.5: "5_0", 0.75: "7_5", 1.0: "1_0"}
"""As the names of the files spell them."""
FOLDERS = {"efficientnet": "keras-applications/", "resnet_v2": "tensorflow/keras-applications/resnet/"}
"""Where the files of a module do not lie in a folder of its name."""
KERNELS = "weights_tf_dim_ordering_tf_kernels"
REMOTE_NAMES = {
    "nasnet_large_no_top.h5": "NASNet-large-no-top.h5",
    "nasnet_mobile_no_top.h5": "NASNet-mobile-no-top.h5",
}
"""Where a file is called otherwise at its source."""
SIZES = {"MobileNet": (128, 160, 192, 224), "MobileNetV2": (96, 128, 160, 192, 224)}
LICENCES = {
    "vgg": "CC-BY-4.0",
    "densenet": "BSD-3-Clause",
    "resnet": "MIT",
    "convnext": "MIT",
    "xception": "MIT",
}
"""ResNet and ResNetV2: keras.io, Applications, "License" (Kaiming He; Facebook's fb.resnet.torch). Others: not read."""


UNPADDED = ("EfficientNetV2S", "EfficientNetV2M", "EfficientNetV2L")


def evaluation_resizing(name: str) -> Resizing:
    """How images were resized when the constructor's published weights were evaluated.

    - keras-team/keras-applications, README, "Performance": one centre crop for all. Its size before the crop is that of
      the models' own sources: 224 of 256 pixels, a share of 0.875, bilinear (He et al. 2016 and torchvision for VGG,
      ResNet and DenseNet; ``central_fraction=0.875`` in TF-slim's ``inception_preprocessing`` for Inception, NASNet,
      MobileNet and ResNetV2, where the sides were scaled each by itself after it; Keras keeps proportions).
    - EfficientNet: ``CROP_PADDING = 32`` pixels around the crop, bicubic (tensorflow/tpu, ``efficientnet/
      preprocessing.py``): shares of 0.875 for B0 to 0.949 for B7. EfficientNetV2 S, M and L: no padding (google/automl,
      and ``crop_pct`` 1.0 in timm's results, which also list the others).
    - ConvNeXt: 224 of 256, bicubic (facebookresearch/ConvNeXt, ``datasets.py``).
    """
    constructor = CONSTRUCTORS[name]
    if constructor.family == "efficientnet":
        side = constructor.default_size
        share = 1.0 if name in UNPADDED else round(side / (side + 32), 4)
        return Resizing(fit="shorter_side", crop_share=share, interpolation="bicubic")
    interpolation: Interpolation = "bicubic" if constructor.family == "convnext" else "bilinear"
    return Resizing(fit="shorter_side", crop_share=0.875, interpolation=interpolation)


def weights_licence(name: str) -> str:
    """Licence of the published ImageNet weights, as their authors give it; Google's own are Apache-2.0."""
    family = CONSTRUCTORS[name].family
    if family == "resnet" and name.endswith("V2"):
        return "BSD-3-Clause"
    return LICENCES.get(family, "Apache-2.0")


def published_widths(name: str, *, minimalistic: bool) -> tuple[float, ...]:
    """The ``alpha`` for which ImageNet weights are published; 1.0 alone where there is no ``alpha``."""
    if name.startswith("MobileNetV3"):
        return tuple(width for size, thin, width in MOBILENET_V3 if name.endswith(size) and thin is minimalistic)
    return WIDTHS.get(name, (1.0,))


def published_side(name: str, size: tuple[int, int]) -> int:
    """Side of the images, in pixels, that the weights Keras loads for this input size were trained on."""
    sides = SIZES.get(name, ())
    if size[0] == size[1] and size[0] in sides:
        return size[0]
    return 224 if sides else CONSTRUCTORS[name].default_size


def weights_file(name: str, *, alpha: float, minimalistic: bool, size: tuple[int, int]) -> WeightsFile:
    """The published ImageNet weights without head that Keras loads for these arguments."""
    constructor = CONSTRUCTORS[name]
    folder = FOLDERS.get(constructor.module, f"tensorflow/keras-applications/{constructor.module}/")
    file_hash = constructor.file_hash
    side = published_side(name, size)
    if constructor.module == "mobilenet_v3":
        kind = name.removeprefix("MobileNetV3")
        thin = "_minimalistic" if minimalistic else ""
        file = f"weights_mobilenet_v3_{kind.lower()}{thin}_224_{float(alpha)}_float_no_top_v2.h5"
        file_hash = MOBILENET_V3[kind, minimalistic, float(alpha)]
    elif constructor.module == "mobilenet":
        file = f"mobilenet_{MOBILENET_WIDTHS[float(alpha)]}_{side}_tf_no_top.h5"
    elif constructor.module == "mobilenet_v2":
        file = f"mobilenet_v2_{KERNELS}_{float(alpha)}_{side}_no_top.h5"
    else:
        file = _plain_file(name, constructor.module)
    published = REMOTE_NAMES.get(file, file)
    return WeightsFile(file, f"{HOST}{folder}{published}", file_hash)


def _plain_file(name: str, module: str) -> str:
    """The file's name for constructors without options."""
    if module == "convnext":
        return f"convnext_{name.removeprefix('ConvNeXt').lower()}_notop.h5"
    if module == "efficientnet":
        return f"{name.lower()}_notop.h5"
    if module == "efficientnet_v2":
        return f"efficientnetv2-{name.removeprefix('EfficientNetV2').lower()}_notop.h5"
    if module == "nasnet":
        return f"nasnet_{name.removeprefix('NASNet').lower()}_no_top.h5"
    stem = module if module.startswith("inception") else name.lower()
    return f"{stem}_{KERNELS}_notop.h5"
