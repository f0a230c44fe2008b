"""What a report claims, marks and refuses, on run folders made by hand."""

import json
import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mtl_jax.report import markdown_table, pictures, write_picture, write_report
from mtl_jax.report.run import parse
from mtl_jax.report.tables import training_table

SCORES = ("accuracy", "macro_recall", "macro_f1")


def row(
  method="maml",
  kind="ours",
  k=5,
  metric="macro_f1",
  mean: Any = 0.9,
  half: float | None = 0.01,
  seeds=5,
  episodes=600,
  **more,
):
  low, high = (None, None) if half is None else (mean - half, mean + half)
  return dict(
    method=method,
    kind=kind,
    k=k,
    metric=metric,
    mean=mean,
    low=low,
    high=high,
    seeds=seeds,
    episodes=episodes,
    **more,
  )


def rows(method, kind, mean, **more):
  """One method at one K, with the three metrics that go together."""
  return [row(method, kind, metric=metric, mean=mean, **more) for metric in SCORES]


def two(ours=0.9, baseline=0.8, gain=None, **more):
  """maml against a forest, with the paired difference (mean, half width) if given."""
  made = rows("maml", "ours", ours, **more) + rows("forest", "baseline", baseline, **more)
  if gain:
    made.append(row(metric="macro_f1_gain", mean=gain[0], half=gain[1], against="forest", **more))
  return made


def run_folder(folder: Path, scores=None, curves=None, about=None) -> Path:
  folder.mkdir(parents=True, exist_ok=True)
  if scores is not None:
    (folder / "scores.json").write_text(json.dumps(scores))
  if curves is not None:
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in curves))
  if about is not None:
    (folder / "run.json").write_text(json.dumps(about))
  return folder


def training(method="maml", steps=4):
  return [
    {"method": method, "step": 10 * i, "loss": 1.0 / (i + 1), "validation_macro_f1": 0.1 * i} for i in range(steps)
  ]


def page(tmp_path: Path, *runs: Path) -> str:
  return write_report(runs, tmp_path / "report.html").read_text("utf-8")


def text_of(html: str) -> str:
  """What a reader sees, with single spaces and without the style sheet."""
  body = re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)
  return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", body)))


def bold_cells(html: str) -> list[tuple[str, str]]:
  """(method, value) of every table cell in bold."""
  found = []
  for method, cells in re.findall(
    r'<tr><th scope="row">(.*?) <span class="kind.*?</th>(.*?)</tr>', html, flags=re.DOTALL
  ):
    found += [(unescape(method), value) for value in re.findall(r"<td[^>]*>\s*<b>(.*?)</b>", cells)]
  return found


@pytest.mark.parametrize(("ours", "baseline", "winner"), [(0.9, 0.8, ("maml", "90.0")), (0.7, 0.8, ("forest", "80.0"))])
def test_the_winner_is_bold_whoever_it_is(tmp_path, ours, baseline, winner):
  scores = two(ours, baseline)
  assert bold_cells(page(tmp_path, run_folder(tmp_path / "run", scores))) == [winner]
  bold = re.findall(r"\| (\S+).*?\*\*(.*?)\*\*", markdown_table(scores))
  assert bold == [winner]


def test_each_column_has_its_own_winner_and_a_tie_has_two(tmp_path):
  scores = two(0.9, 0.8, k=1) + two(0.8, 0.9, k=5) + two(0.7, 0.7, k=10)
  assert sorted(bold_cells(page(tmp_path, run_folder(tmp_path / "run", scores)))) == [
    ("forest", "70.0"),
    ("forest", "90.0"),
    ("maml", "70.0"),
    ("maml", "90.0"),
  ]


def test_a_smaller_squared_error_wins(tmp_path):
  scores = [row("maml", metric="mse", mean=0.5), row("ridge", "baseline", metric="mse", mean=0.25)]
  html = page(tmp_path, run_folder(tmp_path / "run", scores))
  assert bold_cells(html) == [("ridge", "0.250")]
  assert "ridge (a baseline) predicts with mean squared error 0.250" in text_of(html)
  assert "maml is 0.250 behind ridge" in text_of(html)
  assert "lower is better" in text_of(html)


