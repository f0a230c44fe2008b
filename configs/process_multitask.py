"""Three outputs of a gas turbine at once."""

from mtl_jax.config import Joint, MultiTask, Turbine

config = MultiTask(
  name="process_multitask",
  tasks=Turbine(),
  methods=(Joint(), Joint(weighting="log"), Joint(aggregator="upgrad"), Joint(paths="mmoe")),
)
