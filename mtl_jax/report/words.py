"""Rows in plain language: who wins, by how much, and whether that is more than chance."""

import math
from collections.abc import Iterable
from typing import NamedTuple

from mtl_jax.report.run import (
  CONFUSION,
  GAIN,
  METRICS,
  TOGETHER,
  Metric,
  Row,
  best,
  headline,
  nearest,
  per,
  scored,
)


class Summary(NamedTuple):
  """A job in plain language: the lead, and a line for each K."""

  lead: str
  points: list[tuple[int, str]]


def summary(rows: Iterable[Row]) -> Summary:
  """Who wins at each K, by how much, and whether that is more than chance.

  A claim needs the paired difference to a baseline (`<metric>_gain`, positive where the
  method is better) with an interval that excludes zero, and rows that meet the protocol.
  """
  rows = list(rows)
  metric = headline(rows)
  judged = scored(rows, metric)
  ks = sorted({row.k for row in judged})
  points = [(k, _point(rows, [row for row in judged if row.k == k], metric)) for k in ks]
  lead = _lead(rows, [row for row in judged if row.k == nearest(ks)], metric)
  return Summary(_unbroken(lead), [(k, _unbroken(point)) for k, point in points])


def _unbroken(text: str) -> str:
  """Without line breaks between a number and its percent sign."""
  return text.replace(" %", "\N{NO-BREAK SPACE}%")


def _called(row: Row) -> str:
  return f"{row.method} (a baseline)" if row.kind == "baseline" else row.method


def _between(row: Row, metric: str) -> str:
  if row.interval is None:
    return "no interval"
  how = METRICS[metric]
  return f"95 % interval {how.text(row.interval[0])} to {how.text(row.interval[1])}"


def _lead(rows: list[Row], judged: list[Row], metric: str) -> str:
  top = best(judged)
  if not top:
    return "No method gave a number."
  row, how = top[0], METRICS[metric]
  opening = f"Preliminary ({row.shortfall}), not a result: with" if row.shortfall else "With"
  if metric not in TOGETHER:
    given = f"K = {row.k} ({per(rows, metric)})" if row.k else "no label"
    return (
      f"{opening} {given} from a unit never seen before, {_called(row)} predicts with "
      f"{how.label} {how.text(row.value)}{how.unit} ({_between(row, metric)})."
    )
  labels = next((r.labels for r in rows if r.metric == CONFUSION and r.labels), None)
  others = {r.metric: r for r in rows if (r.method, r.k, r.steps) == (row.method, row.k, None)}
  right = others.get("accuracy")
  recall = f"; macro recall {how.text(others['macro_recall'].value)} %" if "macro_recall" in others else ""
  does = (
    f"names the right {'class' if labels is None else f'one of {len(labels)} classes'} in "
    f"{how.text(right.value)} % of cases"
    if right
    else "leaves its accuracy unrecorded"
  )
  return (
    f"{opening} {row.k} labelled {'example' if row.k == 1 else 'examples'} of each class from a unit never "
    f"seen before, {_called(row)} {does} "
    f"({how.label} {how.text(row.value)} %, {_between(row, metric)}{recall})."
  )


def _point(rows: list[Row], judged: list[Row], metric: str) -> str:
  """One K: the winner, and the best of ours against the baselines."""
  how = METRICS[metric]
  top = best(judged)
  if not top:
    return "No method gave a number."
  wins = f"{' and '.join(map(_called, top))} {'is' if len(top) == 1 else 'are'} best"
  wins += f" ({how.label} {how.text(top[0].value)}{how.unit})."
  ours = best(row for row in judged if row.kind == "ours")
  base = best(row for row in judged if row.kind == "baseline")
  if not base:
    return f"{wins} No baseline was run, so there is nothing to compare it with."
  if not ours:
    return f"{wins} Only baselines were run."
  gains = [row for row in scored(rows, metric + GAIN) if row.k == judged[0].k and row.interval]
  tested = best(row for row in judged if row.kind == "ours" and row.method in {gain.method for gain in gains})
  if not tested:
    points = " points" if how.percent else ""
    apart = how.text(abs(ours[0].value - base[0].value)) + points
    ahead = "ahead of" if best([ours[0], base[0]])[0] is ours[0] else "behind"
    return (
      f"{wins} {ours[0].method} is {apart} {ahead} {base[0].method}, the best baseline; no paired test was "
      "recorded, so nothing is claimed."
    )
  gain = next(row for row in gains if row.method == tested[0].method)
  subject = "It" if [row.method for row in top] == [gain.method] else gain.method
  more = "".join(
    f" Over {other.against} the difference is {_signed(other.value, how)} ({_between(other, metric)})."
    for other in gains
    if other.method == gain.method and other is not gain and not other.shortfall
  )
  return f"{wins} {_verdict(subject, gain, base[0].method, [*ours, *base, gain], metric)}{more}"


def _signed(value: float, how: Metric) -> str:
  """With a true minus, and with a digit more where one decimal would read as zero."""
  scaled = 100 * value if how.percent else value
  text = f"{scaled:.2f}" if how.percent and abs(scaled) < 0.05 else how.text(value)
  return text.replace("-", "−")


def _verdict(subject: str, gain: Row, best_baseline: str, involved: list[Row], metric: str) -> str:
  how = METRICS[metric]
  low, high = gain.interval or (math.nan, math.nan)
  against = f"{gain.against}, the best baseline," if gain.against == best_baseline else f"{gain.against}"
  points = " points" if how.percent else ""
  apart = f"{how.text(abs(gain.value))}{points}"
  between = f"95 % interval of the paired difference {_signed(low, how)} to {_signed(high, how)}"
  if low > 0:
    said = f"{subject} beats {against} by {apart} ({between})."
    means = "The interval excludes zero: the lead is more than chance."
  elif high < 0:
    said = f"{subject} falls behind {against} by {apart} ({between})."
    means = f"The interval excludes zero: {gain.against} is the better choice."
  else:
    direction = "ahead of" if gain.value >= 0 else "behind"
    said = f"{subject} is {apart} {direction} {against.rstrip(',')} ({between})."
    means = "The interval includes zero: this run does not tell the two apart."
  if any(row.shortfall for row in involved):
    return f"{said} Preliminary: too little evidence for a conclusion."
  return f"{said} {means}"
