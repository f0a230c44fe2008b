"""The gate: its error rates, its record, and a process that is killed while it decides."""

import json
import re
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import ROOT
from scipy.stats import binom
from test_commands import script

from mtl_jax import online
from mtl_jax.checkpoint import CheckpointError
from mtl_jax.gate import Gate, Rules, Served, serve_gated
from mtl_jax.gate.betting import Block, Evidence, bet, bet_anew, most
from mtl_jax.gate.gate import State, advance, due, hash_of, replay
from mtl_jax.recorder import read
from mtl_jax.tasks.in_use import Line

RNG = np.random.default_rng(0)
RULES = Rules(risk=0.05, patience=300, alarm_after=1_000, block=1)


def params(value: float) -> dict:
  return {"w": jnp.full((3,), value), "b": jnp.zeros(())}


def test_the_first_bets_by_hand():
  evidence = Evidence()
  for stake, difference in ((0.0, 1.0), (0.5 / (0.75 + 0.25), 1.0), (0.5, -0.4)):
    before, evidence = evidence, bet(evidence, difference, most(1))
    assert np.exp(evidence.log_capital - before.log_capital) == pytest.approx(1 + stake * difference)
  assert evidence[1:] == pytest.approx((3, 1.6, 2.16))


@pytest.mark.parametrize("skew", [0.5, 0.05, 0.95], ids=["fair coin", "rarely better by much", "rarely worse by much"])
def test_a_worthless_candidate_is_promoted_at_most_as_often_as_said(skew):
  """Ville's inequality, looked at after every one of 1,000 losses whose differences have the mean zero."""
  differences = np.where(RNG.random((1_000, 4_000)) < skew, 1 - skew, -skew)
  evidence, reached = Evidence(*np.zeros((4, 4_000))), np.zeros(4_000, bool)
  for difference in differences:
    evidence = bet(evidence, difference, most(1))
    reached |= evidence.log_capital >= np.log(20)
  assert 0 < reached.mean() <= 0.05


def test_an_alarm_without_a_change_is_as_rare_as_said_and_with_one_is_quick():
  still = RNG.choice([-1.0, 1.0], size=(2_000, 500))
  found = {}
  for name, differences in {"still": still, "turned": np.where(np.arange(2_000)[:, None] < 300, still, 0.4)}.items():
    evidence, first = Evidence(*np.zeros((4, 500))), np.full(500, 2_000)
    for t, difference in enumerate(differences):
      evidence = bet_anew(evidence, difference, most(1))
      first = np.where((evidence.log_capital >= np.log(200)) & (first == 2_000), t + 1, first)
    found[name] = first
  assert found["still"].mean() >= 200
  late = found["turned"][found["turned"] > 300]
  assert np.median(late) < 300 + 150


def correlated(phi, truth, losses: int) -> np.ndarray:
  """(losses, candidates) of gains that remember: AR(1), deviation 0.2 whatever `phi` is, around `truth`, in [-1, 1].

  phi, truth: numbers or (candidates,).
  """
  phi, truth = np.broadcast_arrays(phi, truth)
  gains = np.empty((losses, len(truth)))
  gains[0] = RNG.normal(size=len(truth))
  for t in range(1, losses):
    gains[t] = phi * gains[t - 1] + np.sqrt(1 - phi**2) * RNG.normal(size=len(truth))
  return np.clip(truth + 0.2 * gains, -1, 1)


def promoted(rules: Rules, gains: np.ndarray) -> np.ndarray:
  """(candidates,) bool, of candidates side by side with gains (losses, candidates), looked at after every block."""
  full = gains.reshape(-1, rules.block, gains.shape[1]).mean(axis=1)
  better = worse = Evidence(*np.zeros((4, gains.shape[1])))
  for_it, against = np.zeros((2, gains.shape[1]), bool)
  for mean in full:
    better = bet(better, mean + rules.tolerance, most(rules.block))
    worse = bet(worse, -mean - rules.tolerance, most(rules.block))
    for_it |= ~against & (better.log_capital >= -np.log(rules.risk))
    against |= ~for_it & (worse.log_capital >= -np.log(rules.risk))
  return for_it


