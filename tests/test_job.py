"""What a job trains, whom it asks, and how episodes become the rows of scores.json.

Scores here are made by hand, or by methods whose answer tells what they were given, so that nothing is trained.
"""

import dataclasses
import json
import subprocess
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtl_jax import build, job
from mtl_jax.baselines import Answered, Fixed, Ladder, Rung
from mtl_jax.build import Fold, HeldOut, Method, Trained
from mtl_jax.checkpoint import CheckpointError
from mtl_jax.config import MLP, Anil, Config, ConfigError, Evaluation, Finetune, Maml, ProtoNet, Sinusoid, Training
from mtl_jax.data import DataError
from mtl_jax.evaluate import interval
from mtl_jax.job import few_shot
from mtl_jax.job import scores as job_scores
from mtl_jax.report.run import parse
from mtl_jax.trust import LeakError
from mtl_jax.types import Algorithm, Batch, Episode, TaskFamily

SEEDS, EPISODES = 2, 7
CONFIG = Config(
  "made_up",
  Sinusoid(),
  MLP((4,)),
  Maml(),
  training=Training(seeds=SEEDS, steps=30, tasks_per_step=4),
  evaluation=Evaluation(shots=(1, 3), episodes=EPISODES, adaptation_steps=(0, 5), adaptation_shots=2),
)
PLACES = 3  # for labels in a support set
KEY = jax.random.key(0)


def labelled(k: int) -> TaskFamily:
  """Episodes of k labels in three places; what is masked would spoil any answer."""

  def sample(key) -> Episode:
    mask = jnp.arange(PLACES) < k
    x = jax.random.uniform(key, (PLACES + 2, 1))
    support = Batch(jnp.where(mask[:, None], x[:PLACES], 1e6), jnp.where(mask[:, None], 1.0, 1e6), mask)
    return Episode(support, Batch(x[PLACES:], x[PLACES:], jnp.ones(2, bool)), {})

  return TaskFamily(sample)


def told(prediction, episode) -> dict[str, Any]:
  """A judge that passes on what was answered."""
  return {"mse": prediction.mean()}


def held_out(*rungs: Rung, fixed: tuple[Fixed, ...] = (), **more: Any) -> HeldOut:
  return HeldOut(labelled, (), lambda: Ladder(rungs, fixed), **{"judge": told, **more})


def test_a_job_s_script_begins_without_waiting_for_what_only_baselines_and_pictures_need():
  late = {"sklearn", "matplotlib", "scipy.signal", "scipy.ndimage", "jinja2"}
  done = subprocess.run([sys.executable, "-c", "import sys, mtl_jax.job; print(*sys.modules)"], capture_output=True)
  assert done.returncode == 0, done.stderr
  assert not late & set(done.stdout.decode().split())


def one(rows: list[dict[str, Any]], **wanted: Any) -> dict[str, Any]:
  (row,) = [row for row in rows if all(row.get(name) == value for name, value in wanted.items())]
  return row


def rows_of(
  found: dict[str, np.ndarray], metric: str = "macro_f1", of: np.ndarray | None = None, **test: Any
) -> list[dict[str, Any]]:
  """Method -> (seeds, episodes) with one label; "ours" is ours, what is called simple stands in the ladder."""
  episodes = len(next(iter(found.values()))[0])
  simple = {name for name in found if name.startswith("simple")}
  folds = [Fold("fold", None, None, {"job": held_out(**test)})]
  collected: Any = {(name, 1, None): [{metric: values}] for name, values in found.items()}
  units = np.arange(episodes) if of is None else of
  return job_scores.rows_of(CONFIG, "job", collected, {"ours": "ours"}, simple, units, folds)


@pytest.mark.parametrize(("metric", "sign"), [("macro_f1", 1.0), ("mse", -1.0)])
def test_a_gain_is_over_the_best_baseline_and_above_zero_where_ours_is_better(metric, sign):
  means = {"ours": 0.7, "pooled network": 0.5 + 0.3 * sign, "simple": 0.5 + 0.1 * sign, "simple and poor": 0.5}
  rows = rows_of({name: np.full((SEEDS, 40), value) for name, value in means.items()}, metric)
  gains = {row["against"]: row["mean"] for row in rows if row["metric"] == f"{metric}_gain"}
  assert gains == pytest.approx({name: sign * (0.7 - means[name]) for name in ("pooled network", "simple")})
  assert {row["method"]: row["kind"] for row in rows} == dict.fromkeys(means, "baseline") | {"ours": "ours"}


