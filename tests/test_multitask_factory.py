"""The factory and the pairs of clothes: what is on which side, what is scaled by what, which labels are missing."""

import numpy as np
import pandas as pd
import pytest

from mtl_jax.build.multitask import equipment, progress, quality
from mtl_jax.build.multitask import pairs as pairing
from mtl_jax.build.multitask.contract import Problem, audited
from mtl_jax.build.multitask.factory import factory
from mtl_jax.build.multitask.sides import SIDES, Source, by_side, dealt, joined, scaled
from mtl_jax.data import (
  cmapss,
  deeppcb,
  fashion_mnist,
  garment_productivity,
  injection_molding,
  magnetic_tile,
  neu_surface,
  supplygraph,
)
from mtl_jax.data.table import Table
from mtl_jax.tasks import texture
from mtl_jax.trust import LeakError

IMAGES = {"steel strip": neu_surface, "magnetic tile": magnetic_tile, "circuit board": deeppcb}
CLASSES = {"steel defect": 6, "tile defect": 6, "board defect": 6, "lens quality": 4, "plate fault": 7}
CLASSES |= {"cooler": 3, "valve": 4, "pump": 3, "accumulator": 4}


@pytest.fixture(scope="module")
def built(data_folder) -> Problem:
  """With 94 pixels of a picture in place of its texture, which takes half a minute."""
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(texture, "described", lambda images: images.reshape(len(images), -1)[:, 1000:1094])
    patch.setattr(texture, "beside_template", lambda image, template: image[24, :5])
    return factory()


def clothes(known: int = 24, asked: int = 12) -> Table:
  """Picture i is of one brightness, i + 1, and shows article i mod 10."""
  place = np.arange(known + asked)
  image = np.broadcast_to((place + 1.0)[:, None, None], (len(place), 28, 28))
  split = np.where(place < known, "train", "test")
  article = np.asarray(fashion_mnist.ARTICLES)[place % 10]
  return Table({"image": image}, {"article": article}, {"unit": place, "split": split}, {})


@pytest.fixture
def paired(monkeypatch) -> Problem:
  monkeypatch.setattr(fashion_mnist, "load", clothes)
  monkeypatch.setattr(pairing, "TRAINING", 8)
  monkeypatch.setattr(pairing, "VALIDATION", 3)
  return pairing.pairs()


def check_contract(problem: Problem) -> None:
  parts = (problem.train, problem.validation, problem.test)
  names = [task for tasks in problem.targets.values() for task in tasks]
  assert len(names) == len(set(names))
  for part in parts:
    assert set(part.data) == set(part.unit) == set(problem.targets)
    assert set(part.features) == {source for source, batch in part.data.items() if batch.x.ndim > 2}
    for source, (x, y, mask) in part.data.items():
      n = len(part.unit[source])
      assert x.dtype == np.float32 and len(x) == n and np.isfinite(x).all()
      assert x.shape[1:] == problem.train.data[source].x.shape[1:]
      features = ({source: x} | part.features)[source]
      assert features.dtype == np.float32 and features.ndim == 2 and len(features) == n and np.isfinite(features).all()
      assert set(y) == set(mask) == set(problem.targets[source])
      for task, target in problem.targets[source].items():
        assert y[task].shape == mask[task].shape == (n,) and mask[task].dtype == bool
        assert (y[task][~mask[task]] == 0).all() and np.isfinite(y[task]).all()
        assert y[task].dtype == (np.float32 if target.kind == "number" else np.int32)
        assert (target.classes == ()) == (target.kind == "number")
        if target.classes:  # every class occurs on every side, or there is no F1 of it
          assert np.unique(y[task][mask[task]]).tolist() == list(range(len(target.classes)))
      assert all(mask[task].all() for task in mask) or part is problem.train


def test_factory_keeps_the_contract(built):
  check_contract(built)
  assert {
    task: len(target.classes) for tasks in built.targets.values() for task, target in tasks.items() if target.classes
  } == CLASSES


def test_pairs_keep_the_contract(paired):
  x = paired.train.data["image"].x
  assert x.shape == (8, 18, 18, 1) and not paired.train.features
  assert [len(part.unit["image"]) for part in paired[:3]] == [8, 3, 6]
  assert {t: (len(target.classes), target.kind) for t, target in paired.targets["image"].items()} == {
    "top left": (10, "class"),
    "bottom right": (10, "class"),
  }