@pytest.mark.parametrize("bad", [None, float("nan")])
def test_a_method_without_a_number_neither_wins_nor_breaks_the_page(tmp_path, bad):
  scores = two() + [row("diverged", metric=metric, half=None) | {"mean": bad} for metric in SCORES]
  scores += [row("dead", k=1, metric="macro_f1", half=None) | {"mean": bad}]
  html = page(tmp_path, run_folder(tmp_path / "run", scores))
  assert bold_cells(html) == [("maml", "90.0")]
  assert "diverged" in html and "no interval: diverged, dead" in text_of(html)


def test_a_run_where_everything_diverged_has_a_page_and_no_picture(tmp_path):
  scores = [row(metric=metric, half=None) | {"mean": None} for metric in SCORES]
  html = page(tmp_path, run_folder(tmp_path / "run", scores))
  assert "No method gave a number." in text_of(html) and "data:image" not in html
  with pytest.raises(ValueError, match="nothing to draw"):
    write_picture(scores, tmp_path / "a.png")


@pytest.mark.parametrize(
  ("short", "named"),
  [
    ({"seeds": 4}, "4 of 5 seeds"),
    ({"episodes": 599}, "599 of 600 episodes"),
    ({"half": None}, "no interval"),
  ],
)
def test_too_little_evidence_is_named_and_marked_and_nothing_is_concluded(tmp_path, short, named):
  scores = two(gain=(0.1, 0.01)) + rows("anil", "ours", 0.95, **short)
  html = page(tmp_path, run_folder(tmp_path / "run", scores))
  text = text_of(html)
  assert "Preliminary: not a result." in text and f"{named}: anil" in text
  assert len(re.findall(r'<td class="preliminary"', html)) == 1
  assert f"Preliminary ({named}), not a result: with 5 labelled" in text
  assert "more than chance" not in text and "too little evidence" in text
  table = markdown_table(scores)
  assert "**95.0**†" in table and "† Preliminary, not a result" in table and table.count("†") == 2


def test_seeds_that_answer_together_stand_in_the_table_and_neither_lead_nor_take_part_in_the_verdict(tmp_path):
  """Both are better than what they are made of, and one draw each."""
  alone = two(gain=(0.1, 0.01))
  scores = alone + rows("maml, 5 seeds together", "ours", 0.95, seeds=1, joint=True)
  scores += rows("forest, 5 seeds together", "baseline", 0.99, seeds=1, joint=True)
  scores.append(row("maml, 5 seeds together", metric="macro_f1_gain", mean=0.15, seeds=1, against="forest", joint=True))
  html, without = (page(tmp_path, run_folder(tmp_path / name, given)) for name, given in (("a", scores), ("b", alone)))
  verdict = "It beats forest, the best baseline, by 10.0 points (95 % interval of the paired difference 9.0 to 11.0)."
  assert f"{verdict} The interval excludes zero: the lead is more than chance." in text_of(html)
  said = [re.findall(r'<p class="lead">.*?</ul>', made, flags=re.DOTALL) for made in (html, without)]
  assert said[0] == said[1] and "not a result" not in text_of(html)
  assert bold_cells(html) == [("maml", "90.0")]
  assert html.count('<td class="preliminary" title="1 of 5 seeds">') == 2
  assert "over 5 seeds, 600 test episodes" in text_of(html) and "Seeds that answer together" in text_of(html)
  assert "Seeds that answer together" not in text_of(without)
  lines = markdown_table(scores).splitlines()
  assert [line.split(" | ")[0].strip("| ") for line in lines[2:6]] == [
    "maml",
    "forest (baseline)",
    "forest, 5 seeds together (baseline)",
    "maml, 5 seeds together",
  ]
  assert lines[2].count("**") == 2 and markdown_table(scores).count("**") == 2
  parsed = parse(scores)
  figure = pictures.score_against_labels(parsed, pictures.styles(parsed))
  assert figure is not None and figure.axes[0].get_title(loc="left") == "macro-F1, % (higher is better)"


