"""What a config becomes: who is learned from, who is asked, what was fitted on whom; pools are made up."""

import dataclasses
import importlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import AxisType
from sklearn.preprocessing import StandardScaler

from mtl_jax import baselines, build, meta
from mtl_jax import config as c
from mtl_jax.baselines import Ladder, whitening
from mtl_jax.build import contract, methods
from mtl_jax.evaluate import episodes_of
from mtl_jax.tasks.pool import Pool
from mtl_jax.tasks.vibration import FEATURE_NAMES, Viewed, Window
from mtl_jax.trust import LeakError
from mtl_jax.types import Batch, Episode

folds = importlib.import_module("mtl_jax.build.folds")  # the package has a function of that name
WINDOWS = 24
SPLITS = {"train": 0, "validation": 100, "test": 200}  # the first unit of each


def pool(first: int, units: int, classes: int, seed: int = 0) -> Pool:
  """Windows whose place and spread tell the pool: network inputs about `first`, features 1000 higher."""
  shape = (units, classes, WINDOWS)
  x = first + (1.0 + first) * np.random.default_rng(first + seed).standard_normal((*shape, 3)).astype(np.float32)
  recording = 10_000 * first + 1_000_000 * seed + np.arange(np.prod(shape)).reshape(shape)
  mask = np.ones(shape, bool)
  mask[:, 0, -1] = False
  x[:, 0, -1] = 77.0  # finite, and to be passed over all the same
  unit = jnp.arange(first, first + units)
  return Pool(Viewed(jnp.asarray(x), jnp.asarray(1000 + x)), jnp.asarray(mask), jnp.asarray(recording), unit)


def usable_rows(some: Pool, of: str) -> np.ndarray:
  return np.asarray(getattr(some.x, of))[np.asarray(some.mask)]


def drawn(family, count: int = 12):
  return episodes_of(jax.random.key(0), family, count)


@pytest.fixture
def fitted_on(monkeypatch) -> list[Any]:
  """(history, same_labels) of every ladder that a job asks for, in place of fitting it."""
  seen: list[Any] = []

  def ladder(history, *, same_labels=True):
    seen.append((history, same_labels))
    return Ladder((), ())

  monkeypatch.setattr(baselines, "classification_ladder", ladder)
  return seen


@pytest.fixture
def fleets(monkeypatch) -> list[Any]:
  """(key, split) of every fleet that a job asks for, in place of simulating it."""
  asked: list[Any] = []

  def made(key, split, *, machines, recordings, view):
    assert recordings <= WINDOWS
    asked.append((tuple(jax.random.key_data(key).tolist()), split))
    return pool(SPLITS[split], 3, 8)

  monkeypatch.setattr(folds.fleet, "pool", made)
  return asked


MACHINES, DIAMETERS = c.Fleet(shots=(1, 2), queries=2), c.Bearings(shots=(1, 2), queries=2)
FLEET = c.Config("fleet", MACHINES, c.MLP((4,)), c.ProtoNet(), evaluation=c.Evaluation((1, 3)))


def test_a_fleet_is_learned_from_picked_by_and_asked_about_with_machines_of_their_own(fleets, fitted_on):
  (fold,) = build.folds(FLEET)
  (test,) = fold.tests.values()
  for family, split in ((fold.train, "train"), (fold.validation(), "validation"), (test.family(1), "test")):
    units = set(np.asarray(drawn(family).task).tolist())
    assert units <= set(range(SPLITS[split], SPLITS[split] + 3)), split
  assert len({key for key, _ in fleets}) == 3


def test_other_machines_are_simulated_and_baselines_fitted_when_they_are_asked_for_and_not_before(fleets, fitted_on):
  (fold,) = build.folds(FLEET)
  (test,) = fold.tests.values()
  assert [split for _, split in fleets] == ["train"]
  assert fold.validation() is fold.validation()  # of all that learn
  assert [split for _, split in fleets] == ["train", "validation"]
  assert not fitted_on
  test.ladder()
  assert len(fitted_on) == 1
  for k in (1, 3):
    test.family(k)
  assert [split for _, split in fleets] == ["train", "validation", "test"]


