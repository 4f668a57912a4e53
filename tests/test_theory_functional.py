"""Closed forms of functional error against simulation, with controls that must fail."""

from functools import partial

import numpy as np
import pytest
from harness import assert_agrees, assert_refutes
from scipy import integrate, special, stats

from collapse.measure.distances import entropy, kl, squared_w2_samples
from collapse.models.adapters import ScipyLaw
from collapse.models.categorical import Categorical
from collapse.models.gaussian import FitGaussian, Gaussian
from collapse.models.kde import (
    FitKernelDensity,
    KernelDensity,
    scott,
    scott_factor,
    silverman,
    silverman_factor,
)
from collapse.models.multivariate_gaussian import FitMultivariateGaussian, MultivariateGaussian
from collapse.models.population import population_fit
from collapse.models.wrappers import Regularized, Rounded, Sharpened, Shrunk, StoppedEarly
from collapse.policies import accumulate, newest_law, replace
from collapse.recursion import draw_samples, recurse
from collapse.seeds import seeded
from collapse.theory import functional as theory
from collapse.theory import gaussian as line

SIZES, CHAINS, VARIANCE = [4, 3, 6], 40_000, 2.0
GENERATIONS = len(SIZES)
SETTING = (SIZES, GENERATIONS)


def simulate(fit, reality=None, policy=replace, seed=51, **changes):
    """Return the lineage of many short chains."""
    arguments = {"sample_size": SIZES, "generations": GENERATIONS, "chains": CHAINS} | changes
    reality = Gaussian(-1.0, VARIANCE) if reality is None else reality
    return recurse(reality, fit, policy=policy, rng=seeded(seed), **arguments)


def by_chain(lineage, function):
    """Return values of shape (chains, N + 1)."""
    return lineage.measure(function).T


def late(function, *arguments, **keywords):
    """Return the prediction for one generation too many."""
    return function([SIZES[0], *SIZES], GENERATIONS + 1, *arguments, **keywords)[1:]


@pytest.mark.parametrize(
    "reality", [Gaussian(-1.0, VARIANCE), ScipyLaw(stats.laplace(-1, 1))], ids=["normal", "laplace"]
)
def test_kde_variance(reality):
    lineage = simulate(FitKernelDensity(0.7), reality, draw=draw_samples)
    arguments = {"bandwidth": 0.7, "variance": VARIANCE}
    spread = by_chain(lineage, lambda m: m.variance)
    assert_agrees(spread, theory.kde_variance(*SETTING, **arguments))
    assert_refutes(spread, late(theory.kde_variance, **arguments))
    assert_refutes(spread, theory.smoothed_variance(GENERATIONS, **arguments))
    assert_refutes(spread, theory.kde_variance_accumulated(*SETTING, **arguments))
    squared = by_chain(lineage, lambda m: (m.mean + 1) ** 2)
    assert_agrees(squared, theory.kde_variance_of_mean(*SETTING, **arguments))
    assert_refutes(squared, late(theory.kde_variance_of_mean, **arguments))
    no_kernel = line.variance_of_mean(*SETTING, ddof=0, variance=VARIANCE)
    assert_refutes(squared, no_kernel)


def test_kde_variance_tends_to_a_balance():
    assert theory.kde_variance(20, 1000, bandwidth=0.5)[-1] == pytest.approx(5.0)
    steps = np.diff(theory.kde_variance_of_mean(20, 1000, bandwidth=0.5))
    assert steps[-1] == pytest.approx(0.25)
    # without a kernel it is the bootstrap, which loses its variance like Wright and Fisher's
    np.testing.assert_allclose(theory.kde_variance(20, 50, bandwidth=0.0), 0.95 ** np.arange(51))
    huge = theory.kde_variance(10**12, 3, bandwidth=0.5)
    np.testing.assert_allclose(huge, theory.smoothed_variance(3, bandwidth=0.5), rtol=1e-11)


def test_kde_variance_accumulated():
    arguments = {"bandwidth": 0.7, "variance": VARIANCE}
    lineage = simulate(FitKernelDensity(0.7), policy=accumulate, draw=draw_samples)
    spread = by_chain(lineage, lambda m: m.variance)
    assert_agrees(spread, theory.kde_variance_accumulated(*SETTING, **arguments))
    assert_refutes(spread, theory.kde_variance(*SETTING, **arguments))
    assert_refutes(spread, late(theory.kde_variance_accumulated, **arguments))
    harmonic = VARIANCE + 0.49 * np.cumsum([0, 1, 1 / 2, 1 / 3])
    assert_refutes(spread, harmonic)
    # endless samples: logarithmic growth
    huge = theory.kde_variance_accumulated(10**12, 3, **arguments)
    np.testing.assert_allclose(huge, harmonic, rtol=1e-11)


