"""Learners on a stream of events: predict now, learn when the label comes."""

from mtl_jax.online.alpaca import Belief, Normal, Prior, alpaca, alpaca_prior, surprise
from mtl_jax.online.controls import frozen, persistence, retrained
from mtl_jax.online.moca import moca
from mtl_jax.online.streams import (
  Event,
  Replayed,
  Stream,
  cumulative_cost,
  events,
  order,
  replay,
  serve,
  stream,
  stream_of,
  time_to_recover,
)
from mtl_jax.online.window import window_ridge

__all__ = [
  "Belief",
  "Event",
  "Normal",
  "Prior",
  "Replayed",
  "Stream",
  "alpaca",
  "alpaca_prior",
  "cumulative_cost",
  "events",
  "frozen",
  "moca",
  "order",
  "persistence",
  "replay",
  "retrained",
  "serve",
  "stream",
  "stream_of",
  "surprise",
  "time_to_recover",
  "window_ridge",
]
