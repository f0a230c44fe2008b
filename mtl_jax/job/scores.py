"""What was scored, as the rows of scores.json: intervals, gains over the best baselines, confusion matrices."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mtl_jax.build import Fold
from mtl_jax.config import Config
from mtl_jax.evaluate import Scores, interval
from mtl_jax.report import METRICS

ENDS = ("mean", "low", "high")
_ROOTS = {"mse": "rmse", "mse_uncapped": "rmse_uncapped"}
Key = tuple[str, int, int | None]  # method, labels, adaptation steps
Collected = dict[str, dict[Key, list[Scores]]]  # per job; one entry of the list per fold


def headline(scores: Mapping[str, Any]) -> tuple[str, float]:
  """The metric that a job is judged by, and 1 or -1: what makes higher better."""
  name = next(metric for metric in METRICS if metric in scores)
  return name, -1.0 if METRICS[name].lower_is_better else 1.0


def joint_name(config: Config, name: str) -> str:
  """What all seeds of a method are called that answer together."""
  return f"{name}, {config.training.seeds} seeds together"


def rows_of(
  config: Config,
  job: str,
  found: dict[Key, list[Scores]],
  kinds: dict[str, str],
  simple: set[str],
  unit: np.ndarray,
  folds: list[Fold],
) -> list[dict[str, Any]]:
  """Rows of scores.json: intervals, paired gains over the best baseline, confusion matrices."""
  test = next(fold.tests[job] for fold in folds if job in fold.tests)
  labels = test.labels
  joined = {
    at: {name: np.concatenate([s[name] for s in parts], axis=1) for name in parts[0]} for at, parts in found.items()
  }
  judged, sign = headline(next(iter(joined.values())))
  joint = {joint_name(config, name) for name in kinds}

  def row(at: Key, metric: str, values: np.ndarray, **more: Any) -> dict[str, Any]:
    episodes = values.shape[1]
    mean, low, high = interval(values, unit if episodes == len(unit) else None)
    base = {"job": job, "method": at[0], "kind": kinds.get(at[0], "baseline"), "k": at[1], "metric": metric}
    base |= {"complete": True} if test.every is not None else {}
    base |= {"per": test.per} if test.per else {}
    base |= {"joint": True} if at[0] in joint else {}
    # A network that answers once in each episode is one draw of what was trained, and not several.
    seeds = len(values) if at[0] in kinds else config.training.seeds
    numbers = {"mean": mean, "low": low, "high": high, "seeds": seeds, "episodes": episodes}
    return base | numbers | ({} if at[2] is None else {"steps": at[2]}) | more

  rows = []
  for at, scores in joined.items():
    names = [name for name in scores if name != "confusion"]
    made = [row(at, name, scores[name]) for name in (names if at[2] is None else [judged])]
    rows += made
    if test.unit:  # the root of the mean over all that was asked, not the mean of roots
      squared = [r for r in made if r["metric"] in _ROOTS]
      rows += [r | {"metric": _ROOTS[r["metric"]]} | {end: float(np.sqrt(r[end])) for end in ENDS} for r in squared]
    if labels and at[2] is None:
      counts = scores["confusion"].sum((0, 1))[: len(labels), : len(labels)]
      present = (counts.sum(0) > 0) | (counts.sum(1) > 0)
      shares = counts[present][:, present] / np.maximum(counts[present].sum(1, keepdims=True), 1)
      named = [label for label, here in zip(labels, present, strict=True) if here]
      matrix = {"mean": shares.round(4).tolist(), "low": None, "high": None, "labels": named}
      rows.append(row(at, "confusion", scores["accuracy"]) | matrix)
  for k in config.evaluation.shots:
    table = {at: s[judged] for at, s in joined.items() if at[1] == k and at[2] is None}
    ours = [at for at in table if kinds.get(at[0]) == "ours"]
    baselines = [at for at in table if at not in ours and at[0] not in joint]
    # The best baseline of all, and the best without a network; each is picked on the very episodes
    # that it is compared on, which favours it.
    choices = (baselines, [at for at in baselines if at[0] in simple])
    rivals = [max(choice, key=lambda at: sign * table[at].mean()) for choice in choices if choice]
    for at in ours:
      for rival in dict.fromkeys(rivals):
        gain = sign * (table[at] - table[rival].mean(axis=0, keepdims=True))
        found_gain = row(at, f"{judged}_gain", gain, against=rival[0])
        rows.append(found_gain)
        if test.unit and judged in _ROOTS:  # b - a = (b^2 - a^2) / (a + b)
          both = float(np.sqrt(table[at].mean()) + np.sqrt(table[rival].mean()))
          rooted = {end: found_gain[end] / both for end in ENDS}
          rows.append(found_gain | {"metric": f"{_ROOTS[judged]}_gain"} | rooted)
  return rows
