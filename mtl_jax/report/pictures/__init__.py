"""The pictures of a report."""

from mtl_jax.report.pictures.confusions import chosen_confusion, confusion, worst_confusion
from mtl_jax.report.pictures.scores import score_against_labels, score_against_steps
from mtl_jax.report.pictures.style import (
  COLOURS,
  FAINT,
  INK,
  WIDTH,
  End,
  Style,
  bare,
  label_ends,
  png,
  right_of,
  styles,
)
from mtl_jax.report.pictures.training import lines_of, over_training, training_curves

__all__ = [
  "COLOURS",
  "FAINT",
  "INK",
  "WIDTH",
  "End",
  "Style",
  "bare",
  "chosen_confusion",
  "confusion",
  "label_ends",
  "lines_of",
  "over_training",
  "png",
  "right_of",
  "score_against_labels",
  "score_against_steps",
  "styles",
  "training_curves",
  "worst_confusion",
]
