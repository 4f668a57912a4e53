"""Metrics against brute force: integration, assignment, the other library's formula."""

import numpy as np
import pytest
from harness import assert_agrees, assert_refutes
from scipy import integrate, linalg, optimize, stats

from collapse.measure import distances
from collapse.models.adapters import ScipyLaw
from collapse.models.categorical import Categorical, FitCategorical, zipf
from collapse.models.gaussian import Gaussian
from collapse.models.histogram import Histogram
from collapse.models.kde import KernelDensity
from collapse.models.mixture import GaussianMixture
from collapse.models.multivariate_gaussian import FitMultivariateGaussian, MultivariateGaussian
from collapse.recursion import recurse
from collapse.seeds import seeded
from collapse.theory import functional as theory

FIRST, SECOND = Gaussian(0.5, 2.0), Gaussian(-1.0, 0.7)
NORMAL = Gaussian(-1.0, 2.0)
# a batch of three Gaussians, a pair in three dimensions, and two categorical laws
BATCH = Gaussian([0.0, 1.0, -2.0], [1.0, 0.0, 4.0])
MODES = KernelDensity([-1.0, 1.0], 0.5)
EDGES = np.linspace(-4, 4, 9)
LAWS = {
    "normal": NORMAL,
    "modes": MODES,
    "mixture": GaussianMixture([0.3, 0.7], [-1.0, 1.0], [0.5, 0.25]),
    "points": KernelDensity([0.0, 3.0, 1.0], 0.0),
    "histogram": Histogram([0.1, 0.0, 0.4, 0.3, 0.2, 0.0, 0.0, 0.0], EDGES),
    "exponential": ScipyLaw(stats.expon()),
}
each_law = pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
P, Q = np.array([0.5, 0.3, 0.2, 0.0]), np.array([0.1, 0.2, 0.3, 0.4])


def random_gaussian(rng, d, batch=()):
    root = rng.standard_normal((*batch, d, d))
    return MultivariateGaussian(rng.standard_normal((*batch, d)), root @ root.mT)


def deep(mean, log_variance):
    """Return a Gaussian whose variance has underflowed."""
    return Gaussian._of(np.array(mean), np.array(1.0), np.array(log_variance))


# --- squared W2 ------------------------------------------------------------------------------


def test_w2_of_gaussians_is_the_integral_over_quantiles():
    def squared(q, first, second):
        ends = (m.mean + m.std * stats.norm.ppf(q) for m in (first, second))
        return (next(ends) - next(ends)) ** 2

    for first, second in [(FIRST, SECOND), (FIRST, FIRST), (FIRST, Gaussian(1, 0))]:
        exact, _ = integrate.quad(squared, 0, 1, (first, second), epsabs=1e-10, limit=200)
        assert distances.squared_w2(first, second) == pytest.approx(exact, rel=1e-7, abs=1e-12)
        assert distances.squared_w2(second, first) == distances.squared_w2(first, second)
    # the control: variances in place of standard deviations
    wrong = (FIRST.mean - SECOND.mean) ** 2 + (FIRST.variance - SECOND.variance) ** 2
    assert abs(wrong - distances.squared_w2(FIRST, SECOND)) > 0.1


def test_w2_is_bures_distance():
    rng = seeded(1)
    for d in (1, 2, 5):
        a, b = random_gaussian(rng, d), random_gaussian(rng, d)
        root = linalg.sqrtm(a.covariance)
        cross = linalg.sqrtm(root @ b.covariance @ root).real
        exact = ((a.mean - b.mean) ** 2).sum() + np.trace(a.covariance + b.covariance - 2 * cross)
        assert distances.squared_w2(a, b) == pytest.approx(exact, rel=1e-8)
    # the control: the formula for commuting covariances, for two that are not
    a, b = (MultivariateGaussian([0, 0], c) for c in ([[9, 0], [0, 1]], [[5, 4], [4, 5]]))
    apart = linalg.sqrtm(a.covariance) - linalg.sqrtm(b.covariance)
    assert np.trace(apart @ apart) > 1.1 * distances.squared_w2(a, b)


