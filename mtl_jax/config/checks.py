"""What a config cannot be."""

from pathlib import Path

from mtl_jax.config.job import AnyConfig, Config
from mtl_jax.config.methods import (
  GRU,
  MLP,
  Algorithm,
  Anp,
  Cnp,
  Conv1D,
  Custom,
  Imaml,
  InContext,
  Model,
  Residual,
  name_of,
)
from mtl_jax.config.multitask import MultiTask
from mtl_jax.config.tasks import (
  WITHOUT_LABELS,
  Bearings,
  Demand,
  FewEngines,
  Fleet,
  FleetToBearings,
  Own,
  Process,
  Productivity,
  RemainingLife,
  Sinusoid,
  Surface,
)

_WINDOW = 2048  # samples; configs know no tasks/bearings.py


class ConfigError(ValueError):
  """A config that cannot work; the message names the field, the value and the way out."""


def _require(condition: bool, field: str, value: object, way_out: str) -> None:
  if not condition:
    raise ConfigError(f"{field}={value!r}: {way_out}")


def _validate_method(where: str, algorithm: Algorithm, config: Config) -> None:
  """What a method asks of its own sizes, of the network and of the tasks."""
  heads = getattr(algorithm, "heads", 1)
  penalty = getattr(algorithm, "penalty", None)
  _require(penalty is None or penalty > 0.0, f"{where}.penalty", penalty, "must be positive")
  for field in ("context", "rank", "layers", "heads", "embedding", "width", "cg_steps", "multi_step_loss", "truncate"):
    value = getattr(algorithm, field, None)
    _require(value is None or value >= 1, f"{where}.{field}", value, "must be at least 1")
  for field in ("embedding", "width"):
    value = getattr(algorithm, field, None)
    _require(
      value is None or value % heads == 0,
      f"{where}.{field}",
      value,
      f"must be a multiple of the number of heads, {heads}",
    )
  model, tasks = config.model, config.tasks
  match algorithm:
    case Imaml(damping=damping):
      _require(0.0 <= damping < float("inf"), f"{where}.damping", damping, "0, for none, or more, and finite")
    case Cnp() | Anp():
      latent = getattr(algorithm, "latent", 0)
      _require(latent >= 0, f"{where}.latent", latent, "must be 0, for no latent path, or more")
      _require(isinstance(model, MLP), "model", model, "the networks of a neural process are MLPs")
      known = isinstance(tasks, Sinusoid | FewEngines | Productivity | Demand | Process)
      numbers = known or (isinstance(tasks, Own) and tasks.predict == "values")
      _require(numbers, where, algorithm, "a neural process predicts numbers; of an Own say predict='values'")
    case InContext():
      reads = isinstance(model, MLP | Residual)
      _require(reads, "model", model, "a transformer reads features: an MLP's or a Residual's")
      _require(not isinstance(tasks, Demand), where, algorithm, "it forecasts no deciles; for a Demand take Cnp or Anp")


def _validate_own(tasks: Own, model: Model) -> None:
  _require(isinstance(model, MLP), "model", model, "rows of a table are read by an MLP")
  low, high = tasks.shots
  _require(1 <= low <= high, "tasks.shots", tasks.shots, "a range (low, high) with 1 <= low <= high")
  _require(tasks.queries >= 1, "tasks.queries", tasks.queries, "must be at least 1")
  _require(tasks.gap >= 0, "tasks.gap", tasks.gap, "cannot be negative")
  for field in ("validation", "test"):
    value = getattr(tasks, field)
    _require(0.0 < value < 1.0, f"tasks.{field}", value, "a share of the units, between 0 and 1")
  both = tasks.validation + tasks.test
  _require(both < 1.0, "tasks.test", tasks.test, f"with tasks.validation, {both:g}: leave some units to learn from")
  _require(len(tasks.features) > 0, "tasks.features", tasks.features, "name at least one column")
  roles = (tasks.unit, tasks.time, tasks.target)
  _require(len(set(roles)) == 3, "tasks.target", tasks.target, f"unit, time and target must differ, not be {roles}")
  for name in (tasks.unit, tasks.target):
    _require(name not in tasks.features, "tasks.features", tasks.features, f"{name!r} is the unit or the target")
  _require(len(set(tasks.features)) == len(tasks.features), "tasks.features", tasks.features, "name each column once")
  columns = {*roles, *tasks.features}
  for i, rule in enumerate(tasks.rules):
    known = f"must be one of {', '.join(sorted(columns))}"
    _require(rule.column in columns, f"tasks.rules.{i}.column", rule.column, known)


