"""Devices and processes change nothing: one device, eight, two processes of four, one after one of two was killed."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import distributed_worker as worker
import jax
import numpy as np
import pytest
from conftest import ROOT
from sharded_worker import ragged
from test_algorithms import ALGORITHMS, KEY, params

from mtl_jax import fit
from mtl_jax.checkpoint import Checkpoints
from mtl_jax.config import ConfigError, Devices, axes
from mtl_jax.job import started
from mtl_jax.recorder import read
from mtl_jax.types import TaskFamily

LIMIT_S = 300
# Two processes meet; then the second saves a checkpoint, for which it waits for the first.
WAITING = """
import sys, time
from mtl_jax import job
from mtl_jax.checkpoint import Checkpoints
from mtl_jax.config import Devices

job.devices._SILENT_S = 5  # in place of 30, which would be waited for

def main(argv):
  folder, address, process = argv
  job.started(Devices(distributed=True, coordinator=address, processes=2, process=int(process)))
  print("together", flush=True)
  if job.first():
    time.sleep(300)
  Checkpoints(folder).save(1, {"a": 1.0})

job.exit_with_message(main, sys.argv[1:])
"""


def start(folder: Path, *flags: str) -> subprocess.Popen:
  environment = os.environ | {
    "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
    "JAX_PLATFORMS": "cpu",
  }
  folder.mkdir(exist_ok=True)
  command = [sys.executable, ROOT / "tests" / "distributed_worker.py", folder, *flags]
  return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def close(found, expected) -> None:
  jax.tree.map(lambda f, e: np.testing.assert_allclose(f, e, rtol=2e-5, atol=2e-6), found, expected)


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
  """Where eight devices, and two processes of four each, left what they found; the second process was then killed."""
  folder = tmp_path_factory.mktemp("distributed")
  with socket.socket() as free:
    free.bind(("localhost", 0))
    flags = ["--distributed", "--coordinator", f"localhost:{free.getsockname()[1]}", "--processes", "2"]
  pair = [start(folder / "pair", "--mesh", "model=2,data=2,tasks=2", *flags, "--process", i) for i in "01"]
  until = time.monotonic() + LIMIT_S
  while max(Checkpoints(folder / "pair" / "maml").steps(), default=0) < 2 * worker.CHUNK:
    assert time.monotonic() < until and pair[0].poll() is None, pair[0].communicate()[0]
    time.sleep(0.05)
  pair[1].kill()
  said = pair[0].communicate(timeout=60)[0]  # within a minute
  (folder / "said.txt").write_text(f"{pair[0].returncode}\n{said}")
  pair[1].communicate()
  assert pair[1].returncode == -signal.SIGKILL
  eight = start(folder / "eight", "--mesh", "tasks=8")
  said = eight.communicate(timeout=LIMIT_S)[0]
  assert eight.returncode == 0, said
  return {"said": folder / "said.txt", "pair": folder / "pair", "eight": folder / "eight"}


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> dict[str, np.ndarray]:
  """What one device ends with."""
  return worker.two_jobs(tmp_path_factory.mktemp("alone"))


@pytest.mark.parametrize("which", ["eight", "pair"])
def test_joint_training_and_prototypes_on_eight_devices_end_as_on_one(which, folders, alone):
  with np.load(folders[which] / "found.npz") as file:
    found = dict(file)
  assert found.pop("devices") == 8
  assert found.pop("compiled") == 2  # the second chunk of prototypes compiled nothing, nor did resuming them
  close(found, alone)


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGSTOP])
def test_when_the_first_process_is_killed_or_stands_still_the_other_does_not_wait_for_it_and_says_so(end, tmp_path):
  """The first is where the others meet. The second waits at a barrier that Orbax gives five minutes."""
  says = "another one of the run has ended", "another task died"  # ours, or JAX's where it is sooner
  with socket.socket() as free:
    free.bind(("localhost", 0))
    address = f"localhost:{free.getsockname()[1]}"
  environment = os.environ | {"PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
  command = [sys.executable, "-c", WAITING, tmp_path, address]
  pair = [
    subprocess.Popen([*command, i], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    for i in "01"
  ]
  try:
    for process in pair:
      assert process.stdout is not None and any(line == "together\n" for line in process.stdout)
    time.sleep(0.5)  # the second comes to the barrier
    pair[0].send_signal(end)
    said = pair[1].communicate(timeout=60)[0]  # within a minute
  finally:
    for process in pair:
      process.kill()
      process.communicate()
  assert pair[1].returncode != 0 and any(words in said for words in says), said
  assert not Checkpoints(tmp_path).steps()


def test_each_process_writes_its_half_and_one_process_restores_all(folders):
  store = Checkpoints(folders["pair"] / "wide")
  expected = worker.wide()
  wrote = [
    sum(file.stat().st_size for file in (store.path(1) / "state" / f"ocdbt.process_{i}").rglob("*")) for i in range(2)
  ]
  assert all(0.4 < size / expected["dense_0"].nbytes < 0.6 for size in wrote), wrote
  state: Any = store.at(1, jax.eval_shape(lambda: expected))
  keys = [jax.random.key_data(of["keys"]) for of in (state, expected)]
  np.testing.assert_array_equal(keys[0], keys[1])
  np.testing.assert_array_equal(state["dense_0"], expected["dense_0"])


def test_a_process_whose_partner_was_killed_says_so_and_one_process_goes_on_to_the_same_end(folders, tmp_path):
  status, said = folders["said"].read_text().split("\n", 1)
  assert int(status) != 0
  assert "another one of the run has ended" in said or "another task died" in said
  resumed = folders["pair"] / "maml"
  saved = Checkpoints(resumed).steps()
  assert 0 < saved[-1] < worker.STEPS
  whole = worker.maml_job(tmp_path)
  close(worker.maml_job(resumed, resume=True), whole)
  rows = [[row["loss"] for row in read(where / "metrics.jsonl")] for where in (resumed, tmp_path)]
  close(*rows)
  _, of_eight = Checkpoints(folders["eight"] / "maml").latest(whole)
  close(of_eight, whole)


@pytest.mark.parametrize("mesh", ["", "tasks", "tasks=0", "tasks=2,tasks=2", "cores=2", "tasks=two"])
def test_a_mesh_that_is_none_is_refused_by_name(mesh):
  with pytest.raises(ConfigError, match=r"--mesh .* is not AXIS=DEVICES, as in tasks=4"):
    axes(mesh)


def test_more_devices_than_there_are_and_half_of_what_says_which_process_this_is_are_refused():
  jax.devices()  # from here on there is one
  with pytest.raises(ConfigError, match="--mesh tasks=99: 99 of the 1 devices that are there; ask for fewer"):
    started(Devices("tasks=99"))
  assert started(Devices("tasks=1")) is None and started(Devices()) is None
  with pytest.raises(ConfigError, match="add --distributed"):
    started(Devices(processes=2))


def test_an_explicit_axis_is_refused():
  algorithm = ALGORITHMS["protonet"](outer=worker.OUTER, chunk=1)
  mesh = jax.make_mesh((1,), ("tasks",), axis_types=(jax.sharding.AxisType.Explicit,))
  with jax.set_mesh(mesh), pytest.raises(ValueError, match=r"axis_types=.*Auto"):
    fit(KEY, algorithm, algorithm.init(params(KEY)), TaskFamily(ragged), steps=1, tasks_per_step=2, chunk_steps=1)
