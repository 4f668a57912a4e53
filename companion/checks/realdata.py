"""Checks of what real data do: fresh, kept, weighted, and against biased synthetic ones."""

import numpy as np

from collapse.measure.distances import alive
from collapse.models.categorical import Categorical, FitCategorical
from collapse.models.gaussian import FitGaussian, Gaussian
from collapse.models.wrappers import Sharpened
from collapse.policies import FreshReal, GenerationMixture, KeepReal
from collapse.recursion import draw_samples
from collapse.theory import realdata as theory
from companion.checks.entry import Computed, Entry, law
from companion.checks.mixing import NORMAL, REALITY, WORDS, newest, normal, words

EQUAL = Categorical(np.full(2000, 1 / 2000))
GOLDEN = 0.6180339887498949


def known_spread(data):
    """Fit the mean of normal data, of variance 1, which is known."""
    mean = FitGaussian(ddof=0)(data).mean
    return Gaussian(mean, np.ones_like(mean))


def _fitted(rng, policy, sample_size, generations, fit, **more):
    """Return the Gaussian models of standard normal data, after a run."""
    return newest((NORMAL[0], fit), rng, policy, sample_size, generations, **more)


def _mean_error(*arguments, scale=1, **more):
    """Return an observation: the squared error of the mean, times a scale, the variance known."""
    return lambda rng: scale * _fitted(rng, *arguments, known_spread, **more).mean ** 2


def _counts(rng, share, size=6, generations=4, chains=5000):
    """Return the probabilities where each datum is real with probability `share`."""
    policy = GenerationMixture((1 - share, 0, share))
    return newest(WORDS, rng, policy, size, generations, chains, draw_samples).probabilities


def _long_run(rng, size=300, share=0.01, p=0.2, chains=4000):
    """Return the frequency of one category after five times the memory of the start."""
    x = np.full(chains, p)
    for _ in range(int(5 / share)):
        x = rng.binomial(size, share * p + (1 - share) * x) / size
    return x


def _thresholds(rng, bias, real=10**6, synthetic=100, chains=100_000):
    """Return, for each pair of chains, the number of synthetic data at which they do no harm.

    One chain learns from real data alone, the other from the same and a few synthetic ones. Their
    difference in squared distance, over the synthetic share, is linear in the number of synthetic
    data, with the slope (1 - bias)^2 / 4. Products of independent errors, whose expectation is
    zero, are taken off by regression: they are nearly all of the noise.
    """
    total, share = real + synthetic, synthetic / real
    mean, std = np.zeros(chains), np.ones(chains)
    for _ in range(4):  # the memory of the start fades by `share` in each generation
        error = rng.standard_normal(chains) / np.sqrt(real)
        scatter = rng.chisquare(real - 1, chains)
        alone = error**2 + (np.sqrt(scatter / (real - 1)) - 1) ** 2
        normal, square = rng.standard_normal(chains), rng.chisquare(synthetic - 1, chains)
        drawn = mean + std * np.sqrt(bias / synthetic) * normal
        spread = bias * std**2 * square
        between = real * synthetic / total * (drawn - error) ** 2
        mean = (real * error + synthetic * drawn) / total
        std = np.sqrt((scatter + spread + between) / (total - 1))
    harm = real * (mean**2 + (std - 1) ** 2 - alone) / share
    found = synthetic - 4 * harm / (1 - bias) ** 2
    scatter = scatter / (real - 1) - 1
    noise = [error * normal, scatter, scatter * (square - synthetic + 1), scatter * (normal**2 - 1)]
    noise = np.stack(noise, axis=1)
    noise /= noise.std(axis=0)
    return found - noise @ (noise.T @ (found - found.mean()) / chains)


def _biased(rng):
    return _fitted(rng, FreshReal(number=4), 10, 4, Sharpened(FitGaussian(1), 0.7)).tempered(
        1 / 0.7
    )


def _beta_spread(parameters):
    """Return E p(1 - p) under a beta law."""
    a, b = parameters
    return a * b / ((a + b) * (a + b + 1))


def _eigenvalues(size, share):
    """Return the eigenvalues, the largest first, of resampling 0.3 with a share of real data."""
    copies = np.arange(size + 1)
    q = share * 0.3 + (1 - share) * copies / size
    choose = np.cumprod(np.concatenate([[1.0], (size + 1 - copies[1:]) / copies[1:]]))
    matrix = choose * q[:, None] ** copies * (1 - q[:, None]) ** (size - copies)
    return np.sort(np.linalg.eigvals(matrix).real)[::-1]