def test_kde_variance_under_accumulation_without_a_kernel():
    lineage = simulate(FitGaussian(ddof=0), policy=accumulate)
    found = theory.kde_variance_accumulated(*SETTING, bandwidth=0.0, variance=VARIANCE)
    assert_agrees(by_chain(lineage, lambda m: m.variance), found)
    ten = theory.kde_variance_accumulated(10, 5000, bandwidth=0.0)[-1]
    assert ten == pytest.approx(np.sinc(1 / np.sqrt(10)), rel=1e-4)


@pytest.mark.parametrize(
    ("rule", "factor", "other"),
    [(scott, scott_factor, silverman_factor), (silverman, silverman_factor, scott_factor)],
    ids=["scott", "silverman"],
)
def test_kde_rule_variance(rule, factor, other):
    spread = by_chain(
        simulate(FitKernelDensity(rule), chains=100_000, draw=draw_samples), lambda m: m.variance
    )
    predict = partial(theory.kde_rule_variance, *SETTING, variance=VARIANCE)
    assert_agrees(spread, predict(factor=factor))
    assert_refutes(spread, late(theory.kde_rule_variance, factor=factor, variance=VARIANCE))
    assert_refutes(spread, predict(factor=lambda m: factor(m) * np.sqrt((m - 1) / m)))  # ddof=0
    doubled = predict(factor=lambda m: other(m) * 1.2)
    assert_refutes(spread, doubled)
    growth = theory.kde_rule_variance(1000, 2, factor=factor)[1:] / np.array([1, 1])
    assert growth[0] == pytest.approx(1 - 1e-3 + factor(1000) ** 2)
    assert growth[1] == pytest.approx(growth[0] ** 2)


def test_kde_without_sampling_error():
    lineage = recurse(
        Gaussian(0.0, VARIANCE),
        partial(population_fit, FitKernelDensity(0.6)),
        policy=newest_law,
        sample_size=1,
        generations=5,
        rng=seeded(52),
    )
    predicted = theory.smoothed_variance(5, bandwidth=0.6, variance=VARIANCE)
    np.testing.assert_allclose(lineage.measure(lambda m: m.variance)[:, 0], predicted)
    assert predicted[-1] == pytest.approx(VARIANCE + 5 * 0.36)


@pytest.mark.parametrize("ddof", [0, 1])
def test_shrinkage_variance(ddof):
    arguments = {"intensity": 0.3, "target": 1.5, "variance": VARIANCE}
    spread = by_chain(
        simulate(Shrunk(FitGaussian(ddof), target=1.5, intensity=0.3)), lambda m: m.variance
    )
    assert_agrees(spread, theory.shrinkage_variance(*SETTING, ddof=ddof, **arguments))
    assert_refutes(spread, theory.shrinkage_variance(*SETTING, ddof=1 - ddof, **arguments))
    assert_refutes(spread, late(theory.shrinkage_variance, ddof=ddof, **arguments))
    limit = theory.shrinkage_variance(4, 200, ddof=ddof, **arguments)[-1]
    assert limit == pytest.approx(1.5 if ddof else 0.45 / (1 - 0.7 * 0.75))


def test_shrinkage_in_many_dimensions():
    root, target = np.array([[1.0, 0.0], [0.6, 1.2]]), np.array([[0.5, -0.2], [-0.2, 2.0]])
    reality = MultivariateGaussian(np.zeros(2), root @ root.T)
    fit = Shrunk(FitMultivariateGaussian(ddof=0), target, intensity=0.3)
    entries = simulate(fit, reality, chains=20_000).measure(lambda m: m.covariance)
    for i, j in ((0, 0), (0, 1), (1, 1)):
        # the recursion is linear, so that a negative entry is a difference of two variances
        predict = lambda start, goal: theory.shrinkage_variance(  # noqa: E731
            *SETTING, ddof=0, intensity=0.3, target=goal, variance=start
        )
        start, goal = (root @ root.T)[i, j], target[i, j]
        predicted = predict(start, max(goal, 0)) - predict(0.0, max(-goal, 0))
        assert_agrees(entries[..., i, j].T, predicted)
        assert_refutes(entries[..., i, j].T, predicted + 0.1)


