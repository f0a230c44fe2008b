"""The readers against the publishers' facts, and folders that are wrong or cut short."""

import csv
import hashlib
import os
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from mtl_jax.data import DataError, Table, cwru, mfpt
from mtl_jax.data.folder import File, checked

real = pytest.mark.skipif(
  "MTL_JAX_DATA" not in os.environ, reason="MTL_JAX_DATA does not name the folder with the recorded data"
)
CONTENT = b"windows of vibration"
FILES = (File("a.npz", len(CONTENT), hashlib.sha256(CONTENT).hexdigest()),)


def written(folder: Path, content: bytes) -> Path:
  (folder / "a.npz").write_bytes(content)
  return folder


def test_an_intact_folder_is_found_by_the_variable_and_by_name(tmp_path, monkeypatch):
  (tmp_path / "set").mkdir()
  written(tmp_path / "set", CONTENT)
  monkeypatch.setenv("MTL_JAX_DATA", str(tmp_path))
  assert checked("set", FILES, None) == checked("set", FILES, tmp_path / "set") == tmp_path / "set"


@pytest.mark.parametrize("load", [cwru.load, mfpt.load])
def test_without_the_variable_the_error_says_what_to_set(load, monkeypatch):
  monkeypatch.delenv("MTL_JAX_DATA", raising=False)
  with pytest.raises(DataError, match="MTL_JAX_DATA is not set: set it to the folder that holds"):
    load()


@pytest.mark.parametrize("load", [cwru.load, mfpt.load])
def test_a_wrong_root_is_named(load, monkeypatch, tmp_path):
  monkeypatch.setenv("MTL_JAX_DATA", str(tmp_path))
  with pytest.raises(DataError, match=f"{tmp_path}.* is not a folder: set MTL_JAX_DATA"):
    load()


@pytest.mark.parametrize(("load", "files"), [(cwru.load, cwru.FILES), (mfpt.load, mfpt.FILES)])
def test_a_folder_without_a_file_names_the_one_that_is_missing(load, files, tmp_path):
  (tmp_path / files[1].name).touch()
  with pytest.raises(DataError, match=rf"{files[0].name} is missing; expected {files[0].size} bytes"):
    load(tmp_path)


@pytest.mark.parametrize(("load", "files"), [(cwru.load, cwru.FILES), (mfpt.load, mfpt.FILES)])
def test_an_empty_folder_names_the_files_of_either_layout(load, files, tmp_path):
  with pytest.raises(DataError, match=rf"has no file .*\.mat.* {files[0].name} there"):
    load(tmp_path)


def test_a_file_cut_short_names_both_sizes_and_both_hashes(tmp_path):
  cut = CONTENT[:-5]
  with pytest.raises(DataError, match=r"a\.npz is cut short: expected 20 bytes, found 15") as caught:
    checked("set", FILES, written(tmp_path, cut))
  for content in (CONTENT, cut):
    assert hashlib.sha256(content).hexdigest() in str(caught.value)
  assert "again" in str(caught.value)


def test_a_file_of_the_right_size_with_a_changed_byte_is_refused(tmp_path):
  with pytest.raises(DataError, match=r"a\.npz is not the expected file"):
    checked("set", FILES, written(tmp_path, CONTENT[:-1] + b"?"))


@real
def test_the_real_file_cut_short_is_refused(tmp_path):
  source = Path(os.environ["MTL_JAX_DATA"]) / "cwru"
  shutil.copy(source / "index.csv", tmp_path)
  (tmp_path / cwru.FILES[0].name).write_bytes((source / cwru.FILES[0].name).read_bytes()[:100_000])
  with pytest.raises(DataError, match="cut short: expected 13093064 bytes, found 100000"):
    cwru.load(tmp_path)


def test_the_orders_are_the_published_ones_of_the_skf_6205():
  outer, inner, spin, cage = cwru.ORDERS
  assert [inner, outer, cage, 2 * spin] == pytest.approx([5.4152, 3.5848, 0.39828, 4.7135], abs=2e-4)


def test_outer_and_inner_orders_of_the_mfpt_bearing_add_up_to_its_eight_rollers():
  """BPFO = 8 (1 - 0.235 / 1.245) / 2 = 3.245, so BPFI = 4.755."""
  assert mfpt.ORDERS[:2] == pytest.approx([3.2450, 4.7550], abs=1e-4)


@pytest.fixture(scope="module")
def rig():
  return cwru.load()


def recording(table: Table, name: str) -> tuple[np.ndarray, Table]:
  """Its windows one after another, and its rows."""
  rows = table.take(table.groups["recording"] == name)
  return rows.columns["signal"][np.argsort(rows.groups["time"])].ravel(), rows


def per_recording(table: Table) -> Table:
  """The first row of each."""
  return table.take(np.unique(table.groups["recording"], return_index=True)[1])


