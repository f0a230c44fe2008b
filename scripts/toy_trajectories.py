"""Draws the way that each aggregator takes on the two-objective problem of CAGrad and Nash-MTL.

python scripts/toy_trajectories.py
python scripts/toy_trajectories.py --steps 40000 --picture trajectories.png

From the three starts of CAGrad's figure 1, with its Adam of rate 0.001. A dot is a start, the star is where the mean of
both losses is least, and lines go from dark to bright. Another aggregator is another row of `AGGREGATORS`.
"""

import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import matplotlib
import numpy as np
import optax
import tyro

import mtl_jax
from mtl_jax import multitask
from mtl_jax.command import exit_with_message
from mtl_jax.multitask import CoordinateAggregator
from mtl_jax.tasks import toy
from mtl_jax.types import Aggregator

AGGREGATORS: dict[str, Aggregator | CoordinateAggregator | None] = {
  "mean": None,
  "CAGrad": multitask.cagrad(),
  "Nash-MTL": multitask.nash_mtl(),
  "UPGrad": multitask.upgrad(),
  "PCGrad": multitask.pcgrad(),
  "MGDA": multitask.mgda(),
  "Aligned-MTL": multitask.aligned_mtl(),
  "GradDrop": multitask.graddrop(),
}
_SHOWN = 400  # points of a line


def trajectories(aggregator: Aggregator | CoordinateAggregator | None, steps: int) -> np.ndarray:
  """(starts, points, 2): where the point is at equal distances in time, the last one after all steps."""
  algorithm = mtl_jax.joint(toy.apply, toy.LOSSES, outer=optax.adam(1e-3), aggregator=aggregator)
  data = jax.tree.map(lambda leaf: leaf[None], toy.problem().sample(jax.random.key(0)))

  def walk(key: jax.Array, start: jax.Array) -> jax.Array:
    def step(state, i):
      return algorithm.update(jax.random.fold_in(key, i), state, data)[0], None

    def stretch(state, i):
      state, _ = jax.lax.scan(step, state, i)
      return state, state.params

    _, points = jax.lax.scan(stretch, algorithm.init(start), jnp.reshape(jnp.arange(steps), (_SHOWN, -1)))
    return jnp.concatenate([start[None], points])

  return np.asarray(jax.jit(jax.vmap(walk))(jax.random.split(jax.random.key(0), 3), jnp.asarray(toy.STARTS)))


def main(steps: int = 100_000, picture: Path = Path("notebooks/toy_trajectories.png")) -> None:
  """Walks `steps` steps, a multiple of 400, with each aggregator."""
  matplotlib.use("Agg")
  from matplotlib import pyplot

  grid = np.stack(np.meshgrid(*(np.linspace(-11, 11, 300),) * 2), axis=-1)
  height = np.asarray(jax.vmap(toy.toy)(jnp.asarray(grid.reshape(-1, 2)))).mean(axis=1).reshape(grid.shape[:2])
  columns = min(len(AGGREGATORS), 4)
  rows = -(-len(AGGREGATORS) // columns)
  size = (3.2 * columns, 3.3 * rows)
  figure, axes = pyplot.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
  for ax in axes.flat[len(AGGREGATORS) :]:
    ax.set_axis_off()
  for ax, (name, aggregator) in zip(axes.flat, AGGREGATORS.items(), strict=False):
    found = trajectories(aggregator, steps)
    ax.contour(grid[..., 0], grid[..., 1], height, levels=15, colors="0.8", linewidths=0.7)
    for line in found:
      ax.scatter(*line.T, c=np.arange(len(line)), cmap="plasma", s=3, zorder=2)
      ax.plot(*line[0], "ko", markersize=5)
    ax.plot(*toy.MINIMUM, "k*", markersize=11)
    ax.set(title=name, xlim=(-11, 11), ylim=(-11, 11), aspect="equal")
    print(
      name,
      *(
        f"({start[0]:g}, {start[1]:g}) -> ({x:.3f}, {y:.3f})"
        for start, (x, y) in zip(toy.STARTS, found[:, -1], strict=True)
      ),
      sep="  ",
    )
  figure.savefig(picture, dpi=150)


if __name__ == "__main__":
  exit_with_message(lambda argv: tyro.cli(main, args=argv), sys.argv[1:])