def test_a_gain_is_paired_by_episode():
  """Ours is 0.1 better in every episode, however hard it is: there is nothing left to be unsure of."""
  easy = np.random.default_rng(0).normal(0.5, 0.2, (1, 40))
  gain = one(rows_of({"ours": np.repeat(easy + 0.1, SEEDS, axis=0), "simple": easy}), metric="macro_f1_gain")
  assert [gain[end] for end in job_scores.ENDS] == pytest.approx([0.1] * 3)


def test_intervals_are_over_units_and_not_over_episodes():
  unit, scores = np.repeat(np.arange(40), 10), np.random.default_rng(0).normal(size=(1, 40)).repeat(10, axis=1)
  row = one(rows_of({"simple": scores}, of=unit), metric="macro_f1")
  assert tuple(row[end] for end in job_scores.ENDS) == interval(scores, unit)
  _, low, high = interval(scores)
  assert row["high"] - row["low"] > 2.5 * (high - low)
  assert row["episodes"] == 400


def test_a_root_mean_squared_error_is_the_root_of_the_mean_and_its_gain_the_difference_of_roots():
  halves = {"ours": (1.0, 3.0), "simple": (4.0, 14.0)}
  errors = {name: np.tile(np.repeat(values, 20), (SEEDS, 1)) for name, values in halves.items()}
  rows = rows_of(errors, "mse", unit="cycles")
  assert one(rows, method="ours", metric="rmse")["mean"] == pytest.approx(2**0.5)
  assert one(rows, method="simple", metric="rmse")["mean"] == pytest.approx(3.0)
  assert one(rows, metric="rmse_gain")["mean"] == pytest.approx(3.0 - 2**0.5)
  assert all(row["low"] <= row["mean"] <= row["high"] for row in rows)
  assert not [row for row in rows_of(errors, "mse") if row["metric"].startswith("rmse")]


def test_a_confusion_matrix_gives_the_shares_of_each_true_class_that_occurs():
  counts = np.zeros((1, 40, 3, 3))
  counts[:, :, 0, 0], counts[:, :, 0, 2], counts[:, :, 2, 0] = 3, 1, 2
  scores = [{"macro_f1": np.ones((1, 40)), "accuracy": np.ones((1, 40)), "confusion": counts}]
  folds = [Fold("fold", None, None, {"job": held_out()._replace(labels=("fine", "absent", "worn"))})]
  row = one(
    job_scores.rows_of(CONFIG, "job", {("a", 1, None): scores}, {}, set(), np.arange(40), folds), metric="confusion"
  )
  assert (row["labels"], row["mean"]) == (["fine", "worn"], [[0.75, 0.25], [1.0, 0.0]])


def test_episodes_of_all_folds_are_one_row_and_a_complete_test_set_says_so():
  parts = [{"mse": np.full((1, 10), value)} for value in (1.0, 4.0)]
  for every in (None, lambda k: None):
    folds = [Fold(name, None, None, {"job": held_out(every=every)}) for name in "ab"]
    row = one(job_scores.rows_of(CONFIG, "job", {("a", 1, None): parts}, {}, set(), np.arange(20), folds))
    assert (row["mean"], row["episodes"], row.get("complete")) == (2.5, 20, every and True)


def test_what_is_drawn_against_steps_is_the_headline_alone_and_gains_leave_it_out():
  found: Any = {
    ("ours", 1, None): [{"mse": np.ones((1, 40))}],
    ("ours", 1, 5): [{"mse": np.zeros((1, 40)), "mae": np.zeros((1, 40))}],
    ("other", 1, None): [{"mse": np.full((1, 40), 3.0)}],
  }
  folds = [Fold("fold", None, None, {"job": held_out()})]
  rows = job_scores.rows_of(CONFIG, "job", found, {"ours": "ours"}, set(), np.arange(40), folds)
  assert [row["metric"] for row in rows if row.get("steps") == 5] == ["mse"]
  assert one(rows, metric="mse_gain")["mean"] == 2.0


def in_this_process(rungs, asked, seeds):
  for i, episode in enumerate(asked):
    yield [Answered(rung.predict(*episode, i % seeds), 1.0) for rung in rungs]


