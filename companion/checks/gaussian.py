"""Checks of the laws of one Gaussian, refitted to its own samples."""

import numpy as np
from scipy import special

from collapse.measure.distances import squared_w2
from collapse.models.gaussian import FitGaussian, Gaussian
from collapse.recursion import recurse
from collapse.seeds import seeded
from collapse.theory import gaussian as theory
from companion.checks.entry import Entry, Simulated
from companion.comparison import compare

MEAN, VARIANCE, SIZES, CHAINS = -1.0, 2.0, [4, 3, 6], 100_000
LONGER, LARGER = [size + 1 for size in SIZES], [16, 10, 20]
SETTING = "N(-1, 2); M = 4, 3, 6; ddof={}"


def _newest(rng, ddof, sizes=SIZES, *, variance=VARIANCE, chains=CHAINS):
    """Return the models after one generation for each sample size."""
    return recurse(
        Gaussian(MEAN, variance),
        FitGaussian(ddof),
        sample_size=sizes,
        generations=len(sizes),
        chains=chains,
        rng=rng,
        keep=(),
    ).newest


def _squared(values):
    """Return squared deviations from the mean, whose mean is the unbiased variance."""
    return (values - values.mean()) ** 2 * (len(values) / (len(values) - 1))


def _risk(rng, ddof, *arguments, **options):
    return squared_w2(_newest(rng, ddof, *arguments, **options), Gaussian(MEAN, VARIANCE))


def _draws(rng, ddof, *arguments, **options):
    """Return one draw of each chain's newest model, about reality's mean."""
    return _newest(rng, ddof, *arguments, **options).sample(1, rng)[:, 0] - MEAN


def _grown(rng, scale, generations=400, chains=20_000):
    """Return the models under sample sizes that grow as scale * (n + 1)**2."""
    sizes = [scale * (n + 1) ** 2 for n in range(generations)]
    return _newest(rng, 1, sizes, variance=1.0, chains=chains)


def _below_quantile(q=0.3):
    """Count the chains below the quantile that theory predicts, and below that of the other fit."""
    std = _newest(seeded(1212), 0).std
    right, wrong = (
        theory.std_quantile(q, SIZES, 3, ddof=ddof, variance=VARIANCE)[-1, 0] for ddof in (0, 1)
    )
    return (
        compare("share of chains below the 30 % quantile at n = 3", q, std <= right),
        compare("ddof=1 for ddof=0", q, std <= wrong),
    )


def _entry(function, formula, ddof, *check, setting=SETTING, status="exact", case=""):
    return Entry(function, formula, status, setting.format(ddof), Simulated(*check), case)


def _swap(function, formula, ddof, seed, quantity, observe, predict, **options):
    """Make an entry whose control is the other estimator; ``predict(ddof)`` is the prediction."""
    return _entry(
        function,
        formula,
        ddof,
        seed,
        quantity,
        lambda rng: observe(rng, ddof),
        lambda: predict(ddof),
        f"ddof={1 - ddof} for ddof={ddof}",
        lambda: predict(1 - ddof),
        **options,
    )


def _last(function, *arguments, sizes=SIZES, **options):
    """Return ``predict(ddof)`` for the last generation of a function."""
    return lambda ddof: function(*arguments, sizes, len(sizes), ddof=ddof, **options)[-1]


