"""What mutants of the formulas survived everything else is checked here: see tools/mutants.py."""

from functools import partial

import mpmath
import numpy as np
import pytest
from scipy import special, stats

from collapse import accurate
from collapse.models.multivariate_gaussian import (
    FitMultivariateGaussian,
    MultivariateGaussian,
    MultivariateStatistics,
)
from collapse.theory import categorical, functional, gaussian, mixing, multivariate_gaussian
from companion import printed

SIZES = [4, 3, 6]


def test_printed_formulas_are_as_printed():
    inverse = [1 / 4, 1 / 3, 1 / 6]
    risk = [0, 3 / 8, 1 / 4 + 1 / 2, 1 / 4 + 1 / 3 + 1 / 4]
    np.testing.assert_allclose(printed.expected_risk_v2(SIZES, 3), risk, rtol=1e-14)
    variance = 2 / 16 + 2 / 9 + 3 / 36
    variance += sum(
        3 * a * b for i, a in enumerate(inverse) for j, b in enumerate(inverse) if i != j
    )
    assert printed.variance_of_risk_v2(SIZES, 3)[-1] == pytest.approx(variance, rel=1e-14)
    np.testing.assert_allclose(printed.variance_of_risk_v2(4, 1), [0, 3 / 16], rtol=1e-14)
    supplement = [0, 3 / 8, 7 / 8, 9 / 8]
    np.testing.assert_allclose(printed.expected_risk_supplement(SIZES, 3), supplement, rtol=1e-14)


@pytest.mark.parametrize("s", [0.5, 1.0, 1.5, 2.0, 3.0])
def test_series_of_the_gamma_function(s):
    with mpmath.workdps(40):
        for a in (0.5, 3.0, 30.0, 100.0, 201 * (1 + s * s), 1e3 * (1 + s * s), 1e6):
            exact = mpmath.loggamma(a + s) - mpmath.loggamma(a) - s * mpmath.log(a)
            found = accurate.log_gamma_ratio(a, s)
            rounding = 1e-15 * max(1, float(mpmath.loggamma(a + s))) if a < 200 else 0
            assert found == pytest.approx(float(exact), rel=1e-14, abs=max(rounding, 1e-20))


def test_a_single_draw_has_no_scatter():
    np.testing.assert_array_equal(gaussian.std_moment(1, 1, 2, ddof=0), [1, 0, 0])
    np.testing.assert_array_equal(gaussian.variance_of_mean([1, 3], 2, ddof=0), [0, 1, 1])
    for order, moment in ((2, 1), (4, 3), (6, 15)):
        found = gaussian.draw_moment(order, [1, 3], 2, ddof=0)
        np.testing.assert_allclose(found, moment, rtol=1e-13)
    # the risk is that of a point: the square of a normal, and the variance of reality
    np.testing.assert_allclose(gaussian.expected_risk([1, 3], 2, ddof=0), [0, 2, 2], atol=1e-13)
    np.testing.assert_allclose(gaussian.variance_of_risk([1, 3], 2, ddof=0), [0, 2, 2], atol=1e-12)
    t = np.array([0.0, 0.7, 2.0])
    law = gaussian.first_characteristic_function(t, 1, ddof=0, variance=2.0)
    np.testing.assert_allclose(law, np.exp(-(t**2)), rtol=1e-14)


def test_a_divisor_between_the_two_estimators():
    sizes, ddof = np.array(SIZES), 0.5
    kept = np.cumprod([1, *((sizes - 1) / (sizes - ddof))])
    for found in (
        gaussian.std_moment(2, SIZES, 3, ddof=ddof),
        multivariate_gaussian.expected_trace(SIZES, 3, [[1.0]], ddof=ddof),
        functional.shrinkage_variance(SIZES, 3, ddof=ddof, intensity=0.0, target=1.0),
        functional.regularized_variance(SIZES, 3, ddof=ddof, epsilon=0.0),
        functional.rounded_variance(SIZES, 3, ddof=ddof, spacing=0.0),
        functional.tempered_variance(SIZES, 3, ddof=ddof, temperature=1.0),
        functional.stopped_early_moments(
            SIZES, 3, ddof=ddof, fraction=1.0, start_variance=9.0, distance=2.0
        )[1],
    ):
        np.testing.assert_allclose(found, kept, rtol=1e-13)
    means = np.cumsum([0, *(kept[:-1] / sizes)])
    np.testing.assert_allclose(gaussian.variance_of_mean(SIZES, 3, ddof=ddof), means, rtol=1e-13)
    i = np.arange(1, 3)
    exponents = special.digamma((6 - i) / 2) - np.log((6 - ddof) / 2)
    found = multivariate_gaussian.lyapunov_exponents(6, 2, ddof=ddof)
    np.testing.assert_allclose(found, exponents, rtol=1e-13)
    found = gaussian.expected_log_variance([6, 6], 2, ddof=ddof, variance=3.0)
    np.testing.assert_allclose(found, np.log(3) + np.arange(3) * exponents[0], rtol=1e-13)
    t = np.array([0.3, 1.7])
    found = gaussian.first_characteristic_function(t, 6, ddof=ddof)
    np.testing.assert_allclose(found, np.exp(-(t**2) / 12) * (1 + t**2 / 5.5) ** -2.5, rtol=1e-13)
    found = gaussian.first_characteristic_function(t, 2, ddof=1)
    np.testing.assert_allclose(found, np.exp(-(t**2) / 4) * (1 + t**2) ** -0.5, rtol=1e-13)


