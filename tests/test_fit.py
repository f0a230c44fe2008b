import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import rich
from jax.tree_util import Partial
from resume_worker import State, first_params, lines, regression

from mtl_jax import imaml
from mtl_jax.fit import Interrupted, TrainingError, fit
from mtl_jax.losses import squared_error
from mtl_jax.meta import hessian_free
from mtl_jax.types import Algorithm, TaskFamily


class FakeStore:
  """Checkpoints in memory, so that these tests need no disk."""

  def __init__(self):
    self.saved = {}

  def steps(self):
    return sorted(self.saved)

  def path(self, step):
    return Path("memory", str(step))

  def latest(self, like):
    step = self.steps()[-1]
    return step, self.saved[step][0]

  def save(self, step, state, score=None):
    self.saved[step] = (jax.tree.map(lambda leaf: jnp.array(leaf, copy=True), state), score)


class FakeRecorder:
  def __init__(self):
    self.rows, self.rewound = [], []

  def write(self, row):
    self.rows.append(dict(row))

  def rewind(self, step):
    self.rewound.append(step)
    self.rows = [row for row in self.rows if row["step"] <= step]
    return self.rows


def run(algorithm=None, state=None, tasks=None, **options):
  algorithm = regression() if algorithm is None else algorithm
  state = algorithm.init(first_params()) if state is None else state
  settings: dict[str, Any] = {"steps": 7, "tasks_per_step": 3, "chunk_steps": 4} | options
  return fit(jax.random.key(1), algorithm, state, lines() if tasks is None else tasks, **settings)


def same_bits(a, b):
  def numbers(leaf):
    return np.asarray(jax.random.key_data(leaf) if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf)

  pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
  return all(numbers(x).tobytes() == numbers(y).tobytes() for x, y in pairs)


def count(state, key, data):
  return {"n": state["n"] + 1.0}


def counter(update_metrics=lambda state: {"loss": state["n"]}, step=count):
  """An algorithm whose state after i steps is known: n = i."""

  def update(key, state, data):
    return step(state, key, data), update_metrics(state)

  return Algorithm(lambda params: params, update, lambda *_: jnp.zeros(1))


ZERO = {"n": jnp.zeros(())}
NOTHING = TaskFamily(Partial(lambda key: jax.random.normal(key, (2,))))


@pytest.fixture
def compilations():
  events = []

  def listen(event, duration_secs, **_):
    if event == "/jax/core/compile/backend_compile_duration":
      events.append(event)

  jax.monitoring.register_event_duration_secs_listener(listen)
  yield events
  jax.monitoring.unregister_event_duration_listener(listen)


def test_a_fit_equals_a_plain_loop_over_fold_in():
  """Written out with the update called step by step, outside any scan."""
  algorithm, key = regression(), jax.random.key(1)
  sample, update = jax.jit(jax.vmap(lines().sample)), jax.jit(algorithm.update)
  state, expected = algorithm.init(first_params()), []
  for i in range(7):
    sample_key, update_key = jax.random.split(jax.random.fold_in(key, i))
    data = sample(jax.random.split(sample_key, 3))
    state, metrics = update(update_key, state, data)
    expected.append(metrics)
  trained, history = run(algorithm)
  np.testing.assert_allclose(trained.params["w"], state.params["w"], rtol=1e-5, atol=1e-6)
  assert jax.random.key_data(trained.key).tolist() == jax.random.key_data(state.key).tolist()
  np.testing.assert_allclose(history["loss"], [m["loss"] for m in expected], rtol=1e-4)
  assert history["w"].shape == (7, 3) and isinstance(history["w"], np.ndarray)


@pytest.mark.parametrize("steps", [1, 4, 5, 8, 11])
def test_exactly_so_many_steps_are_taken_whatever_the_chunk(steps):
  state, history = run(counter(), ZERO, NOTHING, steps=steps)
  assert float(state["n"]) == steps
  assert history["loss"].tolist() == list(range(steps))


def test_every_step_and_task_draws_from_its_own_key():
  draws = counter(step=lambda state, key, data: state)
  draws = draws._replace(update=lambda key, state, data: (state, {"x": data, "u": jax.random.uniform(key)}))
  _, history = run(draws, ZERO, NOTHING, steps=9, tasks_per_step=5)
  assert len(np.unique(history["x"])) == 9 * 5 * 2 and len(np.unique(history["u"])) == 9


def test_a_second_fit_compiles_nothing(compilations):
  algorithm = regression()
  run(algorithm, steps=7)
  assert compilations
  compilations.clear()
  run(algorithm, steps=9, tasks=lines())  # another length, another family of the same kind
  assert not compilations