@pytest.fixture
def scored(monkeypatch, tmp_path):
  """scored(folds, trained): rows of a job whose baselines answer here and whose networks are `trained`."""
  monkeypatch.setattr(few_shot, "answers", in_this_process)
  monkeypatch.setattr(few_shot, "_score_scratch", lambda *_: None)
  (tmp_path / "run.json").write_text('{"seconds": {"training": 3.0}}')

  def scored(folds, trained=(), config=CONFIG, state=(0.0, 0.0)):
    monkeypatch.setattr(build, "trained", lambda config: list(trained))
    monkeypatch.setattr(few_shot, "_state", lambda *_: jnp.asarray(state))
    rows = few_shot.score(config, folds, tmp_path)
    assert json.loads((tmp_path / "scores.json").read_text()) == rows
    return rows

  return scored


def test_a_baseline_gets_the_labels_that_are_not_masked_a_seed_for_each_episode_and_the_same_questions(scored):
  def answer(value):
    return lambda x, y, q, seed: np.full((len(q), 1), float(value(x, y, q, seed)))

  test = held_out(
    Rung("labels", answer(lambda x, y, q, seed: y.sum())),
    Rung("rows", answer(lambda x, y, q, seed: x.max())),
    Rung("seed", answer(lambda x, y, q, seed: seed)),
    Rung("questions", answer(lambda x, y, q, seed: q.mean())),
    fixed=(Fixed("fixed questions", lambda q: q),),
  )
  rows = scored([Fold("fold", None, None, {"job": test})])
  mean = {(row["method"], row["k"]): row["mean"] for row in rows if row["metric"] == "mse"}
  cost = {(row["method"], row["k"]): row["mean"] for row in rows if row["metric"] == "labels"}
  for k in (1, 3):
    assert mean["labels", k] == k == cost["labels", k]
    assert mean["rows", k] < 1.0
    assert mean["seed", k] == pytest.approx(np.mean(np.arange(EPISODES) % SEEDS))
    assert mean["questions", k] == pytest.approx(mean["fixed questions", k], rel=1e-6)
    assert cost["fixed questions", k] == 0
  assert mean["questions", 1] == mean["questions", 3]


def test_episodes_are_shared_out_to_the_folds_of_a_job_and_a_published_test_set_is_asked_whole(scored):
  rung = Rung("mean", lambda x, y, q, seed: np.zeros((len(q), 1)))

  def every(k: int) -> Episode:
    return jax.vmap(labelled(k).sample)(jax.random.split(KEY, 9))

  folds = [Fold(name, None, None, {"job": held_out(rung), "whole": held_out(rung, every=every)}) for name in "abc"]
  rows = scored(folds)
  assert {row["episodes"] for row in rows if row["job"] == "job"} == {9}  # 7 in three folds: 3 each
  assert {row["episodes"] for row in rows if row["job"] == "whole"} == {27}


def test_tasks_made_up_on_the_spot_are_units_of_their_own_in_every_fold(scored, monkeypatch):
  seen = []
  monkeypatch.setattr(job_scores, "interval", lambda scores, unit: seen.append(unit) or interval(scores, unit))
  test = held_out(Rung("zero", lambda x, y, q, seed: np.zeros((len(q), 1))))
  scored([Fold(name, None, None, {"job": test}) for name in "ab"])
  assert all(len(np.unique(unit)) == len(unit) == 8 for unit in seen) and seen


def test_without_baselines_none_is_asked(scored):
  evaluation = dataclasses.replace(CONFIG.evaluation, baselines=False)
  config = dataclasses.replace(CONFIG, evaluation=evaluation)
  test = held_out(Rung("zero", lambda x, y, q, seed: np.zeros((len(q), 1))))
  assert scored([Fold("fold", None, None, {"job": test})], config=config) == []


def telling(steps: int) -> Algorithm:
  """Answers steps + labels / 10."""

  def predict(key, state, support, x):
    return jnp.full(x.shape, steps + support.mask.sum(dtype=jnp.float32) / 10.0 + 100.0 * state)

  return Algorithm(lambda params: params, lambda key, state, data: (state, {}), predict)


def network(*methods: Method) -> Trained:
  return Trained(
    "net", lambda key: jax.random.normal(key), lambda a: telling(getattr(a, "inner_steps", 0)), Anil(), methods
  )


