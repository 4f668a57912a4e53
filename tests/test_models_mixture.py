"""Gaussian mixtures: scikit-learn, twins, what EM promises, starts, extremes, small families."""

import warnings
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from harness import assert_agrees, assert_refutes
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import optimize, special, stats
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture as Peer
from twins import mixture_em

from collapse.measure.distances import squared_w2
from collapse.models import em
from collapse.models.adapters import ScipyLaw
from collapse.models.categorical import Categorical
from collapse.models.gaussian import Gaussian
from collapse.models.mixture import FitGaussianMixture, GaussianMixture, k_means_plus_plus, slices
from collapse.models.multivariate_gaussian import FitMultivariateGaussian, MultivariateGaussian
from collapse.models.population import population_fit
from collapse.policies import newest_law
from collapse.recursion import draw_samples, extend, recurse
from collapse.seeds import seeded

FORMS = {"full": "full", "diagonal": "diag", "spherical": "spherical"}
each_form = pytest.mark.parametrize("form", FORMS)
each_k = pytest.mark.parametrize("k", [1, 2, 3])
THREE = GaussianMixture([1 / 3, 1 / 3, 1 / 3], [-3.0, 0.0, 3.0], [0.25, 0.5, 1.0])
each_d = pytest.mark.parametrize("d", [1, 2, 3])
BLOBS = GaussianMixture(
    [0.5, 0.3, 0.2],
    [[-3.0, 0.0], [1.0, 1.0], [0.0, 4.0]],
    covariances=[np.eye(2), [[1.0, 0.7], [0.7, 2.0]], 0.3 * np.eye(2)],
)


def truth(d):
    """A mixture of three in d dimensions, far from the origin."""
    means = 10 + 3 * np.arange(3)[:, None] * np.arange(1, d + 1)
    shape = np.tri(d) + np.eye(d)
    return GaussianMixture(
        [0.5, 0.3, 0.2], means, covariances=np.array([0.5, 1, 2])[:, None, None] * (shape @ shape.T)
    )


def samples(d, chains, size, seed):
    return truth(d).broadcast(chains).sample(size, seeded(seed))


def same(first, second, **tolerances):
    for name in ("weights", "means", "covariances"):
        one, other = getattr(first, name), getattr(second, name)
        np.testing.assert_allclose(one, other, **tolerances, err_msg=name)


# --- the law ---------------------------------------------------------------------------------


def test_moments_and_density():
    pairs = [*zip(BLOBS.means, BLOBS.covariances, strict=True)]
    mean = BLOBS.weights @ BLOBS.means
    second = np.tensordot(BLOBS.weights, [c + np.outer(m, m) for m, c in pairs], 1)
    np.testing.assert_allclose(BLOBS.mean, mean)
    np.testing.assert_allclose(BLOBS.covariance, second - np.outer(mean, mean))
    x = BLOBS.sample(50, seeded(1))
    density = BLOBS.weights @ [stats.multivariate_normal(*pair).pdf(x) for pair in pairs]
    np.testing.assert_allclose(BLOBS.logpdf(x), np.log(density), rtol=1e-12)
    np.testing.assert_allclose(BLOBS.broadcast(3)[1:].logpdf(x)[1], np.log(density), rtol=1e-12)
    one = BLOBS.merged()
    np.testing.assert_allclose(one.mean, mean)
    np.testing.assert_allclose(one.covariance, BLOBS.covariance)
    assert THREE.merged().variance == pytest.approx(THREE.variance)
    assert repr(BLOBS.broadcast(99)).count("\n") == 0


def test_a_law_on_the_line_is_one_in_one_dimension():
    line = GaussianMixture([0.3, 0.7], [-2.0, 1.0], [0.5, 1.5])
    plane = GaussianMixture(
        line.weights, line.means[:, None], covariances=line.variances[:, None, None]
    )
    data = line.broadcast(4).sample(40, seeded(2))
    np.testing.assert_array_equal(plane.broadcast(4).sample(40, seeded(2))[..., 0], data)
    np.testing.assert_allclose(plane.logpdf(data[..., None]), line.logpdf(data), rtol=1e-12)
    ours, theirs = FitGaussianMixture(2)(data), FitGaussianMixture(2, "full")(data[..., None])
    np.testing.assert_array_equal(ours.means, theirs.means[..., 0])
    np.testing.assert_allclose(ours.variances, theirs.covariances[..., 0, 0], rtol=1e-12)
    np.testing.assert_allclose(ours.variance, theirs.covariance[..., 0, 0], rtol=1e-12)


