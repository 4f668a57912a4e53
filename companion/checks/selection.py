"""Checks of selection: curation against chance, and a verifier with a centre of its own."""

import numpy as np

from collapse.models.categorical import Categorical, FitCategorical
from collapse.models.gaussian import Gaussian
from collapse.policies import Selected
from collapse.recursion import recurse
from collapse.theory import selection as theory
from companion.checks.entry import Computed, Entry, law
from companion.checks.realdata import known_spread

ADVANTAGE = 0.5
CERTAIN = 10**12
"""So many real data that generation 1 is reality."""


def _preferred(samples):
    """Accept the first category always, the other with odds 1 to 1 + ADVANTAGE."""
    return np.where(samples == 0, 1.0, 1 / (1 + ADVANTAGE))


def _curated(rng, size, generations, chains=20_000):
    """Return the frequency of the preferred category at every generation."""
    run = recurse(
        Categorical([0.3, 0.7]),
        FitCategorical(2),
        sample_size=size,
        generations=generations,
        chains=chains,
        rng=rng,
        policy=Selected(_preferred),
    )
    return np.array([model.probabilities[:, 0] for model in run.models])


def _after_two(rng):
    """Return whether 3 copies of 5 followed on 2."""
    first, second = _curated(rng, 5, 2, 40_000)[1:]
    return np.isclose(second[np.isclose(first, 0.4)], 0.6)


def _fixed(rng, p=0.1, size=200, advantage=0.01, chains=4000):
    """Return whether the preferred category won, where half of the odds are of no matter."""
    x = np.full(chains, p)
    while ((x > 0) & (x < 1)).any():
        x = rng.binomial(size, x * (1 + advantage) / (1 + advantage * x)) / size
    return x == 1


def _verified(rng, mean, sizes, centre=0.0, half_width=1.0, chains=20_000):
    """Return the mean, less the verifier's centre, of models of normal data with variance 1."""
    run = recurse(
        Gaussian(mean, 1.0),
        known_spread,
        sample_size=sizes,
        generations=len(sizes),
        chains=chains,
        rng=rng,
        policy=Selected(lambda samples: np.abs(samples - centre) < half_width),
        keep=(),
    )
    return run.newest.mean - centre


ENTRIES = (
    law(
        theory.selection_matrix,
        r"P_{ij}=\mathrm{Bin}(j;M,\tfrac{x(1+s)}{1+sx}),\ x=\tfrac iM",
        "K = 2, M = 5, odds 1.5",
        1541,
        "share of chains with 3 copies after 2",
        _after_two,
        {"sample_size": 5, "advantage": ADVANTAGE},
        {"advantage": 0.0},
        at=(2, 3),
    ),
    law(
        theory.fixation_with_selection,
        r"f=Pf,\ f(0)=0,\ f(M)=1",
        "p = (0.3, 0.7); M = 4, odds 1.5; n = 30",
        1542,
        "share of chains with the preferred category alone",
        lambda rng: _curated(rng, 4, 30, 10_000)[-1] == 1,
        {"probability": 0.3, "sample_size": 4, "advantage": ADVANTAGE},
        (
            "real data selected too",
            lambda: theory.fixation_with_selection(0.45 / 1.15, 4, ADVANTAGE),
        ),
    ),
    law(
        theory.kimura_fixation,
        r"\tfrac{1-e^{-2Msp}}{1-e^{-2Ms}}",
        "p = 0.1; M = 200, s = 0.01; 4000 chains",
        1543,
        "share of chains with the preferred category alone",
        _fixed,
        {"probability": 0.1, "sample_size": 200, "advantage": 0.01},
        ("4Ms, of diploid genes", lambda: theory.kimura_fixation(0.1, 400, 0.01)),
        status="asymptotic in M",
    ),
    law(
        theory.verified_mean,
        r"\delta+\tfrac{\varphi(a+\delta)-\varphi(a-\delta)}{\Phi(a-\delta)-\Phi(-a-\delta)}",
        "shift 1.5, a = 1; 20 accepted data",
        1544,
        "mean of the accepted data",
        lambda rng: _verified(rng, 1.5, [CERTAIN, 20]),
        {"shift": 1.5, "half_width": 1.0},
        ("the contraction at the centre", lambda: 1.5 * theory.verifier_contraction(1.0)),
    ),
    law(
        theory.verifier_contraction,
        r"\rho=1-\tfrac{2a\varphi(a)}{2\Phi(a)-1}",
        "at the centre, a = 1; 20 accepted data",
        1545,
        "20 times the squared mean of the accepted data",
        lambda rng: 20 * _verified(rng, 0.0, [CERTAIN, 20]) ** 2,
        {"half_width": 1.0},
        ("the variance of uniform data", 1 / 3),
        case="variance",
    ),
    Entry(
        theory.verifier_contraction,
        r"\rho=1-\tfrac{2a\varphi(a)}{2\Phi(a)-1}",
        "exact",
        "close to the centre, a = 1; numerical",
        Computed(
            "mean of the accepted data over the shift",
            lambda: theory.verified_mean(1e-4, 1.0) / 1e-4,
            1e-8,
            lambda: theory.verifier_contraction(1.0),
            "its square root",
            lambda: theory.verifier_contraction(1.0) ** 0.5,
        ),
        "slope",
    ),
    law(
        theory.verified_error,
        r"e_{n+1}=\rho^2e_n+\rho/M_n",
        "offset 0.05, a = 1; M = 400, n = 3, 4000 chains",
        1546,
        "squared distance from the verifier's centre",
        lambda rng: _verified(rng, 0.0, 3 * [400], centre=-0.05, chains=4000) ** 2,
        {"half_width": 1.0, "sample_size": 400, "generations": 3, "offset": 0.05},
        ("without a verifier", 0.05**2 + 3 / 400),
        status="asymptotic in M",
    ),
)
