"""Checks of the laws of Gaussian mixtures, refitted by EM."""

import numpy as np

from collapse.measure.distances import total_variance
from collapse.measure.mixtures import squared_l2
from collapse.models.gaussian import FitGaussian, Gaussian
from collapse.models.mixture import FitGaussianMixture, GaussianMixture
from collapse.models.wrappers import Regularized
from collapse.recursion import recurse
from collapse.theory import categorical
from collapse.theory import mixture as theory
from companion.checks.entry import Entry, Simulated

SIZES = [8, 5, 6]
PLANE = GaussianMixture(
    [0.3, 0.7], [[-1.0, 0.5], [1.0, 0.0]], covariances=[[[1.0, 0.3], [0.3, 0.5]], np.eye(2)]
)
APART = GaussianMixture([0.2, 0.3, 0.5], [-300.0, 0.0, 300.0], [1.0, 4.0, 1.0])
CLOSE = GaussianMixture([0.3, 0.7], [-1.0, 1.0], [1.0, 1.0])
MODES = GaussianMixture([0.3, 0.7], [-10.0, 10.0], [1.0, 2.0])
EPSILON = 0.2


def _run(rng, reality, fit, sizes, chains, keep=()):
    return recurse(
        reality,
        fit,
        sample_size=sizes,
        generations=len(sizes),
        chains=chains,
        rng=rng,
        keep=keep,
    )


def _spread(rng, regulariser, form="full"):
    """Return the total variance of two components that may have stopped anywhere."""
    fit = FitGaussianMixture(2, form, tolerance=0.1, regulariser=regulariser)
    return total_variance(_run(rng, PLANE, fit, SIZES, 20_000).newest)


def _trace(regulariser, sizes=SIZES):
    laws = theory.expected_covariance(sizes, len(sizes), PLANE.covariance, regulariser=regulariser)
    return np.trace(laws[-1])


def _separated(rng, size, generations, chains=20_000):
    fit = FitGaussianMixture(3, start=APART, warm_start=True, tolerance=1e-3)
    every = range(generations + 1)
    return _run(rng, APART, fit, [size] * generations, chains, every)


def _log_variance(rng, size=12, generations=5):
    """Return ln(variance) of the last component in the chains in which it has always lived."""
    lineage = _separated(rng, size, generations)
    variances = np.array([model.variances[:, 2] for model in lineage.models])
    weights = np.array([model.weights[:, 2] for model in lineage.models])
    return np.log(variances[-1, (np.rint(weights * size) >= 2).all(axis=0)])


def _weights(rng, size=6, generations=4):
    return 1 - (_separated(rng, size, generations).newest.weights ** 2).sum(axis=-1)


def _one_step(rng, size=50):
    """Return squared deviations of the first weight after one step from the truth."""
    fit = FitGaussianMixture(2, start=CLOSE, iterations=1)
    return (_run(rng, CLOSE, fit, [size], 20_000).newest.weights[:, 0] - 0.3) ** 2


def _floor(rng, points=500, generations=3000):
    """Return ln(variance) of a component of constant size that has forgotten its start."""
    fit = Regularized(FitGaussian(ddof=0), 1e-6)
    return _run(rng, Gaussian(0.0, 1e-3), fit, [points] * generations, 4000).newest.log_variance


def _distance(rng, size=4000, generations=5):
    fit = FitGaussianMixture(2, start=MODES, warm_start=True, tolerance=1e-3)
    return squared_l2(_run(rng, MODES, fit, [size] * generations, 600).newest, MODES)


def _first_order(generations, size=4000):
    covariances = MODES.variances[:, None, None]
    return theory.expected_squared_l2(size, generations, MODES.weights, covariances)[-1]


def _mean_log(law):
    """Return the mean logarithm of an inverse gamma law."""
    return float(law.expect(np.log))


ENTRIES = (
    Entry(
        theory.expected_covariance,
        r"(1-1/M_n)\,E\,\Sigma_n",
        "exact",
        "k = 2, d = 2; M = 8, 5, 6; EM with tolerance 0.1",
        Simulated(
            2901,
            "trace at n = 3",
            lambda rng: _spread(rng, 0.0),
            lambda: _trace(0.0),
            "as if it were unbiased",
            lambda: np.trace(PLANE.covariance),
        ),
    ),
    Entry(
        theory.expected_covariance,
        r"(1-1/M_n)\,E\,\Sigma_n+\epsilon I",
        "exact",
        "k = 2, d = 2, spherical; M = 8, 5, 6; ε = 0.2",
        Simulated(
            2902,
            "trace at n = 3",
            lambda rng: _spread(rng, EPSILON, "spherical"),
            lambda: _trace(EPSILON),
            "ε added once",
            lambda: _trace(0.0) + 2 * EPSILON,
        ),
        "regularised",
    ),
    Entry(
        theory.component_log_variance,
        r"\ln\sigma^2+E\sum_{i\le n}[\psi(\tfrac{m_i-1}2)-\ln\tfrac{m_i}2]",
        "exact",
        "three components far apart, weight 0.5; M = 12",
        Simulated(
            2903,
            "log-variance at n = 5, if alive",
            _log_variance,
            lambda: theory.component_log_variance(12, 5, 0.5)[-1],
            "6 draws in every generation",
            lambda: 5 * (theory.component_log_variance(6, 1, 1.0)[-1]),
        ),
    ),
    Entry(
        theory.one_step_weight_variance,
        r"\mathrm{Var}\,r(X)/M",
        "exact",
        "weight 0.3, two standard deviations apart; M = 50; one step of EM from the truth",
        Simulated(
            2904,
            "squared deviation of the weight",
            _one_step,
            lambda: theory.one_step_weight_variance(50, 0.3, 2.0),
            "as for components far apart",
            lambda: theory.one_step_weight_variance(50, 0.3, 50.0),
        ),
    ),
    Entry(
        theory.floor_of_variance,
        r"\epsilon m/\Gamma_2",
        "asymptotic in m",
        "m = 500, n = 3000; ε = 1e-6",
        Simulated(
            2905,
            "log-variance",
            _floor,
            lambda: _mean_log(theory.floor_of_variance(500, regulariser=1e-6)),
            "the logarithm of the mean",
            lambda: np.log(500e-6),
        ),
    ),
    Entry(
        theory.expected_squared_l2,
        r"\sum_{i<n}\tfrac1{M_i}\sum_jc_j\pi_j[1-\pi_j+\tfrac d2+\tfrac{d(d+2)}8]",
        "asymptotic in M",
        "weights 0.3, 0.7, far apart; M = 4000",
        Simulated(
            2906,
            "squared L2 distance at n = 5",
            _distance,
            lambda: _first_order(5),
            "at n = 3",
            lambda: _first_order(3),
        ),
    ),
    Entry(
        categorical.expected_gini_simpson,
        r"H_0\prod_{i<n}(1-1/M_i)",
        "exact",
        "weights 0.2, 0.3, 0.5 of a Gaussian mixture, far apart; M = 6",
        Simulated(
            2907,
            "diversity of the weights at n = 4",
            _weights,
            lambda: categorical.expected_gini_simpson(APART.weights, 6, 4)[-1],
            "at n = 3",
            lambda: categorical.expected_gini_simpson(APART.weights, 6, 3)[-1],
        ),
        "weights of a mixture",
    ),
)