def test_bounds_in_many_dimensions_are_their_sums():
    law, trace = np.diag([1.0, 0.5, 2.0]), 3.5
    kept = np.array([1, 3 / 4, 3 / 4 * 2 / 3, 3 / 4 * 2 / 3 * 5 / 6])
    drift = trace * np.cumsum([0, 1 / 4, kept[1] / 3, kept[2] / 6])
    lower, upper = multivariate_gaussian.risk_bounds(SIZES, 3, law, ddof=0)
    np.testing.assert_allclose(lower, drift + trace * (1 - np.sqrt(kept)) ** 2, rtol=1e-13)
    np.testing.assert_allclose(upper, drift + trace * (1 + kept), rtol=1e-13)
    noise = [0.1, 0.2, 0.4]
    found = multivariate_gaussian.noisy_lower_bound(SIZES, 3, trace=trace, noise=noise)
    steps = [0, trace / 4 + 0.1, trace / 3 + 0.2, trace / 6 + 0.4]
    np.testing.assert_allclose(found, np.cumsum(steps), rtol=1e-13)
    found = multivariate_gaussian.bounded_noise_lower_bound(
        SIZES, 3, trace=trace, bound=0.7, dimension=3
    )
    steps = [0] + [trace / m - 2 * 0.7 * np.sqrt(3 * trace) / m**1.5 for m in SIZES]
    np.testing.assert_allclose(found, np.cumsum(steps), rtol=1e-13)


def test_units():
    def both(function, *arguments):  # at variances 1 and 3
        return [function(*arguments, SIZES, 3, ddof=0, variance=v) for v in (1.0, 3.0)]

    for (unit, scaled), power in (
        (both(gaussian.std_moment, 3), 1.5),
        (both(gaussian.variance_of_mean), 1),
        (both(gaussian.variance_of_draw), 1),
        (both(gaussian.draw_moment, 2), 1),
        (both(gaussian.draw_moment, 4), 2),
        (both(gaussian.draw_moment, 6), 3),
        (both(gaussian.expected_risk), 1),
        (both(gaussian.variance_of_risk), 2),
    ):
        np.testing.assert_allclose(scaled, 3.0**power * unit, rtol=1e-13)
    x = np.array([0.4, 1.1])
    unit = gaussian.std_distribution(x, SIZES, 3, ddof=0)
    scaled = gaussian.std_distribution(x * np.sqrt(3), SIZES, 3, ddof=0, variance=3.0)
    np.testing.assert_allclose(scaled, unit, atol=1e-12)


def test_the_standard_deviation_of_reality():
    x = np.array([0.5, 1.3, 1.5])
    found = gaussian.std_distribution(x, SIZES, 3, ddof=0, variance=2.0)[0]
    np.testing.assert_array_equal(found, [0, 0, 1])
    assert gaussian.std_distribution(1.0, SIZES, 3, ddof=0)[0, 0] == 1
    found = gaussian.std_quantile([0.1, 0.9], SIZES, 3, ddof=0, variance=2.0)[0]
    np.testing.assert_allclose(found, np.sqrt(2), rtol=1e-14)


@pytest.mark.parametrize("power", [1.2, 1.7])
def test_slow_growth(power):
    # the same sum, broken off elsewhere; its tail is the integral of the series, by mpmath
    size = 3 * np.arange(1.0, 3e4) ** power
    a = (size - 1) / 2
    direct = (accurate.log_gamma_ratio(a, 0.5)).sum()
    tail = [mpmath.zeta(k * power, 30_000) / (4 * 3**k) for k in (1, 2)]
    limits = gaussian.growth_limits(3, power)
    assert limits["std"] == pytest.approx(float(mpmath.exp(direct - sum(tail))), rel=2e-11)
    assert limits["inverse_sizes"] == pytest.approx(float(mpmath.zeta(power) / 3), rel=1e-13)
    assert limits["risk"] == pytest.approx(limits["inverse_sizes"] + 2 - 2 * limits["std"])
    for below in (0.5, 1.0):
        assert gaussian.growth_limits(3, below) == {
            "inverse_sizes": np.inf,
            "std": 0,
            "risk": np.inf,
        }


def test_reality_keeps_all_its_diversity():
    found = mixing.diversity_accumulated(SIZES, 3)
    expected = np.cumprod([1, 1 - 4 / 16, 1 - 3 / 49, 1 - 6 / 169])
    np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_accumulated_kernels_by_the_scatter():
    variance, added, seen = 2.0, 0.49, 0
    pool, law, expected = 0.0, variance, [variance]
    for size in SIZES:  # scatter of the old pool, of the new draws, and of their two means
        pool = seen * pool + (size - 1) * law + seen / (seen + size) * law
        seen += size
        pool, law = pool / seen, pool / seen + added
        expected.append(law)
    found = functional.kde_variance_accumulated(SIZES, 3, bandwidth=0.7, variance=variance)
    np.testing.assert_allclose(found, expected, rtol=1e-13)


