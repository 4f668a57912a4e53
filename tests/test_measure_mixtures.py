"""Metrics of mixtures against integration, assignment and counting."""

import numpy as np
import pytest
from scipy import integrate, stats

from collapse.measure import mixtures
from collapse.measure.distances import kl, squared_w2, squared_w2_samples, total_variance
from collapse.models.gaussian import Gaussian
from collapse.models.mixture import GaussianMixture
from collapse.models.multivariate_gaussian import MultivariateGaussian
from collapse.seeds import seeded

FIRST = GaussianMixture([0.3, 0.7], [-2.0, 1.0], [1.0, 0.25])
SECOND = GaussianMixture([0.5, 0.5], [-2.0, 2.0], [1.0, 1.0])
PLANE = GaussianMixture(
    [0.3, 0.7], [[-2.0, 0.0], [1.0, 0.0]], covariances=[np.eye(2), [[0.25, 0.1], [0.1, 0.5]]]
)
OTHER = GaussianMixture([0.5, 0.5], [[-2.0, 0.0], [2.0, 0.0]], covariances=[np.eye(2)] * 2)


def one(mean, variance):
    """Return a Gaussian as a mixture of one component."""
    return GaussianMixture([1.0], [mean], [variance])


def batch(*mixtures):
    """Return mixtures on the line as a batch."""
    names = ("weights", "means", "variances")
    return GaussianMixture(*(np.stack([getattr(m, n) for m in mixtures]) for n in names))


def lifted(mixture):
    """Return a mixture on the line as one in one dimension."""
    return GaussianMixture(
        mixture.weights, mixture.means[..., None], covariances=mixture.variances[..., None, None]
    )


# --- squared L2 ------------------------------------------------------------------------------


def test_l2_is_the_integral():
    def square(x):
        return np.diff([np.exp(law.logpdf(np.array([x])))[0] for law in (FIRST, SECOND)])[0] ** 2

    exact, _ = integrate.quad(square, -12, 12, limit=200, epsabs=1e-12)
    assert mixtures.squared_l2(FIRST, SECOND) == pytest.approx(exact, rel=1e-8)
    assert mixtures.squared_l2(SECOND, FIRST) == pytest.approx(exact, rel=1e-8)
    assert mixtures.squared_l2(lifted(FIRST), lifted(SECOND)) == pytest.approx(exact, rel=1e-8)


def test_l2_is_the_integral_in_the_plane():
    axis, step = np.linspace(-9, 9, 451, retstep=True)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    difference = np.exp(PLANE.logpdf(grid)) - np.exp(OTHER.logpdf(grid))
    exact = (difference**2).sum() * step**2
    assert mixtures.squared_l2(PLANE, OTHER) == pytest.approx(exact, rel=1e-8)


def test_l2_of_equal_laws_is_zero_whatever_their_components_are():
    assert mixtures.squared_l2(FIRST, FIRST) == 0
    split = GaussianMixture([0.1, 0.2, 0.7], [-2.0, -2.0, 1.0], [1.0, 1.0, 0.25])
    assert mixtures.squared_l2(FIRST, split) == 0
    moved = GaussianMixture([0.3, 0.7], [-2.0, 1.0 + 1e-5], [1.0, 0.25])
    assert mixtures.squared_l2(FIRST, moved) > 0


def test_l2_is_unbounded_and_its_logarithm_finite():
    for variance in (1e-6, 1e-100, 1e-300):
        found = mixtures.log_squared_l2(one(0.0, variance), SECOND)
        assert found == pytest.approx(
            -np.log(2 * np.sqrt(np.pi)) - 0.5 * np.log(variance), rel=0.05
        )
    thin = GaussianMixture([1.0], [np.zeros(8)], covariances=[1e-100 * np.eye(8)])
    wide = GaussianMixture([1.0], [np.zeros(8)], covariances=[np.eye(8)])
    assert mixtures.squared_l2(thin, wide) == np.inf
    assert np.isfinite(mixtures.log_squared_l2(thin, wide))
    # without weight a component counts for nothing, however narrow it is
    dead = GaussianMixture([0.5, 0.5, 0.0], [-2.0, 2.0, 0.0], [1.0, 1.0, 1e-300])
    assert mixtures.squared_l2(dead, SECOND) == 0


# --- sliced W2 -------------------------------------------------------------------------------


