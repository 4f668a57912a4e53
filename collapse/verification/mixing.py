"""Checks of what happens when data of several generations are mixed."""

import numpy as np

from collapse.metrics import gini_simpson
from collapse.models.categorical import Categorical, FitCategorical
from collapse.models.gaussian import FitGaussian, Gaussian
from collapse.policies import accumulate
from collapse.recursion import recurse
from collapse.theory import mixing as theory
from collapse.verification.entry import Entry, Simulated

SIZES, REALITY = [4, 3, 6], np.array([0.2, 0.3, 0.5])
FAMILIES = (
    (Categorical(REALITY), FitCategorical(3), gini_simpson, 1 - REALITY @ REALITY, "K = 3"),
    (Gaussian(-1.0, 2.0), FitGaussian(ddof=0), lambda m: m.variance, 2.0, "N(-1, 2), ddof=0"),
)


def _entry(seed, reality, fit, diversity, start, words):
    return Entry(
        theory.diversity_kept,
        r"\prod_{i<n}(1-M_i/N_{i+1}^2)",
        "exact",
        f"{words}; M = 4, 3, 6; all data kept",
        Simulated(
            seed,
            "diversity at n = 3",
            lambda rng: diversity(
                recurse(
                    reality,
                    fit,
                    sample_size=SIZES,
                    generations=3,
                    chains=40_000,
                    rng=rng,
                    policy=accumulate,
                    keep=(),
                ).newest
            ),
            lambda: start * theory.diversity_kept(SIZES, 3)[-1],
            "the law of replace",
            lambda: start * np.prod(1 - 1 / np.array(SIZES)),
        ),
        words,
    )


ENTRIES = tuple(_entry(1501 + i, *family) for i, family in enumerate(FAMILIES))
