"""Checks of what the family and the procedure do to a law."""

import numpy as np
from scipy import special, stats

from collapse.models.adapters import ScipyLaw
from collapse.models.categorical import Categorical
from collapse.models.gaussian import FitGaussian, Gaussian
from collapse.models.kde import FitKernelDensity, scott, scott_factor
from collapse.models.wrappers import Regularized, Rounded, Sharpened, Shrunk, StoppedEarly
from collapse.policies import accumulate, replace
from collapse.recursion import draw_samples, draw_statistics, recurse
from collapse.theory import functional as theory
from companion.checks.entry import Entry, Simulated

MEAN, VARIANCE, SIZES = -1.0, 2.0, [4, 3, 6]
KDE, REST = {"bandwidth": 0.7, "variance": VARIANCE}, {"ddof": 0, "variance": VARIANCE}
STOPPED = {"fraction": 1 - 0.6**3, "start_variance": 1.2, "distance": -1.5}
SETTING, P = "N(-1, 2); M = 4, 3, 6; {}", np.array([0.4, 0.1, 0.3, 0.0, 0.2])
LAPLACE = ScipyLaw(stats.laplace(1.0, 2.0))


def _newest(rng, fit, policy=replace, draw=draw_statistics, sizes=SIZES, mean=MEAN, chains=100_000):
    """Return the models after one generation for each sample size."""
    return recurse(
        Gaussian(mean, VARIANCE),
        fit,
        sample_size=sizes,
        generations=len(sizes),
        chains=chains,
        policy=policy,
        draw=draw,
        rng=rng,
        keep=(),
    ).newest


def _kde(rng, bandwidth=0.7, policy=replace):
    return _newest(rng, FitKernelDensity(bandwidth), policy, draw_samples)


def _stopped(rng):
    return _newest(rng, StoppedEarly(FitGaussian(0), Gaussian(0.5, 1.2), rate=0.4, steps=3))


def _tempered(temperature=0.7, generations=3):
    """Return the categorical law after some generations without sampling error."""
    law, sharpen = Categorical(P), Sharpened(lambda law: law, temperature)
    for _ in range(generations):
        law = sharpen(law)
    return law


def _gain(rng):
    """Return log-likelihood ratios of the Laplace law and its projection, at draws of the law."""
    draws = LAPLACE.sample(100_000, rng)
    return LAPLACE.logpdf(draws) - Gaussian(LAPLACE.mean, LAPLACE.variance).logpdf(draws)


def _transport(rng):
    """Return the squared lengths of the way from the Laplace law to its projection."""
    uniform = rng.random(200_000)
    x = LAPLACE.distribution.ppf(uniform)
    return (x - LAPLACE.mean - np.sqrt(LAPLACE.variance) * special.ndtri(uniform)) ** 2


def _rounded(rng):
    fit, sizes = Rounded(FitGaussian(0), "float16"), [40, 30, 50]
    return _newest(rng, fit, replace, draw_samples, sizes, 1500.0, 40_000).variance


def _relative_errors(rng):
    """Return squared relative errors of rounding to float16, in millionths."""
    x = np.exp2(rng.uniform(-6, 6, 100_000))
    return 1e6 * (x.astype("float16").astype(float) / x - 1) ** 2


def _late(function, **arguments):
    """Return the law's value one generation too late."""
    return lambda: function([*SIZES, SIZES[-1]], 4, **arguments)[-1]


def _last(function, **arguments):
    """Return the law's value at the last generation."""
    return lambda: function(SIZES, 3, **arguments)[-1]


def _entry(words, function, formula, *check, setting=SETTING, status="exact", case=""):
    return Entry(function, formula, status, setting.format(words), Simulated(*check), case)


def _late_entry(words, function, formula, seed, observe, arguments, quantity="variance at n = 3"):
    """Make an entry whose control is the law's next generation."""
    right, wrong = _last(function, **arguments), _late(function, **arguments)
    return _entry(
        words, function, formula, seed, quantity, observe, right, "a generation too many", wrong
    )


