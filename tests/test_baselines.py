"""The ladder against scikit-learn used by hand, and no rung weaker than it has to be."""

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
  ExtraTreesClassifier,
  ExtraTreesRegressor,
  HistGradientBoostingClassifier,
  HistGradientBoostingRegressor,
  RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor, NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from mtl_jax.baselines import (
  Asked,
  History,
  Ladder,
  Rung,
  answers,
  classification_ladder,
  envelope_rule,
  regression_ladder,
)
from mtl_jax.baselines.classification import by_angle, whitening

CLASSES, FEATURES = 3, 4
CENTRES = np.eye(CLASSES, FEATURES) * 4.0
UNITS = np.asarray([1.0, 10.0, 0.1, 3.0])  # features of different units, as RMS and orders have


@pytest.fixture(autouse=True, scope="module")
def one_thread():
  """Small trees are grown faster by one thread, and many times so where something else wants the cores."""
  with threadpool_limits(1):
    yield


def _windows(rng, machine: int, count: int, spread: float) -> tuple[np.ndarray, np.ndarray]:
  """Blobs, turned so that noise is correlated, shifted by machine."""
  y = np.repeat(np.arange(CLASSES), count)
  noise = rng.normal(size=(len(y), FEATURES)) * spread
  noise[:, 1] += 0.9 * noise[:, 0]
  return (CENTRES[y] + noise + 0.5 * np.sin(machine + np.arange(FEATURES))) * UNITS, y


@pytest.fixture(scope="module")
def history() -> History:
  parts = [(*_windows(np.random.default_rng(m), m, 15, 1.0), np.full(15 * CLASSES, m)) for m in range(8)]
  return History(*(np.concatenate(column) for column in zip(*parts, strict=True)))


@pytest.fixture(scope="module")
def ladder(history) -> Ladder:
  return classification_ladder(history)


def _episode(seed: int, shots: int, spread: float = 1.5) -> tuple[Asked, np.ndarray]:
  rng = np.random.default_rng(100 + seed)
  (x, y), (q, truth) = _windows(rng, seed, shots, spread), _windows(rng, seed, 20, spread)
  return Asked(x, y, q), truth


def _by_hand(name: str, history: History, seed: int):
  """What a user of scikit-learn would write down for a rung."""
  scaled = StandardScaler().fit(history.x)
  boosted = HistGradientBoostingClassifier(
    max_iter=10, learning_rate=0.2, max_leaf_nodes=2, min_samples_leaf=1, early_stopping=False, random_state=seed
  )
  model = {
    "nearest centroid": NearestCentroid(),
    "nearest neighbour": KNeighborsClassifier(1),
    "shrinkage LDA": LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"),
    "ridge": RidgeClassifier(10.0),
    "logistic regression": LogisticRegression(max_iter=300),
    "random forest": RandomForestClassifier(50, random_state=seed),
    "extra trees": ExtraTreesClassifier(50, random_state=seed),
    "boosted trees": boosted,
  }[name]
  return lambda a: model.fit(scaled.transform(a.x), a.y).predict(scaled.transform(a.q))


def _rung(ladder: Ladder, name: str) -> Rung:
  return next(rung for rung in ladder.rungs if rung.name == name)


@pytest.mark.parametrize(
  "name",
  [
    "nearest centroid",
    "nearest neighbour",
    "shrinkage LDA",
    "ridge",
    "logistic regression",
    "random forest",
    "extra trees",
    "boosted trees",
  ],
)
def test_a_rung_is_scikit_learn_on_features_scaled_by_the_history(ladder, history, name):
  asked, truth = _episode(1, 4)
  predicted = _rung(ladder, name).predict(*asked, 5)
  np.testing.assert_array_equal(predicted, _by_hand(name, history, 5)(asked))
  assert 0.4 < (predicted == truth).mean() < 1.0  # a task on which methods differ


