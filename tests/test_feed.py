"""Between a plant and a learner: messages become events, and a process that is killed goes on where it was."""

import signal
import subprocess
import sys
import threading
from pathlib import Path

import jax
import numpy as np

from mtl_jax.online import Event, Feed, imputed, last_known, persistence, serve, stream


def test_a_plant_that_calls_back_in_a_thread_is_the_stream_of_its_rows():
  """A fake subscription of two presses; the laboratory answers three messages later, every fifth sample never.

  What `persistence` says of the events is what it says of the recorded rows, each label at the time of its message.
  """
  rows, feed, learner = 40, Feed(waiting=8), imputed(persistence(), inputs=(2,))
  x = np.random.default_rng(0).normal(size=(rows, 2)).astype(np.float32)
  x[5, 1] = np.nan
  y = np.arange(rows, dtype=np.float32)[:, None]

  def on_message(topic: str, time: float, sample: int) -> None:
    if topic == "sensors":
      feed.ask(time, sample % 2, f"sample {sample}", x[sample], cost=30.0)
    else:
      feed.answer(time, f"sample {sample}", y[sample], cost=40.0 if sample % 2 else None)  # or as was said

  def subscription() -> None:
    for now in range(rows + 3):
      if now < rows:
        on_message("sensors", float(now), now)
      if now >= 3 and now % 5:
        on_message("laboratory", float(now), now - 3)
    feed.close()

  thread = threading.Thread(target=subscription)
  thread.start()
  events = list(feed)
  thread.join()
  asked, told = [e for e in events if e.y is None], [e for e in events if e.y is not None]
  assert [(e.time, e.unit, e.cost) for e in asked] == [(row, row % 2, 30.0) for row in range(rows)]
  expected = [(t, (t - 3) % 2, 40.0 if t % 2 == 0 else 30.0) for t in range(3, rows + 3) if t % 5]
  assert [(e.time, e.unit, e.cost) for e in told] == expected
  for e in told:
    assert e.y is not None and e.y[0] == e.time - 3
    np.testing.assert_array_equal(e.x, x[int(e.time) - 3])
  state = learner.init(np.full(1, -1.0, np.float32))
  said = [p for _, p in serve(jax.random.key(0), learner, state, events) if p is not None]
  late = np.where((np.arange(rows) + 3) % 5, 3.0, np.inf)
  expected = last_known(np.full(1, -1.0, np.float32), stream(np.arange(rows), x, y, delay=late))
  np.testing.assert_array_equal(said, expected)
  assert feed.lost == 0


def test_a_label_finds_its_question_once_and_only_so_many_questions_wait():
  feed, x = Feed(waiting=2), np.zeros(1)
  for sample in ("a", "b", "c"):
    feed.ask(0.0, 7, sample, x)
  feed.ask(1.0, 8, "b", x + 1)  # again: the newer one is answered
  for sample in ("a", "b", "b", "c", "d"):
    feed.answer(2.0, sample, np.ones(1))
  feed.close()
  told = [event for event in feed if event.y is not None]
  assert [(event.unit, event.x.tolist()) for event in told] == [(8, [1.0]), (7, [0.0])]
  assert feed.lost == 3  # a was pushed out, b came twice, nobody asked about d


def test_events_come_while_the_plant_goes_on():
  """The reader waits for what has not been put yet."""
  feed, seen = Feed(waiting=1), threading.Semaphore(0)
  found: list[Event] = []

  def read() -> None:
    for event in feed:
      found.append(event)
      seen.release()

  reader = threading.Thread(target=read)
  reader.start()
  for time in (0.0, 1.0):
    feed.ask(time, 0, time, np.zeros(1))
    assert seen.acquire(timeout=60) and found[-1].time == time
  feed.close()
  reader.join(timeout=60)
  assert not reader.is_alive()


LIFE = """
import itertools, sys
import jax, numpy as np
from mtl_jax.checkpoint import Checkpoints
from mtl_jax.online import events, imputed, linear, moca, serve, stream, wide_prior
draw = np.random.default_rng(0)
x, noise = draw.normal(size=(120, 3)).astype(np.float32), draw.normal(size=(120, 1))
x[::7, 1] = np.nan
y = (np.nan_to_num(x[:, :1]) * np.where(np.arange(120)[:, None] < 60, 1, -1) + 0.1 * noise).astype(np.float32)
plant = stream(np.arange(120), x, y, delay=3.0)
inner = moca(linear, hazard=0.05, runs=4, regimes=2)
def noisy(key, state, batch):  # what is drawn counts too
  return inner.update(key, state, batch._replace(y=batch.y + 0.1 * jax.random.normal(key, batch.y.shape)))
learner = imputed(inner._replace(update=noisy), inputs=(3,))
key, checkpoints = jax.random.key(0), Checkpoints(sys.argv[1])
state = learner.init(wide_prior((), 4, 1.0, np.ones(1)))
done, state = checkpoints.latest(state) if checkpoints.steps() else (0, state)
served = serve(key, learner, state, itertools.islice(events(plant), done, None), done)
print("from", done, flush=True)
for done, (state, prediction) in enumerate(served, done + 1):
  print(done, flush=True)
  if done % int(sys.argv[2]) == 0: checkpoints.save(done, state)
print(" ".join(np.asarray(leaf).tobytes().hex() for leaf in jax.tree.leaves((state, prediction))))
"""


def test_a_killed_service_ends_with_the_bits_of_one_that_was_not(tmp_path: Path):
  """Killed at event 53 and then at 133 of 237, both after a checkpoint that is older than that."""

  def life(folder: str, kill: int | None) -> list[str]:
    command = [sys.executable, "-c", LIFE, str(tmp_path / folder), "20"]
    said: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
      assert process.stdout is not None
      for line in process.stdout:
        said.append(line.strip())
        if line.strip() == str(kill):
          process.kill()
    assert process.returncode == (0 if kill is None else -signal.SIGKILL)
    return said

  first, second, third, whole = life("a", 53), life("a", 133), life("a", None), life("b", None)
  assert (first[0], whole[0]) == ("from 0", "from 0")
  assert second[0] != "from 0" and third[0] not in ("from 0", second[0])
  assert third[-1] == whole[-1] and len(third) < len(whole)