OURS = Method("anil", "ours", Anil(inner_steps=2), True)
POOLED = Method("pooled", "baseline", Finetune(inner_steps=0), False)


def test_a_method_is_scored_with_its_own_steps_and_against_others_with_the_labels_of_the_picture(scored):
  train = labelled(1)
  rows = scored([Fold("fold", train, None, {"job": held_out()})], [network(OURS, POOLED)])
  points = {(row["method"], row["k"], row.get("steps")): row["mean"] for row in rows if row["metric"] == "mse"}
  assert points == pytest.approx(
    {
      ("anil", 1, None): 2.1,
      ("anil", 3, None): 2.3,
      ("anil", 2, 0): 0.2,
      ("anil", 2, 5): 5.2,
      ("pooled", 1, None): 0.1,
      ("pooled", 3, None): 0.3,
    }
  )
  costs = {(row["method"], row["k"]): row["mean"] for row in rows if row["metric"] == "labels"}
  assert costs == {("anil", 1): 1, ("anil", 3): 3, ("pooled", 1): 0, ("pooled", 3): 0}


def test_all_seeds_together_are_one_more_row_with_their_mean_and_spread_that_counts_as_one_seed(scored):
  """The seeds say 2.1 and 102.1: their mean is 52.1 and its variance 2500, and each is 50 from the mean."""

  def judge(prediction, episode):
    return {"mse": prediction[:, 0].mean(), "nll": prediction[:, -1].mean()}

  config = dataclasses.replace(CONFIG, evaluation=dataclasses.replace(CONFIG.evaluation, ensemble=True))
  folds = [Fold("fold", labelled(1), None, {"job": held_out(judge=judge)})]
  rows = scored(folds, [network(OURS, POOLED)], config, (0.0, 1.0))
  assert {row.method: row.kind for row in parse(rows)} == {
    "anil": "ours",
    "anil, 2 seeds together": "ours",
    "pooled": "baseline",
    "pooled, 2 seeds together": "baseline",
  }
  both = {row["metric"]: row for row in rows if row["method"] == "anil, 2 seeds together" and row["k"] == 1}
  assert [both[name]["mean"] for name in ("mse", "nll", "labels")] == pytest.approx([52.1, np.log(2500.0), 1.0])
  each = {row["metric"]: row for row in rows if row["method"] == "anil" and row["k"] == 1}
  assert each["mse"]["mean"] == pytest.approx(52.1)
  assert both["seconds"]["mean"] == pytest.approx(2 * each["seconds"]["mean"])
  assert (each["mse"]["seeds"], both["mse"]["seeds"], both["mse_gain"]["seeds"]) == (2, 1, 1)
  assert {row["method"] for row in rows if row.get("joint")} == {"anil, 2 seeds together", "pooled, 2 seeds together"}


def test_seeds_that_answer_together_are_no_rival(scored):
  """The seeds are off by 2 and 102, together they say the mean."""

  def judge(prediction, episode):
    return {"mse": jnp.where(prediction.shape[-1] == 2, 0.0, prediction[:, 0].mean())}

  config = dataclasses.replace(CONFIG, evaluation=dataclasses.replace(CONFIG.evaluation, ensemble=True))
  folds = [Fold("fold", labelled(1), None, {"job": held_out(judge=judge)})]
  rows = scored(folds, [network(OURS, POOLED)], config, (0.0, 1.0))
  assert one(rows, method="pooled, 2 seeds together", metric="mse", k=1)["mean"] == 0.0
  assert {row["against"] for row in rows if row["metric"] == "mse_gain"} == {"pooled"}


def test_of_classes_all_seeds_together_say_the_mean_probability(scored):
  """Of one class it is 1, whatever the seeds say."""

  def judge(prediction, episode):
    return {"macro_f1": prediction.mean(), "accuracy": prediction.mean(), "confusion": jnp.ones((1, 1))}

  config = dataclasses.replace(CONFIG, evaluation=dataclasses.replace(CONFIG.evaluation, ensemble=True))
  test = held_out(judge=judge)._replace(labels=("one",))
  rows = scored([Fold("fold", labelled(1), None, {"job": test})], [network(OURS)], config, (0.0, 1.0))
  assert one(rows, method="anil, 2 seeds together", metric="macro_f1", k=3)["mean"] == 0.0