def test_w2_in_one_dimension_is_the_same_for_both_classes():
    wide = [MultivariateGaussian([m.mean], [[m.variance]]) for m in (FIRST, SECOND)]
    assert distances.squared_w2(*wide) == pytest.approx(
        distances.squared_w2(FIRST, SECOND), rel=1e-12
    )


def test_w2_of_degenerate_gaussians():
    point, flat = MultivariateGaussian([1, 2], np.zeros((2, 2))), np.diag([4.0, 0.0])
    line = MultivariateGaussian([0, 0], flat)
    assert distances.squared_w2(point, line) == pytest.approx(5 + 4)
    assert distances.squared_w2(point, point) == distances.squared_w2(line, line) == 0
    fitted = FitMultivariateGaussian(ddof=1)(seeded(2).standard_normal((6, 2, 4)))  # rank one
    normal = MultivariateGaussian(np.zeros(4), np.eye(4))
    length = np.sqrt(distances.total_variance(fitted))
    exact = (fitted.mean**2).sum(-1) + length**2 + 4 - 2 * length
    np.testing.assert_allclose(distances.squared_w2(fitted, normal), exact, rtol=1e-10)
    assert distances.squared_w2(deep(0, -5000.0), Gaussian(0, 1)) == 1


def test_w2_of_samples_is_the_optimal_assignment():
    rng = seeded(3)
    x, y = rng.standard_normal(30), 2 * rng.standard_exponential(30)
    cost = (x[:, None] - y) ** 2
    rows, columns = optimize.linear_sum_assignment(cost)
    assert distances.squared_w2_samples(x, y) == pytest.approx(
        cost[rows, columns].mean(), rel=1e-12
    )
    worst = ((np.sort(x) - np.sort(y)[::-1]) ** 2).mean()  # the control
    assert worst > 1.1 * distances.squared_w2_samples(x, y)


@pytest.mark.parametrize(("m", "n"), [(1, 1), (1, 9), (4, 6), (7, 5), (12, 4), (13, 13)])
def test_w2_of_samples_of_different_sizes(m, n):
    rng = seeded(4)
    x, y = rng.standard_normal(m), rng.standard_normal(n) + 1
    # repeating each value makes the sizes equal and leaves the laws as they were
    exact = ((np.sort(np.repeat(x, n)) - np.sort(np.repeat(y, m))) ** 2).mean()
    assert distances.squared_w2_samples(x, y) == pytest.approx(exact, rel=1e-12)
    assert distances.squared_w2_samples(y, x) == pytest.approx(exact, rel=1e-12)
    assert distances.squared_w2_samples(rng.permutation(x), y) == pytest.approx(exact, rel=1e-12)
    # W1, which scipy has, is smaller by Jensen's inequality
    assert exact >= stats.wasserstein_distance(x, y) ** 2 * (1 - 1e-12)
    assert distances.squared_w2_samples(x, x) == 0


def test_w2_of_coupled_samples_has_that_of_the_laws_for_its_mean():
    x = FIRST.broadcast(2000).sample(10, seeded(5))
    y = SECOND.mean + SECOND.std / FIRST.std * (x - FIRST.mean)  # the optimal map
    observed = distances.squared_w2_samples(x, seeded(5).permuted(y, axis=1))
    assert_agrees(observed, distances.squared_w2(FIRST, SECOND))
    assert_refutes(observed, distances.squared_w2(FIRST, Gaussian(-1, 1.0)))


def test_w2_of_batches_of_samples():
    rng = seeded(6)
    x, y = rng.standard_normal((2, 3, 5)), rng.standard_normal((3, 4))
    together = distances.squared_w2_samples(x, y)
    assert together.shape == (2, 3)
    for i, j in np.ndindex(2, 3):
        assert together[i, j] == pytest.approx(distances.squared_w2_samples(x[i, j], y[j]))


# --- Kullback-Leibler ------------------------------------------------------------------------