def test_other_machines_are_on_one_device_though_they_are_made_while_a_mesh_is_there(fleets):
  (fold,) = build.folds(FLEET)
  with jax.set_mesh(jax.make_mesh((1,), ("tasks",), axis_types=(AxisType.Auto,))):
    pools = [family.sample.args[1] for family in (fold.validation(), fold.tests["machines never seen"].family(1))]
    assert jnp.zeros(3).sum().committed  # what is computed there is bound to the mesh
  assert not any(pool.x.input.committed for pool in pools)


def test_inputs_are_scaled_by_the_training_machines_and_baselines_are_fitted_on_them_alone(fleets, fitted_on):
  (fold,) = build.folds(FLEET)
  rows = usable_rows(pool(0, 3, 8), "input")
  (test,) = fold.tests.values()
  episode = drawn(test.family(3))
  real = np.asarray(episode.query.mask)
  raw = np.asarray(episode.query.x.features)[real] - 1000.0
  expected = (raw - rows.mean(0)) / rows.std(0)
  np.testing.assert_allclose(np.asarray(episode.query.x.input)[real], expected, rtol=1e-3, atol=1e-2)
  test.ladder()
  ((history, same_labels),) = fitted_on
  assert same_labels
  np.testing.assert_allclose(np.sort(history.x, axis=0), np.sort(1000 + rows, axis=0))
  assert set(history.group.tolist()) == {0, 1, 2}


def test_a_test_gives_as_many_labels_as_it_is_asked_for(fleets, fitted_on):
  (fold,) = build.folds(FLEET)
  (test,) = fold.tests.values()
  for k in (1, 3):
    labels = np.asarray(drawn(test.family(k)).support.mask).reshape(12, 8, 3).sum(-1)
    assert (labels == k).all()


@pytest.fixture
def rigs(monkeypatch) -> None:
  """Made-up recordings of the real bearings: a diameter is its own unit, MFPT is 50 and the nine classes are of 60."""

  def sides(units: list[int], classes: int) -> tuple[Pool, Pool]:
    parts = [pool(unit, 1, classes) for unit in units]
    support = jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *parts)
    return support, support._replace(recording=support.recording + 10**6)

  monkeypatch.setattr(folds.cwru, "load", lambda: None)
  monkeypatch.setattr(folds.mfpt, "load", lambda: None)
  monkeypatch.setattr(
    folds.bearings,
    "cwru_diameters",
    lambda table, *, diameters, clocks, view, classes=folds.bearings.FAULTS: sides(list(diameters), len(classes)),
  )
  monkeypatch.setattr(
    folds.bearings, "mfpt", lambda table, *, view, classes=folds.bearings.FAULTS: sides([50], len(classes))
  )
  monkeypatch.setattr(folds.bearings, "cwru_nine", lambda table, *, view: sides([60], 9))


BEARINGS = dataclasses.replace(FLEET, tasks=DIAMETERS)


def test_each_diameter_is_asked_about_by_a_model_fitted_on_the_others(rigs, fitted_on):
  found = build.folds(BEARINGS)
  names = [f"{d}-mil-{n}" for n in (1, 3) for d in (7, 14, 21)]
  assert [fold.name for fold in found] == [*names, "mfpt"]
  for fold in found:
    left_out = {50} if fold.name == "mfpt" else {int(fold.name.split("-")[0])}
    known = {7, 14, 21} - left_out
    (test,) = fold.tests.values()
    test.ladder()
    history, _ = fitted_on[-1]
    assert set(history.group.tolist()) == known
    assert set(np.asarray(drawn(fold.train).task).tolist()) == known
    assert set(np.asarray(drawn(test.family(1)).task).tolist()) == left_out
    rows = np.concatenate([usable_rows(pool(unit, 1, 3), "input") for unit in known])
    episode = drawn(test.family(1))
    raw = np.asarray(episode.query.x.features) - 1000.0
    scaled = np.where(np.asarray(episode.query.mask)[..., None], (raw - rows.mean(0)) / rows.std(0), 0.0)
    np.testing.assert_allclose(np.asarray(episode.query.x.input), scaled, rtol=1e-3, atol=2e-2)


def test_a_diameter_on_both_sides_is_a_leak(rigs, fitted_on, monkeypatch):
  own = pool(7, 1, 3)
  other = own._replace(recording=own.recording + 10**6)
  monkeypatch.setattr(folds.bearings, "cwru_diameters", lambda table, **_: (own, other))
  with pytest.raises(LeakError, match="training and test: 7"):
    build.folds(BEARINGS)