def test_the_centroid_scaled_on_the_support_knows_nothing_of_the_history(ladder):
  asked, _ = _episode(2, 5)
  by_hand = make_pipeline(StandardScaler(), NearestCentroid()).fit(asked.x, asked.y).predict(asked.q)
  rung = _rung(ladder, "nearest centroid, scaled on the support")
  np.testing.assert_array_equal(rung.predict(*asked, 0), by_hand)
  shifted = Asked(asked.x * 1000.0 + 7.0, asked.y, asked.q * 1000.0 + 7.0)
  np.testing.assert_array_equal(rung.predict(*shifted, 0), by_hand)


def test_the_majority_class_is_the_supports(ladder):
  y = np.asarray([2, 1, 1, 0, 1])
  assert _rung(ladder, "majority class").predict(np.zeros((5, 4)), y, np.zeros((3, 4)), 0).tolist() == [1, 1, 1]


def test_whitening_makes_the_scatter_within_a_machines_class_the_identity():
  """From so many windows that next to nothing is shrunk; machines and classes differ by more than the noise."""
  rng = np.random.default_rng(0)
  group, y = (rng.integers(count, size=20_000) for count in (5, CLASSES))
  noise = rng.normal(size=(20_000, FEATURES)) @ rng.normal(size=(FEATURES, FEATURES))
  white = whitening(History(noise + 5 * group[:, None] + 9 * CENTRES[y], y, group))
  np.testing.assert_allclose(np.cov((noise @ white).T), np.eye(FEATURES), atol=0.02)


def test_the_scatter_is_shrunk_where_windows_are_few(history):
  """Five windows of four features, one cell: without shrinkage the whitening would blow up."""
  few = History(history.x[:5], history.y[:5], history.group[:5])
  assert np.isfinite(whitening(few)).all()
  singular = few._replace(x=few.x[:, [0, 0, 1]])
  assert np.abs(whitening(singular)).max() < 1e3


def test_the_whitened_centroid_is_a_mahalanobis_distance(ladder, history):
  asked, _ = _episode(3, 4)
  scaler = StandardScaler().fit(history.x)
  white = whitening(history._replace(x=scaler.transform(history.x)))
  x, q = scaler.transform(asked.x), scaler.transform(asked.q)
  means = np.stack([x[asked.y == c].mean(axis=0) for c in range(CLASSES)])
  precision = white @ white.T
  off = q[:, None] - means[None]
  distance = np.einsum("qcd,de,qce->qc", off, precision, off)
  rung = _rung(ladder, "nearest centroid, whitened")
  np.testing.assert_array_equal(rung.predict(*asked, 0), distance.argmin(axis=1))


def test_whitening_helps_where_noise_is_correlated():
  """Classes apart by 1 along the quiet direction, noise of deviation 5 along the other."""
  rng = np.random.default_rng(0)

  def blob(count: int) -> tuple[np.ndarray, np.ndarray]:
    y = np.repeat([0, 1], count)
    loud, quiet = rng.normal(size=(2, len(y)))
    return np.stack([5 * loud, 5 * loud + 0.2 * quiet + y], axis=1), y

  parts = [(*blob(30), np.full(60, m)) for m in range(5)]
  ladder = classification_ladder(History(*(np.concatenate(column) for column in zip(*parts, strict=True))))
  (x, y), (q, truth) = blob(5), blob(100)
  plain, white = (_rung(ladder, f"nearest centroid{more}").predict(x, y, q, 0) for more in ("", ", whitened"))
  assert (white == truth).mean() > 0.95 > 0.8 > (plain == truth).mean()


def test_the_pooled_models_are_fitted_on_the_history_alone(ladder, history):
  asked, truth = _episode(4, 1)
  answered = {fixed.name: fixed.answer(asked.q) for fixed in ladder.fixed}
  by_hand = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300)).fit(history.x, history.y)
  np.testing.assert_allclose(answered["pooled logistic regression"], by_hand.predict_log_proba(asked.q), rtol=1e-6)
  forest = answered["pooled forest"]
  np.testing.assert_allclose(forest.sum(axis=1), 1.0)
  assert (forest.argmax(axis=1) == truth).mean() > 0.7
  z, rows = StandardScaler().fit(history.x).transform, np.random.default_rng(0).permutation(len(history.x))
  same = RandomForestClassifier(100, min_samples_leaf=2, random_state=0).fit(z(history.x)[rows], history.y[rows])
  np.testing.assert_allclose(forest, same.predict_proba(z(asked.q)))