@pytest.mark.parametrize("ddof", [0, 1])
def test_regularized_variance(ddof):
    arguments = {"epsilon": 0.4, "variance": VARIANCE}
    spread = by_chain(simulate(Regularized(FitGaussian(ddof), 0.4)), lambda m: m.variance)
    assert_agrees(spread, theory.regularized_variance(*SETTING, ddof=ddof, **arguments))
    assert_refutes(spread, theory.regularized_variance(*SETTING, ddof=1 - ddof, **arguments))
    assert_refutes(spread, late(theory.regularized_variance, ddof=ddof, **arguments))
    assert_refutes(spread, theory.regularized_variance(*SETTING, ddof=ddof, epsilon=0.3))
    long = theory.regularized_variance(50, 3000, ddof=ddof, epsilon=1e-6)
    expected = 1e-6 * 50 if ddof == 0 else 1 + 3000e-6
    assert long[-1] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("ddof", [0, 1])
def test_stopped_early_moments(ddof):
    start, rate, steps = Gaussian(0.5, 1.2), 0.4, 3
    lineage = simulate(StoppedEarly(FitGaussian(ddof), start, rate, steps))
    observed = [
        by_chain(lineage, lambda m: (m.mean - 0.5) ** 2),
        by_chain(lineage, lambda m: m.variance),
    ]
    arguments = {"start_variance": 1.2, "variance": VARIANCE}
    predict = partial(theory.stopped_early_moments, *SETTING, **arguments)
    fraction = 1 - 0.6**3
    right = predict(ddof=ddof, fraction=fraction, distance=-1.5)
    for seen, value, wrong, more in zip(
        observed,
        right,
        predict(ddof=ddof, fraction=fraction),
        predict(ddof=ddof, fraction=1 - 0.6**4, distance=-1.5),
        strict=True,
    ):
        assert_agrees(seen, value)
        assert_refutes(seen, wrong)  # as if the start knew reality's mean
        assert_refutes(seen, more)  # a step too many
    assert_refutes(observed[1], predict(ddof=1 - ddof, fraction=fraction, distance=-1.5)[1])


def test_stopping_early_forgets_reality():
    squared, spread = theory.stopped_early_moments(
        10**12, 400, ddof=1, fraction=0.9, start_variance=3.0, distance=2.0
    )
    np.testing.assert_allclose(squared[:5], 4 * 0.81 ** np.arange(5), rtol=1e-9)
    assert spread[-1] == pytest.approx(3.0, rel=1e-9) and squared[-1] < 1e-9
    lineage = recurse(
        Gaussian(2.0, 1.0),
        partial(population_fit, StoppedEarly(FitGaussian(1), Gaussian(0.0, 3.0), 0.9, 1)),
        policy=newest_law,
        sample_size=1,
        generations=20,
        rng=seeded(53),
    )
    np.testing.assert_allclose(lineage.measure(lambda m: m.variance)[:, 0], spread[:21], rtol=1e-9)


@pytest.mark.parametrize("ddof", [0, 1])
def test_tempered_variance(ddof):
    spread = by_chain(simulate(Sharpened(FitGaussian(ddof), 0.8)), lambda m: m.variance)
    predict = partial(theory.tempered_variance, *SETTING, variance=VARIANCE)
    assert_agrees(spread, predict(ddof=ddof, temperature=0.8))
    assert_refutes(spread, predict(ddof=1 - ddof, temperature=0.8))
    assert_refutes(spread, predict(ddof=ddof, temperature=0.8**2))
    assert_refutes(spread, late(theory.tempered_variance, ddof=ddof, temperature=0.8))


PROBABILITIES = np.array([0.4, 0.1, 0.3, 0.0, 0.2])