def test_no_coverage_is_the_best():
  scores = [row(method, metric="coverage", mean=mean) for method, mean in (("unsure", 1.0), ("right", 0.9))]
  table = markdown_table(scores, metric="coverage")
  assert "100.0" in table and "*" not in table and "best" not in table
  figure = pictures.score_against_labels(parse(scores), pictures.styles(parse(scores)))
  assert figure is not None and "better" not in figure.axes[0].get_title(loc="left")


def test_the_protocol_met_exactly_raises_no_banner(tmp_path):
  html = page(tmp_path, run_folder(tmp_path / "run", two(gain=(0.1, 0.01))))
  assert "reliminary" not in text_of(html) and "†" not in markdown_table(two())


def test_an_accuracy_without_its_macro_f1_is_preliminary(tmp_path):
  text = text_of(page(tmp_path, run_folder(tmp_path / "run", [*two(), row("lone", metric="accuracy")])))
  assert "no macro-F1 and no macro recall: lone" in text


@pytest.mark.parametrize(
  ("gain", "said"),
  [
    (
      (0.02, 0.01),
      (
        "It beats forest, the best baseline, by 2.0 points (95 % interval of the paired difference "
        "1.0 to 3.0). The interval excludes zero: the lead is more than chance."
      ),
    ),
    (
      (0.01, 0.02),
      (
        "It is 1.0 points ahead of forest, the best baseline (95 % interval of the paired difference "
        "−1.0 to 3.0). The interval includes zero: this run does not tell the two apart."
      ),
    ),
    ((0.01, 0.01), "The interval includes zero"),
    ((-0.01, 0.02), "It is 1.0 points behind forest, the best baseline"),
    (
      (-0.02, 0.01),
      (
        "It falls behind forest, the best baseline, by 2.0 points (95 % interval of the paired "
        "difference −3.0 to −1.0). The interval excludes zero: forest is the better choice."
      ),
    ),
    (
      None,
      ("maml is 10.0 points ahead of forest, the best baseline; no paired test was recorded, so nothing is claimed."),
    ),
  ],
)
def test_the_claim_follows_the_sign_and_the_interval(tmp_path, gain, said):
  assert said in text_of(page(tmp_path, run_folder(tmp_path / "run", two(gain=gain))))


def test_a_baseline_that_wins_is_said_to_win(tmp_path):
  scores = two(0.8, 0.9, gain=(-0.1, 0.02)) + [
    row(metric="confusion", mean=[[1.0, 0.0], [0.3, 0.7]], half=None, labels=["good", "worn"])
  ]
  text = text_of(page(tmp_path, run_folder(tmp_path / "run", scores)))
  assert (
    "With 5 labelled examples of each class from a unit never seen before, forest (a baseline) names "
    "the right one of 2 classes in 90.0 % of cases (macro-F1 90.0 %, 95 % interval 89.0 to 91.0; macro "
    "recall 90.0 %)." in text
  )
  assert "maml falls behind forest, the best baseline, by 10.0 points" in text
  assert "The most frequent mistake: 30.0 % of worn taken for good." in text


def test_a_comparison_with_a_lesser_baseline_does_not_call_it_the_best(tmp_path):
  scores = two(gain=(0.1, 0.01)) + rows("boosting", "baseline", 0.85)
  text = text_of(page(tmp_path, run_folder(tmp_path / "run", scores)))
  assert "It beats forest by 10.0 points" in text and "the best baseline," not in text


class Links(HTMLParser):
  """Everything that a browser would fetch or run."""

  def __init__(self):
    super().__init__()
    self.tags, self.targets = set(), []

  def handle_starttag(self, tag, attrs):
    self.tags.add(tag)
    self.targets += [value for name, value in attrs if name in ("src", "href", "srcset", "data", "action", "poster")]


def full_run(folder: Path) -> Path:
  scores = two(k=1, gain=(0.1, 0.01)) + two(k=5) + rows("forest", "baseline", 0.7, job="MFPT")
  scores += [row(steps=steps, mean=0.5 + 0.04 * steps) for steps in (0, 1, 5)]
  scores += [row(metric="confusion", mean=np.eye(3).tolist(), half=None, labels=["a", "b", "c"])]
  about = {
    "name": "the run",
    "command": "python scripts/train.py a.py --x 1",
    "started": "2025-01-02T03:04:05",
    "device": "CPU",
    "versions": {"jax": "0.10.2"},
    "config": "config = 1",
    "docstring": "What.\n\nMore.",
    "seconds": {"training": 3700},
  }
  return run_folder(folder, scores, training(), about)


