"""Checks of the laws of one Gaussian in d dimensions."""

import numpy as np
from scipy import optimize

from collapse.measure.distances import squared_w2, total_variance
from collapse.models.multivariate_gaussian import FitMultivariateGaussian, MultivariateGaussian
from collapse.recursion import recurse
from collapse.seeds import seeded
from collapse.theory import multivariate_gaussian as theory
from companion.checks.entry import Computed, Entry, Simulated

SIZES, LONGER, DEFICIENT = [4, 6, 5], [5, 7, 6], [8, 5, 9, 3]
ROOT = np.array([[1.0, 0.0, 0.0], [0.5, 1.0, 0.0], [-0.5, 0.3, 0.7]])
COVARIANCE, ISOTROPIC = ROOT @ ROOT.T, 2 * np.eye(6)
SETTING = "d = 3; M = 4, 6, 5; ddof={}"
NARROW = "d = 6, covariance 2I; M = 8, 5, 9, 3; ddof=1"
NOISE = [0.1, 0.3, 0.2, 0.4]


def _newest(rng, ddof, sizes=SIZES, covariance=COVARIANCE, chains=40_000, keep=()):
    """Return the lineage after one generation for each sample size."""
    return recurse(
        MultivariateGaussian(np.zeros(len(covariance)), covariance),
        FitMultivariateGaussian(ddof),
        sample_size=sizes,
        generations=len(sizes),
        chains=chains,
        rng=rng,
        keep=keep,
    )


def _volume(rng, ddof, *arguments):
    return _newest(rng, ddof, *arguments).newest.log_determinant


def _squared(values):
    """Return squared deviations from the mean, whose mean is the unbiased variance."""
    return (values - values.mean()) ** 2 * (len(values) / (len(values) - 1))


def _rank(rng):
    """Return the rank of one chain's covariance, from its eigenvalues."""
    model = _newest(rng, 1, DEFICIENT, ISOTROPIC, 1).newest
    return np.linalg.matrix_rank(model.covariance[0], tol=1e-9 * total_variance(model)[0])


def _rates(rng):
    """Return the growth rate of the second eigenvalue between n = 25 and 60."""
    lineage = _newest(rng, 1, [5] * 60, np.eye(3), 2000, (25,))
    models = lineage[25], lineage.newest
    early, late = (
        2 * np.log(np.linalg.svd(m.factor, compute_uv=False)) + m.log_scale[:, None] for m in models
    )
    return ((late - early) / 35)[:, 1]


def _noisy(rng, chains=40_000, size=5):
    """Return squared distances of the mean on the line, whose fits carry noise."""
    mean, std = np.zeros(chains), np.ones(chains)
    for noise in NOISE:
        sample = mean[:, None] + std[:, None] * rng.standard_normal((chains, size))
        # a contrast of two draws does not know their mean
        mean = sample.mean(axis=1) + np.sqrt(noise) * np.sign(sample[:, 0] - sample[:, 1])
        std = sample.std(axis=1, ddof=1)
    return mean**2


def _worst(rng, size=16, bound=1.0, d=2000, chains=20_000):
    """Return squared distances under noise straight against the sample mean, less its own square.

    The covariance is 2I/d, so that the sample mean has nearly always the same distance.
    """
    length = np.sqrt(2 / (d * size) * rng.chisquare(d, chains))
    return (length - bound / size) ** 2 - (bound / size) ** 2


def _entry(function, formula, ddof, *check, setting=SETTING, status="exact", case=""):
    return Entry(function, formula, status, setting.format(ddof), Simulated(*check), case)


def _swap(function, formula, ddof, seed, quantity, observe, predict, **options):
    """Make an entry whose control is the other estimator; ``predict(ddof)`` is the prediction."""
    wrong = f"ddof={1 - ddof} for ddof={ddof}"
    check = (
        lambda rng: observe(rng, ddof),
        lambda: predict(ddof),
        wrong,
        lambda: predict(1 - ddof),
    )
    return _entry(function, formula, ddof, seed, quantity, *check, **options)


def _last(function, sizes=SIZES, covariance=COVARIANCE):
    """Return ``predict(ddof)`` for the last generation of a function."""
    return lambda ddof: function(sizes, len(sizes), covariance, ddof=ddof)[-1]


