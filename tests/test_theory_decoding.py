"""Closed forms of decoding against plain loops; against simulation in the registry."""

from functools import partial

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collapse.theory import categorical, functional
from collapse.theory import decoding as theory

P = np.array([0.2, 0.0, 0.4, 0.1, 0.3])
weights = st.lists(st.integers(1, 1000), min_size=1, max_size=30)


def tempered(temperature, laws):
    """Raise laws to the power 1/T."""
    powers = laws ** (1 / temperature)
    return powers / powers.sum(axis=-1, keepdims=True)


def greedy(laws):
    """Put everything on the most probable, the first of two equals."""
    return np.eye(laws.shape[-1])[laws.argmax(axis=-1)]


def plain_nucleus(law, mass):
    """Take from the most probable down until the mass is reached."""
    kept, total = np.zeros_like(law), 0.0
    for i in sorted(range(len(law)), key=lambda i: (-law[i], i)):
        if total >= mass * (1 - 1e-12):
            break
        kept[i], total = law[i], total + law[i]
    return kept / kept.sum()


def test_generations_to_point():
    laws = functional.tempered_probabilities(P, 40, temperature=0.8)
    for remainder in (0.9, 0.6, 0.5, 0.1, 1e-3, 1e-12, 1e-300):
        n = theory.generations_to_point(P, temperature=0.8, remainder=remainder)
        rest = np.delete(laws, 2, axis=1).sum(axis=1)
        assert rest[n] <= remainder
        assert n == 0 or rest[n - 1] > remainder
    assert theory.generations_to_point([1.0], temperature=0.5, remainder=0.1) == 0
    assert theory.generations_to_point([0.0, 1.0], temperature=0.5, remainder=0.1) == 0


def test_the_odds_fall_doubly_exponentially():
    # each further generation multiplies the exponent by 1/T: ln ln grows by ln 1/T a generation
    steps = [
        theory.generations_to_point(P, temperature=0.9, remainder=np.exp(-(10.0**e)))
        for e in (0.7, 1.7, 2.7)
    ]
    assert np.allclose(np.diff(steps), np.log(10) / -np.log(0.9), atol=1)


def test_top_k_acts_once():
    laws = theory.top_k_probabilities(P, 3, k=2)
    np.testing.assert_allclose(laws[0], P)
    np.testing.assert_allclose(laws[1:], np.tile([0, 0, 4 / 7, 0, 3 / 7], (3, 1)))
    np.testing.assert_allclose(theory.top_k_probabilities([0.5, 0.5], 1, k=1)[1], [1, 0])
    np.testing.assert_allclose(theory.top_k_probabilities(P, 1, k=99)[1], P)
    assert theory.top_k_probabilities(P, 0, k=1).shape == (1, 5)


@given(weights, st.floats(0.05, 1.0), st.integers(0, 8))
def test_nucleus_is_the_plain_one(numbers, mass, generations):
    law = np.array(numbers) / sum(numbers)
    laws = theory.nucleus_probabilities(law, generations, mass=mass)
    kept = theory.nucleus_support(law, generations, mass=mass)
    for n in range(generations):
        np.testing.assert_allclose(laws[n + 1], plain_nucleus(laws[n], mass), rtol=1e-9)
    np.testing.assert_array_equal(kept, np.count_nonzero(laws, axis=1))


@given(weights, st.floats(0.05, 0.99))
def test_a_stable_nucleus_is_small(numbers, mass):
    law = np.array(numbers) / sum(numbers)
    kept = theory.nucleus_support(law, len(law) + 1, mass=mass)
    assert kept[-1] == kept[-2]
    assert kept[-1] <= theory.nucleus_limit(mass)
    # what is kept of reality falls no faster than the mass to the power n
    held = np.cumsum(np.sort(law)[::-1])[kept - 1]
    assert (held >= mass ** np.arange(len(held)) * (1 - 1e-9)).all()
    # the least word of the stable nucleus holds more than 1 - mass of it
    last = theory.nucleus_probabilities(law, len(law) + 1, mass=mass)[-1]
    assert last[last > 0].min() > (1 - mass) * (1 - 1e-9)


@pytest.mark.parametrize(("mass", "limit"), [(0.9, 9), (0.95, 19), (0.5, 1), (0.3, 1), (0.51, 2)])
def test_nucleus_limit(mass, limit):
    assert theory.nucleus_limit(mass) == limit
    equal = np.full(limit, 1 / limit)
    assert theory.nucleus_support(equal, 3, mass=mass)[-1] == limit
    more = np.full(limit + 1, 1 / (limit + 1))
    assert theory.nucleus_support(more, 3, mass=mass)[1] == limit


def test_nucleus_of_everything_keeps_everything():
    np.testing.assert_array_equal(theory.nucleus_support(P, 3, mass=1.0), [4, 4, 4, 4])