def test_kl_of_gaussians_is_the_integral():
    def integrand(x, first, second):
        x = np.array([x])
        log_p, log_q = first.logpdf(x)[0], second.logpdf(x)[0]
        return np.exp(log_p) * (log_p - log_q)

    for first, second in [(FIRST, SECOND), (SECOND, FIRST)]:
        exact, _ = integrate.quad(integrand, -25, 25, (first, second), epsabs=1e-11, limit=200)
        assert distances.kl(first, second) == pytest.approx(exact, rel=1e-9)
    assert abs(distances.kl(FIRST, SECOND) - distances.kl(SECOND, FIRST)) > 0.1  # the control


def test_kl_in_several_dimensions_is_the_mean_log_ratio():
    rng = seeded(7)
    a, b = random_gaussian(rng, 3), random_gaussian(rng, 3)
    x = a.sample(200_000, rng)
    ratio = a.logpdf(x) - b.logpdf(x)
    assert_agrees(ratio, distances.kl(a, b))
    assert_refutes(ratio, distances.kl(b, a))
    flat = [MultivariateGaussian([m.mean], [[m.variance]]) for m in (FIRST, SECOND)]
    assert distances.kl(*flat) == pytest.approx(distances.kl(FIRST, SECOND), rel=1e-12)


def test_kl_of_categorical_laws():
    p, q = Categorical(P), Categorical(Q)
    assert distances.kl(p, q) == pytest.approx(stats.entropy(P, Q), rel=1e-12)
    assert distances.kl(p, p) == 0
    assert distances.kl(q, p) == np.inf  # p lacks a category that q has
    fitted = FitCategorical(4)(np.array([[0, 1, 0, 2], [3, 3, 3, 3]]))
    np.testing.assert_allclose(distances.kl(fitted, q)[1], np.log(1 / 0.4), rtol=1e-12)
    np.testing.assert_array_equal(
        distances.kl(fitted, p), [stats.entropy([2, 1, 1], P[:3]), np.inf]
    )


def test_kl_of_points_and_of_what_has_underflowed():
    point = Gaussian(1, 0)
    assert distances.kl(point, FIRST) == distances.kl(FIRST, point) == np.inf
    assert distances.kl(point, Gaussian(2, 0)) == np.inf
    assert distances.kl(point, point) == 0
    assert distances.kl(deep(0.0, -5000.0), deep(0.0, -5000.0)) == 0
    assert distances.kl(deep(0.0, -5000.0), Gaussian(0, 1)) == pytest.approx(0.5 * (5000 - 1))
    assert distances.kl(deep(0.0, -5000.0), deep(0.0, -5001.0)) == pytest.approx(
        0.5 * (np.e - 2), rel=1e-9
    )
    assert distances.kl(Gaussian(0, 1), deep(0.0, -5000.0)) == np.inf
    # equal laws, and laws that are all but equal
    assert distances.kl(Gaussian(1e8, 1e-8), Gaussian(1e8, 1e-8)) == 0


def test_kl_without_full_rank_is_infinite():
    normal = MultivariateGaussian(np.zeros((2, 3)), np.eye(3))
    flat = MultivariateGaussian(np.zeros(3), np.diag([1.0, 1.0, 0.0]))
    fitted = FitMultivariateGaussian(ddof=1)(seeded(8).standard_normal((2, 3, 3)))  # rank two
    for a, b in [(normal, flat), (flat, normal), (normal, fitted), (fitted, normal)]:
        np.testing.assert_array_equal(distances.kl(a, b), [np.inf, np.inf])
    narrow = MultivariateGaussian(np.zeros(2), np.diag([1.0, 1e-300]))
    for law in (normal, flat, fitted, narrow):
        assert (distances.kl(law, law) == 0).all()


def test_kl_of_long_lineages_in_several_dimensions():
    lineage = recurse(
        MultivariateGaussian(np.zeros(2), np.eye(2)),
        FitMultivariateGaussian(ddof=1),
        sample_size=5,
        generations=3000,
        chains=3,
        rng=seeded(9),
        keep=(),
    )
    late = lineage.newest
    assert (late.log_determinant < -2000).all()
    assert (distances.kl(lineage[0], late) == np.inf).all()
    assert (distances.kl(late, lineage[0]) > 1000).all()
    np.testing.assert_allclose(distances.squared_w2(late, lineage[0]), 2 + (late.mean**2).sum(-1))


