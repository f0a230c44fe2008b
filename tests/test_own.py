"""A user's own table: every format and address gives the same table, and every mistake is named."""

import dataclasses
import logging

import jax
import numpy as np
import pandas as pd
import pyarrow as arrow
import pyarrow.dataset as ds
import pyarrow.feather as feather
import pyarrow.parquet as parquet
import pytest
import tyro
from conftest import ROOT

from mtl_jax import build
from mtl_jax import config as c
from mtl_jax.data import Column, DataError, files, own

NAMES = {"unit": "machine", "time": "hour", "features": ("load", "heat"), "target": "wear"}


def table(machines=(3, 1, 2), rows: int = 5, seed: int = 0) -> pd.DataFrame:
  rng = np.random.default_rng(seed)
  count = len(machines) * rows
  return pd.DataFrame(
    {
      "machine": np.repeat(machines, rows),
      "hour": np.tile(np.arange(rows), len(machines)),
      "load": rng.uniform(0.0, 1.0, count).round(6),
      "heat": rng.normal(60.0, 5.0, count).round(6),
      "wear": rng.uniform(0.0, 2.0, count).round(6),
      "note": "a, b",
    }
  )


def write(frame: pd.DataFrame, path) -> str:
  if path.suffix == ".csv":
    frame.to_csv(path, index=False)
  elif path.suffix == ".parquet":
    parquet.write_table(arrow.Table.from_pandas(frame, preserve_index=False), path)
  else:
    feather.write_feather(frame, path)
  return str(path)


def assert_same(one, other):
  for part in ("columns", "labels", "groups"):
    a, b = getattr(one, part), getattr(other, part)
    assert list(a) == list(b)
    for name in a:
      assert a[name].dtype == b[name].dtype, name
      np.testing.assert_array_equal(a[name], b[name])


@pytest.fixture
def plain(tmp_path):
  return own.read(write(table(), tmp_path / "plain.parquet"), **NAMES)


def test_the_table_has_what_was_asked_for_under_the_names_that_tasks_use(plain):
  frame = table()
  assert list(plain.columns) == ["load", "heat"] and list(plain.labels) == ["wear"]
  assert list(plain.groups) == ["unit", "time"]
  np.testing.assert_array_equal(plain.groups["unit"], frame["machine"])
  np.testing.assert_array_equal(plain.columns["heat"], frame["heat"])
  assert plain.groups["unit"].dtype == np.int64 and plain.labels["wear"].dtype == np.float64


@pytest.mark.parametrize("ending", ["csv", "arrow", "feather", "parquet"])
def test_every_format_gives_the_same_table(plain, tmp_path, ending):
  path = write(table(), tmp_path / f"t.{ending}")
  assert_same(own.read(path, **NAMES), plain)
  assert_same(own.read(f"file://{path}", **NAMES), plain)


@pytest.mark.parametrize("format", ["parquet", "csv"])
def test_a_partitioned_folder_is_one_table_and_its_folders_names_are_columns(tmp_path, format):
  frame = table(machines=(1, 2, 3))
  whole = own.read(write(frame, tmp_path / "whole.parquet"), **NAMES)
  parts = tmp_path / "parts"
  schema = arrow.schema([("machine", arrow.int64())])
  ds.write_dataset(
    arrow.Table.from_pandas(frame, preserve_index=False),
    parts,
    format=format,
    partitioning=ds.partitioning(schema, flavor="hive"),
  )
  (parts / "_SUCCESS").touch()
  (parts / ".hidden.parquet").touch()
  assert (parts / "machine=2").is_dir()
  found = own.read(str(parts), **NAMES)
  order = np.lexsort((found.groups["time"], found.groups["unit"]))
  assert_same(found.take(order)._replace(groups={n: g[order].astype(np.int64) for n, g in found.groups.items()}), whole)


def test_a_folder_whose_name_holds_a_column_that_was_not_asked_for_is_read_all_the_same(plain, tmp_path):
  for half, rows in enumerate((slice(0, 7), slice(7, None))):
    (tmp_path / "set" / f"half={half}").mkdir(parents=True)
    write(table()[rows], tmp_path / "set" / f"half={half}" / "part.csv")
  assert_same(own.read(str(tmp_path / "set"), **NAMES), plain)