def test_lda_of_one_example_each_is_the_centroid(ladder):
  asked, _ = _episode(6, 1)
  rungs = (_rung(ladder, "nearest centroid"), _rung(ladder, "shrinkage LDA"))
  ((centroid, lda),) = answers(rungs, [asked], seeds=1)
  np.testing.assert_array_equal(lda.predicted, centroid.predicted)


def test_whitened_rungs_are_their_plain_ones_on_whitened_features(ladder, history):
  asked, _ = _episode(7, 4)
  scaler = StandardScaler().fit(history.x)
  white = whitening(history._replace(x=scaler.transform(history.x)))
  for name, model in (("ridge", RidgeClassifier(10.0)), ("nearest neighbour", KNeighborsClassifier(1))):
    by_hand = model.fit(scaler.transform(asked.x) @ white, asked.y).predict(scaler.transform(asked.q) @ white)
    np.testing.assert_array_equal(_rung(ladder, f"{name}, whitened").predict(*asked, 0), by_hand)


def test_by_angle_only_the_direction_from_the_origin_counts():
  """Of three classes in the plane two lie the same way, one far out: it is the nearest centroid that tells those."""
  far, near, up = [8.0, 0.1], [1.0, 0.0], [0.0, 3.0]
  x, y = np.asarray([near, [2.0, 0.1], up, [0.1, 3.0]]), np.asarray([0, 0, 1, 1])
  rung = by_angle("by angle", lambda features: features - 1.0)
  assert rung.predict(x + 1.0, y, np.asarray([far, up]) + 1.0, 0).tolist() == [0, 1]
  q = np.asarray([[30.0, 29.0], [0.01, 0.02]])
  assert rung.predict(x + 1.0, y, q + 1.0, 0).tolist() == [0, 1]
  assert rung.predict(x + 1.0, y, 7.0 * q + 1.0, 0).tolist() == [0, 1]


def test_the_ridge_around_the_pooled_one_minimises_the_penalty_around_it(ladder, history):
  """argmin_V |T - Z (W + V) - c|^2 + a |V|^2 by the normal equations, W the pooled ridge's."""
  asked, _ = _episode(8, 3)
  scaler = StandardScaler().fit(history.x)
  z, zs, zq = (scaler.transform(x) for x in (history.x, asked.x, asked.q))

  def targets(y: np.ndarray) -> np.ndarray:
    return 2.0 * np.eye(CLASSES)[y] - 1.0

  pooled = Ridge(10.0).fit(z, targets(history.y))
  rest = targets(asked.y) - pooled.predict(zs)
  centred = zs - zs.mean(0)
  v = np.linalg.solve(centred.T @ centred + 10.0 * np.eye(FEATURES), centred.T @ (rest - rest.mean(0)))
  score = pooled.predict(zq) + rest.mean(0) + (zq - zs.mean(0)) @ v
  rung = _rung(ladder, "ridge around the pooled ridge")
  np.testing.assert_array_equal(rung.predict(*asked, 0), score.argmax(1))


def test_the_ridge_around_the_pooled_one_names_only_classes_that_were_labelled(ladder):
  asked, _ = _episode(9, 3)
  some = asked.y != 1
  answer = _rung(ladder, "ridge around the pooled ridge").predict(asked.x[some], asked.y[some], asked.q, 0)
  assert set(answer.tolist()) <= {0, 2}


def test_where_labels_mean_something_else_nothing_carries_them_over(ladder, history):
  other = classification_ladder(history, same_labels=False)
  assert other.fixed == ()
  assert {r.name for r in ladder.rungs} - {r.name for r in other.rungs} == {"ridge around the pooled ridge"}