# --- any two laws on the line ----------------------------------------------------------------


@pytest.mark.parametrize("reality", [MODES, *map(ScipyLaw, (stats.laplace(), stats.expon()))])
def test_distances_to_a_gaussian_are_those_of_theory(reality):
    best = Gaussian(reality.mean, reality.variance)
    for ours, exact in (
        (distances.squared_w2(reality, best), theory.projection_w2(reality)),
        (distances.kl(reality, best), theory.projection_kl(reality)),
    ):
        assert ours == pytest.approx(exact, rel=1e-3)
        assert ours != pytest.approx(exact / 1.01, rel=1e-3)
    assert distances.squared_w2(best, reality) == distances.squared_w2(reality, best)


@each_law
def test_distances_of_shifted_and_identical_laws(law):
    assert distances.squared_w2(law, law) == 0
    if law not in {LAWS["points"]}:
        assert distances.kl(law, law) == 0
    # against a point the distance is the mean square
    square = law.variance + (law.mean - 0.3) ** 2
    assert distances.squared_w2(law, Gaussian(0.3, 0.0)) == pytest.approx(square, rel=1e-2)


def test_distance_of_points_is_that_of_their_samples():
    rng = seeded(71)
    x, y = rng.standard_normal((2, 50))
    exact = distances.squared_w2_samples(x, y)
    rough = distances.squared_w2(KernelDensity(x, 0.0), KernelDensity(y, 0.0))
    smooth = distances.squared_w2(KernelDensity(x, 0.01), KernelDensity(y, 0.01))
    assert rough == pytest.approx(exact, rel=0.02)
    assert smooth == pytest.approx(exact, rel=0.02)


def test_distance_of_one_law_in_two_forms():
    mixture = GaussianMixture([0.5, 0.5], [-1.0, 1.0], [0.25, 0.25])
    assert distances.squared_w2(mixture, MODES) < 1e-7
    assert distances.kl(mixture, MODES) == pytest.approx(0, abs=1e-7)
    same = GaussianMixture([0.5, 0.5], [-1.0, -1.0], [2.0, 2.0])
    assert distances.squared_w2(same, NORMAL) < 1e-9
    needle = GaussianMixture([1.0], [2.0], [1e-300])
    assert distances.squared_w2(needle, NORMAL) == pytest.approx(9 + 2)


def test_distances_follow_the_batch_and_the_closed_forms():
    many, one = Gaussian(np.arange(3.0), 2.0), MODES
    assert distances.squared_w2(many, one).shape == distances.kl(one, many).shape == (3,)
    np.testing.assert_array_equal(
        distances.squared_w2(many, NORMAL), distances.squared_w2(many, NORMAL)
    )
    np.testing.assert_array_equal(distances.kl(many, NORMAL), distances.kl(many, NORMAL))
    plane = MultivariateGaussian(np.zeros(2), np.eye(2))
    assert distances.squared_w2(plane, plane) == distances.squared_w2(plane, plane)
    for row, law in enumerate((Gaussian(0.0, 2.0), Gaussian(1.0, 2.0))):
        assert distances.squared_w2(many, one)[row] == pytest.approx(distances.squared_w2(law, one))


# --- variance, entropy, diversity ------------------------------------------------------------


def test_total_variance():
    covariance = np.array([[2.0, 0.5], [0.5, 1.0]])
    assert distances.total_variance(MultivariateGaussian([0, 0], covariance)) == pytest.approx(3)
    np.testing.assert_array_equal(distances.total_variance(BATCH), [1, 0, 4])