# --- the fit against others ------------------------------------------------------------------


@each_form
@each_k
@each_d
@pytest.mark.parametrize(
    ("tolerance", "iterations", "regulariser"),
    [(1e-3, 500, 1e-6), (0.0, 25, 0.0), (1e-5, 150, 0.02)],
)
def test_agrees_with_scikit_learn(form, k, d, tolerance, iterations, regulariser):
    data = samples(d, 2, 150, 3)
    start = FitGaussianMixture(k, form, iterations=1)(data)
    how = {"tolerance": tolerance, "iterations": iterations, "regulariser": regulariser}
    ours = FitGaussianMixture(k, form, start=start, **how)(data)
    for chain in range(2):
        precisions = np.linalg.inv(start.covariances[chain])
        if form == "diagonal":
            precisions = np.diagonal(precisions, axis1=1, axis2=2)
        elif form == "spherical":
            precisions = precisions[:, 0, 0]
        peer = Peer(
            k,
            covariance_type=FORMS[form],
            tol=tolerance,
            max_iter=iterations,
            reg_covar=regulariser,
            weights_init=start.weights[chain],
            means_init=start.means[chain],
            precisions_init=precisions,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # a limit of iterations is a state
            peer.fit(data[chain])
        covariances = {
            "full": lambda c: c,
            "diagonal": lambda c: c[..., None] * np.eye(d),
            "spherical": lambda c: c[:, None, None] * np.eye(d),
        }[form](peer.covariances_)
        one, exact = ours[chain], {"rtol": 0, "atol": 1e-8}
        np.testing.assert_allclose(one.weights, peer.weights_, **exact)
        np.testing.assert_allclose(one.means, peer.means_, **exact)
        np.testing.assert_allclose(one.covariances, covariances, **exact)
        np.testing.assert_allclose(
            one.logpdf(data[chain]), peer.score_samples(data[chain]), **exact
        )
        assert one.report.log_likelihood == pytest.approx(peer.lower_bound_, abs=1e-8)
        assert one.report.iterations == peer.n_iter_
        assert one.report.converged == (peer.converged_ and tolerance > 0)
        other = FitGaussianMixture(k, form, start=start, **how | {"iterations": 1})
        if iterations == 25 and k > 1:  # the control: fewer steps
            assert np.abs(other(data)[chain].means - peer.means_).max() > 1e-4


@each_form
@each_k
@pytest.mark.parametrize(
    ("d", "size", "tolerance", "regulariser"),
    [(2, 60, 1e-4, 0.01), (3, 60, 1e-4, 0.01), (1, 4, 0.0, 0.0), (1, 7, 1e-3, 0.0)],
)
def test_agrees_with_the_naive_twin(form, k, d, size, tolerance, regulariser):
    data = samples(d, 3, size, 4)
    how = {"tolerance": tolerance, "iterations": 30, "regulariser": regulariser}
    ours = FitGaussianMixture(k, form, **how)(data)
    for chain in range(3):
        *theirs, trace = mixture_em(data[chain], k, 30, tolerance, regulariser, form)
        for name, value in zip(("weights", "means", "covariances"), theirs, strict=True):
            found = getattr(ours, name)[chain]
            np.testing.assert_allclose(found, value, rtol=1e-7, atol=1e-9, err_msg=name)
        assert ours.report.iterations[chain] == len(trace)
        assert ours.report.log_likelihood[chain] == pytest.approx(trace[-1], abs=1e-9)


def test_one_component_is_the_gaussian():
    data = samples(3, 5, 20, 5)
    one, gaussian = FitGaussianMixture(1, "full")(data), FitMultivariateGaussian(0)(data)
    np.testing.assert_allclose(one.mean, gaussian.mean)
    np.testing.assert_allclose(one.covariances[:, 0], gaussian.covariance)
    np.testing.assert_allclose(one.logpdf(data), gaussian.logpdf(data))


# --- what EM promises ------------------------------------------------------------------------


@each_form
@each_k
def test_each_step_keeps_the_moments(form, k):
    data = samples(3, 20, 40, 6)
    mean = data.mean(axis=1)
    centred = data - mean[:, None]
    scatter = centred.mT @ centred / 40
    measured = {
        "full": lambda c: c,
        "diagonal": lambda c: np.diagonal(c, axis1=1, axis2=2),
        "spherical": lambda c: np.trace(c, axis1=1, axis2=2),
    }[form]
    for steps in (1, 2, 5, 40):
        for ridge in (0.0, 0.3):
            fit = FitGaussianMixture(k, form, tolerance=0, iterations=steps, regulariser=ridge)
            fitted = fit(data)
            np.testing.assert_allclose(fitted.mean, mean, rtol=1e-12)
            np.testing.assert_allclose(
                measured(fitted.covariance), measured(scatter + ridge * np.eye(3)), rtol=1e-9
            )


points = st.one_of(
    st.integers(-3, 3).map(float),  # ties, lines and planes are common
    st.floats(-1e3, 1e3),
    st.sampled_from([1e-9, 1e-5, 1e6, 1 + 1e-7]),
)


@given(data=st.data(), d=st.integers(1, 3), k=st.integers(1, 3), form=st.sampled_from([*FORMS]))
def test_no_step_lowers_the_likelihood(data, d, k, form):
    sample = data.draw(arrays(float, (2, data.draw(st.integers(k, 12)), d), elements=points))
    now, values, singular = slices, [], np.zeros((12, 2), bool)
    for step in range(12):
        fit = FitGaussianMixture(k, form, start=now, tolerance=0, iterations=1)
        now = fit(sample)
        values.append(now.report.log_likelihood)
        singular[step] = now.report.singular.any(-1)
        assert np.isfinite(values[-1]).all()
        assert np.isfinite(now.weights).all() and now.weights.sum(-1) == pytest.approx(1)
        assert np.isfinite(now.means).all() and np.isfinite(now.factors).all()
        assert (np.diagonal(now.factors, axis1=-2, axis2=-1) > 0).all()
        assert np.isfinite(now.sample(3, seeded(7))).all()
    rises = np.diff(values, axis=0)
    if form == "full":  # rounding may tilt a plane that holds all the points of a component
        rises = rises[~singular[:-1]]
    # whitened coordinates are known to 1e-16 of the spread over the least deviation, 1e-8 of it
    assert rises.min(initial=0) > -1e-7


@each_form
@each_k
@each_d
def test_the_likelihood_rises(form, k, d):
    data, now, values = samples(d, 100, 20, 8), slices, []
    for _ in range(30):
        before = now
        fit = FitGaussianMixture(k, form, start=now, tolerance=0, iterations=1)
        now = fit(data)
        values.append(now.report.log_likelihood)
        regular = ~now.report.singular.any(-1)
        if before is not slices:  # the likelihood that is reported is that of the start of a step
            of_start = before.logpdf(data).mean(-1)
            np.testing.assert_allclose(values[-1][regular], of_start[regular], atol=1e-9)
    whole = FitGaussianMixture(k, form, tolerance=0, iterations=30)(data)
    np.testing.assert_allclose(whole.report.log_likelihood, values[-1], rtol=1e-6)
    assert np.diff(values, axis=0).min() > -1e-9
    assert k == 1 or np.ptp(values, axis=0).max() > 0.1


# --- starts ----------------------------------------------------------------------------------


def centres_one_by_one(sample, k, rng):
    """The naive twin of k-means++: the groups of one sample."""
    centres = [sample[rng.integers(len(sample))]]
    while len(centres) < k:
        nearest = [min(((x - c) ** 2).sum() for c in centres) for x in sample]
        centres.append(sample[rng.choice(len(sample), p=np.array(nearest) / sum(nearest))])
    return [min(range(k), key=lambda j: ((x - centres[j]) ** 2).sum()) for x in sample]


def test_k_means_plus_plus_has_the_law_of_its_twin():
    chains, k, sample = 4000, 3, np.array([[0, 0], [0, 1], [1, 0], [4, 4], [5, 4], [9.0, 0]])
    groups = k_means_plus_plus(np.broadcast_to(sample, (chains, 6, 2)), None, k, seeded(9))
    rng = seeded(10)
    twins = np.array([centres_one_by_one(sample, k, rng) for _ in range(chains)])
    assert_agrees((groups[..., None] == range(k)) - 1.0 * (twins[..., None] == range(k)), 0)
    random = seeded(11).integers(k, size=(chains, 6))
    assert_refutes((random[..., None] == range(k)) - 1.0 * (twins[..., None] == range(k)), 0)
    # points without mass are never centres, and equal points need no distances
    masses = np.broadcast_to([1.0, 1, 1, 0, 0, 0], (chains, 6))
    near = k_means_plus_plus(np.broadcast_to(sample, (chains, 6, 2)), masses, k, seeded(9))
    assert all({*row[:3]} == {0, 1, 2} for row in near)
    assert (k_means_plus_plus(np.ones((5, 4, 2)), None, 3, seeded(9)) == 0).all()


def test_slices_lie_along_the_axis_of_largest_spread():
    points = seeded(12).normal(size=(7, 101, 3)) * [0.1, 1.0, 20.0] + 5
    groups = slices(points, None, 4, None)
    for chain in range(7):
        counts = np.bincount(groups[chain])
        assert len(counts) == 4 and np.ptp(counts) <= 1
        ends = [np.sort(points[chain, groups[chain] == j, 2])[[0, -1]] for j in range(4)]
        assert all(first[1] < second[0] + 3 for first, second in pairwise(ends))
    one = np.broadcast_to([0.0, 1.0, 2.0, 3.0], (1, 4))[..., None]
    assert slices(one, np.array([[1.0, 1.0, 1.0, 3.0]]), 2, None).tolist() == [[0, 0, 0, 1]]


def test_random_starts_come_from_the_generator():
    data = samples(2, 40, 30, 13)
    fit = FitGaussianMixture(3, "full", start=k_means_plus_plus, iterations=2)
    one, two, other = (fit.prepared(None, seeded(n))(data) for n in (14, 14, 15))
    same(one, two, rtol=0)
    assert (one.means != other.means).any()
    with pytest.raises(ValueError, match="rng must be given"):
        fit(data)


class Watched:
    """A start that counts the chains that it was asked for."""

    def __init__(self):
        self.calls = 0

    def __call__(self, points, masses, components, rng):
        self.calls += len(points)
        return k_means_plus_plus(points, masses, components, rng)


@pytest.mark.parametrize("warm", [True, False])
def test_warm_starts_carry_on_from_the_newest_generation(warm):
    start, how = Watched(), {"tolerance": 1e-3, "regulariser": 1e-6}
    fit = FitGaussianMixture(3, "full", start=start, warm_start=warm, **how)
    arguments = {"sample_size": 60, "chains": 4, "draw": draw_samples}
    lineage = recurse(BLOBS, fit, generations=5, rng=seeded(16), **arguments)
    assert start.calls == (4 if warm else 20)
    part = recurse(BLOBS, fit, generations=2, rng=seeded(16), **arguments)
    same(extend(part, 3).newest, lineage.newest, rtol=0)
    if warm:
        again = seeded(16)
        data = BLOBS.broadcast(4).sample(60, again)
        now = fit.prepared(BLOBS, again)(data)
        for n in range(1, 5):
            same(now, lineage.models[n], rtol=0)
            explicit = FitGaussianMixture(3, "full", start=now, **how)
            now = explicit(now.sample(60, again))
        same(now, lineage.newest, rtol=0)


def test_reality_is_no_warm_start_unless_asked_for():
    data = BLOBS.broadcast(4).sample(60, seeded(17))
    fresh = FitGaussianMixture(3, "full")
    warm = FitGaussianMixture(3, "full", warm_start=True)
    same(warm.prepared(BLOBS.broadcast(4), seeded(18))(data), fresh(data), rtol=0)
    same(warm.prepared(Gaussian(0, 1), seeded(18))(data), fresh(data), rtol=0)
    other = FitGaussianMixture(2, "full")(data)
    same(warm.prepared(other, seeded(18))(data), fresh(data), rtol=0)
    asked = FitGaussianMixture(3, "full", start=BLOBS, warm_start=True)
    with pytest.raises(AssertionError):
        same(asked.prepared(BLOBS, seeded(18))(data), fresh(data), rtol=1e-3)


@each_form
def test_a_start_of_another_form_is_cut_to_its_own(form):
    data = BLOBS.broadcast(4).sample(60, seeded(19))
    own = BLOBS.covariances
    if form == "diagonal":
        own = own * np.eye(2)
    if form == "spherical":
        own = np.trace(own, axis1=1, axis2=2)[:, None, None] / 2 * np.eye(2)
    cut = GaussianMixture(BLOBS.weights, BLOBS.means, covariances=own)
    one, other = (
        FitGaussianMixture(3, form, start=start, iterations=3)(data) for start in (BLOBS, cut)
    )
    same(one, other, rtol=1e-9)


# --- extremes --------------------------------------------------------------------------------


def test_bundles_and_neighbours_change_nothing(monkeypatch):
    data = samples(2, 9, 40, 20)
    fit = FitGaussianMixture(2, "full", start=k_means_plus_plus, tolerance=1e-4)
    whole = fit.prepared(None, seeded(21))(data)
    monkeypatch.setattr(em, "_BYTES", 1)
    single = fit.prepared(None, seeded(21))(data)
    same(whole, single, rtol=0)
    for ours, theirs in zip(vars(whole.report).values(), vars(single.report).values(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert len(set(whole.report.iterations)) > 1
    plain = FitGaussianMixture(2, "full")
    same(plain(data)[3], plain(data[3]), rtol=0)
    grid = plain(data.reshape(3, 3, 40, 2))
    same(grid[1, 0], plain(data)[3], rtol=0)
    assert grid.report.converged.shape == (3, 3) and grid.report.dead.shape == (3, 3, 2)


def test_components_of_a_millionth_of_the_spread_far_from_the_origin():
    # The reference works with the same numbers, but each component has the origin to itself.
    size, far, narrow = 40, np.array([1e3, -2e3]), 1e-6
    noise = seeded(22).normal(size=(5, 2, size, 2))
    data = np.concatenate([narrow * noise[:, 0] + far, noise[:, 1] + far + [30, 0]], axis=1)
    fitted = FitGaussianMixture(2, "full", tolerance=1e-12)(data)
    for j, own in enumerate((data[:, :size], data[:, size:])):
        centred = own - own.mean(axis=1, keepdims=True)
        order = np.argsort(fitted.means[0, :, 0])[j]
        covariance = centred.mT @ centred / size
        np.testing.assert_allclose(fitted.means[:, order], own.mean(axis=1), rtol=1e-15)
        spread = np.sqrt(np.trace(covariance, axis1=1, axis2=2))[:, None, None]
        difference = (fitted.covariances[:, order] - covariance) / spread**2
        assert np.abs(difference).max() < 1e-6  # of the data, 1e-13 at 1e3, is known no better
    assert not fitted.report.singular.any()


@each_form
def test_scale_and_place_do_not_matter(form):
    data = samples(3, 5, 40, 23)
    plain = FitGaussianMixture(2, form, tolerance=0, iterations=20)(data)
    for factor in (1e-120, 1e-9, 1e9, 1e120):
        moved = FitGaussianMixture(2, form, tolerance=0, iterations=20)(factor * data)
        np.testing.assert_allclose(moved.weights, plain.weights, rtol=1e-9)
        np.testing.assert_allclose(moved.means / factor, plain.means, rtol=1e-9)
        np.testing.assert_allclose(moved.factors / factor, plain.factors, rtol=1e-7, atol=1e-9)
        shift = moved.report.log_likelihood - plain.report.log_likelihood
        np.testing.assert_allclose(shift, -3 * np.log(factor), rtol=1e-9)


def test_a_start_beside_a_point_does_not_blow_up():
    point = np.array([4.301383935921682, -0.9705801282549812])
    narrow = np.array([[1e-30, -1e-31], [-1e-31, 1e-32 * (1 + 1e-14)]])
    start = GaussianMixture(
        [0.0, 1.0], [point + 1e-15] * 2, covariances=[np.eye(2) * 1e-30, narrow]
    )
    fitted = FitGaussianMixture(2, "full", start=start)(np.tile(point, (4, 1)))
    assert np.abs(fitted.covariance).max() < 1e-30
    np.testing.assert_allclose(fitted.mean, point, rtol=1e-14)


@each_form
@pytest.mark.parametrize("warm", [True, False])
def test_late_collapse_reaches_a_fixed_point(form, warm):
    fit = FitGaussianMixture(2, form, warm_start=warm, iterations=20)
    lineage = recurse(
        MultivariateGaussian([3.0, -1.0], np.eye(2)),
        fit,
        sample_size=4,
        generations=500,
        chains=10,
        draw=draw_samples,
        rng=seeded(24),
        measure={"spread": lambda m: np.trace(m.covariance, axis1=-2, axis2=-1)},
    )
    spread = lineage.measured["spread"]
    assert np.isfinite(spread).all() and spread[-1].max() < 1e-20
    for model in lineage.models[1:]:
        assert np.isfinite(model.factors).all() and np.isfinite(model.means).all()


# --- on the line, and families that are too small -----------------------------------------------


def on_line(chains, size, seed):
    return THREE.broadcast(chains).sample(size, seeded(seed))


def line_parts(model):
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
    np.testing.assert_allclose(THREE.quantiles(special.ndtri(THREE.cdf(x))), x, atol=1e-4)
    two = GaussianMixture([[0.5, 0.5], [1.0, 0.0]], [-1.0, 1.0], 1.0)
    np.testing.assert_array_equal(two[1].logpdf(x), GaussianMixture([1], [-1], [1]).logpdf(x))
    np.testing.assert_array_equal(two[1:].mean, [-1.0])
    assert two[1].sample(50, seeded(2)).mean() < 0


def test_agrees_with_a_general_optimiser():
    data = on_line(1, 90, 4)[0]

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


def test_distribution_functions_end_at_one():
    fitted = FitGaussianMixture(3)(on_line(500, 30, 17))
    assert (fitted.weights.sum(-1) > 1).any()  # by rounding
    assert fitted.cdf(np.full((500, 1), 99.0)).max() == 1
    assert np.isfinite(squared_w2(fitted, THREE)).all()


def test_masses_stand_for_repeated_points():
    data, counts = on_line(1, 15, 9)[0], seeded(9).integers(1, 5, 15)
    start = GaussianMixture([0.5, 0.5], [-2.0, 2.0], [1.0, 1.0])  # repetition moves the slices
    fit = FitGaussianMixture(2, start=start, tolerance=0, iterations=30)
    once = fit.weighted(data, counts.astype(float))
    np.testing.assert_allclose(
        line_parts(once), line_parts(fit(np.repeat(data, counts))), rtol=1e-8
    )


def test_degenerate_data_stay_finite():
    point = FitGaussianMixture(2)(np.full((3, 5), 1.25))
    np.testing.assert_array_equal(point.sample(4, seeded(11)), 1.25)
    np.testing.assert_array_equal(point[0].cdf(np.array([1.0, 1.25, 1.5])), [0, 0.5, 1])
    assert point[0].logpdf(np.array([1.0])) < -1e300
    assert point.report.singular.all() and not point.report.dead.any()
    zero = FitGaussianMixture(2)(np.zeros((3, 5)))
    assert np.isfinite(line_parts(FitGaussianMixture(2)(zero.sample(5, seeded(11))))).all()
    ridge = FitGaussianMixture(2, regulariser=0.01)(np.full((3, 5), 1.25))
    np.testing.assert_allclose(ridge.variances, 0.01)
    assert not ridge.report.singular.any()


def test_singular_and_dead_components_are_reported():
    values = np.array([0, 0, 0, 0, 1.0, 1.1, 1.3])
    ends = FitGaussianMixture(2)(values)
    assert ends.report.singular.tolist() == [True, False]
    assert np.isfinite(line_parts(ends)).all() and np.isfinite(ends.logpdf(values)).all()
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
    data = on_line(4, 40, 12)
    short = FitGaussianMixture(2, iterations=3, tolerance=1e-9)(data).report
    assert short.iterations.tolist() == [3] * 4 and not short.converged.any()
    long = FitGaussianMixture(2, iterations=5000)(data).report
    assert long.converged.all() and (long.iterations < 5000).all()
    never = FitGaussianMixture(1, iterations=9, tolerance=0)(data).report
    assert never.iterations.tolist() == [9] * 4
    assert THREE.report is None


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
    np.testing.assert_array_equal(line_parts(batch), [line_parts(population_fit(two, THREE))] * 3)


def test_a_sample_smaller_than_the_mixture_is_refused_before_any_work():
    for sizes in (2, [5, 2]):
        with pytest.raises(ValueError, match="sample_size"):
            recurse(THREE, FitGaussianMixture(3), sample_size=sizes, generations=2, rng=1)


def test_a_fit_on_the_line_refuses_vectors_and_the_other_way_round():
    for reality, fit in ((BLOBS, FitGaussianMixture(2)), (THREE, FitGaussianMixture(2, "full"))):
        with pytest.raises(ValueError, match="covariance must be given for vectors"):
            recurse(reality, fit, sample_size=9, generations=1, rng=1)


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("weights", lambda: GaussianMixture([1.0], [0, 1], [1, 1])),
        ("weights", lambda: GaussianMixture([1.0], np.zeros((2, 2)), covariances=np.eye(2))),
        ("means", lambda: GaussianMixture([0.5, 0.5], [0, 1, 2], [1, 1])),
        ("means", lambda: GaussianMixture([1.0], [0.0], covariances=np.eye(1))),
        ("variances", lambda: GaussianMixture([0.5, 0.5], [0, 1], [1, 0])),
        ("variances", lambda: GaussianMixture([0.5, 0.5], [0, 1], [1, np.nan])),
        ("variances", lambda: GaussianMixture([0.5, 0.5], [0, 1])),
        ("covariances", lambda: GaussianMixture([1.0], [[0.0]], [1.0], covariances=np.eye(1))),
        ("covariances", lambda: GaussianMixture([1.0], [[0.0, 0.0]], covariances=np.eye(3))),
        ("covariances", lambda: GaussianMixture([1.0], [[0.0, 0.0]], covariances=np.ones((2, 2)))),
        ("covariances", lambda: GaussianMixture([1.0], [[0.0, 0.0]], covariances=np.tri(2))),
        ("covariance", lambda: FitGaussianMixture(2, "tied")),
        ("covariance", lambda: FitGaussianMixture(2, ["full"])),
        ("start", lambda: FitGaussianMixture(2, start=THREE)),
        ("start", lambda: FitGaussianMixture(3, "full", start=THREE)),
        ("start", lambda: FitGaussianMixture(3, start=BLOBS)),
        ("start", lambda: FitGaussianMixture(3, start=THREE.broadcast(4))(np.ones((2, 9)))),
        ("rng", lambda: FitGaussianMixture(2, start=k_means_plus_plus)(np.ones((2, 9)))),
        ("data", lambda: FitGaussianMixture(4)(np.ones((2, 3)))),
        ("data", lambda: FitGaussianMixture(3, "full")(np.ones((4, 2, 2)))),
        ("data", lambda: FitGaussianMixture(1, "full")(np.ones(3))),
        ("data", lambda: FitGaussianMixture(1)(np.array([1.0, np.nan]))),
        ("dimension", lambda: FitGaussianMixture(3, "full", start=BLOBS)(np.ones((9, 3)))),
        ("draw_samples", lambda: FitGaussianMixture(1)(Gaussian(0, 1).statistics(5, seeded(1)))),
        ("truth", lambda: population_fit(FitGaussianMixture(2), Categorical([1.0]))),
        ("truth", lambda: population_fit(FitGaussianMixture(2), Gaussian(0.0, 0.0))),
        ("truth", lambda: population_fit(FitGaussianMixture(2), ScipyLaw(stats.t(1.5)))),
        ("truth", lambda: population_fit(FitGaussianMixture(2), BLOBS)),
    ],
)
def test_bad_input(name, call):
    with pytest.raises(ValueError, match=name):
        call()