def in_shadow(rules: Rules, gains: np.ndarray) -> str:
  """What becomes of one candidate with these gains, in the gate itself, five losses at a time."""
  state = replay([{"event": "rules", "rules": rules._asdict()}, version(0), version(1)])[1]
  for row in gains.reshape(-1, 5):
    state = advance(rules, state, {"event": "losses", "losses": {"serving": 0.5 + row / 2, "candidate": 0.5 - row / 2}})
    if (decision := due(rules, state)) is not None:
      return decision["event"]
  raise AssertionError("patience has an end")


def version(number: int) -> dict:
  return {"event": "version", "version": number, "hash": f"{number}"}


def at_most(risk: float, trials: int) -> float:
  """A share that as many trials of probability `risk` stay below 999 times in 1,000."""
  return float(binom.ppf(0.999, trials, risk)) / trials


@pytest.mark.parametrize("truth", [0.0, -0.02], ids=["no better", "worse"])
@pytest.mark.parametrize("phi", [0.0, 0.3, 0.5, 0.9])
def test_a_worthless_candidate_with_losses_that_remember_is_promoted_at_most_as_often_as_said(phi, truth):
  """At the default block; bet on one by one, of those no better 10, 22 and 63 % would be promoted at 0.3, 0.5, 0.9."""
  rules = Rules()
  rate = promoted(rules, correlated(phi, np.full(2_000, truth), rules.patience)).mean()
  assert rate <= at_most(rules.risk, 2_000)


def test_blocks_are_what_keeps_the_risk():
  """The same losses one by one: far above the risk, so that the test above can fail."""
  rules = Rules(block=1)
  assert promoted(rules, correlated(0.9, np.zeros(500), rules.patience)).mean() > 0.5


def test_of_a_thousand_promotions_few_make_it_worse():
  """Candidates of five qualities whose losses remember little or much, until 1,000 have been promoted.

  Two in five are worse and two are good: where a worse one is promoted with a probability of at most the risk and
  nearly every good one is, the share of the worse among the promoted is at most about the risk.
  """
  rules, chances = Rules(), []
  while sum(each.sum() for _, each in chances) < 1_000:
    truth, phi = RNG.choice([-0.05, -0.01, 0.0, 0.1, 0.2], size=500), RNG.choice([0.0, 0.3, 0.5, 0.9], size=500)
    gains = correlated(phi, truth, rules.patience)
    chances.append((truth, promoted(rules, gains)))
  truth, passed = (np.concatenate(each) for each in zip(*chances, strict=True))
  assert passed.sum() >= 1_000
  assert (truth[passed] < 0).mean() <= rules.risk
  assert passed[truth <= 0].mean() <= at_most(rules.risk, int((truth <= 0).sum()))
  assert passed[truth == 0.2].mean() > 0.99 and passed[truth == 0.1].mean() > 0.95
  fates = [in_shadow(rules, row) for row in gains.T[:20]]
  assert [fate == "promote" for fate in fates] == list(chances[-1][1][:20]) and len(set(fates)) == 2


@pytest.mark.parametrize("block", [1, 20])
def test_what_is_worse_by_less_than_the_tolerance_may_serve(block):
  """By 0.02 of 0.05 it is taken nearly always, by all of 0.05 at most as often as said; without a tolerance neither."""
  tolerant = Rules(tolerance=0.05, block=block, patience=8_000 if block > 1 else 2_000)
  gains = correlated(0.0, np.repeat([-0.02, -0.05], 500), tolerant.patience)
  passed = promoted(tolerant, gains).reshape(2, 500).mean(axis=1)
  assert passed[0] > 0.95 and passed[1] <= at_most(tolerant.risk, 500)
  assert not promoted(tolerant._replace(tolerance=0.0), gains).any()
  assert in_shadow(tolerant, gains[:, 0]) == "promote"


