"""Checks of the laws of the linear variational autoencoder."""

from functools import partial

import numpy as np

from collapse.measure.distances import kl, squared_w2, total_variance
from collapse.models.multivariate_gaussian import MultivariateGaussian
from collapse.models.population import population_fit
from collapse.models.ppca import FitProbabilisticPCA
from collapse.models.wrappers import Decoded
from collapse.policies import newest_law
from collapse.recursion import draw_decoded, draw_statistics, recurse
from collapse.theory import linear_vae as theory
from companion.checks.entry import Computed, Entry, Simulated

VALUES, SPIKED = np.array([5.0, 3.0, 1.2, 0.7, 0.3]), np.array([3.0, 1.0, 1.0, 1.0])
SIZES, LONGER, ENDLESS = [6, 4, 5], [7, 5, 6], 10**12
SETTING = "eigenvalues 5, 3, 1.2, 0.7, 0.3; q = 2; "
NEARLY = f"{SETTING}M = 10¹²; "
FIXED = {"latent_dimension": 2, "noise_variance": 0.8}
LEARNED = {"latent_dimension": 2}


def _run(rng, fit, *, size=ENDLESS, generations=3, chains=2000, draw=draw_decoded, values=VALUES):
    return recurse(
        MultivariateGaussian(np.zeros(len(values)), np.diag(values)),
        FitProbabilisticPCA(**fit),
        sample_size=size,
        generations=generations,
        chains=chains,
        rng=rng,
        draw=draw,
    )


def _second(model):
    """Return the second eigenvalue of the covariance of the decoder's means."""
    return np.linalg.svd(model.loadings, compute_uv=False)[:, 1] ** 2


def _codes(rng, means):
    """Return the mean square of the second code of 50 vectors of generation 3, read by the first.

    Every chain has its own eigenvectors, the first encoder's own.
    """
    lineage = _run(rng, FIXED, draw=draw_decoded if means else draw_statistics)
    handed = lineage.newest.decoded if means else lineage.newest
    first, axes = lineage[1], np.linalg.svd(lineage[1].loadings)[2]
    codes = first.encode(handed.sample(50, rng)) @ axes.mT
    return (codes[..., 1] ** 2).mean(axis=-1)


def _dead():
    """Return the first generation whose means do not vary along the second direction."""
    lineage = recurse(
        MultivariateGaussian(np.zeros(5), np.diag(VALUES)),
        partial(population_fit, Decoded(FitProbabilisticPCA(**FIXED))),
        sample_size=1,
        generations=8,
        policy=newest_law,
        rng=0,  # nothing is drawn
    )
    return np.count_nonzero([m.covariance[0, 1, 1] > 1e-9 for m in lineage.models])


def _log_ratio(rng, q=2):
    """Return the log ratio of the densities of reality and of its best fit, at draws of reality."""
    reality = MultivariateGaussian(np.zeros(5), np.diag(VALUES))
    best = population_fit(FitProbabilisticPCA(q), reality)
    x = reality.sample(40_000, rng)
    return reality.logpdf(x) - best.logpdf(x)


def _chance(rng, q):
    lineage = _run(
        rng,
        {"latent_dimension": q},
        size=10**6,
        generations=2,
        chains=4000,
        draw=draw_statistics,
        values=SPIKED,
    )
    return kl(lineage[0], lineage.newest)


def _ratio(rng):
    """Return the total variance of the means of generation 3 over that of generation 1."""
    lineage = _run(rng, LEARNED, size=SIZES, chains=40_000)
    return total_variance(lineage[3].decoded) / total_variance(lineage[1].decoded)


def _entry(function, formula, setting, *check, case="", status="exact"):
    return Entry(function, formula, status, setting, Simulated(*check), case)