def test_entropy_is_that_of_scipy():
    exact = stats.norm(0.5, np.sqrt(2)).entropy()
    assert distances.entropy(FIRST) == pytest.approx(exact, rel=1e-12)
    model = random_gaussian(seeded(11), 3)
    exact = stats.multivariate_normal(model.mean, model.covariance).entropy()
    assert distances.entropy(model) == pytest.approx(exact, rel=1e-9)
    assert distances.entropy(Categorical(P)) == pytest.approx(stats.entropy(P), rel=1e-12)
    # the control: bits
    assert distances.entropy(Categorical(P)) != pytest.approx(stats.entropy(P, base=2), rel=1e-3)


def test_entropy_of_degenerate_models():
    assert np.isneginf(distances.entropy(BATCH)).tolist() == [False, True, False]
    assert distances.entropy(Categorical([0, 1, 0])) == 0
    flat = MultivariateGaussian(np.zeros(2), np.diag([1.0, 0.0]))
    assert distances.entropy(flat) == -np.inf
    fitted = FitMultivariateGaussian(ddof=1)(seeded(12).standard_normal((4, 2, 3)))
    assert np.isneginf(distances.entropy(fitted)).all() and distances.entropy(fitted).shape == (4,)


def test_gini_simpson_is_the_chance_that_two_draws_differ():
    model = Categorical(P)
    assert distances.gini_simpson(model) == pytest.approx(0.62, rel=1e-12)
    x = model.sample(200_000, seeded(13)).reshape(-1, 2)
    assert_agrees(x[:, 0] != x[:, 1], distances.gini_simpson(model))
    assert_refutes(x[:, 0] != x[:, 1], distances.gini_simpson(Categorical(Q)))
    assert distances.gini_simpson(Categorical([1.0])) == 0


def test_alive():
    fitted = FitCategorical(1000)(np.array([[7, 7, 9], [1, 2, 3], [0, 0, 0]]))
    assert distances.alive(fitted).tolist() == [2, 3, 1]
    assert distances.alive(Categorical(P)) == 3
    assert distances.alive(Categorical([1.0])) == 1
    dense = Categorical(fitted.probabilities)
    for function in (distances.alive, distances.gini_simpson, distances.entropy):
        np.testing.assert_allclose(function(fitted), function(dense), rtol=1e-12)


# --- tails -----------------------------------------------------------------------------------


@pytest.mark.parametrize("level", [1e-6, 0.05, 0.5, 1])
def test_the_truth_has_its_own_tails(level):
    assert distances.tail_mass(FIRST, FIRST, level) == pytest.approx(level, rel=1e-9)
    ends = stats.norm(0.5, np.sqrt(2)).ppf([level / 2, 1 - level / 2])
    other = stats.norm(SECOND.mean, SECOND.std)
    exact = other.cdf(ends[0]) + other.sf(ends[1])
    assert distances.tail_mass(SECOND, FIRST, level) == pytest.approx(exact, rel=1e-6)


def test_tail_mass_of_points():
    np.testing.assert_array_equal(distances.tail_mass(Gaussian([0.5, 9, -9], 0), FIRST), [0, 1, 1])
    assert distances.tail_mass(deep(0.5, -5000.0), FIRST) == 0
    assert distances.tail_mass(FIRST, FIRST, 0) == 0


@pytest.mark.parametrize(
    ("level", "rare"), [(0, []), (0.05, [3]), (0.15, [3, 4]), (0.16, [3, 4]), (0.35, [2, 3, 4])]
)
def test_tail_mass_of_categorical_laws(level, rare):
    truth = np.array([0.4, 0.25, 0.2, 0.05, 0.1])
    model = np.array([0.1, 0.1, 0.1, 0.3, 0.4])
    found = distances.tail_mass(Categorical(model), Categorical(truth), level)
    assert found == pytest.approx(model[rare].sum(), abs=1e-12)
    own = distances.tail_mass(Categorical(truth), Categorical(truth), level)
    assert own == pytest.approx(truth[rare].sum(), abs=1e-12)
    assert own <= level * (1 + 1e-9)