def test_the_page_is_one_file_that_asks_for_nothing(tmp_path):
  html = page(tmp_path, full_run(tmp_path / "run"))
  links = Links()
  links.feed(html)
  pictured = [target for target in links.targets if target.startswith("data:image/png;base64,")]
  assert len(pictured) == 5  # labels, steps, confusion; labels of the other job; training
  assert [target for target in links.targets if target not in pictured] == []
  assert not links.tags & {"script", "link", "iframe", "object", "embed"}
  assert "@import" not in html and "url(" not in html


def test_the_command_the_versions_and_the_config_are_shown(tmp_path):
  text = text_of(page(tmp_path, full_run(tmp_path / "run")))
  for shown in (
    "python scripts/train.py a.py --x 1",
    "jax 0.10.2",
    "config = 1",
    "2025-01-02 03:04",
    "training 1 h 2 min",
  ):
    assert shown in text


def test_rows_against_steps_stay_out_of_the_table():
  assert "99.0" not in markdown_table([*two(), row(mean=0.99, steps=5)])


def test_text_of_the_run_is_escaped(tmp_path):
  evil = "<script>alert(1)</script>"
  scores = rows(evil, "ours", 0.9, job=evil) + [
    row(evil, metric="confusion", mean=[[1.0]], half=None, job=evil, labels=[evil])
  ]
  about = {
    "name": evil,
    "command": evil,
    "config": evil,
    "docstring": evil,
    "device": evil,
    "versions": {evil: evil},
  }
  html = page(tmp_path, run_folder(tmp_path / "run", scores, training(evil), about))
  assert "<script" not in html and "&lt;script&gt;alert(1)" in html
  table = markdown_table(rows("<script>|x", "ours", 0.9))
  assert "&lt;script&gt;\\|x" in table


def test_a_run_that_stopped_before_its_evaluation_shows_its_training(tmp_path):
  folder = run_folder(tmp_path / "run", curves=training())
  with (folder / "metrics.jsonl").open("a") as file:
    file.write('{"method": "maml", "st')  # killed while writing
  html = page(tmp_path, folder)
  assert "No scores." in text_of(html) and html.count("data:image/png") == 1
  assert "maml 30 – 0.25" in text_of(html)


def test_a_run_without_training_curves_says_so(tmp_path):
  assert "No training curves" in text_of(page(tmp_path, run_folder(tmp_path / "run", two())))


def test_several_runs_have_a_section_each(tmp_path):
  html = page(tmp_path, run_folder(tmp_path / "one", two()), run_folder(tmp_path / "two", two(0.7)))
  assert html.count("<section") == 2 and 'href="#run-2"' in html
  assert bold_cells(html) == [("maml", "90.0"), ("forest", "80.0")]


def test_what_is_missing_is_named(tmp_path):
  with pytest.raises(FileNotFoundError, match="absent"):
    page(tmp_path, tmp_path / "absent")
  with pytest.raises(FileNotFoundError, match=r"scores\.json and none in metrics\.jsonl"):
    page(tmp_path, run_folder(tmp_path / "empty", about={"name": "x"}))
  with pytest.raises(ValueError, match="at least one run"):
    page(tmp_path)
  with pytest.raises(ValueError, match="line 1"):
    folder = run_folder(tmp_path / "broken")
    (folder / "metrics.jsonl").write_text("{\n{}\n")
    page(tmp_path, folder)
  assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize(
  ("change", "said"),
  [
    (lambda r: r.pop("seeds"), "has no seeds"),
    (lambda r: r.update(kind="mine"), "'mine'"),
    (lambda r: r.update(metric="f2"), "unknown metric 'f2'"),
  ],
)
def test_a_malformed_row_is_refused(change, said):
  bad = row()
  change(bad)
  with pytest.raises(ValueError, match=said):
    parse([bad])
  with pytest.raises(ValueError, match="repeats maml"):
    parse([row(), row()])


