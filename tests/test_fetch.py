"""Downloads from a real server on this machine: whole, broken off, altered, and gone."""

import hashlib
import http.server
import io
import json
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from rich.console import Console
from test_sources import SAMPLES, everything

from mtl_jax.data import Column, DataError, Facts, Remote, Source, Table
from mtl_jax.data.fetch import fetch
from mtl_jax.data.folder import File, read_csv, sha256_of
from mtl_jax.data.table import of_frame

CONSOLE = Console(quiet=True)


class Publisher(http.server.BaseHTTPRequestHandler):
  """Serves `content` with ranges; `breaks` times it hangs up half-way."""

  content: ClassVar[dict[str, bytes]] = {}
  breaks: ClassVar[int] = 0
  asked: ClassVar[list[str | None]] = []

  def do_GET(self) -> None:
    kind = type(self)
    kind.asked.append(self.headers["Range"])
    data = kind.content.get(self.path)
    if data is None:
      self.send_error(404)
      return
    tag = f'"{hashlib.sha256(data).hexdigest()}"'
    begin = 0
    if self.headers["Range"] and self.headers["If-Range"] == tag:
      begin = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
    self.send_response(206 if begin else 200)
    self.send_header("ETag", tag)
    self.send_header("Content-Length", str(len(data) - begin))
    self.end_headers()
    if kind.breaks:
      kind.breaks -= 1
      self.wfile.write(data[begin : begin + (len(data) - begin) // 2])
      self.wfile.flush()
      self.connection.close()
      return
    self.wfile.write(data[begin:])

  def log_message(self, format: str, *args: object) -> None:
    pass


@pytest.fixture
def publisher() -> Iterator[tuple[type[Publisher], str]]:
  kind = type("Fresh", (Publisher,), {"content": {}, "breaks": 0, "asked": []})
  with http.server.ThreadingHTTPServer(("127.0.0.1", 0), kind) as server:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield kind, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


def packed(folder: Path, within: bool = False) -> bytes:
  """The folder as a .zip; `within` puts that into another, as some publishers do."""
  stream = io.BytesIO()
  with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
    for path in sorted(folder.rglob("*")):
      archive.write(path, path.relative_to(folder))
  if not within:
    return stream.getvalue()
  outer = io.BytesIO()
  with zipfile.ZipFile(outer, "w") as archive:
    archive.writestr("Data Set/inner.zip", stream.getvalue())
  return outer.getvalue()


ROWS = 20_000


def _read(folder: Path) -> Table:
  found = sorted(folder.rglob("small.csv"))
  if not found:
    raise DataError(f"{folder} has no small.csv")
  frame = read_csv(found[0])
  return of_frame(
    frame, str(found[0]), columns={"x": Column("K", 0, 1)}, labels={}, groups={"unit": Column(kind="integer")}
  )


def small(tmp_path: Path, url: str, sha256: str | None = None) -> tuple[Source, bytes]:
  made = tmp_path / "made"
  made.mkdir()
  values = np.random.default_rng(0).random(ROWS)
  (made / "small.csv").write_text("unit,x\n" + "\n".join(f"{i},{v}" for i, v in enumerate(values)) + "\n")
  data = packed(made)
  remote = Remote(f"{url}/small.zip", sha256, "small.zip")
  return Source("small", "", url, "free", (), _read, Facts(ROWS), remote=(remote,)), data


@pytest.mark.parametrize("within", [False, True])
@pytest.mark.parametrize(("source", "write"), SAMPLES, ids=[f"{s.name}-{w.__name__}" for s, w in SAMPLES])
def test_what_the_publisher_serves_is_unpacked_and_read(source, write, within, publisher, tmp_path):
  kind, url = publisher
  made = tmp_path / "made"
  made.mkdir()
  facts = write(made)
  kind.content["/set.zip"] = packed(made, within)
  read = source.original or source.read
  files = tuple(
    File(str(path.relative_to(made)), path.stat().st_size, sha256_of(path))
    for path in made.rglob("*")
    if path.is_file()
  )
  served = source._replace(
    facts=facts,
    files=files if source.original is None else (),
    read=read,
    remote=(Remote(f"{url}/set.zip", None, "set.zip"),),
  )
  folder = fetch(served, tmp_path / "data", CONSOLE)
  assert folder == tmp_path / "data" / source.name
  found, right = everything(served.load(folder)), everything(read(made))
  assert found.keys() == right.keys()
  for name, array in found.items():
    np.testing.assert_array_equal(array, right[name])
  assert not list((tmp_path / "data").glob("*.part")) and not list(folder.glob("set.zip"))


def test_a_download_that_broke_off_goes_on_where_it_was(publisher, tmp_path):
  kind, url = publisher
  source, data = small(tmp_path, url)
  kind.content["/small.zip"], kind.breaks = data, 2
  came = []
  for _ in range(2):
    with pytest.raises(DataError, match="the same command goes on from there"):
      fetch(source, tmp_path / "data", CONSOLE)
    assert not (tmp_path / "data" / "small").exists()
    came.append((tmp_path / "data" / "small.part" / "small.zip.part").stat().st_size)
  fetch(source, tmp_path / "data", CONSOLE)
  assert kind.asked == [None, f"bytes={came[0]}-", f"bytes={came[1]}-"]
  assert 0.4 * len(data) < came[0] < came[1] < len(data)
  noted = json.loads((tmp_path / "data" / "small" / "fetched.json").read_text())
  assert noted == [{"url": f"{url}/small.zip", "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}]


def test_a_file_that_changed_between_two_attempts_is_not_spliced(publisher, tmp_path):
  kind, url = publisher
  source, data = small(tmp_path, url)
  kind.content["/small.zip"], kind.breaks = data[:-1] + b"?", 1
  with pytest.raises(DataError):
    fetch(source, tmp_path / "data", CONSOLE)
  kind.content["/small.zip"] = data
  assert fetch(source, tmp_path / "data", CONSOLE).is_dir()


def test_another_checksum_is_named_with_what_was_found_and_nothing_is_kept(publisher, tmp_path):
  kind, url = publisher
  source, data = small(tmp_path, url, sha256="0" * 64)
  kind.content["/small.zip"] = data
  with pytest.raises(DataError, match=f"{len(data)} bytes came") as caught:
    fetch(source, tmp_path / "data", CONSOLE)
  assert "0" * 64 in str(caught.value) and hashlib.sha256(data).hexdigest() in str(caught.value)
  assert not (tmp_path / "data" / "small").exists()
  assert not list((tmp_path / "data" / "small.part").glob("small.zip*"))


def test_content_that_is_not_what_the_publisher_states_never_becomes_the_folder(publisher, tmp_path):
  kind, url = publisher
  source, data = small(tmp_path, url)
  kind.content["/small.zip"] = data
  with pytest.raises(DataError, match=f"{ROWS} rows, expected {ROWS + 1}"):
    fetch(source._replace(facts=Facts(ROWS + 1)), tmp_path / "data", CONSOLE)
  assert not (tmp_path / "data" / "small").exists()


@pytest.mark.parametrize("data", [b"", b"<html>please log in</html>", b"PK\x03\x04 and no more"])
def test_something_else_than_a_zip_is_named(data, publisher, tmp_path):
  kind, url = publisher
  source, _ = small(tmp_path, url)
  kind.content["/small.zip"] = data
  with pytest.raises(DataError, match=r"small.zip \(.*is no complete zip file"):
    fetch(source, tmp_path / "data", CONSOLE)


def test_an_address_that_is_gone_is_named(publisher, tmp_path):
  _, url = publisher
  source, _ = small(tmp_path, url)
  with pytest.raises(DataError, match=r"small\.zip: 404"):
    fetch(source, tmp_path / "data", CONSOLE)


def test_a_set_that_needs_a_person_says_what_to_do(tmp_path):
  source, _ = small(tmp_path, "http://127.0.0.1:1")
  with pytest.raises(DataError, match="log in and accept"):
    fetch(source._replace(remote=(), by_hand="log in and accept"), tmp_path, CONSOLE)


def test_a_set_that_is_here_is_not_downloaded_over(publisher, tmp_path):
  _, url = publisher
  source, _ = small(tmp_path, url)
  (tmp_path / "data" / "small").mkdir(parents=True)
  with pytest.raises(DataError, match="exists"):
    fetch(source, tmp_path / "data", CONSOLE)
