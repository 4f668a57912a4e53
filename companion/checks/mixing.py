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
from collapse.theory import drift
from collapse.theory import mixing as theory
from companion.checks.entry import Computed, Entry, law

SIZES, REALITY = [4, 3, 6], np.array([0.2, 0.3, 0.5])
RUN = {"sample_size": SIZES, "generations": 3}
WORDS = Categorical(REALITY), FitCategorical(3)
NORMAL = Gaussian(0.0, 1.0), FitGaussian(ddof=0)
LONG = 10**6
REPLACED = "the law of replace", drift.diversity_kept(SIZES, 3)[-1]
LIMITS = {
    "accumulated": (
        r"\sin(\pi/\sqrt M)/(\pi/\sqrt M)",
        lambda: theory.diversity_accumulated(10, LONG),
        np.pi**2 / 6,
    ),
    "subsampled": (
        r"(1-\tfrac1M)\,\Gamma(2-\tfrac1M)/[\Gamma(2-a)\Gamma(2-b)]",
        lambda: theory.diversity_subsampled(10, LONG),
        np.pi**2 / 2 - 2,
    ),
    "redrawn": (
        r"\sin(\pi\sqrt c)/(\pi\sqrt c),\ c=\tfrac2M-\tfrac1{M^2}",
        lambda: theory.diversity_subsampled(10, LONG, replacement=True),
        np.pi**2 / 3,
    ),
}


def newest(
    family, rng, policy, sample_size=SIZES, generations=3, chains=40_000, draw=draw_statistics
):
    """Return the models of the last generation of a run of `family`, reality and the fit."""
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
    """Return the Gini-Simpson index of categorical models over that of `REALITY`, one a chain."""
    return gini_simpson(model) / (1 - REALITY @ REALITY)


def words(*arguments, **more):
    """Return an observation: the diversity of words after such a run."""
    return lambda rng: diversity(newest(WORDS, rng, *arguments, **more))


def normal(*arguments, **more):
    """Return an observation: the variance after such a run of standard normal data, ddof=0."""
    return lambda rng: newest(NORMAL, rng, *arguments, **more).variance


def _coefficients(i):
    """Return alpha, beta and gamma that change with the generation."""
    return [(0.5, 0.4, 0.1), (0.7, 0.1, 0.2), (0.3, 0.3, 0.4)][i]


def _limit(kind, formula, product, first_order):
    check = Computed(
        f"the product up to n = {LONG:.0e}",
        lambda: product()[-1],
        4 / (10 * LONG),  # the factors that are left out: 4/M times the tail of 1/n² at most
        lambda: theory.diversity_limits(10)[kind],
        "the first order in 1/M",
        lambda: 1 - first_order / 10,
    )
    return Entry(theory.diversity_limits, formula, "exact", "M = 10; numerical", check, kind)