@pytest.fixture
def bucket(monkeypatch):
  """s3://plant on a server of our own."""
  server_module = pytest.importorskip("moto.server")
  boto3 = pytest.importorskip("boto3")
  pytest.importorskip("s3fs")
  for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
    monkeypatch.setenv(name, "testing")
  monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
  server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
  server.start()
  try:
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    client = boto3.client("s3", endpoint_url=address)
    client.create_bucket(Bucket="plant")
    yield client
  finally:
    server.stop()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_table_on_s3_is_the_table_on_disk(bucket, plain, tmp_path):
  bucket.upload_file(write(table(), tmp_path / "t.parquet"), "plant", "one/t.parquet")
  assert_same(own.read("s3://plant/one/t.parquet", **NAMES), plain)
  for machine, part in table().groupby("machine", sort=False):
    name = f"machine={machine}/part-0.csv"
    path = tmp_path / f"{machine}.csv"
    part.drop(columns="machine").to_csv(path, index=False)
    bucket.upload_file(str(path), "plant", f"many/{name}")
  found = own.read("s3://plant/many", **NAMES)
  assert found.rows == plain.rows
  np.testing.assert_array_equal(np.sort(found.columns["heat"]), np.sort(plain.columns["heat"]))
  with pytest.raises(DataError, match=r"no such file.*did you mean 'many'"):
    own.read("s3://plant/mnay", **NAMES)


