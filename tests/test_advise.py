"""Ask and tell on a log: what is read, what is recommended, and what a kill leaves."""

import json
import subprocess
import sys
import time

import jax
import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom
from test_commands import script

from mtl_jax import advise
from mtl_jax.advise import record
from mtl_jax.advise.outlook import candidates
from mtl_jax.data import DataError

SETTINGS = """
[response]
name = "cost"
unit = "EUR"
better = "smaller"

[settings]
speed = { unit = "m/min", low = 100, high = 300, nominal = 150, step = 40 }

[limits]
"surface quality" = { least = 0.2 }
"""
OTHERS = '\n[others]\ntable = "others.csv"\nplant = "mill"\n'
COLUMNS = ["speed [m/min]", "cost [EUR]", "surface quality"]


def plant(speed, best, border):
  """Cost in EUR, least at `best`; the surface is worse than 0.2 beyond `border`."""
  return 5 + 20 * ((speed - best) / 200) ** 2, 0.2 + (border - speed) / 100


def logs(rng, mills=10, trials=10):
  """Best speeds at 180 to 280, and borders 20 above."""
  rows = []
  for mill in range(mills):
    best = 180 + 100 * mill / (mills - 1)
    speed = rng.uniform(100, 300, trials)
    cost, surface = plant(speed, best, best + 20)
    for each in zip(speed, cost + rng.normal(0, 0.1, trials), surface + rng.normal(0, 0.01, trials), strict=True):
      rows.append((f"mill {mill}", *each))
  return pd.DataFrame(rows, columns=["mill", *COLUMNS])


@pytest.fixture
def line(tmp_path):
  (tmp_path / "settings.toml").write_text(SETTINGS)
  return advise.read_line(tmp_path / "settings.toml")


@pytest.fixture(scope="module")
def mill(tmp_path_factory):
  """A line with others, and what was learned of them."""
  folder = tmp_path_factory.mktemp("mill")
  (folder / "settings.toml").write_text(SETTINGS + OTHERS)
  logs(np.random.default_rng(0)).to_csv(folder / "others.csv", index=False)
  line = advise.read_line(folder / "settings.toml")
  others = advise.others_of(line)
  assert others is not None
  with jax.default_matmul_precision("highest"):
    return line, advise.learn(others, 0.2, trials=4, steps=60)


@pytest.mark.parametrize(
  ("wrong", "right", "said"),
  [
    ("low = 100", "low = 400", "low 400 must be below high 300"),
    ("nominal = 150", "nominal = 50", "nominal 50 lies outside of 100 to 300"),
    ("nominal = 150", "nominal = true", "nominal must be a number, and is True"),
    (", nominal = 150", "", "settings.speed lacks 'nominal'"),
    ("step = 40", "stpe = 40", "no field 'stpe'; did you mean 'step'?"),
    ('better = "smaller"', 'better = "low"', "must be 'larger' or 'smaller', and is 'low'"),
    ("least = 0.2", "least = 0.2, most = 1", "needs either most = ... or least"),
    ('name = "cost"', 'name = "surface quality"\nunit = ""\n#', "is there twice"),
    ("[limits]", "[limits", "is not TOML"),
    ("[response]", "trust = 2\n[response]", "trust must be above 0 and at most 1"),
    (
      "[limits]",
      "[trial]\ncost = 1\nper = { sped = 2 }\n[limits]",
      "trial.per has no field 'sped'; did you mean 'speed'?",
    ),
    (
      "[limits]",
      "[trial]\ncost = 1\nper = { speed = -2 }\n[limits]",
      "within the ranges costs -599; it must be above 0",
    ),
  ],
)
def test_a_wrong_field_of_the_settings_is_named_with_its_value(tmp_path, wrong, right, said):
  text = SETTINGS.replace(wrong, right)
  (tmp_path / "settings.toml").write_text(text.replace('unit = "EUR"\n', "") if "twice" in said else text)
  with pytest.raises(DataError, match=said.replace("?", r"\?").replace(".", r"\.")):
    advise.read_line(tmp_path / "settings.toml")


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_a_log_is_read_as_it_was_written(tmp_path, line, ending):
  """Costs to be small and a limit from below turn their signs; a cell may be empty."""
  path = tmp_path / f"log.{ending}"
  advise.append(path, dict(zip(COLUMNS, (200.0, 7.0, 0.5), strict=True)))
  advise.append(path, dict(zip(COLUMNS, (250.0, None, 0.1), strict=True)) | {"answers": 3})
  history = advise.read(path, line)
  np.testing.assert_allclose(history.x, [[0.5], [0.75]])
  np.testing.assert_allclose(history.y, [[-7.0, -0.3], [np.nan, 0.1]])
  assert history.answers == {3}