def test_the_tolerance_is_in_losses_and_holds_for_the_roll_back_too(tmp_path):
  """Of losses up to 10, with 2 forgiven: worse by 1 is promoted and stays; worse by 3 is dropped, or goes."""
  rules = Rules(worst_loss=10.0, tolerance=2.0, block=2, alarm_after=50)
  gate = Gate(tmp_path, params(0.0), rules)
  gate.propose(params(1.0), "worse by 1")
  while (decision := gate.observe({"serving": [4.0], "candidate": [5.0]})) is None:
    pass
  assert decision["event"] == "promote" and "1 higher" in decision["reason"]
  for _ in range(300):
    assert gate.observe({"serving": [5.0], "fallback": [4.0]}) is None
  gate.propose(params(2.0), "worse by 3")
  while (decision := gate.observe({"serving": [4.0], "candidate": [7.0], "fallback": [4.0]})) is None:
    pass
  assert decision["event"] == "drop" and "3 higher" in decision["reason"]
  while (decision := gate.observe({"serving": [7.0], "fallback": [4.0]})) is None:
    pass
  assert decision["event"] == "roll back" and "it lost 3 more than 0" in decision["reason"]


def test_what_serves_well_is_not_rolled_back_for_serving_long(tmp_path):
  """Better than its fallback at every one of 10 * alarm_after losses; then it turns bad and goes within 30 blocks."""
  rules = Rules(alarm_after=200)
  gate = Gate(tmp_path, params(0.0), rules)
  gate.propose(params(1.0), "good")
  while gate.observe({"serving": [0.6] * 20, "candidate": [0.2] * 20}) is None:
    pass
  for _ in range(100):
    assert gate.observe({"serving": [0.2] * 20, "fallback": [0.6] * 20}) is None
  blocks = 1
  while (decision := gate.observe({"serving": [0.9] * 20, "fallback": [0.6] * 20})) is None:
    blocks += 1
  assert decision["event"] == "roll back" and blocks < 30
  assert f"over the last {20 * blocks} losses it lost 0.3 more" in decision["reason"]


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.9])
def test_an_alarm_without_a_change_is_rare_where_losses_remember(phi):
  """Looked at for twice `alarm_after` losses, so that the mean time to an alarm is at least that of the mean here."""
  rules = Rules(alarm_after=2_000)
  full = correlated(phi, np.zeros(300), 2 * rules.alarm_after).reshape(-1, rules.block, 300).mean(axis=1)
  evidence, first = Evidence(*np.zeros((4, 300))), np.full(300, 2 * rules.alarm_after)
  for t, mean in enumerate(full):
    evidence = bet_anew(evidence, mean, most(rules.block))
    reached = (evidence.log_capital >= np.log(rules.alarm_after / rules.block)) & (first == 2 * rules.alarm_after)
    first = np.where(reached, (t + 1) * rules.block, first)
  assert first.mean() >= rules.alarm_after


