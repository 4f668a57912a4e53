"""Laws of Gaussian mixtures against simulation and the other way of computing them."""

from functools import partial

import numpy as np
import pytest
from harness import assert_agrees, assert_refutes
from scipy import integrate, stats

from collapse.models.mixture import FitGaussianMixture, GaussianMixture, k_means_plus_plus
from collapse.recursion import recurse
from collapse.seeds import seeded
from collapse.theory import categorical, functional
from collapse.theory import mixture as theory

PLANE = GaussianMixture(
    [0.3, 0.7], [[-1.0, 0.5], [1.0, 0.0]], covariances=[[[1.0, 0.3], [0.3, 0.5]], np.eye(2)]
)
SIZES = [9, 7, 8]


def moments(data):
    """Return the mean and the covariance (ddof=0) of samples of shape (M, d)."""
    return data.mean(axis=0), np.cov(data.T, bias=True)


STARTS = {
    "slices": FitGaussianMixture(2, "full", tolerance=0.5),
    "one step from the truth": FitGaussianMixture(2, "full", start=PLANE, iterations=1),
    "k-means++, to the end": FitGaussianMixture(3, "full", start=k_means_plus_plus, tolerance=1e-5),
    "one component": FitGaussianMixture(1, "full"),
}


@pytest.mark.parametrize("fit", STARTS.values(), ids=STARTS)
def test_moment_identity(fit):
    rng = seeded(801)
    data = stats.expon().rvs((4, 60, 2), random_state=rng)  # far from any mixture
    model = fit.prepared(None, rng)(data)
    for i, sample in enumerate(data):
        mean, covariance = moments(sample)
        np.testing.assert_allclose(model.mean[i], mean, rtol=1e-10)
        np.testing.assert_allclose(model.covariance[i], covariance, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("form", ["diagonal", "spherical"])
def test_moment_identity_of_other_covariances(form):
    rng = seeded(802)
    data = PLANE.sample(50, rng)
    model = FitGaussianMixture(2, form, regulariser=0.1, tolerance=0.01)(data[None])[0]
    _, covariance = moments(data)
    found, wanted = np.diag(model.covariance), np.diag(covariance) + 0.1
    if form == "diagonal":
        np.testing.assert_allclose(found, wanted, rtol=1e-10)
    else:
        assert found.sum() == pytest.approx(wanted.sum(), rel=1e-10)
        assert np.abs(found - wanted).max() > 1e-3  # it holds for the trace only


@pytest.mark.parametrize("regulariser", [0.0, 0.2])
@pytest.mark.parametrize("name", ["slices", "one step from the truth", "one component"])
def test_expected_covariance(name, regulariser):
    fit = STARTS[name]
    fit = type(fit)(**{**vars(fit), "regulariser": regulariser})
    lineage = recurse(PLANE, fit, sample_size=SIZES, generations=3, chains=8000, rng=seeded(803))
    observed = np.array([model.covariance for model in lineage.models[1:]]).swapaxes(0, 1)
    predict = partial(theory.expected_covariance, SIZES, 3, PLANE.covariance)
    exact = predict(regulariser=regulariser)
    np.testing.assert_allclose(exact[0], PLANE.covariance)
    assert_agrees(observed, exact[1:])
    assert_refutes(observed, predict(regulariser=regulariser + 0.05)[1:])
    assert_refutes(observed, exact[:-1])


def test_expected_covariance_in_closed_form():
    n = np.arange(31)
    plain = theory.expected_covariance(20, 30, PLANE.covariance)
    np.testing.assert_allclose(plain, (0.95**n)[:, None, None] * PLANE.covariance, rtol=1e-12)
    # on the line it is the law of one regularised Gaussian
    line = theory.expected_covariance(SIZES, 3, [[2.0]], regulariser=0.3)[:, 0, 0]
    one = functional.regularized_variance(SIZES, 3, ddof=0, epsilon=0.3, variance=2.0)
    np.testing.assert_allclose(line, one, rtol=1e-13)
    limit = theory.expected_covariance(20, 2000, PLANE.covariance, regulariser=0.1)[-1]
    np.testing.assert_allclose(limit, 2.0 * np.eye(2), atol=1e-12)


def counts_and_logs(sizes, weight, chains, rng):
    """Return counts of a separated component and the sum of log factors: the naive twin."""
    share, total, alive = np.full(chains, weight), np.zeros(chains), np.ones(chains, bool)
    for size in sizes:
        count = rng.binomial(size, share)
        alive &= count >= 2
        safe = np.maximum(count, 2)
        total += np.log(rng.chisquare(safe - 1) / safe)
        share = count / size
    return total[alive]


@pytest.mark.parametrize("sizes", [[15] * 6, [8, 20, 8, 8, 12]])
def test_component_log_variance(sizes):
    observed = counts_and_logs(sizes, 0.4, 100_000, seeded(804))
    n = len(sizes)
    exact = theory.component_log_variance(sizes, n, 0.4, variance=3.0)
    assert exact[0] == pytest.approx(np.log(3.0))
    assert_agrees(observed, exact[-1] - np.log(3.0))
    assert_refutes(observed, exact[-2] - np.log(3.0))
    # the control: as many points in every generation
    assert_refutes(observed, -2 * n / (0.4 * np.mean(sizes)))


def test_component_log_variance_of_the_only_component():
    from collapse.theory import gaussian

    exact = gaussian.expected_log_variance(SIZES, 3, ddof=0, variance=2.0)
    found = theory.component_log_variance(SIZES, 3, 1.0, variance=2.0)
    np.testing.assert_allclose(found, exact, rtol=1e-12)
    assert np.isnan(theory.component_log_variance(1, 2, 1.0)[1:]).all()
    early = theory.component_log_variance(10_000, 20, 0.5)
    np.testing.assert_allclose(early[-1], -2 * 20 / 5000, rtol=0.01)


def test_one_step_weight_variance():
    law, weight, separation = stats.norm, 0.3, 1.7

    def integrand(x):
        first, second = weight * law.pdf(x - separation), (1 - weight) * law.pdf(x)
        return first**2 / (first + second)

    second, _ = integrate.quad(integrand, -12, 14, epsabs=1e-12)
    found = theory.one_step_weight_variance(7, weight, separation)
    assert found == pytest.approx((second - weight**2) / 7, rel=1e-9)
    wright_fisher = weight * (1 - weight) / 7
    assert theory.one_step_weight_variance(7, weight, 60.0) == pytest.approx(wright_fisher)
    assert theory.one_step_weight_variance(7, weight, 0.0) == pytest.approx(0, abs=1e-15)
    assert theory.one_step_weight_variance(7, 0.0, 1.0) == 0
    assert found < 0.7 * wright_fisher
    # the same from either end
    other = theory.one_step_weight_variance(7, 1 - weight, separation)
    assert other == pytest.approx(found, rel=1e-9)


def squared_deviations(size, chains, seed, **options):
    """Return deviations of the weight of a component from the truth, in units of M**-0.5."""
    close = GaussianMixture([0.4, 0.6], [-1.5, 1.5], [1.0, 1.0])
    fit = FitGaussianMixture(2, start=close, **options)
    run = recurse(
        close, fit, sample_size=size, generations=1, chains=chains, rng=seeded(seed), keep=()
    )
    return (run.newest.weights[:, 0] - 0.4) * np.sqrt(size)


def test_weights_drift_more_slowly_in_one_step():
    deviations = squared_deviations(100, 20_000, 805, iterations=1)
    assert_agrees(deviations, 0.0)  # a martingale
    assert_agrees(deviations**2, 100 * theory.one_step_weight_variance(100, 0.4, 3.0))
    assert_refutes(deviations**2, 0.4 * 0.6)


def test_weights_drift_faster_at_the_top():
    squares = squared_deviations(400, 600, 809, iterations=400, tolerance=1e-7) ** 2
    assert squares.mean() - 5 * squares.std() / np.sqrt(len(squares)) > 0.4 * 0.6


def test_components_die_like_words():
    law = GaussianMixture([0.1, 0.3, 0.6], [-200.0, 0.0, 200.0], [1.0, 1.0, 4.0])
    fit = FitGaussianMixture(3, start=law, warm_start=True)
    run = recurse(law, fit, sample_size=15, generations=12, chains=5000, rng=seeded(806))
    alive = np.array([(model.weights > 0).sum(axis=-1) for model in run.models]).T
    exact = categorical.exact_expected_alive(law.weights, 15, 12)
    assert_agrees(alive, exact)
    assert_refutes(alive[:, 1:], exact[:-1])


@pytest.mark.parametrize("points", [30, 300])
def test_floor_of_variance(points):
    rng, epsilon = seeded(807), 0.01
    variance = np.full(20_000, epsilon * points)
    for _ in range(8 * points):
        variance = variance * rng.chisquare(points - 1, len(variance)) / points + epsilon
    law = theory.floor_of_variance(points, regulariser=epsilon)
    assert law.mean() == pytest.approx(epsilon * points)
    below = variance < law.median()
    if points == 300:
        assert_agrees(below, 0.5)
        assert_agrees(np.log(variance), law.expect(np.log))
        assert_agrees(variance < law.ppf(0.05), 0.05)
    assert_refutes(variance < law.mean(), 0.5)
    assert law.median() == pytest.approx(0.5958 * law.mean(), rel=1e-3)


def squared_l2_by_hand(dimension, points, chains, rng):
    """Return the squared L2 distance of fitted Gaussians from N(0, I), from the closed form."""
    data = rng.standard_normal((chains, points, dimension))
    mean = data.mean(axis=1)
    centred = data - mean[:, None]
    covariance = centred.mT @ centred / points
    unit = np.eye(dimension)

    def overlap(matrix, shift):
        _, logarithm = np.linalg.slogdet(2 * np.pi * matrix)
        form = np.einsum("ci,cij,cj->c", shift, np.linalg.inv(matrix), shift)
        return np.exp(-0.5 * (logarithm + form))

    same = overlap(2 * covariance, 0 * mean) + (4 * np.pi) ** (-dimension / 2)
    return same - 2 * overlap(covariance + unit, mean)


@pytest.mark.parametrize("dimension", [1, 2, 4])
def test_expected_squared_l2_of_one_component(dimension):
    observed = squared_l2_by_hand(dimension, 1000, 3000, seeded(808))
    predict = partial(theory.expected_squared_l2, weights=[1.0])
    exact = predict(1000, 1, covariances=[np.eye(dimension)])[1]
    # next order in 1/M: a percent at most
    assert_agrees(observed, exact)
    assert_refutes(observed, 0.5 * exact)
    wide = predict(1000, 1, covariances=[9 * np.eye(dimension)])[1]
    assert wide == pytest.approx(exact / 3**dimension)


def test_expected_squared_l2_of_two_components():
    halves = [[[1.0]], [[1.0]]]
    values = theory.expected_squared_l2([10, 20], 2, [0.5, 0.5], halves)
    one = 1 / (2 * np.sqrt(np.pi))
    np.testing.assert_allclose(values, one * (0.5 + 7 / 8) * np.array([0, 0.1, 0.15]))


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: theory.expected_covariance(5, 2, [1.0]), "covariance"),
        (lambda: theory.expected_covariance(5, 2, np.eye(2), regulariser=-1), "regulariser"),
        (lambda: theory.expected_covariance(0, 2, np.eye(2)), "sample_size"),
        (lambda: theory.component_log_variance(10, 2, 0.0), "weight"),
        (lambda: theory.component_log_variance(10, 2, 1.5), "weight"),
        (lambda: theory.component_log_variance(10, 2, 0.5, variance=0), "variance"),
        (lambda: theory.component_log_variance(30_000, 2, 0.5), "sample_size"),
        (lambda: theory.one_step_weight_variance(10, 1.2, 1.0), "weight"),
        (lambda: theory.one_step_weight_variance(10, 0.2, -1.0), "separation"),
        (lambda: theory.one_step_weight_variance([10, 5], 0.2, 1.0), "sample_size"),
        (lambda: theory.floor_of_variance(0, regulariser=1.0), "points"),
        (lambda: theory.floor_of_variance(5, regulariser=0.0), "regulariser"),
        (lambda: theory.expected_squared_l2(5, 2, [0.5, 0.6], [[[1.0]]] * 2), "weights"),
        (lambda: theory.expected_squared_l2(5, 2, [0.5, 0.5], [[1.0]] * 2), "covariances"),
        (lambda: theory.expected_squared_l2(5, 2, [1.0], [[[0.0]]]), "covariances"),
    ],
)
def test_bad_input(call, name):
    with pytest.raises(ValueError, match=name):
        call()