def _validate_demand(tasks: Demand, config: Config) -> None:
  _require(isinstance(config.model, MLP), "model", config.model, "periods are read by an MLP")
  low, high = tasks.shots
  _require(1 <= low <= high, "tasks.shots", tasks.shots, "a range (low, high) with 1 <= low <= high")
  _require(tasks.horizon >= 1, "tasks.horizon", tasks.horizon, "must be at least 1")
  least = f"must be at least the horizon, {tasks.horizon}"
  _require(tasks.held_back >= tasks.horizon, "tasks.held_back", tasks.held_back, least)
  _require(tasks.since >= 0, "tasks.since", tasks.since, "counts periods from the first, 0")
  _require(1 <= tasks.rotations <= 5, "tasks.rotations", tasks.rotations, "there are five groups of products: 1 to 5")


def validate(config: AnyConfig) -> None:
  """Raises ConfigError for a value that cannot work."""
  if isinstance(config, MultiTask):
    _validate_multitask(config)
  else:
    _validate_few_shot(config)


def _validate_multitask(config: MultiTask) -> None:
  t = config.training
  for field in ("steps", "rows", "grid", "seeds", "chunk_steps", "keep"):
    value = getattr(t, field)
    _require(value >= 1, f"training.{field}", value, "must be at least 1")
  _require(t.temperature > 0.0, "training.temperature", t.temperature, "must be positive; 1 is proportional")
  rates = t.learning_rates
  known = len(rates) > 0 and all(0.0 < rate < float("inf") for rate in rates) and len(set(rates)) == len(rates)
  _require(known, "training.learning_rates", rates, "at least one, each positive, finite and named once")
  _require(len(config.methods) > 0, "methods", config.methods, "name at least one, such as Joint()")
  _require(len(set(config.methods)) == len(config.methods), "methods", config.methods, "name each method once")
  for field, least in (("stem", 1), ("trunk", 1)):
    widths = getattr(config.model, field)
    _require(len(widths) >= least and min(widths) >= 1, f"model.{field}", widths, "at least one width, each at least 1")
  _require(config.groups >= 1, "groups", config.groups, "must be at least 1")
  _require(config.model.path >= 1, "model.path", config.model.path, "must be at least 1")
  for i, method in enumerate(config.methods):
    both = method.weighting == "grid" and method.aggregator != "mean"
    _require(not both, f"methods.{i}.aggregator", method.aggregator, "a grid of fixed weights goes with the mean")


