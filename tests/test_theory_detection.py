"""What detectors can do: special cases, limits, slow twins, and the policy behind a detector."""

import itertools

import numpy as np
import pytest
from harness import assert_agrees, assert_refutes
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from collapse.models.categorical import Categorical, FitCategorical
from collapse.models.gaussian import FitGaussian, Gaussian
from collapse.policies import Filtered
from collapse.recursion import recurse
from collapse.seeds import seeded
from collapse.theory import detection as theory
from companion.experiments.provenance import smallest_size, unmarked_estimates

shares = st.floats(0.01, 0.99)


def test_equal_spread_is_the_normal_test():
    mean = np.array([-0.5, 0.0, 0.3])
    expected = stats.norm.sf(stats.norm.isf(0.05) - np.sqrt(20) * np.abs(mean))
    np.testing.assert_allclose(theory.gaussian_power(20, mean, 1.0, level=0.05), expected)


def test_equal_mean_is_the_chi_square_test():
    for std in (0.6, 1.7):
        law, limit = stats.chi2(7), stats.chi2(7).ppf(0.1 if std < 1 else 0.9)
        tail = law.cdf if std < 1 else law.sf
        power = theory.gaussian_power(7, 0.0, std, level=0.1)
        assert power == pytest.approx(tail(limit / std**2))


def test_one_draw_by_integration():
    """The set where the ratio is large, found on a grid, with the mass of either law."""
    x, (mean, std) = np.linspace(-12, 12, 400_001), (0.7, 0.8)
    real, model = stats.norm.pdf(x), stats.norm.pdf(x, mean, std)
    order = np.argsort(-model / real)
    step = x[1] - x[0]
    alarms, hits = np.cumsum(real[order]) * step, np.cumsum(model[order]) * step
    power = np.interp(0.05, alarms, hits)
    assert theory.gaussian_power(1, mean, std, level=0.05) == pytest.approx(power, rel=1e-4)


@pytest.mark.parametrize("gap", [1e-3, 3e-5, 1e-9])
def test_power_is_continuous_where_the_spreads_meet(gap):
    both = theory.gaussian_power(400, 0.1, [1 - gap, 1.0, 1 + gap], level=0.05)
    np.testing.assert_allclose(both, both[1], rtol=5 * gap + 2e-4)


def test_power_grows_from_the_level_to_one():
    sizes = [1, 10, 100, 1000, 10_000]
    power = [float(theory.gaussian_power(m, 0.05, 0.95, level=0.05)) for m in sizes]
    assert 0.05 < power[0] < power[1] < power[2] < power[3] < power[4]
    assert power[4] > 0.999
    assert theory.gaussian_power(10, 0.0, 1.0, level=0.2) == pytest.approx(0.2)


@given(st.integers(1, 500), st.floats(-1, 1), st.floats(0.3, 3), shares)
def test_power_lies_within_the_bounds(size, mean, std, level):
    affinity = np.sqrt(2 * std / (1 + std**2)) * np.exp(-(mean**2) / (4 * (1 + std**2)))
    errors = level + 1 - theory.gaussian_power(size, mean, std, level=level)
    assert errors >= theory.error_bounds(size, affinity)[0] - 1e-9
    assert theory.gaussian_power(size, mean, std, level=level) >= level - 1e-9


def test_the_affinity_of_two_gaussians():
    mean, std = 0.7, 1.8
    by_hand = np.sqrt(2 * std / (1 + std**2)) * np.exp(-(mean**2) / (4 * (1 + std**2)))
    root = lambda x: np.sqrt(stats.norm.pdf(x) * stats.norm.pdf(x, mean, std))  # noqa: E731
    assert by_hand == pytest.approx(integrate.quad(root, -30, 30)[0])


def test_the_tester_who_knows_the_model_is_better():
    std = np.array([0.5, 0.8, 0.95])
    known = theory.gaussian_power(30, 0.0, std, level=0.05)
    assert (known > theory.variance_power(30, std, level=0.05)).all()
    assert theory.variance_power(30, 1.0, level=0.05) == pytest.approx(0.05)
    assert theory.variance_power(30, 0.0, level=0.05) == 1