ENTRIES = (
    law(
        drift.diversity_kept,
        r"\prod_{i<n}(1-1/M_i)",
        "K = 3; M = 4, 3, 6",
        1501,
        "diversity at n = 3",
        words(replace),
        RUN,
        {"generations": 2},
    ),
    *(
        law(
            theory.diversity_accumulated,
            r"\prod_{i<n}(1-M_i/N_{i+1}^2)",
            f"{case}; M = 4, 3, 6; all data kept",
            seed,
            f"{quantity} at n = 3",
            observe(accumulate),
            RUN,
            REPLACED,
            case=case,
        )
        for seed, case, quantity, observe in (
            (1502, "K = 3", "diversity", words),
            (1503, "N(0, 1), ddof=0", "variance", normal),
        )
    ),
    law(
        theory.diversity_accumulated,
        r"E(\mu_n-\mu_0)^2=(1-D_n)\sigma_0^2",
        "N(0, 1), ddof=0; M = 4, 3, 6; all data kept",
        1504,
        "squared displacement of the mean at n = 3",
        lambda rng: newest(NORMAL, rng, accumulate).mean ** 2,
        RUN,
        ("the variance of a pool of real data, 1/N", 1 / sum(SIZES)),
        of=lambda left: 1 - left,
        case="conservation",
    ),
    law(
        theory.diversity_subsampled,
        r"(1-\tfrac1B)\,G_n",
        "K = 3; M = 4, 3, 6; fitted to 3 of all data so far",
        1505,
        "diversity at n = 3",
        words(AccumulateSubsample(3)),
        RUN | {"budget": 3, "replacement": False},
        {"replacement": True},
        case="K = 3",
    ),
    law(
        theory.diversity_subsampled,
        r"(1-\tfrac1B)\,G_n",
        "N(0, 1), ddof=0; M = 3, n = 3; fitted to M of all data so far",
        1506,
        "variance at n = 3",
        normal(AccumulateSubsample(), 3, draw=draw_samples),
        {"sample_size": 3, "generations": 3},
        ("all data", lambda: theory.diversity_accumulated(3, 3)[-1]),
        case="N(0, 1), ddof=0",
    ),
    law(
        theory.diversity_subsampled,
        r"(1-\tfrac1B)(1-\tfrac1{N_n})\,G_n",
        "K = 3; M = 4, 3, 6; fitted to 3 draws with replacement from all data so far",
        1507,
        "diversity at n = 3",
        words(AccumulateSubsample(3, replacement=True)),
        RUN | {"budget": 3, "replacement": True},
        {"replacement": False},
        case="with replacement",
    ),
    *(_limit(kind, *row) for kind, row in LIMITS.items()),
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
    *(
        law(
            theory.mixture_diversity,
            r"m_{n+1}=(\alpha+\beta)^2m_n+\alpha^2(1-m_n)/M_n",
            f"{case}; M = 4, 3, 6; coefficients that change",
            seed,
            f"{quantity} at n = 3",
            observe,
            RUN | {"coefficients": _coefficients},
            REPLACED,
            case=case,
        )
        for seed, case, quantity, observe in (
            (
                1508,
                "K = 3",
                "diversity",
                words(GenerationMixture(_coefficients), chains=10_000, draw=draw_samples),
            ),
            (
                1509,
                "N(0, 1), ddof=0",
                "variance",
                normal(GenerationMixture(_coefficients), draw=draw_samples),
            ),
        )
    ),
    law(
        theory.mixture_limit,
        r"(1-\tfrac1M)(1-m),\ m=\tfrac{\alpha^2/M}{1-(\alpha+\beta)^2+\alpha^2/M}",
        "N(0, 1), ddof=0; M = 5; (0.6, 0.2, 0.2), n = 12",
        1510,
        "variance",
        normal(GenerationMixture((0.6, 0.2, 0.2)), 5, 12, draw=draw_samples),
        {"sample_size": 5, "coefficients": (0.6, 0.2, 0.2)},
        {"coefficients": (0.8, 0.0, 0.2)},
    ),
    law(
        theory.diversity_partially_replaced,
        r"(1-\tfrac1M)[1-\tfrac\alpha M-\tfrac{\alpha(1-\alpha)}{M-1}]^{n-1}",
        "K = 3; M = 6, 2 of them replaced; n = 4",
        1511,
        "diversity",
        words(PartialReplacement(1 / 3), 6, 4),
        {"sample_size": 6, "generations": 4, "replaced": 2},
        {"replaced": 6},
        case="K = 3",
    ),
    law(
        theory.diversity_partially_replaced,
        r"(1-\tfrac1M)(1-2/M^2)^{n-1}",
        "N(0, 1), ddof=0; M = 3, 1 of them replaced; n = 4",
        1512,
        "variance",
        normal(PartialReplacement(1 / 3), 3, 4, draw=draw_samples),
        {"sample_size": 3, "generations": 4, "replaced": 1},
        {"generations": 3},
        case="Moran",
    ),
    law(
        theory.effective_size,
        r"1/[\tfrac\alpha M+\tfrac{\alpha(1-\alpha)}{M-1}]",
        "K = 3; M = 4, 2 of them replaced; n = 5",
        1513,
        "diversity",
        words(PartialReplacement(1 / 2), 4, 5),
        {"sample_size": 4, "replaced": 2},
        ("the large-M value M/(α(2 - α))", 0.75 * (1 - 0.75 / 4) ** 4),
        of=lambda size: 0.75 * (1 - 1 / size) ** 4,
    ),
)
