"""SupplyGraph: production, orders, deliveries and factory issues of 41 products, 221 days of 2023, and their graph.

A. T. Wasi, M. D. S. Islam, A. R. Akib, "SupplyGraph: a benchmark dataset for supply chain planning using graph neural
networks", 2024; a maker of consumer goods in Bangladesh. Publisher: https://github.com/ciol-researchlab/SupplyGraph
(formerly CIOL-SUST/SupplyGraph), LGPL-2.1.

What a reader must know:
- There are no labels: each of the four signals, in units and in metric tons, is both history and what is forecast. A
  day's columns are all known at its end only, so a day must not be forecast from its own.
- 37 days have no orders at all, almost every Friday among them; production goes on. Ten products are never produced
  and some are nearly dead: scaled errors over all products explode, say which ones count. The same weekday's median
  is hard to beat.
- A product's unit has the same weight in all files, and the reader checks that. The one exception: the factory issues
  of POV005L04P weigh 0 t on 201 days on which there are some. These weights are NaN here.
- The lists have 41 products and 40 names: POP001L12P stands twice, and the signals call the second POP001L12P.1.
  Edges name their products, so all those of both are at the first and the second has none. The publisher's edges by
  number count the 40 names and do not fit the 41 columns; they are not used here.
- Edges join products that share a plant, a storage location, a group or a sub-group: likeness, not a flow of goods. A
  pair stands once for each plant or location shared; six edges of the groups and one of the sub-groups stand twice.
- Upstream the folder is spelt "Homogenoeus" and some names end in a blank before ".csv".
"""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from mtl_jax.data.folder import DataError, File, check_file, matching, place_of, read_csv
from mtl_jax.data.series import steps
from mtl_jax.data.source import Remote, Source
from mtl_jax.data.table import Column, Facts, Table, of_frame, validated

FILES = (
  File(
    "Temporal_Data__Unit__Delivery_To_distributor.csv",
    66913,
    "c619763925212421c72630db59fb9e07808345cd1cc47f254fb96a0edebcfb85",
  ),
  File(
    "Temporal_Data__Unit__Factory_Issue.csv", 44191, "2715e35a19a236899e48f485a1fc89569f1586fe53f6c5574935d342ecca6b63"
  ),
  File(
    "Temporal_Data__Unit__Production.csv", 31639, "2098a1280d014c90416545531f97ccc8f836607de120b0a101310204c8f8079b"
  ),
  File(
    "Temporal_Data__Unit__Sales_Order.csv", 61889, "c9fe75725c71b473be12c8610ca24efb26c6ca68173a1d7eb4af946429cdc95e"
  ),
  File(
    "Temporal_Data__Weight__Delivery_to_Distributor.csv",
    69971,
    "75f90062f497b402d2d202a70d5c9368568134ab0b982ca38a650605a29ee3cb",
  ),
  File(
    "Temporal_Data__Weight__Factory_Issue.csv",
    55208,
    "1299e457d4d7590f337401e96f4c64f3e740ebe21df100a1d78c24b857b677d5",
  ),
  File(
    "Temporal_Data__Weight__Production.csv", 49466, "c54c3f190ca13888fba08e6e24c2bbb9711fe4faa52247518310c241eec1cc60"
  ),
  File(
    "Temporal_Data__Weight__Sales_Order.csv", 67211, "fc466626f0cae410cfc884772521abad2ee6e39cd559cfee36f8677742aee7b7"
  ),
  File(
    "Nodes__Node_Types_Product_Group_and_Subgroup.csv",
    704,
    "949a75f6636f7c2917f655592d17abca7dfcd0a9597c838431a5df7b02fbfc31",
  ),
  File("Edges__Edges_Plant.csv", 43685, "2ab54ff48a33e01478b556107a2060e5502667fbaf4074f71b0858755e09e7ab"),
  File(
    "Edges__Edges_Product_Group.csv",
    4394,
    "946319dbe2ca821aaaa131b55998cf9291ac59a1794f2f300a7092b1ba29a6e4",
  ),
  File(
    "Edges__Edges_Product_Sub-Group.csv",
    1355,
    "53f7d27bd744f789f7961c96a510a83bbbae4ff1f6f3fac15522cca9588a5067",
  ),
  File(
    "Edges__Edges_Storage_Location.csv",
    85578,
    "2d900c8f27f419d41b0cd41c14208ba39a8da937382fd85d763364341848610b",
  ),
)
DAYS = 221
FACTS = Facts(
  rows=41 * DAYS,
  counts={"product_group": {"S": 14 * DAYS, "P": 11 * DAYS, "A": 7 * DAYS, "M": 7 * DAYS, "E": 2 * DAYS}},
)
EDGES = {"plant": 1647, "product_group": 188, "product_sub_group": 52, "storage_location": 3046}
_SIGNALS = ("production", "orders", "delivery", "factory_issue")
_TITLES = {  # of the files, in units and in weight
  "production": ("Production", "Production"),
  "orders": ("Sales Order", "Sales Order"),
  "delivery": ("Delivery To distributor", "Delivery to Distributor"),
  "factory_issue": ("Factory Issue", "Factory Issue"),
}
_EDGE_TITLES = dict(zip(EDGES, ("Plant", "Product Group", "Product Sub-Group", "Storage Location"), strict=True))
_WEIGHTLESS = ("factory_issue", "POV005L04P")
_UNITS, _TONS = Column("unit", 0, 100_000), Column("t", 0, 2000)
_COLUMNS = dict.fromkeys(_SIGNALS, _UNITS) | {
  f"{name}_weight": _TONS._replace(missing=name == _WEIGHTLESS[0]) for name in _SIGNALS
}
_GROUPS = {
  "unit": Column(kind="text"),
  "product_group": Column(kind="text", among=("S", "P", "A", "M", "E")),
  "product_sub_group": Column(kind="text"),
  "time": Column("day", kind="date"),
}
_Find = Callable[[str, str], Path]  # kind of file and its title -> where it lies