def test_a_rule_accepts_two_values():
    found = functional.kde_rule_variance(2, 2, factor=lambda m: 1 / m)
    np.testing.assert_allclose(found, [1, 3 / 4, 9 / 16], rtol=1e-14)


def test_the_smallest_samples_of_procedures():
    laws = {
        (1, 0.3, 0.3): partial(functional.regularized_variance, epsilon=0.3),
        (1, 0.06, 0.06): partial(functional.shrinkage_variance, intensity=0.2, target=0.3),
        (1, 0, 0): partial(functional.rounded_variance, spacing=0.3),
    }
    for expected, law in laws.items():
        np.testing.assert_allclose(law(1, 2, ddof=0), expected, atol=1e-15)
        assert len(law(2, 2, ddof=1)) == 3
        for size, ddof in ((1, 1), (0, 0)):
            with pytest.raises(ValueError, match="sample_size"):
                law(size, 2, ddof=ddof)
    stopped = partial(functional.stopped_early_moments, fraction=0.5, start_variance=0.4)
    np.testing.assert_allclose(stopped(1, 1, ddof=0), [[0, 0.25], [1, 0.45]])
    np.testing.assert_allclose(stopped(2, 1, ddof=1), [[0, 0.125], [1, 0.825]])
    with pytest.raises(ValueError, match="sample_size"):
        stopped(1, 1, ddof=1)


def test_rounding_follows_the_square_of_the_spacing():
    found = functional.rounded_variance(4, 2, ddof=0, spacing=0.5)
    noise = 0.25 / 12
    first = 3 / 4 * (1 + noise)
    np.testing.assert_allclose(found, [1, first, 3 / 4 * (first + noise)], rtol=1e-13)


@pytest.mark.parametrize("size", [4, 60, 5000])
def test_bands_hold_all_but_a_trace(size):
    starts = np.concatenate([[0, 1e-306, 1e-12, 1, 1 - 1e-12], np.geomspace(0.1 / size, 0.9, 40)])
    rows = categorical.binomial_rows(starts, size)
    first, last = rows.indices[rows.indptr[:-1]], rows.indices[rows.indptr[1:] - 1]
    law = stats.binom(size, np.where(starts < 1e-300, 0, starts))
    assert (law.cdf(first - 1) + law.sf(last)).max() <= categorical.TRUNCATED
    # and are narrow: Bernstein's bound at the middle, 13 + (13**2 + 20 M)**(1/2) on each side
    middle = categorical.binomial_rows(np.array([0.5]), size).nnz
    assert middle <= 2 * (13.4 + np.sqrt(13.4**2 + 20 * size)) + 3
    edge = categorical.binomial_rows(np.array([1e-9]), size).nnz
    assert edge <= 2 * 13.4 + 3


@pytest.mark.parametrize("scale", [1.0, 1e-100, 1e90])
@pytest.mark.parametrize("d", [2, 6])
def test_statistics_of_vectors_at_any_scale(scale, d):
    x, y = scale * np.random.default_rng(5).standard_normal((2, 2, 4, d))
    fit, of = FitMultivariateGaussian(ddof=1), MultivariateStatistics.of
    together = fit(np.concatenate([x, y], axis=1))
    pooled = fit(of(x) + of(y))
    np.testing.assert_allclose(pooled.mean, together.mean, rtol=1e-9)
    np.testing.assert_allclose(
        pooled.covariance / scale**2, together.covariance / scale**2, atol=1e-9
    )
    np.testing.assert_allclose(pooled.log_determinant, together.log_determinant, rtol=1e-9)
    heavy = of(x).resized(8.0)
    weighted = FitMultivariateGaussian(ddof=0)(heavy)
    plain = FitMultivariateGaussian(ddof=0)(x)
    np.testing.assert_allclose(weighted.log_determinant, plain.log_determinant, rtol=1e-9)
    assert repr(together).startswith("MultivariateGaussian(mean=")


def test_pools_of_models_with_a_scale_of_their_own():
    d, scale = 3, np.full(2, -2.0)
    eye = np.broadcast_to(np.eye(d), (2, d, d))
    apart = MultivariateGaussian._of(
        mean=np.zeros((2, d)), factor=eye, log_scale=scale, log_determinant=d * scale
    )
    plain = MultivariateGaussian(np.zeros((2, d)), np.exp(-2.0) * np.eye(d))
    found = []
    for model in (apart, plain):
        rng = np.random.default_rng(6)
        pooled = model.statistics(5, rng) + model.statistics(9, rng)
        found.append(FitMultivariateGaussian(ddof=0)(pooled))
    np.testing.assert_allclose(found[0].covariance, found[1].covariance, rtol=1e-10)
    np.testing.assert_allclose(found[0].log_determinant, found[1].log_determinant, rtol=1e-10)