@pytest.mark.parametrize("temperature", [0.5, 0.9, 1.0, 2.0])
def test_tempered_probabilities(temperature):
    lineage = recurse(
        Categorical(PROBABILITIES),
        Sharpened(lambda law: law, temperature),
        policy=newest_law,
        sample_size=1,
        generations=6,
        rng=seeded(54),
    )
    predicted = theory.tempered_probabilities(PROBABILITIES, 6, temperature=temperature)
    np.testing.assert_allclose(
        [m.probabilities[0] for m in lineage.models], predicted, rtol=1e-11, atol=1e-15
    )
    np.testing.assert_allclose(predicted.sum(axis=-1), 1)
    np.testing.assert_allclose(
        theory.tempered_entropy(PROBABILITIES, 6, temperature=temperature),
        lineage.measure(entropy)[:, 0],
        rtol=1e-10,
    )
    if temperature != 1:  # the control: a generation too many
        wrong = theory.tempered_probabilities(PROBABILITIES, 7, temperature=temperature)[1:]
        assert np.abs(wrong - predicted).max() > 0.01


def test_limits_of_temperature():
    limit = partial(theory.tempered_probabilities, generations=20_000)
    np.testing.assert_allclose(limit(PROBABILITIES, temperature=0.9)[-1], [1, 0, 0, 0, 0])
    np.testing.assert_allclose(
        limit(PROBABILITIES, temperature=1.1)[-1], [0.25, 0.25, 0.25, 0, 0.25]
    )
    np.testing.assert_allclose(limit([0.4, 0.2, 0.4], temperature=0.5)[-1], [0.5, 0, 0.5])
    np.testing.assert_allclose(limit(PROBABILITIES, temperature=1.0)[-1], PROBABILITIES)
    falling = theory.tempered_entropy(PROBABILITIES, 50, temperature=0.9)
    rising = theory.tempered_entropy(PROBABILITIES, 50, temperature=1.1)
    assert (np.diff(falling) <= 0).all() and (np.diff(rising) >= 0).all()
    assert falling[-1] < 1e-9 and rising[-1] == pytest.approx(np.log(4), abs=1e-3)
    # the rate, in the power b = 1 / T
    slope = (
        theory.tempered_entropy(PROBABILITIES, 1, temperature=1 / (1 + 1e-5))[1]
        - theory.tempered_entropy(PROBABILITIES, 1, temperature=1 / (1 - 1e-5))[1]
    ) / 2e-5
    p = PROBABILITIES[PROBABILITIES > 0]
    variance = (p * np.log(p) ** 2).sum() - (p * np.log(p)).sum() ** 2
    assert slope == pytest.approx(-variance, rel=1e-5)


def test_smallest_settings():
    np.testing.assert_allclose(
        theory.tempered_probabilities([0.25, 0.75], 0, temperature=2.0), [[0.25, 0.75]]
    )
    assert theory.smoothed_variance(0, bandwidth=1.0) == [1.0]
    single = theory.shrinkage_variance(1, 2, ddof=0, intensity=0.5, target=0.5, variance=0.5)
    np.testing.assert_allclose(single, [0.5, 0.25, 0.25])  # one draw has no variance
    np.testing.assert_allclose(theory.kde_variance(1, 2, bandwidth=0.5), [1, 0.25, 0.25])


LAWS = {
    "laplace": ScipyLaw(stats.laplace(1.0, 2.0)),
    "exponential": ScipyLaw(stats.expon(scale=3.0)),
    "gamma": ScipyLaw(stats.gamma(3.0)),
    "two modes": KernelDensity([-2.0, 2.0], 0.7),
    "two far modes": KernelDensity([-50.0, 50.0], 1.0),
}
each_reality = pytest.mark.parametrize("reality", LAWS.values(), ids=LAWS)


@each_reality
def test_projection_kl(reality):
    predicted = theory.projection_kl(reality)
    fitted = population_fit(FitGaussian(0), reality)
    draws = reality.sample(100_000, seeded(55))
    gain = reality.logpdf(draws) - fitted.logpdf(draws)
    assert_agrees(gain, predicted)
    wider = Gaussian(fitted.mean, 1.8 * fitted.variance)
    assert_refutes(reality.logpdf(draws) - wider.logpdf(draws), predicted)
    # it is the least divergence from any Gaussian: others add their own distance
    other = Gaussian(fitted.mean + 0.3, fitted.variance * 1.4)
    excess = reality.logpdf(draws) - other.logpdf(draws) - kl(fitted, other)
    assert_agrees(excess, predicted)


@each_reality
def test_projection_w2(reality):
    predicted = theory.projection_w2(reality)
    fitted = population_fit(FitGaussian(0), reality)
    # independently, through the quantile functions on a fine grid of one law's points
    x = np.sort(reality.sample(400_000, seeded(56)))
    u = np.clip(reality.cdf(x), 1e-300, 1 - 1e-16)
    squared = (x - (fitted.mean + fitted.std * special.ndtri(u))) ** 2
    assert_agrees(squared, predicted)
    assert_refutes(squared, predicted * 1.3)
    assert 0 < predicted < 2 * reality.variance


