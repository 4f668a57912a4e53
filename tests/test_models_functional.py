"""Kernel density estimates, histograms and procedures: contracts, twins and bad input."""

from functools import partial

import mpmath
import numpy as np
import pytest
from harness import assert_agrees, assert_refutes
from scipy import integrate, stats

from collapse.models.adapters import ScipyLaw
from collapse.models.categorical import Categorical, FitCategorical
from collapse.models.gaussian import FitGaussian, Gaussian
from collapse.models.histogram import FitHistogram, Histogram
from collapse.models.kde import (
    FitKernelDensity,
    KernelDensity,
    scott,
    scott_factor,
    silverman,
    silverman_factor,
)
from collapse.models.mixture import GaussianMixture
from collapse.models.multivariate_gaussian import FitMultivariateGaussian, MultivariateGaussian
from collapse.models.population import population_fit
from collapse.models.wrappers import Regularized, Rounded, Sharpened, Shrunk, StoppedEarly
from collapse.policies import newest_law
from collapse.recursion import draw_samples, recurse
from collapse.seeds import seeded

POINTS, BANDWIDTH = np.array([-1.5, 0.2, 1.0, 3.0]), np.array(0.4)
EDGES, MASSES = np.array([-2.0, -1.0, 0.0, 1.0, 2.0, 3.0]), np.array([0.1, 0.0, 0.4, 0.3, 0.2])
LAWS = {
    "kde": (KernelDensity, (POINTS, BANDWIDTH), FitKernelDensity(0.3)),
    "kde by Scott": (KernelDensity, (POINTS, BANDWIDTH), FitKernelDensity(scott)),
    "kde by Silverman": (KernelDensity, (POINTS, BANDWIDTH), FitKernelDensity(silverman)),
    "histogram": (lambda masses: Histogram(masses, EDGES), (MASSES,), FitHistogram(EDGES)),
}
START = Gaussian(0.5, 2.0)
PROCEDURES = {
    "shrunk": Shrunk(FitGaussian(1), target=2.0, intensity=0.2),
    "regularized": Regularized(FitGaussian(0), epsilon=0.1),
    "stopped early": StoppedEarly(FitGaussian(1), START, rate=0.3, steps=4),
    "sharpened": Sharpened(FitGaussian(1), temperature=0.8),
    "rounded": Rounded(FitGaussian(1), "float16"),
    "composed": Rounded(Shrunk(FitGaussian(0), target=1.0, intensity=0.1), "float32"),
}
each_law = pytest.mark.parametrize("case", list(LAWS.values())[::3], ids=list(LAWS)[::3])


@each_law
def test_densities_moments_and_distribution_functions(case):
    make, arguments, _ = case
    model = make(*arguments)
    density = lambda x: np.exp(model.logpdf(np.array([x])))[0]  # noqa: E731
    moments = [
        sum(
            integrate.quad(lambda x: x**k * density(x), a, a + 1)[0]  # noqa: B023
            for a in range(-5, 7)
        )
        for k in range(3)
    ]
    np.testing.assert_allclose(moments[:2], [1, model.mean], atol=1e-7)
    assert moments[2] - moments[1] ** 2 == pytest.approx(float(model.variance), abs=1e-6)
    x = np.array([-1.9, -0.3, 0.77, 2.1])
    mass = np.cumsum(
        [integrate.quad(density, a, b, points=EDGES)[0] for a, b in zip([-6, *x], x, strict=False)]
    )
    np.testing.assert_allclose(model.cdf(x), mass, atol=1e-7)
    drawn = model.broadcast(20_000).sample(2, seeded(8))
    assert_agrees(np.stack([drawn <= v for v in x], -1).reshape(-1, 4), model.cdf(x))
    assert_refutes(np.stack([drawn <= v for v in x], -1).reshape(-1, 4), model.cdf(x + 0.1))