def test_the_variance_test_starts_at_its_level_and_is_a_product():
    power = [theory.expected_variance_power(6, 9, n, ddof=1, level=0.05) for n in (0, 1)]
    assert power[0] == pytest.approx(0.05, abs=1e-9)
    # generation 1: a product of two chi-squares, by integration
    law, limit = stats.chi2(8), stats.chi2(5).ppf(0.05)
    one = integrate.quad(lambda v: law.pdf(v) * stats.chi2(5).cdf(limit * 8 / v), 0, np.inf)[0]
    assert power[1] == pytest.approx(one, abs=1e-7)


def test_the_mean_power_by_integration():
    size, sample, level = 300, 1000, 0.02
    squared = size * 3 / sample
    z = stats.norm.isf(level)
    expected = integrate.quad(
        lambda r: stats.rayleigh.pdf(r, scale=squared**0.5) * stats.norm.cdf(r - z), 0, np.inf
    )[0]
    power = theory.expected_gaussian_power(size, sample, 3, level=level)
    assert power[3] == pytest.approx(expected)
    assert power[0] == level


def slow_power(size, p, q, level):
    """Go through all samples, the largest ratio first."""
    samples = []
    for draw in itertools.product(range(len(p)), repeat=size):
        real, model = np.prod(p[list(draw)]), np.prod(q[list(draw)])
        if real + model > 0:
            samples.append((model / real if real else np.inf, real, model))
    alarms = hits = 0.0
    for _, real, model in sorted(samples, reverse=True):
        if real and alarms + real > level:
            return hits + model * (level - alarms) / real
        alarms, hits = alarms + real, hits + model
    return hits


@pytest.mark.parametrize(
    ("p", "q"),
    [
        ([0.5, 0.3, 0.2], [0.6, 0.3, 0.1]),
        ([0.5, 0.3, 0.2], [0.7, 0.3, 0.0]),
        ([0.6, 0.4, 0.0], [0.5, 0.4, 0.1]),
        ([0.5, 0.5, 0.0], [0.0, 0.0, 1.0]),
        ([0.2, 0.8], [0.2, 0.8]),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 5])
@pytest.mark.parametrize("level", [0.01, 0.2, 0.6])
def test_categorical_power_against_its_slow_twin(p, q, size, level):
    p, q = np.array(p), np.array(q)
    expected = slow_power(size, p, q, level)
    assert theory.categorical_power(size, p, q, level=level) == pytest.approx(expected, abs=1e-4)


def test_categorical_power_of_many_draws_is_normal():
    rng = seeded(7850)
    p, q = rng.dirichlet(np.full(300, 20.0), 2)
    q = 0.99 * p + 0.01 * q
    size = 4000
    ratio = np.log(q / p)
    moments = [(law @ ratio, law @ ratio**2 - (law @ ratio) ** 2) for law in (p, q)]
    (real, spread), (model, other) = moments
    z = stats.norm.isf(0.05) * np.sqrt(size * spread) + size * (real - model)
    expected = stats.norm.sf(z / np.sqrt(size * other))
    power = theory.categorical_power(size, p, q, level=0.05)
    assert power == pytest.approx(expected, abs=0.01)


def test_a_lost_item_decides():
    p, q = np.array([0.5, 0.4, 0.1]), np.array([0.55, 0.45, 0.0])
    size = smallest_size(lambda m: theory.proven_real(m, 0.1), 0.95)
    assert size == 29  # 0.9**29 < 0.05 < 0.9**28
    assert theory.categorical_power(size, p, q, level=0.05) == pytest.approx(1)
    assert theory.categorical_power(size - 1, p, q, level=0.05) < 1
    assert theory.proven_real(0, 1.0) == 0
    np.testing.assert_allclose(theory.proven_real([1, 2], [0.5, 1.0]), [0.5, 1.0])