ENTRIES = (
    _swap(
        theory.expected_squared_distance_of_mean,
        r"\sum_{i<n}E\,\mathrm{tr}\,\Sigma_i/M_i",
        0,
        1301,
        "squared distance of the mean at n = 3",
        lambda rng, ddof: (_newest(rng, ddof).newest.mean ** 2).sum(axis=-1),
        _last(theory.expected_squared_distance_of_mean),
    ),
    _swap(
        theory.expected_trace,
        r"\mathrm{tr}\,\Sigma\prod_{i<n}\tfrac{M_i-1}{M_i-\mathrm{ddof}}",
        0,
        1302,
        "trace at n = 3",
        lambda rng, ddof: total_variance(_newest(rng, ddof).newest),
        _last(theory.expected_trace),
    ),
    *(
        _swap(
            theory.risk_bounds,
            r"E|\mu_n-\mu|^2+" + formula,
            0,
            1303 + i,
            "risk at n = 60, where both bounds meet",
            lambda rng, ddof: squared_w2(
                (run := _newest(rng, ddof, [4] * 60, COVARIANCE, 4000)).newest, run[0]
            ),
            lambda ddof, i=i: theory.risk_bounds([4] * 60, 60, COVARIANCE, ddof=ddof)[i][-1],
            setting="d = 3; M = 4, n = 60; ddof={}",
            status="bound",
            case=case,
        )
        for i, (case, formula) in enumerate(
            {
                "lower": r"(\sqrt{E\,t_n}-\sqrt t)^2",
                "upper": r"E\,t_n+t",
            }.items()
        )
    ),
    Entry(
        theory.rank,
        r"\min(d,M_0-1,\dots,M_{n-1}-1)",
        "exact",
        f"{NARROW}; numerical: an integer, with 0.1 in the place of its error",
        Computed(
            "rank at n = 4",
            lambda: _rank(seeded(1305)),
            0.1,
            lambda: theory.rank(DEFICIENT, 4, 6)[-1],
            "M for M - 1",
            lambda: min(DEFICIENT),
        ),
    ),
    _swap(
        theory.expected_log_determinant,
        r"\ln\det\Sigma+\sum_{i<n}\sum_{j\le d}[\psi(\tfrac{M_i-j}2)"
        r"-\ln\tfrac{M_i-\mathrm{ddof}}2]",
        1,
        1306,
        "log-determinant at n = 3",
        _volume,
        _last(theory.expected_log_determinant),
        case="full rank",
    ),
    _swap(
        theory.expected_log_determinant,
        r"\dots+\sum_{j\le k}[\psi(\tfrac{d-j+1}2)-\psi(\tfrac{k-j+1}2)]",
        1,
        1307,
        "logarithm of the product of the 2 eigenvalues at n = 4",
        lambda rng, ddof: _volume(rng, ddof, DEFICIENT, ISOTROPIC),
        _last(theory.expected_log_determinant, DEFICIENT, ISOTROPIC),
        setting=NARROW,
        case="rank 2",
    ),
    _entry(
        theory.variance_of_log_determinant,
        r"\sum_{i<n}\sum_{j\le d}\psi'(\tfrac{M_i-j}2)",
        1,
        1308,
        "variance of the log-determinant at n = 3",
        lambda rng: _squared(_volume(rng, 1)),
        lambda: _last(theory.variance_of_log_determinant)(1),
        "M for M - 1",
        lambda: _last(theory.variance_of_log_determinant, LONGER)(1),
        case="full rank",
    ),
    _entry(
        theory.variance_of_log_determinant,
        r"\dots+\sum_{j\le k}[\psi'(\tfrac{d-j+1}2)-\psi'(\tfrac{k-j+1}2)]",
        1,
        1309,
        "variance of the logarithm of the product of the 2 eigenvalues at n = 4",
        lambda rng: _squared(_volume(rng, 1, DEFICIENT, ISOTROPIC)),
        lambda: _last(theory.variance_of_log_determinant, DEFICIENT, ISOTROPIC)(1),
        "M for M - 1",
        lambda: _last(theory.variance_of_log_determinant, [m + 1 for m in DEFICIENT], ISOTROPIC)(1),
        setting=NARROW,
        case="rank 2",
    ),
    _entry(
        theory.lyapunov_exponents,
        r"\psi(\tfrac{M-i}2)-\ln\tfrac{M-\mathrm{ddof}}2",
        1,
        1310,
        "growth rate of the second eigenvalue from n = 25 to 60",
        _rates,
        lambda: theory.lyapunov_exponents(5, 3, ddof=1)[1],
        "the first exponent",
        lambda: theory.lyapunov_exponents(5, 3, ddof=1)[0],
        setting="d = 3; M = 5; ddof={}",
        status="asymptotic in n",
    ),
    _entry(
        theory.noisy_lower_bound,
        r"\sum_{i<n}(\mathrm{tr}\,\Sigma/M_i+E|\varepsilon_{i+1}|^2)",
        1,
        1311,
        "squared distance of the mean at n = 4, which attains the bound",
        _noisy,
        lambda: theory.noisy_lower_bound(5, 4, trace=1.0, noise=NOISE)[-1],
        "without the noise",
        lambda: theory.noisy_lower_bound(5, 4, trace=1.0)[-1],
        setting="N(0, 1); M = 5; ddof={}; noise that does not know the sample mean",
        status="bound",
    ),
    _entry(
        theory.bounded_noise_lower_bound,
        r"\sum_{i<n}(\mathrm{tr}\,\Sigma/M_i-2K\sqrt{\mathrm{tr}\,\Sigma}/M_i^{3/2})",
        1,
        1312,
        "squared distance of the mean at n = 1, less the noise's own",
        _worst,
        lambda: theory.bounded_noise_lower_bound(16, 1, trace=2.0, bound=1.0)[-1],
        "with the factor √d, as printed",
        lambda: theory.bounded_noise_lower_bound(16, 1, trace=2.0, bound=1.0, dimension=2000)[-1],
        setting="d = 2000, trace 2; M = 16; noise of length 1/M straight against the sample mean",
        status="bound",
    ),
    Entry(
        theory.informative_size,
        r"4K^2d/\mathrm{tr}\,\Sigma",
        "exact",
        "trace 2, K = 3, d = 5; numerical: a root, found to 1e-9",
        Computed(
            "where a generation adds nothing",
            lambda: optimize.brentq(lambda m: 2 / m - 6 * np.sqrt(10) / m**1.5, 2, 1e4, xtol=1e-11),
            1e-9,
            lambda: theory.informative_size(trace=2.0, bound=3.0, dimension=5),
            "without the dimension",
            lambda: theory.informative_size(trace=2.0, bound=3.0),
        ),
    ),
)
