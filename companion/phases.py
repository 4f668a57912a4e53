"""Phase diagrams: the sweep of ``benchmarks/phases.toml``, kept small.

    collapse sweep benchmarks/phases.toml --out _build/phases
    python -m companion.phases _build/phases

The second makes of the first one's folder the tables `times` and `kept` that the book shows, in
``companion/data/phases.json``, with the command, seed, versions and date.
"""

import datetime as dt
import json
import platform
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import scipy

from collapse import sweep
from companion import datasets

FILE = Path(__file__).parent / "data" / "phases.json"
COMMAND = "collapse sweep benchmarks/phases.toml --out _build/phases"
FAMILIES = {
    "FitCategorical": "100 words",
    "FitGaussian": "Gaussian",
    "FitGaussianMixture": "mixture of two",
    "FitKernelDensity": "kernel density",
}


def first_below(means, level):
    """Return the first generation whose mean is at most the level, or None."""
    below = np.flatnonzero(means.to_numpy() <= level)
    return int(means.index[below[0]]) if len(below) else None


def times(frame):
    """Return when half of the words and of their effective numbers is left, for each setting.

    That of order 2 is the one of the mean Gini-Simpson index.
    """
    rows = []
    for (size, number), part in frame.groupby(["sample_size", "number"]):
        means = part.groupby("generation")[["alive", "effective_number", "gini_simpson"]].mean()
        means["order 2"] = 1 / (1 - means.pop("gini_simpson"))
        means = means.rename(columns={"effective_number": "order 1"})
        found = {name: first_below(means[name], means[name][0] / 2) for name in means}
        rows.append({"sample_size": int(size), "number": int(number), **found})
    return rows


def kept(frame):
    """Return what is kept of the spread, at generations that are even on a logarithmic scale."""
    shown = np.unique(np.geomspace(1, frame["generation"].max(), 40).round().astype(int))
    frame = frame[frame["generation"].isin([0, *shown])]
    rows = []
    for (fit, size), part in frame.groupby(["fit", "sample_size"]):
        by = part.groupby("generation")["spread"]
        mean, error = by.mean(), by.sem()
        rows.append(
            {
                "family": FAMILIES[fit],
                "sample_size": int(size),
                "generation": [int(n) for n in mean.index],
                "kept": [float(f"{v:.4g}") for v in mean / mean[0]],
                "error": [float(f"{v:.2g}") for v in error / mean[0]],
            }
        )
    return rows


def summary(folder):
    """Return the tables of a finished sweep, with what made them."""
    frame = sweep.results(folder)
    frame["number"] = frame.get("policy.number", pd.Series(0, frame.index)).fillna(0)
    frame["spread"] = frame["gini_simpson"].fillna(frame["total_variance"])
    words = frame["effective_number"].notna()
    return {
        "command": COMMAND,
        "seed": json.loads((Path(folder) / "manifest.json").read_text("utf-8"))[0]["seed"],
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "times": times(frame[words]),
        "kept": kept(frame[~words]),
    }


def stored():
    """Return the stored tables, as `summary` made them."""
    return json.loads(datasets.verified(FILE.name))


if __name__ == "__main__":
    FILE.write_text(json.dumps(summary(sys.argv[1])) + "\n", encoding="utf-8")