def test_an_update_is_traced_once():
  traced = []
  algorithm = counter(update_metrics=lambda state: traced.append(1) or {"loss": state["n"]})
  run(algorithm, ZERO, NOTHING)
  assert len(traced) == 1


def test_arrays_of_the_family_are_arguments_and_not_constants(compilations):
  algorithm = counter(update_metrics=lambda state: {"loss": state["n"]})
  algorithm = algorithm._replace(update=lambda key, state, data: (state, {"x": data.mean()}))

  def offset(shift, key):
    return shift + jax.random.normal(key, (2,))

  near, far = (TaskFamily(Partial(offset, jnp.asarray(value, jnp.float32))) for value in (0, 5))
  _, low = run(algorithm, ZERO, near)
  compilations.clear()
  _, high = run(algorithm, ZERO, far)
  assert not compilations
  np.testing.assert_allclose(high["x"] - low["x"], 5.0, rtol=1e-5)


def test_a_family_may_be_a_plain_function():
  def plain(key) -> Any:
    return jax.random.normal(key, (2,))

  state, _ = run(counter(), ZERO, TaskFamily(plain))
  assert float(state["n"]) == 7


def test_the_callers_arrays_survive_and_a_shared_leaf_may_stand_twice():
  shared = jnp.ones(3)
  state = {"n": jnp.zeros(()), "a": shared, "b": shared}
  algorithm = counter(step=lambda s, key, data: {"n": s["n"] + 1.0, "a": s["a"] * 2.0, "b": s["b"]})
  after, _ = run(algorithm, state, NOTHING)
  assert shared.tolist() == [1.0, 1.0, 1.0] and float(state["n"]) == 0.0
  assert after["a"].tolist() == [128.0] * 3 and after["b"].tolist() == [1.0] * 3


def test_numbers_and_weakly_typed_arrays_are_a_valid_first_state():
  state, _ = run(counter(), {"n": 0.0}, NOTHING)
  assert float(state["n"]) == 7
  state, _ = run(counter(), {"n": jnp.asarray(0.0)}, NOTHING)
  assert float(state["n"]) == 7


def test_interrupted_and_resumed_equals_uninterrupted_in_memory():
  algorithm, store, recorder = regression(), FakeStore(), FakeRecorder()
  whole, history = run(algorithm, steps=11)
  run(algorithm, steps=6, checkpoints=store)  # stops off the grid of chunks
  rest, tail = run(algorithm, steps=11, checkpoints=store, recorder=recorder, resume=True)
  assert same_bits(whole, rest)
  assert np.array_equal(tail["loss"], history["loss"][6:])
  assert recorder.rewound == [6] and [row["step"] for row in recorder.rows] == [8, 11]


def test_resuming_a_finished_run_returns_its_state():
  algorithm, store = regression(), FakeStore()
  whole, _ = run(algorithm, checkpoints=store)
  again, history = run(algorithm, checkpoints=store, resume=True)
  assert same_bits(whole, again) and history == {}


def test_resuming_before_the_first_checkpoint_starts_at_the_first_step():
  recorder = FakeRecorder()
  state, _ = run(counter(), ZERO, NOTHING, checkpoints=FakeStore(), recorder=recorder, resume=True)
  assert float(state["n"]) == 7 and recorder.rewound == [0]


def test_training_ends_with_the_chunk_in_which_its_time_is_over_and_a_resumed_run_has_no_more_of_it(monkeypatch):
  """A clock that is asked before and after each chunk and goes on by 1 s each time: a chunk takes 1 s."""
  monkeypatch.setattr(sys.modules["mtl_jax.fit"].time, "perf_counter", map(float, range(100)).__next__)
  store, recorder = FakeStore(), FakeRecorder()
  limited = {"steps": 100, "chunk_steps": 4, "check_every": 5, "checkpoints": store, "recorder": recorder}
  state, _ = run(counter(), ZERO, NOTHING, seconds=2.5, **limited)
  assert float(state["n"]) == 12
  assert store.steps() == [12]  # a last check, though not on the grid
  state, history = run(counter(), ZERO, NOTHING, seconds=2.5, resume=True, **limited)
  assert (float(state["n"]), history) == (12, {})
  state, _ = run(counter(), ZERO, NOTHING, seconds=4.5, resume=True, **limited)
  assert float(state["n"]) == 20


def test_a_profile_is_of_the_second_chunk(tmp_path):
  for steps, traces in ((4, 0), (12, 1)):
    run(steps=steps, profile=tmp_path / str(steps))
    assert len(list(tmp_path.glob(f"{steps}/plugins/profile/*/perfetto_trace.json.gz"))) == traces