def test_a_fleet_is_the_only_thing_that_is_learned_from_where_real_bearings_are_asked_about(rigs, fleets, fitted_on):
  tasks = c.FleetToBearings(MACHINES, DIAMETERS)
  (fold,) = build.folds(dataclasses.replace(FLEET, tasks=tasks))
  rows = usable_rows(pool(0, 3, 8), "input")
  assert [split for _, split in fleets] == ["train"]
  six, three, rig, nine = fold.tests.values()
  assert [test.same_labels for test in (six, three, rig, nine)] == [True, True, True, False]
  assert [[f.name for f in test.ladder().fixed] for test in (six, three, rig, nine)] == [
    [],
    [],
    ["envelope rule, no labels"],
    [],
  ]
  assert [same for _, same in fitted_on] == [True, False]  # each ladder once, for whatever asks for it
  for history, _ in fitted_on:
    assert len(history.x) == len(rows)
    assert set(history.group.tolist()) == {0, 1, 2}
  for test, units in ((six, {7, 14, 21}), (rig, {50}), (nine, {60})):
    episode = drawn(test.family(3))
    assert set(np.asarray(episode.task).tolist()) == units
    real = np.asarray(episode.query.mask)
    raw = np.asarray(episode.query.x.features)[real] - 1000.0
    expected = (raw - rows.mean(0)) / rows.std(0)
    np.testing.assert_allclose(np.asarray(episode.query.x.input)[real], expected, rtol=1e-3, atol=2e-2)
  assert len(nine.labels) == 9
  assert nine.labels[3 * folds.bearings.FAULTS.index("ball") + 1] == "ball 14 mil"


def test_where_labels_mean_something_else_the_ladder_carries_none_over(rigs, fleets, monkeypatch):
  monkeypatch.setattr(baselines, "classification_ladder", lambda history, *, same_labels: Ladder((), (same_labels,)))
  (fold,) = build.folds(dataclasses.replace(FLEET, tasks=c.FleetToBearings(MACHINES, DIAMETERS)))
  for name, test in fold.tests.items():
    assert test.ladder().fixed[0] is test.same_labels, name


def test_the_rule_of_thumb_on_the_rig_reads_the_first_lines_of_both_races():
  classes = ("healthy", "outer race", "ball", "inner race")
  rule = folds._mfpt_rule(classes)
  x = np.zeros((2, len(FEATURE_NAMES)))
  x[0, FEATURE_NAMES.index("envelope_bpfi_1x")] = x[1, FEATURE_NAMES.index("envelope_bpfo_1x")] = 1.0
  assert [classes[i] for i in rule.answer(x).argmax(1)] == ["inner race", "outer race"]


def test_a_sine_wave_is_asked_about_with_the_labels_wanted_beside_what_needs_no_network():
  config = c.Config("sines", c.Sinusoid(shots=4), c.MLP((4,)), c.Maml())
  (fold,) = build.folds(config)
  (test,) = fold.tests.values()
  for k in (2, 5):
    episode = jax.eval_shape(test.family(k).sample, jax.random.key(0))
    assert [side.x.shape for side in episode[:2]] == [(k, 1), (100, 1)]
  assert fold.train is not None
  assert jax.eval_shape(fold.train.sample, jax.random.key(0)).support.x.shape == (4, 1)
  assert test.labels == ()
  names = {thing.name for thing in (*test.ladder().rungs, *test.ladder().fixed)}
  assert names == {"mean of the support", "Gaussian process on the support", "zero", "best without adaptation"}


def test_what_is_masked_neither_moves_the_scale_nor_gets_a_value():
  some = pool(5, 2, 3)
  (scaled,) = contract.standardised(c.MLP((4,)), [some], [some])
  rows = usable_rows(scaled, "input")
  np.testing.assert_allclose(rows.mean(0), 0.0, atol=1e-4)
  np.testing.assert_allclose(rows.std(0), 1.0, atol=1e-3)
  assert (np.asarray(scaled.x.input)[~np.asarray(some.mask)] == 0.0).all()
  np.testing.assert_array_equal(scaled.x.features, some.x.features)
  for waveforms in (c.Conv1D(), c.GRU()):
    (same,) = contract.standardised(waveforms, [some], [some])
    assert same is some