def test_closed_forms_of_projection():
    for scale in (0.1, 1.0, 30.0):
        laplace = ScipyLaw(stats.laplace(5.0, scale))
        assert theory.projection_kl(laplace) == pytest.approx((np.log(np.pi) - 1) / 2, abs=1e-8)
        expon = ScipyLaw(stats.expon(scale=scale))
        assert theory.projection_kl(expon) == pytest.approx((np.log(2 * np.pi) - 1) / 2, abs=1e-7)
    normal = ScipyLaw(stats.norm(3.0, 2.0))
    assert theory.projection_kl(normal) == pytest.approx(0, abs=1e-9)
    assert theory.projection_w2(normal) == pytest.approx(0, abs=1e-7)
    # two far modes: an entropy of ln 2 and two bumps; W2 that of two points, 2 - 2 sqrt(2/pi)
    far = LAWS["two far modes"]
    entropy_of_modes = np.log(2) + 0.5 * np.log(2 * np.pi * np.e)
    expected = 0.5 * np.log(2 * np.pi * np.e * 2501) - entropy_of_modes
    assert theory.projection_kl(far) == pytest.approx(expected, abs=1e-8)
    points = KernelDensity([-1.0, 1.0], 1e-4)
    assert theory.projection_w2(points) == pytest.approx(2 - 2 * np.sqrt(2 / np.pi), abs=1e-3)
    # and by brute force over quantiles
    gamma = stats.gamma(3.0)
    z = lambda u: gamma.mean() + gamma.std() * special.ndtri(u)  # noqa: E731
    brute = integrate.quad(lambda u: (gamma.ppf(u) - z(u)) ** 2, 0, 1, limit=500)[0]
    assert theory.projection_w2(ScipyLaw(gamma)) == pytest.approx(brute, rel=1e-5)


def test_expressivity_error_is_made_once():
    reality = LAWS["laplace"]
    lineage = recurse(
        reality,
        partial(population_fit, FitGaussian(0)),
        policy=newest_law,
        sample_size=1,
        generations=4,
        rng=seeded(57),
    )
    draws = reality.sample(20_000, seeded(58))
    risks = [squared_w2_samples(draws, m.sample(20_000, seeded(59))[0]) for m in lineage.models[1:]]
    np.testing.assert_allclose(risks, risks[0], rtol=1e-12)
    assert risks[0] == pytest.approx(theory.projection_w2(reality), rel=0.3)
    # with samples on top it is made once, and then chance takes over
    fitted = simulate(FitGaussian(1), reality, chains=20_000)
    spread = by_chain(fitted, lambda m: m.variance)
    assert_agrees(spread, 8.0)
    steps = np.diff(np.log(spread), axis=1)
    walk = np.diff(line.expected_log_variance(*SETTING, ddof=1))
    assert_agrees(steps[:, 1:], walk[1:])
    assert_refutes(steps[:, :1], walk[:1])  # only the first fit sees the kurtosis


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_rounding_variance(dtype):
    x = np.exp2(seeded(60).uniform(-6, 6, 200_000))
    relative = (x.astype(dtype).astype(float) / x - 1) ** 2 / theory.rounding_variance(dtype)
    assert_agrees(relative, 1)
    assert_refutes(relative, 8 * np.log(2) / 3)  # without the mean inverse of the mantissa
    assert_refutes(relative, 0.25)  # the spacing below 1


@pytest.mark.parametrize("ddof", [0, 1])
def test_rounded_variance(ddof):
    reality = Gaussian(1500.0, 2.0)  # where the numbers of float16 are one apart
    fit = Rounded(FitGaussian(ddof), "float16")
    spread = by_chain(simulate(fit, reality, draw=draw_samples), lambda m: m.variance)
    predict = partial(theory.rounded_variance, *SETTING, variance=2.0)
    assert_agrees(spread[:, :2], predict(ddof=ddof, spacing=1.0)[:2])
    assert_refutes(spread[:, :2], predict(ddof=ddof, spacing=0.0)[:2])
    assert_refutes(spread[:, :2], predict(ddof=1 - ddof, spacing=1.0)[:2])
    if ddof == 0:  # the balance that is left of collapse
        size = 60
        lineage = recurse(
            reality,
            fit,
            sample_size=size,
            generations=400,
            chains=4000,
            draw=draw_samples,
            rng=seeded(62),
            keep=[],
        )
        balance = theory.rounded_variance(size, 5000, ddof=0, spacing=1.0)[-1]
        assert balance == pytest.approx((size - 1) / 12)
        late = theory.rounded_variance(size, 400, ddof=0, spacing=1.0, variance=2.0)[-1]
        assert_agrees(lineage.newest.variance, late)
        assert_refutes(lineage.newest.variance, 0.0)
        assert lineage.newest.variance.min() > 0


