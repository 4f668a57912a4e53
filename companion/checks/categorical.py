"""Checks of the laws of resampling a vocabulary."""

from math import comb

import numpy as np

from collapse.measure.distances import alive, gini_simpson
from collapse.models.categorical import Categorical, FitCategorical
from collapse.recursion import recurse
from collapse.theory import categorical as theory
from companion.checks.entry import Computed, Entry, law

REALITY, SIZES, CHAINS = np.array([0.1, 0.35, 0.55, 0.0]), [4, 6, 3], 100_000
LONGER = [size + 1 for size in SIZES]
SETTING = "p = (0.1, 0.35, 0.55, 0); M = 4, 6, 3"
POISSON = f"{SETTING}; Poisson counts"


def _newest(rng, sizes=SIZES, reality=REALITY, chains=CHAINS):
    """Return the models after one generation for each sample size."""
    fit, generations = FitCategorical(len(reality)), len(sizes)
    return recurse(
        Categorical(reality),
        fit,
        sample_size=sizes,
        generations=generations,
        chains=chains,
        rng=rng,
        keep=(),
    ).newest


def _poisson(rng, mean=SIZES[0] * REALITY):
    """Return the counts of the last generation of the branching process."""
    counts = np.tile(mean, (CHAINS, 1))
    for ratio in (1, SIZES[1] / SIZES[0], SIZES[2] / SIZES[1]):
        counts = rng.poisson(ratio * counts)
    return counts


def _absorption_time(rng, size, generations, chains):
    """Return the generation at which one category is left."""
    lineage = recurse(
        Categorical(REALITY),
        FitCategorical(len(REALITY)),
        sample_size=size,
        generations=generations,
        chains=chains,
        rng=rng,
        keep=(),
        measure={"alive": alive},
    )
    return (lineage.measured["alive"] > 1).sum(axis=0)


def _cubic(x):
    """Return the third eigenfunction of the transition matrix."""
    return x * (1 - x) * (1 - 2 * x)


def _row(function, formula, *row, setting=SETTING, **more):
    return law(function, formula, setting, *row, **more)


P, ONCE = {"probabilities": REALITY}, {"probabilities": REALITY, "sample_size": SIZES}
RUN = ONCE | {"generations": 3}
THREE = {"probabilities": REALITY, "sample_size": 3}
EARLIER, LARGER = {"generations": 2}, {"sample_size": LONGER}
UNTIL_POINT = "generations until one category is left"