def _flat(folder: Path) -> _Find:
  """This project's layout: folders are part of the names."""
  before = {"Nodes": "Nodes__", "Edges": "Edges__Edges_"}

  def find(kind: str, title: str) -> Path:
    plain = title.replace(" ", "_").replace("(", "").replace(")", "")
    return folder / f"{before.get(kind, f'Temporal_Data__{kind}__')}{plain}.csv"

  return find


def _nested(folder: Path) -> _Find:
  """The publisher's folders."""

  def find(kind: str, title: str) -> Path:
    name = f"Edges ({title})" if kind == "Edges" else title
    found = matching(folder, f"{kind}/{name}*.csv")
    if len(found) > 1:
      raise DataError(f"{folder} has {len(found)} files {kind}/{name}: {found[0]} and {found[1]}")
    return found[0]

  return find


def _products(find: _Find) -> pd.DataFrame:
  """Names, groups and sub-groups, in the publisher's order."""
  path = find("Nodes", "Node Types (Product Group and Subgroup)")
  text = Column(kind="text")
  return validated(read_csv(path), {"Node": text, "Group": text, "Sub-Group": text}, str(path))


def _signal(path: Path, rule: Column, products: list[str]) -> tuple[list[str], np.ndarray, np.ndarray]:
  """Product names, days and (days, products) values of a file."""
  frame = read_csv(path)
  names = [str(name) for name in frame.columns[1:]]
  if frame.columns[0] != "Date" or [name.removesuffix(".1") for name in names] != products:
    raise DataError(f"{path}: the columns are not Date and the {len(products)} products in their order")
  frame = validated(frame, {"Date": Column(kind="text")} | dict.fromkeys(names, rule), str(path))
  days = pd.to_datetime(frame["Date"], format="%Y-%m-%d %H:%M:%S", errors="coerce").to_numpy()
  wrong = np.isnat(days) | (days != days[0] + np.arange(len(days)) * np.timedelta64(1, "D"))
  if wrong.any():
    row = int(wrong.argmax())
    raise DataError(f"{path}: row {row + 1}: {frame['Date'].iloc[row]!r} is not the day after the one before")
  return names, days, frame[names].to_numpy(np.float64)


def _table(find: _Find, where: str) -> Table:
  listed = _products(find)
  files = [(signal, "Unit", titles[0], _UNITS) for signal, titles in _TITLES.items()]
  files += [(f"{signal}_weight", "Weight", titles[1], _TONS) for signal, titles in _TITLES.items()]
  paths = [find(kind, title) for _, kind, title, _ in files]
  read = [_signal(path, rule, listed["Node"].tolist()) for path, (*_, rule) in zip(paths, files, strict=True)]
  names, days, _ = read[0]
  for path, (other_names, other_days, _) in zip(paths, read, strict=True):
    if other_names != names or not np.array_equal(other_days, days):
      raise DataError(f"{path}: its products or its days are not those of {paths[0]}")
  values = {column: array for (column, *_), (_, _, array) in zip(files, read, strict=True)}
  values = _weighed(values, names, where)
  product, day = steps([len(days)] * len(names))
  frame = pd.DataFrame(
    {
      "unit": np.array(names, object)[product],
      "product_group": listed["Group"].to_numpy()[product],
      "product_sub_group": listed["Sub-Group"].to_numpy()[product],
      "time": days[day],
    }
    | {column: values[column].T.ravel() for column in _COLUMNS}
  )
  return of_frame(frame, where, columns=_COLUMNS, labels={}, groups=_GROUPS, key=("unit", "time"))