def test_a_residual_network_reads_features_whitened_by_the_scatter_within_a_units_class():
  train, other = pool(5, 2, 3), pool(9, 1, 3)
  turned = jnp.asarray([[1.0, 0.9, 0.0], [0.0, 1.0, 0.0], [0.0, 0.3, 2.0]])  # features that say the same in part
  train, other = (p._replace(x=p.x._replace(features=p.x.features @ turned)) for p in (train, other))
  here, there = contract.standardised(c.Residual(), [train], [train, other])
  past = contract.history([train])
  scaler = StandardScaler().fit(past.x)
  white = whitening(past._replace(x=scaler.transform(past.x)))
  for seen, some in ((here, train), (there, other)):
    by_hand = scaler.transform(usable_rows(some, "features")) @ white
    np.testing.assert_allclose(usable_rows(seen, "input"), by_hand, rtol=1e-4, atol=1e-4)
  assert (np.asarray(there.x.input)[~np.asarray(other.mask)] == 0.0).all()
  np.testing.assert_array_equal(there.x.features, other.x.features)


def test_the_history_of_baselines_has_every_usable_window_with_its_label_and_unit():
  pools = [pool(5, 2, 3), pool(9, 1, 3)]
  found = contract.history(pools)
  assert len(found.x) == 3 * (3 * WINDOWS - 1)
  assert set(found.group.tolist()) == {5, 6, 9}
  for some in pools:
    for u, unit in enumerate(np.asarray(some.unit).tolist()):
      for label in range(3):
        cell = np.asarray(some.x.features[u, label])[np.asarray(some.mask[u, label])]
        np.testing.assert_array_equal(found.x[(found.group == unit) & (found.y == label)], cell)


def test_each_field_of_an_algorithms_config_reaches_the_algorithm(monkeypatch):
  """Optimisers are told by what they make of a gradient of 2: twice the rate with SGD, the rate with Adam at first, and
  2 of a Hessian-free step on x^2 / 2.
  """
  given: dict[str, Any] = {}

  def noted(apply, loss, **fields):
    given.clear()
    given.update(fields)

  for name in ("maml", "imaml", "anil", "cavia", "lora", "reptile", "protonet", "finetune"):
    monkeypatch.setattr(meta, name, noted)

  def made(config) -> dict[str, Any]:
    methods.algorithm(config, lambda params, x: x, lambda p, y: y, 7)
    rates = {}
    for name in ("inner", "outer"):
      if name in given:
        optimiser, two = optax.with_extra_args_support(given.pop(name)), jnp.asarray(2.0)
        with jax.numpy_dtype_promotion("standard"):  # Optax's Adam computes float ** int32
          searched = {"value": two, "grad": two, "value_fn": lambda x: x * x / 2.0}
          change, _ = optimiser.update(two, optimiser.init(two), two, **searched)
          rates[name] = round(-float(change), 5)
    return given | rates

  assert made(c.Maml(0.2, 7, 0.03, True, "leaf", True, 3, 2.0, 40, 50, None, 2, "bfloat16")) == {
    "inner": 0.4,
    "inner_steps": 7,
    "outer": 0.03,
    "first_order": True,
    "learned_rates": "leaf",
    "per_step_rates": True,
    "rematerialise": 3,
    "clip": 2.0,
    "multi_step_loss": 40,
    "second_order_from": 50,
    "truncate": 2,
    "compute_dtype": jnp.bfloat16,
  }
  assert made(c.Maml())["compute_dtype"] is None
  assert made(c.Imaml(None))["inner"] == 2.0
  monkeypatch.setattr(meta, "hessian_free", lambda cg_steps: optax.sgd(0.1 * cg_steps))
  assert made(c.Imaml(None, cg_steps=4))["inner"] == 0.8
  for head_only in (True, False):
    fields = made(c.Imaml(0.2, 7, 0.03, 3.0, 4, head_only, 0.5))
    adapt = fields.pop("adapt")
    assert adapt is None or adapt({"head": 0, "trunk": 0}) == {"head": True, "trunk": False}
    assert (adapt is not None) is head_only
    assert fields == {"inner": 0.4, "inner_steps": 7, "outer": 0.03, "penalty": 3.0, "cg_steps": 4, "damping": 0.5}
  assert made(c.Anil(0.2, 7, 0.03, True)) == {"inner": 0.4, "inner_steps": 7, "outer": 0.03, "first_order": True}
  assert made(c.Cavia(0.2, 7, 0.03, True)) == {"inner": 0.4, "inner_steps": 7, "outer": 0.03, "first_order": True}
  assert made(c.Lora(0.2, 7, 0.03, True, 3, 6.0)) == {
    "inner": 0.4,
    "inner_steps": 7,
    "outer": 0.03,
    "first_order": True,
    "rank": 3,
    "alpha": 6.0,
  }
  assert made(c.Reptile(0.2, 7, 0.3, 5, 9, True)) == {
    "inner": 0.4,
    "inner_steps": 7,
    "outer": 0.6,
    "batch_size": 5,
    "predict_steps": 9,
    "serial": True,
  }
  assert made(c.ProtoNet(0.03)) == {"classes": 7, "outer": 0.03}
  for head_only in (True, False):
    fields = made(c.Finetune(0.2, 7, 0.03, head_only))
    assert (fields.pop("adapt") is not None) is head_only
    assert fields == {"inner": 0.4, "inner_steps": 7, "outer": 0.03}


