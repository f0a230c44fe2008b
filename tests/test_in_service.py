"""Lines in service: nothing is known too early, history and service are apart, and what is counted against hand."""

import importlib.util
import json
from typing import NamedTuple

import jax
import numpy as np
import pytest
from conftest import ROOT
from numpy.testing import assert_allclose, assert_array_equal

from mtl_jax import online
from mtl_jax.config import ConfigError
from mtl_jax.data.table import Table
from mtl_jax.emissions import mean
from mtl_jax.in_service import engines, learned, methods, plant, rig, sales, scores
from mtl_jax.in_service.source import Source, absolute, bought, halves, split
from mtl_jax.tasks import turbofan

DELAY, EVERY = 5.0, 12.0


class Made(NamedTuple):
  columns: dict
  labels: dict
  groups: dict


def flown(seed: int = 0, count: int = 16) -> tuple[Made, np.ndarray]:
  """Engines of two subsets, half of each, whose sensors wear."""
  rng = np.random.default_rng(seed)
  lengths = rng.integers(12, 30, count)
  time = np.concatenate([np.arange(1, n + 1) for n in lengths])
  left = np.repeat(lengths, lengths) - time
  sensors = {name: 500 - left + rng.normal(size=len(time)) for name in turbofan.SENSORS}
  settings = {"op1": rng.uniform(-0.01, 0.01, len(time)), "op2": np.zeros(len(time)), "op3": np.full(len(time), 100.0)}
  unit = np.repeat([f"{i:02d}" for i in range(count)], lengths)
  subset = np.repeat(np.where(np.arange(count) < count // 2, "FD001", "FD003"), lengths)
  return Made(sensors | settings, {"rul": left}, {"unit": unit, "time": time}), subset


def runs(minutes_late: float = 240, seed: int = 0, service: tuple[str, ...] = ("d11_te", "d12_te")) -> Source:
  """A plant of the right shape: component E follows a measurement, and in service's faults another way."""
  rng, parts = np.random.default_rng(seed), []
  mixing = np.concatenate([np.eye(3), rng.normal(size=(3, len(plant.FAST) - 3))], axis=1)
  for name, rows in {"d00": 400, "d11_te": 300, "d12_te": 900}.items():
    x = rng.normal(size=(rows, 3)) @ mixing
    slope = np.where(np.arange(rows) < 160, 1.0, -1.0) if name != "d00" else 1.0
    shown = (slope * x[:, 0])[np.maximum(np.arange(rows) // 5 * 5 - 5, 0)]  # sampled 15 min before, held for as long
    parts.append((np.full(rows, name), x, shown))
  unit, x, y = (np.concatenate(part) for part in zip(*parts, strict=True))
  columns = dict(zip(plant.FAST, x.T, strict=True)) | {plant.QUALITY: y}
  return plant.plant_of(Table(columns, {}, {"unit": unit}, {}), ("d00",), service, minutes_late)


def worn_rig() -> Source:
  rng, cycles = np.random.default_rng(0), 60
  columns = {"SE": rng.normal(size=(cycles, 60))}
  columns |= {f"{name}_{what}": rng.normal(size=cycles) for name in rig.SENSORS for what in ("mean", "sd")}
  labels = {"valve": rng.choice(rig.STATES, cycles), "cooler": np.repeat([3, 20, 100], cycles // 3)}
  groups = {"time": np.arange(1, cycles + 1), "recording": np.arange(cycles) // 4, "unit": np.zeros(cycles)}
  return rig.rig_of(Table(columns, labels, groups, {}), 7.0)


SOURCES = {
  "engines": lambda: engines.fleet(*flown(), ("FD001", "FD003"), EVERY, 0.75, DELAY),
  "rig": worn_rig,
  "sales": lambda: sales.sales_of(np.random.default_rng(0).poisson(5.0, (6, 52)).astype(float), 3),
  "plant": runs,
}


@pytest.fixture(scope="module", params=SOURCES)
def source(request) -> Source:
  return SOURCES[request.param]()


def test_a_source_is_in_the_order_of_time_and_its_history_was_known_before_service(source):
  history, running = source.history, source.running
  for s in (history, running):
    assert len(s.time) > 10
    assert (np.diff(s.time) >= 0).all()
    assert (s.matures > s.time).all()  # each of these labels is late
    assert np.isfinite(s.x).all()
  assert history.matures.max() < running.time.min()
  assert len(source.part) == len(source.calm) == len(running.time)
  for since in source.changes.values():
    assert running.time[0] <= since <= running.time[-1]


def test_no_life_is_known_before_its_engine_has_failed_and_been_reported():
  source = SOURCES["engines"]()
  for s in (source.history, source.running):
    failed = {engine: s.time[s.unit == engine].max() for engine in s.unit}
    assert_array_equal(s.matures, [failed[engine] + DELAY for engine in s.unit])
    assert_array_equal(s.y[:, 0], [min(failed[e] - t, turbofan.CAP) for e, t in zip(s.unit, s.time, strict=True)])
  assert not set(source.history.unit) & set(source.running.unit)
  younger = source.running.time < source.changes["FD003"]
  assert (np.unique(source.running.unit[younger]) < 8).all()  # the first half of the engines are FD001's


def test_features_of_engines_know_neither_service_nor_the_future():
  """A sensor that goes wrong from some moment on changes nothing that was asked before, and no scale."""
  table, subset = flown()
  before = SOURCES["engines"]()
  entered = {}
  for engine in np.unique(table.groups["unit"]):
    at = before.running.unit == int(engine)
    if at.any():
      entered[engine] = (before.running.time - before.running.x[:, -1])[at][0]
  when = np.asarray([entered.get(e, -np.inf) for e in table.groups["unit"]]) + table.groups["time"]
  moment = np.median(before.running.time)
  sensors = {name: np.where(when > moment, 0.0, table.columns[name]) for name in turbofan.SENSORS}
  after = engines.fleet(table._replace(columns=table.columns | sensors), subset, ("FD001", "FD003"), EVERY, 0.75, DELAY)
  asked = before.running.time <= moment
  assert_array_equal(after.history.x, before.history.x)
  assert_array_equal(after.running.x[asked], before.running.x[asked])
  assert (after.running.x[~asked, 0] != before.running.x[~asked, 0]).any()


def test_the_mean_life_is_of_engines_that_failed_before():
  source = SOURCES["engines"]()
  found = source.habits["mean age at failure less age"](source)[:, 0]
  lives = {}
  for s in (source.history, source.running):
    lives |= {e: (s.matures[s.unit == e][0], s.x[s.unit == e, -1].max()) for e in s.unit.tolist()}
  for row in (0, 40, len(found) - 1):
    time, age = source.running.time[row], source.running.x[row, -1]
    expected = np.mean([life for known, life in lives.values() if known < time]) - age
    assert_allclose(found[row], np.clip(expected, 0, turbofan.CAP), rtol=1e-5)


def test_what_is_read_of_sales_was_known_on_monday():
  """With sales three weeks late week t is asked from weeks up to t - 3, whose Sunday was the day before."""
  units = np.random.default_rng(0).poisson(5.0, (6, 52)).astype(float)
  before = sales.sales_of(units, 3)
  running = before.running
  asked = running.time == 40
  assert_allclose(running.x[asked, 0], np.log1p(units[:, 37]), rtol=1e-6)
  assert_allclose(running.y[asked, 0], np.log1p(units[:, 40]), rtol=1e-6)
  assert_allclose(running.matures[running.time == 37], 40 - 1 / 7)
  changed = sales.sales_of(np.where(np.arange(52) > 37, 0.0, units), 3)
  assert_array_equal(changed.running.x[asked], running.x[asked])
  loss = before.losses["MAE, units"](np.log1p(units[:, [37]]), running.y[asked])
  assert_allclose(loss, np.abs(units[:, 37] - units[:, 40]), atol=1e-4)


def test_an_analysis_is_of_the_sample_that_was_taken_when_it_was_asked():
  """In normal hours what is shown later is the first measurement at the time of the question."""
  source = runs()
  assert_allclose(source.history.y[:, 0], source.history.x[:, 0], rtol=1e-6)
  calm = source.calm
  assert_allclose(source.running.y[calm, 0], source.running.x[calm, 0], rtol=1e-6)
  faulty = source.running.time >= source.changes["fault 12"]
  assert_allclose(source.running.y[faulty, 0], -source.running.x[faulty, 0], rtol=1e-6)
  assert not (calm & faulty).any()


def test_moments_of_the_past_have_the_labels_that_had_come():
  """Against a search of the rows one by one; y is the number of the row."""
  rng = np.random.default_rng(0)
  time = np.sort(rng.uniform(0, 100, 80))
  y = np.arange(80.0, dtype=np.float32)[:, None]
  history = online.stream(time, y, y, delay=rng.uniform(0, 30, 80))
  family, labels = learned.moments(history)
  assert labels == 20
  for seed in range(5):
    episode = family.sample(jax.random.key(seed))
    first = int(episode.query.y[0, 0])
    assert_array_equal(episode.query.y[:, 0], first + np.arange(10))
    known = [row for row in np.argsort(history.matures) if history.matures[row] < history.time[first]]
    assert_array_equal(episode.support.y[:, 0], known[-20:])


@pytest.mark.parametrize("delay", [0.0, 0.1, 60.0])
def test_trees_are_judged_on_engines_that_they_were_not_fitted_on(delay, monkeypatch):
  source = engines.fleet(*flown(count=40), ("FD001", "FD003"), EVERY, 1.0, delay)
  rows = [np.concatenate(pair) for pair in zip(source.history, source.running, strict=True)]
  engine = {x.tobytes(): unit for x, unit in zip(rows[2], rows[1].tolist(), strict=True)}
  pairs = []

  def boosted(x, y):
    fitted = {engine[row.tobytes()] for row in x}

    def trees(asked):
      pairs.append((fitted, {engine[row.tobytes()] for row in asked}))
      return np.zeros((len(asked), 1), np.float32)

    return trees

  monkeypatch.setattr(methods, "boosted", boosted)
  methods.ready(source)
  assert len(pairs) == 2
  for fitted, asked in pairs:
    assert fitted and asked and not fitted & asked


def test_a_delay_that_leaves_nothing_to_learn_from_is_named():
  """An engine is known to fail so late that none is in the history, or none in its earlier half."""
  with pytest.raises(ConfigError, match="delay: no label is known when service begins"):
    engines.fleet(*flown(), ("FD001", "FD003"), EVERY, 0.5, 1e4)
  with pytest.raises(ConfigError, match="delay: no label is known when service begins"):
    runs(minutes_late=1e6)
  time = np.arange(4.0)
  x = np.zeros((4, 1), np.float32)
  lives_on = online.stream(time, x, x, delay=np.asarray([20.0, 20.0, 20.0, 1.0]))
  with pytest.raises(ConfigError, match="in the middle of the history"):
    halves(lives_on)


def test_where_every_label_is_as_late_halves_are_all_rows():
  history = runs().history
  past, then = halves(history)
  assert len(past.time) == len(history.time) // 2
  assert_array_equal(np.concatenate([past.x, then.x]), history.x)


FEW = {
  "persistence": lambda: methods.by_habit("last analysis"),
  "ridge": lambda: methods.window(1),
  "forgetting": lambda: methods.forgetting(1),
  "anew": methods.anew,
  "alpaca": lambda: learned.alpaca(1),
  "alpaca that buys": lambda: learned.alpaca_that_buys(1, runs().running),
}


@pytest.fixture(scope="module")
def prepared():
  return methods.ready(runs()._replace(refit=300.0))


@pytest.mark.parametrize("name", FEW)
def test_no_prediction_knows_what_comes_later(name, prepared, monkeypatch):
  """Rows and labels after a moment are made wrong: what was said until then stays."""
  monkeypatch.setattr(learned, "STEPS", 2)
  source, method = prepared.source, FEW[name]()
  running = source.running
  moment = float(np.median(running.time))
  late, unknown = (when[:, None] > moment for when in (running.time, running.matures))
  wrong = running._replace(
    x=np.where(late, 9.0, running.x).astype(np.float32), y=np.where(unknown, 9.0, running.y).astype(np.float32)
  )
  fake = prepared._replace(source=source._replace(running=wrong), trees=prepared.fitted(wrong.x))
  found, other = (mean(method.predict(ready, 0)) for ready in (prepared, fake))
  until = running.time <= moment
  assert_array_equal(found[until], other[until])
  assert (found[~until] != other[~until]).any()


def test_who_buys_where_unsure_has_the_money_of_those_who_buy_one_in_four(prepared, monkeypatch):
  """With all bought it is plain `alpaca`; else its budget is that of the labels of the others, out of all labels."""
  monkeypatch.setattr(learned, "STEPS", 2)
  seen, buying = [], online.buying

  def watched(*args, **kwargs):
    seen.append((kwargs["budget"], buying(*args, **kwargs)))
    return seen[-1][1]

  monkeypatch.setattr(online, "buying", watched)
  offered, every = prepared.source.running, bought(prepared.source, 4)
  method, plain = learned.alpaca_that_buys(1, offered), learned.alpaca(1)
  assert_array_equal(mean(method.predict(prepared, 0)), mean(plain.predict(prepared, 0)))
  found = mean(method.predict(prepared._replace(source=every), 0))
  assert (found != mean(plain.predict(prepared._replace(source=every), 0))).any()
  count = np.isfinite(every.running.matures).sum()
  budget, made = seen[1]
  assert budget == pytest.approx(0.001 * count)
  assert np.isfinite(made.matures).sum() == count
  assert (np.isfinite(made.matures) & ~np.isfinite(every.running.matures)).any()


def hand(y: np.ndarray) -> Source:
  """Rows at 0, 1, 2, ..., each label half a unit late."""
  time = np.arange(len(y), dtype=float)
  s = online.stream(time, np.zeros((len(y), 1), np.float32), y[:, None].astype(np.float32), delay=0.5, cost=0.5)
  history, running, _ = split(s, 40.0)
  calm = running.time < 60
  plain = {"habits": {}, "losses": {"MAE": absolute}, "part": running.time // 4, "window": 2, "stretch": 1}
  plain |= {"changes": {"wear": 60.0}, "calm": calm, "refit": 1.0}
  return Source(history, running, **plain)


def test_errors_costs_and_recovery_by_hand():
  """Trees say 0: they err by 1 in calm and by 3 after the wear. A method that comes back ten rows later errs by 1."""
  y = np.where(np.arange(240) < 60, 1.0, 3.0)
  source = bought(hand(y), 4)
  assert np.isfinite(source.running.matures).sum() == 50
  n = len(source.running.time)
  ready = methods.Ready(source, None, np.zeros((n, 1)), None, np.ones(1), 1.0)  # type: ignore[arg-type]
  back = np.where(source.running.time >= 70, 2.0, 0.0)[:, None]
  row = scores.scores(ready, methods.Method("back", lambda ready, seed: back), 3)
  assert row["seeds"] == 1
  total = 20 * 1 + 10 * 3 + 170 * 1
  assert_allclose(row["losses"]["MAE"][0], total / n)
  assert_allclose(row["against"][0], -170 * 2 / n)
  assert row["against"][1] < row["against"][0] < row["against"][2] < 0
  assert_allclose(row["cost"], total + 50 * 0.5)
  # Trees show the wear with the second row after it, at 61; rows 70 and 71 are the first two that are good.
  assert row["recovered"] == {"wear": (10.0, True)}
  frozen = scores.scores(ready, methods.frozen(), 3)
  assert frozen["recovered"] == {"wear": (240.0 - 61.0, False)}
  assert_allclose(frozen["cost"], 20 * 1 + 180 * 3)  # nothing is paid for labels that nobody reads
  assert_allclose(frozen["course"], [1.0] * 4 + [3.0] * 36)
  difference, low, high = scores.paired(row, frozen)
  assert_allclose((difference, low, high), row["against"])
  assert scores.paired(frozen, row)[0] == -difference
  steady = ready._replace(source=source._replace(changes={}))
  assert scores.scores(steady, methods.frozen(), 1)["recovered"] == {}


@pytest.mark.parametrize("parts", [50, 4])
def test_two_random_methods_are_paired_by_seed_and_part(parts):
  """With few parts rows are drawn. What one errs by more is the same in each seed and row: there is no doubt of it."""
  source = hand(np.ones(240))
  n, draw = len(source.running.time), np.random.default_rng(0)
  source = source._replace(part=(parts * (np.arange(n) / n) ** 2).astype(int))  # some longer than others
  ready = methods.Ready(source, None, np.zeros((n, 1)), None, np.ones(1), 1.0)  # type: ignore[arg-type]
  wrong = draw.uniform(1.0, 2.0, (3, n, 1)) * draw.uniform(1.0, 2.0, (3, 1, 1))
  rows = [
    scores.scores(ready, methods.Method("", lambda ready, seed, d=d: 1.0 + wrong[seed] + d, random=True), count)
    for d, count in ((0.5, 3), (0.0, 2))
  ]
  assert_allclose(scores.paired(*rows), 0.5, rtol=1e-6)
  assert scores.paired(rows[0], scores.scores(ready, methods.frozen(), 1))[0] == pytest.approx(rows[0]["against"][0])
  assert rows[0]["losses"]["MAE"][2] - rows[0]["losses"]["MAE"][1] > 0.1
  assert_allclose(scores.paired(rows[0], scores.scores(ready, methods.frozen(), 1)), rows[0]["against"])


def script():
  spec = importlib.util.spec_from_file_location("script_in_service", ROOT / "scripts" / "in_service.py")
  assert spec is not None and spec.loader is not None
  module = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(module)
  return module


def test_the_script_scores_a_source_once(tmp_path, monkeypatch):
  made = script()
  monkeypatch.setitem(made.SOURCES, "plant", (lambda delay: runs(delay)._replace(stretch=4), (), "min late"))
  only = ("boosted trees, frozen", "last analysis", "trees + ridge on the last labels")
  arguments = made.Arguments("plant", buy=(1, 4), delays=(240.0,), only=only, out=tmp_path)
  made.main(arguments)
  rows = json.loads((tmp_path / "plant.json").read_text())
  assert [(row["buy"], row["method"]) for row in rows] == [(buy, name) for buy in (1, 4) for name in only]
  error = {(row["buy"], row["method"]): row["losses"]["MAE, mol%"][0] for row in rows}
  assert error[1, only[2]] < min(error[4, only[2]], error[1, only[0]])  # labels are worth something
  assert (tmp_path / "plant.png").stat().st_size > 10_000
  monkeypatch.setattr(made, "scores", None)  # would be called for what is not there
  made.main(arguments)


def test_one_fault_of_the_plants_data(data_folder):
  """Fault 12, the condenser's cooling water, with an analyser that is 15 min late: a ridge errs less than trees."""
  from mtl_jax.data import tep

  source = plant.plant_of(tep.load(), ("d00", "d00_te"), ("d12_te",), 15.0)
  ready = methods.ready(source)
  frozen, ridge = (scores.scores(ready, m, 1)["losses"]["MAE, mol%"] for m in (methods.frozen(), methods.window(1)))
  assert ridge[2] < frozen[1]
