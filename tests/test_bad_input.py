"""Bad input raises ValueError that names the argument, before anything is drawn."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from harness import assert_agrees, assert_refutes
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import stats

from collapse import validation
from collapse.measure import distances
from collapse.models.adapters import ScipyLaw
from collapse.models.categorical import Categorical, CategoricalCounts, FitCategorical
from collapse.models.gaussian import FitGaussian, Gaussian, GaussianStatistics
from collapse.models.histogram import FitHistogram
from collapse.models.kde import FitKernelDensity, scott
from collapse.models.mixture import FitGaussianMixture, GaussianMixture
from collapse.models.multivariate_gaussian import (
    FitMultivariateGaussian,
    MultivariateGaussian,
    MultivariateStatistics,
)
from collapse.models.population import population_fit
from collapse.models.wrappers import Shrunk, StoppedEarly
from collapse.policies import accumulate, replace
from collapse.recursion import draw_samples, draw_statistics, extend, recurse
from collapse.seeds import generator, seeded

NAN, INF = np.nan, np.inf
not_finite = st.sampled_from([NAN, INF, -INF])
finite = st.floats(-1e6, 1e6)
positive = st.floats(1e-6, 1e6)
negative = st.floats(-1e6, -1e-6)
shapes = array_shapes(min_dims=0, max_dims=3, max_side=4)
not_numbers = st.sampled_from(
    ["many", "3", None, object(), {}, {1}, [[1], [1, 2]], 1j, b"5", 10**400]
)
not_integers = st.one_of(
    st.sampled_from([None, "3", 1.0, 2.5, NAN, INF, True, False, [3], (1, 2), 1j, np.ones(2)]),
    st.floats(),
)
not_callable = st.sampled_from([None, 0, 1.5, "replace", [], {}, np.ones(3)])


def refused(name, call, *arguments, **keywords):
    """The call raises ValueError whose message holds the name as a word of its own."""
    with pytest.raises(ValueError, match=rf"\b{name}\b") as failure:
        call(*arguments, **keywords)
    assert type(failure.value) is ValueError  # not one of numpy's, which name no argument
    assert len(str(failure.value)) > len(name) + 5


def with_one(shape, good, bad):
    """Return arrays of a shape whose entries are good, but for one that is bad."""

    def place(values, index, value):
        values = values.copy()
        values.flat[index % values.size] = value
        return values

    return st.builds(place, arrays(float, shape, elements=good), st.integers(0, 999), bad)


# --- the recursion ---------------------------------------------------------------------------

CASES = {
    "gaussian": (Gaussian(0, 1), FitGaussian(ddof=1)),
    "multivariate": (MultivariateGaussian([0, 0], np.eye(2)), FitMultivariateGaussian(ddof=0)),
    "categorical": (Categorical([0.5, 0.25, 0.25]), FitCategorical(3)),
    "law": (ScipyLaw(stats.laplace()), FitGaussian(ddof=0)),
    "mixture": (GaussianMixture([0.5, 0.5], [-1, 1], [1, 1]), FitGaussianMixture(2, iterations=9)),
    "vectors": (
        GaussianMixture([1.0], [[0.0, 1.0]], covariances=np.eye(2)),
        FitGaussianMixture(2, "full", warm_start=True, iterations=9),
    ),
}
SIZES_TOO_SMALL = {
    "gaussian": 1,
    "multivariate": 1,
    "categorical": 0,
    "law": 0,
    "mixture": 1,
    "vectors": 1,
}
each_case = pytest.mark.parametrize("case", CASES)


def refused_undrawn(name, case="gaussian", **changes):
    """The recursion refuses the arguments and leaves the generator as it was."""
    reality, fit = CASES[case]
    rng = np.random.default_rng(0)
    state = rng.bit_generator.state
    arguments = {"reality": reality, "fit": fit, "sample_size": 5, "generations": 3, "rng": rng}
    refused(name, recurse, **arguments | {"chains": 2} | changes)
    assert rng.bit_generator.state == state


@given(st.one_of(st.integers(max_value=0), not_integers))
def test_chains(chains):
    refused_undrawn("chains", chains=chains)


@given(st.one_of(st.integers(max_value=-1), not_integers))
def test_generations(generations):
    refused_undrawn("generations", generations=generations)
    lineage = recurse(*CASES["gaussian"], sample_size=5, generations=2, rng=1)
    refused("generations", extend, lineage, generations)


@pytest.mark.parametrize("name", ["fit", "policy", "draw"])
@given(value=not_callable)
def test_not_callable(name, value):
    refused_undrawn(name, **{name: value})


@pytest.mark.parametrize(
    "measure",
    [0, 1.5, "std", [], ["std"], np.ones(3), np.std, {"std": 1}, {"fit": None}],
    ids=lambda value: type(value).__name__,
)
def test_measure(measure):
    refused_undrawn("measure", measure=measure)


@pytest.mark.parametrize(
    "function", [lambda m: 1.0, lambda m: m.std[:-1], lambda m: m.std[:, None]]
)
def test_measure_of_a_wrong_shape(function):
    refused_undrawn("measure", measure={"wrong": function})


@given(st.one_of(st.integers(), st.just("abc"), st.just([1.5]), st.just([-1]), st.just([None])))
def test_keep(keep):
    refused_undrawn("keep", keep=keep)


@pytest.mark.parametrize("value", [None, 3, "gaussian", np.zeros(3), Gaussian, stats.norm()])
def test_reality_is_no_model(value):
    refused_undrawn("reality", reality=value)


@pytest.mark.parametrize(
    "reality",
    [
        Gaussian(np.zeros(3), 1),
        MultivariateGaussian(np.zeros((3, 1)), np.eye(1)),
        Categorical(np.full((3, 2), 0.5)),
        Gaussian(np.zeros((2, 2)), 1),
    ],
)
def test_reality_of_another_batch(reality):
    refused_undrawn("reality", reality=reality, chains=2)


@pytest.mark.parametrize(
    "rng",
    [None, 1.5, NAN, -1, "seed", "12", [1, -2], [0.5], np.random, object(), b"1", {1: 2}],
    ids=lambda value: type(value).__name__,
)
def test_rng(rng):
    refused_undrawn("rng", rng=rng)
    refused("rng", generator, rng)


def test_rng_of_the_old_kind():
    legacy = vars(np.random)["mtrand"]._rand  # the global one
    for rng in (legacy, legacy._bit_generator):
        refused_undrawn("rng", rng=rng)


too_small = st.integers(max_value=0)
too_large = st.integers(min_value=2**62 + 1, max_value=2**200)
fractional = st.floats(1, 1e9).filter(lambda size: size != int(size))
bad_sizes = st.one_of(
    too_small, too_large, fractional, not_finite, not_numbers, st.booleans(), negative
)
good_sizes = st.integers(2, 2**62)


@each_case
@given(size=bad_sizes)
def test_sample_size(case, size):
    refused_undrawn("sample_size", case, sample_size=size)


@given(st.lists(good_sizes, min_size=3, max_size=6), st.integers(0, 2), bad_sizes)
def test_sample_size_in_a_schedule(sizes, n, size):
    sizes[n] = size
    refused_undrawn("sample_size", sample_size=sizes)
    refused_undrawn("sample_size", sample_size=lambda n: sizes[n])


@given(st.lists(good_sizes, max_size=2))
def test_schedule_too_short(sizes):
    refused_undrawn("sample_size", sample_size=sizes)
    refused_undrawn("sample_size", sample_size=np.array([sizes], dtype=float))


@each_case
def test_sample_too_small_for_the_estimator(case):
    small = SIZES_TOO_SMALL[case]
    for sizes in (small, [9, 9, small], lambda n: 9 if n < 2 else small):
        refused_undrawn("sample_size", case, sample_size=sizes)
    reality, fit = CASES[case]
    recurse(reality, fit, sample_size=small + 1, generations=3, rng=1)


def test_extend_beyond_the_schedule():
    rng = np.random.default_rng(1)
    lineage = recurse(*CASES["gaussian"], sample_size=[5, 6, 7, 1], generations=2, rng=rng)
    state = rng.bit_generator.state
    for generations in (2, 3):
        refused("sample_size", extend, lineage, generations)
    assert rng.bit_generator.state == state
    assert extend(lineage, 1).sample_sizes.tolist() == [5, 6, 7]


@each_case
@given(
    sizes=st.one_of(st.integers(2, 40), st.lists(st.integers(2, 40), min_size=4, max_size=6)),
    generations=st.integers(0, 4),
    chains=st.integers(1, 4),
    policy=st.sampled_from([replace, accumulate]),
    draw=st.sampled_from([draw_samples, draw_statistics]),
    keep=st.one_of(st.none(), st.sets(st.integers(0, 9))),
    seed=st.integers(0, 2**64),
)
def test_good_input_runs(case, sizes, generations, chains, policy, draw, keep, seed):
    reality, fit = CASES[case]
    lineage = recurse(
        reality,
        fit,
        sample_size=sizes,
        generations=generations,
        rng=seed,
        chains=chains,
        policy=policy,
        draw=draw,
        keep=keep,
        measure={"one": lambda m: np.ones(chains)},
    )
    assert lineage.newest is lineage[generations]
    assert lineage.measured["one"].shape == (generations + 1, chains)
    assert len(lineage.frame()) == chains * (generations + 1)
    assert len(extend(lineage, 0).sample_sizes) == generations


# --- sample sizes in detail ------------------------------------------------------------------


@given(good_sizes, st.integers(0, 20))
def test_one_size_for_all(size, generations):
    for value in (size, np.int64(size), np.array(size)):
        sizes = validation.sample_sizes(value, generations)
        assert sizes.dtype == np.int64 and sizes.tolist() == [size] * generations


@given(st.lists(good_sizes, max_size=9), st.data())
def test_sizes_of_a_schedule(sizes, data):
    generations = data.draw(st.integers(0, len(sizes)))
    for value in (sizes, tuple(sizes), np.array(sizes, dtype=np.int64), sizes.__getitem__):
        found = validation.sample_sizes(value, generations)
        assert found.dtype == np.int64 and found.tolist() == sizes[:generations]


def test_a_schedule_is_asked_for_each_generation_once():
    asked = []
    validation.sample_sizes(lambda n: asked.append(n) or 5, 4)
    assert asked == [0, 1, 2, 3]


@given(st.integers(1, 50))
def test_smallest_and_largest_sizes(minimum):
    for size in (minimum, 2**62):
        assert validation.sample_sizes(size, 1, minimum=minimum).tolist() == [size]
    for size in (minimum - 1, 2**62 + 1):
        refused("sample_size", validation.sample_sizes, size, 1, minimum=minimum)


@pytest.mark.parametrize("value", ["7", None, [[1, 2], [3]], {3: 4}, np.array("now", "datetime64")])
@pytest.mark.parametrize("generations", [0, 1])
def test_sizes_that_are_no_numbers(value, generations):
    refused("sample_size", validation.sample_sizes, value, generations)


@pytest.mark.parametrize(
    "value", [[[5, 6], [7, 8]], np.ones((2, 1)), lambda n: [5, 6], lambda n: None]
)
def test_sizes_of_a_wrong_shape(value):
    refused("sample_size", validation.sample_sizes, value, 2)


def test_the_message_names_the_value_and_what_is_allowed():
    with pytest.raises(ValueError, match=r"sample_size.*between 2 .*2\*\*62.*got 1$"):
        recurse(*CASES["gaussian"], sample_size=[5, 1, 0], generations=3, rng=1)
    with pytest.raises(ValueError, match=r"chains.*at least 1.*got 0$"):
        recurse(*CASES["gaussian"], sample_size=5, generations=3, rng=1, chains=0)


# --- models ----------------------------------------------------------------------------------


@given(st.data(), shapes)
def test_gaussian(data, shape):
    good = data.draw(arrays(float, shape, elements=finite))
    spread = data.draw(arrays(float, shape, elements=st.floats(0, 1e6)))
    refused("mean", Gaussian, data.draw(with_one(shape, finite, not_finite)), spread)
    refused("variance", Gaussian, good, data.draw(with_one(shape, positive, not_finite)))
    refused("variance", Gaussian, good, data.draw(with_one(shape, positive, negative)))
    model = Gaussian(good, spread)
    rng = np.random.default_rng(0)
    assert model.sample(2, rng).shape == (*shape, 2)
    for fitted in (
        FitGaussian(0.5)(model.sample(3, rng)),
        FitGaussian(1)(model.statistics(3, rng)),
    ):
        assert fitted.std.shape == shape
    assert model.logpdf(np.zeros((*shape, 1))).shape == (*shape, 1)


@given(not_numbers)
def test_arguments_that_are_no_numbers(value):
    refused("mean", Gaussian, value, 1)
    refused("variance", Gaussian, 1, value)
    refused("mean", MultivariateGaussian, value, np.eye(2))
    refused("covariance", MultivariateGaussian, np.zeros(2), value)
    refused("probabilities", Categorical, value)
    refused("samples", FitGaussian(ddof=1), value)
    refused("samples", FitMultivariateGaussian(ddof=1), value)
    refused("samples", FitCategorical(3), value)
    refused("first", distances.squared_w2_samples, value, [1.0])


def test_shapes_that_do_not_broadcast():
    refused("variance", Gaussian, np.zeros(2), np.ones(3))
    refused("covariance", MultivariateGaussian, np.zeros((2, 3)), np.ones((3, 1, 1)) * np.eye(3))
    for mean, covariance in [
        (0.0, 1.0),
        (np.zeros(3), np.eye(2)),
        (np.zeros(2), np.ones((2, 3))),
        (np.zeros(2), 1.0),
        (np.zeros(2), np.ones(2)),
        (np.zeros(0), np.eye(0)),
    ]:
        refused("covariance", MultivariateGaussian, mean, covariance)


@given(st.data(), st.integers(1, 4), array_shapes(min_dims=0, max_dims=2, max_side=3))
def test_multivariate_gaussian(data, d, batch):
    unit = st.floats(-9, 9)
    mean = data.draw(arrays(float, (*batch, d), elements=unit))
    root = data.draw(arrays(float, (*batch, d, d), elements=unit))
    covariance = root @ root.mT + np.eye(d)
    refused(
        "mean", MultivariateGaussian, data.draw(with_one(mean.shape, unit, not_finite)), covariance
    )
    spoilt = covariance.copy()
    spoilt.flat[data.draw(st.integers(0, spoilt.size - 1))] = data.draw(not_finite)
    refused("covariance", MultivariateGaussian, mean, spoilt)
    refused("covariance", MultivariateGaussian, mean, -covariance)
    if d > 1:
        skewed = covariance.copy()
        skewed[..., 0, 1] += 1
        refused("covariance", MultivariateGaussian, mean, skewed)
    model, rng = MultivariateGaussian(mean, covariance), np.random.default_rng(0)
    samples = model.sample(3, rng)
    assert model.logpdf(samples).shape == (*batch, 3)
    for data_set in (samples, model.statistics(3, rng), model.statistics(2, rng) + samples):
        assert FitMultivariateGaussian(ddof=1)(data_set).covariance.shape == (*batch, d, d)


@settings(max_examples=30)
@given(st.data(), st.integers(1, 3), st.integers(1, 3), array_shapes(min_dims=0, max_side=3))
def test_mixtures(data, k, d, batch):
    unit = st.floats(-9, 9)
    chances = data.draw(arrays(float, (*batch, k), elements=st.floats(0.01, 1)))
    chances /= chances.sum(axis=-1, keepdims=True)
    means = data.draw(arrays(float, (*batch, k, d), elements=unit))
    root = data.draw(arrays(float, (*batch, k, d, d), elements=unit))
    covariances = root @ root.mT + np.eye(d)
    index = data.draw(st.integers(0, chances.size - 1)) if chances.size else 0
    for spoil in (data.draw(not_finite), data.draw(negative), chances.flat[index] + 0.01):
        bad = chances.copy()
        bad.flat[index] = spoil
        refused("weights", GaussianMixture, bad, means[..., 0], np.ones(k))
        refused("weights", GaussianMixture, bad, means, covariances=covariances)
    bad = data.draw(with_one(means.shape, unit, not_finite))
    refused("means", GaussianMixture, chances, np.full(k, data.draw(not_finite)), np.ones(k))
    refused("means", GaussianMixture, chances, bad, covariances=covariances)
    refused("covariances", GaussianMixture, chances, means, covariances=-covariances)
    refused("covariances", GaussianMixture, chances, means, covariances=covariances[..., :0])
    refused("variances", GaussianMixture, chances, means[..., 0], -np.ones(k))
    model, rng = GaussianMixture(chances, means, covariances=covariances), np.random.default_rng(0)
    samples = model.sample(4, rng)
    assert samples.shape == (*batch, 4, d) and model.logpdf(samples).shape == (*batch, 4)
    fitted = FitGaussianMixture(k, "full", start=model, iterations=3)(samples)
    assert fitted.covariances.shape == (*batch, k, d, d)
    assert fitted.report.singular.shape == (*batch, k)
    line = GaussianMixture(chances, means[..., 0], covariances[..., 0, 0])
    assert FitGaussianMixture(k, iterations=3)(line.sample(4, rng)).means.shape == (*batch, k)


@pytest.mark.parametrize(
    "fit", [FitGaussianMixture, partial(FitGaussianMixture, covariance="full")]
)
@given(
    components=st.one_of(st.integers(max_value=0), not_integers),
    tolerance=st.one_of(not_finite, not_numbers, negative),
    start=st.one_of(st.sampled_from([None, 1, "k-means++", Gaussian(0, 1)]), not_numbers),
)
def test_settings_of_mixtures(fit, components, tolerance, start):
    refused("components", fit, components)
    refused("tolerance", fit, 2, tolerance=tolerance)
    refused("regulariser", fit, 2, regulariser=tolerance)
    refused("iterations", fit, 2, iterations=components)
    refused("start", fit, 2, start=start)
    refused("warm_start", fit, 2, warm_start=start)


weights = st.floats(0.01, 1)


@given(st.data(), st.integers(1, 6), array_shapes(min_dims=0, max_dims=2, max_side=3))
def test_categorical(data, k, batch):
    p = data.draw(arrays(float, (*batch, k), elements=weights))
    p /= p.sum(axis=-1, keepdims=True)
    index = data.draw(st.integers(0, p.size - 1))
    for spoil in (data.draw(not_finite), data.draw(negative), p.flat[index] + data.draw(weights)):
        bad = p.copy()
        bad.flat[index] = spoil
        refused("probabilities", Categorical, bad)
    bad = p.copy()
    bad.flat[index] += 1e-6  # more than rounding
    refused("probabilities", Categorical, bad)
    model, rng = Categorical(p), np.random.default_rng(0)
    np.testing.assert_allclose(model.probabilities, p, rtol=1e-12)
    samples = model.sample(4, rng)
    assert model.logpmf(samples).shape == (*batch, 4)
    for data_set in (samples, model.statistics(4, rng), model.statistics(2, rng) + samples):
        assert FitCategorical(k)(data_set).probabilities.shape == (*batch, k)
    refused("x", model.logpmf, samples + k)
    refused("x", model.logpmf, samples - k - 1)
    refused("x", model.logpmf, samples.astype(float))


def test_categorical_without_categories():
    for empty in ([], 0.5, 1.0, np.ones((2, 0))):
        refused("probabilities", Categorical, empty)


@pytest.mark.parametrize(
    "law",
    [
        None,
        3,
        "norm",
        np.ones(2),
        stats.norm,
        stats.poisson,
        stats.norm([0, 50]),
        stats.poisson([1, 2]),
        stats.multivariate_normal([0, 0]),
        stats.dirichlet([1, 1]),
        stats.gaussian_kde([0.0, 1.0, 3.0]),
    ],
    ids=lambda law: type(law).__name__,
)
def test_what_is_no_frozen_law_on_the_line(law):
    refused("distribution", ScipyLaw, law)


@pytest.mark.parametrize(
    "law",
    [
        stats.norm(1, 2),
        stats.poisson(3),
        stats.rv_histogram(([3.0, 5.0, 2.0], [0.0, 1.0, 3.0, 4.0]), density=False),
        stats.rv_discrete(values=([1, 4], [0.3, 0.7]))(),
    ],
    ids=lambda law: type(law).__name__,
)
def test_laws_of_scipy(law):
    model = ScipyLaw(law).broadcast(4000)
    drawn = model.sample(3, seeded(1))
    assert drawn.shape == (4000, 3) and drawn.dtype == float
    assert_agrees(drawn.mean(axis=1), law.mean())
    assert_agrees((drawn - law.mean()) ** 2, law.var())
    assert_refutes(drawn.mean(axis=1), law.mean() + 0.5)
    expected = law.logpmf(drawn) if hasattr(law, "logpmf") else law.logpdf(drawn)
    np.testing.assert_array_equal(model.logpdf(drawn), expected)


FITS = (
    FitGaussian(ddof=1),
    FitKernelDensity(scott),
    FitHistogram(np.linspace(0, 5, 6)),
    FitGaussianMixture(1),
)


@pytest.mark.parametrize("fit", FITS, ids=lambda fit: type(fit).__name__)
def test_one_way_in_for_data(fit):
    values = [1.0, 2.0, 3.0, 4.0]
    mean = fit(np.array(values)).mean
    for container in (
        pd.Series(values, index=[5, 6, 7, 8]),
        pd.Series([1, 2, 3, 4], dtype="Int64"),
        np.ma.array(values),
        np.array(values, dtype=object),
        np.array(values, dtype=np.float32),
        np.array(values, dtype=np.uint8),
        range(1, 5),
        tuple(values),
    ):
        assert fit(container).mean == mean
    for bad in (
        np.ma.array(values, mask=[0, 0, 0, 1]),
        np.array(["1.5", "2", "3"]),
        np.array([1.0, "2", 3], dtype=object),
        pd.Series([1, None, 3], dtype="Int64"),
        np.array([1j, 2, 3]),
        np.array(["2020", "2021"], dtype="M8[Y]"),
        [[1.0, 2.0], [3.0]],
        {1.0, 2.0},
    ):
        refused("samples|data", fit, bad)
    if hasattr(fit(values), "logpdf"):
        refused("x must be numbers", fit(values).logpdf, ["1.5", "2"])


@pytest.mark.parametrize("kind", [*np.typecodes["AllInteger"], "?", "f"])
def test_every_type_of_integer(kind):
    samples = np.array([0, 1, 1, 0], dtype=kind)
    if kind in "?f":
        refused("samples must be an array of integer categories", FitCategorical(3), samples)
        return
    np.testing.assert_array_equal(FitCategorical(3)(samples).probabilities, [0.5, 0.5, 0])
    size = np.array(50, dtype=kind)[()]
    run = recurse(Gaussian(0, 1), FitGaussian(ddof=0), sample_size=size, generations=1, rng=1)
    assert run.sample_sizes == [50]


@pytest.mark.parametrize("power", [59, 60, 61, 62])
def test_pools_that_64_bits_cannot_count(power):
    words = Categorical([0.2, 0.3, 0.5]), FitCategorical(3)
    for reality, fit in (words, (Gaussian(0, 1), FitGaussian(ddof=0))):
        fits = 2 ** (63 - power) - 1
        run = {"sample_size": 2**power, "policy": accumulate, "chains": 2, "rng": 1}
        newest = recurse(reality, fit, generations=fits, **run).newest
        spread = getattr(newest, "variance", None)
        spread = newest.probabilities.min(axis=-1) if spread is None else spread
        assert ((spread > 0.19) & (spread < 1.01)).all()
        refused("sample_size", recurse, reality, fit, generations=fits + 1, **run)


def test_messages_never_print_a_whole_array():
    many = np.arange(1000.0)
    for name, call in (
        (
            "reality",
            lambda: recurse(many, FitGaussian(ddof=0), sample_size=2, generations=1, rng=1),
        ),
        ("distribution", lambda: ScipyLaw(many)),
        ("mean", lambda: Gaussian(many.astype(str), 1)),
        ("sample_size", lambda: validation.sample_sizes(many + 0.5, 9)),
        ("ddof", lambda: FitGaussian(many)),
        ("target", lambda: Shrunk(FitGaussian(ddof=0), -np.ones((30, 30)), 0.1)),
        ("edges", lambda: FitHistogram(-many)),
        ("start", lambda: StoppedEarly(FitGaussian(ddof=0), many, 0.1, 1)),
        ("truth", lambda: population_fit(FitMultivariateGaussian(ddof=0), Gaussian(many, 1))),
    ):
        with pytest.raises(ValueError, match=name) as failure:
            call()
        assert len(str(failure.value)) < 330
    for record in (Gaussian(many, 1), Categorical(np.full(100, 0.01)), FitHistogram(many)):
        assert len(repr(record)) < 200


# --- fits ------------------------------------------------------------------------------------

bad_ddof = st.one_of(
    not_finite,
    not_numbers,
    st.floats(1.001),
    st.floats(max_value=-0.001),
    st.just(np.ones(1)),
)


@pytest.mark.parametrize("fit", [FitGaussian, FitMultivariateGaussian])
@given(ddof=bad_ddof)
def test_ddof(fit, ddof):
    refused("ddof", fit, ddof)


@pytest.mark.parametrize("fit", [FitGaussian, FitMultivariateGaussian, FitCategorical])
def test_there_is_no_default_that_hides_a_choice(fit):
    with pytest.raises(TypeError):
        fit()


@given(st.one_of(st.integers(max_value=0), not_integers))
def test_categories(categories):
    refused("categories", FitCategorical, categories)


@given(st.data(), array_shapes(min_dims=1, max_dims=3, min_side=2, max_side=4))
def test_data_that_are_not_finite(data, shape):
    samples = data.draw(with_one(shape, finite, not_finite))
    refused("samples", FitGaussian(ddof=1), samples)
    refused("samples", GaussianStatistics.of, samples)
    if len(shape) > 1:
        refused("samples", FitMultivariateGaussian(ddof=1), samples)
        refused("samples", MultivariateStatistics.of, samples)


def test_data_that_are_too_few():
    refused("samples", FitGaussian(ddof=0), np.ones((3, 0)))
    refused("samples", FitGaussian(ddof=0), 1.0)
    refused("data", FitGaussian(ddof=1), np.ones((3, 1)))
    refused("data", FitMultivariateGaussian(ddof=0), np.ones((3, 1, 2)))
    refused("samples", FitMultivariateGaussian(ddof=0), np.ones((3, 0, 2)))
    refused("samples", FitMultivariateGaussian(ddof=0), np.ones(3))
    refused("data", FitGaussianMixture(3), np.ones((4, 2)))
    refused("data", FitGaussianMixture(3, "full"), np.ones((4, 2, 3)))
    refused("data", FitGaussianMixture(1, "full"), np.ones(4))
    refused("samples", FitCategorical(3), np.ones((3, 0), dtype=int))
    assert FitGaussian(ddof=0)(np.ones((3, 1))).variance.tolist() == [0, 0, 0]


@given(st.integers(1, 5), st.integers(0, 99))
def test_data_that_are_no_categories(k, excess):
    for bad in ([[0, k + excess]], [[-1 - excess, 0]], [[0.0]], [[NAN]], [["a"]], [[True]], 0):
        refused("samples", FitCategorical(k), np.array(bad))
        refused("samples", CategoricalCounts.of, np.array(bad), k)


@given(
    arrays(float, array_shapes(min_dims=2, max_dims=4, min_side=2, max_side=4), elements=finite),
    st.sampled_from([0, 0.5, 1]),
)
def test_good_data_are_fitted(samples, ddof):
    fitted = FitGaussian(ddof)(samples)
    np.testing.assert_allclose(fitted.mean, samples.mean(-1), rtol=1e-9, atol=1e-6)
    assert (fitted.variance >= 0).all() and fitted.variance.shape == samples.shape[:-1]
    flat = FitMultivariateGaussian(ddof)(samples)
    divisor = samples.shape[-2] - ddof
    np.testing.assert_allclose(
        distances.total_variance(flat),
        samples.var(axis=-2).sum(axis=-1) * samples.shape[-2] / divisor,
        rtol=1e-9,
        atol=1e-6,
    )
    assert flat.mean.shape == samples.shape[:-2] + samples.shape[-1:]


# --- metrics and seeds -----------------------------------------------------------------------


@given(st.one_of(not_finite, st.floats(1.001), st.floats(max_value=-0.001), not_numbers))
def test_level(level):
    one = Gaussian(0, 1)
    refused("level", distances.tail_mass, one, one, level)


@given(st.data(), array_shapes(min_dims=1, max_dims=3, max_side=4))
def test_samples_of_metrics(data, shape):
    bad, good = data.draw(with_one(shape, finite, not_finite)), np.ones(shape)
    refused("first", distances.squared_w2_samples, bad, good)
    refused("second", distances.squared_w2_samples, good, bad)
    for empty in (np.ones((*shape, 0)), 1.0):
        refused("first", distances.squared_w2_samples, empty, good)
        refused("second", distances.squared_w2_samples, good, empty)
    assert distances.squared_w2_samples(good, good[..., :1]).shape == shape[:-1]


@given(st.one_of(st.integers(max_value=-1), not_integers))
def test_seed(seed):
    refused("seed", seeded, seed)


@pytest.mark.parametrize("offset", ["", "-1", "1.5", "one", " ", "0x1", "²", "1e3", "nan"])
def test_seed_offset(offset, monkeypatch):
    monkeypatch.setenv("COLLAPSE_SEED_OFFSET", offset)
    with pytest.raises(ValueError, match="COLLAPSE_SEED_OFFSET must be a non-negative"):
        seeded(1)


def test_seed_offset_shifts_every_seed(monkeypatch):
    monkeypatch.delenv("COLLAPSE_SEED_OFFSET", raising=False)
    unset = seeded(1).random(3).tolist()
    numbers = [unset]
    for offset in ("0", "1", "2", "123456789012345678901234567890"):
        monkeypatch.setenv("COLLAPSE_SEED_OFFSET", offset)
        numbers += [seeded(1).random(3).tolist(), seeded(2).random(3).tolist()]
    assert numbers[0] == numbers[1]
    assert len({tuple(row) for row in numbers}) == 8
