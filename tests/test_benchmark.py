"""What the benchmark compares is the same work: first losses and meta-gradients of all contenders agree."""

import importlib.util
import sys

import pytest
from conftest import ROOT

sys.path.append(str(ROOT / "scripts"))

import benchmark
import benchmark_workloads as workloads
from benchmark_steps import DRAWN, THEIRS, Joint

pytestmark = pytest.mark.skipif(
  importlib.util.find_spec("torch") is None, reason='PyTorch is absent: pip install -e ".[bench]"'
)

SMALL = {
  "W1": workloads.w1(3, 2),
  "W2": workloads.w2(2, 2),
  "W3": workloads.w3(2, 1),
  "W4": workloads.w4(2, 1),
}


@pytest.mark.parametrize("w", SMALL.values(), ids=SMALL)
def test_all_contenders_compute_the_same_loss_and_meta_gradient(w):
  import benchmark_peers as peers

  given = workloads.given(w)
  reference = dict(zip(("loss", "norm"), workloads.ours(w, given)(), strict=True))
  for name in peers.names(w, compiled=False):
    row = dict(zip(("loss", "norm"), peers.peer(name, w, given, 1).step(), strict=True))
    benchmark.require_same(w, name, row, reference)


@pytest.mark.skipif(importlib.util.find_spec("torchjd") is None, reason='TorchJD is absent: pip install -e ".[bench]"')
@pytest.mark.filterwarnings("ignore:You are solving a parameterized problem")  # CVXPY, of TorchJD's NashMTL
@pytest.mark.parametrize("aggregator", [name for name in THEIRS if name not in DRAWN])
def test_torchjd_takes_the_same_step_and_comes_to_the_same_parameters(aggregator):
  w = Joint(aggregator)
  ours, (theirs, _) = w.ours(1), w.theirs(1)
  for _ in range(2):  # the second begins where the first one ended
    reference, row = (dict(zip(("loss", "norm"), step(), strict=True)) for step in (ours, theirs))
    benchmark.require_same(w, "TorchJD", row, reference)


def test_a_contender_of_first_order_is_refused():
  """A first-order meta-gradient has the same first loss: its norm tells it apart."""
  w = workloads.w1(3, 2)
  key, state, data = workloads.arguments(w, workloads.given(w), workloads.algorithm(w))
  second, first = (workloads.algorithm(w, first_order=order).update(key, state, data)[1] for order in (False, True))
  rows = [{"loss": float(m["loss"]), "norm": float(m["gradient_norm"])} for m in (second, first)]
  assert rows[0]["loss"] == pytest.approx(rows[1]["loss"])
  with pytest.raises(RuntimeError, match="the first norm of FOMAML is"):
    benchmark.require_same(w, "FOMAML", rows[1], rows[0])


def test_another_aggregator_is_refused():
  """All have the same first loss: the norm of the trunk's gradient tells them apart."""
  mean, upgrad = (dict(zip(("loss", "norm"), Joint(name).ours(1)(), strict=True)) for name in ("mean", "upgrad"))
  assert mean["loss"] == pytest.approx(upgrad["loss"])
  with pytest.raises(RuntimeError, match="the first norm of UPGrad is"):
    benchmark.require_same(Joint("mean"), "UPGrad", upgrad, mean)
