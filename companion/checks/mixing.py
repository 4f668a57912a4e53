"""Checks of what happens to diversity when data of several generations are mixed."""

import numpy as np

from collapse.measure.distances import gini_simpson
from collapse.models.categorical import Categorical, FitCategorical
from collapse.models.gaussian import FitGaussian, Gaussian
from collapse.policies import (
    AccumulateSubsample,
    GenerationMixture,
    PartialReplacement,
    accumulate,
    replace,
)
from collapse.recursion import draw_samples, draw_statistics, recurse
from collapse.theory import mixing as theory
from companion.checks.entry import Computed, Entry, Simulated

SIZES, REALITY = [4, 3, 6], np.array([0.2, 0.3, 0.5])
WORDS = Categorical(REALITY), FitCategorical(3)
NORMAL = Gaussian(0.0, 1.0), FitGaussian(ddof=0)
LONG = 10**6


def newest(
    family, rng, policy, sample_size=SIZES, generations=3, chains=40_000, draw=draw_statistics
):
    """Run a recursion and return the models of the last generation.

    Parameters
    ----------
    family : tuple
        Reality and the fit.
    rng : numpy.random.Generator
        The generator to draw from.
    policy : callable
        The policy.
    sample_size, generations, chains : int
        As in `collapse.recursion.recurse`.
    draw : callable
        The same.

    Returns
    -------
    model
        The models of all chains.
    """
    return recurse(
        *family,
        sample_size=sample_size,
        generations=generations,
        chains=chains,
        rng=rng,
        policy=policy,
        draw=draw,
        keep=(),
    ).newest


def diversity(model):
    """Return the diversity of categorical models over that of reality.

    Parameters
    ----------
    model : Categorical
        The models.

    Returns
    -------
    ndarray, shape (chains,)
        The Gini-Simpson index over that of `REALITY`.
    """
    return gini_simpson(model) / (1 - REALITY @ REALITY)


def _words(*arguments, **more):
    return diversity(newest(WORDS, *arguments, **more))


def _normal(*arguments, **more):
    return newest(NORMAL, *arguments, **more)


def _coefficients(i):
    """Return alpha, beta and gamma that change with the generation."""
    return [(0.5, 0.4, 0.1), (0.7, 0.1, 0.2), (0.3, 0.3, 0.4)][i]


def _limit(kind, first_order, observe):
    return Entry(
        theory.diversity_limits,
        {
            "accumulated": r"\sin(\pi/\sqrt M)/(\pi/\sqrt M)",
            "subsampled": r"(1-\tfrac1M)\,\Gamma(2-\tfrac1M)/[\Gamma(2-a)\Gamma(2-b)]",
            "redrawn": r"\sin(\pi\sqrt c)/(\pi\sqrt c),\ c=\tfrac2M-\tfrac1{M^2}",
        }[kind],
        "exact",
        "M = 10; numerical",
        Computed(
            f"the product up to n = {LONG:.0e}",
            lambda: observe()[-1],
            4 / (10 * LONG),  # the factors that are left out: 4/M times the tail of 1/n² at most
            lambda: theory.diversity_limits(10)[kind],
            "the first order in 1/M",
            lambda: 1 - first_order / 10,
        ),
        kind,
    )


