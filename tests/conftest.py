"""Every test runs under strict dtype and rank promotion; pyproject.toml turns warnings into errors."""

import os
from pathlib import Path

os.environ.setdefault("JAX_NUMPY_DTYPE_PROMOTION", "strict")
os.environ.setdefault("JAX_NUMPY_RANK_PROMOTION", "raise")

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def data_folder() -> Path:
  """The folder of real data sets; the test is skipped where there is none."""
  folder = os.environ.get("MTL_JAX_DATA")
  if not folder:
    pytest.skip("real data is absent: set MTL_JAX_DATA to its folder")
  return Path(folder)