def _validate_few_shot(config: Config) -> None:
  t, e = config.training, config.evaluation
  for field in ("steps", "tasks_per_step", "seeds", "chunk_steps", "validation_episodes", "keep"):
    value = getattr(t, field)
    _require(value >= 1, f"training.{field}", value, "must be at least 1")
  _require(t.minutes is None or t.minutes > 0.0, "training.minutes", t.minutes, "must be positive")
  _require(e.episodes >= 1, "evaluation.episodes", e.episodes, "must be at least 1")
  fewest = 0 if isinstance(config.tasks, WITHOUT_LABELS) else 1
  named = f"name at least one count, each at least {fewest}"
  _require(len(e.shots) > 0 and min(e.shots) >= fewest, "evaluation.shots", e.shots, named)
  _require(
    min(1, max(e.shots)) <= e.adaptation_shots <= max(e.shots),
    "evaluation.adaptation_shots",
    e.adaptation_shots,
    f"must lie between {min(1, max(e.shots))} and the largest of evaluation.shots, {max(e.shots)}",
  )
  kinds = [type(algorithm).__name__ for algorithm in (config.algorithm, *config.controls)]
  names = [name_of(algorithm) for algorithm in (config.algorithm, *config.controls)]
  _require(len(set(names)) == len(names), "controls", names[1:], "each algorithm can stand in a job once")
  for i, algorithm in enumerate((config.algorithm, *config.controls)):
    where = "algorithm" if i == 0 else f"controls.{i - 1}"
    for field in ("inner_lr", "outer_lr"):
      value = getattr(algorithm, field, 1.0)
      possible = value is None or 0.0 < value < float("inf")
      _require(possible, f"{where}.{field}", value, "a learning rate must be positive and finite")
    if isinstance(algorithm, Custom):
      path, _, function = algorithm.factory.rpartition(":")
      named = function.isidentifier() and Path(path).is_file()
      _require(named, f"{where}.factory", algorithm.factory, "FILE.py:FUNCTION, with a file that is there")
    steps = getattr(algorithm, "inner_steps", 1)
    _require(steps >= 0, f"{where}.inner_steps", steps, "cannot be negative")
    _validate_method(where, algorithm, config)
  tasks = config.tasks
  if isinstance(config.model, Conv1D | GRU):
    waves = isinstance(tasks, Fleet | Bearings | FleetToBearings)
    _require(waves, "model", config.model, "reads waveforms: of a Fleet, Bearings or FleetToBearings")
  if isinstance(config.model, GRU):
    width, frame = config.model.width, config.model.frame
    _require(width >= 1, "model.width", width, "must be at least 1")
    _require(1 <= frame <= _WINDOW, "model.frame", frame, f"must be 1 to {_WINDOW}, a window's samples")
  if isinstance(tasks, Fleet | FleetToBearings):
    where, simulated = ("tasks", tasks) if isinstance(tasks, Fleet) else ("tasks.fleet", tasks.fleet)
    for field in ("machines", "test_machines"):
      value = getattr(simulated, field)
      _require(value >= 1, f"{where}.{field}", value, "must be at least 1")
    need = simulated.shots[1] + simulated.queries
    _require(
      simulated.recordings >= need,
      f"{where}.recordings",
      simulated.recordings,
      f"must be at least {need}: the most labels, {simulated.shots[1]}, and queries, {simulated.queries}",
    )
  together = "needs training.seeds of 2 or more; the deciles of a Demand are not combined"
  _require(not e.ensemble or (t.seeds > 1 and not isinstance(tasks, Demand)), "evaluation.ensemble", True, together)
  if isinstance(tasks, Own):
    _validate_own(tasks, config.model)
  if isinstance(tasks, Demand):
    _validate_demand(tasks, config)
  if isinstance(tasks, Surface):
    _require(2 <= tasks.ways <= 6, "tasks.ways", tasks.ways, "2 to 6: each set has six defects")
    _require(tasks.splits >= 1, "tasks.splits", tasks.splits, "must be at least 1")
    _require(0.0 <= tasks.shrinkage <= 1.0, "tasks.shrinkage", tasks.shrinkage, "a share, from 0 to 1")
    _require(isinstance(config.model, MLP | Residual), "model", config.model, "features are read by an MLP or Residual")
  if isinstance(tasks, FewEngines | RemainingLife | Productivity):
    _require(isinstance(config.model, MLP), "model", config.model, "rows of a table are read by an MLP")
  if isinstance(tasks, Process):
    _require(isinstance(config.model, MLP), "model", config.model, "set-points are read by an MLP")
    low, high = tasks.shots
    _require(1 <= low <= high, "tasks.shots", tasks.shots, "a range (low, high) with 1 <= low <= high")
    _require(tasks.queries >= 1, "tasks.queries", tasks.queries, "must be at least 1")
    _require(0.0 <= tasks.noise < float("inf"), "tasks.noise", tasks.noise, "a deviation, 0 or more")
  if isinstance(tasks, RemainingLife):
    _require(e.shots == (0,), "evaluation.shots", e.shots, "a test engine has no label: (0,)")
    _require(len(kinds) == 1 and kinds[0] == "Finetune", "algorithm", kinds, "nothing to adapt to: Finetune alone")
  if isinstance(tasks, FewEngines | RemainingLife):
    known = ("FD001", "FD002", "FD003", "FD004")
    named = len(tasks.subsets) > 0 and set(tasks.subsets) <= set(known)
    _require(named, "tasks.subsets", tasks.subsets, f"some of {', '.join(known)}")
  if isinstance(tasks, Productivity):
    _require(3 <= tasks.folds <= 12, "tasks.folds", tasks.folds, "12 teams make 3 to 12 groups")
  if isinstance(tasks, Sinusoid | FewEngines | RemainingLife | Productivity | Demand | Process):
    _require("ProtoNet" not in kinds, "algorithm", kinds, "prototypes need classes; this is a regression")
