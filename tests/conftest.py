"""Every test runs under strict dtype and rank promotion; pyproject.toml turns warnings into errors."""

import os
from pathlib import Path

os.environ.setdefault("JAX_NUMPY_DTYPE_PROMOTION", "strict")
os.environ.setdefault("JAX_NUMPY_RANK_PROMOTION", "raise")
# Test processes stand side by side; OpenMP's threads of each would wait for one another in a busy loop.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# A GPU multiplies float32 with ten bits of mantissa unless it is asked for all of them.
os.environ.setdefault("JAX_DEFAULT_MATMUL_PRECISION", "highest")
os.environ.setdefault("JAX_NUM_CPU_DEVICES", "1")  # scripts would make one of every core
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # test processes share a GPU, where there is one

import jax
import pytest

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
  """A process may have 65,530 memory maps on Linux, and compiled programs take some each: beyond, compiling crashes."""
  yield
  maps = Path("/proc/self/maps")
  if maps.exists() and maps.read_bytes().count(b"\n") > 30_000:
    jax.clear_caches()


@pytest.fixture(scope="session")
def data_folder() -> Path:
  """The folder of real data sets; the test is skipped where there is none."""
  folder = os.environ.get("MTL_JAX_DATA")
  if not folder:
    pytest.skip("real data is absent: set MTL_JAX_DATA to its folder")
  return Path(folder)


@pytest.fixture(scope="module")
def quick_to_compile():
  """For tests whose time is compilation."""
  jax.config.update("jax_disable_most_optimizations", True)
  yield
  jax.config.update("jax_disable_most_optimizations", False)


@pytest.fixture
def float64():
  with jax.enable_x64(True):
    yield