ENTRIES = (
    _entry(
        theory.spectrum,
        r"(\lambda_i-n\sigma^2)_+",
        f"{NEARLY}means, σ² = 0.8",
        1851,
        "second eigenvalue of the means at n = 3",
        lambda rng: _second(_run(rng, FIXED).newest),
        lambda: theory.spectrum(VALUES, 3, **FIXED, means=True)[-1, 1],
        "the noise lost once",
        lambda: theory.spectrum(VALUES, 1, **FIXED, means=True)[-1, 1],
        case="means, constant noise",
    ),
    _entry(
        theory.spectrum,
        r"\lambda_i-\tfrac1{d-q}\sum_{j>q}\lambda_j",
        f"{NEARLY}means, learned noise",
        1852,
        "second eigenvalue of the means at n = 3",
        lambda rng: _second(_run(rng, LEARNED).newest),
        lambda: theory.spectrum(VALUES, 3, **LEARNED, means=True)[-1, 1],
        "the noise lost every time",
        lambda: 3.0 - 3 * VALUES[2:].mean(),
        case="means, learned noise",
    ),
    _entry(
        theory.spectrum,
        r"\sigma^2=\tfrac1{d-q}\sum_{j>q}\lambda_j",
        f"{NEARLY}draws, learned noise",
        1853,
        "noise variance at n = 3",
        lambda rng: _run(rng, LEARNED, draw=draw_statistics).newest.noise_variance,
        lambda: theory.spectrum(VALUES, 3, **LEARNED)[-1, -1],
        "the smallest eigenvalue",
        lambda: VALUES[-1],
        case="draws, learned noise",
    ),
    _entry(
        theory.code_variance,
        r"(1-\sigma^2/\lambda_i)(1-n\sigma^2/\lambda_i)_+",
        f"{NEARLY}means, σ² = 0.8",
        1854,
        "mean square of the second code at n = 3",
        lambda rng: _codes(rng, means=True),
        lambda: theory.code_variance(VALUES, 3, **FIXED, means=True)[-1, 1],
        "a generation too few",
        lambda: theory.code_variance(VALUES, 2, **FIXED, means=True)[-1, 1],
        case="means",
    ),
    _entry(
        theory.code_variance,
        r"1-\sigma^2/\lambda_i",
        f"{NEARLY}draws, σ² = 0.8",
        1855,
        "mean square of the second code at n = 3",
        lambda rng: _codes(rng, means=False),
        lambda: theory.code_variance(VALUES, 3, **FIXED)[-1, 1],
        "the variance 1 of the prior",
        lambda: 1.0,
        case="draws",
    ),
    Entry(
        theory.extinction,
        r"\lceil\lambda_i/\sigma^2\rceil",
        "exact",
        f"{SETTING}means, σ² = 0.8; numerical: an integer, with 0.1 in the place of its error",
        Computed(
            "first generation without the second direction",
            _dead,
            0.1,
            lambda: theory.extinction(VALUES, **FIXED)[1],
            "the first direction",
            lambda: theory.extinction(VALUES, **FIXED)[0],
        ),
    ),
    _entry(
        theory.expected_total_variance,
        r"\sum_i\lambda_i\prod_{m<n}(1-1/M_m)",
        f"{SETTING}M = 6, 4, 5; draws, learned noise",
        1856,
        "total variance at n = 3",
        lambda rng: total_variance(
            _run(rng, LEARNED, size=SIZES, chains=40_000, draw=draw_statistics).newest
        ),
        lambda: theory.expected_total_variance(SIZES, 3, VALUES)[-1],
        "M + 1 for M",
        lambda: theory.expected_total_variance(LONGER, 3, VALUES)[-1],
        case="draws",
    ),
    _entry(
        theory.expected_total_variance,
        r"t_1\prod_{1\le m<n}(1-1/M_m)",
        f"{SETTING}M = 6, 4, 5; means, learned noise",
        1857,
        "total variance of the means at n = 3 over that at n = 1",
        _ratio,
        lambda: theory.expected_total_variance(SIZES[1:], 2, [1.0])[-1],
        "from generation 0 on",
        lambda: theory.expected_total_variance(SIZES, 3, [1.0])[-1],
        case="means",
    ),
    _entry(
        theory.expressivity_w2,
        r"\sum_{i>q}(\sqrt{\lambda_i}-\sigma)^2",
        f"{NEARLY}learned noise",
        1858,
        "squared W₂ from reality at n = 1",
        lambda rng: squared_w2(
            (run := _run(rng, LEARNED, generations=1, draw=draw_statistics))[0], run.newest
        ),
        lambda: theory.expressivity_w2(VALUES, **LEARNED),
        "one code more",
        lambda: theory.expressivity_w2(VALUES, latent_dimension=3),
    ),
    _entry(
        theory.expressivity_kl,
        r"\tfrac12\sum_{i>q}\ln(\sigma^2/\lambda_i)",
        f"{SETTING}endless samples, learned noise",
        1859,
        "log ratio of the densities of reality and fit",
        _log_ratio,
        lambda: theory.expressivity_kl(VALUES, **LEARNED),
        "one code more",
        lambda: theory.expressivity_kl(VALUES, latent_dimension=3),
    ),
    *(
        _entry(
            theory.expected_kl,
            r"\tfrac12[d(q+1)+1-\tfrac{q(q-1)}2]\sum_{i<n}1/M_i",
            f"eigenvalues 3, 1, 1, 1; q = {q}; M = 10⁶; draws, learned noise",
            1859 + q,
            "KL from reality at n = 2, in multiples of 1/M",
            lambda rng, q=q: 1e6 * _chance(rng, q),
            lambda q=q: 1e6 * theory.expected_kl(10**6, 2, dimension=4, latent_dimension=q)[-1],
            wrong,
            control,
            case=f"q = {q}",
            status="asymptotic in M",
        )
        for q, wrong, control in (
            (1, "without the noise", lambda: 2 * 8 / 2),
            (3, "counting rotations of the codes", lambda: 2 * 17 / 2),
        )
    ),
)