def test_a_log_with_names_without_units_is_read_also_after_a_trial_was_told(tmp_path, line):
  path = tmp_path / "log.jsonl"
  path.write_text(json.dumps({"speed": 150, "cost": 6.0, "surface quality": 0.4}) + "\n")
  advise.tell(line, path, {"speed": "200", "cost": "7", "surface quality": "0.3"})
  history = advise.read(path, line)
  np.testing.assert_allclose(history.x, [[0.25], [0.5]])
  np.testing.assert_allclose(history.y, [[-6.0, -0.2], [-7.0, -0.1]])
  path.write_text(json.dumps({"speed": 150, "speed [m/min]": 160, "cost": 6.0}) + "\n")
  with pytest.raises(DataError, match="are two numbers of one thing"):
    advise.read(path, line)


def test_few_plants_and_short_logs_have_a_bound_or_are_refused(tmp_path):
  """Five trials each in place of the ten that would be replayed."""
  (tmp_path / "settings.toml").write_text(SETTINGS + OTHERS)
  line = advise.read_line(tmp_path / "settings.toml")
  for mills, trials in ((3, 10), (4, 5)):
    logs(np.random.default_rng(0), mills, trials).to_csv(tmp_path / "others.csv", index=False)
    if mills < 4:
      with pytest.raises(DataError, match="names 3 plants; others needs at least 4"):
        advise.others_of(line)
  others = advise.others_of(line)
  assert others is not None
  prior = advise.learn(others, 0.2, trials=10, steps=3)
  assert all(np.isfinite(np.asarray(leaf)).all() for leaf in jax.tree.leaves(prior._replace(names=np.zeros(4))))
  assert prior.bound[3] == 4
  with pytest.raises(DataError, match="every limit were measured"):
    advise.learn(others._replace(y=np.where([True, False], others.y, np.nan)), 0.2, steps=3)


def test_what_a_kill_left_of_a_line_is_no_trial_and_a_last_line_without_an_end_is_one(tmp_path, line):
  path = tmp_path / "log.jsonl"
  whole = json.dumps(dict(zip(COLUMNS, (200.0, 7.0, 0.5), strict=True)))
  for rest, rows in (("\n" + whole[:20], 1), ("", 1), ("\n" + whole, 2)):
    path.write_text(whole + rest)
    assert len(advise.read(path, line).x) == rows
    advise.append(path, json.loads(whole))
    assert len(advise.read(path, line).x) == rows + 1
    assert path.read_text().count("\n") == rows + 1


@pytest.mark.parametrize(
  ("row", "said"),
  [
    ({"speed [m/min]": None}, "trial 1: 'speed [m/min]' is missing"),
    ({"speed [m/min]": "fast"}, "is 'fast', and must be a number"),
    ({"speed [m/min]": "1_50"}, "is '1_50', and must be a number"),
    ({"speed [m/s]": 3}, "'speed [m/s]' is in another unit than 'speed [m/min]'"),
    ({"sped": 3}, "no column 'speed [m/min]'"),
  ],
)
def test_a_wrong_trial_is_named(tmp_path, line, row, said):
  (tmp_path / "log.jsonl").write_text(json.dumps({"cost": 1.0} | row) + "\n")
  with pytest.raises(DataError) as error:
    advise.read(tmp_path / "log.jsonl", line)
  assert said in str(error.value)