ENTRIES = (
    Entry(
        theory.diversity_replaced,
        r"\prod_{i<n}(1-1/M_i)",
        "exact",
        "K = 3; M = 4, 3, 6",
        Simulated(
            1501,
            "diversity at n = 3",
            lambda rng: _words(rng, replace),
            lambda: theory.diversity_replaced(SIZES, 3)[-1],
            "a generation too few",
            lambda: theory.diversity_replaced(SIZES, 3)[-2],
        ),
    ),
    Entry(
        theory.diversity_accumulated,
        r"\prod_{i<n}(1-M_i/N_{i+1}^2)",
        "exact",
        "K = 3; M = 4, 3, 6; all data kept",
        Simulated(
            1502,
            "diversity at n = 3",
            lambda rng: _words(rng, accumulate),
            lambda: theory.diversity_accumulated(SIZES, 3)[-1],
            "the law of replace",
            lambda: theory.diversity_replaced(SIZES, 3)[-1],
        ),
        "K = 3",
    ),
    Entry(
        theory.diversity_accumulated,
        r"\prod_{i<n}(1-M_i/N_{i+1}^2)",
        "exact",
        "N(0, 1), ddof=0; M = 4, 3, 6; all data kept",
        Simulated(
            1503,
            "variance at n = 3",
            lambda rng: _normal(rng, accumulate).variance,
            lambda: theory.diversity_accumulated(SIZES, 3)[-1],
            "the law of replace",
            lambda: theory.diversity_replaced(SIZES, 3)[-1],
        ),
        "N(0, 1), ddof=0",
    ),
    Entry(
        theory.diversity_accumulated,
        r"E(\mu_n-\mu_0)^2=(1-D_n)\sigma_0^2",
        "exact",
        "N(0, 1), ddof=0; M = 4, 3, 6; all data kept",
        Simulated(
            1504,
            "squared displacement of the mean at n = 3",
            lambda rng: _normal(rng, accumulate).mean ** 2,
            lambda: 1 - theory.diversity_accumulated(SIZES, 3)[-1],
            "the variance of a pool of real data, 1/N",
            lambda: 1 / sum(SIZES),
        ),
        "conservation",
    ),
    Entry(
        theory.diversity_subsampled,
        r"(1-\tfrac1B)\,G_n",
        "exact",
        "K = 3; M = 4, 3, 6; fitted to 3 of all data so far",
        Simulated(
            1505,
            "diversity at n = 3",
            lambda rng: _words(rng, AccumulateSubsample(3)),
            lambda: theory.diversity_subsampled(SIZES, 3, budget=3)[-1],
            "drawn with replacement",
            lambda: theory.diversity_subsampled(SIZES, 3, budget=3, replacement=True)[-1],
        ),
        "K = 3",
    ),
    Entry(
        theory.diversity_subsampled,
        r"(1-\tfrac1B)\,G_n",
        "exact",
        "N(0, 1), ddof=0; M = 3, n = 3; fitted to M of all data so far",
        Simulated(
            1506,
            "variance at n = 3",
            lambda rng: _normal(rng, AccumulateSubsample(), 3, draw=draw_samples).variance,
            lambda: theory.diversity_subsampled(3, 3)[-1],
            "all data",
            lambda: theory.diversity_accumulated(3, 3)[-1],
        ),
        "N(0, 1), ddof=0",
    ),
    Entry(
        theory.diversity_subsampled,
        r"(1-\tfrac1B)(1-\tfrac1{N_n})\,G_n",
        "exact",
        "K = 3; M = 4, 3, 6; fitted to 3 draws with replacement from all data so far",
        Simulated(
            1507,
            "diversity at n = 3",
            lambda rng: _words(rng, AccumulateSubsample(3, replacement=True)),
            lambda: theory.diversity_subsampled(SIZES, 3, budget=3, replacement=True)[-1],
            "drawn without replacement",
            lambda: theory.diversity_subsampled(SIZES, 3, budget=3)[-1],
        ),
        "with replacement",
    ),
    _limit("accumulated", np.pi**2 / 6, lambda: theory.diversity_accumulated(10, LONG)),
    _limit("subsampled", np.pi**2 / 2 - 2, lambda: theory.diversity_subsampled(10, LONG)),
    _limit(
        "redrawn",
        np.pi**2 / 3,
        lambda: theory.diversity_subsampled(10, LONG, replacement=True),
    ),
    Entry(
        theory.growth_limit,
        r"\exp(-\textstyle\sum_k\zeta(ak)/(kc^k))",
        "exact",
        "c = 5, a = 2.5; numerical",
        Computed(
            "the product up to n = 1e+06",
            lambda: np.prod(1 - np.arange(1.0, LONG + 1) ** -2.5 / 5),
            1e-9,
            lambda: theory.growth_limit(5, 2.5),
            "the square for the power 2.5",
            lambda: theory.growth_limit(5, 2),
        ),
    ),
    Entry(
        theory.mixture_diversity,
        r"m_{n+1}=(\alpha+\beta)^2m_n+\alpha^2(1-m_n)/M_n",
        "exact",
        "K = 3; M = 4, 3, 6; coefficients that change",
        Simulated(
            1508,
            "diversity at n = 3",
            lambda rng: _words(
                rng, GenerationMixture(_coefficients), chains=10_000, draw=draw_samples
            ),
            lambda: theory.mixture_diversity(SIZES, 3, _coefficients)[-1],
            "the law of replace",
            lambda: theory.diversity_replaced(SIZES, 3)[-1],
        ),
        "K = 3",
    ),
    Entry(
        theory.mixture_diversity,
        r"m_{n+1}=(\alpha+\beta)^2m_n+\alpha^2(1-m_n)/M_n",
        "exact",
        "N(0, 1), ddof=0; M = 4, 3, 6; coefficients that change",
        Simulated(
            1509,
            "variance at n = 3",
            lambda rng: _normal(rng, GenerationMixture(_coefficients), draw=draw_samples).variance,
            lambda: theory.mixture_diversity(SIZES, 3, _coefficients)[-1],
            "the law of replace",
            lambda: theory.diversity_replaced(SIZES, 3)[-1],
        ),
        "N(0, 1), ddof=0",
    ),
    Entry(
        theory.mixture_limit,
        r"(1-\tfrac1M)(1-m),\ m=\tfrac{\alpha^2/M}{1-(\alpha+\beta)^2+\alpha^2/M}",
        "exact",
        "N(0, 1), ddof=0; M = 5; (0.6, 0.2, 0.2), n = 12",
        Simulated(
            1510,
            "variance",
            lambda rng: (
                _normal(rng, GenerationMixture((0.6, 0.2, 0.2)), 5, 12, draw=draw_samples).variance
            ),
            lambda: theory.mixture_limit(5, (0.6, 0.2, 0.2)),
            "the last law counted as the newest model",
            lambda: theory.mixture_limit(5, (0.8, 0.0, 0.2)),
        ),
    ),
    Entry(
        theory.diversity_partially_replaced,
        r"(1-\tfrac1M)[1-\tfrac\alpha M-\tfrac{\alpha(1-\alpha)}{M-1}]^{n-1}",
        "exact",
        "K = 3; M = 6, 2 of them replaced; n = 4",
        Simulated(
            1511,
            "diversity",
            lambda rng: _words(rng, PartialReplacement(1 / 3), 6, 4),
            lambda: theory.diversity_partially_replaced(6, 4, 2)[-1],
            "all replaced",
            lambda: theory.diversity_replaced(6, 4)[-1],
        ),
        "K = 3",
    ),
    Entry(
        theory.diversity_partially_replaced,
        r"(1-\tfrac1M)(1-2/M^2)^{n-1}",
        "exact",
        "N(0, 1), ddof=0; M = 3, 1 of them replaced; n = 4",
        Simulated(
            1512,
            "variance",
            lambda rng: _normal(rng, PartialReplacement(1 / 3), 3, 4, draw=draw_samples).variance,
            lambda: theory.diversity_partially_replaced(3, 4, 1)[-1],
            "a generation too few",
            lambda: theory.diversity_partially_replaced(3, 4, 1)[-2],
        ),
        "Moran",
    ),
    Entry(
        theory.effective_size,
        r"1/[\tfrac\alpha M+\tfrac{\alpha(1-\alpha)}{M-1}]",
        "exact",
        "K = 3; M = 4, 2 of them replaced; n = 5",
        Simulated(
            1513,
            "diversity",
            lambda rng: _words(rng, PartialReplacement(1 / 2), 4, 5),
            lambda: 0.75 * (1 - 1 / theory.effective_size(4, 2)) ** 4,
            "the large-M value M/(α(2 - α))",
            lambda: 0.75 * (1 - 0.75 / 4) ** 4,
        ),
    ),
)