def test_a_life_of_a_gate(tmp_path):
  gate = Gate(tmp_path, params(0.0), RULES)
  assert gate.roles() == {"serving": 0}
  assert gate.propose(params(1.0), "head fitted on week 12") == 1
  while (decision := gate.observe({"serving": [0.6] * 5, "candidate": [0.2] * 5})) is None:
    assert gate.roles() == {"serving": 0, "candidate": 1}
  assert (decision["event"], decision["version"]) == ("promote", 1)
  assert "0.4 lower" in decision["reason"]
  gate.propose(params(2.0), "another")
  assert gate.roles() == {"serving": 1, "candidate": 2, "fallback": 0}
  while (decision := gate.observe({"serving": [0.3], "candidate": [0.9], "fallback": [0.35]})) is None:
    pass
  assert (decision["event"], decision["version"]) == ("drop", 2)
  while (decision := gate.observe({"serving": [0.8], "fallback": [0.35]})) is None:
    pass
  assert (decision["event"], decision["version"]) == ("roll back", 0)
  assert gate.roles() == {"serving": 0}
  rows = read(tmp_path / "decisions.jsonl")
  named = [row for row in rows if row["event"] == "version"]
  assert [row["hash"] for row in named] == [hash_of(params(v)) for v in (0.0, 1.0, 2.0)]
  assert [row["parent_hash"] for row in named] == [None, named[0]["hash"], named[1]["hash"]]
  again = Gate(tmp_path, params(0.0), RULES)
  assert again.state == gate.state == replay(rows)[1]
  assert hash_of(again.params(2)) == named[2]["hash"]
  assert read(tmp_path / "decisions.jsonl") == rows


def test_a_strange_input_is_not_answered_and_the_record_says_so(tmp_path):
  gate, calibration = Gate(tmp_path, params(0.0), RULES), RNG.normal(size=999)
  asked = np.concatenate([RNG.normal(size=500), np.sort(calibration)[-15:]])
  refused = [not gate.admits(score, calibration) for score in asked]
  assert refused == [bool(np.sum(calibration >= score) + 1 <= 10) for score in asked]
  assert not gate.admits(50.0, calibration)
  assert gate.state.abstaining
  events = [row["event"] for row in read(tmp_path / "decisions.jsonl")[2:]]
  assert all(one != other for one, other in pairwise(events)) and events[-1] == "abstain"


def test_mistakes_are_named(tmp_path):
  gate = Gate(tmp_path, params(0.0), RULES)
  gate.propose(params(1.0), "first")
  with pytest.raises(ValueError, match=r"serving.*candidate.*needed"):
    gate.observe({"serving": [0.1]})
  with pytest.raises(ValueError, match="same rows"):
    gate.observe({"serving": [0.1], "candidate": [0.1, 0.2]})
  with pytest.raises(ValueError, match="finite"):
    gate.observe({"serving": [0.1], "candidate": [np.nan]})
  assert gate.state == replay(read(tmp_path / "decisions.jsonl"))[1]
  with pytest.raises(ValueError, match="begun with"):
    Gate(tmp_path, params(0.0), RULES._replace(risk=0.5))
  for rules in (Rules(block=0), Rules(block=50, patience=49), Rules(block=50, alarm_after=50)):
    with pytest.raises(ValueError, match="a block needs"):
      Gate(tmp_path / "new", params(0.0), rules)
  with pytest.raises(CheckpointError, match=r"no checkpoint of step 7"):
    gate.params(7)


def test_a_record_from_before_there_were_blocks_replays_one_loss_at_a_time(tmp_path):
  """Its rules have no `block`; every single difference is bet on, as it was, and the decisions in it stand."""
  old = {name: value for name, value in Rules(patience=500)._asdict().items() if name != "block"}
  gains = [0.3, -0.1, 0.2, 0.4]
  losses = {"serving": [0.5 + gain for gain in gains], "candidate": [0.5] * 4}
  path = tmp_path / "decisions.jsonl"
  path.write_text("\n".join(map(json.dumps, ({"event": "rules", "rules": old}, version(0), version(1)))) + "\n")
  with path.open("a") as file:
    file.write(json.dumps({"event": "losses", "losses": losses}) + "\n")
  expected = Evidence()
  for gain in np.subtract(losses["serving"], losses["candidate"]):
    expected = bet(expected, gain, 0.5)
  rules, state = replay(read(path))
  assert (rules, state.better) == (Rules(patience=500, block=1), expected) and (state.serving, state.candidate) == (
    0,
    1,
  )
  with pytest.raises(ValueError, match=r"begun with .*block=1.*, and not with .*block=20"):
    Gate(tmp_path, params(0.0), Rules(patience=500))
  assert Gate(tmp_path, params(0.0), Rules(patience=500, block=1)).state == state