def test_the_outer_rate_of_maml_falls_to_zero_along_a_cosine():
  """Adam's steps under a constant gradient are as long as the rate: cos^2(pi/8 t) of it, 4 meta-updates in all."""
  optimiser, one = optax.adam(methods._rate(c.Maml(outer_lr=0.2, decay_steps=4))), jnp.asarray(1.0)
  state, rates = optimiser.init(one), []
  for _ in range(6):
    with jax.numpy_dtype_promotion("standard"):
      change, state = optimiser.update(one, state, one)
    rates.append(-float(change))
  np.testing.assert_allclose(rates[:5], 0.2 * np.cos(np.pi / 8 * np.arange(5)) ** 2, atol=1e-5)
  assert rates[5] == 0.0


SINES = c.Config("sines", c.Sinusoid(), c.MLP((4,), norm="none"), c.Anil(), (c.Finetune(inner_steps=3),))


def test_the_network_of_prototypes_is_as_wide_as_its_embedding_and_others_as_the_answer():
  config = dataclasses.replace(SINES, tasks=c.Fleet(), algorithm=c.ProtoNet(embedding=5))
  found = {what.name: jax.eval_shape(what.init, jax.random.key(0)) for what in build.trained(config)}
  widths = {name: params["params"]["head"]["bias"].shape for name, params in found.items()}
  assert widths == {"protonet": (5,), "finetune": (8,)}


def test_the_control_is_scored_as_it_is_and_fine_tuned_whole_and_at_the_head():
  ours, control = build.trained(SINES)
  assert [(m.name, m.kind) for m in ours.methods] == [("anil", "ours")]
  assert {m.name: m.config for m in control.methods} == {
    "pooled network": c.Finetune(inner_steps=0),
    "pooled network, fine-tuned": c.Finetune(inner_steps=3),
    "pooled network, head fine-tuned": c.Finetune(inner_steps=3, head_only=True),
  }
  assert {m.kind for m in control.methods} == {"baseline"}


def changed_by_labels(algorithm, state) -> bool:
  x = jnp.linspace(-1.0, 1.0, 5)[:, None]
  predict = jax.jit(algorithm.predict)
  answers = [
    predict(jax.random.key(0), state, Batch(x, jnp.full((5, 1), value), jnp.ones(5, bool)), x) for value in (0.0, 3.0)
  ]
  return bool((answers[0] != answers[1]).any())


def test_the_pooled_network_learns_nothing_from_the_labels_of_the_new_unit():
  _, control = build.trained(SINES)
  state = control.make(control.config).init(jax.jit(control.init)(jax.random.key(0)))
  changed = {m.name: changed_by_labels(control.make(m.config), state) for m in control.methods}
  assert changed == {
    "pooled network": False,
    "pooled network, fine-tuned": True,
    "pooled network, head fine-tuned": True,
  }