def test_rounding_matters_less_than_chance():
    def spread(fit, generations=8, size=64):
        lineage = recurse(
            Gaussian(0.0, 1.0),
            fit,
            sample_size=size,
            generations=generations,
            chains=10_000,
            draw=draw_samples,
            rng=seeded(61),
            keep=[],
        )
        return lineage.newest.log_variance

    expected = line.expected_log_variance(64, 8, ddof=1)[-1]
    assert_agrees(spread(Rounded(FitGaussian(1), "float32")), expected)
    assert_agrees(spread(Rounded(FitGaussian(1), "float16")), expected)
    assert_refutes(spread(Rounded(FitGaussian(0), "float16")), expected)
    crossover = 2 / theory.rounding_variance("float16")
    assert crossover == pytest.approx(64 * np.log(2) * 2.0**20)


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("sample_size", lambda: theory.kde_variance(0, 5, bandwidth=1.0)),
        ("generations", lambda: theory.kde_variance(5, -1, bandwidth=1.0)),
        ("bandwidth", lambda: theory.kde_variance(5, 5, bandwidth=-1.0)),
        ("bandwidth", lambda: theory.kde_variance_accumulated(5, 5, bandwidth=np.nan)),
        ("bandwidth", lambda: theory.smoothed_variance(5, bandwidth="scott")),
        ("generations", lambda: theory.smoothed_variance(-5, bandwidth=1.0)),
        ("variance", lambda: theory.kde_variance_of_mean(5, 5, bandwidth=1.0, variance=-1.0)),
        ("variance", lambda: theory.smoothed_variance(5, bandwidth=1.0, variance=-1.0)),
        ("sample_size", lambda: theory.kde_rule_variance(1, 5, factor=scott_factor)),
        ("factor", lambda: theory.kde_rule_variance(5, 5, factor=0.3)),
        ("factor", lambda: theory.kde_rule_variance(5, 5, factor=lambda m: -1.0)),
        ("sample_size", lambda: theory.shrinkage_variance(1, 5, ddof=1, intensity=0, target=1)),
        ("intensity", lambda: theory.shrinkage_variance(9, 5, ddof=1, intensity=2, target=1)),
        ("target", lambda: theory.shrinkage_variance(9, 5, ddof=1, intensity=1, target=-1)),
        ("ddof", lambda: theory.regularized_variance(9, 5, ddof=2, epsilon=1.0)),
        ("epsilon", lambda: theory.regularized_variance(9, 5, ddof=1, epsilon=-1.0)),
        (
            "fraction",
            lambda: theory.stopped_early_moments(9, 5, ddof=1, fraction=2, start_variance=1),
        ),
        (
            "start_variance",
            lambda: theory.stopped_early_moments(9, 5, ddof=1, fraction=1, start_variance=-1),
        ),
        ("temperature", lambda: theory.tempered_variance(9, 5, ddof=1, temperature=0.0)),
        ("temperature", lambda: theory.tempered_probabilities([1.0], 5, temperature=-1.0)),
        ("probabilities", lambda: theory.tempered_probabilities([[1.0]], 5, temperature=1.0)),
        ("probabilities", lambda: theory.tempered_entropy([0.5], 5, temperature=1.0)),
        ("reality", lambda: theory.projection_kl(Categorical([1.0]))),
        ("reality", lambda: theory.projection_w2(ScipyLaw(stats.cauchy()))),
        ("reality", lambda: theory.projection_w2(ScipyLaw(stats.norm(), (3,)))),
        ("spacing", lambda: theory.rounded_variance(9, 5, ddof=1, spacing=-1.0)),
        ("dtype", lambda: theory.rounding_variance("int16")),
    ],
)
def test_bad_input(name, call):
    with pytest.raises(ValueError, match=name):
        call()