def _weighed(values: dict[str, np.ndarray], names: list[str], where: str) -> dict[str, np.ndarray]:
  """The same with the one known gap as NaN; DataError where a weight is not units times the product's own."""
  units = np.stack([values[signal] for signal in _SIGNALS])  # (signals, days, products)
  tons = np.stack([values[f"{signal}_weight"] for signal in _SIGNALS])
  signal, product = _SIGNALS.index(_WEIGHTLESS[0]), names.index(_WEIGHTLESS[1]) if _WEIGHTLESS[1] in names else -1
  if product >= 0:
    tons[signal, :, product] = np.where(units[signal, :, product] > 0, np.nan, tons[signal, :, product])
  ratio = np.divide(tons, units, out=np.full_like(tons, np.nan), where=units > 0).reshape(-1, len(names))
  known = ~np.isnan(ratio).all(0)
  each = np.zeros(len(names))
  each[known] = np.nanmedian(ratio[:, known], axis=0)
  wrong = np.abs(tons - units * each) > 1e-3 * tons + 1e-6  # a NaN is not wrong
  if wrong.any():
    i, row, column = np.argwhere(wrong)[0]
    raise DataError(
      f"{where}: {_SIGNALS[i]} of {names[column]} on day {row + 1}: {tons[i, row, column]:g} t are not "
      f"{units[i, row, column]:g} units of {each[column]:g} t"
    )
  return values | {f"{name}_weight": tons[i] for i, name in enumerate(_SIGNALS)}


def _edges(find: _Find) -> dict[str, np.ndarray]:
  listed = _products(find)["Node"].tolist()
  place = {name: i for i, name in reversed(list(enumerate(listed)))}  # the first of the product that stands twice
  node = Column(kind="text", among=tuple(place))
  found = {}
  for name, title in _EDGE_TITLES.items():
    path = find("Edges", title)
    pairs = validated(read_csv(path), {"node1": node, "node2": node}, str(path))
    same = (pairs["node1"] == pairs["node2"]).to_numpy()
    if same.any():
      raise DataError(f"{path}: row {int(same.argmax()) + 1} joins a product with itself")
    found[name] = np.stack([pairs[end].map(place).to_numpy(np.int64) for end in ("node1", "node2")], axis=1)
  return found


def edges(folder: str | os.PathLike[str] | None = None) -> dict[str, np.ndarray]:
  """The graph: plant, product_group, product_sub_group and storage_location, each (edges, 2) int64.

  An edge has two places, from 0, in the order in which the products come in the table: product
  i has the rows 221 i to 221 i + 220. Edges have no direction and some stand more than once.

  Args:
    folder: the data set's folder; None takes `$MTL_JAX_DATA/supplygraph`.

  Raises:
    DataError: a file is absent, altered or not what its publisher states.
  """
  place = place_of("supplygraph", folder)
  ours = any((place / file.name).exists() for file in FILES)
  for file in FILES if ours else ():
    check_file(place / file.name, file)
  found = _edges(_flat(place) if ours else _nested(place))
  for name, count in EDGES.items():
    if len(found[name]) != count:
      raise DataError(f"{place}: {len(found[name])} edges of {name}, expected {count}")
  return found


def _read(folder: Path) -> Table:
  return _table(_flat(folder), str(folder))


def _original(folder: Path) -> Table:
  """The publisher's folders; nothing that is read differs."""
  return _table(_nested(folder), str(folder))


SOURCE = Source(
  name="supplygraph",
  title="SupplyGraph: 41 products of a consumer goods maker, 221 days of 4 signals, and a graph",
  publisher="https://github.com/ciol-researchlab/SupplyGraph",
  licence="LGPL-2.1",
  files=FILES,
  read=_read,
  facts=FACTS,
  original=_original,
  remote=(
    Remote(
      "https://github.com/ciol-researchlab/SupplyGraph/archive/0e6d010e256ee08e34ab6bef5a111ef1c758b32d.zip",
      None,
      "supplygraph.zip",
    ),
  ),
)
load = SOURCE.load
