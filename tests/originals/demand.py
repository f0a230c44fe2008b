"""Small samples of the demand and supply sets in their publishers' own formats."""

from pathlib import Path

import numpy as np

from mtl_jax.data import Facts, carparts, m3, m4_hourly_weekly, sales_weekly, scms_delivery, supplygraph


def uci_weekly(folder: Path) -> Facts:
  """Eight products: P and a number, 52 weeks, MIN, MAX and the weeks scaled to two decimals."""
  rng = np.random.default_rng(20)
  names = [f"P{number}" for number in (1, 2, 3, 352, 354, 644, 818, 819)]
  units = rng.poisson(np.array([[9], [4], [8], [1], [35], [0.3], [0.1], [15]]), (8, 52))
  low, high = units.min(1, keepdims=True), units.max(1, keepdims=True)
  scaled = np.round((units - low) / np.maximum(high - low, 1), 2)
  header = ["Product_Code", *(f"W{i}" for i in range(52)), "MIN", "MAX", *(f"Normalized {i}" for i in range(52))]
  lines = [",".join(header)]
  for i, name in enumerate(names):
    lines.append(",".join(map(str, [name, *units[i], low[i, 0], high[i, 0], *scaled[i].tolist()])))
  (folder / "Sales_Transactions_Dataset_Weekly.csv").write_bytes("".join(f"{x}\r\n" for x in lines).encode())
  return Facts(8 * 52, {"unit": dict.fromkeys(names, 52), "time": dict.fromkeys(range(52), 8)})


def _tsf(path: Path, lines: list[str], horizon: int, *, frequency: str = "", missing: str, equal: str) -> None:
  """The Monash archive's text: Windows-1252 with its dash and line ends."""
  dated = lines[0].count(":") == 2
  header = ["# Dataset Information", "# Source: competition \N{EN DASH} see the paper", "#", "@relation Sample"]
  header += ["@attribute series_name string"] + ["@attribute start_timestamp date"] * dated
  header += [f"@frequency {frequency}"] * bool(frequency)
  header += [f"@horizon {horizon}", f"@missing {missing}", f"@equallength {equal}", "@data"]
  path.write_bytes("".join(f"{line}\r\n" for line in header + lines).encode("cp1252"))


def monash_parts(folder: Path) -> Facts:
  """Twenty parts of 51 months; two of them end early, with ? for what is not recorded."""
  rng = np.random.default_rng(21)
  sold = rng.poisson(0.4, (20, 51)).astype(str).astype(object)
  sold[6, 14:] = sold[17, 40:] = "?"
  lines = [f"T{i + 1}:1998-01-01 00-00-00:{','.join(values)}" for i, values in enumerate(sold)]
  path = folder / "car_parts_dataset_with_missing_values.tsf"
  _tsf(path, lines, 12, frequency="monthly", missing="true", equal="true")
  units = {f"T{i}": 51 for i in range(1, 21)}
  return Facts(20 * 51, {"unit": units, "recorded": {0: 37 + 11, 1: 20 * 51 - 48}})


def monash_m3(folder: Path) -> Facts:
  """The first few series of each period, shorter than they are; only the file of the others has no dates."""
  rng = np.random.default_rng(22)
  units, periods, test = {}, {}, 0
  for period, first, series, horizon in (
    ("yearly", 1, 14, 6),
    ("quarterly", 646, 15, 8),
    ("monthly", 1402, 16, 18),
    ("other", 2830, 12, 8),
  ):
    start = "" if period == "other" else "1979-01-01 00-00-00:"
    lines = []
    for i, length in enumerate(horizon + rng.integers(3, 9, series)):
      values = 3000 * np.exp(np.cumsum(0.05 * rng.normal(size=length)))
      lines.append(f"T{i + 1}:{start}{','.join(f'{value:.2f}' for value in values)}")
      units[f"N{first + i:04d}"] = int(length)
      periods[period.upper()] = periods.get(period.upper(), 0) + int(length)
      test += horizon
    frequency = "" if period == "other" else period
    path = folder / f"m3_{period}_dataset.tsf"
    _tsf(path, lines, horizon, frequency=frequency, missing="false", equal="false")
  rows = sum(units.values())
  return Facts(rows, {"unit": units, "period": periods, "split": {"train": rows - test, "test": test}})