def test_sliced_w2_on_the_line_is_w2():
    pairs = [((0.0, 1.0), (1.5, 4.0)), ((0.0, 1.0), (0.0, 1e-12))]
    for a, b in pairs:
        exact = squared_w2(Gaussian(*a), Gaussian(*b))
        assert mixtures.sliced_squared_w2(one(*a), one(*b)) == pytest.approx(exact, rel=0.01)
    assert mixtures.sliced_squared_w2(FIRST, FIRST) == 0


def test_sliced_w2_of_mixtures_is_that_of_large_samples():
    rng, size = seeded(821), 20_000
    for first, second in ((PLANE, OTHER), (lifted(FIRST), lifted(SECOND))):
        samples = [law.broadcast(20).sample(size, rng) for law in (first, second)]
        lines = mixtures.fixed_directions(samples[0].shape[-1], 4)
        drawn = np.mean([squared_w2_samples(*(x @ a for x in samples)) for a in lines], axis=0)
        found = mixtures.sliced_squared_w2(first, second, directions=4)
        # a gap of length 4 between modes, missed by half a level at most
        rounding = 4**2 / (2 * mixtures.LEVELS)
        assert abs(found - drawn.mean()) < 5 * drawn.std(ddof=1) / np.sqrt(20) + rounding
        assert abs(1.2 * found - drawn.mean()) > 8 * drawn.std(ddof=1) / np.sqrt(20) + rounding


@pytest.mark.parametrize("dimension", [1, 2, 3, 10])
def test_directions_are_unit_vectors_all_around(dimension):
    lines = mixtures.fixed_directions(dimension, 64)
    np.testing.assert_allclose(np.linalg.norm(lines, axis=-1), 1)
    spread = lines.T @ lines / len(lines)
    np.testing.assert_allclose(spread, np.eye(dimension) / dimension, atol=0.05 / dimension**0.5)
    np.testing.assert_array_equal(lines, mixtures.fixed_directions(dimension, 64))


# --- masses ----------------------------------------------------------------------------------


def counted(model, truth, inside, seed, size=200_000):
    """Return the share of draws of a model for which ``inside(density terms)`` is true."""
    x = model.sample(size, seeded(seed))
    shift = x[:, None] - truth.means
    terms = truth.weights * stats.norm.pdf(shift, scale=np.sqrt(truth.variances))
    return inside(terms).mean()


def test_mode_masses_are_counted():
    exact = counted(FIRST, SECOND, lambda t: t.argmax(axis=-1) == 0, 823)
    found = mixtures.mode_masses(FIRST, SECOND)
    assert found[0] == pytest.approx(exact, abs=0.01)
    assert found.sum() == pytest.approx(1)
    np.testing.assert_allclose(mixtures.mode_masses(SECOND, SECOND), 0.5, atol=0.01)
    both = mixtures.mode_masses(batch(FIRST, SECOND), SECOND)
    np.testing.assert_allclose(both, [found, mixtures.mode_masses(SECOND, SECOND)])


def test_modes_alive():
    gone, weak = (GaussianMixture([p, 1 - p], [-2.0, 2.0], [0.1, 0.1]) for p in (0.0, 0.04))
    middle = one(0.0, 1e-3)
    found = mixtures.modes_alive(batch(SECOND, weak, gone), SECOND)
    np.testing.assert_array_equal(found, [2, 1, 1])
    assert mixtures.modes_alive(middle, SECOND) == 2  # on the border, half on either side
    assert mixtures.modes_alive(weak, SECOND, share=0.05) == 2


def test_rare_mass_is_the_mass_where_the_density_is_low():
    for level in (0.05, 0.01):
        found = mixtures.rare_mass(SECOND, SECOND, level)
        assert found == pytest.approx(level, abs=0.003)
    # of a single Gaussian the region are the two tails
    edge = stats.norm.ppf(0.975)
    exact = 2 * stats.norm.sf(edge / 0.7)
    assert mixtures.rare_mass(one(0.0, 0.49), one(0.0, 1.0)) == pytest.approx(exact, abs=0.003)
    far, near = one(9.0, 0.01), one(2.0, 1e-4)
    np.testing.assert_array_equal(mixtures.rare_mass(batch(far, near), SECOND), [1, 0])
    assert mixtures.rare_mass(FIRST, SECOND, 0) == 0
    assert mixtures.rare_mass(FIRST, SECOND, 1) == 1
    ring = stats.chi2(2).sf(stats.chi2(2).ppf(0.95) / 4)  # twice as wide in the plane
    wide, round_ = (
        GaussianMixture([1.0], [[1.0, 2.0]], covariances=[v * np.eye(2)]) for v in (4.0, 1.0)
    )
    assert mixtures.rare_mass(wide, round_) == pytest.approx(ring, abs=0.01)