def test_what_was_applied_out_of_range_is_read_with_a_warning_and_never_recommended(tmp_path, line):
  """The best trial is 5 m/min beyond the range, the last one far beyond it: within a step of 40 there is nothing."""
  path = tmp_path / "log.jsonl"
  for speed, cost in ((150.0, 9.0), (200.0, 8.0), (250.0, 7.0), (305.0, 1.0)):
    advise.tell(line, path, {"speed": str(speed), "cost": str(cost), "surface quality": "0.5"})
  near = advise.ask(advise.Adviser(line, path, None))
  assert 265 - 1e-3 <= near.u[0] <= 300 and near.advised[0] <= 300
  assert near.so_far == pytest.approx(7, abs=1)  # the best that can be run at, and not 1
  history = advise.read(path, line)
  assert [*history.outside] == [4] and history.outside[4].endswith(
    "log.jsonl, trial 4: 'speed [m/min]' is 305, outside of 100 to 300"
  )
  np.testing.assert_allclose(history.x[3:], [[1.025]])
  advise.tell(line, path, {"speed": "3000", "cost": "1e6", "surface quality": "0.1"})
  far = advise.ask(advise.Adviser(line, path, None))
  assert far.u[0] == pytest.approx(300) and 100 <= far.advised[0] <= 300 and far.broken == 1
  assert abs(far.response[1]) < 100  # nothing is learned from it


def test_others_trials_out_of_range_are_left_out(tmp_path):
  (tmp_path / "settings.toml").write_text(SETTINGS + OTHERS)
  table = logs(np.random.default_rng(0), 4, 5)
  table.loc[7, COLUMNS[0]] = 320.0
  table.to_csv(tmp_path / "others.csv", index=False)
  others = advise.others_of(advise.read_line(tmp_path / "settings.toml"))
  assert others is not None and others.made.sum(1).tolist() == [5, 4, 5, 5] and others.x.max() <= 1
  assert [*others.outside] == [8] and "trial 8: 'speed [m/min]' is 320" in others.outside[8]


def test_a_recommendation_stands_until_it_is_answered(tmp_path, line):
  path = tmp_path / "log.jsonl"
  adviser = advise.Adviser(line, path, None)
  first = advise.ask(adviser)
  assert first.u.tolist() == [150.0] and not first.repeated and first.bound is None and first.number == 1
  again = advise.ask(adviser)
  assert again.repeated and again.u.tolist() == first.u.tolist() and again.number == 1
  beside = advise.ask(adviser, another=True)
  assert beside.number == 2 and beside.u.tolist() != first.u.tolist()
  with pytest.raises(DataError, match=r"recommendations \[1, 2\] are open"):
    advise.tell(line, path, {"cost": "7"})
  advise.tell(line, path, {"cost": "7", "surface quality": "0.4"}, answers=2)
  assert record.running(record.asked(path), advise.read(path, line)) == [1]
  row = advise.tell(line, path, {"speed": "160", "cost": "8"})  # something else was applied, one thing was not measured
  assert row == {"speed [m/min]": 160.0, "cost [EUR]": 8.0, "surface quality": None}
  for given, said in (
    ({"cost": "7"}, "no recommendation is open"),
    ({"cots": "7"}, "did you mean 'cost"),
    ({"speed": "160"}, "nothing was measured"),
    ({"cost": "nan", "speed": "160"}, "finite"),
    ({"cost": "seven", "speed": "160"}, "must be a number, and is 'seven'"),
  ):
    with pytest.raises(DataError, match=said):
      advise.tell(line, path, given)
  assert len(advise.read(path, line).x) == 2
  third = advise.ask(adviser)
  assert third.number == 3 and abs(third.u[0] - 160) <= 40 + 1e-4  # a step from what was applied last
  advise.append(path, dict(zip(COLUMNS, (170.0, 6.0, 0.3), strict=True)))  # a row that `tell` did not write
  assert record.running(record.asked(path), advise.read(path, line)) == []