def test_a_network_from_scratch_starts_anew_in_every_task_and_learns_from_the_labels_alone():
  predict = jax.jit(build.scratch(SINES).predict)
  x = jnp.linspace(-1.0, 1.0, 8)[:, None]
  support = Batch(x, jnp.full((8, 1), 3.0), jnp.ones(8, bool))
  one, again, other = (predict(jax.random.key(i), (), support, x) for i in (0, 0, 1))
  np.testing.assert_array_equal(one, again)
  assert (np.abs(one - other) > 1e-4).all()
  nothing = predict(jax.random.key(0), (), support._replace(mask=jnp.zeros(8, bool)), x)
  assert float(jnp.square(one - 3.0).mean()) < 0.5 * float(jnp.square(nothing - 3.0).mean())


def test_the_number_of_adaptation_steps_can_be_changed_where_it_means_something():
  assert build.at_steps(c.Maml(), 9) == c.Maml(inner_steps=9)
  assert build.at_steps(c.Imaml(), 9) == c.Imaml(inner_steps=9)
  assert build.at_steps(c.Anil(), 9) == c.Anil(inner_steps=9)
  assert build.at_steps(c.Cavia(), 9) == c.Cavia(inner_steps=9)
  assert build.at_steps(c.Lora(), 9) == c.Lora(inner_steps=9)
  assert build.at_steps(c.InContext(), 9) is None
  assert build.at_steps(c.Finetune(), 9) == c.Finetune(inner_steps=9)
  assert build.at_steps(c.Reptile(), 9) == c.Reptile(predict_steps=9)
  assert build.at_steps(c.Maml(per_step_rates=True), 9) is None
  assert build.at_steps(c.ProtoNet(), 9) is None


@pytest.mark.parametrize(
  ("tasks", "a"),
  [
    (c.Sinusoid(), c.Cnp(embedding=4, decay_steps=9)),
    (c.FewEngines(), c.Anp(embedding=4, heads=2, latent=3)),
    (c.Sinusoid(), c.InContext(width=4, layers=1, heads=2)),
    (c.Fleet(), c.InContext(width=4, layers=1, heads=2)),
    (c.Fleet(), c.Cavia(context=3)),
  ],
)
def test_a_method_of_a_job_is_named_as_its_function_trains_and_answers(tasks, a):
  config = dataclasses.replace(SINES, tasks=tasks, algorithm=a)
  what = build.trained(config)[0]
  assert callable(getattr(meta, what.name)) and what.methods[0].name == what.name
  algorithm, (inputs, outputs, _) = what.make(what.config), methods.shape(config)
  y = jnp.zeros((2, 3), int) if outputs > 1 else jnp.zeros((2, 3, 1))
  x = jnp.ones((2, 3, inputs))
  x = x if isinstance(tasks, c.Sinusoid) else Viewed(x, jnp.ones((2, 3, 44)))
  side = Batch(x, y, jnp.ones((2, 3), bool))

  def learn_and_answer(key):
    state, metrics = algorithm.update(key, algorithm.init(what.init(key)), Episode(side, side, jnp.zeros(2)))
    return metrics, jax.vmap(algorithm.predict, (None, None, 0, 0))(key, state, side, x)

  metrics, answer = jax.eval_shape(learn_and_answer, jax.random.key(0))
  assert metrics["loss"].shape == ()
  assert answer.shape == (2, 3, 2 if outputs == 1 and not isinstance(a, c.Cavia) else outputs)  # a mean and a variance


@pytest.mark.parametrize("model", [c.MLP((4,)), c.Residual(), c.Conv1D((4,), (7,), (4,)), c.GRU(4)])
def test_the_context_of_cavia_conditions_the_network_of_any_job_and_the_control_has_none(model):
  config = dataclasses.replace(SINES, tasks=c.Fleet(), model=model, algorithm=c.Cavia(context=3))
  c.validate(config)
  ours, control = (jax.eval_shape(what.init, jax.random.key(0))["params"] for what in build.trained(config))
  assert ours["context"].shape == (3,) and "context" not in control


