"""The three errors of a generation: closed forms, each switched off, honest standard errors."""

from dataclasses import fields

import numpy as np
import pytest
from harness import assert_agrees, assert_refutes, z_score
from scipy import stats

from collapse.measure import distances
from collapse.measure.errors import KINDS, decompose
from collapse.models.adapters import ScipyLaw
from collapse.models.categorical import Categorical, FitCategorical
from collapse.models.gaussian import FitGaussian, Gaussian
from collapse.models.histogram import FitHistogram
from collapse.models.kde import FitKernelDensity, KernelDensity, scott
from collapse.models.mixture import FitGaussianMixture, GaussianMixture
from collapse.models.wrappers import Regularized, Sharpened, Shrunk
from collapse.recursion import draw_samples, recurse
from collapse.seeds import seeded
from collapse.theory import functional as theory
from collapse.theory import gaussian as line

NORMAL = Gaussian(-1.0, 2.0)
MODES = KernelDensity([-1.0, 1.0], 0.5)
endless = {"sample_size": np.inf, "chains": 1, "rng": 0}


# --- each source switched off ----------------------------------------------------------------


def test_statistical_error_off():
    fit = Regularized(FitGaussian(ddof=0), 0.3)
    found = decompose(MODES, FitGaussian(ddof=0), fit, generations=4, **endless)
    assert (found.statistical < 1e-25).all()
    assert found.expressivity[0] == pytest.approx(theory.projection_w2(MODES), rel=1e-3)
    # once and never again, while the procedure errs at every generation
    assert (found.expressivity[1:] < 1e-25).all()
    std = np.sqrt(1.25 + 0.3 * np.arange(5))
    np.testing.assert_allclose(found.approximation[:, 0], np.diff(std) ** 2, rtol=1e-9)
    assert (found.frame()["standard_error"] == 0).all()


def test_expressivity_error_off():
    arguments = {"sample_size": 6, "generations": 3, "chains": 50, "rng": seeded(72)}
    fit = Shrunk(FitGaussian(ddof=0), 1.0, 0.2)
    found = decompose(NORMAL, FitGaussian(ddof=0), fit, **arguments)
    assert (found.expressivity < 1e-25).all()
    assert (found.approximation > 0).all() and (found.statistical > 0).all()


def test_approximation_error_off():
    arguments = {"sample_size": 6, "generations": 3, "chains": 50, "rng": seeded(73)}
    found = decompose(MODES, FitGaussian(ddof=0), **arguments)
    assert (found.approximation == 0).all()
    again = decompose(MODES, FitGaussian(ddof=0), FitGaussian(ddof=1), **arguments)
    assert (again.approximation == 0).all()  # the divisor is forgotten by endless samples
    assert (found.expressivity[0] > 0.05).all() and (found.statistical > 0).all()


def test_all_off():
    found = decompose(NORMAL, FitGaussian(ddof=0), generations=3, **endless)
    assert max(getattr(found, kind).max() for kind in (*KINDS, "total")) < 1e-25


# --- closed forms ----------------------------------------------------------------------------


@pytest.mark.parametrize("ddof", [0, 1])
def test_statistical_error_of_a_gaussian(ddof):
    size = 4
    found = decompose(
        NORMAL,
        FitGaussian(ddof),
        sample_size=size,
        generations=3,
        chains=20_000,
        rng=seeded(74 + ddof),
    )
    # each generation errs relative to the variance that it has itself
    unit = line.expected_risk(size, 1, ddof=ddof)[-1]
    spread = line.std_moment(2, size, 2, ddof=ddof, variance=2.0)
    assert_agrees(found.statistical.T, unit * spread)
    np.testing.assert_allclose(found.total, found.statistical, atol=1e-12)
    assert_refutes(found.statistical.T, line.expected_risk(size + 1, 1, ddof=ddof)[-1] * spread)
    late = line.std_moment(2, size, 2, ddof=1 - ddof, variance=2.0)
    assert_refutes(found.statistical.T, unit * late)


@pytest.mark.parametrize("bins", [16, 32])
def test_expressivity_error_of_a_histogram(bins):
    # a slope f' within a bin moves its mass by f'/2f (x² - w²/4): to the lowest order in w the
    # error is w⁴/120 times the Fisher information, which is 42 for this law
    found = decompose(
        ScipyLaw(stats.beta(4, 4)), FitHistogram(np.linspace(0, 1, bins + 1)), **endless
    )
    assert found.expressivity[0, 0] == pytest.approx(42 / 120 / bins**4, rel=0.1)


def test_kernel_smoothing_follows_the_square_of_its_bandwidth():
    h = 0.4
    smoothed = theory.smoothed_variance(4, bandwidth=h, variance=2.0)
    arguments = {"family": FitKernelDensity(scott), "procedure": FitKernelDensity(h)}
    found = decompose(NORMAL, **arguments, generations=4, **endless)
    np.testing.assert_allclose(found.approximation[:, 0], np.diff(np.sqrt(smoothed)) ** 2)
    assert found.expressivity.max() == 0
    # with samples: W2 of two bumps that differ in width is that of their widths
    run = decompose(
        KernelDensity([0.0], 0.5),
        **arguments,
        sample_size=20,
        chains=30,
        rng=seeded(76),
        draw=draw_samples,
    )
    assert run.expressivity.max() == 0
    assert run.approximation[0] == pytest.approx((np.hypot(0.5, h) - 0.5) ** 2, rel=1e-6)
    assert (run.statistical > 0).all()


