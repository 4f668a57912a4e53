"""The progress bar of long work."""

import builtins
import sys

from tqdm import tqdm


def progress(steps, unit):
    """Return the `steps` with a bar after two seconds, in a terminal or a notebook.

    Elsewhere, for instance in a file or a pipe, nothing is written; nor where the environment
    variable ``TQDM_DISABLE`` is 1.
    """
    seen = sys.stderr.isatty() or hasattr(builtins, "__IPYTHON__")  # set by every notebook
    return tqdm(steps, delay=2, leave=False, unit=unit, **({} if seen else {"disable": True}))
