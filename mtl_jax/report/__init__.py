"""What a run is judged by: its page, the README's table and its picture.

What draws is imported when it is first asked for: a training's first step does not wait for matplotlib.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
