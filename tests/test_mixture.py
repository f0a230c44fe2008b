"""Steps of joint training: how many rows of each source, which, and with whose labels."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import mtl_jax
from mtl_jax.checkpoint import Checkpoints
from mtl_jax.tasks.mixture import dealt, mixture, shares
from mtl_jax.types import Algorithm, Batch

SIZES = {"few": 100, "many": 900}


def data():
  """Rows that carry their own number; task `b` of `many` is known of every third row."""
  few, many = (np.arange(n) for n in SIZES.values())
  return {
    "few": Batch(few[:, None].astype(np.float32), {"a": few}, {"a": np.ones(100, bool)}),
    "many": Batch(many[:, None].astype(np.float32), {"b": many}, {"b": many % 3 == 0}),
  }


@pytest.mark.parametrize(
  ("sampling", "temperature", "few"),
  [
    ("uniform", 1.0, 20),
    ("proportional", 1.0, 4),
    ("epochs", 1.0, 4),
    ("temperature", 2.0, 10),
    ("temperature", 1.0, 4),
  ],
)
def test_a_source_has_the_share_of_its_rule(sampling, temperature, few):
  """At n = 100 and 900 a share goes by 1, n or, at temperature 2, by the root: 10 to 30."""
  share = shares(SIZES, 40, sampling, temperature)
  assert share == pytest.approx({"few": few, "many": 40 - few})


def test_a_step_has_its_rows_own_labels_and_masks_and_fractions_come_out_right_in_the_mean():
  family = mixture(data(), {"few": 1.25, "many": 3.0})
  steps = jax.jit(jax.vmap(family.sample))(jax.random.split(jax.random.key(0), 4000))
  assert steps["few"].x.shape == (4000, 2, 1)
  assert steps["many"].x.shape == (4000, 3, 1)
  for source, task in (("few", "a"), ("many", "b")):
    np.testing.assert_array_equal(steps[source].x[..., 0], steps[source].y[task])
  np.testing.assert_array_equal(steps["many"].mask["b"], steps["many"].y["b"] % 3 == 0)
  assert float(steps["few"].mask["a"].sum(1).mean()) == pytest.approx(1.25, abs=0.03)
  assert steps["few"].mask["a"][:, 0].all()
  counts = np.bincount(np.asarray(steps["many"].y["b"]).ravel(), minlength=900)
  assert counts.min() > 0  # 12,000 draws among 900 rows
  assert counts.max() < 40


def test_only_the_sources_asked_for_are_drawn():
  assert set(jax.eval_shape(mixture(data(), {"many": 2.0}).sample, jax.random.key(0))) == {"many"}


@pytest.mark.parametrize("streams", [1, 3])
def test_in_epochs_every_row_of_a_stream_comes_once_before_any_comes_twice(streams):
  family = dealt(data(), {"few": 8.0, "many": 30.4}, streams)
  places = jnp.arange(50 * streams)
  steps = jax.vmap(family.sample)(jax.random.split(jax.random.key(0), len(places)), places)
  assert family.in_turn
  firsts = []
  for stream in range(streams):
    for source, task, count in (("few", "a", 8), ("many", "b", 30)):
      rows = np.asarray(steps[source].y[task][stream::streams]).ravel()
      assert len(rows) == 50 * count
      for epoch in range(len(rows) // SIZES[source]):
        one = rows[epoch * SIZES[source] : (epoch + 1) * SIZES[source]]
        assert len(set(one.tolist())) == SIZES[source]
        firsts.append((source, stream, epoch, tuple(one[:20].tolist())))
  for source, stream, epoch, first in firsts:  # other epochs of a stream, and other streams in that epoch, differ
    others = [o for s, at, e, o in firsts if s == source and (at == stream) != (e == epoch)]
    assert first not in others


def test_fit_deals_the_same_rows_to_a_run_that_was_stopped_and_resumed(tmp_path):
  """State: a sum that depends on the order in which rows came."""

  def update(key, state, drawn):
    rows = jnp.sum(drawn["few"].x)
    return 0.9 * state + rows, {"loss": rows}

  algorithm = Algorithm(lambda params: params, update, lambda key, state, support, x: x)
  family = dealt(data(), {"few": 8.0})
  key, start = jax.random.key(0), jnp.zeros(())
  whole, history = mtl_jax.fit(key, algorithm, start, family, steps=30, tasks_per_step=1, chunk_steps=10)
  assert history["loss"].reshape(-1)[:25].sum() == pytest.approx(2 * np.arange(100).sum())  # 25 steps: two epochs
  store = Checkpoints(tmp_path, keep=1)
  more = {"tasks_per_step": 1, "chunk_steps": 10, "checkpoints": store}
  mtl_jax.fit(key, algorithm, start, family, steps=20, **more)
  resumed, _ = mtl_jax.fit(key, algorithm, start, family, steps=30, resume=True, **more)
  assert float(resumed) == float(whole)


def test_joint_learns_from_a_mixture():
  family = mixture(data(), {"few": 4.0, "many": 6.5})
  losses = dict.fromkeys("ab", lambda prediction, target: (prediction[:, 0] - target.astype(jnp.float32) / 100) ** 2)
  algorithm = mtl_jax.joint(
    lambda w, x: {{"few": "a", "many": "b"}[source]: leaf * w for source, leaf in x.items()},
    losses,
    outer=optax.sgd(1e-7),
  )
  state, history = mtl_jax.fit(
    jax.random.key(0), algorithm, algorithm.init(jnp.zeros(())), family, steps=200, tasks_per_step=2
  )
  assert float(state.params) == pytest.approx(0.01, rel=0.02)
  assert history["loss"][-1] < 1e-3 * history["loss"][0]
