"""The three errors of a generation, each measured on its own.

The paper tells three sources of error apart: the family is too small (functional expressivity), the
procedure misses the best member of the family (functional approximation), and the sample is finite
(statistical). `decompose` runs the recursion and measures all three at every step.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from collapse import validation
from collapse.measure.distances import squared_w2
from collapse.models.population import population_fit
from collapse.policies import newest_law, replace
from collapse.recursion import Lineage, draw_statistics, recurse

KINDS = ("expressivity", "approximation", "statistical")


@dataclass(frozen=True, eq=False)
class Decomposition:
    """The errors made in generations 1, ..., N, by chain.

    Of shape (N, chains): `expressivity`, the distance of what a generation learns from and the
    family's best fit to it; `approximation`, of the best fit and what the procedure makes of
    endless samples; `statistical`, of that and what the procedure made of the sample; `total`, of
    what the generation learned from and what it became. `lineage` is the run that was measured.
    """

    expressivity: np.ndarray
    approximation: np.ndarray
    statistical: np.ndarray
    total: np.ndarray
    lineage: Lineage

    def frame(self):
        """Return a tidy frame with the means over chains and their standard errors.

        Columns ``generation``, ``error`` (the three kinds, and ``total``), ``mean`` and
        ``standard_error``, one row for each generation and error.
        """
        names = (*KINDS, "total")
        values = np.stack([getattr(self, name) for name in names], axis=1)
        count = values.shape[-1]
        spread = values.std(axis=-1, ddof=1) if count > 1 else np.zeros(values.shape[:-1])
        generation, kind = np.indices(spread.shape)
        columns = {
            "generation": generation.ravel() + 1,
            "error": np.array(names)[kind.ravel()],
            "mean": values.mean(axis=-1).ravel(),
            "standard_error": spread.ravel() / np.sqrt(count),
        }
        return pd.DataFrame(columns)


def decompose(
    reality,
    family,
    procedure=None,
    *,
    sample_size,
    chains,
    rng,
    generations=1,
    draw=draw_statistics,
    distance=squared_w2,
):
    r"""Measure the three errors that each generation makes, as a `Decomposition`.

    `family` is the fit whose limit of endless samples is the best that the family can do, such as
    ``FitGaussian(ddof=0)``, or ``FitKernelDensity(scott)`` for the family of all laws; `procedure`
    is the fit that is used, such as ``Regularized(FitGaussian(ddof=0), 0.1)``, by default that of
    the family, which then makes no approximation error. The other arguments, `reality`, `draw` and
    so on, are those of `recurse`; a `sample_size` of ``numpy.inf`` switches the statistical error
    off, `chains` must be at least 2, or 1 with endless samples, and `distance` is a function of two
    models such as `squared_w2` or `kl` of `collapse.measure.distances`.

    Under *replace*, generation n + 1 of a chain learns from the model p of generation n of the same
    chain. With the family's fit to endless samples of it :math:`p^*`, the procedure's
    :math:`\bar p`, and its fit to the sample :math:`\hat p`, measured are

    .. math:: d(p,p^*),\qquad d(p^*,\bar p),\qquad d(\bar p,\hat p),\qquad d(p,\hat p),

    the errors of expressivity, approximation and statistics, and the total. Each of the three is
    zero if and only if its source is off: p in the family; a procedure whose limit is the best fit;
    endless samples. What a bandwidth rule smooths at finite M vanishes as M grows, and counts as
    statistical.

    These are the errors made *in* a generation, not the distance from reality, which grows out of
    all of them; ``lineage.measure`` gives that. Squared distances do not add up: the total exceeds
    the sum of the three by cross terms of either sign, as for the sides of a polygon. There are
    none between expressivity and the rest in KL divergence, if the family is exponential and
    :math:`p^*` its maximum-likelihood fit (the Pythagorean theorem of Csiszár).
    """
    procedure = family if procedure is None else procedure
    for name, function in {"family": family, "procedure": procedure, "distance": distance}.items():
        if not callable(function):
            raise ValueError(f"{name} must be callable, got {function!r}")
    endless = np.ndim(sample_size) == 0 and sample_size == np.inf
    chains = validation.integer("chains", chains, 1 if endless else 2)
    lineage = recurse(
        reality,
        partial(population_fit, procedure) if endless else procedure,
        sample_size=1 if endless else sample_size,
        generations=validation.integer("generations", generations, 1),
        chains=chains,
        rng=rng,
        policy=newest_law if endless else replace,
        draw=draw,
    )
    rows = []
    truths = (reality, *lineage.models[1:-1])  # reality as it came, not once for each chain
    for truth, fitted in zip(truths, lineage.models[1:], strict=True):
        best = population_fit(family, truth)
        limit = best if procedure is family else population_fit(procedure, truth)
        pairs = ((truth, best), (best, limit), (limit, fitted), (truth, fitted))
        rows.append([np.broadcast_to(distance(*pair), chains) for pair in pairs])
    return Decomposition(*np.array(rows).swapaxes(0, 1), lineage)