def test_checks_validate_save_and_record_on_the_grid_and_at_the_end():
  store, recorder = FakeStore(), FakeRecorder()
  _, history = run(
    counter(),
    ZERO,
    NOTHING,
    steps=18,
    chunk_steps=4,
    check_every=2,
    checkpoints=store,
    recorder=recorder,
    validate=lambda state: {"score": -float(state["n"]), "accuracy": 0.5},
  )
  assert {step: score for step, (_, score) in store.saved.items()} == {8: -8.0, 16: -16.0, 18: -18.0}
  assert all(float(state["n"]) == step for step, (state, _) in store.saved.items())
  assert history["validation_step"].tolist() == [8, 16, 18]
  assert history["validation_score"].tolist() == [-8.0, -16.0, -18.0]
  assert [row["step"] for row in recorder.rows] == [4, 8, 12, 16, 18]
  assert [row["loss"] for row in recorder.rows] == [1.5, 5.5, 9.5, 13.5, 16.5]  # means of 0..3, 4..7, ...
  assert [row.get("validation_accuracy") for row in recorder.rows] == [None, 0.5, None, 0.5, 0.5]
  assert all(row["tasks_per_s"] == pytest.approx(3 * row["steps_per_s"]) for row in recorder.rows)


def test_a_nan_names_the_step_the_metric_and_the_last_good_checkpoint():
  store, recorder = FakeStore(), FakeRecorder()
  broken = counter(lambda s: {"fine": s["n"], "gradient_norm": jnp.where(s["n"] == 9.0, jnp.nan, 1.0)})
  with pytest.raises(TrainingError, match=r"step 9: gradient_norm is nan; .*memory/8.*learning rate") as caught:
    run(broken, ZERO, NOTHING, steps=20, checkpoints=store, recorder=recorder)
  assert (caught.value.step, caught.value.name) == (9, "gradient_norm")
  assert store.steps() == [4, 8] and recorder.rows[-1]["step"] == 8


def test_the_earliest_of_several_bad_metrics_is_named():
  def from_step(first, value, state):
    return jnp.where(state["n"] >= first, value, 0.0) * jnp.ones(2)

  broken = counter(lambda s: {"a": from_step(3.0, jnp.inf, s), "b": from_step(2.0, jnp.nan, s)})
  with pytest.raises(TrainingError, match=r"step 2: b is \[nan nan\]; no checkpoint was saved"):
    run(broken, ZERO, NOTHING)


def test_a_state_broken_by_the_last_update_of_a_chunk_is_never_saved():
  """The metrics of step 3 are computed before its update, so they are finite."""
  store = FakeStore()
  broken = counter(step=lambda s, key, data: {"n": jnp.where(s["n"] == 3.0, jnp.inf, s["n"] + 1.0)})
  with pytest.raises(TrainingError, match=r"step 3: state\['n'\] is \[?nan"):
    run(broken, ZERO, NOTHING, checkpoints=store)
  assert store.steps() == []


def test_a_nan_in_validation_stops_before_the_save():
  store = FakeStore()
  with pytest.raises(TrainingError, match="step 3: validation_score is nan"):
    run(counter(), ZERO, NOTHING, checkpoints=store, validate=lambda state: {"score": float("nan")})
  assert store.steps() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("store", [None, FakeStore()])
def test_a_signal_finishes_the_chunk_saves_and_hands_over_the_work(number, store, caplog):
  before = signal.getsignal(number)
  validated = []

  def validate(state):
    validated.append(float(state["n"]))
    os.kill(os.getpid(), number)
    return {"score": 0.0}

  if store is not None:
    store.saved.clear()
  with pytest.raises(Interrupted, match="after 8 of 20 steps") as caught:
    run(counter(), ZERO, NOTHING, steps=20, check_every=2, checkpoints=store, validate=validate)
  assert caught.value.step == 8 and float(caught.value.state["n"]) == 8.0
  assert caught.value.history["loss"].tolist() == list(range(8))
  assert validated == [8.0]
  assert store is None or store.steps() == [8]
  assert ("memory/8" if store else "`state` and `history`") in str(caught.value)
  assert number.name in caplog.text
  assert signal.getsignal(number) is before


def test_a_signal_between_checks_saves_at_the_end_of_its_chunk():
  class Interrupting(FakeRecorder):
    def write(self, row):
      super().write(row)
      if row["step"] == 4:
        os.kill(os.getpid(), signal.SIGTERM)

  store = FakeStore()
  with pytest.raises(Interrupted, match="saved in memory/4"):
    run(counter(), ZERO, NOTHING, steps=20, check_every=3, checkpoints=store, recorder=Interrupting())
  assert store.steps() == [4]