def test_tail_mass_after_categories_have_died():
    truth = Categorical(np.r_[np.full(900, 0.05 / 900), np.full(100, 0.95 / 100)])
    fitted = FitCategorical(1000)(truth.broadcast(50).sample(40, seeded(15)))
    assert fitted.columns.shape[-1] < 1000
    dense = Categorical(fitted.probabilities)
    np.testing.assert_allclose(
        distances.tail_mass(fitted, truth), distances.tail_mass(dense, truth), atol=1e-12
    )
    np.testing.assert_allclose(
        distances.tail_mass(fitted, truth), fitted.probabilities[:, :900].sum(-1), atol=1e-12
    )


# --- laws of which little is known --------------------------------------------------------------


class Stranger:
    """A law of one's own, of which is known what is named, and how to draw."""

    def __init__(self, law, *known):
        self.sample = law.sample
        for name in known:
            setattr(self, name, getattr(law, name))


def test_what_is_known_is_used_and_nothing_estimated():
    law = ScipyLaw(stats.norm(0.5, np.sqrt(2)))
    assert distances.total_variance(Stranger(FIRST, "variance")) == 2
    plane = random_gaussian(seeded(18), 2, (3,))
    np.testing.assert_allclose(
        distances.total_variance(Stranger(plane, "covariance")), distances.total_variance(plane)
    )
    for first, second in [(law, SECOND), (SECOND, law), (Stranger(SECOND, "quantiles"), FIRST)]:
        exact = distances.squared_w2(FIRST, SECOND)
        assert distances.squared_w2(first, second) == pytest.approx(exact, rel=1e-6)
    known = Stranger(FIRST, "quantiles", "logpdf", "cdf")
    assert distances.kl(known, SECOND) == pytest.approx(distances.kl(FIRST, SECOND), rel=1e-6)
    assert distances.tail_mass(known, law) == pytest.approx(0.05)
    assert distances.tail_mass(SECOND, known) == distances.tail_mass(SECOND, FIRST)


def test_a_law_that_can_only_be_drawn_from_is_estimated_and_said_to_be():
    many = Gaussian([0.5, -1.0, 4.0], [2.0, 0.7, 1.0])
    only = Stranger(many)

    def estimated(function, *arguments):
        with pytest.warns(UserWarning, match=f"of Stranger is estimated from {distances.DRAWS}"):
            return function(*arguments)

    root = 5 / np.sqrt(distances.DRAWS)
    spread = estimated(distances.total_variance, only) / many.variance
    np.testing.assert_allclose(spread, 1, atol=root * np.sqrt(2))
    plane = random_gaussian(seeded(19), 2, (3,))
    spread = estimated(distances.total_variance, Stranger(plane)) / distances.total_variance(plane)
    np.testing.assert_allclose(spread, 1, atol=root * np.sqrt(2))
    # the logarithm of the density varies by a half, and by one in the plane
    for law, deviation in ((many, np.sqrt(0.5)), (plane, 1.0)):
        found = estimated(distances.entropy, Stranger(law, "logpdf"))
        np.testing.assert_allclose(found, distances.entropy(law), atol=root * deviation)
    own = estimated(distances.squared_w2, only, many)  # of the order of the variance over the draws
    assert own.shape == (3,) and (own < 20 * many.variance / distances.DRAWS).all()
    found = estimated(distances.squared_w2, only, FIRST)
    apart = np.sqrt(found) - np.sqrt(distances.squared_w2(many, FIRST))
    assert (np.abs(apart) < np.sqrt(own) + 1e-6).all()  # the triangle inequality
    share = distances.tail_mass(many, FIRST, 0.3)
    error = np.sqrt(share * (1 - share))
    assert (np.abs(estimated(distances.tail_mass, only, FIRST, 0.3) - share) < root * error).all()
    near = MultivariateGaussian(plane.mean + 0.1, 1.1 * plane.covariance)
    x = plane.sample(10_000, seeded(20))
    deviation = (plane.logpdf(x) - near.logpdf(x)).std(axis=-1)
    found = estimated(distances.kl, Stranger(plane, "logpdf"), near)
    assert (np.abs(found - distances.kl(plane, near)) < root * deviation).all()
    with pytest.raises(ValueError, match="no definition for Stranger"):
        distances.kl(only, FIRST)  # without a density
    with pytest.raises(ValueError, match="no definition for Stranger"):
        distances.total_variance(Stranger(Categorical(P)))  # numbers of words are names


