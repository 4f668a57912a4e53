"""The exact laws of resampling, each against a computation of another kind."""

import inspect
from itertools import product

import mpmath
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats

from collapse.theory import categorical as theory

REALITY = np.array([0.1, 0.35, 0.55])
SIZES = [4, 6, 3]


def late(prediction):
    """A generation late."""
    return np.concatenate([prediction[:1], prediction[:-1]])


# one generation


@pytest.mark.parametrize("size", [10**12, 1e12])
def test_loss_of_tiny_probabilities_in_huge_samples(size):
    p = np.array([1e-12, 3.7e-13, 0.0])
    lost = theory.lost_in_one_generation(np.append(p, 1 - p.sum()), size)
    with mpmath.workdps(50):
        exact = [float((1 - mpmath.mpf(x)) ** int(size)) for x in p]
    np.testing.assert_allclose(lost[:3], exact, rtol=1e-12)
    assert lost[3] == 0
    naive = (1 - p) ** size
    assert abs(naive / exact - 1).max() > 1e-6  # 1 - p rounds


def test_the_rule_of_one_over_the_sample_size():
    size = 100
    p = np.full(size, 1 / size)
    lost = theory.lost_in_one_generation(p, size)
    assert size * p[0] == 1  # expected once, not less than once
    np.testing.assert_allclose(lost, 0.99**100)
    assert 0 < np.exp(-1) - lost[0] < 1 / size
    assert theory.expected_categories_lost(np.append(p, 0), size) == pytest.approx(100 * 0.99**100)


# moments


def test_covariance_is_that_of_its_parts():
    found, spread = theory.covariance(REALITY, SIZES, 3), theory.variance(REALITY, SIZES, 3)
    np.testing.assert_allclose(np.diagonal(found, axis1=1, axis2=2), spread, rtol=1e-12)
    np.testing.assert_allclose(found.sum(axis=2), 0, atol=1e-15)  # categories compete
    # the first two together are one category
    joint = theory.variance([0.45, 0.55], SIZES, 3)[:, 0]
    np.testing.assert_allclose(found[:, :2, :2].sum(axis=(1, 2)), joint, rtol=1e-12)
    np.testing.assert_allclose(spread[1], REALITY * (1 - REALITY) / SIZES[0], rtol=1e-12)


def test_moments_by_powers_of_the_matrix():
    size, generations, start = 7, 9, 3
    x, step = np.arange(size + 1) / size, theory.transition_matrix(size)
    law = [np.linalg.matrix_power(step, n)[start] for n in range(generations + 1)]
    p = np.array([x[start], 1 - x[start]])
    diversity = [row @ (2 * x * (1 - x)) for row in law]
    variance = [row @ (x - x[start]) ** 2 for row in law]
    predicted = theory.expected_gini_simpson(p, size, generations)
    np.testing.assert_allclose(predicted, diversity, rtol=1e-12)
    np.testing.assert_allclose(theory.variance(p, size, generations)[:, 0], variance, atol=1e-14)
    assert abs(late(predicted) - diversity).max() > 0.01


def test_moments_of_huge_samples():
    size = 10**12
    lost = theory.variance([0.5, 0.5], size, 3)[:, 0]
    with mpmath.workdps(50):
        exact = [float((1 - (1 - mpmath.mpf(1) / size) ** n) / 4) for n in range(4)]
    np.testing.assert_allclose(lost, exact, rtol=1e-12)
    np.testing.assert_array_equal(theory.expected_gini_simpson([0.5, 0.5], 1, 2), [0.5, 0, 0])


def test_a_growing_schedule_keeps_diversity():
    kept = theory.expected_gini_simpson(REALITY, lambda n: 20 * (n + 1) ** 2, 100_000)
    with mpmath.workdps(30):
        limit = mpmath.sin(mpmath.pi / mpmath.sqrt(20)) / (mpmath.pi / mpmath.sqrt(20))
    assert kept[-1] / kept[0] == pytest.approx(float(limit), rel=1e-6)
    assert (
        theory.expected_gini_simpson(REALITY, lambda n: 20 * (n + 1), 100_000)[-1] < 0.6 * kept[0]
    )


# the chain with two categories


def test_transition_matrix():
    size = 5
    step = theory.transition_matrix(size)
    for i, j in product(range(size + 1), repeat=2):
        x = mpmath.mpf(i) / size
        exact = mpmath.binomial(size, j) * x**j * (1 - x) ** (size - j)
        assert step[i, j] == pytest.approx(float(exact), abs=1e-15)
    np.testing.assert_allclose(step.sum(axis=1), 1)  # rows are the states left
    assert abs(step.sum(axis=0) - 1).max() > 0.1