def test_kernel_density_is_that_of_scipy():
    x, data = np.linspace(-4, 6, 23), ScipyLaw(stats.gamma(2)).sample(30, seeded(9))
    for rule, name in ((scott, "scott"), (silverman, "silverman")):
        theirs = stats.gaussian_kde(data, bw_method=name)
        np.testing.assert_allclose(rule(data), np.sqrt(theirs.covariance[0, 0]), rtol=1e-12)
        ours = FitKernelDensity(rule)(data)
        np.testing.assert_allclose(ours.logpdf(x), theirs.logpdf(x), rtol=1e-9)
        np.testing.assert_allclose(
            ours.cdf(x), [theirs.integrate_box_1d(-np.inf, v) for v in x], rtol=1e-9, atol=1e-12
        )
    assert scott_factor(32) == pytest.approx(0.5)
    assert silverman_factor(24) == pytest.approx(18**-0.2)


def test_histogram_is_that_of_scipy():
    theirs = stats.rv_histogram((MASSES, EDGES), density=False)
    ours, x = Histogram(MASSES, EDGES), np.array([-3.0, -2.0, -0.5, 0.1, 1.0, 2.99, 3.5])
    np.testing.assert_allclose(np.exp(ours.logpdf(x)), theirs.pdf(x), atol=1e-15)
    np.testing.assert_allclose(ours.cdf(x), theirs.cdf(x), atol=1e-15)
    assert np.exp(ours.logpdf(np.array([3.0])))[0] == pytest.approx(0.2)
    data = np.array([-9.0, -2.0, -1.0, 0.5, 3.0, 9.0])
    np.testing.assert_allclose(FitHistogram(EDGES)(data).masses, np.array([2, 1, 1, 0, 2]) / 6)
    for wide in (ours.variance, Histogram([0.5, 0.5], [0, 1, 4]).variance):
        assert wide > 0
    uneven = Histogram([0.5, 0.5], [0, 1, 4])
    law = stats.rv_histogram(([0.5, 0.5], [0, 1, 4]), density=False)
    assert float(uneven.mean) == pytest.approx(law.mean())
    assert float(uneven.variance) == pytest.approx(law.var())
    assert np.exp(uneven.logpdf(np.array([2.0])))[0] == pytest.approx(0.5 / 3)


def test_points_at_bandwidth_zero():
    model = KernelDensity([0.0, 0.0, 2.0], 0.0)
    np.testing.assert_array_equal(model.logpdf(np.array([0.0, 1.0])), [np.inf, -np.inf])
    np.testing.assert_allclose(model.cdf(np.array([-1.0, 0.0, 1.0, 2.0])), [0, 2 / 3, 2 / 3, 1])
    assert set(model.sample(50, seeded(10))) == {0.0, 2.0}
    point = FitKernelDensity(scott)(np.full((3, 5), 1.25))  # one survivor stays where it is
    np.testing.assert_array_equal(point.sample(4, seeded(10)), 1.25)


def test_nothing_is_known_of_what_is_not_a_number():
    x = np.array([np.nan, 0.5])
    laws = [make(*arguments) for make, arguments, _ in LAWS.values()]
    laws += [
        Gaussian(0, 1),
        Gaussian(0.5, 0),
        KernelDensity([0.5, 1.0], 0.0),
        ScipyLaw(stats.laplace()),
        GaussianMixture([0.4, 0.6], [0, 1], [1, 2]),
    ]
    for law in laws:
        for values in (law.logpdf(x), law.cdf(x)):
            np.testing.assert_array_equal(np.isnan(values), [True, False])
    vectors = (
        MultivariateGaussian(np.zeros(2), np.eye(2)),
        GaussianMixture([1.0], np.zeros((1, 2)), covariances=np.eye(2)),
    )
    for law in vectors:
        values = law.logpdf(np.array([[np.nan, 0.0], [0.0, 1.0]]))
        np.testing.assert_array_equal(np.isnan(values), [True, False])


