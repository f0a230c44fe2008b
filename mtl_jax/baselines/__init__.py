"""The ladder of simple baselines that stands in every table.

Its modules are imported when they are first asked for: a training's first step does not wait for scikit-learn.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