def test_what_others_logs_say_leads_to_the_best_within_the_limit(tmp_path, mill):
  """Mill 41 is like mills 4 and 5: least cost at 230 m/min, the surface good up to 250, steps of 40."""
  line, prior = mill
  path = tmp_path / "log.jsonl"
  rng, adviser, applied = np.random.default_rng(5), advise.Adviser(line, path, prior), 150.0
  for _ in range(6):
    advice = advise.ask(adviser)
    assert abs(advice.u[0] - applied) <= 40 + 1e-3
    applied = float(advice.u[0])
    cost, surface = plant(applied, 230.0, 250.0)
    said = {"cost": str(cost + rng.normal(0, 0.1)), "surface quality": str(surface + rng.normal(0, 0.01))}
    advise.tell(line, path, said)
  advice = advise.ask(adviser)
  assert abs(advice.advised[0] - 230) < 15 and advice.kept >= advice.asked_for
  assert advice.response[0] < 5.2 < advice.response[2] + 0.5 and advice.so_far == pytest.approx(5, abs=0.3)
  assert any("like mill 4" in reason or "like mill 5" in reason for reason in advice.reasons[:2])
  assert advice.bound is not None and advice.bound.plants == 10 and 0 < advice.bound.bound <= 1
  lower, middle, upper, kept = advice.slices[0].T
  assert np.all(lower <= middle) and np.all(middle <= upper)
  assert kept[0] > 0.99 and kept[-1] < 0.01  # 100 m/min is safe, 300 is not
  advise.picture(line, advise.read(path, line), advice, tmp_path / "p.png")
  assert (tmp_path / "p.png").stat().st_size > 10_000


def test_nothing_is_learned_from_a_trial_far_out_of_range(tmp_path, mill):
  """A tenfold speed, where polynomials of 100 to 300 m/min would be in the millions."""
  line, prior = mill
  path, said = tmp_path / "log.jsonl", []
  for speed in (200.0, 220.0, 2200.0):
    advise.append(path, dict(zip(COLUMNS, (speed, *plant(min(speed, 300.0), 230.0, 250.0)), strict=True)))
    said.append(advise.ask(advise.Adviser(line, path, prior)))
  assert said[2].u[0] == pytest.approx(300)  # from there it is one step to the range, and no more is wanted
  np.testing.assert_allclose(said[2].slices[..., :3], said[1].slices[..., :3], atol=1e-3)


def test_the_active_limit_is_named(tmp_path, mill):
  """A mill whose surface turns bad at 200, while it is cheapest at 240."""
  line, prior = mill
  path = tmp_path / "log.jsonl"
  for speed in (120.0, 150.0, 180.0, 195.0):
    advise.append(path, dict(zip(COLUMNS, (speed, *plant(speed, 240.0, 200.0)), strict=True)))
  advice = advise.ask(advise.Adviser(line, path, prior))
  assert any(reason.startswith("active limit: surface quality") for reason in advice.reasons)
  assert advice.u[0] <= 201 and advice.broken == 0 and advice.trials == 4


def test_the_bound_from_this_plants_own_trials_counts_those_that_say_whether_a_limit_was_broken(tmp_path, line):
  """2 of 5 broke it and one was not measured: 0.05 = P(at most 2 of 5 broken)."""
  path = tmp_path / "log.jsonl"
  for speed, surface in zip((110.0, 140.0, 170.0, 200.0, 230.0, 260.0), (0.3, 0.1, 0.3, 0.1, 0.3, None), strict=True):
    advise.append(path, dict(zip(COLUMNS, (speed, 6.0, surface), strict=True)))
  advice = advise.ask(advise.Adviser(line, path, None))
  assert (advice.broken, advice.judged, advice.trials) == (2, 5, 6)
  assert binom.cdf(2, 5, advice.own_bound) == pytest.approx(0.05)