@pytest.mark.parametrize("log_variance", [-700, -720, -1500, -1e5])
@pytest.mark.parametrize("deviations", [0, 1, 3.5])
def test_a_collapsed_gaussian_has_a_density(log_variance, deviations):
    mean = mpmath.mpf(0)
    model = Gaussian._of(np.zeros(()), np.ones(()), np.float64(log_variance))
    std = mpmath.exp(mpmath.mpf(log_variance) / 2)
    x = float(mean + deviations * std)  # a float, and 0 where the law is narrower than any
    squared = (mpmath.mpf(x) / std) ** 2
    exact = -(squared + log_variance + mpmath.log(2 * mpmath.pi)) / 2
    assert model.logpdf([x])[0] == pytest.approx(float(exact), rel=1e-10)
    assert np.isneginf(Gaussian._of(np.zeros(()), np.ones(()), np.float64(-1e5)).logpdf([1.0]))
    for procedure in (
        Shrunk(FitGaussian(1), 0, 0),
        Regularized(FitGaussian(1), 0),
        Sharpened(FitGaussian(1), 1.0),
        StoppedEarly(FitGaussian(1), START, 1.0, 1),
    ):
        assert procedure.adjust(model).log_variance == log_variance
    halved = Shrunk(FitGaussian(1), 0, 0.5).adjust(model).log_variance
    assert halved == pytest.approx(log_variance + np.log(0.5), rel=1e-14)


def test_a_collapsed_gaussian_in_the_plane_has_a_density():
    factor, scale = np.array([[1.0, 0.0], [0.5, 2.0]]), -1e5
    volume = 2 * np.log(2.0) + 2 * scale
    model = MultivariateGaussian._of(np.zeros(2), factor, np.array(scale), np.array(volume))
    exact = -(volume + 2 * np.log(2 * np.pi)) / 2
    found = model.logpdf(np.array([[0.0, 0.0], [1e-300, 0.0]]))
    np.testing.assert_allclose(found, [exact, -np.inf], rtol=1e-14)
    same = Shrunk(FitMultivariateGaussian(1), 0, 0).adjust(model)
    assert same.log_determinant == volume and same.log_scale == scale
    lineage = recurse(
        MultivariateGaussian(np.zeros(2), np.eye(2)),
        FitMultivariateGaussian(ddof=1),
        sample_size=3,
        generations=700,
        chains=5,
        rng=1,
        keep=(),
    ).newest
    density = lineage.logpdf(lineage.mean[:, None])[:, 0]
    expected = -(lineage.log_determinant + 2 * np.log(2 * np.pi)) / 2
    np.testing.assert_allclose(density, expected, rtol=1e-12)
    assert (density > 100).all()


SAMPLES = Gaussian(np.full(5, 1.0), 3.0).sample(8, seeded(18))
FITTED = FitGaussian(1)(SAMPLES)


def test_shrinkage():
    shrunk = Shrunk(FitGaussian(1), target=2.0, intensity=0.25)(SAMPLES)
    np.testing.assert_allclose(shrunk.variance, 0.75 * FITTED.variance + 0.5)
    np.testing.assert_array_equal(shrunk.mean, FITTED.mean)
    none = Shrunk(FitGaussian(1), target=2.0, intensity=0.0)(SAMPLES)
    np.testing.assert_allclose(none.variance, FITTED.variance)
    vectors = MultivariateGaussian(np.zeros((3, 2)), np.eye(2)).sample(9, seeded(19))
    plain = FitMultivariateGaussian(1)(vectors).covariance
    target = np.array([[2.0, 0.5], [0.5, 1.0]])
    for tau, matrix in ((target, target), (1.5, 1.5 * np.eye(2))):
        full = Shrunk(FitMultivariateGaussian(1), tau, intensity=0.25)(vectors)
        np.testing.assert_allclose(full.covariance, 0.75 * plain + 0.25 * matrix)


