"""A learner on a stream behind a gate: versions that were promoted serve, and learning goes on in shadow."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mtl_jax.gate.gate import Gate, Role
from mtl_jax.online import Event
from mtl_jax.types import Array, Batch, OnlineLearner, PyTree

CALIBRATION = 1_000  # scores; the newest of them


class Served(NamedTuple):
  """What came of one event.

  Attributes:
    prediction: leaves (...), of a question, by the version that serves; None for a label.
    answered: False where the question was too strange for this version, and the prediction is not to be used.
    decision: of the gate, which the label brought about; None where there is none.
  """

  prediction: PyTree | None
  answered: bool
  decision: dict[str, Any] | None


def serve_gated(
  key: Array,
  learner: OnlineLearner,
  gate: Gate,
  events: Iterable[Event],
  *,
  every: float,
  loss: Callable[[PyTree, np.ndarray], float],
  score: Callable[[PyTree], float] | None = None,
) -> Iterator[Served]:
  """As `online.serve`, but a state of the learner answers only when the gate has promoted it, and as it was then.

  The newest state learns from every label and answers nobody. It is proposed `every` so often, if no candidate is in
  shadow, and does not learn in there: losses are then of labels that nobody in the gate has seen. After a restart the
  newest version learns on; labels since it was proposed are gone for it. Every label costs a write to disk.

  Args:
    gate: its versions are states of the learner, the first usually learner.init(...).
    every: time from the first event to the first proposal and from one to the next, at least, as the events'.
    loss: loss(prediction, y (targets,)), as the gate's `worst_loss` counts; a label of which one is not finite is
      neither counted nor learned from.
    score: score(prediction), higher is stranger, such as a predictive variance, held against those of the same version
      on the last 1,000 labelled rows; None: every question is answered.
  """
  predict, update = jax.jit(learner.predict), jax.jit(learner.update)
  versions = {version: gate.params(version) for version in gate.roles().values()}
  newest = gate.params(len(gate.state.hashes) - 1)
  calibration, proposed = deque[float](maxlen=CALIBRATION), None
  for place, event in enumerate(events):
    proposed = event.time if proposed is None else proposed
    now, x = jax.random.fold_in(key, place), jax.tree.map(lambda leaf: jnp.asarray(leaf)[None], event.x)
    asked: dict[Role, int] = gate.roles() if event.y is not None else {"serving": gate.state.serving}
    said: dict[Role, PyTree] = {
      role: jax.tree.map(lambda leaf: np.asarray(leaf)[0], predict(now, versions[each], x))
      for role, each in asked.items()
    }
    if event.y is None:
      answered = score is None or gate.admits(score(said["serving"]), np.asarray(calibration))
      yield Served(said["serving"], answered, None)
      continue
    serving = gate.state.serving
    losses: dict[Role, list[float]] = {role: [loss(prediction, event.y)] for role, prediction in said.items()}
    if not np.isfinite([*losses.values()]).all():
      yield Served(None, True, None)
      continue
    decision = gate.observe(losses)
    if gate.state.serving != serving:
      calibration.clear()
    elif score is not None:
      calibration.append(score(said["serving"]))
    newest, _ = update(now, newest, Batch(x, jnp.asarray(event.y)[None], jnp.ones(1, bool)))
    if "candidate" not in gate.roles() and event.time >= proposed + every:
      gate.propose(newest, f"what was learned until {event.time:g}")
      proposed = event.time
    versions = {each: versions[each] if each in versions else gate.params(each) for each in gate.roles().values()}
    yield Served(None, True, decision)