@pytest.mark.parametrize(
  ("changed", "to", "why", "at"),
  [
    ("[response]", "trust = 0.05\n[response]", "as far from 170, the middle of the trust region, as trust = 0.05", 180),
    ("step = 40", "step = 6", "moves as far as one step may", 176),
    ("step = 40", "moving = 60", "what moving costs holds it back: without, the trial would be at speed", None),
  ],
)
def test_what_holds_a_trial_back_is_a_reason(tmp_path, changed, to, why, at):
  """The cost falls with the speed, and was least at 170 m/min, the last of four trials."""
  advised = []
  for text in (SETTINGS.replace(changed, to), SETTINGS.replace(", step = 40", "")):
    (tmp_path / "settings.toml").write_text(text)
    line, path = advise.read_line(tmp_path / "settings.toml"), tmp_path / f"log-{len(advised)}.jsonl"
    for speed in (110.0, 130.0, 150.0, 170.0):
      advise.append(path, dict(zip(COLUMNS, (speed, 30 - 0.1 * speed, 0.5), strict=True)))
    advised.append(advise.ask(advise.Adviser(line, path, None)))
  held, free = advised
  assert any(why in reason for reason in held.reasons) and not any(why in reason for reason in free.reasons)
  assert held.u[0] < free.u[0] - 5 and (at is None or held.u[0] == pytest.approx(at, abs=0.01))


def test_a_trial_is_chosen_for_its_gain_for_the_money(tmp_path, capsys):
  """5 EUR and 0.2 EUR for each m/min: 25 at 100 and 65 at 300; it leads to a lower speed than without."""
  settings, log = tmp_path / "settings.toml", tmp_path / "log.jsonl"
  costs = '\n[trial]\nunit = "EUR"\ncost = 5\nper = { speed = 0.2 }\n'
  settings.write_text(SETTINGS.replace(", step = 40", "") + costs)
  line = advise.read_line(settings)
  np.testing.assert_allclose(advise.cost_of(line), [25, 40])
  for speed in (100.0, 110.0, 120.0, 130.0):
    advise.append(log, dict(zip(COLUMNS, (speed, 30 - 0.1 * speed, 0.5), strict=True)))
  advice = advise.ask(advise.Adviser(line, log, None))
  assert advice.spent == pytest.approx(4 * 5 + 0.2 * 460) and advice.cost == pytest.approx(5 + 0.2 * advice.u[0], 1e-4)
  free = advise.ask(advise.Adviser(line._replace(trial=None), tmp_path / "log.jsonl", None), another=True)
  assert free.cost == 0
  assert any("its gain for the money: without, the trial would be at speed" in reason for reason in advice.reasons)
  script("advise").main(["ask", str(log), "--settings", str(settings)])
  assert "EUR, those before 112 EUR" in capsys.readouterr().out
  assert advise.fingerprint(line, "", 0.1) != advise.fingerprint(line._replace(trial=None), "", 0.1)


def test_the_bound_is_of_trials_that_are_chosen_for_their_cost_and_says_what_else_it_leaves_out(
  tmp_path, mill, capsys, monkeypatch
):
  """Of fast trials more break the limit: the bound is higher where these are the cheap ones."""
  monkeypatch.setenv("COLUMNS", "200")
  others = advise.others_of(mill[0])
  assert others is not None
  slow, fast = (
    advise.learn(others, 0.2, cost=np.asarray(cost), trials=4, steps=60) for cost in ([1.0, 100.0], [100.0, -99.0])
  )
  assert slow.bound[0] == fast.bound[0] and slow.bound[1] < fast.bound[1] and slow.bound[2] < fast.bound[2]
  settings, log = tmp_path / "settings.toml", tmp_path / "log.jsonl"
  table = OTHERS.replace("others.csv", str(mill[0].others.table))
  settings.write_text(SETTINGS + table + "\n[trial]\ncost = 5\nper = { speed = 0.2 }\n")
  mark = advise.fingerprint(advise.read_line(settings), "", 0.1)
  advise.kept(advise.folder_of(log) / "prior.npz", mark, lambda: slow)
  script("advise").main(["ask", str(log), "--settings", str(settings)])
  said = capsys.readouterr().out
  assert f"{slow.bound[2]:.1%} at most" in said and "had no steps, trust region or cost of moving" in said


