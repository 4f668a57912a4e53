"""Gaussian mixtures: EM against twins and optimisers, its moments, a family that is too small."""

from functools import partial

import numpy as np
import pytest
from harness import assert_agrees, assert_refutes
from scipy import optimize, stats
from twins import mixture_em

from collapse.measure.distances import squared_w2
from collapse.models.adapters import ScipyLaw
from collapse.models.categorical import Categorical
from collapse.models.gaussian import FitGaussian, Gaussian
from collapse.models.mixture import FitGaussianMixture, GaussianMixture, k_means_plus_plus
from collapse.models.population import population_fit
from collapse.policies import newest_law
from collapse.recursion import draw_samples, recurse
from collapse.seeds import seeded

THREE = GaussianMixture([1 / 3, 1 / 3, 1 / 3], [-3.0, 0.0, 3.0], [0.25, 0.5, 1.0])
each_k = pytest.mark.parametrize("k", [1, 2, 3])


def samples(chains, size, seed):
    return THREE.broadcast(chains).sample(size, seeded(seed))


def parts(model):
    return np.stack([model.weights, model.means, model.variances], axis=-2)


def divergence(first, second):
    x = np.linspace(-20, 20, 20_001)
    log_p, log_q = first.logpdf(x), second.logpdf(x)
    return (np.exp(log_p) * (log_p - log_q)).sum() * (x[1] - x[0])


def test_distribution_function_and_moments():
    x = np.array([-4.0, -2.9, 0.1, 2.0, 6.0])
    bumps = [stats.norm(m, np.sqrt(v)) for m, v in zip(THREE.means, THREE.variances, strict=True)]
    np.testing.assert_allclose(THREE.cdf(x), np.mean([b.cdf(x) for b in bumps], axis=0))
    assert (THREE.mean, THREE.variance) == pytest.approx((0.0, 6 + 1.75 / 3))
    drawn = THREE.broadcast(20_000).sample(2, seeded(1)).reshape(-1, 1)
    found = np.concatenate([drawn, drawn**2, drawn <= x], axis=1)
    assert_agrees(found, [0, THREE.variance, *THREE.cdf(x)])
    assert_refutes(found, [0, THREE.variance, *THREE.cdf(x + 0.1)])
    two = GaussianMixture([[0.5, 0.5], [1.0, 0.0]], [-1.0, 1.0], 1.0)
    np.testing.assert_array_equal(two[1].logpdf(x), GaussianMixture([1], [-1], [1]).logpdf(x))
    np.testing.assert_array_equal(two[1:].mean, [-1.0])
    assert two[1].sample(50, seeded(2)).mean() < 0


@each_k
@pytest.mark.parametrize("size", [4, 7, 30])
@pytest.mark.parametrize("tolerance", [0.0, 1e-3])
def test_agrees_with_the_naive_twin(k, size, tolerance):
    data = samples(3, size, 3)
    fitted = FitGaussianMixture(k, tolerance=tolerance, iterations=15)(data)
    for chain in range(3):
        weights, means, covariances, trace = mixture_em(data[chain, :, None], k, 15, tolerance)
        twin = np.stack([weights, means[:, 0], covariances[:, 0, 0]])
        np.testing.assert_allclose(parts(fitted)[chain], twin, rtol=1e-7, atol=1e-9)
        assert fitted.report.iterations[chain] == len(trace)
        assert fitted.report.log_likelihood[chain] == pytest.approx(trace[-1], abs=1e-9)


def test_agrees_with_a_general_optimiser():
    data = samples(1, 90, 4)[0]

    def loss(theta):
        weights = np.exp(theta[:3] - np.logaddexp.reduce(theta[:3]))
        model = GaussianMixture(weights / weights.sum(), theta[3:6], np.exp(theta[6:]) + 1e-3)
        return -model.logpdf(data).mean()

    starts = np.array([0, 0, 0, -3, 0, 3, 0, 0, 0]) + 0.4 * seeded(5).normal(size=(6, 9))
    best = min(optimize.minimize(loss, start).fun for start in starts)
    fitted = FitGaussianMixture(3, tolerance=1e-14, iterations=20_000)(data)
    assert -fitted.logpdf(data).mean() == pytest.approx(best, abs=1e-7)
    early = FitGaussianMixture(3, iterations=1)(data)
    assert -early.logpdf(data).mean() > best + 1e-3