def test_the_envelope_rule_names_the_race_whose_line_is_larger():
  rule = envelope_rule(inner=2, outer=0, inner_label=1, outer_label=3, classes=4)
  logits = rule.answer(np.asarray([[5.0, 9.0, 1.0], [1.0, 9.0, 5.0]]))
  assert logits.shape == (2, 4)
  assert logits.argmax(axis=1).tolist() == [3, 1]


def test_answers_on_all_cores_are_those_of_one_in_order(ladder):
  asked = [_episode(seed, 3)[0] for seed in range(5)]
  parallel = list(answers(ladder.rungs, asked, seeds=2))
  serial = [[rung.predict(*episode, i % 2) for rung in ladder.rungs] for i, episode in enumerate(asked)]
  assert len(parallel) == 5
  for ours, theirs in zip(parallel, serial, strict=True):
    for a, b in zip(ours, theirs, strict=True):
      np.testing.assert_array_equal(a.predicted, b)
      assert 0.0 < a.seconds < 60.0


def test_every_rung_is_perfect_on_separable_classes(ladder):
  asked, truth = zip(*(_episode(seed, 10, spread=0.1) for seed in range(3)), strict=True)
  for row, true in zip(answers(ladder.rungs, list(asked), seeds=1), truth, strict=True):
    for rung, (labels, _) in zip(ladder.rungs, row, strict=True):
      if rung.name == "majority class":
        assert (labels == true).mean() == pytest.approx(1 / CLASSES)
      else:
        np.testing.assert_array_equal(labels, true, err_msg=rung.name)


def test_every_rung_answers_from_one_example_of_each_class(ladder):
  asked, truth = _episode(5, 1, spread=0.1)
  (row,) = answers(ladder.rungs, [asked], seeds=1)
  right = {rung.name: (labels == truth).mean() for rung, (labels, _) in zip(ladder.rungs, row, strict=True)}
  for name in ("nearest centroid", "nearest centroid, whitened", "logistic regression", "extra trees"):
    assert right[name] == 1.0, name
  # Three examples on two axes: a tree still has to have used its labels.
  assert right["random forest"] > 0.6
  assert right["boosted trees"] > 0.6


def test_a_gaussian_process_on_ten_points_of_a_sine_beats_zero_and_the_mean():
  ladder, rng = regression_ladder(), np.random.default_rng(0)
  curves = [(rng.uniform(1, 5), rng.uniform(0, np.pi)) for _ in range(12)]
  asked, truth = [], []
  for amplitude, phase in curves:
    x, q = rng.uniform(-5, 5, (10, 1)), rng.uniform(-5, 5, (50, 1))
    asked.append(Asked(x, amplitude * np.sin(x + phase), q))
    truth.append(amplitude * np.sin(q + phase))
  error = {}
  rows = list(answers(ladder.rungs, asked, seeds=1))
  for i, rung in enumerate(ladder.rungs):
    error[rung.name] = np.mean([np.square(row[i].predicted - t).mean() for row, t in zip(rows, truth, strict=True)])
  (zero,) = ladder.fixed
  error["zero"] = np.mean([np.square(zero.answer(a.q) - t).mean() for a, t in zip(asked, truth, strict=True)])
  assert error["zero"] == pytest.approx(np.mean(np.square(truth)))
  assert error["Gaussian process on the support"] < 0.3 * min(error["zero"], error["mean of the support"])


def test_the_mean_of_the_support_is_what_it_says():
  rung = _rung(regression_ladder(), "mean of the support")
  answer = rung.predict(np.zeros((3, 1)), np.asarray([[1.0], [2.0], [6.0]]), np.zeros((4, 1)), 0)
  np.testing.assert_array_equal(answer, np.full((4, 1), 3.0))


@pytest.fixture(scope="module")
def lives() -> History:
  """A value that depends on two features, with an offset for each unit."""
  rng = np.random.default_rng(0)
  group = np.repeat(np.arange(6), 40)
  x = (rng.normal(size=(240, FEATURES)) + 3.0) * UNITS
  return History(x, _value(x) + 0.3 * group + 0.1 * rng.normal(size=240), group)