def test_what_was_learned_is_kept_until_the_logs_change(tmp_path, mill):
  line, prior = mill
  path = tmp_path / "kept" / "prior.npz"
  assert advise.kept(path, "a", lambda: prior) is prior
  again = advise.kept(path, "a", lambda: pytest.fail("it is learned anew"))
  for ours, theirs in zip(jax.tree.leaves(again), jax.tree.leaves(prior), strict=True):
    np.testing.assert_array_equal(ours, theirs)
  assert advise.kept(path, "b", lambda: prior) is prior
  path.write_bytes(path.read_bytes()[:1000])
  assert advise.kept(path, "b", lambda: prior) is prior
  mark = advise.fingerprint(line, "", 0.1)
  assert line.others is not None
  line.others.table.write_text(line.others.table.read_text() + "mill 1,200,7,0.3\n")
  assert advise.fingerprint(line, "", 0.1) != mark and advise.fingerprint(line, "", 0.2) != mark
  mark = advise.fingerprint(line, "", 0.1)
  assert advise.fingerprint(line._replace(others=line.others._replace(plant="press")), "", 0.1) != mark


LIFE = """
import sys
from pathlib import Path
from mtl_jax import advise, command
folder = Path(sys.argv[1])
line, log = advise.read_line(folder / "settings.toml"), folder / "log.jsonl"
while True:
  number = advise.ask(advise.Adviser(line, log, None)).number
  print("asked", number, *sys.modules, flush=True)
  row = advise.tell(line, log, {"cost": str(float(number)), "surface quality": "0.5"})
  print("told", number, flush=True)
  advise.append(folder / "log.parquet", row)
  print("copied", number, flush=True)
"""


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
  """The folder of a process that asked and told until it was killed, and what it said; its candidates were kept."""
  folder = tmp_path_factory.mktemp("killed")
  (folder / "settings.toml").write_text(SETTINGS)
  candidates(record.folder_of(folder / "log.jsonl"), np.asarray([0.25]))
  with subprocess.Popen([sys.executable, "-c", LIFE, str(folder)], stdout=subprocess.PIPE, text=True) as process:
    assert process.stdout is not None
    said = [process.stdout.readline() for _ in range(4)]
    time.sleep(0.1)
    process.kill()
    said += process.stdout.readlines()
  return folder, said


def test_a_killed_process_loses_no_trial_and_no_recommendation(killed):
  folder, said = killed
  line, path = advise.read_line(folder / "settings.toml"), folder / "log.jsonl"
  history, asked, copied = advise.read(path, line), record.asked(path), advise.read(folder / "log.parquet", line)
  last = {word: max(int(text.split()[1]) for text in said if text.startswith(word)) for word in ("told", "copied")}
  assert last["told"] <= len(history.x) and len(asked) - len(history.x) in (0, 1)
  assert last["copied"] <= len(copied.x) <= len(history.x)
  for each in (history, copied):  # each trial once, and in order
    assert -each.y[:, 0] == pytest.approx(np.arange(1, len(each.x) + 1))
  advice = advise.ask(advise.Adviser(line, path, None))
  assert advice.number == len(history.x) + 1 and advice.repeated == (len(asked) > len(history.x))


def test_an_answer_waits_for_no_module_that_it_does_not_use(killed):
  """The first, on a log of JSON lines; a table is written after it."""
  _, (first, *_) = killed
  word, number, *modules = first.split()
  assert (word, number) == ("asked", "1") and "mtl_jax.advise.outlook" in modules
  slow = {"sklearn", "matplotlib", "scipy.signal", "scipy.ndimage", "scipy.stats", "scipy.optimize", "jinja2"}
  assert not (slow | {"pandas", "pandera", "pyarrow", "orbax", "mtl_jax.job"}) & set(modules)


