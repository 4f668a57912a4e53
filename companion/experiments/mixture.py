"""The mixture experiment of the paper: realities, fit, and what is measured.

The chapter runs it at a small sample size. The large runs, which take too long for every build, are
made by ``python tools/mixture_runs.py`` and shipped as a summary, see `stored`.
"""

import json
from functools import partial

import numpy as np

from collapse.measure import mixtures
from collapse.measure.distances import total_variance
from collapse.models.mixture import FitGaussianMixture, GaussianMixture
from collapse.recursion import recurse
from companion import datasets

REALITIES = {
    "separated": GaussianMixture(
        [0.5, 0.5], [[-1.5, 0.0], [1.5, 0.0]], covariances=[0.25 * np.eye(2)] * 2
    ),
    "overlapping": GaussianMixture(
        [0.5, 0.5], [[-1.0, 0.0], [1.0, 0.0]], covariances=[np.eye(2)] * 2
    ),
    "one blob": GaussianMixture([1.0], [[0.0, 0.0]], covariances=[np.eye(2)]),
}
"""Two blobs six standard deviations apart, two that are two apart, and the released code's one."""

FIT = FitGaussianMixture(2, "full", warm_start=True, tolerance=1e-3, regulariser=1e-6)
"""Two components; tolerance and regulariser are the defaults of scikit-learn."""

LEVELS = (0.05, 0.5, 0.95)


def component_spread(model):
    """Standard deviation inside the components, the root of the mean variance along an axis, (...).

    The mean is weighted by the components' weights.
    """
    inside = (model.factors**2).sum(axis=(-2, -1)) / model.means.shape[-1]
    return np.sqrt((model.weights * inside).sum(axis=-1))


def measures(truth):
    """Return what is measured of a model, as a dict of ``function(model)`` of shape (chains,).

    The share of the total variance that is left, the logarithm of the squared L2 distance, the
    squared sliced W2 distance over the variance of reality along one axis, the mass in its 5 %
    tails, the modes alive, the smallest weight and the spread inside the components.
    """
    variance = total_variance(truth)
    along = variance / truth.means.shape[-1]
    return {
        "variance": lambda model: total_variance(model) / variance,
        "log L2": partial(mixtures.log_squared_l2, second=truth),
        "sliced W2": lambda model: mixtures.sliced_squared_w2(model, truth) / along,
        "tail": partial(mixtures.rare_mass, truth=truth),
        "modes": partial(mixtures.modes_alive, truth=truth),
        "weight": lambda model: model.weights.min(axis=-1),
        "spread": component_spread,
    }


def run(name, *, fit=FIT, **options):
    """Run the experiment with the reality of this `name`; `options` as in `recurse`."""
    if name not in REALITIES:
        raise ValueError(f"name must be one of {', '.join(REALITIES)}, got {name!r}")
    return recurse(REALITIES[name], fit, **options)


def summary(lineage):
    """Summarise what `run` returned over its chains: for each of `measures`, shape (G, 4).

    At the kept generations from 1 on, the quantiles `LEVELS`, and the mean.
    """
    rows, models = {}, lineage.models[1:]
    for name, function in measures(lineage[0][0]).items():
        values = np.array([function(model) for model in models])
        columns = [*np.quantile(values, LEVELS, axis=-1), values.mean(axis=-1)]
        rows[name] = np.stack(columns, axis=-1)
    return rows


def stored():
    """Return the summaries of the large runs, which ship with the package, and how they were made.

    A list with, for each run, its ``reality``, ``sample_size``, ``chains`` and ``seed``, the kept
    ``generations`` from 1 on and the ``summary``; and a dict of command, date, duration, versions.
    """
    data = json.loads(datasets.verified("mixture_runs.json"))
    for entry in data["runs"]:
        entry["generations"] = np.array(entry["generations"])
        entry["summary"] = {name: np.array(rows) for name, rows in entry["summary"].items()}
    return data["runs"], data["meta"]