def _value(x: np.ndarray) -> np.ndarray:
  z = x / UNITS - 3.0
  return 2.0 * z[:, 0] + np.abs(z[:, 1])


@pytest.fixture(scope="module")
def value_ladder(lives) -> Ladder:
  return regression_ladder(lives)


def _life(rows: int = 12) -> tuple[Asked, np.ndarray]:
  rng = np.random.default_rng(1)
  x = (rng.normal(size=(rows + 30, FEATURES)) + 3.0) * UNITS
  y = _value(x) + 5.0
  return Asked(x[:rows], y[:rows, None], x[rows:]), y[rows:, None]


@pytest.mark.parametrize(
  ("name", "model"),
  [
    ("ridge", Ridge(10.0)),
    ("nearest neighbour", KNeighborsRegressor(1)),
    ("extra trees", ExtraTreesRegressor(50, random_state=5)),
    (
      "boosted trees",
      HistGradientBoostingRegressor(max_iter=60, min_samples_leaf=5, early_stopping=False, random_state=5),
    ),
  ],
)
def test_a_rung_for_values_is_scikit_learn_on_features_scaled_by_the_history(value_ladder, lives, name, model):
  asked, _ = _life()
  scaled = StandardScaler().fit(lives.x)
  expected = model.fit(scaled.transform(asked.x), asked.y[:, 0]).predict(scaled.transform(asked.q))
  np.testing.assert_allclose(_rung(value_ladder, name).predict(*asked, 5), expected[:, None])


def test_pooled_values_are_fitted_on_the_scaled_history_alone(value_ladder, lives):
  asked, _ = _life()
  answered = {fixed.name: fixed.answer(asked.q) for fixed in value_ladder.fixed}
  boosted = HistGradientBoostingRegressor(early_stopping=False, random_state=0)
  for name, model in (("pooled ridge", Ridge(10.0)), ("pooled boosted trees", boosted)):
    by_hand = make_pipeline(StandardScaler(), model).fit(lives.x, lives.y).predict(asked.q)
    np.testing.assert_allclose(answered[name], by_hand[:, None], err_msg=name)
  assert (answered["zero"] == np.zeros((30, 1))).all()


@pytest.mark.parametrize(
  ("name", "pooled"),
  [
    ("ridge around the pooled ridge", Ridge(10.0)),
    ("pooled boosted trees, corrected", HistGradientBoostingRegressor(early_stopping=False, random_state=0)),
  ],
)
def test_a_pooled_model_is_corrected_by_a_ridge_on_what_it_leaves(value_ladder, lives, name, pooled):
  """argmin_v |y - f(z) - z v - c|^2 + 10 |v|^2 by the normal equations, f the pooled model."""
  asked, truth = _life()
  scaler = StandardScaler().fit(lives.x)
  z, zq = scaler.transform(asked.x), scaler.transform(asked.q)
  pooled.fit(scaler.transform(lives.x), lives.y)
  rest, centred = asked.y[:, 0] - pooled.predict(z), z - z.mean(0)
  v = np.linalg.solve(centred.T @ centred + 10.0 * np.eye(FEATURES), centred.T @ (rest - rest.mean()))
  expected = pooled.predict(zq) + rest.mean() + (zq - z.mean(0)) @ v
  answer = _rung(value_ladder, name).predict(*asked, 0)
  np.testing.assert_allclose(answer, expected[:, None], rtol=1e-6)
  off = np.abs(answer - truth).mean()
  assert off < 0.5 * np.abs(pooled.predict(zq)[:, None] - truth).mean()  # the unit's offset of 5 is found


def test_trees_draw_by_the_seed_that_they_get(ladder, value_ladder):
  for some, (asked, _) in ((ladder, _episode(1, 4)), (value_ladder, _life())):
    rung = _rung(some, "extra trees")
    first, again, *others = (rung.predict(*asked, seed) for seed in (0, 0, 1, 2, 3))
    np.testing.assert_array_equal(first, again)
    assert any((first != other).any() for other in others)
