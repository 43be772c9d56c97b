"""One fit, and everything that knows of devices beside ``suite.runner``."""

from suite.training.batch_norm import refresh_batch_norm
from suite.training.device import prepare_device
from suite.training.objective import CrossEntropy, Distillation, Objective, TokenCrossEntropy, Validation, token_sums
from suite.training.optimizer import OptimizerName, OptimizerSettings
from suite.training.predictor import Predictor
from suite.training.pruning import Masks, SparsitySchedule
from suite.training.trainer import Fitted, Recipe, Trainer, reset_seed_generators

__all__ = [
    "CrossEntropy",
    "Distillation",
    "Fitted",
    "Masks",
    "Objective",
    "OptimizerName",
    "OptimizerSettings",
    "Predictor",
    "Recipe",
    "SparsitySchedule",
    "TokenCrossEntropy",
    "Trainer",
    "Validation",
    "prepare_device",
    "refresh_batch_norm",
    "reset_seed_generators",
    "token_sums",
]