ENTRIES = (
    _late_entry(
        "h = 0.7",
        theory.kde_variance,
        r"V_{n+1}=(1-1/M_n)V_n+h^2",
        1401,
        lambda rng: _kde(rng).variance,
        KDE,
    ),
    _late_entry(
        "h = 0.7",
        theory.kde_variance_of_mean,
        r"\sum_{i<n}V_i/M_i",
        1402,
        lambda rng: (_kde(rng).mean - MEAN) ** 2,
        KDE,
        "squared distance of the mean at n = 3",
    ),
    _late_entry(
        "h = 0.7, all data kept",
        theory.kde_variance_accumulated,
        r"U'=(1-\tfrac M{N'^2})U+\tfrac M{N'}(1-\tfrac1{N'})h^2,\ V=U+h^2",
        1403,
        lambda rng: _kde(rng, policy=accumulate).variance,
        KDE,
    ),
    _late_entry(
        "Scott's rule",
        theory.kde_rule_variance,
        r"\sigma^2\prod_{i<n}(1-1/M_i+c(M_i)^2)",
        1404,
        lambda rng: _kde(rng, scott).variance,
        {"factor": scott_factor, "variance": VARIANCE},
    ),
    _entry(
        "",
        theory.smoothed_variance,
        r"\sigma^2+nh^2",
        1405,
        "squared distance of a draw at n = 3",
        lambda rng: (rng.standard_normal((100_000, 4)) @ [np.sqrt(VARIANCE), 0.7, 0.7, 0.7]) ** 2,
        lambda: theory.smoothed_variance(3, **KDE)[-1],
        "a generation too many",
        lambda: theory.smoothed_variance(4, **KDE)[-1],
        setting="N(0, 2); h = 0.7; endless samples",
    ),
    _entry(
        "ddof=0, λ = 0.3, τ = 1.5",
        theory.shrinkage_variance,
        r"V_{n+1}=(1-\lambda)rV_n+\lambda\tau",
        1406,
        "variance at n = 3",
        lambda rng: _newest(rng, Shrunk(FitGaussian(0), target=1.5, intensity=0.3)).variance,
        _last(theory.shrinkage_variance, intensity=0.3, target=1.5, **REST),
        "ddof=1 for ddof=0",
        _last(theory.shrinkage_variance, intensity=0.3, target=1.5, **REST | {"ddof": 1}),
    ),
    _late_entry(
        "ddof=0, ε = 0.4",
        theory.regularized_variance,
        r"V_{n+1}=rV_n+\epsilon",
        1407,
        lambda rng: _newest(rng, Regularized(FitGaussian(0), 0.4)).variance,
        {"epsilon": 0.4, **REST},
    ),
    *(
        _entry(
            "ddof=0; start N(0.5, 1.2), 3 steps at rate 0.4",
            theory.stopped_early_moments,
            formula,
            1408 + i,
            f"{case} at n = 3",
            lambda rng, i=i: (((m := _stopped(rng)).mean - 0.5) ** 2, m.variance)[i],
            lambda i=i: theory.stopped_early_moments(SIZES, 3, **STOPPED, **REST)[i][-1],
            "as if the start knew reality's mean",
            lambda i=i: theory.stopped_early_moments(
                SIZES, 3, **STOPPED | {"distance": 0.0}, **REST
            )[i][-1],
            case=case,
        )
        for i, (case, formula) in enumerate(
            {
                "squared distance": "A'=f^2(A+V/M)",
                "spread": "V'=(1-f)s^2+f\\,rV+f(1-f)(A+V/M)",
            }.items()
        )
    ),
    _late_entry(
        "ddof=0, T = 0.8",
        theory.tempered_variance,
        r"T^n\sigma^2\prod_{i<n}r_i",
        1410,
        lambda rng: _newest(rng, Sharpened(FitGaussian(0), 0.8)).variance,
        {"temperature": 0.8, **REST},
    ),
    _entry(
        "",
        theory.tempered_probabilities,
        r"p_n\propto p_0^{1/T^n}",
        1411,
        "share of draws in the third category at n = 3",
        lambda rng: _tempered().sample(100_000, rng) == 2,
        lambda: theory.tempered_probabilities(P, 3, temperature=0.7)[-1, 2],
        "a generation too many",
        lambda: theory.tempered_probabilities(P, 4, temperature=0.7)[-1, 2],
        setting="p = (0.4, 0.1, 0.3, 0, 0.2), T = 0.7; endless samples",
    ),
    _entry(
        "",
        theory.tempered_entropy,
        r"-\sum_ip_n(i)\ln p_n(i)",
        1412,
        "surprise of a draw at n = 3",
        lambda rng: -(law := _tempered()).logpmf(law.sample(100_000, rng)),
        lambda: theory.tempered_entropy(P, 3, temperature=0.7)[-1],
        "a generation too many",
        lambda: theory.tempered_entropy(P, 4, temperature=0.7)[-1],
        setting="p = (0.4, 0.1, 0.3, 0, 0.2), T = 0.7; endless samples",
    ),
    _entry(
        "",
        theory.projection_kl,
        r"\tfrac12\ln(2\pi e\sigma^2)-h(p)",
        1413,
        "log-likelihood ratio of law and fit",
        _gain,
        lambda: theory.projection_kl(LAPLACE),
        "that of the exponential law",
        lambda: (np.log(2 * np.pi) - 1) / 2,
        setting="Laplace's law of scale 2; endless samples",
    ),
    _entry(
        "",
        theory.projection_w2,
        r"2\sigma^2-2\sigma\int\varphi(z(F(x)))\,dx",
        1414,
        "squared length of the way from law to fit",
        _transport,
        lambda: theory.projection_w2(LAPLACE),
        "that of the uniform law",
        lambda: 2 * LAPLACE.variance * (1 - np.sqrt(3 / np.pi)),
        setting="Laplace's law of scale 2; endless samples",
    ),
    _entry(
        "",
        theory.rounded_variance,
        r"V_{n+1}=r(V_n+\Delta^2/12)",
        1415,
        "variance at n = 3",
        _rounded,
        lambda: theory.rounded_variance([40, 30, 50], 3, spacing=1.0, **REST)[-1],
        "without rounding",
        lambda: theory.rounded_variance([40, 30, 50], 3, spacing=0.0, **REST)[-1],
        setting="N(1500, 2); M = 40, 30, 50; ddof=0, float16, whose numbers are Δ = 1 apart",
        status="asymptotic in σ/Δ",
    ),
    _entry(
        "",
        theory.rounding_variance,
        r"\epsilon^2/(32\ln2)",
        1416,
        "squared relative error, in millionths",
        _relative_errors,
        lambda: 1e6 * theory.rounding_variance("float16"),
        "without the mean inverse square of the mantissa",
        lambda: 1e6 * float(np.finfo("float16").eps) ** 2 / 12,
        setting="float16; log-uniform mantissa",
        status="asymptotic in ε",
    ),
)