ENTRIES = (
    _entry(
        theory.c4,
        r"\sqrt{2/(M-1)}\,\Gamma(\tfrac M2)/\Gamma(\tfrac{M-1}2)",
        1,
        1201,
        "standard deviation at n = 1",
        lambda rng: _newest(rng, 1, [3], variance=1.0).std,
        lambda: theory.c4(3),
        "1 - 1/(4M), to first order",
        lambda: 1 - 1 / 12,
        setting="N(-1, 1); M = 3; ddof={}",
    ),
    *(
        _swap(
            theory.std_moment,
            r"\sigma^s\prod_{i<n}E\,S_i^{s/2}",
            ddof,
            1202 + order,
            f"standard deviation to the power {order} at n = 3",
            lambda rng, ddof, order=order: _newest(rng, ddof).std ** order,
            lambda ddof, order=order: theory.std_moment(
                order, SIZES, 3, ddof=ddof, variance=VARIANCE
            )[-1],
            case=f"s = {order}",
        )
        for order, ddof in ((1, 0), (3, 1))
    ),
    _swap(
        theory.variance_of_mean,
        r"\sum_{i<n}E\,\sigma_i^2/M_i",
        0,
        1206,
        "squared distance of the mean at n = 3",
        lambda rng, ddof: (_newest(rng, ddof).mean - MEAN) ** 2,
        _last(theory.variance_of_mean, variance=VARIANCE),
    ),
    _swap(
        theory.variance_of_draw,
        r"\sigma^2(1+\sum_{i<n}1/M_i)\ (\mathrm{ddof}=1)",
        1,
        1207,
        "squared distance of a draw at n = 3",
        lambda rng, ddof: _draws(rng, ddof) ** 2,
        _last(theory.variance_of_draw, variance=VARIANCE),
    ),
    _swap(
        theory.draw_moment,
        r"\sum_i\binom{2k}{2i}(2i-1)!!\,E\,m^{2k-2i}s^{2i}",
        0,
        1208,
        "fourth power of the distance of a draw at n = 3",
        lambda rng, ddof: _draws(rng, ddof, LARGER, chains=200_000) ** 4,
        _last(theory.draw_moment, 4, sizes=LARGER, variance=VARIANCE),
        setting="N(-1, 2); M = 16, 10, 20; ddof={}",
    ),
    _entry(
        theory.first_characteristic_function,
        r"e^{-\sigma^2t^2/2M}(1+\tfrac{\sigma^2t^2}{M-\mathrm{ddof}})^{-(M-1)/2}",
        0,
        1209,
        "cosine of a draw at n = 1",
        lambda rng: np.cos(_draws(rng, 0, [4])),
        lambda: theory.first_characteristic_function(1.0, 4, ddof=0, variance=VARIANCE),
        "a variance-gamma law, as printed",
        lambda: (1 + VARIANCE / 4) ** -1.5,
        setting="N(-1, 2); M = 4; ddof={}",
    ),
    *(
        _swap(
            theory.expected_risk,
            r"\sigma^2[\sum_{i<n}\tfrac1{M_i}+2(1-\prod_{i<n}c_4(M_i))]\ (\mathrm{ddof}=1)",
            ddof,
            1210 + ddof,
            "risk at n = 3",
            _risk,
            _last(theory.expected_risk, variance=VARIANCE),
            case=f"ddof={ddof}",
        )
        for ddof in (0, 1)
    ),
    Entry(
        theory.std_quantile,
        r"P(\sigma_n\le x_q)=q",
        "exact",
        SETTING.format(0),
        _below_quantile,
    ),
    _swap(
        theory.variance_of_risk,
        r"E\,R_n^2-(E\,R_n)^2",
        0,
        1213,
        "variance of the risk at n = 3",
        lambda rng, ddof: _squared(_risk(rng, ddof, LARGER, chains=300_000)),
        _last(theory.variance_of_risk, sizes=LARGER, variance=VARIANCE),
        setting="N(-1, 2); M = 16, 10, 20; ddof={}",
    ),
    _swap(
        theory.expected_log_variance,
        r"\ln\sigma^2+\sum_{i<n}[\psi(\tfrac{M_i-1}2)-\ln\tfrac{M_i-\mathrm{ddof}}2]",
        0,
        1214,
        "log-variance at n = 3",
        lambda rng, ddof: _newest(rng, ddof).log_variance,
        _last(theory.expected_log_variance, variance=VARIANCE),
    ),
    _entry(
        theory.variance_of_log_variance,
        r"\sum_{i<n}\psi'(\tfrac{M_i-1}2)",
        1,
        1215,
        "variance of the log-variance at n = 3",
        lambda rng: _squared(_newest(rng, 1).log_variance),
        lambda: theory.variance_of_log_variance(SIZES, 3, ddof=1)[-1],
        "M for M - 1",
        lambda: theory.variance_of_log_variance(LONGER, 3, ddof=1)[-1],
    ),
    _swap(
        theory.std_distribution,
        r"\tfrac12-\tfrac1\pi\int_0^\infty\mathrm{Im}\,e^{-ity}\varphi_n(t)\,\tfrac{dt}t",
        1,
        1216,
        "share of chains with a standard deviation of at most 0.8 at n = 3",
        lambda rng, ddof: _newest(rng, ddof).std <= 0.8,
        lambda ddof: theory.std_distribution(0.8, SIZES, 3, ddof=ddof, variance=VARIANCE)[-1, 0],
    ),
    _swap(
        theory.limit_of_mean,
        r"t_{2\nu}/\sqrt\nu,\ \nu=2-\mathrm{ddof}",
        0,
        1217,
        "share of chains whose mean ends up within one standard deviation of reality",
        lambda rng, ddof: (
            np.abs(_newest(rng, ddof, [200] * 2400, variance=1.0, chains=6000).mean - MEAN) < 1
        ),
        lambda ddof: 2 * theory.limit_of_mean(ddof=ddof).cdf(1.0) - 1,
        setting="N(-1, 1); M = 200, n = 2400; ddof={}",
        status="asymptotic in M",
    ),
    _entry(
        theory.growth_limits,
        r"\prod_{n\ge1}c_4(cn^p)",
        1,
        1218,
        "standard deviation at n = 400",
        lambda rng: _grown(rng, 2).std,
        lambda: theory.growth_limits(2, 2)["std"],
        "to first order in 1/M",
        lambda: np.exp(-special.zeta(2) / 8),
        setting="N(-1, 1); M = 2 (n + 1)²; ddof={}",
        case="std",
    ),
    _entry(
        theory.growth_limits,
        r"\zeta(p)/c+2(1-\prod_{n\ge1}c_4(cn^p))",
        1,
        1219,
        "risk at n = 400",
        lambda rng: squared_w2(_grown(rng, 6), Gaussian(MEAN, 1.0)),
        lambda: theory.growth_limits(6, 2)["risk"],
        "the mean's part alone",
        lambda: theory.growth_limits(6, 2)["inverse_sizes"],
        setting="N(-1, 1); M = 6 (n + 1)²; ddof={}",
        case="risk",
    ),
)
