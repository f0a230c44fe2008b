from .classification import by_angle, classification_ladder, envelope_rule, whitened, whitening
from .forecasting import forecasting_ladder
from .ladder import ALPHA, Answered, Asked, Fixed, History, Ladder, Rung, answers
from .life import few_lives_ladder, life_ladder
from .plan import plan_ladder
from .rare import rare_event_ladder
from .regression import regression_ladder
from .rocket import minirocket, numbered, with_rocket
from .trials import trials_ladder

__all__ = [
  "ALPHA",
  "Answered",
  "Asked",
  "Fixed",
  "History",
  "Ladder",
  "Rung",
  "answers",
  "by_angle",
  "classification_ladder",
  "envelope_rule",
  "few_lives_ladder",
  "forecasting_ladder",
  "life_ladder",
  "minirocket",
  "numbered",
  "plan_ladder",
  "rare_event_ladder",
  "regression_ladder",
  "trials_ladder",
  "whitened",
  "whitening",
  "with_rocket",
]
