"""Networks and algorithms."""

import dataclasses
from typing import Literal


@dataclasses.dataclass(frozen=True)
class MLP:
  """Dense layers on the spectra of a window, or on x of the sinusoid."""

  hidden: tuple[int, ...] = (256, 128)
  norm: Literal["none", "layer"] = "layer"


@dataclasses.dataclass(frozen=True)
class Conv1D:
  """Convolutions on the raw waveform."""

  features: tuple[int, ...] = (16, 32, 64)
  kernels: tuple[int, ...] = (15, 7, 5)
  strides: tuple[int, ...] = (4, 2, 2)


@dataclasses.dataclass(frozen=True)
class GRU:
  """A recurrent network on the raw waveform, frame by frame; see models/recurrent.py."""

  width: int = 32
  frame: int = 64
  """samples read at once"""


@dataclasses.dataclass(frozen=True)
class Residual:
  """The inputs themselves, whitened, as the embedding, and what is learned on top; see models/residual.py."""

  hidden: int = 0
  soft_unit: bool = False


Model = MLP | Conv1D | GRU | Residual


@dataclasses.dataclass(frozen=True)
class Maml:
  inner_lr: float = 0.1
  inner_steps: int = 3
  outer_lr: float = 1e-3
  first_order: bool = False
  learned_rates: Literal["scalar", "leaf", "parameter"] | None = None
  per_step_rates: bool = False
  rematerialise: int = 0
  """0 stores all of the inner loop; 1 computes each step again when going back, s > 1 segments of s steps too"""
  clip: float | None = None
  multi_step_loss: int | None = None
  """MAML++: meta-updates over which the query losses after earlier inner steps fade; None: the last one's alone"""
  second_order_from: int = 0
  """MAML++: first meta-updates without second derivatives"""
  decay_steps: int | None = None
  """meta-updates over which the outer rate falls to 0 along a cosine; None: it stays"""
  truncate: int | None = None
  """second derivatives through so many of the last inner steps only; None: all"""
  compute_dtype: Literal["float32", "bfloat16"] = "float32"


@dataclasses.dataclass(frozen=True)
class Imaml:
  inner_lr: float | None = None
  """None: Hessian-free steps, which need no rate"""
  inner_steps: int = 8
  outer_lr: float = 3e-3
  penalty: float = 1.0
  """lambda, the pull of the adapted parameters to where they started"""
  cg_steps: int = 10
  """of conjugate gradients, for the meta-gradient and for a Hessian-free step"""
  head_only: bool = True
  """a convex problem, which the steps solve; that of the whole network mostly stays unsolved"""
  damping: float = 0.0
  """of the system, I + H / (lambda + damping); above 0 the meta-gradient leans towards the first-order one"""


@dataclasses.dataclass(frozen=True)
class Anil:
  inner_lr: float = 0.1
  inner_steps: int = 5
  outer_lr: float = 3e-3
  first_order: bool = False


@dataclasses.dataclass(frozen=True)
class Cavia:
  inner_lr: float = 1.0
  inner_steps: int = 2
  outer_lr: float = 1e-3
  first_order: bool = False
  context: int = 5
  """numbers that adapt; they condition the hidden layers, of a Residual or a GRU what its head reads"""


@dataclasses.dataclass(frozen=True)
class Lora:
  inner_lr: float = 0.1
  inner_steps: int = 3
  outer_lr: float = 1e-3
  first_order: bool = False
  rank: int = 2
  alpha: float | None = None
  """a matrix changes by alpha / rank A B; None: alpha = rank"""


@dataclasses.dataclass(frozen=True)
class Reptile:
  inner_lr: float = 0.05
  inner_steps: int = 5
  outer_lr: float = 0.5
  batch_size: int | None = 32
  predict_steps: int | None = None
  serial: bool = False
  """an outer step for each task in turn, and not one for all of an update"""


@dataclasses.dataclass(frozen=True)
class ProtoNet:
  outer_lr: float = 3e-3
  embedding: int = 64


@dataclasses.dataclass(frozen=True)
class Cnp:
  outer_lr: float = 1e-3
  decay_steps: int | None = None
  """meta-updates over which the rate falls to 0 along a cosine; None: it stays"""
  weight_decay: float = 0.0
  embedding: int = 64
  """width of the mean of encoded examples"""


@dataclasses.dataclass(frozen=True)
class Anp:
  outer_lr: float = 1e-3
  decay_steps: int | None = None
  """as in `Cnp`"""
  weight_decay: float = 0.0
  embedding: int = 64
  """width of an encoded example"""
  heads: int = 4
  """of attention; their number divides `embedding`"""
  latent: int = 0
  """numbers of the latent path; 0: without"""


@dataclasses.dataclass(frozen=True)
class InContext:
  """A transformer of its own; of the job's network only what it reads counts."""

  outer_lr: float = 1e-3
  decay_steps: int | None = None
  """as in `Cnp`"""
  weight_decay: float = 0.0
  width: int = 64
  layers: int = 3
  heads: int = 4
  """of attention; their number divides `width`"""


@dataclasses.dataclass(frozen=True)
class R2d2:
  outer_lr: float = 3e-3
  decay_steps: int | None = None
  """as in `Cnp`"""
  embedding: int = 64
  penalty: float = 1.0
  """where lambda starts"""
  alpha: float = 1.0
  """where the scale of the logits starts"""
  common: bool = False
  """whether the penalty pulls to a learned ridge, where a label or a number means the same in every task, or to zero"""


@dataclasses.dataclass(frozen=True)
class Finetune:
  inner_lr: float = 0.1
  inner_steps: int = 20
  outer_lr: float = 3e-3
  head_only: bool = False


@dataclasses.dataclass(frozen=True)
class Custom:
  """An algorithm of one's own, in a file of one's own; notebooks/02_your_own_algorithm.ipynb writes one.

  Where a number is asked, predictions (n, 2) are taken for means and log variances.
  """

  factory: str
  """FILE.py:FUNCTION; FUNCTION(apply, loss, *, classes, **options) -> mtl_jax.Algorithm"""
  embedding: int | None = None
  """numbers that the network gives; None: one for each class, or for each number to predict"""
  options: tuple[tuple[str, float | int | bool | str], ...] = ()


Algorithm = Maml | Imaml | Anil | Cavia | Lora | Reptile | ProtoNet | R2d2 | Cnp | Anp | InContext | Finetune | Custom


def name_of(algorithm: Algorithm) -> str:
  """What the checkpoints, the metrics and, but for `Finetune`, the rows of an algorithm are called."""
  match algorithm:
    case Custom(factory):
      return factory.rpartition(":")[2]
    case InContext():
      return "in_context"
    case _:
      return type(algorithm).__name__.lower()