def m4_lines(folder: Path) -> Facts:
  """Five hourly and six weekly series: everything quoted, empty fields behind the end of the shorter ones."""
  rng = np.random.default_rng(23)
  units = {}
  for name, horizon, lengths in (("Hourly", 48, (70, 70, 75, 72, 70)), ("Weekly", 13, (30, 22, 31, 25, 25, 20))):
    train, test = [], []
    for i, length in enumerate(lengths, 1):
      values = [f'"{value:.5g}"' for value in 600 * np.exp(np.cumsum(0.05 * rng.normal(size=length + horizon)))]
      train.append(",".join([f'"{name[0]}{i}"', *values[:length], *[""] * (max(lengths) - length)]))
      test.append(",".join([f'"{name[0]}{i}"', *values[length:]]))
      units[f"{name[0]}{i}"] = length + horizon
    for part, lines, width in (("Train", train, max(lengths)), ("Test", test, horizon)):
      header = ",".join(f'"V{i}"' for i in range(1, width + 2))
      (folder / part).mkdir(exist_ok=True)
      path = folder / part / f"{name}-{part.lower()}.csv"
      path.write_bytes("".join(f"{line}\n" for line in [header, *lines]).encode("ascii"))
  test = 5 * 48 + 6 * 13
  return Facts(sum(units.values()), {"unit": units, "split": {"test": test, "train": sum(units.values()) - test}})


_PRODUCTS = (  # name in the signals, group, sub-group, t, units a day
  ("SOS005L04P", "S", "SOS", 0.0184, 3000),
  ("POV005L04P", "P", "POV", 0.0182, 90),
  ("POP001L12P", "P", "POP", 0.01092, 400),
  ("POP001L12P.1", "P", "POP", 0.01092, 250),
  ("AT5X5K", "A", "AT", 0.025, 1200),
)


def ciol(folder: Path) -> Facts:
  """Five products, 30 days, two of them at rest, one listed twice; factory issues of POV005L04P weigh nothing."""
  rng = np.random.default_rng(24)
  place = folder / "SupplyGraph-main" / "Raw Dataset" / "Homogenoeus"
  for below in ("Nodes", "Edges", "Temporal Data/Unit", "Temporal Data/Weight"):
    (place / below).mkdir(parents=True)
  days = np.datetime64("2023-01-01") + np.arange(30)
  header = "Date," + ",".join(name for name, *_ in _PRODUCTS)
  weights = np.array([weight for *_, weight, _ in _PRODUCTS])
  for units_title, tons_title in (
    ("Production ", "Production "),
    ("Sales Order", "Sales Order "),
    ("Delivery To distributor", "Delivery to Distributor"),
    ("Factory Issue", "Factory Issue"),
  ):
    units = np.round(rng.gamma(2, np.array([mean for *_, mean in _PRODUCTS]) / 2, (30, 5)), 2)
    units[5::20] = 0
    tons = units * weights
    if units_title == "Factory Issue":
      tons[:, 1] = 0
    for kind, title, values in (("Unit", units_title, units), ("Weight", tons_title, tons)):
      lines = [header]
      lines += [f"{day} 00:00:00," + ",".join(map(str, row)) for day, row in zip(days, values.tolist(), strict=True)]
      path = place / "Temporal Data" / kind / f"{title}.csv"
      path.write_bytes("".join(f"{line}\n" for line in lines).encode("ascii"))
  nodes = [f"{name.removesuffix('.1')},{group},{sub}" for name, group, sub, *_ in _PRODUCTS]
  path = place / "Nodes" / "Node Types (Product Group and Subgroup).csv"
  path.write_bytes("".join(f"{line}\n" for line in ["Node,Group,Sub-Group", *nodes]).encode("ascii"))
  for title, lines in (
    ("Plant", ["Plant,node1,node2", "1901,SOS005L04P,AT5X5K", "1903,SOS005L04P,POP001L12P", "1903,POP001L12P,AT5X5K"]),
    ("Product Group", ["node1,node2,GroupCode", "POV005L04P,POP001L12P,P", "POV005L04P,POP001L12P,P"]),
    ("Product Sub-Group", ["node1,node2,SubGroupCode", "POV005L04P,POP001L12P,POP"]),
    ("Storage Location", ["Storage Location,node1,node2", "130.0,SOS005L04P,AT5X5K", "330.0,POV005L04P,POP001L12P"]),
  ):
    path = place / "Edges" / f"Edges ({title}).csv"
    path.write_bytes("".join(f"{line}\n" for line in lines).encode("ascii"))
  return Facts(150, {"unit": {name: 30 for name, *_ in _PRODUCTS}, "product_group": {"S": 30, "P": 90, "A": 30}})