def test_regularisation():
    regular = Regularized(FitGaussian(1), epsilon=0.3)(SAMPLES)
    np.testing.assert_allclose(regular.variance, FITTED.variance + 0.3)
    points = Regularized(FitGaussian(0), epsilon=0.3)(np.ones((2, 4)))
    np.testing.assert_allclose(points.variance, 0.3)
    vectors = MultivariateGaussian(np.zeros(3), np.eye(3)).sample(3, seeded(20))
    full = Regularized(FitMultivariateGaussian(1), epsilon=0.3)(vectors)  # from rank 2 to 3
    expected = np.cov(vectors, rowvar=False) + 0.3 * np.eye(3)
    np.testing.assert_allclose(full.covariance, expected)
    assert full.log_determinant == pytest.approx(np.linalg.slogdet(expected)[1])


def test_stopping_early_is_natural_gradient_ascent():
    rate, steps = 0.3, 4
    found = StoppedEarly(FitGaussian(0), START, rate, steps)(SAMPLES)
    first, second = START.mean, START.variance + START.mean**2
    for _ in range(steps):  # the gradient in the expectation parameters, times the covariance
        first = first + rate * (SAMPLES.mean(-1) - first)
        second = second + rate * ((SAMPLES**2).mean(-1) - second)
    np.testing.assert_allclose(found.mean, first)
    np.testing.assert_allclose(found.variance, second - first**2)
    at_start = StoppedEarly(FitGaussian(0), START, rate, 0)(SAMPLES)
    np.testing.assert_array_equal(at_start.mean, START.mean)
    at_top = StoppedEarly(FitGaussian(0), START, 1.0, 1)(SAMPLES)
    np.testing.assert_allclose(at_top.variance, SAMPLES.var(-1))


def test_natural_gradient_is_the_gradient_times_the_inverse_fisher_information():
    # of the mean log-likelihood, by finite differences in the expectation parameters
    def log_likelihood(moments):
        variance = moments[1] - moments[0] ** 2
        return stats.norm(moments[0], np.sqrt(variance)).logpdf(SAMPLES[0]).mean()

    at = np.array([START.mean, START.variance + START.mean**2])
    gradient = [
        (log_likelihood(at + step) - log_likelihood(at - step)) / 2e-5 for step in np.eye(2) * 1e-5
    ]
    m, v = float(START.mean), float(START.variance)
    # Fisher's information in these parameters is the inverse of the covariance of (x, x^2)
    inverse_fisher = np.array([[v, 2 * m * v], [2 * m * v, 2 * v**2 + 4 * m**2 * v]])
    towards = np.array([SAMPLES[0].mean(), (SAMPLES[0] ** 2).mean()]) - at
    np.testing.assert_allclose(inverse_fisher @ gradient, towards, rtol=1e-6)


def test_temperature():
    p = np.array([0.5, 0.3, 0.2, 0.0])
    for t in (0.5, 1.0, 3.0):
        found = Sharpened(lambda model: model, t)(Categorical(p)).probabilities
        np.testing.assert_allclose(found, p ** (1 / t) / (p ** (1 / t)).sum())
    np.testing.assert_allclose(
        Sharpened(FitGaussian(1), 0.5)(SAMPLES).variance, FITTED.variance / 2
    )
    # at a low temperature, or for many categories, no chain is lost to underflow
    zipf = 1 / np.arange(1, 1001.0)
    cold = Sharpened(FitCategorical(1000), 1e-3)(
        Categorical(zipf / zipf.sum()).broadcast(3).statistics(10**6, seeded(22))
    )
    np.testing.assert_allclose(cold.probabilities[:, 0], 1, atol=1e-12)
    lineage = recurse(
        Categorical(zipf / zipf.sum()),
        Sharpened(FitCategorical(1000), 0.9),
        sample_size=200,
        generations=40,
        chains=20,
        rng=seeded(23),
    )
    np.testing.assert_allclose(lineage.newest.probabilities.sum(-1), 1)
    assert (lineage.newest.probabilities.max(-1) > 0.9).mean() > 0.5


