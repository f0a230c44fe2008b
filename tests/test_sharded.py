"""How the tasks of a meta-update are gone through changes nothing: in turn, in chunks, again, on eight devices."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sharded_worker import NAMES

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
  ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
  assert ended.returncode == 0, ended.stderr
  return json.loads(ended.stdout)


@pytest.mark.parametrize("name", NAMES)
def test_a_meta_update_on_eight_devices_in_chunks_and_rematerialised_is_that_of_a_loop_over_tasks(name, apart):
  """To rounding of float64. Supports and queries are ragged; of nineteen tasks each device has up to three in two
  chunks of two, and what is left over comes again at weight 0.
  """
  assert apart[name]["reduced"]
  assert apart[name]["apart"] < 1e-12, apart[name]


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


def test_eight_devices_share_wafer_tools_and_run_them_as_one_does(apart):
  assert apart["tools"]["shard"] == [2, 4]
  assert apart["tools"]["apart"] < 1e-12
