"""Estimators of scikit-learn as fits: each a copy, with random states from the generator."""

import copy

import numpy as np
import pytest
from harness import assert_agrees, assert_refutes
from scipy import stats
from sklearn.mixture import BayesianGaussianMixture
from sklearn.mixture import GaussianMixture as ScikitMixture
from sklearn.neighbors import KernelDensity as ScikitKernelDensity

from collapse.models.adapters import EstimatedLaw, FitEstimator
from collapse.models.gaussian import Gaussian
from collapse.models.kde import FitKernelDensity
from collapse.models.mixture import FitGaussianMixture, GaussianMixture
from collapse.recursion import draw_samples, extend, recurse
from collapse.seeds import seeded

BLOBS = GaussianMixture(
    [0.3, 0.7], [[-3.0, 0.0], [2.0, 1.0]], covariances=[np.eye(2), [[1, 0.5], [0.5, 2]]]
)
LINE = GaussianMixture([0.3, 0.7], [-2.0, 1.0], [0.5, 1.5])
ESTIMATORS = {
    "mixture": ScikitMixture(2, tol=1e-2),
    "bayesian": BayesianGaussianMixture(n_components=2, tol=1e-1),
    "kernel": ScikitKernelDensity(bandwidth=0.4),
}
each_estimator = pytest.mark.parametrize("estimator", ESTIMATORS.values(), ids=ESTIMATORS)
each_event = pytest.mark.parametrize(("reality", "event"), [(LINE, ()), (BLOBS, (2,))])


def run(reality, fit, **changes):
    arguments = {"sample_size": 40, "generations": 3, "chains": 2, "rng": seeded(1)}
    return recurse(reality, fit, draw=draw_samples, **arguments | changes)


@each_estimator
@each_event
def test_an_estimator_takes_the_place_of_a_fit(estimator, reality, event):
    lineage = run(reality, FitEstimator(estimator, event))
    for model in lineage.models[1:]:
        x = model.sample(5, seeded(2))
        assert x.shape == (2, 5, *event) and np.isfinite(model.logpdf(x)).all()
        for chain in range(2):
            rows = x[chain].reshape(5, -1)
            own = model.estimators[chain].score_samples(rows)
            np.testing.assert_array_equal(model.logpdf(x)[chain], own)
            np.testing.assert_array_equal(model[chain].logpdf(x[chain]), own)
    whole = run(reality, FitEstimator(estimator, event), generations=4)
    x = reality.sample(5, seeded(3))
    np.testing.assert_array_equal(
        extend(lineage, 1).newest.logpdf(np.stack([x, x])),
        whole.newest.logpdf(np.stack([x, x])),
    )


@each_estimator
def test_the_estimator_is_left_alone(estimator):
    before = copy.deepcopy(vars(estimator))
    model = run(BLOBS, FitEstimator(estimator, (2,)), generations=1).newest
    assert vars(estimator) == before
    states = [copy.copy(vars(law)) for law in model.estimators]
    model.sample(9, seeded(4))
    assert [vars(law).keys() for law in model.estimators] == [state.keys() for state in states]
    for law, state in zip(model.estimators, states, strict=True):
        assert all(vars(law)[name] is value for name, value in state.items())


def test_random_states_are_never_fixed():
    estimator = ScikitMixture(2, random_state=7, init_params="random", tol=1e9)
    lineage = run(BLOBS, FitEstimator(estimator, (2,)), chains=3)
    states = {law.random_state for model in lineage.models[1:] for law in model.estimators}
    assert len(states) == 9 and 7 not in states
    model = lineage.newest.broadcast(3)
    alike = EstimatedLaw(np.array([model.estimators[0]] * 3, dtype=object), (2,))
    x = alike.sample(20, seeded(5))
    assert len({row.tobytes() for row in x}) == 3
    np.testing.assert_array_equal(x, alike.sample(20, seeded(5)))


@each_estimator
def test_draws_come_in_random_order(estimator):
    data = np.stack([np.repeat([-9.0, 9.0], 30)] * 400) + seeded(6).normal(size=(400, 60))
    model = FitEstimator(estimator).prepared(None, seeded(7))(data[:1]).broadcast(400)
    x = np.sign(model.sample(10, seeded(8)))
    assert_agrees(x[:, :5].mean(axis=1) - x[:, 5:].mean(axis=1), 0)
    ordered = np.sort(x, axis=1)
    assert_refutes(ordered[:, :5].mean(axis=1) - ordered[:, 5:].mean(axis=1), 0)


def test_the_same_laws_as_the_fits_of_the_package():
    data = LINE.broadcast(3).sample(30, seeded(9))
    x = np.linspace(-5, 5, 11) * np.ones((3, 1))
    np.testing.assert_allclose(
        FitEstimator(ScikitKernelDensity(bandwidth=0.7))(data).logpdf(x),
        FitKernelDensity(0.7)(data).logpdf(x),
    )
    data = BLOBS.broadcast(3).sample(300, seeded(10))
    given = {"weights_init": BLOBS.weights, "means_init": BLOBS.means}
    precisions = np.linalg.inv(BLOBS.covariances)
    theirs = ScikitMixture(2, tol=1e-6, reg_covar=1e-3, precisions_init=precisions, **given)
    ours = FitGaussianMixture(2, "full", start=BLOBS, tolerance=1e-6, regulariser=1e-3)
    np.testing.assert_allclose(
        FitEstimator(theirs, (2,)).prepared(None, seeded(11))(data).logpdf(data[:, :9]),
        ours(data).logpdf(data[:, :9]),
        rtol=1e-8,
    )


def test_any_batch():
    fit = FitEstimator(ScikitKernelDensity())
    data = seeded(12).normal(size=(2, 3, 8))
    model = fit(data)
    assert model.sample(4, seeded(13)).shape == (2, 3, 4)
    np.testing.assert_array_equal(
        model[1, 2].logpdf(data[1, 2]), fit(data[1, 2]).logpdf(data[1, 2])
    )
    assert fit(data[0, 0]).broadcast(5).sample(4, seeded(13)).shape == (5, 4)


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("estimator", lambda: FitEstimator(ScikitMixture)),
        ("estimator", lambda: FitEstimator(stats.norm())),
        ("estimator", lambda: FitEstimator(None)),
        ("event", lambda: FitEstimator(ScikitMixture(2), 2)),
        ("event", lambda: FitEstimator(ScikitMixture(2), (2, 2))),
        ("event", lambda: FitEstimator(ScikitMixture(2), (0,))),
        ("event", lambda: FitEstimator(ScikitMixture(2), [2])),
        ("rng", lambda: FitEstimator(ScikitMixture(2))(np.ones((2, 9)))),
        ("data", lambda: FitEstimator(ScikitKernelDensity(), (3,))(np.ones((2, 9, 2)))),
        ("data", lambda: FitEstimator(ScikitKernelDensity())(np.array([[1.0, np.nan]]))),
        (
            "draw_samples",
            lambda: FitEstimator(ScikitKernelDensity())(Gaussian(0, 1).statistics(5, seeded(1))),
        ),
    ],
)
def test_bad_input(name, call):
    with pytest.raises(ValueError, match=name):
        call()
