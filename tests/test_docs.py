"""What the documentation shows is run here."""

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from conftest import ROOT
from nbclient import NotebookClient


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda p: p.stem)
@pytest.mark.filterwarnings("default")  # of the kernel's own machinery
def test_notebook_executes(path: Path, monkeypatch: pytest.MonkeyPatch):
  monkeypatch.setenv("MPLBACKEND", "agg")
  notebook = nbformat.read(path, as_version=4)
  NotebookClient(notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(ROOT)}}).execute()


def test_readme_example_runs(tmp_path: Path):
  blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
  assert blocks, "the README has no Python example"
  env = os.environ | {"JAX_NUMPY_DTYPE_PROMOTION": "standard"}  # as users have it
  for block in blocks:
    done = subprocess.run([sys.executable, "-c", block], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_what_the_readme_points_to_is_there():
  text = re.sub(r"```.*?```", "", (ROOT / "README.md").read_text(), flags=re.DOTALL)
  headings = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
  anchors = {"#" + re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
  links = re.findall(r"\]\(([^)]+)\)", text)
  files = re.findall(r"\b((?:scripts|configs|notebooks|tests|mtl_jax)/[\w./]+)", text)
  tests = [f"tests/{name}.py" for name in re.findall(r"`(test_\w+)`", text)]
  assert {link for link in links if link.startswith("#")} <= anchors
  named = [link for link in links if not link.startswith("#")] + files + tests
  assert not [name for name in named if not (ROOT / name.rstrip(".")).exists()]
