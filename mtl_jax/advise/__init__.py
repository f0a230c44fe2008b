"""Set-points of one's own plant, from its log and those of others: ask, tell, a picture."""

from mtl_jax.advise.adviser import OWN_CONFIDENCE, Advice, Adviser, ask
from mtl_jax.advise.history import History, append, read
from mtl_jax.advise.line import Limit, Line, cost_of, of_plant, outcome_columns, read_line, setting_columns
from mtl_jax.advise.picture import picture
from mtl_jax.advise.prior import Prior, fingerprint, kept, learn, others_of, simulated
from mtl_jax.advise.record import folder_of, tell

__all__ = [
  "OWN_CONFIDENCE",
  "Advice",
  "Adviser",
  "History",
  "Limit",
  "Line",
  "Prior",
  "append",
  "ask",
  "cost_of",
  "fingerprint",
  "folder_of",
  "kept",
  "learn",
  "of_plant",
  "others_of",
  "outcome_columns",
  "picture",
  "read",
  "read_line",
  "setting_columns",
  "simulated",
  "tell",
]
