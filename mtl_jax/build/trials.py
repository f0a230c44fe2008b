"""Response of a simulated plant never seen before, from a few noisy trials."""

import jax
import numpy as np

from mtl_jax import baselines
from mtl_jax import config as c
from mtl_jax.baselines import History, Ladder
from mtl_jax.build.contract import Fold, HeldOut
from mtl_jax.evaluate import episodes_of
from mtl_jax.metrics import regression
from mtl_jax.tasks.processes import PLANTS
from mtl_jax.tasks.trials import scale, trials
from mtl_jax.types import Array, Episode, Metrics, TaskFamily

_HISTORY, _ROWS = 200, 128  # plants that baselines have seen, and trials of each


def features(tasks: c.Process) -> int:
  """How many settings the plant has."""
  return len(PLANTS[tasks.plant].settings)


def new_plants(config: c.Config, tasks: c.Process) -> list[Fold]:
  """Plants to learn from, to pick by and to be asked about are drawn with keys of their own, each once.

  Mean and deviation of the targets are those of further plants.
  """
  plant, places = PLANTS[tasks.plant], max(*config.evaluation.shots, tasks.shots[1])
  scale_key, history_key = jax.random.split(jax.random.fold_in(jax.random.key(config.seed), 3))
  scaled = scale(scale_key, plant)

  def family(shots: int | tuple[int, int], queries: int) -> TaskFamily:
    return trials(plant, scaled, shots=shots, queries=queries, noise=tasks.noise, places=places)

  def judged(prediction: Array, episode: Episode) -> Metrics:
    """In the plant's unit."""
    return regression(prediction, episode.query.y, episode.query.mask, scaled[1])

  def ladder() -> Ladder:
    others = trials(plant, scaled, shots=_ROWS, queries=1, noise=tasks.noise)
    past = episodes_of(history_key, others, _HISTORY).support
    x, y = np.asarray(past.x), np.asarray(past.y)
    return baselines.trials_ladder(
      History(x.reshape(-1, x.shape[-1]), y.reshape(-1), np.repeat(np.arange(_HISTORY), _ROWS))
    )

  test = HeldOut(lambda k: family(k, 100), (), ladder, unit=plant.unit, judge=judged, per="trials")
  learned, checked = family(tasks.shots, tasks.queries), family(max(1, sum(tasks.shots) // 2), 100)
  job = f"{tasks.plant.replace('_', ' ')}, plants never seen"
  return [Fold(tasks.plant, learned, checked, {job: test}, judge=judged)]