@given(shares, shares, shares)
def test_information_lies_between_no_marks_and_labels(share, p, q):
    none = theory.mixture_information(share, p, q)
    labels = theory.mixture_information(share, p, q, hit=1.0)
    some = theory.mixture_information(share, p, q, false_alarm=0.1, hit=0.6)
    assert labels == pytest.approx(share / (p * (1 - p)))
    assert none * (1 - 1e-9) <= some <= labels * (1 + 1e-9)
    m = share * p + (1 - share) * q
    assert none == pytest.approx(share**2 / (m * (1 - m)))
    same = theory.mixture_information(share, p, q, false_alarm=0.3, hit=0.3)
    assert same == pytest.approx(none)


def test_information_is_the_curvature_of_the_log_likelihood():
    share, p, q, alarm, hit, step = 0.3, 0.2, 0.35, 0.1, 0.8, 1e-4

    def cells(p):
        marks = [(alarm, hit), (1 - alarm, 1 - hit)]
        return np.array(
            [
                share * real * a + (1 - share) * model * b
                for real, model in marks
                for a, b in ((p, q), (1 - p, 1 - q))
            ]
        )

    # of the cross-entropy of neighbouring laws
    low, middle, high = (cells(p) @ np.log(cells(x)) for x in (p - step, p, p + step))
    expected = -(low - 2 * middle + high) / step**2
    found = theory.mixture_information(share, p, q, false_alarm=alarm, hit=hit)
    assert found == pytest.approx(expected, rel=1e-5)


def test_the_factor_of_a_watermark():
    """For q = p the information is that without marks times one plus a chi-square divergence."""
    share, alarm, hit = 0.1, 0.05, 0.9
    real = np.array([alarm, 1 - alarm])
    all_data = share * real + (1 - share) * np.array([hit, 1 - hit])
    factor = 1 + ((real - all_data) ** 2 / all_data).sum()
    marked = theory.mixture_information(share, 0.3, 0.3, false_alarm=alarm, hit=hit)
    assert marked == pytest.approx(factor * theory.mixture_information(share, 0.3, 0.3))


def test_missed_marks_bound_the_gain_and_false_alarms_do_not():
    for share in (1e-2, 1e-4, 1e-6):
        none = theory.mixture_information(share, 0.3, 0.3)
        missed = theory.mixture_information(share, 0.3, 0.3, hit=0.9)
        assert missed / none < 1 / 0.1
        alarms = theory.mixture_information(share, 0.3, 0.3, false_alarm=0.1, hit=1.0)
        assert alarms >= 0.9 * share / 0.21


def test_one_who_knows_the_share_is_unbiased():
    bias, variance = theory.debiased_error(100, 0.3, 0.3, 0.2, 0.5)
    assert bias == 0
    assert variance == pytest.approx(1 / (100 * theory.mixture_information(0.3, 0.2, 0.5)))
    assert theory.debiased_error(10**9, 0.3, 1.0, 0.2, 0.5)[0] == pytest.approx(0.21)


def test_the_floor_is_half_the_range_of_what_explains_the_data():
    share = np.linspace(0.2, 0.5, 1001)
    possible = 0.4 + (0.35 - 0.4) / share
    floor = theory.share_floor(0.35, 0.4, 0.2, 0.5)
    assert floor == pytest.approx(np.ptp(possible) / 2)
    assert theory.share_floor(0.35, 0.4, 0.3, 0.3) == 0
    with pytest.raises(ValueError, match="lowest"):
        theory.share_floor(0.35, 0.4, 0.1, 0.5)  # would need a negative probability


def test_a_filter_multiplies_the_odds():
    share = theory.filtered_share([0.0, 0.2, 1.0], 0.9, 0.3)
    odds = share[1] / (1 - share[1])
    assert odds == pytest.approx(0.25 * 3)
    assert (share[0], share[2]) == (0, 1)


def test_a_filter_that_treats_all_alike_keeps_the_law():
    p = np.array([0.5, 0.3, 0.2])
    np.testing.assert_allclose(theory.filtered_law(p, np.full(3, 0.4)), p)
    np.testing.assert_allclose(theory.filtered_law(p, [1.0, 1.0, 0.0]), [0.625, 0.375, 0])