def test_inputs_have_mean_0_and_deviation_1_on_training_rows_alone(built):
  for source, (x, *_) in built.train.data.items():
    arrays = [(x, (0, 1, 2))] if x.ndim == 4 else [(x, 0)]
    arrays += [(built.train.features[source], 0)] if x.ndim == 4 else []
    for array, axis in arrays:
      array = array.astype(np.float64)
      np.testing.assert_allclose(array.mean(axis), 0, atol=1e-3)
      deviation = array.std(axis)
      assert (np.isclose(deviation, 1, atol=1e-3) | np.isclose(deviation, 0, atol=1e-3)).all()
      assert (deviation > 0.5).mean() > 0.9


def test_scale_does_not_depend_on_other_rows():
  values = np.random.default_rng(0).normal(3, 2, (20, 4, 4, 2))
  learn = np.arange(20) < 12
  other = np.where(learn[:, None, None, None], values, values + 50)
  one, two = (scaled(rows, learn, (0, 1, 2)) for rows in (values, other))
  np.testing.assert_array_equal(one[learn], two[learn])
  assert (two[~learn] - one[~learn] > 10).all()


def test_units_are_dealt_whole_with_a_fifth_for_each_of_two_sides():
  unit, label = np.repeat(np.arange(100), 3), np.repeat(np.arange(100) % 4, 3)
  sides = by_side(np.stack([unit, label], axis=1), dealt(unit, label))
  assert [len(rows) for rows in sides.values()] == [180, 60, 60]
  assert not set(sides["training"][:, 0]) & set(sides["test"][:, 0])
  assert all(set(np.bincount(rows[:, 1])) == {len(rows) // 4} for rows in sides.values())


def test_a_unit_on_two_sides_is_an_error(built, paired):
  for problem in (built, paired):
    for source in problem.targets:
      unit = problem.test.unit | {source: problem.test.unit[source].copy()}
      unit[source][0] = problem.train.unit[source][0]
      with pytest.raises(LeakError, match=f"unit of {source}"):
        audited(problem._replace(test=problem.test._replace(unit=unit)))


def test_a_source_with_a_unit_on_two_sides_does_not_join(paired):
  parts = {side: (paired.train.data["image"], np.arange(8)) for side in SIDES}
  with pytest.raises(LeakError):
    joined({"image": Source(parts, dict(paired.targets["image"]), dict.fromkeys(SIDES, np.zeros((8, 1))))})


@pytest.mark.parametrize("source", IMAGES)
def test_pictures_and_their_defects_are_those_of_the_table(built, source):
  table = IMAGES[source].load()
  if source == "steel strip":  # two of its pictures are the same
    table = table._replace(groups={"unit": magnetic_tile.near_duplicates(table.columns["image"])})
  seen = [{picture.tobytes() for picture in part.data[source].x} for part in built[:3]]
  assert source == "circuit board" or not (seen[0] & seen[1] or seen[0] & seen[2] or seen[1] & seen[2])
  channels = [name for name in ("image", "template") if name in table.columns]
  (task,) = built.targets[source]
  names = np.asarray(built.targets[source][task].classes)
  for part in built[:3]:
    rows = np.flatnonzero(np.isin(table.groups["unit"], part.unit[source]))
    x, y, _ = part.data[source]
    assert table.groups["unit"][rows].tolist() == part.unit[source].tolist()
    assert names[y[task]].tolist() == table.labels["defect"][rows].tolist()
    pixel = table.columns["image"][rows].reshape(len(rows), -1)[:, 1000].astype(float)
    assert np.corrcoef(pixel, part.features[source][:, 0])[0, 1] > 1 - 1e-6
    for at, name in enumerate(channels):
      some = int(np.argmax(x[..., at].std((1, 2))))
      image = table.columns[name][rows[some]].astype(float)
      half = [[image[i : i + 2, j : j + 2].mean() for j in range(0, len(image), 2)] for i in range(0, len(image), 2)]
      assert np.corrcoef(np.ravel(half), x[some, ..., at].ravel())[0, 1] > 1 - 1e-6
    assert x.shape[1:] == ((24, 24, 2) if source == "circuit board" else (32, 32, 1))


def test_a_rig_component_is_labelled_in_half_of_the_training_combinations(built):
  """The name of a unit is the state of the cooler, valve, pump and accumulator."""
  components = ("cooler", "valve", "pump", "accumulator")
  hidden = {}
  for part in built[:3]:
    unit = part.unit["rig"]
    _, y, mask = part.data["rig"]
    assert (np.unique(unit, return_counts=True)[1] == 10).all()
    for place, component in enumerate(components):
      classes = built.targets["rig"][component].classes
      states = [name.split("/")[place] for name in unit.tolist()]
      said = np.asarray([name.split()[0] for name in classes])[y[component]]
      assert (said == states)[mask[component]].all()
      if part is built.train:
        hidden[component] = set(unit[~mask[component]].tolist())
        assert not hidden[component] & set(unit[mask[component]].tolist())
        assert len(hidden[component]) == len(np.unique(unit)) // 2
  assert len(np.unique(np.concatenate([part.unit["rig"] for part in built[:3]]))) == 144
  assert len({frozenset(units) for units in hidden.values()}) == 4
  assert list(equipment.COMPONENTS) == list(components)


def test_engines_are_asked_about_at_their_last_cycle_and_learned_from_at_every_fourth(built):
  table = cmapss.load()
  frame = pd.DataFrame({name: table.groups[name] for name in ("unit", "subset", "split", "time")})
  frame["life"] = np.minimum(table.labels["rul"], 125)
  frame = frame[frame["subset"] == "FD001"]
  asked = frame[frame["split"] == "test"].groupby("unit").last()["life"]
  found = pd.Series(built.test.data["engine"].y["remaining life"], built.test.unit["engine"])
  assert found.to_dict() == asked.to_dict()
  known = frame[(frame["split"] == "train") & (frame["time"] % 4 == 0)].groupby("unit")["life"].apply(list)
  for part, engines in ((built.train, 80), (built.validation, 20)):
    lives = pd.Series(part.data["engine"].y["remaining life"]).groupby(part.unit["engine"]).apply(list)
    assert len(lives) == engines and all(known[unit] == life for unit, life in lives.items())


def test_teams_and_days_of_the_questions_were_never_learned_from(built):
  table = garment_productivity.load()
  frame = pd.DataFrame(table.groups | {"y": table.labels["actual_productivity"]})
  early = frame["time"] < "2015-02-10"
  for part, days in zip(built[:3], (early, early, ~early), strict=True):
    rows = frame[frame["unit"].isin(part.unit["team"]) & days]
    assert part.unit["team"].tolist() == rows["unit"].tolist()
    np.testing.assert_allclose(part.data["team"].y["team productivity"], rows["y"], rtol=1e-6)
  teams = [{unit.split()[1] for unit in part.unit["team"].tolist()} for part in built[:3]]
  assert [len(some) for some in teams] == [6, 3, 3] and len(set.union(*teams)) == 12


def test_a_team_s_morning_knows_only_past_days(data_folder, monkeypatch):
  table, before = garment_productivity.load(), progress.team()
  late = table.groups["time"] >= np.datetime64("2015-03-10")
  actual = np.where(late, 0.5, table.labels["actual_productivity"])
  changed = table._replace(labels=table.labels | {"actual_productivity": actual})
  monkeypatch.setattr(garment_productivity, "load", lambda: changed)
  after = progress.team()
  (x, y, _), unit = before.parts["test"]
  last = (np.isin(table.groups["unit"], unit) & (table.groups["time"] >= np.datetime64("2015-02-10"))).nonzero()[0]
  day = table.groups["time"][last]
  same = (after.parts["test"][0].x == x).all(1)
  assert same[day <= np.datetime64("2015-03-10")].all() and not same[day > np.datetime64("2015-03-10")].any()
  assert (after.parts["test"][0].y["team productivity"] == y["team productivity"])[~late[last]].all()


def test_production_is_of_the_day_after_those_that_are_read(built, monkeypatch):
  table = supplygraph.load()
  made = pd.DataFrame(table.groups | table.columns).pivot(index="time", columns="unit", values="production")
  kept = made.columns[(made[:140] > 0).mean() >= 0.4]
  share = made[kept] / made[kept][:140].mean()
  for part, days in zip(built[:3], (slice(14, 140), slice(140, 182), slice(182, 221)), strict=True):
    y, unit = part.data["product"].y["production"], part.unit["product"]
    product = np.asarray([name.rpartition("/")[0] for name in unit.tolist()])
    assert set(product) == set(kept)
    for one in kept:
      np.testing.assert_allclose(y[product == one], share[one][days], rtol=1e-5)
  last = table.groups["time"] == table.groups["time"].max()
  columns = {name: np.where(last, 3 * column + 1, column) for name, column in table.columns.items()}
  monkeypatch.setattr(supplygraph, "load", lambda: table._replace(columns=columns))
  after = progress.production().parts
  for side, part in zip(SIDES, built[:3], strict=True):
    np.testing.assert_array_equal(after[side][0].x, part.data["product"].x)
  assert (after["test"][0].y["production"] != built.test.data["product"].y["production"]).sum() == len(kept)


def test_rows_of_the_same_numbers_are_one_unit(data_folder, monkeypatch):
  table = injection_molding.load()
  twice = table.take(np.r_[np.arange(table.rows), np.arange(60)])
  monkeypatch.setattr(injection_molding, "load", lambda: twice)
  counts = [np.unique(unit, return_counts=True)[1] for _, unit in quality.moulding().parts.values()]
  assert sum(int((count == 2).sum()) for count in counts) == 60
  assert sum(map(len, counts)) == table.rows
  joined({"moulding": quality.moulding()})


def test_the_brighter_pixel_of_two_pictures_shows():
  rng = np.random.default_rng(0)
  one, other = rng.integers(0, 256, (2, 3, 28, 28)).astype(np.uint8)
  found = pairing.overlaid(one, other)
  frame = np.zeros((36, 36))
  for i in range(36):
    for j in range(36):
      left = one[1, i, j] if i < 28 and j < 28 else 0
      right = other[1, i - 8, j - 8] if i >= 8 and j >= 8 else 0
      frame[i, j] = max(left, right)
  expected = [[frame[i : i + 2, j : j + 2].mean() for j in range(0, 36, 2)] for i in range(0, 36, 2)]
  np.testing.assert_allclose(found[1], expected, rtol=1e-6)


def test_each_picture_of_clothes_is_in_one_pair_on_its_own_side(paired):
  """A picture is told by its brightness, i + 1, over that of the empty corners, where the scale has 0."""
  zero = paired.train.data["image"].x[0, 0, -1, 0]
  seen = [part.data["image"].x[:, [0, -1], [0, -1], 0] - zero for part in paired[:3]]
  step = np.concatenate(seen).max() / 36
  names = np.asarray(paired.targets["image"]["top left"].classes)
  pictures = []
  for part, values in zip(paired[:3], seen, strict=True):
    picture = np.round(values / step).astype(int) - 1
    np.testing.assert_allclose(values / step, picture + 1, atol=1e-3)
    for at, task in enumerate(("top left", "bottom right")):
      shown = np.asarray(fashion_mnist.ARTICLES)[picture[:, at] % 10]
      assert names[part.data["image"].y[task]].tolist() == shown.tolist()
    pictures.append(picture.ravel())
  assert len(np.unique(np.concatenate(pictures))) == 2 * (8 + 3 + 6)
  assert max(*pictures[0], *pictures[1]) < 24 <= min(pictures[2])


def test_a_picture_on_two_sides_is_an_error(monkeypatch):
  table = clothes()
  monkeypatch.setattr(fashion_mnist, "load", lambda: table)
  monkeypatch.setattr(pairing, "TRAINING", 8)
  monkeypatch.setattr(pairing, "VALIDATION", 3)
  monkeypatch.setattr(np.random, "default_rng", lambda seed: Constant())
  with pytest.raises(LeakError, match="picture"):
    pairing.pairs()


class Constant:
  """A generator that shuffles badly: the first picture again and again."""

  def permutation(self, rows: np.ndarray) -> np.ndarray:
    return np.full_like(rows, rows[0])