def test_the_point_of_the_picture_that_is_the_method_itself_is_not_asked_again(scored, monkeypatch):
  asked, seed_scores = [], few_shot._seed_scores
  monkeypatch.setattr(few_shot, "_seed_scores", lambda *given: asked.append(given) or seed_scores(*given))
  evaluation = dataclasses.replace(CONFIG.evaluation, adaptation_steps=(0, 2), adaptation_shots=3)
  config = dataclasses.replace(CONFIG, evaluation=evaluation)
  rows = scored([Fold("fold", labelled(1), None, {"job": held_out()})], [network(OURS)], config)
  points = {(row["k"], row.get("steps")): row["mean"] for row in rows if row["metric"] == "mse"}
  assert points == pytest.approx({(1, None): 2.1, (3, None): 2.3, (3, 0): 0.3, (3, 2): 2.3})
  assert len(asked) == 3  # K = 1 and 3, and no step


def test_where_labels_mean_something_else_a_network_without_adaptation_is_not_asked(scored):
  folds = [Fold("fold", labelled(1), None, {"job": held_out(same_labels=False)})]
  assert {row["method"] for row in scored(folds, [network(OURS, POOLED)])} == {"anil"}


def test_a_gain_is_over_the_best_baseline_and_over_the_best_of_the_ladder(scored):
  test = held_out(
    Rung("five", lambda x, y, q, seed: np.full((len(q), 1), 5.0)), fixed=(Fixed("nine", lambda q: q * 9),)
  )
  rows = scored([Fold("fold", labelled(1), None, {"job": test})], [network(OURS, POOLED)])
  assert {row["against"] for row in rows if row["metric"] == "mse_gain"} == {"pooled", "five"}


def test_where_nothing_is_learned_no_network_is_asked(scored):
  test = held_out(Rung("zero", lambda x, y, q, seed: np.zeros((len(q), 1))))
  assert {row["method"] for row in scored([Fold("fold", None, None, {"job": test})], [network(OURS)])} == {"zero"}


def test_each_seed_answers_with_its_own_state():
  drawn = jax.vmap(labelled(2).sample)(jax.random.split(KEY, 4))
  scores = few_shot._seed_scores(CONFIG, KEY, telling(0), jnp.arange(2.0), drawn, told)
  np.testing.assert_allclose(scores["mse"], [[0.2] * 4, [100.2] * 4], rtol=1e-6)


def test_each_seed_starts_from_parameters_of_its_own():
  first = few_shot._initial(CONFIG, network())
  assert first.shape == (SEEDS,)
  assert len({*first.tolist(), *few_shot._initial(dataclasses.replace(CONFIG, seed=1), network()).tolist()}) == 4


@pytest.mark.parametrize(("metric", "sign"), [("macro_f1", 1.0), ("mse", -1.0)])
def test_the_checkpoint_is_picked_by_what_is_better_on_the_validation_tasks(metric, sign):
  def judge(prediction, episode):
    return {metric: prediction.mean()}

  validate = few_shot._validation(CONFIG, telling(0), Fold("fold", labelled(1), labelled(2), {}, judge=judge))
  assert validate is not None
  said = validate(jnp.asarray([1.0, 2.0]))
  assert said == pytest.approx({"score": sign * 150.2, metric: 150.2})
  assert few_shot._validation(CONFIG, telling(0), Fold("fold", labelled(1), None, {})) is None


def test_the_best_state_by_validation_is_used_and_the_last_where_there_is_none(tmp_path):
  for validation, expected in ((labelled(1), 1.0), (None, 2.0)):
    fold = Fold("fold", labelled(1), validation, {})
    store = few_shot._store(CONFIG, tmp_path / str(expected), fold, network())
    for step, score in ((1, 0.9), (2, 0.1)):
      store.save(step, jnp.full(SEEDS, float(step)), score=score)
    assert few_shot._state(CONFIG, tmp_path / str(expected), fold, network()).tolist() == [expected] * SEEDS