def slow_filtered(p, size, generations, share, keep_real, keep_generated, rng):
    """One chain, datum by datum."""
    model = p
    for n in range(generations):
        data = []
        while len(data) < size:
            real = n == 0 or rng.random() < share
            x = rng.choice(len(p), p=p if real else model)
            if n == 0 or rng.random() < (keep_real[x] if real else keep_generated):
                data.append(x)
        model = np.bincount(data, minlength=len(p)) / size
    return model


def run_filtered(policy, seed=1, reality=(0.6, 0.4), **options):
    """Run words, or N(0, 1) where there are none, behind a detector."""
    family = (Gaussian(0.0, 1.0), FitGaussian(ddof=0))
    if reality:
        family = Categorical(reality), FitCategorical(len(reality))
    options = {"sample_size": 3, "generations": 2, "chains": 20_000} | options
    return recurse(*family, policy=policy, rng=seeded(seed), keep=(), **options).newest


def test_filtered_against_its_slow_twin():
    p, keep, rng = np.array([0.6, 0.4]), np.array([0.9, 0.4]), seeded(7851)
    slow = [slow_filtered(p, 6, 3, 0.4, keep, 0.3, rng) for _ in range(1500)]
    slow = np.array(slow)[:, :1] ** [1, 2]

    def run(keep_real):
        policy = Filtered(0.4, keep_real=keep_real, keep_generated=0.3)
        fast = run_filtered(policy, 7852, sample_size=6, generations=3).probabilities
        return np.array([fast[:, 0], fast[:, 0] ** 2]).mean(axis=1)

    assert_agrees(slow, run(keep.__getitem__))
    assert_refutes(slow, run(1.0))


def test_filtered_serves_any_family():
    policy = Filtered(0.5, keep_real=lambda x: 1 / (1 + x**2), keep_generated=0.5)
    model = run_filtered(policy, 7853, None, sample_size=50, generations=4, chains=20)
    assert model.mean.shape == (20,)
    assert model.variance.mean() < 1  # what lies far out is rejected


def test_all_real_behind_no_detector_is_reality():
    variance = run_filtered(
        Filtered(1.0, 1.0, 1.0), 7854, None, sample_size=5, generations=6
    ).variance
    assert_agrees(variance, 0.8)
    assert_refutes(variance, 0.8**2)


def test_a_detector_that_keeps_too_little_is_refused():
    with pytest.raises(ValueError, match="must let enough pass"):
        run_filtered(Filtered(0.0, 1.0, 0.0), reality=None, chains=1)


@pytest.mark.parametrize("keep", [lambda x: x[:, :1], lambda x: x + 2.0, lambda x: x - 9.0])
def test_a_detector_that_returns_nonsense_is_refused(keep):
    with pytest.raises(ValueError, match="keep_real"):
        run_filtered(Filtered(0.5, keep, 1.0), chains=1)


def slow_estimate(share, p, q, size, missed, rng):
    """One mixture, datum by datum."""
    unmarked = items = 0
    for _ in range(size):
        real = rng.random() < share
        if real or rng.random() < missed:
            unmarked += 1
            items += rng.random() < (p if real else q)
    among = share / (share + (1 - share) * missed)
    return (items / unmarked - (1 - among) * q) / among


@pytest.mark.parametrize("missed", [1.0, 0.3, 0.0])
def test_estimates_against_their_slow_twin(missed):
    rng, mixture = seeded(7855), (0.6, 0.2, 0.5)
    slow = np.array([slow_estimate(*mixture, 20, missed, rng) for _ in range(3000)])
    fast = unmarked_estimates(*mixture, size=20, missed=missed, chains=100_000, rng=rng)
    both = np.array([slow, (slow - 0.2) ** 2]).T
    assert_agrees(both, [fast.mean(), ((fast - 0.2) ** 2).mean()])
    wrong = unmarked_estimates(*mixture, size=40, missed=missed, chains=100_000, rng=rng)
    assert_refutes(both, [wrong.mean(), ((wrong - 0.2) ** 2).mean()])