FRESH = r"1-m_n,\ m_{n+1}=\tfrac{w^2}k+(1-w)^2[m_n+\tfrac{1-m_n}{M-k}]"
BIASED = {"real": 4, "synthetic": 6, "bias": 0.7, "generations": 4, "ddof": 1}
UNEQUAL = [4, 5, 6, 5]

ENTRIES = (
    law(
        theory.fresh_diversity,
        FRESH,
        "K = 3; M = 6, 2 of them real; n = 4",
        1521,
        "diversity",
        words(FreshReal(number=2), 6, 4),
        {"sample_size": 6, "generations": 4, "number": 2},
        {"number": 1},
        case="K = 3",
    ),
    law(
        theory.fresh_diversity,
        FRESH,
        "N(0, 1), ddof=0; M = 4, 5, 6, 5, one of them real with weight 0.8; n = 4",
        1522,
        "variance",
        normal(FreshReal(number=1, weight=0.8), UNEQUAL, 4),
        {"sample_size": UNEQUAL, "generations": 4, "number": 1, "weight": 0.8},
        ("equal weights", lambda: theory.fresh_diversity(UNEQUAL, 4, 1)[-1]),
        case="weighted",
    ),
    law(
        theory.fresh_limit,
        r"1-\tfrac{1/M}{1-a^2+a/M},\ a=1-\tfrac kM",
        "N(0, 1), ddof=0; M = 6, one of them real; n = 24",
        1523,
        "variance",
        normal(FreshReal(number=1), 6, 24),
        {"sample_size": 6, "number": 1},
        {"number": 2},
    ),
    law(
        theory.fresh_survival_constant,
        r"M h_{n-1}+k\sum_{j<n-1}h_j,\ h_{j+1}=1-e^{-(1-k/M)h_j},\ h_0=1",
        "2000 equal words; M = 20,000, 20 of them real and fresh; n = 20, 100 chains",
        1590,
        "words alive",
        lambda rng: alive(
            newest((EQUAL, FitCategorical(2000)), rng, FreshReal(number=20), 20_000, 20, 100)
        ),
        {"sample_size": 20_000, "generations": 20, "number": 20},
        {"number": 0},
        of=lambda constant: -2000 * np.expm1(-constant / 2000),
        status="asymptotic in M",
    ),
    Entry(
        theory.fresh_spectrum,
        r"\lambda_j=(1-u)^j\prod_{i<j}(1-i/M)",
        "exact",
        "K = 2, M = 8, u = 0.1; numerical",
        Computed(
            "third largest eigenvalue but one of the transition matrix",
            lambda: _eigenvalues(8, 0.1)[3],
            1e-9,
            lambda: theory.fresh_spectrum(8, 0.1)[3],
            "without real data",
            lambda: theory.fresh_spectrum(8, 0.0)[3],
        ),
    ),
    law(
        theory.fresh_chi_square,
        r"\tfrac{K-1}M\sum_{m<n}\rho^m,\ \rho=(1-\tfrac1M)(1-u)^2",
        "p = (0.2, 0.3, 0.5); M = 6, u = 0.2; n = 4",
        1525,
        "chi-square distance from reality",
        lambda rng: ((_counts(rng, 0.2) - REALITY) ** 2 / REALITY).sum(axis=1),
        {"categories": 3, "sample_size": 6, "generations": 4, "share": 0.2},
        {"share": 0.0},
    ),
    law(
        theory.dirichlet_limit,
        r"p\sim\mathrm{Dir}(\theta p_0),\ \theta=2Mu",
        "p = (0.2, 0.8); M = 300, u = 0.01, 4000 chains",
        1526,
        "p(1 - p) of the first category",
        lambda rng: (x := _long_run(rng)) * (1 - x),
        {"probabilities": [0.2, 0.8], "sample_size": 300, "share": 0.01},
        ("theta = M u", lambda: _beta_spread(theory.dirichlet_limit([0.2, 0.8], 150, 0.01))),
        at=...,
        of=_beta_spread,
        status="asymptotic in M",
    ),
    law(
        theory.real_set_diversity,
        r"H_{n+1}=(1-\alpha^2)H_1+\alpha^2(1-\tfrac1S)H_n",
        "K = 3; 5 real data kept, 4 synthetic; n = 4",
        1527,
        "diversity",
        words(KeepReal(1.0), [5, 9, 9, 9], 4),
        {"real": 5, "synthetic": 4, "generations": 4},
        ("5 fresh real data", lambda: theory.fresh_diversity([5, 9, 9, 9], 4, 5)[-1]),
        case="K = 3",
    ),
    law(
        theory.real_set_diversity,
        r"H_{n+1}=(1-\alpha)^2\tfrac{1-1/k}{1-1/R}H_1+2\alpha(1-\alpha)H_1+\alpha^2(1-\tfrac1S)H_n",
        "N(0, 1), ddof=0; a random 2 of 5 real data, 3 synthetic; n = 4",
        1528,
        "variance",
        normal(KeepReal(share=0.4), 5, 4, draw=draw_samples),
        {"real": 5, "synthetic": 3, "generations": 4, "used": 2},
        {"real": 2},
        case="a random part",
    ),
    law(
        theory.real_set_limit,
        r"(1-\tfrac1R)\tfrac{1-\alpha^2}{1-\alpha^2(1-1/S)}",
        "N(0, 1), ddof=0; 3 real data kept, 6 synthetic; n = 12",
        1529,
        "variance",
        normal(KeepReal(1.0), [3] + 11 * [9], 12),
        {"real": 3, "synthetic": 6},
        ("the real set's own", 1 - 1 / 3),
    ),
    law(
        theory.weighted_variance,
        r"V(w)=\tfrac{w^2+(1-w)^2r}{1-(1-w)^2}",
        "N(mean, 1), variance known; M = 6, 2 of them real with weight 0.6; n = 12",
        1530,
        "twice the squared error of the mean",
        _mean_error(FreshReal(number=2, weight=0.6), 6, 12, scale=2),
        {"weight": 0.6, "ratio": 0.5},
        ("equal weights", lambda: theory.weighted_variance(1 / 3, 0.5)),
    ),
    law(
        theory.golden_weight,
        r"V(w^*)=w^*=\tfrac12(\sqrt{r^2+4r}-r)",
        "N(mean, 1), variance known; M = 6, 3 of them real with weight 0.618; n = 10",
        1531,
        "three times the squared error of the mean",
        _mean_error(FreshReal(number=3, weight=GOLDEN), 6, 10, scale=3, chains=100_000),
        {"ratio": 1.0},
        ("equal weights, 2/3", lambda: theory.weighted_variance(0.5, 1.0)),
    ),
    *(
        law(
            theory.biased_moments,
            formula,
            "N(0, 1), ddof=1; 4 real, 6 synthetic, bias 0.7; n = 4",
            1532 + i,
            quantity,
            observe,
            BIASED,
            {"bias": 1.0},
            of=lambda moments, i=i: moments[i][-1],
            case=case,
        )
        for i, (case, quantity, formula, observe) in enumerate(
            (
                (
                    "variance",
                    "variance",
                    r"(M-\mathrm{ddof})v'=(1-\tfrac1M)(R+\lambda Sv)+\tfrac{RS}Mm",
                    lambda rng: _biased(rng).variance,
                ),
                (
                    "mean",
                    "squared error of the mean",
                    r"m'=\tfrac{R+\lambda Sv}{M^2}+\tfrac{S^2}{M^2}m",
                    lambda rng: _biased(rng).mean ** 2,
                ),
            )
        )
    ),
    law(
        theory.biased_variance,
        r"1/(1+s(1-\lambda))",
        "N(0, 1), ddof=1; 3000 real, 6000 synthetic, bias 0.8; n = 30",
        1534,
        "variance",
        lambda rng: (
            _fitted(
                rng,
                FreshReal(number=3000),
                9000,
                30,
                Sharpened(FitGaussian(1), 0.8),
                chains=2000,
            ).variance
            / 0.8
        ),
        {"ratio": 2.0, "bias": 0.8},
        (
            "the bias taken for one of the standard deviation",
            lambda: theory.biased_variance(2.0, 0.8**2),
        ),
        status="asymptotic in M",
    ),
    law(
        theory.effective_real_size,
        r"R\,\tfrac{1+2s}{1+s}",
        "N(mean, 1), variance known; 3 real, 6 synthetic; n = 20",
        1535,
        "squared error of the mean",
        _mean_error(FreshReal(number=3), 9, 20),
        {"real": 3, "synthetic": 6},
        ("all data count", 1 / 9),
        of=lambda size: 1 / size,
    ),
    law(
        theory.bias_threshold,
        r"(9-\lambda-2\lambda^2)/(1-\lambda)^2",
        "N(0, 1), ddof=1; a million real, 100 synthetic, bias 0.7; pairs of chains",
        1536,
        "number of synthetic data that does no harm",
        lambda rng: _thresholds(rng, 0.7),
        {"bias": 0.7},
        (
            "the standard deviation expanded to first order only",
            4 * (3 - 0.7 - 0.7**2 / 2) / (1 - 0.7) ** 2,
        ),
        status="asymptotic in R",
    ),
)