@pytest.mark.parametrize("a", [c.Cnp(embedding=4), c.InContext(width=4, layers=1, heads=2)])
def test_where_a_job_asks_for_a_number_its_likelihood_is_learned_and_mean_and_variance_answered(a):
  """With all parameters at 0 the mean is 0 and the deviation d = 0.01 + log 2: the loss is log d + y^2 / (2 d^2)
  + log(2 pi) / 2. Where the last layer's bias is (3, 0), the answer is 3 and 2 log d.
  """
  what = build.trained(dataclasses.replace(SINES, algorithm=a))[0]
  algorithm, y = what.make(what.config), jnp.linspace(-1.0, 1.0, 4)[None, :, None]
  params = jax.tree.map(lambda s: jnp.zeros(s.shape), jax.eval_shape(what.init, jax.random.key(0)))
  side = Batch(y, y, jnp.ones((1, 4), bool))
  _, metrics = jax.jit(algorithm.update)(jax.random.key(0), algorithm.init(params), Episode(side, side, jnp.zeros(1)))
  d = 0.01 + np.log(2.0)
  expected = np.log(d) + np.mean(np.square(y)) / (2 * d**2) + 0.5 * np.log(2 * np.pi)
  assert float(metrics["loss"]) == pytest.approx(expected, rel=1e-5)
  params.get("g", params)["params"]["head"]["bias"] = jnp.asarray([3.0, 0.0])
  state, task = algorithm.init(params), jax.tree.map(lambda leaf: leaf[0], side)
  answer = algorithm.predict(jax.random.key(0), state, task, task.x)
  np.testing.assert_allclose(answer, np.tile([3.0, 2.0 * np.log(d)], (4, 1)), rtol=1e-6)


@pytest.mark.parametrize("tasks", [c.Fleet(), c.Bearings(), c.FleetToBearings()])
def test_a_residual_network_of_a_window_reads_what_baselines_read(tasks):
  config = dataclasses.replace(SINES, tasks=tasks, model=c.Residual(soft_unit=True))
  assert methods.shape(config).inputs == len(FEATURE_NAMES)
  signal = jax.random.normal(jax.random.key(0), (2048,))
  window = Window(signal, jnp.float32(12e3), jnp.float32(30.0), jnp.asarray([3.0, 5.0, 2.0, 0.4]))
  seen = build.view_of(config.model)(window)
  np.testing.assert_array_equal(seen.input, seen.features)
  net = build.network(config, None)
  assert net.apply(net.init(jax.random.key(0)), seen.input[None]).shape == (1, 44)


def test_a_recurrent_network_reads_the_waveform():
  config = dataclasses.replace(SINES, tasks=c.Fleet(), model=c.GRU(width=6, frame=32))
  signal = jax.random.normal(jax.random.key(0), (2048,))
  window = Window(signal, jnp.float32(12e3), jnp.float32(30.0), jnp.asarray([3.0, 5.0, 2.0, 0.4]))
  seen = build.view_of(config.model)(window)
  np.testing.assert_allclose(seen.input[:, 0], (signal - signal.mean()) / signal.std(), rtol=1e-4, atol=1e-4)
  net = build.network(config, 8)
  read = jax.tree.map(lambda leaf: leaf[None], seen)
  params = jax.eval_shape(net.init, jax.random.key(0))
  assert params["params"]["head"]["kernel"].shape == (6, 8)
  assert jax.eval_shape(net.apply, params, read).shape == (1, 8)


@pytest.mark.parametrize(
  ("tasks", "outputs"),
  [(c.Sinusoid(), 1), (c.Fleet(), 8), (c.Bearings(), 3), (c.FleetToBearings(), 9), (c.FewEngines(), 1)],
)
def test_a_network_says_as_many_numbers_as_its_job_has_answers(tasks, outputs):
  config = dataclasses.replace(SINES, tasks=tasks)
  width, expected, loss = methods.shape(config)
  assert expected == outputs
  net = build.network(config, outputs)
  inputs = jnp.zeros((2, width))
  for x in (inputs, Viewed(inputs, jnp.zeros((2, 44)))):  # the features are the baselines'
    answer = jax.eval_shape(lambda key, x: net.apply(net.init(key), x), jax.random.key(0), x)
    assert answer.shape == (2, outputs)
  target = jnp.zeros((2,), int) if outputs > 1 else jnp.zeros((2, 1))
  assert loss(jnp.zeros((2, outputs)), target) == pytest.approx(np.log(outputs) if outputs > 1 else 0.0)
