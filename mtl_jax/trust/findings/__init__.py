"""What gives a table away: each check looks for one thing and says what it finds in plain words."""

from mtl_jax.trust.findings.columns import constant_columns, label_columns, label_flags, naming_columns
from mtl_jax.trust.findings.finding import Finding
from mtl_jax.trust.findings.groups import few_units, time_order, time_tells, units_of_one_label
from mtl_jax.trust.findings.rows import identical_rows, near_duplicates, overlapping_windows
from mtl_jax.trust.prepared import Prepared

__all__ = ["Finding", "all_findings", "rank"]


def rank(finding: Finding) -> int:
  """0 for the worst."""
  return ("leak", "warning", "note").index(finding.severity)


def all_findings(table: Prepared, reached: float, seed: int) -> list[Finding]:
  """Every check, leaks first.

  Args:
    reached: the best score of the whole table on random rows, macro-F1 or R2.
  """
  equal = label_columns(table, reached, seed)
  reported = tuple(name for finding in equal if finding.kind == "label column" for name in finding.columns)
  found = [
    *equal,
    *label_flags(table, reported),
    *near_duplicates(table, seed),
    *overlapping_windows(table, seed),
    *identical_rows(table),
    *naming_columns(table),
    *units_of_one_label(table),
    *time_order(table),
    *time_tells(table, seed),
    *few_units(table),
    *constant_columns(table),
  ]
  return sorted(found, key=rank)