@pytest.mark.parametrize("size", [1, 2, 9, 14])
def test_spectrum(size):
    found = np.sort(np.linalg.eigvals(theory.transition_matrix(size)).real)[::-1]
    np.testing.assert_allclose(theory.spectrum(size), found, atol=1e-9)
    if size > 2:
        wrong = np.cumprod(1 - np.arange(size + 1) / size)  # i <= j for i < j
        assert abs(wrong - found).max() > 0.05


def test_fixation_by_powers_of_the_matrix():
    size = 6
    limit = np.linalg.matrix_power(theory.transition_matrix(size), 2000)
    for k in range(size + 1):
        p = np.array([k, size - k]) / size
        np.testing.assert_allclose(theory.fixation_probability(p), limit[k, [-1, 0]], atol=1e-12)


# absorption


def fundamental_time(p, size):
    """Expected time to a point over all compositions of `size` into K counts."""
    counts = [c for c in product(range(size + 1), repeat=len(p)) if sum(c) == size]
    transient = np.array([c for c in counts if max(c) < size])
    step = [stats.multinomial.pmf(transient, size, c / size) for c in transient]
    time = np.linalg.solve(np.eye(len(transient)) - np.array(step), np.ones(len(transient)))
    return 1 + stats.multinomial.pmf(transient, size, p) @ time


def test_absorption_by_hand():
    assert theory.expected_absorption_time([0.5, 0.5], 2) == pytest.approx(2)  # geometric
    assert theory.expected_absorption_time(REALITY, 1) == 1
    assert theory.expected_absorption_time([1.0], 7) == 0
    assert theory.expected_absorption_time([0.0, 1.0], 7) == 0
    assert theory.diffusion_absorption_time([0.0, 1.0], 7) == 0


@pytest.mark.parametrize("p", [[0.2, 0.4, 0.4], [0.013, 0.387, 0.6], [0.5, 0.1, 0.1, 0.3]])
def test_absorption_by_the_fundamental_matrix(p):
    exact = fundamental_time(p, 5)
    assert theory.expected_absorption_time(p, 5) == pytest.approx(exact, rel=1e-11)
    assert abs(theory.expected_absorption_time(p, 6) - exact) > 1


def test_diffusion_limit_of_the_absorption_time():
    sizes = np.array([10, 100, 1000, 4000])
    exact = np.array([theory.expected_absorption_time(REALITY, m) for m in sizes])
    limit = np.array([theory.diffusion_absorption_time(REALITY, m) for m in sizes])
    # the difference grows by a constant for each factor of ten, so the ratio tends to one
    assert (abs(limit - exact) < 1 + np.log10(sizes)).all()
    wrong = -2 * sizes[-1] * (REALITY * np.log(REALITY)).sum()  # right for two categories only
    assert abs(wrong - exact[-1]) > 100 * abs(limit - exact)[-1]
    p, q = 0.1, 0.9
    classical = -200 * (p * np.log(p) + q * np.log(q))
    assert theory.diffusion_absorption_time([p, q], 100) == pytest.approx(classical)
    assert theory.expected_absorption_time(np.full(100, 0.01), 100) == pytest.approx(
        196.74, abs=0.01
    )


# survival


def test_survival_constant_is_the_iterated_map():
    constants = theory.survival_constant(50, 40)
    g = [mpmath.inf]
    for _ in range(40):
        g.append(1 - mpmath.exp(-g[-1]))
    np.testing.assert_allclose(constants, np.array(g, dtype=float), rtol=1e-13)


def test_survival_constant_falls_like_two_over_the_generation():
    n = np.array([10, 100, 1000, 10_000])
    constants = theory.survival_constant(50, n[-1])[n]
    error = abs(constants / (2 / (n + np.log(n) / 3 + 0.80)) - 1)
    assert (error < 0.04 / n).all()
    assert (abs(constants / (2 / (n + 1 + np.log(n) / 3 + 0.80)) - 1) > 20 * error).all()
    assert (abs(constants * n / 2 - 1) > 20 * error).all()


def test_exact_survival_by_powers_of_the_full_matrix():
    size, generations = 300, 40  # large enough that the rows are cut
    step, start = theory.transition_matrix(size), np.array([0, 1, 30, 269]) / size
    law = stats.binom.pmf(np.arange(size + 1), size, start[:, None])
    dead = []
    for _ in range(generations):
        dead.append(law[:, 0])
        law = law @ step
    survival = theory.exact_survival_probability(start, size, generations)
    np.testing.assert_allclose(survival[1:], 1 - np.array(dead), atol=1e-13)
    assert abs(late(survival)[2:] - (1 - np.array(dead))[1:]).max() > 1e-3