def test_rounding():
    for dtype in ("float16", np.float32):
        found = Rounded(FitGaussian(1), dtype)(SAMPLES)
        rounded = SAMPLES.astype(dtype).astype(float)
        np.testing.assert_array_equal(found.mean, rounded.mean(-1).astype(dtype))
        np.testing.assert_array_equal(found.variance, rounded.var(-1, ddof=1).astype(dtype))
        assert not np.array_equal(found.variance, FITTED.variance)
    same = Rounded(FitGaussian(1), "float64")(SAMPLES)
    np.testing.assert_allclose(same.variance, FITTED.variance, rtol=1e-15)
    thirds = Rounded(FitCategorical(2), "float16")(np.array([0, 1, 1])).probabilities
    coarse = np.array([1 / 3, 2 / 3]).astype("float16").astype(float)
    np.testing.assert_array_equal(thirds, coarse / coarse.sum())
    with pytest.raises(ValueError, match="data must fit into float16"):
        Rounded(FitGaussian(1), "float16")(np.array([1e6, 2e6]))


def test_coarse_floats_make_a_point_of_a_law_far_from_zero():
    lineage = recurse(
        Gaussian(1000.0, 4.0),
        Rounded(FitGaussian(1), "float16"),
        sample_size=10,
        generations=600,
        chains=50,
        draw=draw_samples,
        rng=seeded(25),
        measure={"variance": lambda m: m.variance},
    )
    variance = lineage.measured["variance"]
    dead = variance == 0
    assert dead[-1].mean() > 0.9 and not dead[1].any()
    assert (dead[1:] >= dead[:-1]).all()  # the point is absorbing


def test_population_fits():
    laplace = ScipyLaw(stats.laplace(1.0, 2.0))
    gaussian = population_fit(FitGaussian(0), laplace)
    assert (gaussian.mean, gaussian.variance) == pytest.approx((1.0, 8.0))
    two = KernelDensity([-2.0, 2.0], 0.5)
    assert population_fit(FitGaussian(0), two).variance == pytest.approx(4.25)
    for truth, cdf in ((laplace, stats.laplace(1, 2).cdf), (gaussian, stats.norm(1, 8**0.5).cdf)):
        masses = population_fit(FitHistogram(EDGES), truth).masses
        np.testing.assert_allclose(masses[1:-1], np.diff(cdf(EDGES[1:-1])))
        np.testing.assert_allclose([masses[0], 1 - masses[-1]], cdf(EDGES[[1, -2]]))
    wide = population_fit(FitKernelDensity(0.5), gaussian)
    assert wide.variance == pytest.approx(8.25)
    assert population_fit(FitKernelDensity(1.2), two).bandwidth == pytest.approx(1.3)
    assert population_fit(FitKernelDensity(scott), two) is two
    assert population_fit(FitCategorical(3), p := Categorical([0.5, 0.3, 0.2])) is p
    for fit in PROCEDURES.values():
        inner = getattr(fit.fit, "fit", fit.fit)
        adjusted = fit.adjust(population_fit(fit.fit, laplace))
        assert isinstance(inner, FitGaussian)
        assert population_fit(fit, laplace).variance == adjusted.variance