def test_a_job_must_be_chosen_where_there_are_several():
  scores = rows("maml", "ours", 0.9, job="CWRU") + rows("maml", "ours", 0.7, job="MFPT")
  with pytest.raises(ValueError, match="'CWRU', 'MFPT'"):
    markdown_table(scores)
  assert "70.0" in markdown_table(scores, "MFPT") and "90.0" not in markdown_table(scores, "MFPT")


def test_the_markdown_table_is_the_one_made_by_hand():
  scores = [
    row("maml", k=1, mean=0.5),
    row("maml", k=5, mean=0.8),
    row("maml", k=5, metric="accuracy", mean=0.81),
    row("forest", "baseline", k=1, mean=0.6),
    row("maml", k=1, metric="accuracy", mean=0.51),
    row("maml", k=1, metric="macro_recall", mean=0.52),
    row("maml", k=5, metric="macro_recall", mean=0.82),
    row("forest", "baseline", k=1, metric="accuracy", mean=0.61),
    row("forest", "baseline", k=1, metric="macro_recall", mean=0.62),
  ]
  assert markdown_table(scores) == (
    "| method | K = 1 | K = 5 |\n"
    "|---|---|---|\n"
    "| maml | 50.0 [49.0, 51.0]<br><sub>accuracy 51.0, macro recall 52.0</sub> "
    "| **80.0** [79.0, 81.0]<br><sub>accuracy 81.0, macro recall 82.0</sub> |\n"
    "| forest (baseline) | **60.0** [59.0, 61.0]<br><sub>accuracy 61.0, macro recall 62.0</sub> | – |\n"
    "\n"
    "K = labels per class; macro-F1, %, mean [95 % interval]; 5 seeds, 600 test episodes; the best in bold.\n"
  )


def test_what_a_method_costs_stands_beside_its_name(tmp_path):
  scores = rows("maml", "ours", 0.9, k=1) + rows("maml", "ours", 0.9, k=5) + rows("rule", "baseline", 0.8, k=5)
  for method, k, labels, seconds in (("maml", 1, 8.0, 9.0), ("maml", 5, 40.0, 0.00312), ("rule", 5, 0.0, 1.26)):
    scores.append(row(method, k=k, metric="labels", mean=labels))
    scores.append(row(method, k=k, metric="seconds", mean=seconds, half=None))
  lines = markdown_table(scores).splitlines()
  assert lines[0] == "| method | labels used | time | K = 1 | K = 5 |"
  assert lines[2].startswith("| maml | 8 / 40 | 3.1 ms | **90.0**")
  assert lines[3].startswith("| rule (baseline) | 0 | 1.3 s | – | 80.0")
  assert "Time = to adapt to one unit and answer, at the largest K." in lines[-1]
  shown = text_of(page(tmp_path, run_folder(tmp_path / "run", scores)))
  assert "8 / 40 3.1 ms" in shown and "1.3 s" in shown
  assert "Preliminary" not in shown


def test_labels_beside_lines_neither_overlap_nor_leave_the_picture():
  generator = np.random.default_rng(0)
  for count in (1, 2, 7, 20):
    crowded_below = generator.uniform(0.0, 1.0, count) ** 4
    for wanted in (crowded_below, 1.0 - crowded_below):
      placed = np.asarray(pictures.style._apart(wanted.tolist(), 0.05, 0.0, 1.0))
      assert np.all(np.diff(np.sort(placed)) > 0.05 - 1e-9)
      assert placed.min() > -1e-9 and placed.max() < 1.0 + 1e-9
      np.testing.assert_array_equal(np.argsort(placed), np.argsort(wanted))
  assert pictures.style._apart([0.9, 0.1], 0.05, 0.0, 1.0) == pytest.approx([0.9, 0.1])