def test_ambiguous_mass_is_counted():
    def between(terms):
        return terms.max(axis=-1) < 0.95 * terms.sum(axis=-1)

    exact = counted(FIRST, SECOND, between, 824)
    assert mixtures.ambiguous_mass(FIRST, SECOND) == pytest.approx(exact, abs=0.01)
    assert mixtures.ambiguous_mass(one(0.0, 1e-4), SECOND) == 1
    assert mixtures.ambiguous_mass(one(2.0, 1e-4), SECOND) == 0
    assert mixtures.ambiguous_mass(FIRST, SECOND, certainty=0.5) == 0


def test_excess_loss_is_kl():
    narrow, wide = Gaussian(0.3, 0.5), Gaussian(0.0, 1.0)
    found = mixtures.excess_loss(one(0.3, 0.5), one(0.0, 1.0))
    assert found == pytest.approx(kl(wide, narrow), rel=1e-9)
    plane = [MultivariateGaussian([0.0, 1.0], c) for c in ([[2.0, 0.3], [0.3, 1.0]], np.eye(2))]
    same = [GaussianMixture([1.0], [m.mean], covariances=[m.covariance]) for m in plane]
    assert mixtures.excess_loss(*same) == pytest.approx(kl(plane[1], plane[0]), rel=1e-9)
    x = SECOND.sample(400_000, seeded(825))
    ratio = SECOND.logpdf(x) - FIRST.logpdf(x)
    found = mixtures.excess_loss(FIRST, SECOND)
    error = ratio.std() / np.sqrt(len(x))
    assert abs(found - ratio.mean()) < 5 * error
    assert abs(mixtures.excess_loss(SECOND, FIRST) - ratio.mean()) > 8 * error
    assert mixtures.excess_loss(SECOND, SECOND) == 0


def test_total_variance_of_mixtures():
    assert total_variance(SECOND) == pytest.approx(1 + 4)
    between = 0.3 * 0.7 * 9
    assert total_variance(PLANE) == pytest.approx(0.3 * 2 + 0.7 * 0.75 + between)
    np.testing.assert_allclose(total_variance(batch(FIRST, SECOND))[1], 5)


# --- what is refused -------------------------------------------------------------------------

PAIRS = (
    mixtures.log_squared_l2,
    mixtures.squared_l2,
    mixtures.sliced_squared_w2,
    mixtures.mode_masses,
    mixtures.modes_alive,
    mixtures.rare_mass,
    mixtures.ambiguous_mass,
    mixtures.excess_loss,
)


@pytest.mark.parametrize("metric", PAIRS, ids=lambda metric: metric.__name__)
def test_two_mixtures_of_one_kind(metric):
    with pytest.raises(ValueError, match="two Gaussian mixtures"):
        metric(FIRST, Gaussian(0, 1))
    with pytest.raises(ValueError, match="two Gaussian mixtures"):
        metric(FIRST, PLANE)
    with pytest.raises(ValueError, match="dimension"):
        metric(PLANE, lifted(FIRST))


@pytest.mark.parametrize("metric", PAIRS[3:], ids=lambda metric: metric.__name__)
def test_one_truth(metric):
    with pytest.raises(ValueError, match="truth"):
        metric(FIRST, batch(FIRST, SECOND))


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: mixtures.rare_mass(FIRST, SECOND, 1.2), "level"),
        (lambda: mixtures.ambiguous_mass(FIRST, SECOND, -1), "certainty"),
        (lambda: mixtures.modes_alive(FIRST, SECOND, 0), "share"),
        (lambda: mixtures.sliced_squared_w2(FIRST, SECOND, 0), "count"),
        (lambda: mixtures.fixed_directions(0, 1), "dimension"),
    ],
)
def test_bad_input(call, name):
    with pytest.raises(ValueError, match=name):
        call()