@each_k
def test_likelihood_never_falls(k):
    data = samples(200, 12, 6)
    values = [
        FitGaussianMixture(k, tolerance=0, iterations=n)(data).logpdf(data).mean(-1)
        for n in [*range(1, 25), 100, 500]
    ]
    assert np.diff(values, axis=0).min() > -1e-9
    assert np.ptp(values, axis=0).max() > 0.1 or k == 1


@each_k
def test_each_step_keeps_mean_and_variance(k):
    data = samples(20, 40, 7)
    for steps in (1, 2, 5, 40):
        fitted = FitGaussianMixture(k, tolerance=0, iterations=steps)(data)
        np.testing.assert_allclose(fitted.mean, data.mean(-1), rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(fitted.variance, data.var(-1), rtol=1e-12)
    ridge = FitGaussianMixture(k, regulariser=0.5)(data)
    assert ridge.variances.min() >= 0.5 * (1 - 1e-12)
    np.testing.assert_allclose(ridge.variance, data.var(-1) + 0.5, rtol=1e-12)


def test_chains_do_not_touch_each_other():
    data, fit = samples(7, 20, 8), FitGaussianMixture(3)
    together = parts(fit(data))
    np.testing.assert_array_equal(together, [parts(fit(row)) for row in data])
    np.testing.assert_array_equal(together, np.concatenate([parts(fit(data[:2])), together[2:]]))
    moved = parts(fit(1e3 * data + 7))
    np.testing.assert_allclose(moved[:, 0], together[:, 0], rtol=1e-6)
    np.testing.assert_allclose(moved[:, 1], 1e3 * together[:, 1] + 7, rtol=1e-6, atol=1e-3)
    np.testing.assert_allclose(moved[:, 2], 1e6 * together[:, 2], rtol=1e-5)


def test_distribution_functions_end_at_one():
    fitted = FitGaussianMixture(3)(samples(500, 30, 17))
    assert (fitted.weights.sum(-1) > 1).any()  # by rounding
    assert fitted.cdf(np.full((500, 1), 99.0)).max() == 1
    assert np.isfinite(squared_w2(fitted, THREE)).all()


def test_masses_stand_for_repeated_points():
    data, counts = samples(1, 15, 9)[0], seeded(9).integers(1, 5, 15)
    start = GaussianMixture([0.5, 0.5], [-2.0, 2.0], [1.0, 1.0])  # repetition moves the slices
    fit = FitGaussianMixture(2, start=start, tolerance=0, iterations=30)
    once = fit.weighted(data, counts.astype(float))
    np.testing.assert_allclose(parts(once), parts(fit(np.repeat(data, counts))), rtol=1e-8)


def test_one_component_is_the_gaussian():
    data = samples(5, 9, 10)
    one, gaussian = FitGaussianMixture(1)(data), FitGaussian(0)(data)
    np.testing.assert_allclose(one.means[:, 0], gaussian.mean, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(one.variances[:, 0], gaussian.variance)
    np.testing.assert_allclose(one.logpdf(data), gaussian.logpdf(data))


def test_degenerate_data_stay_finite():
    point = FitGaussianMixture(2)(np.full((3, 5), 1.25))
    np.testing.assert_array_equal(point.sample(4, seeded(11)), 1.25)
    np.testing.assert_array_equal(point[0].cdf(np.array([1.0, 1.25, 1.5])), [0, 0.5, 1])
    assert point[0].logpdf(np.array([1.0])) < -1e300
    assert point.report.singular.all() and not point.report.dead.any()
    zero = FitGaussianMixture(2)(np.zeros((3, 5)))
    assert np.isfinite(parts(FitGaussianMixture(2)(zero.sample(5, seeded(11))))).all()
    ridge = FitGaussianMixture(2, regulariser=0.01)(np.full((3, 5), 1.25))
    np.testing.assert_allclose(ridge.variances, 0.01)
    assert not ridge.report.singular.any()


def test_singular_and_dead_components_are_reported():
    values = np.array([0, 0, 0, 0, 1.0, 1.1, 1.3])
    ends = FitGaussianMixture(2)(values)
    assert ends.report.singular.tolist() == [True, False]
    assert np.isfinite(parts(ends)).all() and np.isfinite(ends.logpdf(values)).all()
    assert ends.sample(99, seeded(11)).min() == pytest.approx(0, abs=1e-7)
    kept = FitGaussianMixture(2, regulariser=1e-4)(values)
    assert not kept.report.singular.any() and kept.variances.min() == pytest.approx(1e-4)
    # the middle one starts without any mass near it, and dies
    start = GaussianMixture([0.4, 0.2, 0.4], [-1.0, 0.0, 1.0], [1e-4, 1e-6, 1e-4])
    data = np.array([[-1.01, -0.99, 0.99, 1.01], [-1.01, 0.0, 1e-3, 1.0]])
    dying = FitGaussianMixture(3, start=start)(data)
    assert dying.report.dead.tolist() == [[False, True, False], [False, False, False]]
    assert dying.weights[0].tolist() == [0.5, 0, 0.5]
    np.testing.assert_allclose(dying.variance, data.var(-1))
    again = FitGaussianMixture(3, start=dying)(data)  # for ever
    assert again.report.dead.tolist() == dying.report.dead.tolist()
    assert (dying[0].sample(500, seeded(11)) ** 2).min() > 0.5
    assert dying[0].report.dead.tolist() == [False, True, False]
    assert dying.broadcast(2).report is None


def test_the_limit_of_iterations_is_reported():
    data = samples(4, 40, 12)
    short = FitGaussianMixture(2, iterations=3, tolerance=1e-9)(data).report
    assert short.iterations.tolist() == [3] * 4 and not short.converged.any()
    long = FitGaussianMixture(2, iterations=5000)(data).report
    assert long.converged.all() and (long.iterations < 5000).all()
    never = FitGaussianMixture(1, iterations=9, tolerance=0)(data).report
    assert never.iterations.tolist() == [9] * 4
    assert THREE.report is None


@each_k
def test_late_collapse_reaches_a_fixed_point(k):
    lineage = recurse(
        Gaussian(3.0, 1.0),
        FitGaussianMixture(k, iterations=5),
        sample_size=3,
        generations=400,
        chains=20,
        draw=draw_samples,
        rng=seeded(12),
    )
    assert all(np.isfinite(parts(m)).all() for m in lineage.models[1:])
    assert lineage.newest.variance.max() < 1e-25


@each_k
def test_expected_variance_shrinks_as_that_of_the_gaussian(k):
    # Each fit keeps the sample's variance, whose mean is (1 - 1/M) of the law's.
    size, generations = 4, np.arange(5)
    lineage = recurse(
        THREE,
        FitGaussianMixture(k),
        sample_size=size,
        generations=4,
        chains=20_000,
        draw=draw_samples,
        rng=seeded(13),
        measure={"variance": lambda m: m.variance},
    )
    variance = lineage.measured["variance"].T
    assert_agrees(variance, (1 - 1 / size) ** generations * THREE.variance)
    assert_refutes(variance, THREE.variance)
    assert_refutes(variance, (1 - 1 / (size - 1)) ** generations * THREE.variance)


@pytest.mark.parametrize(("k", "expected"), [(1, 0.27065), (2, 0.06754), (3, 0.0)])
def test_population_fit_errs_once(k, expected):
    lineage = recurse(
        THREE,
        partial(population_fit, FitGaussianMixture(k, tolerance=1e-13)),
        policy=newest_law,
        sample_size=1,
        generations=5,
        chains=2,
        rng=seeded(14),
    )
    errors = [divergence(THREE, model[0]) for model in lineage.models]
    np.testing.assert_allclose(errors, [0] + [expected] * 5, atol=1e-5)
    assert np.ptp(errors[1:]) == 0
    np.testing.assert_allclose(lineage.measure(lambda m: m.variance), THREE.variance, rtol=1e-9)


def test_population_fit_is_the_limit_of_the_fit():
    fit, size = FitGaussianMixture(2, tolerance=1e-12, iterations=5000), 4000
    for truth in (THREE, ScipyLaw(stats.laplace(1.0, 2.0))):
        limit = population_fit(fit, truth)
        data = truth.broadcast(20).sample(size, seeded(15))
        fitted = fit(data)  # its components may come in the other order
        # no mixture of two is closer to the truth: random steps away from the limit all lose
        x = truth.mean + np.sqrt(truth.variance) * np.linspace(-12, 12, 4001)
        mass = np.exp(truth.logpdf(x))
        mass /= mass.sum()
        best = (mass * limit.logpdf(x)).sum()
        lost = best - fitted.logpdf(np.broadcast_to(x, (20, 4001))) @ mass
        assert lost.min() > 0 and lost.max() < 30 / size  # a mean of 5 parameters / 2 size
        for step in seeded(16).normal(scale=0.03, size=(30, 3, 2)):
            weights = limit.weights * np.exp(step[0])
            near = GaussianMixture(
                weights / weights.sum(), limit.means + step[1], limit.variances * np.exp(step[2])
            )
            assert (mass * near.logpdf(x)).sum() < best


def test_population_fit_of_another_order():
    four = FitGaussianMixture(4, tolerance=1e-9, iterations=5000)
    assert 0 <= divergence(THREE, population_fit(four, THREE)) < 1e-4
    two = FitGaussianMixture(2)
    assert population_fit(FitGaussianMixture(3), THREE) is THREE
    batch = population_fit(two, THREE.broadcast(3))
    np.testing.assert_array_equal(parts(batch), [parts(population_fit(two, THREE))] * 3)


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("weights", lambda: GaussianMixture([0.5, 0.6], [0, 1], [1, 1])),
        ("weights", lambda: GaussianMixture([-0.5, 1.5], [0, 1], [1, 1])),
        ("weights", lambda: GaussianMixture([np.nan, 1.0], [0, 1], [1, 1])),
        ("weights", lambda: GaussianMixture([1.0], [0, 1], [1, 1])),
        ("means", lambda: GaussianMixture([0.5, 0.5], [0, np.inf], [1, 1])),
        ("means", lambda: GaussianMixture([0.5, 0.5], [0, 1, 2], [1, 1])),
        ("variances", lambda: GaussianMixture([0.5, 0.5], [0, 1], [1, 0])),
        ("variances", lambda: GaussianMixture([0.5, 0.5], [0, 1], [1, -1])),
        ("variances", lambda: GaussianMixture([0.5, 0.5], [0, 1], [1, np.nan])),
        ("components", lambda: FitGaussianMixture(0)),
        ("components", lambda: FitGaussianMixture(1.5)),
        ("tolerance", lambda: FitGaussianMixture(2, tolerance=-1e-9)),
        ("iterations", lambda: FitGaussianMixture(2, iterations=0)),
        ("regulariser", lambda: FitGaussianMixture(2, regulariser=-1e-9)),
        ("regulariser", lambda: FitGaussianMixture(2, regulariser=np.nan)),
        ("start", lambda: FitGaussianMixture(2, start="slices")),
        ("start", lambda: FitGaussianMixture(2, start=THREE)),
        ("start", lambda: FitGaussianMixture(1, start=Gaussian(0, 1))),
        ("start", lambda: FitGaussianMixture(3, start=THREE.broadcast(4))(np.ones((2, 9)))),
        ("warm_start", lambda: FitGaussianMixture(2, warm_start=1)),
        ("rng", lambda: FitGaussianMixture(2, start=k_means_plus_plus)(np.ones((2, 9)))),
        ("data", lambda: FitGaussianMixture(4)(np.ones((2, 3)))),
        ("data", lambda: FitGaussianMixture(1)(np.array([1.0, np.nan]))),
        ("draw_samples", lambda: FitGaussianMixture(1)(Gaussian(0, 1).statistics(5, seeded(1)))),
        ("truth", lambda: population_fit(FitGaussianMixture(2), Categorical([1.0]))),
        ("truth", lambda: population_fit(FitGaussianMixture(2), Gaussian(0.0, 0.0))),
        ("truth", lambda: population_fit(FitGaussianMixture(2), ScipyLaw(stats.t(1.5)))),
    ],
)
def test_bad_input(name, call):
    with pytest.raises(ValueError, match=name):
        call()


def test_a_sample_smaller_than_the_mixture_is_refused_before_any_work():
    for sizes in (2, [5, 2]):
        with pytest.raises(ValueError, match="sample_size"):
            recurse(THREE, FitGaussianMixture(3), sample_size=sizes, generations=2, rng=1)
