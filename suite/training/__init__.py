"""One fit, and everything that knows of devices beside ``suite.runner``."""

from suite.training.batch_norm import refresh_batch_norm
from suite.training.device import Placement, place, prepare_device, set_precision
from suite.training.objective import (
    CrossEntropy,
    Distillation,
    Losses,
    Objective,
    TokenCrossEntropy,
    Validation,
    token_sums,
)
from suite.training.optimizer import OptimizerName, OptimizerSettings
from suite.training.predictor import Predictor
from suite.training.pruning import Masks, SparsitySchedule
from suite.training.replicas import Replicas, reset_seed_generators
from suite.training.trainer import Fitted, Recipe, Trainer

__all__ = [
    "CrossEntropy",
    "Distillation",
    "Fitted",
    "Losses",
    "Masks",
    "Objective",
    "OptimizerName",
    "OptimizerSettings",
    "Placement",
    "Predictor",
    "Recipe",
    "Replicas",
    "SparsitySchedule",
    "TokenCrossEntropy",
    "Trainer",
    "Validation",
    "place",
    "prepare_device",
    "refresh_batch_norm",
    "reset_seed_generators",
    "set_precision",
    "token_sums",
]
