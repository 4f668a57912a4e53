"""Laws of mixed data, real data, selection and regression: by other means, and at their edges."""

from fractions import Fraction
from itertools import pairwise, product

import mpmath
import numpy as np
import pytest
from harness import assert_agrees, assert_refutes
from scipy import optimize, special, stats

from collapse.seeds import seeded
from collapse.theory import drift, mixing, realdata, regression, selection
from companion.checks.regression import errors

SIZES = [4, 3, 6]


def close(found, expected, rtol=1e-12, **more):
    np.testing.assert_allclose(found, expected, rtol=rtol, **more)


# Exact expectations by enumeration: two words, p = 1/3, in rational arithmetic.

P = Fraction(1, 3)


def binomial(size, p):
    """Return (count, probability) of all counts."""
    choose = [1]
    for k in range(size):
        choose.append(choose[-1] * (size - k) // (k + 1))
    return [(k, c * p**k * (1 - p) ** (size - k)) for k, c in enumerate(choose)]


def resampling(p, size, u):
    """Return the matrix of the copies of one word, each fresh and real with probability u."""
    copies = np.arange(size + 1)
    return stats.binom.pmf(copies, size, u * p + (1 - u) * copies[:, None] / size)


def stationary(p, size, u):
    """Return the law of the number of copies in the long run."""
    balance = resampling(p, size, u).T - np.eye(size + 1)
    balance[-1] = 1.0  # the equations have one too many: the total takes its place
    return np.linalg.solve(balance, np.eye(size + 1)[-1])


def spread(p):
    return p * (1 - p) / (P * (1 - P))


def parts(pool, ones, size, replacement):
    """Return (count, probability) of the ones among `size` of a pool."""
    if replacement:
        return binomial(size, Fraction(ones, pool))
    law = stats.hypergeom(pool, ones, size)
    return [(k, Fraction(float(law.pmf(k))).limit_denominator(10**6)) for k in range(size + 1)]


def subsampled(sizes, budget, replacement):
    """Return the expected diversity by adding up all histories."""
    states, expected = {(0, 0, P): Fraction(1)}, [1.0]
    for size in sizes:
        following, total = {}, Fraction(0)
        for (pool, ones, p), weight in states.items():
            for k, chance in binomial(size, p):
                for j, share in parts(pool + size, ones + k, budget, replacement):
                    state = (pool + size, ones + k, Fraction(j, budget))
                    following[state] = following.get(state, 0) + weight * chance * share
                    total += weight * chance * share * spread(state[2])
        states = following
        expected.append(float(total))
    return expected


@pytest.mark.parametrize("replacement", [False, True])
@pytest.mark.parametrize("budget", [1, 2, 3])
def test_subsampling_by_enumeration(budget, replacement):
    found = mixing.diversity_subsampled([3, 2, 4], 3, budget=budget, replacement=replacement)
    expected = subsampled([3, 2, 4], budget, replacement)
    close(found, expected, rtol=1e-6, atol=1e-12)
    other = mixing.diversity_subsampled([3, 2, 4], 3, budget=budget + 1, replacement=True)
    assert abs(other[-1] / max(expected[-1], 0.01) - 1) > 0.02


def test_a_budget_as_large_as_the_pool_is_accumulation():
    pooled = mixing.diversity_accumulated([6, 3], 2)
    close(pooled, [1, 5 / 6, 5 / 6 * (1 - 3 / 81)])
    found = mixing.diversity_subsampled([6, 3], 2, budget=6)
    close(found, [1, pooled[1], pooled[2] / (1 - 1 / 9) * (1 - 1 / 6)])


def test_workflows_at_constant_size():
    size, s = 5, np.arange(2, 6)
    factors = 1 - (3 * size - 1) / (s * size * (s * size - 1))
    expected = 0.8 * np.cumprod(np.concatenate([[1], factors]))
    close(mixing.diversity_subsampled(size, 5)[1:], expected)
    close(mixing.diversity_subsampled(size, 5, budget=size), mixing.diversity_subsampled(size, 5))
    c = 2 / size - 1 / size**2
    expected = 0.8 * 0.8 * np.cumprod(np.concatenate([[1], 1 - c / s**2]))
    close(mixing.diversity_subsampled(size, 5, replacement=True)[1:], expected)
    close(drift.diversity_kept(size, 5), 0.8 ** np.arange(6))
    close(drift.diversity_kept([4, 1, 5], 3), [1, 0.75, 0, 0])
    i = np.arange(1, 6)
    close(mixing.diversity_accumulated(size, 5)[1:], np.cumprod(1 - 1 / (size * i**2)))


def test_the_workflows_are_ordered_and_start_at_reality():
    for size in (2, 5, 30):
        laws = [
            mixing.diversity_accumulated(size, 40),
            mixing.diversity_subsampled(size, 40),
            mixing.diversity_subsampled(size, 40, replacement=True),
            drift.diversity_kept(size, 40),
        ]
        assert all(law[0] == 1 for law in laws)
        close([law[1] for law in laws], [1 - 1 / size] * 2 + [(1 - 1 / size) ** 2, 1 - 1 / size])
        for better, worse in pairwise(laws):
            assert (better[3:] > worse[3:]).all()
    for function in (
        drift.diversity_kept,
        mixing.diversity_accumulated,
        mixing.diversity_subsampled,
    ):
        close(function(3, 0), [1.0])


@pytest.mark.parametrize("size", [2, 3, 10, 1000, 10**8])
def test_limits_against_products_of_many_digits(size):
    with mpmath.workdps(40):
        m = mpmath.mpf(size)
        expected = {
            "accumulated": mpmath.nprod(lambda s: 1 - 1 / (m * s * s), [1, mpmath.inf]),
            "subsampled": (1 - 1 / m)
            * mpmath.nprod(lambda s: 1 - (3 * m - 1) / (s * m * (s * m - 1)), [2, mpmath.inf]),
            "redrawn": mpmath.sinpi(mpmath.sqrt(2 / m - 1 / m**2))
            / (mpmath.pi * mpmath.sqrt(2 / m - 1 / m**2)),
        }
    limits = mixing.diversity_limits(size)
    assert limits.keys() == {"replaced", *expected}
    assert limits["replaced"] == 0
    for name, value in expected.items():
        assert limits[name] == pytest.approx(float(value), rel=1e-12), name


def test_losses_to_first_order():
    size = 10**6
    limits = mixing.diversity_limits(size)
    lost = {name: size * (1 - value) for name, value in limits.items()}
    assert lost["accumulated"] == pytest.approx(np.pi**2 / 6, rel=1e-4)
    assert lost["subsampled"] == pytest.approx(np.pi**2 / 2 - 2, rel=1e-4)
    assert lost["redrawn"] == pytest.approx(np.pi**2 / 3, rel=1e-4)
    ratio = lost["subsampled"] / lost["accumulated"]
    assert ratio == pytest.approx(3 - 12 / np.pi**2, rel=1e-4)


@pytest.mark.parametrize(
    ("first", "power"), [(1.05, 2), (1.5, 1.5), (20, 1.1), (20, 2), (3.7, 4), (1e6, 1.3)]
)
def test_growth_against_products_of_many_digits(first, power):
    i, cut = np.arange(1.0, 200_001), 200_001.0
    # the factors one by one, and the logarithms of the others by Hurwitz's zeta function
    tail = special.zeta(power, cut) / first + special.zeta(2 * power, cut) / (2 * first**2)
    expected = np.exp(np.log1p(-1 / (first * i**power)).sum() - tail)
    assert mixing.growth_limit(first, power) == pytest.approx(expected, rel=1e-10)


def test_growth_decides_whether_diversity_stays():
    assert mixing.growth_limit(20, 1) == mixing.growth_limit(20, 0.3) == 0
    assert mixing.growth_limit(20, 1.0001) < 1e-100
    for size in (2, 7, 100):
        same = mixing.diversity_limits(size)["accumulated"]
        assert mixing.growth_limit(size, 2) == pytest.approx(same, rel=1e-13)
    found = drift.diversity_kept(lambda i: 20 * (i + 1) ** 2, 3000)[-1]
    assert found == pytest.approx(mixing.growth_limit(20, 2), rel=1e-4)
    for bad in ((1.0, 2), (0.5, 2), (3, 0.0), (3, -1)):
        with pytest.raises(ValueError, match="first|power"):
            mixing.growth_limit(*bad)


def test_mixtures_by_hand():
    three = [(0.5, 0.4, 0.1), (0.7, 0.1, 0.2), (0.3, 0.3, 0.4)]
    moved, expected = 0.0, [1.0]
    for size, (a, b, _) in zip(SIZES, three, strict=True):
        expected.append((1 - 1 / size) * (1 - moved))
        moved = (a + b) ** 2 * moved + a * a * (1 - moved) / size
    close(mixing.mixture_diversity(SIZES, 3, lambda i: three[i]), expected)
    close(mixing.mixture_diversity(7, 9, (1, 0, 0)), drift.diversity_kept(7, 9))
    literal = mixing.mixture_diversity(7, 4, (0, 1, 0))  # the erratum
    close(literal, [1] + [6 / 7] * 4)
    assert mixing.mixture_limit(7, (0, 1, 0)) == pytest.approx(6 / 7)
    assert mixing.mixture_limit(7, (0, 0.3, 0.7)) == pytest.approx(6 / 7)
    assert mixing.mixture_limit(7, (0.4, 0.6, 0)) == 0
    assert mixing.mixture_limit(1, (0.5, 0.2, 0.3)) == 0


@pytest.mark.parametrize("three", [(0.6, 0.2, 0.2), (0.9, 0.0, 0.1), (0.05, 0.9, 0.05)])
def test_mixtures_reach_their_limit(three):
    found = mixing.mixture_diversity(6, 3000, three)[-1]
    assert found == pytest.approx(mixing.mixture_limit(6, three), rel=1e-12)


@pytest.mark.parametrize("u", [0.01, 0.3, 1.0])
def test_a_share_of_real_data_is_a_mixture(u):
    size = 12
    kept = 1 - 1 / size
    closed = kept * (1 - (1 - u) ** 2) / (1 - kept * (1 - u) ** 2)
    assert mixing.mixture_limit(size, (1 - u, 0, u)) == pytest.approx(closed, rel=1e-12)
    if u < 1:
        law = stationary(0.3, size, u)
        x = np.arange(size + 1) / size
        assert law @ (x * (1 - x)) / 0.21 == pytest.approx(closed, rel=1e-10)
        assert law @ x == pytest.approx(0.3, rel=1e-10)


def test_partial_replacement_by_enumeration():
    # every pool of 3 tokens of two kinds, one of them replaced
    law = {k: float(w) for k, w in binomial(3, P)}
    expected = [1.0, sum(w * float(spread(Fraction(k, 3))) for k, w in law.items())]
    for _ in range(3):
        following = dict.fromkeys(range(4), 0.0)
        for k, w in law.items():
            for out, new in product((0, 1), (0, 1)):
                chance = (k if out else 3 - k) / 3 * (k if new else 3 - k) / 3
                following[k - out + new if chance else k] += w * chance
        law = following
        expected.append(sum(w * float(spread(Fraction(k, 3))) for k, w in law.items()))
    close(mixing.diversity_partially_replaced(3, 4, 1), expected)


def test_effective_sizes():
    assert mixing.effective_size(40, 40) == pytest.approx(40)
    assert mixing.effective_size(40, 1) == pytest.approx(40**2 / 2)
    large = mixing.effective_size(10**6, 10**5)
    assert large == pytest.approx(10**6 / (0.1 * 1.9), rel=1e-5)
    close(mixing.diversity_partially_replaced(7, 5, 7), drift.diversity_kept(7, 5))
    close(mixing.diversity_partially_replaced(7, 0, 2), [1.0])
    factor = mixing.diversity_partially_replaced(40, 51, 20)[-1]
    assert factor == pytest.approx(0.3753542993, rel=1e-9)


# real data


def test_fresh_data_by_hand():
    moved, expected = 1 / 5, [1, 0.8]
    for size in (6, 4):
        a = (size - 2) / size
        moved = a * a * moved + a * (1 - moved) / size + 2 / size**2
        expected.append(1 - moved)
    close(realdata.fresh_diversity([5, 6, 4], 3, 2), expected)
    close(realdata.fresh_diversity(9, 5, 0), drift.diversity_kept(9, 5))
    close(realdata.fresh_diversity(9, 5, 9), [1] + [1 - 1 / 9] * 5)
    close(realdata.fresh_diversity(9, 5, 3, weight=1 / 3), realdata.fresh_diversity(9, 5, 3))
    close(realdata.fresh_diversity(9, 0, 3), [1.0])


@pytest.mark.parametrize(("number", "weight"), [(1, None), (4, None), (4, 0.9), (2, 1.0), (9, 0.0)])
def test_fresh_data_reach_their_limit(number, weight):
    limit = realdata.fresh_limit(10, number, weight=weight)
    found = realdata.fresh_diversity(10, 5000, number, weight=weight)[-1]
    assert found == pytest.approx(limit, abs=1e-12)
    if weight is None:
        a = 1 - number / 10
        assert limit == pytest.approx(1 - 0.1 / (1 - a * a + a / 10), rel=1e-13)


@pytest.mark.parametrize("number", [0, 2, 3])
def test_survival_with_fresh_data_by_powers_of_the_matrix(number):
    p, copies = 0.4, np.arange(60)
    law = stats.poisson.pmf(copies, SIZES[0] * p)
    expected = [np.inf, SIZES[0]]
    for parent, size in pairwise(SIZES):
        law = law @ stats.poisson.pmf(
            copies, (copies[:, None] * (size - number) / parent + number * p)
        )
        expected.append(-np.log(law[0]) / p)
    close(realdata.fresh_survival_constant(SIZES, 3, number), expected, rtol=1e-9)
    assert (realdata.fresh_survival_constant(SIZES, 0, number) == np.inf).all()


def test_a_handful_of_real_data_is_enough_at_any_size():
    for size in (10**4, 10**6, 10**9):
        assert realdata.fresh_limit(size, 1) == pytest.approx(2 / 3, rel=2e-4)
        assert realdata.fresh_limit(size, 9) == pytest.approx(18 / 19, rel=2e-3)
    for number, moved in [(10, 0.05025), (1, 0.3356), (50, 0.013245)]:
        assert 1 - realdata.fresh_limit(100, number) == pytest.approx(moved, rel=3e-4)
    assert realdata.fresh_limit(5, 0) == pytest.approx(0, abs=1e-12)
    assert realdata.fresh_limit(2**60, 0) == 0


def test_the_best_weight_of_small_samples_is_near_the_golden_one():
    for real, synthetic in [(40, 40), (20, 200), (200, 50)]:
        size = real + synthetic
        moved = lambda w: 1 - realdata.fresh_limit(size, real, weight=w)  # noqa: B023, E731
        best = optimize.minimize_scalar(moved, bounds=(0.01, 1), method="bounded").x
        assert best == pytest.approx(realdata.golden_weight(real / synthetic), abs=0.02)


@pytest.mark.parametrize("ratio", [1e-9, 0.1, 0.37, 1, 4, 1e9])
def test_the_golden_weight(ratio):
    best = realdata.golden_weight(ratio)
    assert best**2 + ratio * best == pytest.approx(ratio, rel=1e-12)
    assert realdata.weighted_variance(best, ratio) == pytest.approx(best, rel=1e-9)
    for other in (0.9 * best, min(1.05 * best, (1 + best) / 2)):
        assert realdata.weighted_variance(other, ratio) >= best * (1 - 1e-12)


def test_weights_by_hand():
    assert realdata.golden_weight(1) == pytest.approx((np.sqrt(5) - 1) / 2, rel=1e-14)
    assert realdata.weighted_variance(0.5, 1) == pytest.approx(2 / 3)
    assert realdata.weighted_variance(1, 3) == 1
    v = 0.0
    for _ in range(200):
        v = 0.36 + 0.16 * (v + 2.5)
    assert realdata.weighted_variance(0.6, 2.5) == pytest.approx(v, rel=1e-12)


@pytest.mark.parametrize(("size", "u"), [(7, 0.15), (4, 0.0), (5, 1.0)])
def test_the_spectrum_is_that_of_the_matrix(size, u):
    values = np.sort(np.linalg.eigvals(resampling(0.3, size, u)).real)[::-1]
    close(realdata.fresh_spectrum(size, u), values, rtol=1e-6, atol=1e-9)


def test_the_stationary_law_tends_to_a_beta_law():
    theta, p, gaps = 4.0, 0.3, []
    for size in (50, 200, 800):
        a, b = realdata.dirichlet_limit([p, 1 - p], size, theta / (2 * size))
        close([a, b], [theta * p, theta * (1 - p)])
        exact = stationary(p, size, theta / (2 * size))
        cells = np.diff(stats.beta.cdf(np.clip((np.arange(size + 2) - 0.5) / size, 0, 1), a, b))
        gaps.append(0.5 * np.abs(exact - cells).sum())
    assert gaps[0] < 0.05
    assert gaps[1] < 0.45 * gaps[0]
    assert gaps[2] < 0.45 * gaps[1]


def test_chi_square_by_hand_and_as_a_sum():
    rho = (1 - 1 / 200) * 0.9**2
    found = realdata.fresh_chi_square(20, 200, 5, 0.1)
    close(found, [19 / 200 * sum(rho**m for m in range(n)) for n in range(6)])
    close(realdata.fresh_chi_square(4, SIZES, 3, 0.0)[1:3], [3 / 4, 2 / 3 * 3 / 4 + 1])
    # without real data: chi-square is (K - 1) times what has moved
    moved = 1 - drift.diversity_kept(SIZES, 3)
    close(realdata.fresh_chi_square(4, SIZES, 3, 0.0), 3 * moved, atol=1e-15)
    mixed = mixing.mixture_diversity(9, 6, (0.7, 0, 0.3))
    assert realdata.fresh_chi_square(2, 9, 6, 0.3)[-1] == pytest.approx(1 - mixed[-1])
    assert (realdata.fresh_chi_square(1, 9, 6, 0.3) == 0).all()


def test_a_real_set_that_is_kept():
    first, n, s = 0.8, 3, 4
    alpha, value, expected = 4 / 9, 0.8, [1, 0.8]
    for _ in range(n):
        value = (1 - alpha**2) * first + alpha**2 * (1 - 1 / s) * value
        expected.append(value)
    close(realdata.real_set_diversity(5, s, n + 1), expected)
    # Theorem 2 of Seddik et al. 2024, as it is printed
    beta = alpha * ((1 + 1 / 5) * alpha - 1 / 5)
    assert beta == pytest.approx(alpha**2 * (1 - 1 / s))
    for used in (None, 1, 3):
        found = realdata.real_set_diversity(5, s, 400, used=used)[-1]
        assert found == pytest.approx(realdata.real_set_limit(5, s, used=used), rel=1e-12)
    endless = realdata.real_set_limit(100, 10**9)
    assert endless == pytest.approx(0.99 / (1 + 1 / 200), rel=1e-6)
    close(realdata.real_set_diversity(5, 4, 1), [1, 0.8])
    close(realdata.real_set_diversity(5, 4, 0), [1])
    assert realdata.real_set_limit(1, 5) == realdata.real_set_limit(1, 5, used=1) == 0


def test_biased_moments_by_hand_and_in_special_cases():
    variance, displacement = realdata.biased_moments(4, 6, 0.7, 3, ddof=0)
    close(variance[:2], [1, 0.9])
    close(displacement[:2], [0, 0.1])
    drawn = 4 + 0.7 * 6 * 0.9
    close(variance[2], (0.9 * drawn + 2.4 * 0.1) / 10)
    close(displacement[2], drawn / 100 + 0.36 * 0.1)
    other, _ = realdata.biased_moments(4, 6, 0.7, 3, ddof=1)
    close(other[1], 1)
    close(other[2], (0.9 * (4 + 4.2) + 2.4 * 0.1) / 9)
    unbiased = realdata.biased_moments(4, 6, 1.0, 9, ddof=0)
    close(unbiased[0], realdata.fresh_diversity(10, 9, 4))
    close(unbiased[0] + unbiased[1], 1)
    synthetic, moved = realdata.biased_moments(0, 10, 0.9, 5, ddof=1)
    close(synthetic, [1, 1, 0.9, 0.81, 0.729, 0.6561])
    close(moved[-1], (1 + 0.9 * synthetic[1:5].sum()) / 10)
    close(realdata.biased_moments(4, 6, 0.7, 0, ddof=1), [[1], [0]])
    close(realdata.biased_moments(4, 0, 0.7, 3, ddof=1)[0], 1)


def test_biased_moments_settle_to_the_leading_order():
    for ratio, bias in [(2, 0.8), (0.5, 0.3), (5, 0.99), (2, 1.2)]:
        real = 10**6
        variance, _ = realdata.biased_moments(real, int(ratio * real), bias, 400, ddof=1)
        assert variance[-1] == pytest.approx(realdata.biased_variance(ratio, bias), rel=1e-5)
    assert realdata.biased_variance(0, 0.3) == realdata.biased_variance(7, 1) == 1
    with pytest.raises(ValueError, match=r"bias must be below 1 \+ 1/ratio, 1.5"):
        realdata.biased_variance(2, 1.5)


def test_effective_real_sizes():
    for real, synthetic in [(7, 0), (7, 7), (3, 1000)]:
        total, m = real + synthetic, 0.0
        for _ in range(20_000):
            m = 1 / total + (synthetic / total) ** 2 * m
        found = realdata.effective_real_size(real, synthetic)
        assert found == pytest.approx(1 / m, rel=1e-9)
        assert real <= found < 2 * real


def test_the_threshold_of_the_bias():
    # lambda = 0: synthetic data add a point at the last mean; the sum of the three terms by hand
    assert realdata.bias_threshold(0) == pytest.approx(4 * (2 + 1 - 0.75))
    assert realdata.bias_threshold(0.7) == pytest.approx(81.3333333333)
    bias = 0.4
    terms = (2 - bias) + 0.5 * (2 - bias**2) - 0.75 * (1 - bias)
    assert realdata.bias_threshold(bias) == pytest.approx(4 * terms / (1 - bias) ** 2)
    with pytest.raises(ValueError, match="bias must be below 1"):
        realdata.bias_threshold(1.0)


# selection


@pytest.mark.parametrize("size", [2, 6])
@pytest.mark.parametrize("advantage", [-0.5, 0.0, 0.3, 4.0])
def test_fixation_by_powers_of_the_matrix(advantage, size):
    p = 0.3
    matrix = selection.selection_matrix(size, advantage)
    close(matrix.sum(axis=1), 1)
    start = stats.binom.pmf(np.arange(size + 1), size, p)
    end = start @ np.linalg.matrix_power(matrix, 3000)
    found = selection.fixation_with_selection(p, size, advantage)
    assert found == pytest.approx(end[-1], rel=1e-9)
    if advantage == 0:
        assert found == pytest.approx(p)
    chance = 0.5 * (1 + advantage) / (0.5 * (1 + advantage) + 0.5)
    close(matrix[size // 2], stats.binom.pmf(np.arange(size + 1), size, chance))


def test_fixation_at_the_ends():
    assert selection.fixation_with_selection(0, 5, 0.2) == 0
    assert selection.fixation_with_selection(1, 5, 0.2) == pytest.approx(1)
    assert selection.fixation_with_selection(0.3, 1, 0.2) == pytest.approx(0.3)
    win = selection.fixation_with_selection(0.3, 5, 0.2)
    lose = selection.fixation_with_selection(0.7, 5, 1 / 1.2 - 1)
    assert win + lose == pytest.approx(1)


def test_kimura():
    for p, size, s in [(0.1, 100, 0.02), (0.5, 300, -0.01), (0.05, 1000, 0.001)]:
        strength = 2 * size * s
        formula = (1 - np.exp(-strength * p)) / (1 - np.exp(-strength))
        found = selection.kimura_fixation(p, size, s)
        assert found == pytest.approx(formula, rel=1e-12)
        exact = selection.fixation_with_selection(p, size, s)
        assert found == pytest.approx(exact, rel=0.05)
    gaps = [
        abs(
            selection.kimura_fixation(0.2, size, 2 / size)
            - selection.fixation_with_selection(0.2, size, 2 / size)
        )
        for size in (50, 200, 800)
    ]
    assert gaps[1] < 0.4 * gaps[0]
    assert gaps[2] < 0.4 * gaps[1]
    assert selection.kimura_fixation(0.37, 10, 0) == 0.37
    assert selection.kimura_fixation(0.3, 10**9, 0.5) == 1
    assert selection.kimura_fixation(0.3, 10**9, -0.5) == 0
    assert selection.kimura_fixation(0.3, 10, 1e-12) == pytest.approx(0.3, rel=1e-9)


@pytest.mark.parametrize("half", [0.3, 1.0, 2.5])
@pytest.mark.parametrize("shift", [-1.2, 0.0, 0.4])
def test_verified_data_are_truncated_normal(half, shift):
    law = stats.truncnorm(-half - shift, half - shift, loc=shift)
    assert selection.verified_mean(shift, half) == pytest.approx(law.mean(), rel=1e-9, abs=1e-14)
    if shift == 0:
        assert selection.verifier_contraction(half) == pytest.approx(law.var(), rel=1e-9)


def test_contraction_of_narrow_and_wide_verifiers():
    for half in (1e-6, 0.0099, 0.0101, 0.1, 8.0):
        with mpmath.workdps(60):
            a = mpmath.mpf(half)
            exact = 1 - 2 * a * mpmath.npdf(a) / (2 * mpmath.ncdf(a) - 1)
        assert selection.verifier_contraction(half) == pytest.approx(float(exact), rel=1e-8)


def test_verified_errors_by_hand():
    rho = selection.verifier_contraction(1.0)
    expected = [0.04, 0.04 + 1 / 50, rho**2 * (0.04 + 1 / 50) + rho / 80]
    close(selection.verified_error(1.0, [50, 80], 2, offset=-0.2), expected)
    settled = selection.verified_error(1.0, 50, 200, offset=0.2)[-1]
    assert settled == pytest.approx(rho / (1 - rho**2) / 50, rel=1e-12)


# regression


def test_errors_by_hand():
    first = 0.5 * 3 / (12 - 3 - 1)
    close(regression.error_replaced(12, 3, 2, noise=0.5), [0, first, 2 * first])
    same = regression.error_accumulated(12, 3, 3, fresh=False, noise=0.5)
    close(same, first * np.array([0, 1, 1.25, 1.25 + 1 / 9]))
    fresh = regression.error_accumulated(12, 3, 2, fresh=True, noise=0.5)
    close(fresh, [0, 1.5 / 8, 1.5 / 8 + 1.5 / (2 * 20)])
    grown = regression.error_grown(12, 3, 3, noise=0.5)
    close(grown, [0, 1.5 / 8, 1.5 / 8 + 1.5 / 20, 1.5 / 8 + 1.5 / 20 + 1.5 / 32])


@pytest.mark.parametrize(("samples", "dimension"), [(20, 10), (40, 10), (400, 10), (12, 10)])
def test_limits_of_accumulated_errors(samples, dimension):
    first = regression.error_replaced(samples, dimension, 1)[-1]
    with mpmath.workdps(25):
        t, e = mpmath.mpf(samples), dimension + 1
        total = mpmath.nsum(lambda i: (t - e) / (i * (i * t - e)), [1, mpmath.inf])
    fresh = regression.accumulated_error_limit(samples, dimension, fresh=True)
    assert fresh / first == pytest.approx(float(total), rel=1e-9)
    same = regression.accumulated_error_limit(samples, dimension, fresh=False)
    assert same / first == pytest.approx(np.pi**2 / 6)
    assert first < fresh < same
    long = regression.error_accumulated(samples, dimension, 10**5, fresh=True)[-1]
    assert long == pytest.approx(fresh, rel=2e-5)


def test_with_many_samples_fresh_inputs_change_nothing():
    ratio = [regression.accumulated_error_limit(10**6, 3, fresh=fresh) for fresh in (True, False)]
    assert ratio[0] == pytest.approx(ratio[1], rel=1e-5)


def naive(rng, workflow, fresh):
    """Return the squared errors of one run by numpy's least squares."""
    weights, rows, targets, found = np.zeros(2), [], [], [0.0]
    inputs = rng.normal(size=(7, 2))
    for n in range(3):
        if workflow == "grow":
            inputs = rng.normal(size=(7 * (n + 1), 2))
        elif fresh and n:
            inputs = rng.normal(size=(7, 2))
        if workflow != "accumulate":
            rows, targets = [], []
        rows.extend(inputs)
        targets.extend(inputs @ weights + np.sqrt(0.5) * rng.normal(size=len(inputs)))
        weights = np.linalg.lstsq(np.array(rows), np.array(targets))[0]
        found.append(weights @ weights)
    return found


@pytest.mark.parametrize(
    ("workflow", "fresh"),
    [*product(["replace", "accumulate"], [False, True]), ("grow", True)],
)
def test_simulated_regression_is_that_of_a_naive_twin(workflow, fresh):
    rng = seeded(32)
    twins = np.log(np.array([naive(rng, workflow, fresh)[1:] for _ in range(3000)]))
    small = {"samples": 7, "dimension": 2, "generations": 3, "noise": 0.5, "chains": 3000}
    ours = errors(seeded(33), workflow, fresh=fresh, **small)
    assert (ours[0] == 0).all()
    assert_agrees(np.log(ours[1:].T) - twins, 0)
    assert_refutes(np.log(errors(seeded(33), workflow, **small | {"noise": 0.9})[1:].T) - twins, 0)


def test_an_unknown_workflow():
    with pytest.raises(ValueError, match="workflow"):
        errors(seeded(1), "augment")


# bad input


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("sample_size", lambda: drift.diversity_kept(0, 3)),
        ("generations", lambda: mixing.diversity_accumulated(5, -1)),
        ("budget must be at most the pool, 5", lambda: mixing.diversity_subsampled(5, 3, budget=6)),
        ("budget", lambda: mixing.diversity_subsampled(5, 3, budget=0)),
        ("sample_size", lambda: mixing.diversity_limits(1)),
        ("coefficients", lambda: mixing.mixture_diversity(5, 3, (0.5, 0.5, 0.5))),
        ("coefficients", lambda: mixing.mixture_limit(5, (0.5, 0.5))),
        ("coefficients", lambda: mixing.mixture_limit(5, (-0.1, 1, 0.1))),
        ("replaced", lambda: mixing.diversity_partially_replaced(5, 3, 6)),
        ("replaced", lambda: mixing.effective_size(5, 0)),
        ("number", lambda: realdata.fresh_diversity([5, 4], 2, 5)),
        ("number", lambda: realdata.fresh_limit(5, -1)),
        ("number", lambda: realdata.fresh_survival_constant([5, 3], 2, 4)),
        ("weight must be on data", lambda: realdata.fresh_limit(5, 0, weight=0.5)),
        ("weight must be on data", lambda: realdata.fresh_limit(5, 5, weight=0.5)),
        ("weight", lambda: realdata.fresh_limit(5, 2, weight=1.5)),
        ("share", lambda: realdata.dirichlet_limit([0.5, 0.5], 5, 0)),
        ("share", lambda: realdata.fresh_spectrum(5, 1.5)),
        ("categories", lambda: realdata.fresh_chi_square(0, 5, 3, 0.1)),
        ("probabilities", lambda: realdata.dirichlet_limit([0.5, 0.6], 5, 0.1)),
        ("real", lambda: realdata.real_set_diversity(0, 5, 3)),
        ("synthetic", lambda: realdata.real_set_limit(5, 0)),
        ("used", lambda: realdata.real_set_limit(5, 5, used=6)),
        ("weight", lambda: realdata.weighted_variance(0, 1)),
        ("ratio", lambda: realdata.weighted_variance(0.5, 0)),
        ("ratio", lambda: realdata.golden_weight(-1)),
        ("synthetic", lambda: realdata.biased_moments(1, 0, 0.5, 3, ddof=1)),
        ("bias", lambda: realdata.biased_moments(5, 5, -0.5, 3, ddof=1)),
        ("ddof", lambda: realdata.biased_moments(5, 5, 0.5, 3, ddof=2)),
        ("ratio", lambda: realdata.biased_variance(-1, 0.5)),
        ("real", lambda: realdata.effective_real_size(0, 5)),
        ("bias", lambda: realdata.bias_threshold(1.2)),
        ("advantage", lambda: selection.selection_matrix(5, -1)),
        ("sample_size", lambda: selection.selection_matrix(5001, 0.1)),
        ("probability", lambda: selection.fixation_with_selection(2, 5, 0.1)),
        ("advantage", lambda: selection.kimura_fixation(0.5, 5, -2)),
        ("half_width", lambda: selection.verified_mean(0.1, 0)),
        ("shift", lambda: selection.verified_mean(np.inf, 1)),
        ("half_width", lambda: selection.verifier_contraction(-1)),
        ("offset", lambda: selection.verified_error(1.0, 5, 3, offset=np.nan)),
        ("samples", lambda: regression.error_replaced(4, 3, 5)),
        ("dimension", lambda: regression.error_grown(12, 0, 5)),
        ("generations", lambda: regression.error_accumulated(12, 3, -1, fresh=True)),
        ("noise", lambda: regression.accumulated_error_limit(12, 3, fresh=True, noise=-1)),
    ],
)
def test_bad_arguments(name, call):
    with pytest.raises(ValueError, match=name):
        call()
