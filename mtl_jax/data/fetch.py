"""Downloads a data set from its publisher: resumable, checked, and all of it or nothing."""

import json
import logging
import os
import shutil
import zipfile
from pathlib import Path

import pooch
import requests
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

from mtl_jax.data.folder import DataError, sha256_of
from mtl_jax.data.source import Remote, Source

_BLOCK = 1 << 14  # bytes; what came of a block is lost when the connection breaks


def _resume(url: str, part: Path, console: Console) -> None:
  """Downloads to `part`, going on where an earlier attempt broke off.

  A publisher that offers another file by now (another ETag), or no ranges, starts afresh.
  """
  tag = part.with_name(part.name + ".etag")
  have = part.stat().st_size if part.exists() else 0
  headers = {"Accept-Encoding": "identity"}
  if have and tag.exists():
    headers |= {"Range": f"bytes={have}-", "If-Range": tag.read_text()}
  with requests.get(url, headers=headers, stream=True, timeout=30) as response:
    response.raise_for_status()
    went_on = response.status_code == requests.codes.partial_content
    have = have if went_on else 0
    if not went_on and "ETag" in response.headers:
      tag.write_text(response.headers["ETag"])
    total = have + int(response.headers["Content-Length"]) if "Content-Length" in response.headers else None
    columns = ("[progress.description]{task.description}", BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with part.open("ab" if went_on else "wb") as out, Progress(*columns, TimeRemainingColumn(), console=console) as bar:
      task = bar.add_task(part.stem, total=total, completed=have)
      for block in response.iter_content(_BLOCK):
        out.write(block)
        bar.advance(task, len(block))
  found = part.stat().st_size
  if total is not None and found != total:
    raise requests.ConnectionError(f"the connection broke after {found} of {total} bytes")


def _download(remote: Remote, folder: Path, console: Console) -> Path:
  part, size = folder / f"{remote.name}.part", 0

  def downloader(url: str, output_file: str, _: object) -> None:
    nonlocal size
    _resume(url, part, console)
    size = part.stat().st_size
    os.replace(part, output_file)
    part.with_name(part.name + ".etag").unlink(missing_ok=True)

  pooch.get_logger().setLevel(logging.WARNING)
  known = None if remote.sha256 is None else f"sha256:{remote.sha256}"
  try:
    return Path(pooch.retrieve(remote.url, known, remote.name, folder, downloader=downloader))
  except requests.RequestException as error:
    raise DataError(
      f"{remote.url}: {error}. What came so far is kept in {folder}: the same command goes on from there"
    ) from None
  except ValueError as error:  # pooch's word for another checksum
    raise DataError(f"{remote.url}: {size} bytes came and were not kept: {error}") from None


def _unpack(archive: Path, folder: Path) -> None:
  """Everything in a .zip, and in the .zip files within it."""
  try:
    with zipfile.ZipFile(archive) as packed:
      packed.extractall(folder)
      # A Mac adds a folder of its own, with names of files that are not what they are called.
      inner = [folder / n for n in packed.namelist() if n.lower().endswith(".zip") and not n.startswith("__MACOSX")]
  except (zipfile.BadZipFile, EOFError, OSError) as error:
    found = archive.stat().st_size
    raise DataError(
      f"{archive} ({found} bytes, sha256 {sha256_of(archive)}) is no complete zip file: {error}"
    ) from None
  for path in inner:
    _unpack(path, path.parent)
    path.unlink()


def _arrange(source: Source, folder: Path) -> None:
  """Brings files that this project reads by name up from the folders of an archive."""
  for file in source.files:
    found = sorted(folder.rglob(Path(file.name).name))
    if found and not (folder / file.name).exists():
      (folder / file.name).parent.mkdir(parents=True, exist_ok=True)
      os.replace(found[0], folder / file.name)


def fetch(source: Source, root: Path, console: Console | None = None) -> Path:
  """Downloads `source` into `root/<name>` and checks it by reading it.

  The folder appears when all of it is there and has been read; until then what was
  downloaded waits in `root/<name>.part`, and another call goes on from there.

  Returns:
    The folder. `fetched.json` in it has the address, size and sha256 of each download.

  Raises:
    DataError: the set cannot be downloaded without a person, the folder exists, the
      connection broke, or what came is not what its publisher states.
  """
  console = console or Console()
  target = root / source.name
  if not source.remote:
    raise DataError(f"{source.name} cannot be fetched: {source.by_hand} ({source.publisher})")
  if target.exists():
    raise DataError(f"{target} exists: `check {source.name}` reads it; move it away to download it again")
  staged = root / f"{source.name}.part"
  staged.mkdir(parents=True, exist_ok=True)
  fetched = []
  for remote in source.remote:
    path = _download(remote, staged, console)
    fetched.append({"url": remote.url, "bytes": path.stat().st_size, "sha256": sha256_of(path)})
    if path.suffix == ".zip":
      _unpack(path, staged)
  if source.original is None:
    _arrange(source, staged)
  try:
    source.load(staged)
  except DataError as error:
    raise DataError(
      f"what {source.publisher} offers now is not what was expected: {error}. It is left in {staged}"
    ) from None
  (staged / "fetched.json").write_text(json.dumps(fetched, indent=1) + "\n")
  for remote in source.remote:
    if remote.name.endswith(".zip"):
      (staged / remote.name).unlink()
  shutil.move(staged, target)
  return target
