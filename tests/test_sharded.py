"""How the tasks of a meta-update are gone through changes nothing: in turn, in chunks, again, on eight devices."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sharded_worker import NAMES, SHARED

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def apart() -> dict[str, dict[str, float]]:
  environment = os.environ | {
    "PYTHONPATH": os.pathsep.join([str(HERE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]),
    "JAX_PLATFORMS": "cpu",
    "JAX_ENABLE_X64": "1",
    "JAX_NUM_CPU_DEVICES": "8",
  }
  command = [sys.executable, str(HERE / "sharded_worker.py")]
  ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
  assert ended.returncode == 0, ended.stderr
  return json.loads(ended.stdout)


@pytest.mark.parametrize("name", NAMES)
def test_a_meta_gradient_is_that_of_single_tasks_also_in_chunks_rematerialised_and_on_eight_devices(name, apart):
  """To rounding of float64; supports and queries are ragged, and three do not divide the sixteen tasks."""
  found = apart[name]
  assert found.pop("reduced")
  assert found.keys() == {"chunked and rematerialised", "on a mesh"}
  assert max(found.values()) < 1e-12, found


@pytest.mark.parametrize("name", SHARED)
def test_tasks_that_eight_devices_share_unevenly_give_the_step_of_one_device(name, apart):
  """To rounding of float32, metrics too: of thirteen tasks three come again at weight 0."""
  assert apart[name]["uneven"] < 1e-5, apart[name]


def test_matrices_are_split_by_their_longest_axis_or_in_turn_and_examples_where_they_can_be(apart):
  found = {name: tuple(shape) for name, shape in apart["shards"].items()}
  assert found == {
    "dense_0": (16, 8),
    "dense_1": (8, 16),
    "wide": (4, 5),
    "narrow": (5, 4),
    "odd": (3, 5),
    "bias": (16,),
    "key": (),
    "x": (4, 3, 3),
    "five": (4, 5),
    "task": (4,),
  }