@pytest.mark.parametrize(
    ("fit", "truth", "idempotent"),
    [
        (FitGaussian(1), ScipyLaw(stats.expon()), True),
        (FitHistogram(EDGES), ScipyLaw(stats.laplace()), True),
        (FitHistogram(EDGES), KernelDensity([-1.0, 1.0], 0.5), True),
        (FitKernelDensity(0.5), Gaussian(0, 1), False),
        (Shrunk(FitGaussian(1), 2.0, 0.1), ScipyLaw(stats.expon()), False),
        (Regularized(FitGaussian(1), 0.1), ScipyLaw(stats.expon()), False),
        (StoppedEarly(FitGaussian(1), START, 0.5, 1), ScipyLaw(stats.expon()), False),
        (Sharpened(FitGaussian(1), 0.9), ScipyLaw(stats.expon()), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_projection_errs_once_and_a_procedure_for_ever(fit, truth, idempotent):
    lineage = recurse(
        truth,
        partial(population_fit, fit),
        policy=newest_law,
        sample_size=1,
        generations=4,
        chains=2,
        rng=seeded(26),
    )
    variances = lineage.measure(lambda m: m.variance)
    assert variances.shape == (5, 2)
    assert np.abs(variances[1] - variances[0]).min() > 1e-3 or isinstance(fit, FitGaussian)
    steps = np.abs(np.diff(variances[1:], axis=0))
    assert steps.max() < 1e-12 if idempotent else steps.min() > 1e-3
    x = np.broadcast_to([-0.5, 0.3, 1.7], (2, 3))
    changes = [np.abs(m.logpdf(x) - lineage[1].logpdf(x)).max() for m in lineage.models[2:]]
    assert max(changes) < 1e-9 if idempotent else min(changes) > 1e-4


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("points", lambda: KernelDensity([np.nan], 1.0)),
        ("points", lambda: KernelDensity([], 1.0)),
        ("bandwidth", lambda: KernelDensity([1.0], -1.0)),
        ("bandwidth", lambda: KernelDensity(np.ones((2, 4)), np.ones(3))),
        ("bandwidth", lambda: FitKernelDensity(-0.1)),
        ("bandwidth", lambda: FitKernelDensity("scott")),
        ("data", lambda: FitKernelDensity(scott)(np.ones((3, 1)))),
        ("data", lambda: FitKernelDensity(0.1)(np.array([np.inf]))),
        ("draw_samples", lambda: FitKernelDensity(0.1)(Gaussian(0, 1).statistics(5, seeded(1)))),
        ("draw_samples", lambda: FitHistogram(EDGES)(Gaussian(0, 1).statistics(5, seeded(1)))),
        ("edges", lambda: Histogram([1.0], [0.0, 1.0, 2.0])),
        ("edges", lambda: Histogram([1.0], [1.0, 0.0])),
        ("masses|probabilities", lambda: Histogram([0.5, 0.6], [0, 1, 2])),
        ("edges", lambda: FitHistogram([0.0])),
        ("edges", lambda: FitHistogram([0.0, np.nan, 1.0])),
        ("data", lambda: FitHistogram(EDGES)(np.array([np.nan]))),
        ("fit", lambda: Shrunk(1.0, 1.0, 0.1)),
        ("intensity", lambda: Shrunk(FitGaussian(1), 1.0, 1.1)),
        ("target", lambda: Shrunk(FitGaussian(1), -1.0, 0.1)),
        ("target", lambda: Shrunk(FitGaussian(1), [1.0, 2.0], 0.1)),
        ("target", lambda: Shrunk(FitGaussian(1), np.eye(2), 0.1)(SAMPLES)),
        ("target", lambda: Shrunk(FitMultivariateGaussian(1), np.eye(3), 0.1)(SAMPLES)),
        ("fit", lambda: Shrunk(FitCategorical(2), 1.0, 0.1)(np.array([0, 1]))),
        ("epsilon", lambda: Regularized(FitGaussian(1), -1.0)),
        ("start", lambda: StoppedEarly(FitGaussian(1), 0.0, 0.1, 1)),
        ("rate", lambda: StoppedEarly(FitGaussian(1), START, 1.5, 1)),
        ("steps", lambda: StoppedEarly(FitGaussian(1), START, 0.5, -1)),
        ("temperature", lambda: Sharpened(FitGaussian(1), 0.0)),
        ("fit", lambda: Sharpened(FitKernelDensity(0.1), 0.5)(np.ones(3))),
        ("dtype", lambda: Rounded(FitGaussian(1), "int8")),
        ("dtype", lambda: Rounded(FitGaussian(1), "nothing")),
        ("fit must", lambda: population_fit(np.mean, Gaussian(0, 1))),
        ("truth", lambda: population_fit(FitGaussian(1), Categorical([1.0]))),
        ("truth", lambda: population_fit(FitCategorical(2), Categorical([1.0]))),
        ("truth", lambda: population_fit(FitHistogram(EDGES), Categorical([1.0]))),
        ("truth", lambda: population_fit(FitKernelDensity(0.1), ScipyLaw(stats.laplace()))),
    ],
)
def test_bad_input(name, call):
    with pytest.raises(ValueError, match=name):
        call()