def test_a_process_that_ends_within_a_block_goes_on_within_it(tmp_path):
  """A new process after every loss, of which two in three are within a block, decides as one process does."""
  rules = Rules(block=3, patience=31, alarm_after=50)
  one, many = Gate(tmp_path / "one", params(0.0), rules), tmp_path / "many"
  for turn in range(127):
    another = Gate(many, params(0.0), rules)
    if "candidate" not in one.roles():
      assert one.propose(params(float(turn)), "turn") == another.propose(params(float(turn)), "turn")
    losses = {"serving": 0.9, "candidate": 0.1, "fallback": 0.9} if turn < 40 else {"serving": 0.9, "candidate": 0.9}
    given = {role: [losses.get(role, 0.1) + 0.1 * RNG.random()] for role in one.roles()}
    assert one.observe(given) == another.observe(given)
  rows = read(many / "decisions.jsonl")
  assert rows == read(tmp_path / "one" / "decisions.jsonl")
  assert {row["event"] for row in rows} == {"rules", "version", "losses", "promote", "drop", "roll back"}
  assert one.state == another.state and one.state.shadow.size > 0


def test_a_candidate_begins_a_block_of_its_own(tmp_path):
  gate = Gate(tmp_path, params(0.0), Rules(block=7))
  gate.propose(params(1.0), "first")
  gate.observe({"serving": [0.5] * 10, "candidate": [0.25] * 10})
  assert gate.state.shadow == Block(3, 0.75) and gate.state.better[1:] == (1, 0.25, 0.0625)
  gate.propose(params(2.0), "second")
  assert gate.state.shadow == Block() and gate.state.better == gate.state.worse == Evidence()
  gate.observe({"serving": [0.5] * 6, "candidate": [0.25] * 6})
  assert gate.state.better == Evidence()
  while gate.observe({"serving": [0.9], "candidate": [0.1]}) is None:
    pass
  gate.observe({"serving": [0.75] * 9, "fallback": [0.5] * 9})
  assert gate.state.watch == Block(2, 0.5) and gate.state.turned[1:] == (1, 0.25, 0.0625)


LIFE = """
import itertools, sys
import jax.numpy as jnp
from mtl_jax.gate import Gate, Rules

gate = Gate(sys.argv[1], {"w": jnp.zeros(3)}, Rules(patience=42, block=4))
for i in itertools.count():
  if "candidate" not in gate.roles():
    print("version", gate.propose({"w": jnp.full(3, float(len(gate.state.hashes)))}, "turn"), flush=True)
  losses = {"serving": 0.9, "candidate": 0.1 if len(gate.state.hashes) % 2 else 0.9, "fallback": 0.8}
  decision = gate.observe({role: [losses[role]] for role in gate.roles()})
  if decision:
    print(decision["event"], decision["version"], flush=True)
"""


