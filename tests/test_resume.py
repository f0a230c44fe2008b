"""Real processes, real signals: what a killed, a stopped and an undisturbed run leave behind."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from resume_worker import numbered

from mtl_jax.checkpoint import Checkpoints
from mtl_jax.recorder import read

HERE = Path(__file__).parent
STEPS = 150  # not a multiple of the chunk
LIMIT_S = 120


def start(*arguments) -> subprocess.Popen:
  paths = [str(HERE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
  environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "JAX_PLATFORMS": "cpu"}
  command = [sys.executable, "-W", "error", str(HERE / "resume_worker.py"), *map(str, arguments)]
  return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def wait_until(condition, process: subprocess.Popen) -> None:
  for _ in range(LIMIT_S * 500):
    if condition():
      return
    if process.poll() is not None:
      pytest.fail(f"the process ended too early: {process.communicate()[0]}")
    time.sleep(0.002)
  process.kill()
  pytest.fail("the process never came that far")


def finish(process: subprocess.Popen) -> str:
  output = process.communicate(timeout=LIMIT_S)[0]
  assert process.returncode == 0, output
  return output


def rows(folder: Path) -> list[dict]:
  return [{k: v for k, v in row.items() if not k.endswith("_per_s")} for row in read(folder / "metrics.jsonl")]


def has_rows(folder: Path, count: int) -> bool:
  path = folder / "metrics.jsonl"
  return path.exists() and len(read(path)) >= count


def has_step(folder: Path, step: int) -> bool:
  return max(Checkpoints(folder).steps(), default=0) >= step


def assert_same_bits(one: Path, other: Path) -> None:
  with np.load(one / "final.npz") as a, np.load(other / "final.npz") as b:
    assert a.files == b.files and len(a.files) > 6
    for name in a.files:
      assert a[name].dtype == b[name].dtype and a[name].tobytes() == b[name].tobytes(), name


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> Path:
  folder = tmp_path_factory.mktemp("undisturbed")
  assert finish(start(folder, STEPS, "new")) == ""  # and it says nothing unasked
  return folder


def test_a_run_killed_in_the_middle_and_resumed_ends_with_the_same_bits(undisturbed, tmp_path):
  process = start(tmp_path, STEPS, "new")
  wait_until(lambda: has_rows(tmp_path, 3), process)
  process.kill()
  process.communicate()
  assert process.returncode == -signal.SIGKILL
  assert not (tmp_path / "final.npz").exists()
  reached = Checkpoints(tmp_path / "checkpoints").steps()[-1]
  assert 0 < reached < STEPS

  assert finish(start(tmp_path, STEPS, "resume")) == ""
  assert_same_bits(undisturbed, tmp_path)
  assert rows(tmp_path) == rows(undisturbed)
  with np.load(undisturbed / "history.npz") as whole, np.load(tmp_path / "history.npz") as rest:
    assert np.array_equal(rest["loss"], whole["loss"][reached:])
    assert len(rest["loss"]) == STEPS - reached


def test_sigterm_finishes_the_chunk_saves_and_the_run_can_go_on_exactly(undisturbed, tmp_path):
  process = start(tmp_path, STEPS, "new")
  wait_until(lambda: has_rows(tmp_path, 2), process)
  process.terminate()
  output = process.communicate(timeout=LIMIT_S)[0]
  assert process.returncode == 1 and "Traceback" not in output, output
  last = Checkpoints(tmp_path / "checkpoints").steps()[-1]
  assert last % 20 == 0 and rows(tmp_path)[-1]["step"] == last < STEPS
  assert "clean exit" in output and str(tmp_path / "checkpoints" / str(last)) in output

  finish(start(tmp_path, STEPS, "resume"))
  assert_same_bits(undisturbed, tmp_path)


def test_a_kill_during_a_save_never_costs_the_previous_checkpoint(tmp_path):
  interrupted = 0
  before = 0
  for _ in range(3):
    process = start(tmp_path, "save")
    wait_until(partial(has_step, tmp_path, before + 3), process)
    wait_until(lambda: list(tmp_path.glob("unfinished-*")), process)
    process.kill()
    process.communicate()
    interrupted += len(list(tmp_path.glob("unfinished-*")))

    after, state = Checkpoints(tmp_path).latest(numbered(0))
    assert after > before + 2
    for name, leaf in numbered(after).items():
      assert np.array_equal(state[name], leaf)
    # The first ever saved has the highest score: it outlives every prune and every kill.
    assert Checkpoints(tmp_path).best(numbered(0))[0] == 1
    before = after
  assert interrupted > 0
  Checkpoints(tmp_path, keep=2).save(before + 1, numbered(0))
  assert len(list(tmp_path.iterdir())) == 3  # the last two, the best, and nothing left over
