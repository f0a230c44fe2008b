"""Thirty and more ways in which a data file arrives broken.

Each takes the bytes of a file and returns what stands there instead, None for no file at all.
"""

import gzip
import re
from collections.abc import Callable

Damage = Callable[[bytes], bytes | None]

_PAGE = b"<!DOCTYPE html>\n<html><head><title>503</title></head>\n<body>Service unavailable</body></html>\n"


def _lines(data: bytes) -> list[bytes]:
  return data.splitlines(keepends=True)


def _delimiter(data: bytes) -> bytes:
  line = _lines(data)[len(_lines(data)) // 2]
  return max((b",", b";", b"\t", b":", b" "), key=line.count)


def _fields(line: bytes, by: bytes) -> list[bytes]:
  return re.split(rb"[ \t]+", line.strip()) if by in b" \t" else line.rstrip(b"\r\n").split(by)


def _on_line(change: Callable[[list[bytes]], list[bytes]], *, every: bool = False) -> Damage:
  """Changes the fields of the line in the middle, or of every line."""

  def damaged(data: bytes) -> bytes:
    lines, by = _lines(data), _delimiter(data)
    middle = len(lines) // 2
    for i, line in enumerate(lines):
      if every or i == middle:
        lines[i] = by.join(change(_fields(line, by))) + b"\n"
    return b"".join(lines)

  return damaged


def _on_number(change: Callable[[bytes], bytes], *, every: bool = False) -> Damage:
  """Changes the last number of the line in the middle, or every number after the first line."""

  def damaged(data: bytes) -> bytes:
    by = _delimiter(data)

    def number(field: bytes) -> bool:
      return re.fullmatch(rb"\s*-?[\d.]+([eE][+-]?\d+)?\s*", field) is not None

    def some(fields: list[bytes]) -> list[bytes]:
      places = [i for i, field in enumerate(fields) if number(field)]
      for place in places if every else places[-1:]:
        fields[place] = change(fields[place].strip())
      return fields

    lines = _lines(data)
    middle = len(lines) // 2
    for i, line in enumerate(lines):
      if (every and i) or (not every and i == middle):
        lines[i] = by.join(some(_fields(line, by))) + b"\n"
    return b"".join(lines)

  return damaged


def _blank_column(data: bytes) -> bytes:
  """The last column that is a number, blanked below the header."""
  by = _delimiter(data)
  lines = _lines(data)
  width = len(_fields(lines[-1], by))
  for i in range(1, len(lines)):
    fields = _fields(lines[i], by)
    if len(fields) == width:
      fields[-1] = b"" if by not in b" \t" else b"nan"
    lines[i] = by.join(fields) + b"\n"
  return b"".join(lines)


def _cut_line(data: bytes) -> bytes:
  return data[: data.rstrip().rfind(_delimiter(data))]


def _drop_tenth(data: bytes) -> bytes:
  lines = _lines(data)
  return b"".join(lines[: -max(1, len(lines) // 10)])


def _drop_middle(data: bytes) -> bytes:
  lines = _lines(data)
  del lines[len(lines) // 2]
  return b"".join(lines)


def _twice(data: bytes) -> bytes:
  lines = _lines(data)
  return b"".join(lines[: len(lines) // 2 + 1] + lines[len(lines) // 2 :])


def _all_twice(data: bytes) -> bytes:
  return data + b"".join(_lines(data)[1:])


def _insert(what: bytes) -> Damage:
  return lambda data: data[: len(data) // 2] + what + data[len(data) // 2 :]


ANY: dict[str, Damage] = {
  "no file": lambda data: None,
  "an empty file": lambda data: b"",
  "cut in half": lambda data: data[: len(data) // 2],
  "cut by ten bytes": lambda data: data[:-10],
  "the start is missing": lambda data: data[len(data) // 3 :],
  "garbage": lambda data: bytes((i * 7919 + 13) % 251 for i in range(len(data))),
  "an error page": lambda data: _PAGE,
  "zeros": lambda data: bytes(len(data)),
}

TEXT: dict[str, Damage] = ANY | {
  "blanks": lambda data: b"  \n \n",
  "only the first line": lambda data: _lines(data)[0],
  "cut within a line": _cut_line,
  "cut at a line's end": _drop_tenth,
  "a line is missing": _drop_middle,
  "a line stands twice": _twice,
  "everything stands twice": _all_twice,
  "a field too few": _on_line(lambda fields: fields[:-1]),
  "a field too many": _on_line(lambda fields: [*fields, b"1"]),
  "a column is missing": _on_line(lambda fields: fields[1:], every=True),
  "a column too many": _on_line(lambda fields: [b"7", *fields], every=True),
  "columns reversed": _on_line(lambda fields: fields[::-1], every=True),
  "a letter in a number": _on_number(lambda field: field[:1] + b"x" + field[1:]),
  "a letter O for a zero": _on_number(lambda field: field[:-1] + b"O"),
  "a decimal comma": _on_number(lambda field: field + b",5"),
  "not a number": _on_number(lambda field: b"nan"),
  "infinity": _on_number(lambda field: b"inf"),
  "a huge value": _on_number(lambda field: b"1e15"),
  "a value is missing": _on_number(lambda field: b""),
  "every number negative": _on_number(lambda field: b"-" + field.lstrip(b"-") + b"1", every=True),
  "every number a text": _on_number(lambda field: b"n/a", every=True),
  "a column without values": _blank_column,
  "UTF-16": lambda data: data.decode("latin-1").encode("utf-16"),
  "a byte of another encoding": _insert(b"\xff\xfe"),
  "a zero byte": _insert(b"\x00"),
  "gzip instead of text": gzip.compress,
  "another delimiter": lambda data: data.replace(_delimiter(data), b"|"),
  "an open quote": _insert(b'"'),
}
