"""Checks of the approximate quantiles of effective numbers."""

from functools import partial

import numpy as np

from collapse.measure.distances import effective_number
from collapse.models.categorical import Categorical, FitCategorical
from collapse.policies import replace
from collapse.theory import drift, realdata
from collapse.theory import effective as theory
from companion.checks.entry import Entry, Simulated
from companion.checks.mixing import newest

ZIPF = 1 / np.arange(1, 201)
ZIPF /= ZIPF.sum()
SIZE, GENERATIONS = 20_000, 200


def _median(order, constant=None):
    """Return the logarithm of the predicted median."""
    if constant is None:
        constant = realdata.fresh_survival_constant(SIZE, GENERATIONS, 0)[-1]
    kept = drift.diversity_kept(SIZE, GENERATIONS)[-1]
    known = {"diversity": kept, "constant": constant}
    return np.log(theory.effective_quantiles(ZIPF, order, [0.5], **known))[0]


def _observed(order, rng):
    words = (Categorical(ZIPF), FitCategorical(200))
    return np.log(effective_number(newest(words, rng, replace, SIZE, GENERATIONS, 400), order))


ENTRIES = tuple(
    Entry(
        theory.effective_quantiles,
        formula,
        "asymptotic in M",
        f"200 words by Zipf's law; M = {SIZE:,}, n = {GENERATIONS}, 400 chains",
        Simulated(
            1610 + order,
            "logarithm of the effective number",
            partial(_observed, order),
            partial(_median, order),
            wrong,
            control,
        ),
        case=f"order {order}",
    )
    for order, formula, wrong, control in (
        (1, r"\ln S-T/S,\ T=\sum X\ln X", "no word ever gone", partial(_median, 1, 1e9)),
        (2, r"2\ln S-\ln T,\ T=\sum X^2", "that of reality", lambda: -np.log(ZIPF @ ZIPF)),
    )
)
