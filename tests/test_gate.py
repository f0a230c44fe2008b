"""The gate: its error rates, its record, and a process that is killed while it decides."""

import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from mtl_jax.checkpoint import CheckpointError
from mtl_jax.gate import Gate, Rules
from mtl_jax.gate.betting import Evidence, bet, bet_anew
from mtl_jax.gate.gate import advance, due, hash_of, replay
from mtl_jax.recorder import read

RNG = np.random.default_rng(0)
RULES = Rules(risk=0.05, patience=300, alarm_after=1_000)


def params(value: float) -> dict:
  return {"w": jnp.full((3,), value), "b": jnp.zeros(())}


def test_the_first_bets_by_hand():
  evidence = Evidence()
  for stake, difference in ((0.0, 1.0), (0.5 / (0.75 + 0.25), 1.0), (0.5, -0.4)):
    before, evidence = evidence, bet(evidence, difference)
    assert np.exp(evidence.log_capital - before.log_capital) == pytest.approx(1 + stake * difference)
  assert evidence[1:] == pytest.approx((3, 1.6, 2.16))


@pytest.mark.parametrize("skew", [0.5, 0.05, 0.95], ids=["fair coin", "rarely better by much", "rarely worse by much"])
def test_a_worthless_candidate_is_promoted_at_most_as_often_as_said(skew):
  """Ville's inequality, looked at after every one of 1,000 losses whose differences have the mean zero."""
  differences = np.where(RNG.random((1_000, 4_000)) < skew, 1 - skew, -skew)
  evidence, reached = Evidence(*np.zeros((4, 4_000))), np.zeros(4_000, bool)
  for difference in differences:
    evidence = bet(evidence, difference)
    reached |= evidence.log_capital >= np.log(20)
  assert 0 < reached.mean() <= 0.05


def test_an_alarm_without_a_change_is_as_rare_as_said_and_with_one_is_quick():
  still = RNG.choice([-1.0, 1.0], size=(2_000, 500))
  found = {}
  for name, differences in {"still": still, "turned": np.where(np.arange(2_000)[:, None] < 300, still, 0.4)}.items():
    evidence, first = Evidence(*np.zeros((4, 500))), np.full(500, 2_000)
    for t, difference in enumerate(differences):
      evidence = bet_anew(evidence, difference)
      first = np.where((evidence.log_capital >= np.log(200)) & (first == 2_000), t + 1, first)
    found[name] = first
  assert found["still"].mean() >= 200
  late = found["turned"][found["turned"] > 300]
  assert np.median(late) < 300 + 150


def in_shadow(truth: np.ndarray) -> str:
  """What becomes of a candidate that gains `truth` on average, in noise."""
  state = advance(
    RULES, advance(RULES, replay([{"event": "rules", "rules": RULES._asdict()}])[1], version(0)), version(1)
  )
  for gains in truth + RNG.uniform(-0.4, 0.4, (30, 10)):
    state = advance(
      RULES, state, {"event": "losses", "losses": {"serving": 0.5 + gains / 2, "candidate": 0.5 - gains / 2}}
    )
    if (decision := due(RULES, state)) is not None:
      return decision["event"]
  raise AssertionError("patience has an end")


def version(number: int) -> dict:
  return {"event": "version", "version": number, "hash": f"{number}"}


def test_of_a_thousand_candidates_few_make_it_worse():
  """The share of the worse ones that are promoted stays below the risk, and of the good ones most are promoted."""
  truths = RNG.choice([-0.05, -0.01, 0.0, 0.05, 0.1], size=1_000)
  promoted = np.array([in_shadow(truth) == "promote" for truth in truths])
  assert promoted[truths <= 0].mean() <= RULES.risk
  assert (truths[promoted] < 0).mean() <= RULES.risk
  assert promoted[truths == 0.1].mean() > 0.95


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
  with pytest.raises(CheckpointError, match=r"no checkpoint of step 7"):
    gate.params(7)


LIFE = """
import itertools, sys
import jax.numpy as jnp
from mtl_jax.gate import Gate, Rules

gate = Gate(sys.argv[1], {"w": jnp.zeros(3)}, Rules(patience=20))
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
  gate = Gate(tmp_path, {"w": jnp.zeros(3)}, Rules(patience=20))
  rows = read(Path(tmp_path) / "decisions.jsonl")
  recorded = [f"{row['event']} {row['version']}" for row in rows if row.get("version")]
  assert len(said) > 4 and set(said) <= set(recorded)
  assert gate.state == replay(rows)[1]
  for number, known in enumerate(gate.state.hashes):
    assert hash_of(gate.params(number)) == known == hash_of({"w": jnp.full(3, float(number))})
