"""Pictures of the paper, drawn from weights and curves. Each function returns or fills a Matplotlib figure.

Matplotlib is imported here first, without the backend that MPLBACKEND names: it would refuse to be imported where there
is none of that name. Where there is, it is set all the same, for whoever shows figures.
"""

import os
import sys
from contextlib import suppress

if "matplotlib" not in sys.modules:
    _backend = os.environ.pop("MPLBACKEND", None)
    import matplotlib

    if _backend is not None:
        os.environ["MPLBACKEND"] = _backend
        with suppress(ValueError):
            matplotlib.rcParams["backend"] = _backend
