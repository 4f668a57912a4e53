"""Checks of formulas as printed: simulation agrees with what is right and refutes them."""

from collapse.measure.distances import squared_w2
from collapse.models.gaussian import FitGaussian, Gaussian
from collapse.recursion import recurse
from collapse.theory import gaussian as exact
from companion import printed as theory
from companion.checks.entry import Entry, Simulated


def _risk(rng, sizes, chains):
    """Return the risk of the last generation, for unit variance and ddof=1."""
    lineage = recurse(
        Gaussian(0.0, 1.0),
        FitGaussian(ddof=1),
        sample_size=sizes,
        generations=len(sizes),
        chains=chains,
        rng=rng,
        keep=(),
    )
    return squared_w2(lineage.newest, lineage[0])


def _squared(values):
    """Return squared deviations from the mean, whose mean is the unbiased variance."""
    return (values - values.mean()) ** 2 * (len(values) / (len(values) - 1))


def _entry(function, formula, right, sizes, seed, chains, quantity, statistic=lambda risk: risk):
    listed = ", ".join(map(str, sizes))
    return Entry(
        function,
        formula,
        "printed",
        f"N(0, 1); M = {listed}; ddof=1",
        Simulated(
            seed,
            f"{quantity} at n = {len(sizes)}, {right.__name__}",
            lambda rng: statistic(_risk(rng, sizes, chains)),
            lambda: right(sizes, len(sizes), ddof=1)[-1],
            "as printed",
            lambda: function(sizes, len(sizes))[-1],
        ),
    )


ENTRIES = (
    _entry(
        theory.expected_risk_v2,
        r"\tfrac1{M_0}+\dots+\tfrac1{M_{n-2}}+\tfrac3{2M_{n-1}}",
        exact.expected_risk,
        [4, 3, 6],
        1601,
        40_000,
        "risk",
    ),
    _entry(
        theory.expected_risk_supplement,
        r"\tfrac32\sum_{i<n}1/M_i",
        exact.expected_risk,
        [2, 2],
        1602,
        100_000,
        "risk",
    ),
    _entry(
        theory.variance_of_risk_v2,
        r"\sum_{i<n-1}\tfrac2{M_i^2}+\tfrac3{M_{n-1}^2}+\sum_{i\ne j}\tfrac3{M_iM_j}",
        exact.variance_of_risk,
        [100],
        1603,
        200_000,
        "variance of the risk",
        _squared,
    ),
)