_SCMS_HEADER = (
  "id,project code,pq #,po / so #,asn/dn #,country,managed by,fulfill via,vendor inco term,shipment mode,"
  "pq first sent to client date,po sent to vendor date,scheduled delivery date,delivered to client date,"
  "delivery recorded date,product group,sub classification,vendor,item description,molecule/test type,brand,dosage,"
  "dosage form,unit of measure (per pack),line item quantity,line item value,pack price,unit price,"
  "manufacturing site,first line designation,weight (kilograms),freight cost (usd),line item insurance (usd)"
)
_SCMS_ITEMS = (  # group, sub-group, description, molecule, brand, dosage, form, units in a pack, USD a pack
  ("HRDT", "HIV test", '"HIV, Reveal G3 Rapid Test, 30 Tests"', '"HIV, Reveal G3"', "Reveal", "", "Test kit", 30, 29.0),
  ("ARV", "Adult", '"Efavirenz 600mg, tablets, 30 Tabs"', "Efavirenz", "Generic", "600mg", "Tablet", 30, 3.65),
  ("ARV", "Pediatric", '"Nevirapine 10mg/ml, 240 ml"', "Nevirapine", "Generic", "10mg/ml", "Oral solution", 240, 6.2),
)
_COUNTRIES = ("Côte d'Ivoire", "Vietnam", "Zambia")


def usaid(folder: Path) -> Facts:
  """Thirty lines, three to a shipment: the first has weight and freight, the others refer to it."""
  rng = np.random.default_rng(25)
  lines, units, lots = [_SCMS_HEADER], dict.fromkeys(_COUNTRIES, 0), {}
  freights = {"billed": 0, "other line": 0, "in price": 0, "separate": 0}
  for i in range(30):
    lot, at = divmod(i, 3)
    country = _COUNTRIES[lot % 3]
    stock = lot % 2 == 1
    number = 1281 + 13 * i
    shipment = f"{'DN' if stock else 'ASN'}-{90 + lot}"
    day = np.datetime64("2007-03-02") + 97 * lot
    late = int(rng.choice([0, 0, -12, 9]))
    how = "billed" if at == 0 else "other line"
    if lot in (2, 6):
      how = "in price" if lot == 2 else "separate"
    freight = {
      "billed": f"{rng.uniform(300, 9000):.2f}",
      "other line": f"See {shipment} (ID#:{1281 + 39 * lot})",
      "in price": "Freight Included in Commodity Cost",
      "separate": "Invoiced Separately",
    }[how]
    weight = "Weight Captured Separately" if lot in (2, 6) else freight if at else str(rng.integers(10, 900))
    group, sub, item, molecule, brand, dosage, form, pieces, price = _SCMS_ITEMS[i % 3]
    quantity = int(rng.integers(20, 4000))
    value = quantity * price
    scheduled, delivered = (f"{x.item():%d-%b-%y}".lstrip("0") for x in (day, day + late))
    quoted = "Pre-PQ Process" if lot < 3 else f"{(day - 160).item():%m/%d/%Y}"
    ordered = "N/A - From RDC" if stock else "Date Not Captured" if lot == 0 else f"{(day - 90).item():%m/%d/%Y}"
    vendor = "SCMS from RDC" if stock else "Aurobindo Pharma Limited" if lot % 4 else '"Orgenics, Ltd"'
    fields = [
      *(number, f"10{lot % 3}-CI-T01", "FPQ-1", f"SCMS-{lot}", shipment, country, "PMO - US"),
      *("From RDC" if stock else "Direct Drop", "N/A - From RDC" if stock else "EXW", "" if lot == 4 else "Air"),
      *(quoted, ordered, scheduled, delivered, delivered, group, sub, vendor, item, molecule, brand, dosage, form),
      *(pieces, quantity, round(value, 2), price, round(price / pieces, 2), "Aurobindo Unit III", "true"),
      *(weight, freight, "" if lot == 0 else round(0.0016 * value, 2)),
    ]
    lines.append(",".join(map(str, fields)))
    units[country] += 1
    lots[shipment] = 3
    freights[how] += 1
  path = folder / "Supply_Chain_Shipment_Pricing_Dataset.csv"
  path.write_bytes("".join(f"{line}\n" for line in lines).encode("utf-8"))
  vendors = {"SCMS from RDC": 15, "Aurobindo Pharma Limited": 6, "Orgenics, Ltd": 9}
  return Facts(30, {"unit": units, "lot": lots, "freight": freights, "vendor": vendors})


SAMPLES = [
  (sales_weekly.SOURCE, uci_weekly),
  (carparts.SOURCE, monash_parts),
  (supplygraph.SOURCE, ciol),
  (scms_delivery.SOURCE, usaid),
  (m3.SOURCE, monash_m3),
  (m4_hourly_weekly.SOURCE, m4_lines),
]