def test_kl_of_expressivity_adds_exactly():
    arguments = {"sample_size": 50, "chains": 400, "distance": distances.kl}
    found = decompose(MODES, FitGaussian(ddof=0), rng=seeded(77), **arguments)
    assert found.expressivity[0] == pytest.approx(theory.projection_kl(MODES), rel=1e-3)
    np.testing.assert_allclose(found.total, found.expressivity + found.statistical, atol=1e-4)
    # with a procedure that misses the best fit the sum does not come out
    missing = Regularized(FitGaussian(ddof=0), 0.5)
    found = decompose(MODES, FitGaussian(ddof=0), missing, rng=seeded(78), **arguments)
    cross = found.total - found.expressivity - found.approximation - found.statistical
    assert np.abs(cross).mean() > 1e-3


def test_other_spaces_need_a_distance():
    reality = Categorical([0.5, 0.3, 0.2])
    chosen = {"distance": lambda first, second: distances.kl(second, first)}
    found = decompose(
        reality, FitCategorical(3), Sharpened(FitCategorical(3), 0.5), **chosen, **endless
    )
    before, sharp = np.array([0.5, 0.3, 0.2]), np.array([0.25, 0.09, 0.04]) / 0.38
    assert found.approximation[0, 0] == pytest.approx(np.sum(sharp * np.log(sharp / before)))
    with pytest.raises(ValueError, match="squared_w2 has no definition"):
        decompose(reality, FitCategorical(3), **endless)


# --- the record ------------------------------------------------------------------------------


def test_the_run_is_that_of_recurse():
    arguments = {"sample_size": [5, 9], "generations": 2, "chains": 7}
    found = decompose(NORMAL, FitGaussian(ddof=1), rng=seeded(79), **arguments)
    run = recurse(NORMAL, FitGaussian(ddof=1), rng=seeded(79), **arguments)
    np.testing.assert_array_equal(found.lineage.newest.mean, run.newest.mean)
    exact = distances.squared_w2(run[1], run[2])
    np.testing.assert_allclose(found.total[1], exact)
    for field in fields(found):
        with pytest.raises(AttributeError):
            setattr(found, field.name, 0)


def test_frame_has_honest_standard_errors():
    size, unit = 10, line.expected_risk(10, 1, ddof=0)[-1]
    scores = []
    for seed in range(200):
        frame = decompose(
            Gaussian(0.0, 1.0),
            FitGaussian(0),
            sample_size=size,
            chains=200,
            rng=seeded(1000 + seed),
        ).frame()
        row = frame[frame["error"] == "statistical"].iloc[0]
        scores.append((row["mean"] - unit) / row["standard_error"])
    assert list(frame.columns) == ["generation", "error", "mean", "standard_error"]
    assert list(frame["error"]) == [*KINDS, "total"]
    assert_agrees(scores, 0)
    # their squares have mean one, up to what the skewness of 200 chains makes
    assert abs(z_score(np.square(scores), 1.0)) < 5
    assert_refutes(np.square(scores), 3.0)


def test_frame_means():
    found = decompose(
        MODES, FitGaussian(0), sample_size=8, generations=3, chains=20, rng=seeded(80)
    )
    table = found.frame().pivot(index="generation", columns="error", values="mean")
    assert list(table.index) == [1, 2, 3]
    np.testing.assert_allclose(table["total"], found.total.mean(axis=1))
    errors = found.frame().pivot(index="generation", columns="error", values="standard_error")
    np.testing.assert_allclose(errors["statistical"], stats.sem(found.statistical, axis=1))


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("family", {"family": None}),
        ("procedure", {"procedure": 3}),
        ("distance", {"distance": "w2"}),
        ("chains", {"chains": 1}),
        ("chains", {"chains": 0, "sample_size": np.inf}),
        ("generations", {"generations": 0}),
        ("sample_size", {"sample_size": -np.inf}),
        ("sample_size", {"sample_size": np.nan}),
        ("sample_size", {"sample_size": 0}),
        ("rng", {"rng": None}),
        ("reality", {"reality": 3}),
        ("fit", {"family": lambda data: NORMAL}),
    ],
)
def test_bad_input_is_named(name, changes):
    arguments = {
        "reality": NORMAL,
        "family": FitGaussian(0),
        "sample_size": 5,
        "chains": 3,
        "rng": seeded(81),
    }
    with pytest.raises(ValueError, match=rf"\b{name}\b"):
        decompose(**(arguments | changes))


def test_errors_of_mixtures_are_told_apart():
    truth = GaussianMixture([0.3, 0.7], [-1.5, 1.5], [1.0, 1.0])
    right, hasty = FitGaussianMixture(2), FitGaussianMixture(2, iterations=3)
    full = decompose(truth, right, generations=2, **endless)
    assert full.total.max() == 0  # the truth is in the family, and the top is reached
    early = decompose(truth, right, hasty, generations=2, **endless)
    assert early.expressivity.max() == 0 == early.statistical.max()
    assert (early.approximation > 1e-4).all()  # made again and again
    np.testing.assert_allclose(early.approximation, early.total)
    small = decompose(truth, FitGaussianMixture(1), generations=3, **endless)
    assert small.expressivity[0, 0] == pytest.approx(theory.projection_w2(truth), rel=1e-2)
    assert small.expressivity[1:].max() < 1e-9
    finite = decompose(truth, right, sample_size=200, chains=20, rng=seeded(81))
    assert finite.approximation.max() == 0 == finite.expressivity.max()
    assert finite.statistical.min() > 0