# --- shapes and refusals ---------------------------------------------------------------------


def laws(batch, rng):
    p = rng.dirichlet(np.ones(4), size=batch)
    yield Gaussian(rng.standard_normal(batch), rng.random(batch))
    yield random_gaussian(rng, 2, batch)
    yield Categorical(p)


@pytest.mark.parametrize("batch", [(), (5,), (2, 3)])
def test_values_have_the_shape_of_the_batch(batch):
    rng = seeded(16)
    one, many = list(laws((), rng)), list(laws(batch, rng))
    for a, b in zip(many, one, strict=True):
        assert distances.entropy(a).shape == batch
        assert (
            distances.kl(a, b).shape
            == distances.kl(b, a).shape
            == distances.kl(a, a).shape
            == batch
        )
    for a, b in zip(many[:2], one[:2], strict=True):
        assert distances.total_variance(a).shape == batch
        assert distances.squared_w2(a, b).shape == distances.squared_w2(b, a).shape == batch
    for a, b in [(many[0], one[0]), (many[2], one[2])]:
        assert distances.tail_mass(a, b).shape == batch
    assert np.shape(distances.alive(many[2])) == np.shape(distances.gini_simpson(many[2])) == batch
    # one law at a time gives the same numbers
    for index in np.ndindex(batch):
        single = MultivariateGaussian(many[1].mean[index], many[1].covariance[index])
        for metric in (distances.kl, distances.squared_w2):
            assert metric(many[1], one[1])[index] == pytest.approx(metric(single, one[1]))


def test_unknown_pairs_are_refused():
    one, several, some = laws((), seeded(17))
    law, plane = ScipyLaw(stats.norm()), MultivariateGaussian(np.zeros(3), np.eye(3))
    for a, b in [(one, several), (one, some), (several, some), (several, law), (one, 3.0)]:
        for metric in (distances.squared_w2, distances.kl, distances.tail_mass):
            for pair in ((a, b), (b, a)):
                with pytest.raises(ValueError, match="no definition for"):
                    metric(*pair)
    for call in (
        lambda: distances.squared_w2(some, some),
        lambda: distances.tail_mass(several, several),
        lambda: distances.total_variance(some),
        lambda: distances.entropy(3.0),
        lambda: distances.gini_simpson(one),
        lambda: distances.alive(several),
    ):
        with pytest.raises(ValueError, match="no definition for"):
            call()
    for metric in (distances.squared_w2, distances.kl):
        with pytest.raises(ValueError, match="one space"):
            metric(several, plane)
    for metric in (distances.kl, distances.tail_mass):
        with pytest.raises(ValueError, match="one space"):
            metric(some, Categorical([0.5, 0.5]))
    with pytest.raises(ValueError, match="batches"):
        distances.kl(Gaussian([0, 1], 1), BATCH)
    with pytest.raises(ValueError, match="truth"):
        distances.tail_mass(FIRST, BATCH)


@pytest.mark.parametrize(
    ("order", "value"),
    [(0, 3), (1, 2 * np.sqrt(2)), (2, 8 / 3), (0.5, (0.5**0.5 + 1) ** 2), (50, 2)],
)
def test_effective_numbers(order, value):
    law = Categorical([[0.5, 0.25, 0.25, 0.0], [0.25] * 4])
    found = distances.effective_number(law, order)
    assert found == pytest.approx([value, 4], rel=0.02 if order == 50 else 1e-12)
    if order == 2:
        np.testing.assert_allclose(found, 1 / (1 - distances.gini_simpson(law)))
    with pytest.raises(ValueError, match="order"):
        distances.effective_number(law, -1)


def test_zipf():
    np.testing.assert_allclose(zipf(3).probabilities, np.array([6, 3, 2]) / 11)
    np.testing.assert_allclose(zipf(2, 0).probabilities, 0.5)