def test_the_command_as_it_is_typed(tmp_path, capsys, monkeypatch):
  monkeypatch.setenv("COLUMNS", "200")
  command = script("advise").main
  (tmp_path / "settings.toml").write_text(SETTINGS)
  log, settings = str(tmp_path / "log.jsonl"), str(tmp_path / "settings.toml")
  command(["ask", log, "--settings", settings])
  said = capsys.readouterr().out
  assert "recommendation 1" in said and "150 m/min" in said
  assert "on this plant 0 of 0 trials broke one; 100.0% of such trials at most do" in said
  assert (tmp_path / "log.jsonl.advice" / "recommendation-1.png").exists()
  command(["tell", log, "cost=7.5", "surface quality=0.4", "--settings", settings])
  assert "speed [m/min] 150, cost [EUR] 7.5, surface quality 0.4" in capsys.readouterr().out
  command(["tell", log, "speed=310", "cost=7", "surface quality=0.4", "--settings", settings])
  warning = f"warning: {log}, trial 2: 'speed [m/min]' is 310, outside of 100 to 300"
  assert warning in capsys.readouterr().out
  command(["ask", log, "--settings", settings])
  said = capsys.readouterr().out
  assert warning in said
  assert "on this plant 0 of 2 trials broke one; 77.6% of such trials at most do" in said  # 0.05 = (1 - 0.776)^2
  assert "Clopper-Pearson, one-sided, 95% sure" in said and "chosen one after another" in said
  with pytest.raises(DataError, match="either --settings FILE or --plant KIND"):
    command(["ask", log])
  with pytest.raises(DataError, match="'cost' must be NAME=NUMBER"):
    command(["tell", log, "cost", "--settings", settings])
  command(["example", str(tmp_path / "example")])
  line = advise.read_line(tmp_path / "example" / "settings.toml")
  others = advise.others_of(line)
  assert others is not None and others.x.shape == (30, 30, 4) and np.isfinite(others.y).all()
  assert len(advise.read(tmp_path / "example" / "log.jsonl", line).x) == 3


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_the_command_asks_and_tells_on_either_kind_of_log(tmp_path, capsys, monkeypatch, ending):
  monkeypatch.setenv("COLUMNS", "200")
  command, log, settings = script("advise").main, tmp_path / f"log.{ending}", tmp_path / "settings.toml"
  settings.write_text(SETTINGS if ending == "jsonl" else SETTINGS.partition("[limits]")[0])  # and without limits
  for number in (1, 2):
    command(["ask", str(log), "--settings", str(settings)])
    assert f"recommendation {number}\n" in capsys.readouterr().out
    command(["tell", str(log), f"cost={number}", "--settings", str(settings)])
  history = advise.read(log, advise.read_line(settings))
  np.testing.assert_array_equal(history.y[:, 0], [-1, -2])
  assert history.answers == {1, 2}


@pytest.mark.parametrize(
  ("name", "way"),
  [
    ("log.csv", "; pandas.read_csv('log.csv').to_parquet('log.parquet') makes one of it"),
    ("log.json", "; pandas.read_json('log.json').to_parquet('log.parquet') makes one of it"),
    ("log", "or in .parquet"),
  ],
)
def test_the_command_refuses_a_log_that_cannot_grow_and_names_the_way_out(tmp_path, name, way):
  """Before anything is written, and the way works."""
  command, settings = script("advise").main, tmp_path / "settings.toml"
  settings.write_text(SETTINGS)
  for what in (["ask"], ["tell", "speed=150", "cost=7"]):
    with pytest.raises(DataError) as error:
      command([what[0], str(tmp_path / name), *what[1:], "--settings", str(settings)])
    assert str(error.value).endswith(way)
  assert [*tmp_path.iterdir()] == [settings]
  table = pd.DataFrame([(150.0, 7.0, 0.5)], columns=COLUMNS)
  for make, read in ((table.to_csv, pd.read_csv), (table.to_json, pd.read_json)):
    make(tmp_path / "made")
    read(tmp_path / "made").to_parquet(tmp_path / "log.parquet")
    assert advise.read(tmp_path / "log.parquet", advise.read_line(settings)).x.tolist() == [[0.25]]
