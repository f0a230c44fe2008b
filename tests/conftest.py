"""Every test runs under strict dtype and rank promotion; pyproject.toml turns warnings into errors."""

import logging
import os
import runpy
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import CompletedProcess

os.environ.setdefault("JAX_NUMPY_DTYPE_PROMOTION", "strict")
os.environ.setdefault("JAX_NUMPY_RANK_PROMOTION", "raise")
# Test processes stand side by side; OpenMP's threads of each would wait for one another in a busy loop.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# A GPU multiplies float32 with ten bits of mantissa unless it is asked for all of them.
os.environ.setdefault("JAX_DEFAULT_MATMUL_PRECISION", "highest")
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")  # most of the time is compilation; cf. `optimised`
# What is compiled is kept for the next run, as by scripts but apart from theirs: tests kill processes that write there.
os.environ.setdefault(
  "JAX_COMPILATION_CACHE_DIR",
  str(Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mtl_jax" / "tests"),
)
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_NUM_CPU_DEVICES", "1")  # scripts would make one of every core
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # test processes share a GPU, where there is one

import jax
import pytest

from mtl_jax import job

ROOT = Path(__file__).parent.parent
_LONGEST = (
  "demand", "scripts", "multitask_job", "docs", "plant", "surface", "rig", "bearings", "joint", "multitask_models",
  "aggregators", "job", "report", "baselines", "resume",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
  """The longest files come first (and stay whole), so that no worker is left alone with one at the end."""
  order = {f"test_{name}.py": place for place, name in enumerate(_LONGEST)}
  items.sort(key=lambda item: order.get(item.path.name, len(order)))


@pytest.fixture(scope="module", autouse=True)
def _room_for_programs():
  yield
  job.room_for_programs()


@pytest.fixture(scope="session")
def data_folder() -> Path:
  """The folder of real data sets; the test is skipped where there is none."""
  folder = os.environ.get("MTL_JAX_DATA")
  if not folder:
    pytest.skip("real data is absent: set MTL_JAX_DATA to its folder")
  return Path(folder)


@pytest.fixture
def answered(monkeypatch, capsys) -> Callable[..., CompletedProcess[str]]:
  """answered(script, *arguments): what a script says and how it ends, in this process: another one takes seconds."""

  def answered(script: str, *arguments: str | Path) -> CompletedProcess[str]:
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(sys, "argv", [script, *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
      runpy.run_path(str(ROOT / "scripts" / script), run_name="__main__")
    return CompletedProcess(sys.argv, ended.value.code, *capsys.readouterr())

  return answered


@contextmanager
def optimised() -> Iterator[None]:
  """For what a compiled program takes: it is compiled as users have it."""
  before = jax.config.read("jax_disable_most_optimizations")
  jax.config.update("jax_disable_most_optimizations", False)
  try:
    yield
  finally:
    jax.config.update("jax_disable_most_optimizations", before)


@contextmanager
def compiled_again() -> Iterator[list[str]]:
  """The names of programs that are asked for though they had been, to the letter: by what JAX logs of its kept ones."""
  logger, seen, again = logging.getLogger("jax._src.compiler"), set[str](), list[str]()

  def note(record: logging.LogRecord) -> bool:
    if record.msg.lower().startswith("persistent compilation cache"):  # a hit or a miss
      name, key = record.args
      if key in seen:
        again.append(name)
      seen.add(key)
    return False

  jax.clear_caches()  # so that there is room, and nothing is dropped in between
  level = logger.level
  logger.setLevel(logging.DEBUG)
  logger.addFilter(note)
  try:
    yield again
  finally:
    logger.removeFilter(note)
    logger.setLevel(level)
  assert seen, "JAX said of no program that it was kept or found"


@pytest.fixture
def float64():
  with jax.enable_x64(True):
    yield
