# pyright: reportMissingImports=false
"""BoTorch on plants, noise and candidates of scripts/tune.py, one plant after another; needs the extra `botorch`.

python scripts/tune_botorch.py williams_otto

A SingleTaskGP with the package's priors and scaling for the response and for each limit, fitted anew after every trial,
and the logarithm of (constrained) expected improvement (S. Ament et al., "Unexpected improvements to expected
improvement for Bayesian optimization", NeurIPS 2023) over the candidates: what a plain package gives without other
plants. It begins at the nominal set-point, asks for 0.5 that limits are kept in a trial and advises what was tried and
keeps them with 0.95, as `GP, EI` of scripts/tune.py does. Its plants are the first of that script's, with their noise.
"""

import json
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import torch
import tyro
from botorch import fit_gpytorch_mll
from botorch.acquisition.analytic import LogConstrainedExpectedImprovement, LogExpectedImprovement
from botorch.models import ModelListGP, SingleTaskGP
from gpytorch.mlls import ExactMarginalLogLikelihood
from scipy.stats import norm

from mtl_jax import tuning
from mtl_jax.evaluate import interval
from mtl_jax.job import console, exit_with_message
from mtl_jax.tasks.processes import PLANTS
from mtl_jax.tuning import comparison

REFERENCE = 2**14  # as in scripts/tune.py


@dataclass(frozen=True)
class Command:
  """BoTorch on the plants of scripts/tune.py."""

  plant: tyro.conf.Positional[str]
  plants: int = 20
  trials: int = 15
  noise: float = 0.05
  known: int = 100
  """other plants, of whose logs only the noise is taken"""
  logged: int = 64
  candidates: int = 1024
  seed: int = 0
  out: Path = Path("runs/tune_botorch")


def chosen(z: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """Where to try next and where to run, of candidates z (q, d), after trials x (n, d) with y (n, 1 + c)."""
  options = np.vstack([z, x])
  models = []
  for column in y.T:
    model = SingleTaskGP(torch.tensor(x), torch.tensor(column)[:, None])
    fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
    models.append(model)
  with torch.no_grad():
    beliefs = [model.posterior(torch.tensor(options)) for model in models]
    mean = beliefs[0].mean.numpy()[:, 0]
    kept = np.ones(len(options))
    for belief in beliefs[1:]:
      kept *= norm.cdf(-belief.mean.numpy()[:, 0] / np.sqrt(belief.variance.numpy()[:, 0]))
    seen = np.arange(len(options)) >= len(z)
    good = seen & (kept >= 0.5)
    best = mean[good].max() if good.any() else mean.min()
    if len(models) == 1:
      acquisition = LogExpectedImprovement(models[0], best)
    else:
      limits = {j: [None, 0.0] for j in range(1, len(models))}
      acquisition = LogConstrainedExpectedImprovement(ModelListGP(*models), best, 0, limits)
    worth = acquisition(torch.tensor(options)[:, None]).numpy()
  repeated = np.any(np.sum((options[:, None] - x[None]) ** 2, -1) < 1e-6, axis=1)
  new = ~seen & ~repeated
  safe = new & (kept >= 0.5)
  tried = np.argmax(np.where(safe, worth, -np.inf) if safe.any() else np.where(new, kept, -np.inf))
  lasting = seen & (kept >= 0.95)
  advised = np.argmax(np.where(lasting, mean, -np.inf) if lasting.any() else np.where(seen, kept, -np.inf))
  return options[tried], options[advised]


def main(argv: list[str]) -> None:
  command = tyro.cli(Command, args=argv, description=__doc__)
  warnings.filterwarnings("ignore", module="botorch|gpytorch|linear_operator")
  torch.set_num_threads(1)
  plant, count = PLANTS[command.plant], command.trials
  keys = jax.random.split(jax.random.key(command.seed), 6)
  _, noise = tuning.logs(keys[0], plant, command.known, command.logged, command.noise)
  candidates = tuning.candidates(plant, command.candidates)
  z = np.asarray(candidates, float)
  finer = jnp.vstack([candidates, tuning.candidates(plant, REFERENCE)])
  tasks = jax.vmap(plant.sample_task)(jax.random.split(keys[1], command.plants))
  noise_keys = jax.random.split(jax.random.fold_in(keys[3], 0), command.plants)
  first = jnp.zeros(1, int)
  reference = jax.jit(lambda task: comparison.reference(tuning.responses_of(plant, task), finer, first))
  gives = jax.jit(lambda u, task: tuning.responses_of(plant, task)(u, jnp.asarray(0)))
  regrets, broken, began = [], [], time.perf_counter()
  for p in range(command.plants):
    task = jax.tree.map(lambda leaf, p=p: leaf[p], tasks)
    errors = np.asarray(noise[None] * jax.random.normal(noise_keys[p], (count, len(noise))))
    x, gave, advised = [z[0]], [], [z[0]]
    for n in range(count):
      gave.append(np.asarray(gives(jnp.asarray(x[n], jnp.float32), task)))
      tried, best = chosen(z, np.asarray(x), np.asarray(gave, float) + errors[: n + 1])
      x.append(tried)
      advised.append(best)
    there = jnp.stack([gives(jnp.asarray(u, jnp.float32), task) for u in advised])
    made = tuning.Campaign(*map(jnp.asarray, (x[:count], gave, gave, advised, there)))
    regrets.append(np.asarray(comparison.regret(made, reference(task))))
    broken.append(np.asarray(tuning.broken(made.gave)).mean())
    console.print(f"plant {p}: {time.perf_counter() - began:.0f} s, regret {regrets[-1][-1]:.3g}")
    command.out.mkdir(parents=True, exist_ok=True)
    (command.out / f"{command.plant}.json").write_text(json.dumps([each.tolist() for each in regrets]))
  units = np.arange(command.plants)
  rows = [interval(np.asarray(regrets)[None, :, n], units) for n in range(count + 1)]
  said = "; ".join(f"{n}: {row[0]:.3g} [{row[1]:.3g}, {row[2]:.3g}]" for n, row in enumerate(rows))
  console.print(f"BoTorch, {command.plants} plants, regret in {plant.unit}: {said}", markup=False)
  if plant.constraints:
    share = interval(np.asarray(broken)[None], units)
    console.print("trials that break a limit: {:.1%} [{:.1%}, {:.1%}]".format(*share))


if __name__ == "__main__":
  exit_with_message(main, sys.argv[1:])