def test_the_whole_of_every_interval_is_inside_the_axes():
  scored = parse(
    [row(k=0, mean=0.2, half=0.15), row(k=5, mean=0.9, half=0.05), row("forest", "baseline", k=5, mean=0.3)]
  )
  figure = pictures.score_against_labels(scored, pictures.styles(scored))
  assert figure is not None
  low, high = figure.axes[0].get_ylim()
  assert low < 5.0 and high > 95.0
  assert figure.axes[0].get_xlim()[0] < 0.0 and figure.axes[0].get_xlim()[1] > 5.0


def test_many_methods_stay_beside_their_count_and_inside_the_axes():
  scored = parse([row(f"rung {i}", "baseline", k=k, mean=0.02 * i + 0.1) for i in range(26) for k in (1, 5, 10)])
  figure = pictures.score_against_labels(scored, pictures.styles(scored))
  assert figure is not None
  figure.canvas.draw()
  (axes,) = figure.axes
  low, high = axes.bbox.x0, axes.bbox.x1
  ticks = axes.transData.transform([[k, 0.0] for k in (1, 5, 10)])[:, 0]
  lines = [line for line in axes.lines if line.get_marker() not in ("None", "|", "_")]  # not caps, not leaders
  assert len(lines) == 26
  for line in lines:
    x = line.get_transform().transform(line.get_xydata())[:, 0]
    assert low < x.min() and x.max() < high
    assert abs(x - ticks).max() < 0.05 * (high - low)


def test_the_validation_panel_is_of_a_number_and_of_macro_f1_where_there_is_one():
  row = {"method": "maml", "step": 1, "loss": 1.0, "validation_confusion": [[1.0]], "validation_loss": 0.5}
  for curves, title in (
    ([row], "validation loss"),
    ([row | {"validation_macro_f1": 0.5}], "validation macro-F1, %"),
  ):
    figure = pictures.training_curves(curves, pictures.styles([], curves))
    assert figure is not None
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["training loss", title]


def test_equal_steps_of_several_seeds_are_averaged():
  steps, values = pictures.training._curve(
    [{"step": 1, "loss": 1.0}, {"step": 1, "loss": 3.0}, {"step": 2, "loss": 5.0}], "loss"
  )
  assert (steps.tolist(), values.tolist()) == ([1.0, 2.0], [2.0, 5.0])


def test_the_time_of_training_is_that_of_the_steps_between_rows():
  """50 steps at 10 a second and 50 at 5, which two seeds took together."""
  curves = [{"method": "maml", "step": step, "steps_per_s": rate, "loss": 1.0} for step, rate in ((50, 10), (100, 5))]
  (line,) = training_table([*curves, *curves])
  assert (line["steps"], line["time"]) == ("100", "15 s")
  (line,) = training_table([*curves, {"method": "maml", "step": 150, "loss": 1.0}])
  assert line["time"] == "–"
  (line,) = training_table([{"method": "maml", "step": 7200, "steps_per_s": 1.0}])
  assert line["time"] == "2 h 0 min"


def test_the_confusion_shown_is_of_the_best_of_ours_nearest_five_labels():
  scored = parse(
    [
      *[
        row(method, kind, k=k, mean=mean)
        for method, kind, mean in (("maml", "ours", 0.7), ("anil", "ours", 0.8), ("forest", "baseline", 0.9))
        for k in (1, 4, 20)
      ],
      *[
        row(method, kind, k=k, metric="confusion", mean=[[1.0]], half=None)
        for method, kind in (("maml", "ours"), ("anil", "ours"), ("forest", "baseline"))
        for k in (1, 4, 20)
      ],
    ]
  )
  chosen = pictures.chosen_confusion(scored)
  assert chosen is not None and (chosen.method, chosen.k) == ("anil", 4)
  assert pictures.chosen_confusion(parse(two())) is None


def test_the_picture_is_a_small_png_and_equal_rows_give_equal_bytes(tmp_path):
  scores = [r for i in range(10) for k in (1, 5, 10) for r in rows(f"method {i}", "baseline", 0.05 * i + 0.01 * k, k=k)]
  first = write_picture(scores, tmp_path / "new" / "a.png").read_bytes()
  assert first.startswith(b"\x89PNG") and len(first) < 150_000
  assert write_picture(scores, tmp_path / "b.png").read_bytes() == first
  assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.png"]
