"""What is read of a compiled program, and how the script starts its own workers."""

import sys

import tyro
from conftest import ROOT

sys.path.append(str(ROOT / "scripts"))
import measure_parallel


def test_what_a_device_gets_of_others_is_counted_in_bytes():
  program = """
  %a = f32[4,8]{1,0} all-reduce(f32[4,8]{1,0} %x), replica_groups={{0,1}}
  %b = (f32[3]{0}, s32[2]{0}) all-reduce(%y, %z), channel_id=1
  %c = bf16[10]{0} all-gather(bf16[5]{0} %w), dimensions={0}
  %d = f32[100]{0} add(f32[100]{0} %v, f32[100]{0} %v)
  %e = f32[] all-reduce(f32[] %u)
  """
  assert measure_parallel.exchanged(program) == 4 * 32 + (4 * 3 + 4 * 2) + 2 * 10 + 4


def test_a_worker_understands_what_it_is_started_with():
  command = tyro.cli(measure_parallel.Command, args=["--worker", "--time", "2"])
  assert command.worker and command.time == (2,)
