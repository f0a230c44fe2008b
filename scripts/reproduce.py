"""The standard tables of the literature, each row trained as its paper did, or for as long as you have.

python scripts/reproduce.py omniglot                          every row to the end: days on a CPU, hours on a GPU
python scripts/reproduce.py omniglot --budget 10              ten minutes of training for each row
python scripts/reproduce.py omniglot --only "MAML, 5-way 1-shot" "ProtoNet, 5-way 1-shot" --budget 10
python scripts/reproduce.py sinusoid

Killed or out of time, the same command, or one with a larger budget, goes on. What each row is stands in
mtl_jax/reproduce/. Written to runs/reproduce-TABLE: table.md, curves.png, scores.json, metrics.jsonl and checkpoints/.
"""

import sys
from pathlib import Path
from typing import Annotated, Literal

import tyro

from mtl_jax import job
from mtl_jax.config import AT_HAND, ConfigError, Devices
from mtl_jax.fit import Interrupted
from mtl_jax.reproduce import markdown, omniglot, picture, reproduce, sinusoid

TABLES = {"omniglot": omniglot.rows, "sinusoid": sinusoid.rows}


def main(argv: list[str]) -> None:
  def command(
    table: Annotated[Literal["omniglot", "sinusoid"], tyro.conf.Positional],
    only: tuple[str, ...] = (),
    budget: float | None = None,
    episodes: int = 1000,
    out: Path | None = None,
    devices: Annotated[Devices, tyro.conf.arg(name="")] = AT_HAND,
  ) -> None:
    """Args:
    table: which table.
    only: rows by name, "METHOD, COLUMN"; all where none is named.
    budget: minutes of training for each row, over all calls together.
    episodes: of each test.
    out: folder; default runs/reproduce-TABLE.
    """
    mesh = job.started(devices)
    rows = TABLES[table]()
    names = [row.name for row in rows]
    if unknown := [name for name in only if name not in names]:
      raise ConfigError(f"--only {unknown[0]!r}: no such row; there are {', '.join(map(repr, names))}")
    rows = [row for row in rows if not only or row.name in only]
    folder = out or Path("runs") / f"reproduce-{table}"
    try:
      with job.on(mesh):
        entries = reproduce(rows, folder, budget, episodes)
    except Interrupted as error:
      job.console.print(f"{error}\nthe same command goes on", soft_wrap=True)
      raise SystemExit(130) from None
    if not job.first():
      return
    (folder / "table.md").write_text(markdown(entries))
    job.console.print(markdown(entries), soft_wrap=True, markup=False)
    picture(rows, folder).savefig(folder / "curves.png", dpi=120)
    job.console.print(f"{folder}/table.md, {folder}/curves.png")

  tyro.cli(command, args=argv, description=__doc__)


if __name__ == "__main__":
  job.exit_with_message(main, sys.argv[1:])