def test_a_killed_process_loses_no_decision_and_no_version(tmp_path):
  said: list[str] = []
  for patience in (0.3, 0.6):
    with subprocess.Popen([sys.executable, "-c", LIFE, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
      assert process.stdout is not None
      said.append(process.stdout.readline().strip())
      time.sleep(patience)
      process.kill()
      said += [line.strip() for line in process.stdout]
  gate = Gate(tmp_path, {"w": jnp.zeros(3)}, Rules(patience=42, block=4))
  rows = read(Path(tmp_path) / "decisions.jsonl")
  recorded = [f"{row['event']} {row['version']}" for row in rows if row.get("version")]
  assert len(said) > 4 and set(said) <= set(recorded)
  assert gate.state == replay(rows)[1]
  for number, known in enumerate(gate.state.hashes):
    assert hash_of(gate.params(number)) == known == hash_of({"w": jnp.full(3, float(number))})


LEARNER = online.alpaca(online.linear)
PRIOR = online.wide_prior((), 3, 0.25, np.full(1, 0.25))


def plant(hours: int) -> online.Stream:
  """y = 4 + 2 x0 - 2 x1 for `hours`, then its negative, each with noise of deviation 0.5; labels come at once."""
  x = RNG.normal(size=(2 * hours, 2)).astype(np.float32)
  y = np.where(np.arange(2 * hours) < hours, 2, -2) * (2 + x[:, 0] - x[:, 1]) + 0.5 * RNG.normal(size=2 * hours)
  return online.stream(np.arange(2 * hours), x, y[:, None].astype(np.float32))


def served(gate: Gate, stream: online.Stream, **how) -> list[Served]:
  def loss(said, y):
    return float(np.abs(said.mean - y)[0])

  return list(serve_gated(jax.random.key(0), LEARNER, gate, online.events(stream), every=24, loss=loss, **how))


def test_a_learner_behind_a_gate_serves_what_was_promoted_and_goes_back_when_that_has_turned_bad(tmp_path):
  rules = Rules(worst_loss=10.0, block=2, patience=60, alarm_after=100)
  gate, stream = Gate(tmp_path, LEARNER.init(PRIOR), rules), plant(300)
  events = list(online.events(stream))
  found = served(gate, stream)
  decisions = [(event.time, each.decision) for event, each in zip(events, found, strict=True) if each.decision]
  kinds = [decision["event"] for _, decision in decisions]
  first = kinds.index("promote")
  assert decisions[first][0] < 150 and kinds[:first] == ["drop"] * first
  back, turned = next((t, one) for t, one in decisions if one["event"] == "roll back")
  assert 300 < back < 400 and turned["version"] < max(gate.roles().values())
  said = np.array([each.prediction.mean[0] for each in found if each.prediction is not None])
  error = np.abs(said - stream.y[:, 0])
  np.testing.assert_array_equal(said[: int(decisions[first][0]) + 1], 0.0)  # the prior's, while that serves
  assert error[200:300].mean() < 0.5 and error[300 : int(back)].mean() > 2.0
  rows = read(tmp_path / "decisions.jsonl")
  proposals = [row["reason"] for row in rows if row["event"] == "version"][1:]
  times = np.array([float(reason.split()[-1]) for reason in proposals])
  assert times[0] == 24 and np.diff(times).min() >= 24
  newest = online.replay(
    jax.random.key(0), LEARNER, LEARNER.init(PRIOR), jax.tree.map(lambda a: a[: int(times[-1]) + 1], stream)
  )
  last = gate.params(len(gate.state.hashes) - 1)
  jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), last, newest.state)


def test_a_gated_learner_goes_on_after_a_restart_and_what_is_strange_is_not_answered(tmp_path):
  rules = Rules(worst_loss=10.0, block=2, patience=60, strange=0.02)
  gate, stream = Gate(tmp_path, LEARNER.init(PRIOR), rules), plant(200)
  served(gate, jax.tree.map(lambda leaf: leaf[:150], stream))
  assert gate.state.serving > 0
  again, later = Gate(tmp_path, LEARNER.init(PRIOR), rules), jax.tree.map(lambda leaf: leaf[150:200], stream)
  found = served(again, later)
  error = [abs(each.prediction.mean[0] - y) for each, y in zip(found[::2], later.y[:, 0], strict=True)]
  assert np.mean(error) < 0.7
  strange = plant(60)
  strange.x[100] = 50.0
  questions = [each for each in served(again, strange, score=lambda said: float(said.variance[0])) if each.prediction]
  assert not questions[100].answered and np.mean([each.answered for each in questions]) > 0.8


