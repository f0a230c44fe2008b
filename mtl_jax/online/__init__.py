"""Learners on a stream of events: predict now, learn when the label comes."""

from mtl_jax.online.alpaca import Belief, Normal, Prior, alpaca, alpaca_prior, rescaled, surprise, wide_prior
from mtl_jax.online.buying import Bought, buying
from mtl_jax.online.controls import frozen, last_known, persistence, retrained
from mtl_jax.online.detectors import Detector, alarms, bayesian, cusum, delays, ewma, page_hinkley, threshold_for
from mtl_jax.online.features import linear, linear_and
from mtl_jax.online.feed import Feed
from mtl_jax.online.gradient import Initial, gradient
from mtl_jax.online.imputed import imputed
from mtl_jax.online.moca import moca
from mtl_jax.online.sliding import sliding
from mtl_jax.online.streams import (
  Event,
  Replayed,
  Stream,
  cumulative_cost,
  events,
  forgetting,
  order,
  predictions,
  replay,
  serve,
  stream,
  stream_of,
  time_to_recover,
)
from mtl_jax.online.unrolled import unrolled
from mtl_jax.online.window import window_ridge

__all__ = [
  "Belief",
  "Bought",
  "Detector",
  "Event",
  "Feed",
  "Initial",
  "Normal",
  "Prior",
  "Replayed",
  "Stream",
  "alarms",
  "alpaca",
  "alpaca_prior",
  "bayesian",
  "buying",
  "cumulative_cost",
  "cusum",
  "delays",
  "events",
  "ewma",
  "forgetting",
  "frozen",
  "gradient",
  "imputed",
  "last_known",
  "linear",
  "linear_and",
  "moca",
  "order",
  "page_hinkley",
  "persistence",
  "predictions",
  "replay",
  "rescaled",
  "retrained",
  "serve",
  "sliding",
  "stream",
  "stream_of",
  "surprise",
  "threshold_for",
  "time_to_recover",
  "unrolled",
  "wide_prior",
  "window_ridge",
]