def test_every_fold_is_trained_on_its_tasks_and_the_control_on_the_pooled_ones(monkeypatch, tmp_path):
  calls = []
  monkeypatch.setattr(few_shot, "fit", lambda key, seeds, state, tasks, **more: calls.append((tasks, state, more)))
  trained = [network()._replace(name=name, config=a) for name, a in (("ours", ProtoNet()), ("finetune", Finetune()))]
  monkeypatch.setattr(build, "trained", lambda config: trained)
  a, b, pooled = (labelled(k) for k in (1, 2, 3))
  folds = [Fold("a", a, None, {}, pooled=pooled), Fold("b", b, None, {}), Fold("nothing", None, None, {})]
  for resume in (True, False):
    calls.clear()
    few_shot.train(CONFIG, folds, tmp_path, resume)
    assert [tasks for tasks, _, _ in calls] == [a, b, pooled, b]
    assert [more["resume"] for _, _, more in calls] == [resume] * 4
    assert {(more["steps"], more["tasks_per_step"]) for _, _, more in calls} == {(30, 4 * SEEDS)}
    stores = [more["checkpoints"].path(0).parent for _, _, more in calls]
    assert [store.name for store in stores] == ["a-ours", "b-ours", "a-finetune", "b-finetune"]


def test_test_tasks_are_drawn_by_another_key_than_those_that_were_learned_from(monkeypatch, scored, tmp_path):
  keys = []
  monkeypatch.setattr(few_shot, "fit", lambda key, *_, **more: keys.append(key))
  fold = Fold("fold", labelled(1), None, {"job": held_out(Rung("zero", lambda x, y, q, seed: np.zeros((len(q), 1))))})
  monkeypatch.setattr(build, "trained", lambda config: [network()])
  few_shot.train(CONFIG, [fold], tmp_path, False)
  draw = few_shot.episodes_of
  monkeypatch.setattr(few_shot, "episodes_of", lambda key, *rest: keys.append(key) or draw(key, *rest))
  scored([fold])
  learned, *asked = [tuple(jax.random.key_data(key).tolist()) for key in keys]
  assert len(asked) == 2 == asked.count(asked[0])  # one for each K, of the same episodes
  assert learned not in asked


def test_stage_times_add_up_in_run_json(tmp_path):
  job.start(CONFIG, "A docstring.", tmp_path / "run")
  with pytest.raises(FileExistsError):
    job.start(CONFIG, "A docstring.", tmp_path / "run")
  job.note(tmp_path / "run", training=1.0)
  job.note(tmp_path / "run", baselines=2.0)
  facts = json.loads((tmp_path / "run" / "run.json").read_text())
  assert facts["seconds"] == {"training": 1.0, "baselines": 2.0}
  assert (facts["name"], facts["docstring"]) == ("made_up", "A docstring.")


@pytest.mark.parametrize("kind", [ConfigError, CheckpointError, DataError, LeakError])
def test_what_a_user_can_mend_is_a_line_and_exit_code_1(kind, capsys):
  def main(argv):
    raise kind(f"[{argv[0]}] is wrong")

  with pytest.raises(SystemExit) as ended:
    job.exit_with_message(main, ["x"])
  assert ended.value.code == 1
  assert capsys.readouterr().err == f"{kind.__name__}: [x] is wrong\n"


def test_any_other_error_is_a_traceback():
  with pytest.raises(ZeroDivisionError):
    job.exit_with_message(lambda argv: print(1 / 0), [])


def test_places_that_no_episode_fills_are_left_out_and_nothing_else_changes():
  """An algorithm that is asked about four places of which two are filled says what it says about the two."""
  place = jnp.arange(4.0)[None, :, None] + jnp.arange(3.0)[:, None, None]
  mask = jnp.asarray([[False, True, False, False], [False, False, False, True], [False, False, False, True]])
  asked = Batch(place[:, :2], place[:, :2], jnp.ones((3, 2), bool))
  kept = few_shot._labelled_only(Episode(Batch(place, 10.0 * place, mask), asked, None))
  assert kept.support.x[:, :, 0].tolist() == [[1.0, 3.0], [2.0, 4.0], [3.0, 5.0]]
  assert kept.support.y[:, :, 0].tolist() == [[10.0, 30.0], [20.0, 40.0], [30.0, 50.0]]
  assert kept.support.mask.tolist() == [[True, False], [False, True], [False, True]]
  assert kept.query is asked
  none = few_shot._labelled_only(Episode(Batch(place, place, jnp.zeros_like(mask)), asked, None))
  assert none.support.mask.tolist() == [[False]] * 3  # an empty support still has a shape