def test_text_units_dates_and_text_labels_are_read_from_every_format(tmp_path):
  frame = table()
  frame["machine"] = [f"press {m}" for m in frame["machine"]]
  frame["hour"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(frame["hour"], "h")
  frame["wear"] = np.where(frame["wear"] > 1, "worn", "new")
  tables = [own.read(write(frame, tmp_path / f"t.{ending}"), **NAMES) for ending in ("parquet", "csv", "arrow")]
  assert tables[0].groups["time"].dtype == "datetime64[ns]"
  assert set(tables[0].labels["wear"]) == {"new", "worn"}
  for other in tables[1:]:
    assert_same(other, tables[0])


def test_numbers_with_leading_zeros_are_names(tmp_path):
  path = tmp_path / "t.csv"
  path.write_text("machine,hour,load,heat,wear\n007,0,1,1,1\n07,0,1,1,1\n")
  assert own.read(str(path), **NAMES).groups["unit"].tolist() == ["007", "07"]


def test_units_and_times_too_large_for_a_float_stay_apart(tmp_path):
  frame = table(machines=(2**60, 2**60 + 1), rows=2)
  frame["hour"] = 2**60 + np.arange(4) % 2
  found = own.read(write(frame, tmp_path / "t.parquet"), **NAMES)
  assert found.groups["unit"].tolist() == frame["machine"].tolist()
  assert found.groups["time"].tolist() == frame["hour"].tolist()
  text = own.read(write(frame.assign(hour=[0, 1, 0, 1]), tmp_path / "t.csv"), **NAMES)
  assert len(set(text.groups["unit"])) == 2


def test_times_with_a_zone_are_taken_in_utc(tmp_path):
  frame = table(machines=(1,), rows=3)
  local = pd.date_range("2026-01-01", periods=3, freq="h", tz="Europe/Berlin")
  path = write(frame.assign(hour=local), tmp_path / "t.parquet")
  np.testing.assert_array_equal(own.read(path, **NAMES).groups["time"], local.tz_convert(None).to_numpy())
  path = write(frame.assign(hour=[t.isoformat() for t in local]), tmp_path / "t.csv")
  np.testing.assert_array_equal(own.read(path, **NAMES).groups["time"], local.tz_convert(None).to_numpy())


def spoilt(column: str, row: int, value) -> pd.DataFrame:
  frame = table()
  frame[column] = frame[column].astype(object)
  frame.loc[row, column] = value
  return frame


@pytest.mark.parametrize(
  ("frame", "said"),
  [
    (spoilt("heat", 3, "hot"), r"column 'heat', row 4 is 'hot', must be a number"),
    (spoilt("heat", 3, None), r"column 'heat', row 4 must not be missing"),
    (spoilt("heat", 3, np.inf), r"column 'heat', row 4 is inf, must be finite"),
    (spoilt("heat", 3, 1e6), r"column 'heat', row 4 is 1000000\.0, must lie in -50 to 400"),
    (spoilt("wear", 7, None), r"column 'wear', row 8 must not be missing"),
    (spoilt("wear", 7, "?"), r"column 'wear', row 8 is '\?', must be a number"),
    (spoilt("hour", 0, "late"), r"column 'hour', row 1 is 'late', must be a integer"),
    (spoilt("hour", 6, 0), r"row 7 repeats machine = 1, hour = 0 of row 6; 1 rows repeat"),
    (spoilt("machine", 2, None), r"column 'machine', row 3 must not be missing"),
    (table().assign(heat=None), r"column 'heat' has no value in any row"),
    (table().iloc[:0], r"no rows"),
  ],
)
def test_a_bad_value_is_named_with_its_column_its_row_and_the_rule(tmp_path, frame, said):
  rules = {"heat": Column("°C", -50.0, 400.0)}
  with pytest.raises(DataError, match=said):
    own.read(write(frame, tmp_path / "t.csv"), **NAMES, rules=rules)


def test_a_bad_value_in_a_folder_is_named_with_its_file_and_the_row_there(tmp_path):
  write(table((1, 2)), tmp_path / "a.parquet")
  bad = table((3,))
  bad.loc[2, "heat"] = np.nan
  write(bad, tmp_path / "b.parquet")
  with pytest.raises(DataError, match=r"b\.parquet: column 'heat', row 3 must not be missing"):
    own.read(str(tmp_path), **NAMES)
  write(table((2, 4)), tmp_path / "b.parquet")
  said = r"b\.parquet, row 1 repeats machine = 2, hour = 0 of a\.parquet, row 6; 5 rows"
  with pytest.raises(DataError, match=said):
    own.read(str(tmp_path), **NAMES)


def test_a_missing_value_is_let_through_where_the_rule_says_so(tmp_path):
  frame = table()
  frame.loc[4, ["heat", "wear"]] = np.nan
  rules = {"heat": Column("°C", missing=True), "wear": Column("mm", missing=True)}
  found = own.read(write(frame, tmp_path / "t.csv"), **NAMES, rules=rules)
  assert np.flatnonzero(np.isnan(found.columns["heat"])).tolist() == [4]
  assert np.flatnonzero(np.isnan(found.labels["wear"])).tolist() == [4]
  assert found.units["heat"] == "°C"


@pytest.mark.parametrize("ending", ["csv", "parquet", "arrow"])
def test_an_unknown_column_is_answered_with_the_nearest(tmp_path, ending):
  path = write(table(), tmp_path / f"t.{ending}")
  with pytest.raises(DataError, match=r"has no column 'haet'; did you mean 'heat'\? the columns are machine, hour"):
    own.read(path, **NAMES | {"features": ("haet",)})


def test_a_file_without_a_column_that_others_have_is_named(tmp_path):
  write(table((1,)), tmp_path / "a.parquet")
  write(table((2,)).drop(columns="heat"), tmp_path / "b.parquet")
  with pytest.raises(DataError, match=r"b\.parquet: has no column 'heat'"):
    own.read(str(tmp_path), **NAMES)


def test_a_column_of_another_type_in_some_file_is_refused_or_made_one(tmp_path):
  write(table((1,)).assign(heat=60), tmp_path / "a.parquet")
  write(table((2,)), tmp_path / "b.parquet")
  found = own.read(str(tmp_path), **NAMES)
  assert found.columns["heat"][:5].tolist() == [60.0] * 5 and len(found.columns["heat"]) == 10
  write(table((2,)).assign(heat="hot"), tmp_path / "b.parquet")
  with pytest.raises(DataError, match="heat"):
    own.read(str(tmp_path), **NAMES)


def test_a_wrong_path_is_answered_with_what_there_is_and_the_nearest(tmp_path):
  path = write(table(), tmp_path / "presses.parquet")
  with pytest.raises(DataError, match=r"did you mean 'presses\.parquet'\? there are presses\.parquet"):
    own.read(path.replace("presses", "prseses"), **NAMES)
  (tmp_path / "empty").mkdir()
  with pytest.raises(DataError, match="no such file, nor a folder with files"):
    own.read(str(tmp_path / "empty"), **NAMES)
  with pytest.raises(DataError, match=r"there is no hfds://; did you mean 'hdfs'"):
    own.read("hfds://plant/t.parquet", **NAMES)


def test_files_that_cannot_be_read_are_refused_by_name(tmp_path):
  (tmp_path / "t.xlsx").write_bytes(b"PK")
  with pytest.raises(DataError, match=r"has no \.parquet, .* it has /t\.xlsx"):
    own.read(str(tmp_path), **NAMES)
  with pytest.raises(DataError, match=r"the name must end in \.parquet"):
    own.read(str(tmp_path / "t.xlsx"), **NAMES)
  for name in ("t.parquet", "t.arrow", "t.csv"):
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(DataError, match=rf"t\.{name[2:]} cannot be read as"):
      own.read(str(tmp_path / name), **NAMES)
  write(table(), tmp_path / "u.csv")
  write(table(), tmp_path / "u.parquet")
  with pytest.raises(DataError, match="several formats"):
    own.read(str(tmp_path), **NAMES)


def test_a_line_with_a_field_too_few_is_refused(tmp_path):
  path = tmp_path / "t.csv"
  path.write_text("machine,hour,load,heat,wear\n1,0,1,1,1\n1,1,1,1\n")
  with pytest.raises(DataError, match=r"Expected 5 columns, got 4"):
    own.read(str(path), **NAMES)


def test_a_package_that_is_not_installed_is_named_with_the_way_to_get_it(monkeypatch):
  def absent(path):
    raise ImportError("Please install gcsfs to access Google Storage")

  monkeypatch.setattr(files.fsspec.core, "url_to_fs", absent)
  with pytest.raises(DataError, match=r"pip install 'mtl-jax\[remote\]'"):
    own.read("gs://plant/t.parquet", **NAMES)


@pytest.mark.parametrize(
  "wrong",
  [
    {"features": ()},
    {"features": ("load", "wear")},
    {"features": ("load", "machine")},
    {"features": ("load", "load")},
    {"target": "hour"},
    {"rules": {"haet": Column()}},
  ],
)
def test_a_column_in_two_roles_is_refused(tmp_path, wrong):
  with pytest.raises(ValueError, match=r"features|target|rules"):
    own.read(write(table(), tmp_path / "t.csv"), **NAMES | wrong)


# Tasks from a table: a config, and the folds that it is built into.


def config(path: str, **fields) -> c.Config:
  tasks = c.Own(path=path, **NAMES, shots=(1, 3), queries=2, validation=0.25, test=0.25)
  return c.Config(
    "own",
    dataclasses.replace(tasks, **fields),
    c.MLP(hidden=(8,), norm="none"),
    c.Maml(inner_steps=1),
    controls=(),
    training=c.Training(steps=2, tasks_per_step=2, seeds=1, chunk_steps=2, validation_episodes=4),
    evaluation=c.Evaluation(shots=(1, 4), episodes=20, adaptation_steps=(0, 1), adaptation_shots=4),
  )


def drawn(family, n: int = 200):
  return jax.tree.map(np.asarray, jax.jit(jax.vmap(family.sample))(jax.random.split(jax.random.key(0), n)))


MACHINES = tuple(range(12))


def test_training_validation_and_test_have_units_of_their_own(tmp_path):
  path = write(table(MACHINES, rows=12), tmp_path / "t.parquet")
  (fold,) = build.folds(config(path))
  (held,) = fold.tests.values()
  units = [set(drawn(family).task.tolist()) for family in (fold.train, fold.validation, held.family(4))]
  assert list(map(len, units)) == [6, 3, 3]
  assert set.union(*units) == set(MACHINES)
  other = drawn(build.folds(config(path, split_seed=1))[0].train).task
  assert set(other.tolist()) != units[0]


def test_numbers_are_standardised_by_the_training_units_alone(tmp_path):
  frame = table(MACHINES, rows=8)
  path = write(frame, tmp_path / "t.parquet")
  (fold,) = build.folds(config(path))
  learned = sorted(set(drawn(fold.train).task.tolist()))
  rows = frame[frame["machine"].isin(learned)]
  (held,) = fold.tests.values()
  episode = drawn(held.family(4), 20)
  for one in range(20):
    unit = frame[frame["machine"] == episode.task[one]].sort_values("hour")
    for column, found in (("heat", episode.query.x[one, :, 1]), ("wear", episode.query.y[one, :, 0])):
      expected = ((unit[column] - rows[column].mean()) / rows[column].std(ddof=0)).to_numpy(np.float32)
      at = int(np.abs(expected - found[0]).argmin())
      np.testing.assert_allclose(found, expected[at : at + 2], rtol=1e-4, atol=1e-5)
      assert at >= 4  # four rows come before the first that is asked


@pytest.mark.parametrize(
  ("target", "predict", "classes"),
  [
    (lambda f: np.where(f.wear > 1, "worn", "new"), "auto", ("wear new", "wear worn")),
    (lambda f: (f.wear > 1).astype(int), "auto", ("wear 0", "wear 1")),
    (lambda f: (f.wear > 1).map({True: "1.0", False: "0.0"}).astype(float), "auto", ("wear 0", "wear 1")),
    (lambda f: (f.wear > 1).astype(int) * 5, "values", ()),
    (lambda f: np.arange(len(f)), "auto", ()),
    (lambda f: np.arange(len(f)) % 25, "classes", tuple(f"wear {i}" for i in range(25))),
    (lambda f: f.wear, "auto", ()),
  ],
)
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_the_target_says_whether_classes_or_numbers_are_predicted(tmp_path, target, predict, classes, ending):
  frame = table(MACHINES, rows=8)
  job = config(write(frame.assign(wear=target(frame)), tmp_path / f"t.{ending}"), predict=predict)
  (fold,) = build.folds(job)
  assert next(iter(fold.tests.values())).labels == classes
  assert drawn(fold.train, 3).query.y.dtype == (np.int32 if classes else np.float32)
  params = build.trained(job)[0].init(jax.random.key(0))
  assert params["params"]["head"]["bias"].shape == (len(classes) or 1,)


def test_a_unit_with_too_few_rows_is_left_out_and_said_so(tmp_path, caplog):
  frame = table(MACHINES, rows=8)
  frame = frame[(frame["machine"] != 3) | (frame["hour"] < 5)]
  with caplog.at_level(logging.WARNING):
    (fold,) = build.folds(config(write(frame, tmp_path / "t.parquet")))
  assert "1 of 12 units have fewer than 6 rows and are left out: 3" in caplog.text
  (held,) = fold.tests.values()
  everyone = [drawn(family).task for family in (fold.train, fold.validation, held.family(4))]
  assert set(np.concatenate(everyone).tolist()) == set(MACHINES) - {3}


def test_rows_with_a_missing_value_are_left_out_where_the_rule_lets_them_through(tmp_path):
  frame = table(MACHINES, rows=14)
  frame.loc[frame["hour"] % 2 == 1, "heat"] = np.nan
  path = write(frame, tmp_path / "t.csv")
  with pytest.raises(DataError, match="column 'heat', row 2 must not be missing"):
    build.folds(config(path))
  (fold,) = build.folds(config(path, rules=(c.Rule("heat", missing=True),)))
  episode = drawn(fold.train)
  assert episode.query.mask.all() and np.isfinite(episode.query.x).all()


@pytest.mark.parametrize(
  ("frame", "fields", "said"),
  [
    (table((1, 2), rows=8), {}, r"2 of 2 units have the 6 complete rows"),
    (table(MACHINES, rows=3), {}, r"0 of 12 units have"),
    (table(MACHINES, rows=8), {"predict": "classes"}, r"holds numbers with a fraction; classes are 2 to 200"),
    (table(MACHINES, rows=8).assign(wear="new"), {}, r"holds 1 different value"),
    (table(MACHINES, rows=8).assign(wear="new"), {"predict": "values"}, r"holds text; 'classes'"),
  ],
)
def test_a_table_that_cannot_be_learned_from_is_refused_with_a_way_out(tmp_path, frame, fields, said):
  with pytest.raises(c.ConfigError, match=said):
    build.folds(config(write(frame, tmp_path / "t.parquet"), **fields))


def test_prototypes_of_numbers_are_refused(tmp_path):
  job = config(write(table(MACHINES, rows=8), tmp_path / "t.parquet"))
  with pytest.raises(c.ConfigError, match="prototypes need classes"):
    build.folds(dataclasses.replace(job, algorithm=c.ProtoNet()))


@pytest.mark.parametrize(
  ("fields", "field"),
  [
    ({"shots": (0, 3)}, "tasks.shots"),
    ({"shots": (4, 3)}, "tasks.shots"),
    ({"queries": 0}, "tasks.queries"),
    ({"gap": -1}, "tasks.gap"),
    ({"test": 0.0}, "tasks.test"),
    ({"validation": 0.6, "test": 0.6}, "tasks.test"),
    ({"validation": 0.5, "test": 0.5}, "tasks.test"),
    ({"features": ()}, "tasks.features"),
    ({"features": ("load", "wear")}, "tasks.features"),
    ({"features": ("load", "load")}, "tasks.features"),
    ({"time": "machine"}, "tasks.target"),
    ({"rules": (c.Rule("haet"),)}, r"tasks.rules.0.column"),
  ],
)
def test_a_bad_field_of_the_config_is_refused_by_name(fields, field):
  c.validate(config("t.parquet"))
  with pytest.raises(c.ConfigError, match=f"^{field}="):
    c.validate(config("t.parquet", **fields))


def test_the_example_takes_another_table_from_the_command_line(tmp_path):
  example, _ = c.load(ROOT / "configs" / "own_table.py")
  path = write(table(MACHINES, rows=30), tmp_path / "t.csv")
  said = f"--tasks.path {path} --tasks.unit machine --tasks.time hour --tasks.features load heat --tasks.target wear"
  changed = tyro.cli(c.Config, args=said.split(), default=example, config=(tyro.conf.AvoidSubcommands,))
  c.validate(changed)
  (fold,) = build.folds(changed)
  assert drawn(fold.train, 3).query.x.shape == (3, 10, 2)
