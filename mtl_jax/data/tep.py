"""The Tennessee Eastman process: a simulated chemical plant, one normal run and 21 faults, each run twice.

52 variables every 3 minutes under closed-loop control; J. J. Downs, E. F. Vogel, Comput. Chem. Eng. 17 (1993)
245-255; runs by L. H. Chiang, E. L. Russell, R. D. Braatz, "Fault Detection and Diagnosis in Industrial Systems",
2001. Publisher: http://web.mit.edu/braatzgroup/links.html; University of Illinois licence, a permissive one.

What a reader must know:
- A file is a run and a unit; there is one training and one test run of each fault, and no more. Rows of a run are
  close in time, so a split within a run shows the test to the training.
- A training run of a fault starts with the fault (row 1 of d06 has no feed A and a pressure that has not moved yet),
  a test run has it from row 161, after 8 h. `fault` is what is active at the row; `disturbance` is what the run is
  about, and names the task: it is no input.
- The first rows of a fault look normal; how soon it is found is the usual score beside the rate.
- Faults 3, 9 and 15 are almost invisible, and many papers leave them out. 16 to 20 are not described.
- Composition analysers hold their value: 23 to 36 for two rows, 37 to 41 for five. Where a value changes elsewhere,
  rows are missing or out of order, and that is an error.
- d00.dat is stored the other way round, 52 lines of 500 numbers, and holds 500 rows where the others hold 480. Its
  rows in reverse could not be told from the right ones but by the checksum.
- Measurements carry noise: flows of zero and closed valves are slightly negative.
- XMV(12), the agitator, never moves and is not in the files.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from mtl_jax.data.folder import DataError, File, matching, read_numbers
from mtl_jax.data.source import Remote, Source
from mtl_jax.data.table import Column, Facts, Table, of_frame, validated

FILES = (
  File("d00.dat", 416049, "4c3c0b11eefacf93e5d2529e2866d7a625e37aa9153d0f95fae17a6c9e560deb"),
  File("d00_te.dat", 799680, "57d56da4199e3d73582855d810be1d13d931386fd728bf1694798c7b0a03678c"),
  File("d01.dat", 399840, "b0da22ac7561d82b0ba0b48bf87d2b3a8655cb23a3dc37330dd03cdd126c387c"),
  File("d01_te.dat", 799680, "e7e6992fb39664e739fccbc001a1c5d5f7cb21829544f734ca3f282c26f680e5"),
  File("d02.dat", 399840, "af1a46ba3a5482be3e7b143606f22ae509138544af2a2d0eb7389459257f8179"),
  File("d02_te.dat", 799680, "a34bd9c3693fa96bd3ee533fb7fbe29a9d226a4e3250b585ef1308e1136dbfb0"),
  File("d03.dat", 399840, "df39c57bdac7ea476ee236c289e0f59b0cbf868adfbbbaf213f692d8cd96e52a"),
  File("d03_te.dat", 799680, "b7bf6f2ed7cff0a5577898b009edd252b9bdf6ee9ff7dbeacf9af9aa4c6abace"),
  File("d04.dat", 399840, "346702fce33d9707f0b4ec5b8f533ccb08be60313607d5156d7e237b80a87b3f"),
  File("d04_te.dat", 799680, "1ccb488dd5feac11aad54623451168abef066229e685872597897800363916f9"),
  File("d05.dat", 399840, "3a47bfce4010ce0c634ae828409cce657ecd03bf0c4d59f8dd4a3d4f792f493f"),
  File("d05_te.dat", 799680, "1def7258a2865aeead699d52c8cf926fbf34c1467aaf298121987ab858fd0888"),
  File("d06.dat", 399840, "ff0882a44bb74f5d2d1a864425ac7e5ae82420391c7060232cefc08ad5bf7331"),
  File("d06_te.dat", 799680, "8a3adc7121eaa9b9300c27f9c57a8ab356315401cb964310a4a8244dd34bf79d"),
  File("d07.dat", 399840, "e3fd272ed53f899ab0c8278c7eede55418b01a2339b5fcff14a87fefaa3d181d"),
  File("d07_te.dat", 799680, "e01b7c81daf9fccc4495cbde5658296918276b3c078044893f6e945dd91d3446"),
  File("d08.dat", 399840, "4817735e339449bec909d1cbe77e421acc79c7357b8c6b5bb82c6e5788b72449"),
  File("d08_te.dat", 799680, "c0637f02f23b79890b43cfee9604818ad6d7f81532223d76acf1da0d6e2a2cc1"),
  File("d09.dat", 399840, "cb9146da760cdd52cad575d745413a5cfb4b447af2db9fb6a424cf6881ff0fcd"),
  File("d09_te.dat", 799680, "513df6c3a4fd48e0eaddb0002cd8cdab3a78a5c83c47883bb52d2dc6c2472428"),
  File("d10.dat", 399840, "e08697b5d074aea2345434bc4d26296f5dbdbb7efbf37a1bbee292b2ce765e8f"),
  File("d10_te.dat", 799680, "3a278be79d8d111fc60be3cfb4f961c28e2dc632f17eb519886aa0f95864ffc6"),
  File("d11.dat", 399840, "8294734d6f6e8f6b8643b9dc72f38ce40afd868d30dee9368a0d26b963a0af9f"),
  File("d11_te.dat", 799680, "6d60a4c932d918e1ab26ae5d16320936a665f3aad3f05482d23f5c4550b9f29a"),
  File("d12.dat", 399840, "62fcb3c71c0eda8eaaaf707f35296e60b17baaf9a9aef588687532cf4c560d38"),
  File("d12_te.dat", 799680, "2180fcecb01d1b110b429ba2969d6b18dcc625599e3640e54f69afa32dccbe50"),
  File("d13.dat", 399840, "f755d4ab6dc1d30e36c2e4604eeb0baff4b91032f487398b97fb1220eda861dd"),
  File("d13_te.dat", 799680, "2e34e0c427d6e41d77d6cae76550b7e95004f9f13bc093278ecf5c282a1c9f03"),
  File("d14.dat", 399840, "29fda7d5cae58cb7240e569e2d2d436371d077d282187d9205c7dc01df8755af"),
  File("d14_te.dat", 799680, "e8976d056c0769cebbcec3bcba89d2468040ccae7acbea55ebc3b2e56b217396"),
  File("d15.dat", 399840, "4c82fe0864cce2521e91a2c3e59d8630627c5e633cffe83f5e34ebc9901b5bca"),
  File("d15_te.dat", 799680, "a7242b956837bec8ca7f224d01805247f2aea6ea868eaa064e068b5c0761b1e5"),
  File("d16.dat", 399840, "ca1dfc5e31292052e83dcf6b4f60a73da197eb8a47e65d908ed7ac3cbcccb007"),
  File("d16_te.dat", 799680, "8381d7371aac49b498e7bf93149b77a0a6bbeffe73520881dcbe8ae96277244d"),
  File("d17.dat", 399840, "596aad6421a64d257bfa098cd5c4664d46dc49d88d1bad86cbc9518e6cd69e42"),
  File("d17_te.dat", 799680, "27d2d72052064e3cbb7a45df8073f15bb83b77403f532616e73c8869b043e7c9"),
  File("d18.dat", 399840, "b4d182c070036104cf150bc33f7aa879805f19943eb298bc05bdc8647dc70291"),
  File("d18_te.dat", 799680, "1db5b93a7daa58ed1b641845b58ad818546ced7f3de866c086da18a7ebef5041"),
  File("d19.dat", 399840, "ee3d2a50285cb3ba5e52ec05ea7cb39dc2b574bec592af9d44c192be132aeea6"),
  File("d19_te.dat", 799680, "c24dd77f787f89347273addc8a453d79f0b99edd64d43be11a5e0907bd515c5f"),
  File("d20.dat", 399840, "acdfe6c256fa6de74a811d6c7df1b710a9f0ed60f48242be92f3fa30db3df6b3"),
  File("d20_te.dat", 799680, "e54035eda95311f13dd095f87607d97a89b7541afa2a3f68af098f33a5e2e6e5"),
  File("d21.dat", 399840, "f34a9fefffef04ef1f49b3fb74e3def0010cda27a8577d814dd50604e2f8dc09"),
  File("d21_te.dat", 799680, "b6823aa09638cd59cb168bc24f991b6d4d557d8aea62b0b2a87ee67c21ba5a83"),
)
MINUTES = 3  # between rows; the first is taken 3 min into the run or, in d01 to d21, after the fault
FACTS = Facts(
  rows=31_700,
  counts={
    "unit": {"d00": 500, "d00_te": 960}
    | {f"d{i:02d}": 480 for i in range(1, 22)}
    | {f"d{i:02d}_te": 960 for i in range(1, 22)},
    "fault": {0: 500 + 960 + 21 * 160} | dict.fromkeys(range(1, 22), 480 + 800),
  },
)
_NORMAL_ROWS = 160  # of a test run: 8 h
_MEASURED = (  # unit, low, high of XMEAS(1), XMEAS(2), ...; limits a good way beyond what closed loop and faults give
  *(("kscmh", -0.1, 1.3), ("kg/h", 3000, 4300), ("kg/h", 3400, 5600), ("kscmh", 5, 14)),  # feeds A, D, E, A and C
  *(("kscmh", 23, 31), ("kscmh", 37, 48)),  # recycle, reactor feed
  *(("kPa gauge", 2200, 3100), ("%", 50, 100), ("degC", 115, 130)),  # reactor: pressure, level, temperature
  ("kscmh", -0.1, 1.3),  # purge
  *(("degC", 65, 95), ("%", 35, 65), ("kPa gauge", 2100, 3100), ("m3/h", 15, 37)),  # separator, with underflow
  *(("%", 35, 65), ("kPa gauge", 2600, 3800), ("m3/h", 17, 30), ("degC", 45, 90), ("kg/h", -10, 600)),  # stripper
  *(("kW", 200, 450), ("degC", 70, 110), ("degC", 55, 95)),  # compressor; cooling water of reactor, separator
  *(("mol%", 18, 45), ("mol%", 5, 13), ("mol%", 15, 42), ("mol%", 4, 9), ("mol%", 8, 30), ("mol%", 0.2, 3)),  # feed
  *(
    ("mol%", 14, 50),
    ("mol%", 9, 20),
    ("mol%", 10, 45),
    ("mol%", 0, 4),
    ("mol%", 5, 33),
    ("mol%", 0.3, 5),
  ),  # purge
  *(("mol%", 1.5, 9), ("mol%", 0.5, 5)),  # purge, the last two
  *(("mol%", -0.2, 0.3), ("mol%", 0.1, 2.5), ("mol%", -0.1, 0.4), ("mol%", 45, 62), ("mol%", 36, 52)),  # product
)
_COLUMNS = {f"xmeas_{i}": Column(unit, low, high) for i, (unit, low, high) in enumerate(_MEASURED, 1)} | {
  f"xmv_{i}": Column("%", -2, 102) for i in range(1, 12)
}
_HELD = ((22, 36, 2), (36, 41, 5))  # from, to (not included), rows between two analyses
_LABELS = {"fault": Column(kind="integer", low=0, high=21)}
_GROUPS = {
  "unit": Column(kind="text"),
  "disturbance": Column(kind="integer", low=0, high=21),
  "split": Column(kind="text", among=("train", "test")),
  "time": Column("min", MINUTES, kind="integer"),
}


def _run(path: Path) -> np.ndarray:
  """(rows, 52) of a file."""
  if path.stem == "d00":  # stored as (52, rows)
    with path.open("rb") as stream:
      numbers = read_numbers(path, len(stream.readline().split())).T
    if numbers.shape[1] != len(_COLUMNS):
      raise DataError(f"{path}: {numbers.shape[1]} lines, expected one for each of the {len(_COLUMNS)} variables")
  else:
    numbers = read_numbers(path, len(_COLUMNS))
  for start, end, rows in _HELD:
    changes = 1 + np.flatnonzero((numbers[1:, start:end] != numbers[:-1, start:end]).any(1))
    if (changes % rows).any():
      row = int(changes[changes % rows > 0][0]) + 1
      raise DataError(
        f"{path}: xmeas_{start + 1} to xmeas_{end} change at row {row}, but are analysed every {rows} rows: "
        "rows are missing or out of order"
      )
  return numbers


def _read(folder: Path) -> Table:
  """The publisher's files, wherever below `folder` they lie; every fault must have both of its runs."""
  parts, seen = {}, {}
  paths = [*matching(folder, "d[0-9][0-9].dat"), *matching(folder, "d[0-9][0-9]_te.dat")]
  for path in sorted(paths, key=lambda path: path.stem):
    if path.stem in seen:
      raise DataError(f"{folder} has {path.name} twice: {seen[path.stem]}, {path}")
    seen[path.stem] = path
    fault, test = int(path.stem[1:3]), path.stem.endswith("_te")
    numbers = _run(path)
    row = np.arange(len(numbers))
    parts[path] = pd.DataFrame(numbers, columns=list(_COLUMNS)).assign(
      fault=np.where(row < _NORMAL_ROWS, 0, fault) if test else fault,
      unit=path.stem,
      disturbance=fault,
      split="test" if test else "train",
      time=MINUTES * (row + 1),
    )
  for stem, path in seen.items():
    other = stem.removesuffix("_te") if stem.endswith("_te") else f"{stem}_te"
    if other not in seen:
      raise DataError(f"{folder} has {path.name} and no {other}.dat")
  frame = pd.concat(parts.values(), ignore_index=True)
  try:
    return of_frame(frame, str(folder), columns=_COLUMNS, labels=_LABELS, groups=_GROUPS, key=("unit", "time"))
  except DataError:
    for path, part in parts.items():  # again one by one, to name the file and its row
      validated(part, _COLUMNS | _LABELS | _GROUPS, str(path))
    raise


SOURCE = Source(
  name="tep",
  title="Tennessee Eastman process: a simulated plant with 21 faults (Braatz's runs)",
  publisher="http://web.mit.edu/braatzgroup/links.html",
  licence="University of Illinois licence (permissive; LICENSE.txt)",
  files=FILES,
  read=_read,
  facts=FACTS,
  original=_read,  # the download has the same files in a sub-folder
  remote=(Remote("https://web.mit.edu/braatzgroup/TE_process.zip", None, "TE_process.zip"),),
)
load = SOURCE.load
