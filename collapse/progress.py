"""The progress bar of long work."""

import builtins
import sys

from tqdm import tqdm

inside = False
"""Whether this process works on a part of something that has a bar of its own."""


def progress(steps, unit, total=None):
    """Return the `steps`, `total` of them, with a bar after two seconds in a terminal or notebook.

    Elsewhere, for instance in a file or a pipe, nothing is written; nor where the environment
    variable ``TQDM_DISABLE`` is 1.
    """
    seen = sys.stderr.isatty() or hasattr(builtins, "__IPYTHON__")  # set by every notebook
    seen = seen and not inside
    quiet = {} if seen else {"disable": True}
    return tqdm(steps, total=total, delay=2, leave=False, unit=unit, **quiet)
