"""What is known of a data set: who publishes it, on what terms, where it lies and how it is read."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from mtl_jax.data.folder import DataError, File, check_file, place_of
from mtl_jax.data.table import Facts, Table, check


class Remote(NamedTuple):
  """A file at its publisher's.

  Attributes:
    url: where it is downloaded from.
    sha256: hexadecimal; None where none is known: the content is then checked against `Source.facts`
      and the sha256 that was found is kept beside it, for the next time.
    name: what it is called in the data set's folder; a .zip is unpacked there.
  """

  url: str
  sha256: str | None
  name: str


class Source(NamedTuple):
  """A data set.

  Attributes:
    name: of its folder under `MTL_JAX_DATA`.
    title: a line on what it is.
    publisher: address of the page that describes it.
    licence: as the publisher states it.
    files: this project's own layout, with the checksums of its README.
    read: read(folder) -> Table of that layout.
    original: original(folder) -> Table of the publisher's own files; None where they are `files`.
    facts: what the publisher states.
    original_facts: the same of `original`, where `files` are a part of it only.
    remote: what `fetch` downloads; () where that cannot be done without a person.
    by_hand: what that person does then.
  """

  name: str
  title: str
  publisher: str
  licence: str
  files: tuple[File, ...]
  read: Callable[[Path], Table]
  facts: Facts
  original: Callable[[Path], Table] | None = None
  original_facts: Facts | None = None
  remote: tuple[Remote, ...] = ()
  by_hand: str = ""

  def load(self, folder: str | os.PathLike[str] | None = None) -> Table:
    """The data set, read from either layout.

    Args:
      folder: its own folder; None takes `$MTL_JAX_DATA/<name>`.

    Raises:
      DataError: absent, cut short, altered, or not what its publisher states; the message
        names the file, or the column, row and rule.
    """
    place = place_of(self.name, folder)
    try:
      for file in self.files:
        check_file(place / file.name, file)
    except DataError as ours:
      if self.original is None:
        raise
      try:  # a publisher may use the same name for other bytes
        return check(self.original(place), self.original_facts or self.facts, str(place))
      except DataError as theirs:
        if any((place / file.name).exists() for file in self.files):
          raise ours from theirs
        raise DataError(f"{theirs}; nor is {self.files[0].name} there") from None
    return check(self.read(place), self.facts, str(place))
