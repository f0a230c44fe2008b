"""The files of a table: Parquet, CSV or Arrow, one file or a partitioned folder, local or remote.

Any address that fsspec knows: a path, `file://`, `s3://bucket/folder`, `gs://`, `hdfs://`, `https://`. Where the
service lies and who may read it comes from the environment, as its own tools take it (`AWS_ENDPOINT_URL`,
`AWS_ACCESS_KEY_ID`; `GOOGLE_APPLICATION_CREDENTIALS`). A folder is read with everything below it; parts of its
names that read `machine=7` are columns.
"""

import difflib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import fsspec
import pyarrow as arrow
import pyarrow.csv
import pyarrow.dataset as ds
import pyarrow.fs

from mtl_jax.data.folder import DataError

_FORMATS = {".parquet": "parquet", ".csv": "csv", ".arrow": "ipc", ".feather": "ipc"}


class Opened(NamedTuple):
  """Files of one format whose columns were found to agree; nothing of their rows is read yet.

  Attributes:
    parts: one for each file, in the order of their names.
    files: their names, as a message shows them.
    columns: what was asked for.
    schema: name -> type of these, and of what the folders' names hold; in a CSV all are text.
    format: "parquet", "csv" or "ipc".
  """

  parts: tuple[ds.Fragment, ...]
  files: tuple[str, ...]
  columns: tuple[str, ...]
  schema: arrow.Schema
  format: str


def first_line(error: BaseException) -> str:
  """Of its message; its class where it has none."""
  return (str(error).strip() or type(error).__name__).splitlines()[0]


def near(name: str, names: Iterable[str]) -> str:
  """ ", did you mean ...?" or nothing."""
  close = difflib.get_close_matches(name, list(names), 1)
  return f"did you mean {close[0]!r}? " if close else ""


def listed(names: Sequence[str]) -> str:
  """At most twenty, and how many more there are."""
  return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")


def _files(path: str) -> tuple[Any, str, list[str]]:
  """The file system, the address within it, and the files there that can be read."""
  protocol = path.partition("://")[0] if "://" in path else "file"
  if protocol not in fsspec.available_protocols():
    known = sorted(fsspec.available_protocols())
    raise DataError(f"{path}: there is no {protocol}://; {near(protocol, known)}known are {', '.join(known)}")
  try:
    system, root = fsspec.core.url_to_fs(path)
    system.invalidate_cache()
    if system.isfile(root):
      return system, root, [root]
    found = sorted(system.find(root))
  except ImportError as error:
    raise DataError(
      f"{path}: {first_line(error)}; reading {protocol}:// needs a package that is not installed: "
      "pip install 'mtl-jax[remote]'"
    ) from None
  except Exception as error:  # each service raises classes of its own for a wrong address, name or key
    raise DataError(f"{path} cannot be opened: {type(error).__name__}: {first_line(error)}") from error
  inside = [name.removeprefix(root).strip("/") for name in found]
  shown = [name for name, short in zip(found, inside, strict=True) if not _hidden(short)]
  files = [name for name in shown if _ending(name)]
  if files:
    return system, root, files
  if shown:
    raise DataError(f"{path} has no {', '.join(_FORMATS)} file; it has {listed([n.removeprefix(root) for n in shown])}")
  parent, _, name = root.rstrip("/").rpartition("/")
  try:
    beside = sorted(entry.rstrip("/").rpartition("/")[2] for entry in system.ls(parent or "/", detail=False))
  except Exception:  # as above; then there is nothing to suggest
    beside = []
  there = f"{near(name, beside)}there are {listed(beside)}" if beside else f"there is nothing in {parent or '/'}"
  raise DataError(f"{path}: there is no such file, nor a folder with files in it; {there}")


def _hidden(name: str) -> bool:
  """What Hadoop, Spark and Delta keep beside the data."""
  return any(part.startswith((".", "_")) for part in name.split("/"))


def _ending(name: str) -> str | None:
  return next((format for ending, format in _FORMATS.items() if name.lower().endswith(ending)), None)


def _csv(names: Sequence[str]) -> ds.CsvFileFormat:
  """Everything as text, so that what is no number can be named with its row."""
  return ds.CsvFileFormat(
    convert_options=arrow.csv.ConvertOptions(
      column_types={name: arrow.string() for name in names},
      strings_can_be_null=True,
      null_values=["", "NA", "NaN", "nan"],
    )
  )


def opened(path: str, columns: Sequence[str]) -> Opened:
  """The files of a table, after a look at their columns.

  Args:
    path: a file, or a folder that holds files of one format at any depth.
    columns: what is needed; every file must have all of it, in itself or in its folder's name.

  Raises:
    DataError: no such path, a package that is not installed, files of several formats, a file
      that is not what its name says, or a column that is missing (with the nearest name).
  """
  system, root, files = _files(path)
  formats = {_ending(file): file for file in reversed(files)}
  if None in formats:
    raise DataError(f"{path}: the name must end in {', '.join(_FORMATS)}")
  if len(formats) > 1:
    raise DataError(f"{path} holds files of several formats: {listed(sorted(formats.values()))}; name one folder each")
  format = str(next(iter(formats)))
  options: dict[str, Any] = {
    "filesystem": arrow.fs.PyFileSystem(arrow.fs.FSSpecHandler(system)),
    "partitioning": ds.HivePartitioning.discover(infer_dictionary=False),
    "partition_base_dir": root,
  }
  try:
    first = ds.dataset(files, format=format, **options)
    schemas = [part.physical_schema for part in first.get_fragments()]
    inside = list(dict.fromkeys(name for schema in schemas for name in schema.names))
    if format == "csv":
      first = ds.dataset(files, format=_csv(inside), **options)
      schemas = [part.physical_schema for part in first.get_fragments()]
  except (arrow.ArrowInvalid, arrow.ArrowNotImplementedError, OSError) as error:
    raise DataError(f"{path} cannot be read as {format}: {first_line(error)}") from None
  short = tuple(file.removeprefix(root).strip("/") if file != root else path for file in files)
  partitions = [name for name in first.schema.names if name not in schemas[0].names]
  for name in columns:
    for schema, file in zip(schemas, short, strict=True):
      names = [*schema.names, *partitions]
      if name not in names:
        where = path if len(files) == 1 else f"{path}, {file}"
        raise DataError(f"{where}: has no column {name!r}; {near(name, names)}the columns are {listed(names)}")
      if names.count(name) > 1:
        raise DataError(f"{path}, {file}: column {name!r} stands there twice")
  needed = [arrow.schema([schema.field(n) for n in columns if n in schema.names]) for schema in schemas]
  needed.append(arrow.schema([first.schema.field(name) for name in partitions]))
  try:
    schema = arrow.unify_schemas(needed, promote_options="permissive")
  except (arrow.ArrowInvalid, arrow.ArrowTypeError) as error:
    raise DataError(f"{path}: a column is of another type in some files: {first_line(error)}") from None
  whole = ds.dataset(files, schema=schema, format=_csv(inside) if format == "csv" else format, **options)
  return Opened(tuple(whole.get_fragments()), short, tuple(columns), schema, format)