def test_a_signal_in_the_last_chunk_does_not_lose_the_last_check(monkeypatch):
  """Resuming finds nothing left to do, so a last checkpoint without its score would never get one."""
  module = sys.modules["mtl_jax.fit"]
  chunk, validated = module._chunk, []

  def interrupted(*arguments):
    if arguments[7] == 20:  # stop
      os.kill(os.getpid(), signal.SIGTERM)
    return chunk(*arguments)

  monkeypatch.setattr(module, "_chunk", interrupted)
  store = FakeStore()

  def validate(state):
    validated.append(float(state["n"]))
    return {"score": 1.0}

  with pytest.raises(Interrupted, match="after 20 of 20 steps"):
    run(counter(), ZERO, NOTHING, steps=20, checkpoints=store, validate=validate)
  assert validated[-1] == 20.0


def test_a_second_ctrl_c_acts_at_once():
  def validate(state):
    os.kill(os.getpid(), signal.SIGINT)
    os.kill(os.getpid(), signal.SIGINT)
    pytest.fail("still running")

  before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a test process beside others ignores Ctrl-C
  try:
    with pytest.raises(KeyboardInterrupt):
      run(counter(), ZERO, NOTHING, validate=validate)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
  finally:
    signal.signal(signal.SIGINT, before)


def test_outside_the_main_thread_signals_are_left_alone():
  result = []
  thread = threading.Thread(target=lambda: result.append(run(counter(), ZERO, NOTHING)))
  thread.start()
  thread.join()
  assert float(result[0][0]["n"]) == 7


@pytest.mark.parametrize("width", [80, 140])
def test_the_progress_bar_shows_rates_time_left_and_loss_and_only_when_asked(capsys, monkeypatch, width):
  # One console serves the whole process, and keeps the width that COLUMNS had when the first test asked for it.
  monkeypatch.setattr(rich.get_console(), "width", width)
  run(counter(), ZERO, NOTHING)
  assert capsys.readouterr() == ("", "")
  run(counter(), ZERO, NOTHING, progress="training on NOTHING")
  shown = capsys.readouterr().out
  for part in ("training on NOTHING", "7/7", "steps/s", "tasks/s", "0:00 left", "loss 5"):
    assert part in shown


def test_checkpoints_in_the_way_of_a_new_run_are_refused():
  store = FakeStore()
  run(counter(), ZERO, NOTHING, checkpoints=store)
  with pytest.raises(ValueError, match="memory/7 is in the way"):
    run(counter(), ZERO, NOTHING, checkpoints=store)
  with pytest.raises(ValueError, match="memory/7 is already past steps=5"):
    run(counter(), ZERO, NOTHING, steps=5, checkpoints=store, resume=True)
  with pytest.raises(ValueError, match="needs checkpoints"):
    run(counter(), ZERO, NOTHING, resume=True)


@pytest.mark.parametrize("name", ["steps", "tasks_per_step", "chunk_steps", "check_every"])
def test_counts_below_one_are_refused(name):
  with pytest.raises(ValueError, match=name):
    run(counter(), ZERO, NOTHING, **{name: 0})


def test_training_reaches_the_best_common_start():
  """The expected optimum of this family is its centre, by symmetry of the slopes around it."""
  state, history = run(regression(3e-2), steps=600, tasks_per_step=16, chunk_steps=200)
  assert isinstance(state, State)
  np.testing.assert_allclose(state.params["w"], [1.0, -2.0, 0.5], atol=0.4)
  assert history["loss"][-50:].mean() < 0.7 * history["loss"][:5].mean()


@pytest.mark.parametrize(("share", "times"), [(0.05, 0), (0.5, 1)])
def test_inner_problems_that_are_not_solved_are_warned_of_once(share, times, caplog):
  """Two seeds, of which one solves everything: the mean is half the share of the other."""
  tell = counter(lambda state: {"loss": state["n"], "unsolved": jnp.asarray([0.0, 2 * share])})
  run(tell, {"n": jnp.float32(0.0)}, steps=6, chunk_steps=2)
  assert len(caplog.records) == times
  assert times == 0 or "up to step 2 the inner problem of 50 % of the tasks" in caplog.text


@pytest.mark.parametrize(("inner", "unsolved"), [(hessian_free(4), 0), (optax.sgd(1e-3), 1)], ids=["solved", "not"])
def test_imaml_is_warned_of_where_its_inner_steps_do_not_solve_linear_regression(inner, unsolved, caplog):
  """Four unknowns and a quadratic: a Hessian-free step of four products solves it, a short one downhill does not."""
  options = {"inner": inner, "inner_steps": 1, "outer": optax.sgd(0.01), "penalty": 1.0}
  _, history = run(imaml(lambda p, x: x @ p["w"] + p["b"], squared_error, **options), steps=6, chunk_steps=2)
  np.testing.assert_array_equal(history["unsolved"], np.full(6, unsolved))
  assert [record.args for record in caplog.records] == [(2, 100.0)] * unsolved
