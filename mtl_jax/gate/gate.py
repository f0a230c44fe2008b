"""The gate between a model that has been adapted and the line: shadow, promote, roll back, and a record of why.

The record (`decisions.jsonl`) has a line for each version, each batch of losses and each decision; it is only appended
to, and everything the gate knows follows from it. A version is on disk before the record names it, and a loss before a
decision that it brings about, so that a process killed at any moment goes on from its record where it stopped.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import jax
import numpy as np

from mtl_jax.checkpoint import Checkpoints
from mtl_jax.gate.betting import Block, Evidence, bet, bet_anew, means, most
from mtl_jax.recorder import Recorder, read
from mtl_jax.types import PyTree

Role = Literal["serving", "candidate", "fallback"]
ALL_VERSIONS = 1_000_000_000


class Rules(NamedTuple):
  """What a gate decides by; the first line of its record.

  `risk` and `alarm_after` are promises under a condition: nothing that was known before a block of losses began says
  that its mean will speak for the change, E[mean gain of the block | all before it] <= 0. That needs a `block` that is
  long beside the memory of the losses. Nothing is promised where losses stay high or low for longer than a block, such
  as for a shift or a product when a block is an hour (make it longer, or give the gate daily means); for a candidate
  that was chosen by losses which the gate sees too; or for the time after a promotion: who was better may be worse
  tomorrow, which is what the roll-back is for. Rates with correlated losses, and how much longer a better candidate
  waits, are in scripts/measure_gate.py.

  Attributes:
    risk: the probability with which a candidate that is worse is promoted, at most.
    worst_loss: losses are clipped to [0, worst_loss], and the promise is about these.
    tolerance: a candidate that is worse by this is still not worse; 0: it has to be better.
    patience: losses after which a candidate that has not shown itself is dropped.
    alarm_after: losses between false roll-backs, on average at least.
    strange: a share of the calibration scores; what is as strange as these or more is not answered.
    block: losses after one another of which the mean is bet on; a loss must say next to nothing about one that comes
      this many later. 1: losses are independent of one another.
  """

  risk: float = 0.05
  worst_loss: float = 1.0
  tolerance: float = 0.0
  patience: int = 2_000
  alarm_after: int = 10_000
  strange: float = 0.01
  block: int = 20


DEFAULT = Rules()


class State(NamedTuple):
  """What follows from the record.

  Attributes:
    hashes: of every version, in order
    serving, candidate, fallback: numbers of versions; `fallback` is what served before
    better: evidence that the candidate is better than what serves
    worse: evidence that it is worse
    turned: evidence that what serves has become worse than its fallback
    abstaining: the last input was strange
    shadow, watch: the block of gains over what serves, or of its losses over its fallback, that is not full
  """

  hashes: tuple[str, ...]
  serving: int = 0
  candidate: int | None = None
  fallback: int | None = None
  better: Evidence = Evidence()
  worse: Evidence = Evidence()
  turned: Evidence = Evidence()
  abstaining: bool = False
  shadow: Block = Block()
  watch: Block = Block()


NEW_SHADOW: dict[str, Any] = {"better": Evidence(), "worse": Evidence(), "shadow": Block()}
NEW_WATCH: dict[str, Any] = {"turned": Evidence(), "watch": Block()}


def advance(rules: Rules, state: State, row: Mapping[str, Any]) -> State:
  """The state after one more line of the record."""
  match row["event"]:
    case "version":
      anew = state._replace(hashes=(*state.hashes, row["hash"]), **NEW_SHADOW)
      return anew._replace(candidate=row["version"] if row["version"] else None)
    case "losses":
      scaled = {
        role: np.clip(losses, 0.0, rules.worst_loss) / rules.worst_loss for role, losses in row["losses"].items()
      }
      margin = rules.tolerance / rules.worst_loss
      stake = most(rules.block) / (1.0 + margin)  # a difference less the margin may be as low as -1 - margin
      better, worse, turned, shadow, watch = state.better, state.worse, state.turned, state.shadow, state.watch
      if "candidate" in scaled:
        shadow, gains = means(shadow, scaled["serving"] - scaled["candidate"], rules.block)
        for gain in gains:
          better, worse = bet(better, gain + margin, stake), bet(worse, -gain - margin, stake)
      if "fallback" in scaled:
        watch, lost = means(watch, scaled["serving"] - scaled["fallback"], rules.block)
        for loss in lost:
          turned = bet_anew(turned, loss - margin, stake)
      return state._replace(better=better, worse=worse, turned=turned, shadow=shadow, watch=watch)
    case "promote":
      anew = state._replace(serving=row["version"], fallback=state.serving, candidate=None)
      return anew._replace(**NEW_SHADOW, **NEW_WATCH)
    case "drop":
      return state._replace(candidate=None, **NEW_SHADOW)
    case "roll back":
      anew = state._replace(serving=row["version"], fallback=None, candidate=None)
      return anew._replace(**NEW_SHADOW, **NEW_WATCH)
    case "abstain" | "answer":
      return state._replace(abstaining=row["event"] == "abstain")
  raise ValueError(f"a record with the event {row['event']!r} is not this gate's")


def due(rules: Rules, state: State) -> dict[str, Any] | None:
  """The decision that the state calls for, with its reason; None while there is nothing to decide."""

  def decision(event: str, version: int | None, reason: str) -> dict[str, Any]:
    return {"event": event, "version": version, "hash": state.hashes[version or 0], "reason": reason}

  if state.turned.log_capital >= np.log(rules.alarm_after / rules.block):
    loss = state.turned.total / state.turned.seen * rules.worst_loss + rules.tolerance
    seen = f"over the last {int(state.turned.seen) * rules.block} losses it lost {loss:.3g} more"
    return decision(
      "roll back", state.fallback, f"version {state.serving} has turned bad: {seen} than {state.fallback}"
    )
  if state.candidate is None:
    return None
  threshold, n = -np.log(rules.risk), state.better.seen * rules.block
  found = max(state.better.log_capital, state.worse.log_capital) >= threshold
  if not found and n + state.shadow.size < rules.patience:
    return None
  gain = state.better.total / state.better.seen * rules.worst_loss - rules.tolerance
  seen = f"its loss was {abs(gain):.3g} {'lower' if gain > 0 else 'higher'} over {n} in shadow"
  if state.better.log_capital >= threshold:
    return decision(
      "promote", state.candidate, f"not worse than version {state.serving} at a risk of {rules.risk:g}: {seen}"
    )
  if state.worse.log_capital >= threshold:
    return decision("drop", state.candidate, f"worse than version {state.serving} at a risk of {rules.risk:g}: {seen}")
  return decision("drop", state.candidate, f"not shown to be better within {rules.patience} losses: {seen}")


def replay(rows: Sequence[Mapping[str, Any]]) -> tuple[Rules, State]:
  """Rules and state from a record; one without `block` was begun before there were any, and bets on each loss."""
  rules, state = Rules(**({"block": 1} | rows[0]["rules"])), State(())
  for row in rows[1:]:
    state = advance(rules, state, row)
  return rules, state


def hash_of(params: PyTree) -> str:
  """SHA-256 of the names, types, shapes and bytes of all leaves, hexadecimal."""
  found = hashlib.sha256()
  for path, leaf in jax.tree_util.tree_leaves_with_path(params):
    array = np.asarray(leaf, order="C")
    found.update(f"{jax.tree_util.keystr(path)} {array.dtype} {array.shape}".encode() + array.tobytes())
  return found.hexdigest()


class Gate:
  """The versions of one model and what is decided about them; one process at a time may use a folder.

  Args:
    folder: `decisions.jsonl` and `versions/`, made when missing; otherwise the gate goes on from its record.
    params: version 0, which serves first; the structure of all versions.
    rules: of a new gate; a record keeps the rules that it began with. See there under which condition they hold.

  Raises:
    ValueError: the record was begun with other rules, or no block is full before patience or alarm_after ends.
    CheckpointError: a version on disk is damaged.
  """

  def __init__(self, folder: str | Path, params: PyTree, rules: Rules = DEFAULT):
    if not 1 <= rules.block <= min(rules.patience, rules.alarm_after - 1):
      raise ValueError(f"a block needs 1 loss or more, at most patience and fewer than alarm_after: {rules}")
    self._like = jax.eval_shape(lambda: params)
    self._path = Path(folder) / "decisions.jsonl"
    self._versions = Checkpoints(Path(folder) / "versions", keep=ALL_VERSIONS)
    self._record = Recorder(self._path)
    rows = read(self._path)
    if not rows:
      self._record.write({"event": "rules", "rules": rules._asdict()})
      rows = read(self._path)
    self._rules, self.state = replay(rows)
    if self._rules != rules:
      raise ValueError(f"{self._path} was begun with {self._rules}, and not with {rules}: use these, or another folder")
    if not self.state.hashes:
      self._add(params, "the first")
    self._decide()

  def propose(self, params: PyTree, reason: str) -> int:
    """Takes in a candidate, which runs in shadow from now on, in the place of one that does already; its version."""
    if self.state.candidate is not None:
      self._write({"event": "drop", "version": self.state.candidate, "reason": "another candidate has come"})
    return self._add(params, reason)

  def roles(self) -> dict[Role, int]:
    """The versions that have to answer: what serves and, in shadow, candidate and fallback where there are any."""
    every: dict[Role, int | None] = {
      "serving": self.state.serving,
      "candidate": self.state.candidate,
      "fallback": self.state.fallback,
    }
    return {role: version for role, version in every.items() if version is not None}

  def params(self, version: int) -> PyTree:
    """A version from disk.

    Raises:
      CheckpointError: it is damaged.
    """
    return self._versions.at(version, self._like)

  def observe(self, losses: Mapping[Role, Sequence[float]]) -> dict[str, Any] | None:
    """Losses of all `roles()` on the same labelled rows, in time order; the decision that they bring about, if any.

    Raises:
      ValueError: not the roles that have to answer, not one loss each, or a loss that is not finite.
    """
    given = {role: np.atleast_1d(np.asarray(each, np.float64)) for role, each in losses.items()}
    if given.keys() != self.roles().keys() or len({each.shape for each in given.values()}) > 1:
      shapes = {role: each.shape for role, each in given.items()}
      raise ValueError(f"losses of {list(self.roles())} are needed, of the same rows: found the shapes {shapes}")
    self._write({"event": "losses", "losses": {role: each.tolist() for role, each in given.items()}})
    return self._decide()

  def admits(self, score: float, calibration: np.ndarray) -> bool:
    """Whether an input is to be answered: its score is not as strange as the strangest of the calibration scores.

    By the conformal p-value (1 + number of calibration scores >= score) / (n + 1) (V. Vovk et al., "Algorithmic
    learning in a random world", 2005): of inputs like the calibration's a share of at most `strange` is not answered.
    Where it changes, the record says so.

    Args:
      score: higher is stranger, such as a predictive variance or a Mahalanobis distance.
      calibration: (n,) scores of inputs that the serving version was not fitted on.
    """
    p = (1 + np.sum(calibration >= score)) / (len(calibration) + 1)
    strange = bool(p <= self._rules.strange)
    if strange != self.state.abstaining:
      event = "abstain" if strange else "answer"
      self._write(
        {"event": event, "score": float(score), "reason": f"as strange as {p:.2g} of the calibration or less"}
      )
    return not strange

  def _add(self, params: PyTree, reason: str) -> int:
    version, parent = len(self.state.hashes), self.state.serving
    if version in self._versions.steps():  # a process was killed between the two lines below
      self._versions.delete(version)
    self._versions.save(version, params)
    parent_hash = self.state.hashes[parent] if version else None
    row = {
      "version": version,
      "hash": hash_of(params),
      "parent": parent if version else None,
      "parent_hash": parent_hash,
    }
    self._write({"event": "version"} | row | {"reason": reason})
    return version

  def _write(self, row: dict[str, Any]) -> None:
    self._record.write(row)
    self.state = advance(self._rules, self.state, row)

  def _decide(self) -> dict[str, Any] | None:
    if (decision := due(self._rules, self.state)) is not None:
      self._write(decision)
    return decision
