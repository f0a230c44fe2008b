"""All data sets alike: what a table is, the publishers' facts and formats, and files that arrive broken."""

import os
from pathlib import Path

import numpy as np
import pytest
from damage import ANY, TEXT
from originals import demand, images, process, scheduling, tabular

from mtl_jax.data import DataError, Facts, Source, Table
from mtl_jax.data.folder import place_of
from mtl_jax.data.sources import SOURCES
from mtl_jax.data.table import check

SAMPLES = [*process.SAMPLES, *tabular.SAMPLES, *images.SAMPLES, *demand.SAMPLES, *scheduling.SAMPLES]
TEXTS = {".csv", ".txt", ".dat", ".tsf", ".nna", ".fjs", ".md"}
named = pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
sampled = pytest.mark.parametrize(("source", "write"), SAMPLES, ids=[f"{s.name}-{w.__name__}" for s, w in SAMPLES])


def everything(table: Table) -> dict[str, np.ndarray]:
  return table.columns | table.labels | table.groups


def well_formed(table: Table) -> None:
  assert not set(table.columns) & set(table.labels) and not set(table.columns) & set(table.groups)
  assert "unit" in table.groups
  for name, array in everything(table).items():
    assert isinstance(array, np.ndarray), name
    assert array.dtype.kind in "iufUM", f"{name}: {array.dtype}"
    assert len(array) == table.rows, name
    assert not np.issubdtype(array.dtype, np.floating) or not np.isinf(array).any(), name
  assert set(table.columns) | set(table.labels) <= set(table.units)
  assert all(unit.strip() for unit in table.units.values())


def original(source: Source, folder: Path, facts: Facts) -> Table:
  return check((source.original or source.read)(folder), facts, source.name)


@named
def test_the_real_copy_is_read_as_its_publisher_states(source):
  if not os.environ.get("MTL_JAX_DATA"):
    pytest.skip("MTL_JAX_DATA does not name the folder with the recorded data")
  table = source.load()
  well_formed(table)
  assert table.rows == source.facts.rows
  assert source.publisher.startswith("http") and source.licence and source.title
  assert bool(source.remote) != bool(source.by_hand)


@named
def test_a_file_of_the_real_copy_that_is_cut_short_is_named_with_both_sizes_and_hashes(source, tmp_path):
  if not os.environ.get("MTL_JAX_DATA"):
    pytest.skip("MTL_JAX_DATA does not name the folder with the recorded data")
  whole = place_of(source.name, None)
  file = source.files[-1]
  for path in whole.rglob("*"):
    if path.is_file():
      copy = tmp_path / path.relative_to(whole)
      copy.parent.mkdir(parents=True, exist_ok=True)
      copy.symlink_to(path)
  (tmp_path / file.name).unlink()
  (tmp_path / file.name).write_bytes((whole / file.name).read_bytes()[:-100])
  with pytest.raises(
    DataError, match=rf"{file.name} is cut short: expected {file.size} bytes, found {file.size - 100}"
  ):
    source.load(tmp_path)


@sampled
def test_a_sample_in_the_publishers_own_format_is_read(source, write, tmp_path):
  table = original(source, tmp_path, write(tmp_path))
  well_formed(table)


@sampled
def test_an_original_has_the_names_and_kinds_of_this_projects_layout(source, write, tmp_path):
  if not os.environ.get("MTL_JAX_DATA"):
    pytest.skip("MTL_JAX_DATA does not name the folder with the recorded data")
  ours, theirs = source.load(), original(source, tmp_path, write(tmp_path))
  for a, b in ((ours.columns, theirs.columns), (ours.labels, theirs.labels), (ours.groups, theirs.groups)):
    assert list(a) == list(b)
    assert {n: (x.dtype.kind, x.shape[1:]) for n, x in a.items()} == {
      n: (x.dtype.kind, x.shape[1:]) for n, x in b.items()
    }
  assert ours.units == theirs.units


@sampled
def test_a_damaged_file_is_an_error_and_never_a_wrong_number(source, write, tmp_path):
  whole = tmp_path / "whole"
  whole.mkdir()
  facts = write(whole)
  right = everything(original(source, whole, facts))
  files = sorted((path for path in whole.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
  silent = []
  for file in dict.fromkeys((files[0], files[-1])):
    content = file.read_bytes()
    for name, damage in (TEXT if file.suffix.lower() in TEXTS else ANY).items():
      damaged = damage(content)
      if damaged is None:
        file.unlink()
      else:
        file.write_bytes(damaged)
      try:
        found = everything(original(source, whole, facts))
      except DataError as error:  # any other exception fails the test
        if not str(error).strip():
          silent.append(f"{file.name}: {name}, an error without a word")
      else:
        if not all(_agree(found[column], right[column]) for column in right):
          silent.append(f"{file.name}: {name}")
      file.write_bytes(content)
  assert not silent


def _agree(found: np.ndarray, right: np.ndarray) -> bool:
  """Equal, but for numbers that are now openly missing."""
  if found.shape != right.shape:
    return False
  if np.issubdtype(right.dtype, np.floating):
    return bool(((found == right) | np.isnan(found)).all())
  return bool((found == right).all())