def test_exact_survival_of_tiny_probabilities():
    p, size = 1e-14, 200
    survival = theory.exact_survival_probability([p, 0.0, 1 - p], size, 2)
    # to first order in p there is one copy, with probability M p
    once = 1 - (1 - 1 / size) ** size
    np.testing.assert_allclose(survival[:, 0], [1, size * p, size * p * once], rtol=1e-11)
    np.testing.assert_array_equal(survival[:, 1:], [[0, 1], [0, 1], [0, 1]])


def test_poisson_survival_is_a_close_lower_bound():
    size, gap = 100, []
    for x in np.linspace(0.01, 0.99, 99):
        exact = theory.exact_survival_probability([x, 1 - x], size, size)
        gap.append((exact - theory.survival_probability([x, 1 - x], size, size))[1:, 0])
    assert np.min(gap) > -1e-12
    largest = np.max(gap, axis=0) * size / np.arange(1, size + 1)
    # as the docstring says
    assert largest.min() > 0.14
    assert largest.max() < 0.28
    p = [0.01, 0.04, 0.25, 0.7]
    growing = [3 + 2 * n for n in range(10)]
    exact = theory.exact_survival_probability(p, growing, 10)
    assert (exact - theory.survival_probability(p, growing, 10)).min() > -1e-12


def test_expected_vocabularies_are_sums():
    p = np.array([0.2, 0.2, 0.0, 0.6])
    for survival, vocabulary in [
        (theory.survival_probability, theory.expected_alive),
        (theory.exact_survival_probability, theory.exact_expected_alive),
    ]:
        for generations in (0, 1, 4):
            total = survival(p, 9, generations).sum(axis=1)
            np.testing.assert_allclose(vocabulary(p, 9, generations), total, rtol=1e-13)
            assert total[0] == 3


# arguments

GOOD = {"probabilities": REALITY, "sample_size": 5, "generations": 2}
FUNCTIONS = {
    function: [name for name in inspect.signature(function).parameters if name in GOOD]
    for _, function in inspect.getmembers(theory, inspect.isfunction)
    if function.__module__ == theory.__name__
    and function not in (theory.binomial_rows, theory._lost)
}
BAD = {
    "probabilities": [[np.nan, 1], [-0.5, 1.5], [0.5, 0.6], [], 1.0, [[0.5, 0.5]], ["a"], None],
    "sample_size": [0, -3, 2.5, np.nan, np.inf, True, "5", None, [[5, 5]], lambda n: n - 1],
    "generations": [-1, 2.0, np.nan, None],
}


@pytest.mark.parametrize(("function", "names"), FUNCTIONS.items())
def test_bad_arguments(function, names):
    good = {name: GOOD[name] for name in names}
    assert np.isfinite(
        function(**good)[1:] if np.ndim(function(**good)) else function(**good)
    ).all()
    for name in names:
        for bad in BAD[name]:
            with pytest.raises(ValueError, match=rf"^{name} must"):
                function(**good | {name: bad})
    if "generations" in names:
        with pytest.raises(ValueError, match=r"^sample_size must"):
            function(**good | {"sample_size": [5]})  # two fits need two sample sizes


def test_too_large_for_a_matrix():
    with pytest.raises(ValueError, match="starts must be at most 1"):
        theory.binomial_rows([0.5, 1.5], 7)
    with pytest.raises(ValueError, match="size must be an integer of at least 1"):
        theory.binomial_rows([0.5], 0)
    with pytest.raises(ValueError, match="sample_size must be at most 5000"):
        theory.transition_matrix(5001)
    with pytest.raises(ValueError, match="sample_size must be at most 20000"):
        theory.expected_absorption_time(REALITY, 20_001)
    with pytest.raises(ValueError, match="sample_size must be at most 20000"):
        theory.exact_survival_probability(REALITY, [5, 20_001], 2)
    with pytest.raises(ValueError, match="sample_size must be one number"):
        theory.expected_absorption_time(REALITY, SIZES)


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=6).filter(lambda w: sum(w) > 1e-3),
    st.lists(st.integers(1, 40), min_size=1, max_size=5),
)
@example([1.0, 3e-308], [4])
def test_any_reality_and_schedule(weights, sizes):
    p, generations = np.array(weights) / sum(weights), len(sizes)
    for survival in (theory.survival_probability, theory.exact_survival_probability):
        alive = survival(p, sizes, generations)
        assert alive.shape == (generations + 1, len(p))
        assert alive.min() >= 0
        assert alive.max() <= 1
        assert (np.diff(alive, axis=0) <= 1e-12).all()
        np.testing.assert_array_equal(alive, survival(p, lambda n: sizes[n], generations))
    # diversity inside chains and variance between them add up to reality's
    between = theory.variance(p, sizes, generations).sum(axis=1)
    total = theory.expected_gini_simpson(p, sizes, generations) + between
    np.testing.assert_allclose(total, 1 - p @ p, atol=1e-12)
    assert theory.expected_absorption_time(p, sizes[0]) <= 2 * sizes[0]
