"""A plant's messages as events: callbacks put, an iterator takes, and labels find their questions by a key.

A client of MQTT or OPC UA calls back in a thread, or a loop, of its own and must not be held up; `serve` takes events
one by one in another. Between the two is a queue. Neither client is needed here. Of MQTT (paho-mqtt 2), where a message
is a row of sensors, or an answer of the laboratory days later, as JSON:

  feed = Feed(waiting=10_000)

  def on_message(client, userdata, message):
    said = json.loads(message.payload)
    if message.topic == "press/7/sensors":
      feed.ask(said["time"], "press 7", said["sample"], np.asarray(said["values"], np.float32), cost=40.0)
    elif message.topic == "laboratory":
      feed.answer(said["time"], said["sample"], np.asarray(said["result"], np.float32))

  client = paho.mqtt.client.Client(CallbackAPIVersion.VERSION2, client_id="mtl_jax", clean_session=False)
  client.on_message = on_message
  client.connect(host)
  client.subscribe([("press/7/sensors", 1), ("laboratory", 1)])
  client.loop_start()

Of OPC UA (asyncua), where a change is of one node alone: the last value of each is kept, NaN until there is one, and
what stands there when a sample is taken is the question.

  class Handler:
    def datachange_notification(self, node, value, data):
      at = data.monitored_item.Value.SourceTimestamp.timestamp()
      if node == sample:                                    # a counter that the plant raises
        feed.ask(at, "press 7", value, now.copy())
      elif node == result:
        feed.answer(at, value[0], np.asarray(value[1:], np.float32))
      else:
        now[place[node]] = value

  subscription = await client.create_subscription(100, Handler())       # ms
  await subscription.subscribe_data_change([sample, result, *place])

and with either

  for state, prediction in serve(key, imputed(learner, inputs=(d,)), state, feed): ...
"""

import queue
from collections.abc import Hashable, Iterator
from threading import Lock
from typing import Any

import numpy as np

from mtl_jax.online.streams import Event
from mtl_jax.types import PyTree


class Feed:
  """Events in the order in which they were put; `ask`, `answer` and `close` never wait, and any thread may call them.

  Args:
    waiting: questions that may wait for their labels at once; of more the oldest can no longer be answered.

  Attributes:
    lost: labels so far that no question was waiting for: late, double, or of another plant.

  Questions that wait are in memory: after a kill their labels are `lost`, unless the source sends the questions again.

  Raises: ValueError if no question may wait.
  """

  def __init__(self, waiting: int):
    if waiting < 1:
      raise ValueError(f"waiting={waiting}: at least 1 question must be able to wait for its label")
    self._queue: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
    self._asked: dict[Hashable, tuple[Any, PyTree, float]] = {}
    self._waiting, self._lock, self.lost = waiting, Lock(), 0

  def ask(self, time: float, unit: Any, sample: Hashable, x: PyTree, cost: float = 0.0) -> None:
    """A question; x (...), which must not be changed afterwards. The same sample again takes the place of the first.

    Args:
      cost: of the label that it may get.
    """
    with self._lock:
      self._asked.pop(sample, None)
      self._asked[sample] = (unit, x, cost)
      if len(self._asked) > self._waiting:
        del self._asked[next(iter(self._asked))]
      self._queue.put(Event(time, unit, x, None, cost))

  def answer(self, time: float, sample: Hashable, y: np.ndarray, cost: float | None = None) -> None:
    """The label y (targets,) of a sample that was asked about, found out at `time`; None: `ask` said what it costs."""
    with self._lock:
      if sample not in self._asked:
        self.lost += 1
        return
      unit, x, expected = self._asked.pop(sample)
      self._queue.put(Event(time, unit, x, y, expected if cost is None else cost))

  def close(self) -> None:
    """Iteration ends after what was put before."""
    self._queue.put(None)

  def __iter__(self) -> Iterator[Event]:
    """Waits for the next event; one reader at a time."""
    return iter(self._queue.get, None)