def test_estimates_with_assumed_shares():
    options = {"size": 10**6, "chains": 3, "rng": seeded(7856)}
    assumed = [0.3, 0.4, 1.0]
    found = unmarked_estimates(0.3, 0.2, 0.35, assumed=assumed, **options)
    bias, variance = theory.debiased_error(10**6, 0.3, assumed, 0.2, 0.35)
    assert (np.abs(found - 0.2 - bias) < 5 * np.sqrt(variance)).all()
    assert (np.abs(found - 0.2 - bias[::-1]) > 8 * np.sqrt(variance))[[0, 2]].all()
    assert np.isnan(unmarked_estimates(1e-9, 0.2, 0.3, **(options | {"size": 1}), missed=0.0)).all()
    for bad in (0.0, 1.1):
        with pytest.raises(ValueError, match="assumed"):
            unmarked_estimates(0.3, 0.2, 0.35, assumed=bad, **options)
    with pytest.raises(ValueError, match="share"):
        unmarked_estimates(0.0, 0.2, 0.35, **options)
    with pytest.raises(ValueError, match="missed"):
        unmarked_estimates(0.3, 0.2, 0.35, missed=2.0, **options)


def test_smallest_size():
    assert smallest_size(lambda m: m / 1000, 0.9) == 900
    assert smallest_size(lambda m: 1.0) == 1
    with pytest.raises(ValueError, match="target"):
        smallest_size(lambda m: 0.5)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: theory.gaussian_power(0, 0.0, 1.0, level=0.1), "size"),
        (lambda: theory.gaussian_power(5, np.nan, 1.0, level=0.1), "mean"),
        (lambda: theory.gaussian_power(5, 0.0, 0.0, level=0.1), "std"),
        (lambda: theory.gaussian_power(5, 0.0, 1.0, level=1.0), "level"),
        (lambda: theory.variance_power(1, 0.5, level=0.1), "size"),
        (lambda: theory.variance_power(5, -0.5, level=0.1), "std"),
        (lambda: theory.expected_variance_power(5, 1, 3, ddof=1, level=0.1), "sample_size"),
        (lambda: theory.expected_gaussian_power(5, 10, 3, level=0.0), "level"),
        (lambda: theory.categorical_power(5, [0.5, 0.5], [1.0], level=0.1), "model"),
        (lambda: theory.categorical_power(5, [0.5, 0.6], [0.5, 0.5], level=0.1), "probabilities"),
        (lambda: theory.proven_real(5, 1.5), "dead_mass"),
        (lambda: theory.error_bounds(5, -0.1), "affinity"),
        (lambda: theory.mixture_information(0.5, 0.0, 0.5), "probability"),
        (lambda: theory.mixture_information(0.5, 0.2, 0.5, hit=2.0), "hit"),
        (lambda: theory.debiased_error(10, 0.5, 0.0, 0.2, 0.3), "assumed"),
        (lambda: theory.debiased_error(10, 1.5, 0.5, 0.2, 0.3), "share"),
        (lambda: theory.share_floor(0.3, 0.4, 0.6, 0.5), "lowest"),
        (lambda: theory.share_floor(0.3, 0.4, 0.6, 0.0), "highest"),
        (lambda: theory.filtered_share(0.0, 1.0, 0.0), "keep_real"),
        (lambda: theory.filtered_share(0.1, 1.2, 0.0), "keep_real"),
        (lambda: theory.filtered_law([0.5, 0.5], [0.0, 0.0]), "keep_real"),
        (lambda: theory.filtered_law([0.5, 0.5], [0.5, 0.5, 0.5]), "keep_real"),
        (lambda: Filtered(1.5, 1, 1), "share"),
        (lambda: Filtered(0.5, -0.1, 1), "keep_real"),
        (lambda: Filtered(0.5, 1, 1.1), "keep_generated"),
    ],
)
def test_bad_input_is_refused(call, name):
    with pytest.raises(ValueError, match=f"^{name} "):
        call()