ENTRIES = (
    _row(
        theory.lost_in_one_generation,
        r"(1-p)^{M_0}",
        1101,
        "share of chains without the first category at n = 1",
        lambda rng: _newest(rng, SIZES[:1]).probabilities[:, 0] == 0,
        ONCE,
        LARGER,
        at=0,
    ),
    _row(
        theory.expected_categories_lost,
        r"\sum_{p_i>0}(1-p_i)^{M_0}",
        1102,
        "categories lost at n = 1",
        lambda rng: 3 - alive(_newest(rng, SIZES[:1])),
        ONCE,
        LARGER,
    ),
    _row(
        theory.expected_mass_lost,
        r"\sum_ip_i(1-p_i)^{M_0}",
        1103,
        "mass of reality lost at n = 1",
        lambda rng: (_newest(rng, SIZES[:1]).probabilities == 0) @ REALITY,
        ONCE,
        LARGER,
    ),
    _row(
        theory.expected_gini_simpson,
        r"H_0\prod_{i<n}(1-1/M_i)",
        1104,
        "diversity at n = 3",
        lambda rng: gini_simpson(_newest(rng)),
        RUN,
        EARLIER,
    ),
    _row(
        theory.variance,
        r"p(1-p)[1-\prod_{i<n}(1-1/M_i)]",
        1105,
        "squared deviation of the second category at n = 3",
        lambda rng: (_newest(rng).probabilities[:, 1] - REALITY[1]) ** 2,
        RUN,
        LARGER,
        at=(-1, 1),
    ),
    _row(
        theory.covariance,
        r"p_i(\delta_{ij}-p_j)[1-\prod_{m<n}(1-1/M_m)]",
        1106,
        "product of the deviations of the first and third category at n = 3",
        lambda rng: (_newest(rng).probabilities - REALITY)[:, [0, 2]].prod(axis=1),
        RUN,
        ("the other sign", lambda: -theory.covariance(REALITY, SIZES, 3)[-1, 0, 2]),
        at=(-1, 0, 2),
    ),
    _row(
        theory.fixation_probability,
        "p",
        1107,
        "share of chains that end in the second category",
        lambda rng: _newest(rng, [3] * 60, chains=40_000).probabilities[:, 1] == 1,
        P,
        (
            "the strong win more often: p² over its sum",
            REALITY[1] ** 2 / (REALITY @ REALITY),
        ),
        setting="p = (0.1, 0.35, 0.55, 0); M = 3, n = 60",
        at=1,
    ),
    _row(
        theory.transition_matrix,
        r"P_{ij}=\binom Mj(\tfrac iM)^j(1-\tfrac iM)^{M-j}",
        1108,
        "share of chains with 3 copies after 1 copy of 5",
        lambda rng: np.isclose(_newest(rng, [5], [0.2, 0.8]).probabilities[:, 0], 0.6),
        {"sample_size": 5},
        ("the transpose", lambda: theory.transition_matrix(5)[3, 1]),
        setting="K = 2, M = 5",
        at=(1, 3),
    ),
    Entry(
        theory.binomial_rows,
        r"\binom Mkp^k(1-p)^{M-k}",
        "exact",
        "M = 40, p = 0.3; numerical",
        Computed(
            "probability of 12 copies",
            lambda: comb(40, 12) * 0.3**12 * 0.7**28,
            1e-12,
            lambda: theory.binomial_rows(np.array([0.3]), 40)[[0], :].toarray()[0, 12],
            "as at p = 0.7",
            lambda: theory.binomial_rows(np.array([0.7]), 40)[[0], :].toarray()[0, 12],
        ),
    ),
    _row(
        theory.spectrum,
        r"\lambda_j=\prod_{i<j}(1-i/M)",
        1109,
        "third eigenfunction x(1 - x)(1 - 2x) at n = 2",
        lambda rng: _cubic(_newest(rng, [5, 5], [0.2, 0.8]).probabilities[:, 0]),
        {"sample_size": 5},
        ("the eigenvalue before it", lambda: _cubic(0.2) * theory.spectrum(5)[2] ** 2),
        setting="K = 2, M = 5",
        at=3,
        of=lambda eigenvalue: _cubic(0.2) * eigenvalue**2,
    ),
    _row(
        theory.expected_absorption_time,
        r"\sum_if(p_i),\ f(x)=x+\sum_k\mathrm{Bin}(k;M,x)f(\tfrac kM)",
        1110,
        UNTIL_POINT,
        lambda rng: _absorption_time(rng, 3, 80, 40_000),
        THREE,
        ("a generation too many", lambda: theory.expected_absorption_time(REALITY, 3) + 1),
        setting="p = (0.1, 0.35, 0.55, 0); M = 3",
    ),
    _row(
        theory.diffusion_absorption_time,
        r"-2M\sum_i(1-p_i)\ln(1-p_i)",
        1111,
        UNTIL_POINT,
        lambda rng: _absorption_time(rng, 400, 4400, 300),
        P | {"sample_size": 400},
        (
            "4M for 2M, the time of diploid genes",
            lambda: 2 * theory.diffusion_absorption_time(REALITY, 400),
        ),
        setting="p = (0.1, 0.35, 0.55, 0); M = 400, 300 chains",
        status="asymptotic in M",
    ),
    _row(
        theory.survival_constant,
        r"g_{n+1}=1-e^{-g_n}\ (M_n=M)",
        1112,
        "share of chains in which the first category is alive at n = 3",
        lambda rng: _poisson(rng)[:, 0] > 0,
        {"sample_size": SIZES, "generations": 3},
        EARLIER,
        of=lambda constant: -np.expm1(-SIZES[0] * REALITY[0] * constant),
        setting=POISSON,
    ),
    _row(
        theory.survival_probability,
        r"1-e^{-M_0pg_n}",
        1113,
        "share of chains in which the second category is alive at n = 3",
        lambda rng: _poisson(rng)[:, 1] > 0,
        RUN,
        (
            "multinomial counts",
            lambda: theory.exact_survival_probability(REALITY, SIZES, 3)[-1, 1],
        ),
        setting=POISSON,
        at=(-1, 1),
    ),
    _row(
        theory.exact_survival_probability,
        r"P_{M_0}P_{M_1}\cdots\,1_{k>0}",
        1114,
        "share of chains in which the second category is alive at n = 3",
        lambda rng: _newest(rng).probabilities[:, 1] > 0,
        RUN,
        {"sample_size": [4, 3, 6]},
        at=(-1, 1),
    ),
    _row(
        theory.expected_alive,
        r"\sum_i(1-e^{-M_0p_ig_n})",
        1115,
        "categories alive at n = 3",
        lambda rng: np.count_nonzero(_poisson(rng), axis=1),
        RUN,
        ("multinomial counts", lambda: theory.exact_expected_alive(REALITY, SIZES, 3)[-1]),
        setting=POISSON,
    ),
    _row(
        theory.exact_expected_alive,
        r"\sum_iP(p_n(i)>0)",
        1116,
        "categories alive at n = 3",
        lambda rng: alive(_newest(rng)),
        RUN,
        EARLIER,
    ),
)