def test_transition_matrix():
    step = categorical.transition_matrix(7, partial(tempered, 0.5))
    np.testing.assert_allclose(step.sum(axis=1), 1)
    neutral = categorical.transition_matrix(7, lambda laws: laws)
    np.testing.assert_allclose(neutral, categorical.transition_matrix(7))
    assert step[5, 7] > neutral[5, 7]
    assert categorical.transition_matrix(1, greedy).tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize("size", [1, 2, 5, 30])
def test_ancestral_sampling_is_a_martingale(size):
    for share in (0.0, 0.2, 0.7, 1.0):
        found = theory.ending_probability(share, size, lambda laws: laws)
        assert found == pytest.approx(share, abs=1e-12)
        time = theory.ending_time(share, size, lambda laws: laws)
        law = [share, 1 - share]
        assert time == pytest.approx(categorical.expected_absorption_time(law, size), abs=1e-9)


def test_greedy_decoding_ends_at_once():
    # whoever leads in the first sample wins, two generations from reality
    size, share = 9, 0.35
    k = np.arange(size + 1)
    leads = float(
        sum(
            mpmath.binomial(size, int(i))
            * mpmath.mpf(share) ** int(i)
            * mpmath.mpf(1 - share) ** int(size - i)
            for i in k
            if 2 * i > size
        )
    )
    assert theory.ending_probability(share, size, greedy) == pytest.approx(leads, rel=1e-12)
    mixed = 1 - share**size - (1 - share) ** size
    assert theory.ending_time(share, size, greedy) == pytest.approx(1 + mixed, rel=1e-12)


def test_what_flattens_lasts_exponentially_long():
    time = [theory.ending_time(0.5, size, partial(tempered, 2.0)) for size in (10, 20, 30)]
    growth = np.diff(np.log(time))
    assert np.all(growth > 4)
    assert abs(growth[1] / growth[0] - 1) < 0.1


@pytest.mark.parametrize("strength", [-3.0, 0.0, 1.0, 10.0])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.8, 1.0])
def test_diffusion_is_the_integral_and_the_limit(strength, share):
    size = 1000
    temperature = 1 / (1 + strength / (2 * size))

    def scale(y):
        y = mpmath.mpf(y)
        entropy = -(y * mpmath.log(y) + (1 - y) * mpmath.log(1 - y)) if 0 < y < 1 else 0
        return mpmath.exp(2 * size * (1 / mpmath.mpf(temperature) - 1) * entropy)

    exact = mpmath.quad(scale, [0, share]) / mpmath.quad(scale, [0, 0.5, 1])
    found = theory.diffusion_ending_probability(share, size, temperature=temperature)
    assert found == pytest.approx(float(exact), abs=1e-8)
    matrix = theory.ending_probability(share, size, partial(tempered, temperature))
    assert found == pytest.approx(matrix, abs=4 / size)
    if strength and share == 0.1:
        assert abs(found - share) > 10 / size  # the control: temperature makes a difference


def test_diffusion_far_from_neutral():
    assert theory.diffusion_ending_probability(0.3, 10**7, temperature=0.5) < 1e-100
    assert theory.diffusion_ending_probability(0.7, 10**7, temperature=0.5) == 1
    found = theory.diffusion_ending_probability(0.3, 10**6, temperature=2.0)
    assert found == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: theory.generations_to_point([[0.5, 0.5]], temperature=0.5, remainder=0.1), "prob"),
        (
            lambda: theory.generations_to_point([0.5, 0.5], temperature=0.5, remainder=0.1),
            "largest",
        ),
        (lambda: theory.generations_to_point(P, temperature=1.0, remainder=0.1), "temperature"),
        (lambda: theory.generations_to_point(P, temperature=0.0, remainder=0.1), "temperature"),
        (lambda: theory.generations_to_point(P, temperature=0.5, remainder=0.0), "remainder"),
        (lambda: theory.generations_to_point(P, temperature=0.5, remainder=2.0), "remainder"),
        (lambda: theory.top_k_probabilities(P, 3, k=0), "k must"),
        (lambda: theory.top_k_probabilities([0.5, 0.6], 3, k=1), "probabilities"),
        (lambda: theory.nucleus_support(P, 3, mass=0.0), "mass"),
        (lambda: theory.nucleus_support(P, 3, mass=1.1), "mass"),
        (lambda: theory.nucleus_support(P, -1, mass=0.5), "generations"),
        (lambda: theory.nucleus_limit(1.0), "mass"),
        (lambda: categorical.transition_matrix(0, greedy), "sample_size"),
        (lambda: categorical.transition_matrix(10**6, greedy), "sample_size"),
        (lambda: categorical.transition_matrix(5, "greedy"), "decode"),
        (lambda: categorical.transition_matrix(5, lambda laws: 2 * laws), "decode"),
        (lambda: theory.ending_probability(1.5, 5, greedy), "share"),
        (lambda: theory.diffusion_ending_probability(0.5, 5, temperature=-1.0), "temperature"),
        (lambda: theory.diffusion_ending_probability(0.5, 0, temperature=1.0), "sample_size"),
    ],
)
def test_bad_input(call, name):
    with pytest.raises(ValueError, match=name):
        call()