def test_a_label_that_is_not_a_number_is_neither_counted_nor_learned_from(tmp_path):
  stream = plant(30)
  broken = stream._replace(y=np.insert(stream.y[:-1], 10, np.nan, axis=0), matures=stream.time)
  without = jax.tree.map(lambda leaf: np.delete(leaf, 10, axis=0), broken)
  gates = [Gate(tmp_path / str(n), LEARNER.init(PRIOR), Rules(worst_loss=10.0, block=2)) for n in range(2)]
  for gate, one in zip(gates, (broken, without), strict=True):
    served(gate, one)
  assert gates[0].state == gates[1].state and gates[0].state.better.seen > 0


def test_evidence_stays_a_number_where_a_tolerance_makes_differences_lower_than_minus_one():
  """Eight good blocks, one as bad as can be with a margin of 0.2, and evidence that what serves turned bad follows."""
  rules, state = Rules(tolerance=0.2, block=20), State((), serving=1, fallback=0)
  good, bad = ({"serving": [a] * 20, "fallback": [b] * 20} for a, b in ((1.0, 0.0), (0.0, 1.0)))
  for losses in [good] * 8 + [bad] + [good] * 8:
    state = advance(rules, state, {"event": "losses", "losses": losses})
    assert np.isfinite(state.turned.log_capital)
  assert state.turned.log_capital > 0


def test_the_script_of_gated_learners_counts_what_a_gate_did(monkeypatch, capsys):
  """250 hours of a plant that stays as it is: behind the gate the error is between frozen and always adapting."""
  monkeypatch.syspath_prepend(ROOT / "scripts")
  monkeypatch.setenv("COLUMNS", "150")
  gated, draw = script("gated"), np.random.default_rng(0)
  x = draw.normal(size=(250, 2)).astype(np.float32)
  line = Line(x, (2 * x[:, :1] + 0.2 * draw.normal(size=(250, 1))).astype(np.float32), ())
  monkeypatch.setattr(gated, "HOURS", 250)
  monkeypatch.setattr(gated, "DRIFTS", ("still",))
  monkeypatch.setattr(gated, "KINDS", {"still": gated.KINDS["abrupt"]._replace(line=lambda seed: line)})
  monkeypatch.setattr(gated, "RULES", {"bets": Rules(worst_loss=10.0, block=1, patience=60)})
  gated.main()
  cells = re.findall(r"(frozen|alpaca|gated)[^│]*│ +([0-9.]+)(?: +│ +([0-9.]+))?", capsys.readouterr().out)
  error = {name: float(mean) for name, mean, _ in cells}
  assert error["alpaca"] < error["gated"] < error["frozen"]
  assert next(float(promoted) for name, _, promoted in cells if name == "gated") >= 1


def test_the_script_of_error_rates_finds_that_blocks_keep_them_where_losses_remember(monkeypatch, capsys):
  monkeypatch.setenv("COLUMNS", "150")
  measure = script("measure_gate")
  small = {"BLOCKS": (1, 20), "PHIS": (0.0, 0.9), "SIDE_BY_SIDE": 60, "LOSSES": 2000, "STILL": 2000, "TURNS": 1000}
  for name, value in small.items():
    monkeypatch.setattr(measure, name, value)
  measure.main()
  wrong, wait, still, late = (
    [re.findall(r"[0-9.]+|nan|inf", line) for line in table.splitlines() if line.startswith("│ 0")]
    for table in capsys.readouterr().out.split("phi")[1:]
  )
  (_, *calm), (_, *moody) = wrong  # no better within 2,000 and 5,000 losses, worse; of block 1 and then of 20
  assert float(calm[0]) < 10 < 40 < float(moody[0]) and float(moody[3]) < 10
  assert all(int(a) > int(b) > int(c) for _, *cells in wait for a, b, c in (cells[:3], cells[3:]))
  assert float(still[1][1]) > 40 > 10 > float(still[1][2])
  assert all(int(cells[1]) > int(cells[2]) for cells in late)  # what is worse by more goes sooner