@real
def test_cwru_has_the_61_recordings_that_its_readme_lists(rig):
  one = per_recording(rig)
  assert Counter(one.labels["fault"].tolist()) == {"healthy": 1, "ball": 16, "inner race": 16, "outer race": 28}
  race = one.take(one.labels["fault"] == "outer race").columns
  outer = set(zip(race["diameter_mil"].tolist(), race["clock"].tolist(), strict=True))
  assert outer == {(7, 3), (7, 6), (7, 12), (14, 6), (21, 3), (21, 6), (21, 12)}
  assert one.rows == 61
  assert set(one.columns["load"][one.labels["fault"] != "healthy"].tolist()) == {0.0, 1.0, 2.0, 3.0}


@real
def test_a_cwru_unit_is_one_bearing_at_all_loads(rig):
  one = per_recording(rig)
  assert Counter(Counter(one.groups["unit"].tolist()).values()) == {4: 15, 1: 1}
  for unit in set(one.groups["unit"].tolist()):
    rows = one.take(one.groups["unit"] == unit)
    assert len(set(zip(rows.labels["fault"], rows.columns["diameter_mil"], rows.columns["clock"], strict=True))) == 1


@real
def test_the_publishers_tables_are_those_of_the_index():
  """One reader takes what is known of a recording from the index, the other from the publisher's tables."""
  with (Path(os.environ["MTL_JAX_DATA"]) / "cwru" / "index.csv").open(newline="") as stream:
    index = {
      (int(row["file_no"]), row["fault"], int(row["diameter_mil"]), int(row["or_position"] or 0), int(row["load_hp"]))
      for row in csv.DictReader(stream)
    }
  assert {(n, fault, mil, clock, hp) for many, fault, mil, clock in cwru.TABLES for hp, n in enumerate(many)} == index


@real
def test_every_cwru_recording_lasts_ten_seconds_but_the_healthy_one_five(rig):
  """243,938 samples at 48 kHz are 5.08 s; at 12 kHz they would be 20.3 s. A window is 0.17 s."""
  for name in set(rig.groups["recording"].tolist()):
    signal, rows = recording(rig, name)
    seconds = signal.size / rows.columns["sampling_hz"][0]
    recorded = 5.08 if rows.labels["fault"][0] == "healthy" else 10.15
    assert recorded - 2048 / 12000 - 0.1 < seconds < recorded + 0.1
    assert rows.groups["time"].max() == pytest.approx(seconds - 2048 / 12000)


@real
def test_the_healthy_recording_has_a_line_at_its_shaft_speed_which_it_has_only_at_48_khz(rig):
  """1796 rpm = 29.93 Hz; read as 12 kHz that line would lie at 7.5 Hz."""
  signal, rows = recording(rig, "97")
  shaft_hz = rows.columns["shaft_hz"][0]
  power = np.abs(np.fft.rfft(signal * np.hanning(signal.size))) ** 2
  hertz = np.fft.rfftfreq(signal.size, 1 / rows.columns["sampling_hz"][0])
  near = (hertz > 0.8 * shaft_hz) & (hertz < 1.2 * shaft_hz)
  assert hertz[near][power[near].argmax()] == pytest.approx(shaft_hz, abs=0.4)


@real
def test_speeds_are_those_of_the_index_and_nominal_where_not_recorded(rig):
  def rpm(name: str) -> float:
    return recording(rig, name)[1].columns["shaft_hz"][0] * 60

  assert rpm("105") == pytest.approx(1797)
  assert [rpm(str(n)) for n in range(3001, 3005)] == pytest.approx([1797, 1772, 1750, 1730])


@real
def test_an_outer_race_recording_has_its_envelope_line_at_bpfo(rig):
  """Recording 130 (7 mil, 6 o'clock): a well-known clear case, read here with SciPy alone."""
  import scipy.signal

  signal, rows = recording(rig, "130")
  rate, shaft_hz = rows.columns["sampling_hz"][0], rows.columns["shaft_hz"][0]
  band = scipy.signal.sosfiltfilt(scipy.signal.butter(4, 2000, "high", fs=rate, output="sos"), signal)
  envelope = np.abs(scipy.signal.hilbert(band)) ** 2
  power = np.abs(np.fft.rfft(envelope - envelope.mean()))
  hertz = np.fft.rfftfreq(envelope.size, 1 / rate)
  low = hertz < 200
  assert hertz[low][power[low].argmax()] / shaft_hz == pytest.approx(float(rows.columns["orders"][0, 0]), rel=0.02)


@real
def test_mfpt_has_seven_loads_of_each_fault_at_a_quarter_of_the_recorded_rate():
  """146,484 samples at 48,828 Hz are 36,621 at 12,207 Hz: 17 whole windows."""
  table = mfpt.load()
  one = per_recording(table)
  inner, outer = (sorted(one.columns["load"][one.labels["fault"] == f"{part} race"]) for part in ("inner", "outer"))
  assert inner == [0, 50, 100, 150, 200, 250, 300]
  assert outer == [25, 50, 100, 150, 200, 250, 300]
  assert set(Counter(table.groups["recording"].tolist()).values()) == {17}
  assert set(one.columns["sampling_hz"]) == {12207.0} and set(one.columns["shaft_hz"]) == {25.0}
  assert table.columns["signal"].dtype == np.float32
