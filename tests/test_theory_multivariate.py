"""Closed forms in many dimensions against simulation, with controls that must fail."""

import mpmath
import numpy as np
import pytest
from harness import assert_agrees, assert_refutes
from scipy import stats

from collapse.measure.distances import squared_w2, total_variance
from collapse.models.adapters import ScipyLaw
from collapse.models.gaussian import FitGaussian
from collapse.models.multivariate_gaussian import FitMultivariateGaussian, MultivariateGaussian
from collapse.recursion import recurse
from collapse.seeds import seeded
from collapse.theory import gaussian as line
from collapse.theory import multivariate_gaussian as theory

SIZES, CHAINS = [4, 6, 5], 40_000
GENERATIONS = len(SIZES)
ROOT = np.array([[1.0, 0.0, 0.0], [0.5, 1.0, 0.0], [-0.5, 0.3, 0.7]])
MEAN, COVARIANCE = np.array([1.0, -2.0, 0.5]), ROOT @ ROOT.T


@pytest.fixture(scope="module", params=[0, 1], ids=["ddof0", "ddof1"])
def run(request):
    """Return ddof and the lineage of many short chains."""
    lineage = recurse(
        MultivariateGaussian(MEAN, COVARIANCE),
        FitMultivariateGaussian(ddof=request.param),
        sample_size=SIZES,
        generations=GENERATIONS,
        chains=CHAINS,
        rng=seeded(31),
    )
    return request.param, lineage


def by_chain(lineage, function):
    """Return values of shape (chains, N + 1)."""
    return lineage.measure(function).T


def squared_distance(model):
    return ((model.mean - MEAN) ** 2).sum(axis=-1)


def test_expected_squared_distance_of_mean(run):
    ddof, lineage = run
    observed = by_chain(lineage, squared_distance)
    predict = theory.expected_squared_distance_of_mean
    assert_agrees(observed, predict(SIZES, GENERATIONS, COVARIANCE, ddof=ddof))
    assert_refutes(observed, predict(SIZES, GENERATIONS, COVARIANCE, ddof=1 - ddof))
    late = predict([SIZES[0], *SIZES], GENERATIONS + 1, COVARIANCE, ddof=ddof)[1:]
    assert_refutes(observed, late)


def test_theorem_of_the_journal():
    n = np.arange(101)
    exact = theory.expected_squared_distance_of_mean(20, 100, COVARIANCE, ddof=1)
    np.testing.assert_allclose(exact, n * np.trace(COVARIANCE) / 20, rtol=1e-12)
    bounded = theory.expected_squared_distance_of_mean(20, 5000, COVARIANCE, ddof=0)
    assert bounded[-1] == pytest.approx(np.trace(COVARIANCE), rel=1e-12)


def test_expected_trace(run):
    ddof, lineage = run
    observed = by_chain(lineage, total_variance)
    predict = theory.expected_trace
    assert_agrees(observed, predict(SIZES, GENERATIONS, COVARIANCE, ddof=ddof))
    assert_refutes(observed, predict(SIZES, GENERATIONS, COVARIANCE, ddof=1 - ddof))


def test_any_reality_with_these_moments():
    law = stats.expon(scale=2.0)
    lineage = recurse(
        ScipyLaw(law),
        FitGaussian(ddof=1),
        sample_size=SIZES,
        generations=GENERATIONS,
        chains=CHAINS,
        rng=seeded(32),
    )
    fitted = np.array([[m.mean, m.variance] for m in lineage.models[1:]]).transpose(2, 0, 1)
    observed = np.stack([(fitted[..., 0] - 2.0) ** 2, fitted[..., 1]], axis=-1)
    predicted = [
        f(SIZES, GENERATIONS, [[4.0]], ddof=1)[1:]
        for f in (theory.expected_squared_distance_of_mean, theory.expected_trace)
    ]
    assert_agrees(observed, np.transpose(predicted))
    assert_refutes(observed, np.transpose([predicted[0] + 4.0 / 5, predicted[1]]))


def test_risk_lies_between_its_bounds(run):
    ddof, lineage = run
    risk = by_chain(lineage, lambda m: squared_w2(m, lineage[0]))[:, 1:]
    lower, upper = theory.risk_bounds(SIZES, GENERATIONS, COVARIANCE, ddof=ddof)
    error = 5 * risk.std(axis=0) / np.sqrt(CHAINS)
    assert (risk.mean(axis=0) > lower[1:] + error).all()
    assert (risk.mean(axis=0) < upper[1:] - error).all()
    # chain by chain the mean's part alone is a bound (Gelbrich), and so are the traces
    traces = np.sqrt(by_chain(lineage, total_variance))[:, 1:]
    gelbrich = by_chain(lineage, squared_distance)[:, 1:]
    gelbrich = gelbrich + (traces - np.sqrt(np.trace(COVARIANCE))) ** 2
    assert (risk >= gelbrich * (1 - 1e-9)).all()
    assert (risk[:, 0] > gelbrich[:, 0] * (1 + 1e-3)).any()


@pytest.mark.parametrize("ddof", [0, 1])
def test_risk_tends_to_its_upper_bound(ddof):
    size, generations, trace = 5, 120, np.trace(COVARIANCE)
    lineage = recurse(
        MultivariateGaussian(np.zeros(3), COVARIANCE),
        FitMultivariateGaussian(ddof),
        sample_size=size,
        generations=generations,
        chains=10_000,
        rng=seeded(33),
        keep=[2],
    )
    early, late = (
        (m.mean**2).sum(axis=-1) + total_variance(m) + trace - squared_w2(m, lineage[0])
        for m in (lineage[2], lineage.newest)
    )  # the overlap of the covariances is all that the upper bound leaves out, and it fades
    assert_refutes(early / trace, 0.05)
    assert (late >= -1e-9).all()
    assert late.mean() + 5 * late.std() / 100 < 0.05 * trace
    lower, upper = theory.risk_bounds(size, generations, COVARIANCE, ddof=ddof)
    limit = 2 * trace if ddof == 0 else (generations / size + 2) * trace
    assert upper[-1] == pytest.approx(limit, rel=1e-9)
    if ddof == 0:
        assert lower[-1] == pytest.approx(limit, rel=1e-5)


def test_log_determinant(run):
    ddof, lineage = run
    observed = by_chain(lineage, lambda m: m.log_determinant)
    mean = theory.expected_log_determinant(SIZES, GENERATIONS, COVARIANCE, ddof=ddof)
    assert_agrees(observed, mean)
    wrong = theory.expected_log_determinant(SIZES, GENERATIONS, COVARIANCE, ddof=1 - ddof)
    assert_refutes(observed, wrong)
    spread = theory.variance_of_log_determinant(SIZES, GENERATIONS, COVARIANCE, ddof=ddof)
    assert_agrees((observed - mean) ** 2, spread)
    more = [m + 1 for m in SIZES]
    wrong = theory.variance_of_log_determinant(more, GENERATIONS, COVARIANCE, ddof=ddof)
    assert_refutes((observed - mean) ** 2, wrong)


@pytest.mark.parametrize("sizes", [[8, 5, 9, 3], [3, 6, 4], [5, 5, 5]])
def test_log_determinant_below_full_rank(sizes):
    d, covariance = 6, 2 * np.eye(6)
    lineage = recurse(
        MultivariateGaussian(np.zeros(d), covariance),
        FitMultivariateGaussian(ddof=1),
        sample_size=sizes,
        generations=len(sizes),
        chains=20_000,
        rng=seeded(34),
    )
    expected_rank = theory.rank(sizes, len(sizes), d)
    for model, rank in zip(lineage.models, expected_rank, strict=True):
        values = np.linalg.eigvalsh(model.covariance[:200])
        assert np.abs(values[:, : d - rank]).max(initial=0) < 1e-12 * values.max()
        assert np.median(values[:, d - rank]) > 1e-4  # the smallest that is left
    observed = by_chain(lineage, lambda m: m.log_determinant)
    mean = theory.expected_log_determinant(sizes, len(sizes), covariance, ddof=1)
    spread = theory.variance_of_log_determinant(sizes, len(sizes), covariance, ddof=1)
    assert_agrees(observed, mean)
    assert_agrees((observed - mean) ** 2, spread)
    # the control: every drift of the full sum that exists, but no word of d
    k = expected_rank[-1]
    drift = [theory.lyapunov_exponents(m, k, ddof=1).sum() for m in sizes]
    assert_refutes(observed[:, -1], k * np.log(2) + sum(drift))
    larger = theory.variance_of_log_determinant(sizes, len(sizes), np.eye(d + 1), ddof=1)
    assert_refutes((observed - mean) ** 2, larger)


def test_one_dimension_is_that_of_the_line():
    for ddof in (0, 0.5, 1):
        np.testing.assert_allclose(
            theory.expected_log_determinant(SIZES, 3, [[2.0]], ddof=ddof),
            line.expected_log_variance(SIZES, 3, ddof=ddof, variance=2.0),
            rtol=1e-13,
        )
        np.testing.assert_allclose(
            theory.variance_of_log_determinant(SIZES, 3, [[2.0]], ddof=ddof),
            line.variance_of_log_variance(SIZES, 3, ddof=ddof),
            rtol=1e-13,
        )


def test_exponents_sum_to_the_drift():
    for size in (3, 5, 40):
        exponents = theory.lyapunov_exponents(size, 4, ddof=0)
        drift = np.diff(theory.expected_log_determinant(size, 2, np.eye(4), ddof=0))[-1]
        assert exponents.sum() == pytest.approx(drift, rel=1e-12)
        assert (np.diff(exponents) < 0).all() and len(exponents) == min(4, size - 1)
    first = line.expected_log_variance(12, 1, ddof=1)[1]
    for d in (1, 50):
        assert theory.lyapunov_exponents(12, d, ddof=1)[0] == pytest.approx(first, rel=1e-12)


def test_the_fit_becomes_a_needle():
    d, size, chains, n = 3, 12, 1000, (60, 160)
    lineage = recurse(
        MultivariateGaussian(np.zeros(d), np.eye(d)),
        FitMultivariateGaussian(ddof=1),
        sample_size=size,
        generations=n[1],
        chains=chains,
        rng=seeded(35),
        keep=n,
    )
    # columns of the factor are graded, and so their singular values keep their digits
    logs = [2 * np.log(np.linalg.svd(lineage[k].factor, compute_uv=False)) for k in n]
    rates = (logs[1] - logs[0]) / (n[1] - n[0])
    exponents = theory.lyapunov_exponents(size, d, ddof=1)
    assert_agrees(rates, exponents)
    assert_agrees(rates[:, :2] - rates[:, 1:], -np.diff(exponents))
    assert_refutes(rates, theory.lyapunov_exponents(size, d, ddof=0))
    assert_refutes(rates, theory.lyapunov_exponents(size + 1, d, ddof=1))
    assert_refutes(rates, exponents.mean())  # shrinking without a change of shape


def test_plain_cholesky_breaks_where_the_factor_survives():
    d, size, generations, chains = 3, 8, 400, 50
    lineage = recurse(
        MultivariateGaussian(np.zeros(d), np.eye(d)),
        FitMultivariateGaussian(ddof=1),
        sample_size=size,
        generations=generations,
        chains=chains,
        rng=seeded(36),
    )
    # what a reader would write: the covariance itself, sampled through its Cholesky factor
    rng, failed = seeded(37), []
    for _ in range(chains):
        covariance = np.eye(d)
        for n in range(generations):
            try:
                root = np.linalg.cholesky(covariance)
            except np.linalg.LinAlgError:
                failed.append(n)
                break
            covariance = np.cov(rng.standard_normal((size, d)) @ root.T, rowvar=False)
    assert len(failed) == chains
    assert 20 < np.median(failed) < 100
    observed = by_chain(lineage, lambda m: m.log_determinant)
    mean = theory.expected_log_determinant(size, generations, np.eye(d), ddof=1)
    assert np.isfinite(observed).all()
    assert_agrees(observed, mean)
    assert_refutes(observed, theory.expected_log_determinant(size, generations, np.eye(d), ddof=0))


def test_fifty_dimensions_over_thousands_of_generations():
    d, size, generations, chains = 50, 20, 5000, 100
    lineage = recurse(
        MultivariateGaussian(np.zeros(d), np.eye(d)),
        FitMultivariateGaussian(ddof=1),
        sample_size=size,
        generations=generations,
        chains=chains,
        rng=seeded(38),
        keep=[],
        measure={"volume": lambda m: m.log_determinant, "trace": total_variance},
    )
    last = lineage.newest
    assert all(np.isfinite(a).all() for a in (last.mean, last.factor, last.log_scale))
    assert theory.rank(size, generations, d)[-1] == last.factor.shape[-1] == 19
    volume = lineage.measured["volume"][[1, 10, 1000, 5000]].T
    mean = theory.expected_log_determinant(size, generations, np.eye(d), ddof=1)
    assert_agrees(volume, mean[[1, 10, 1000, 5000]])
    wrong = theory.expected_log_determinant(size, generations, np.eye(d), ddof=0)
    assert_refutes(volume, wrong[[1, 10, 1000, 5000]])
    # the trace falls at the largest exponent, that of one dimension
    rate = np.diff(np.log(lineage.measured["trace"][[1000, 5000]]), axis=0)[0] / 4000
    exponents = theory.lyapunov_exponents(size, d, ddof=1)
    assert_agrees(rate, exponents[0])
    assert_refutes(rate, exponents[1])


def test_median_trace_falls_while_its_mean_stays():
    size, generations = 8, 15
    lineage = recurse(
        MultivariateGaussian(np.zeros(3), COVARIANCE),
        FitMultivariateGaussian(ddof=1),
        sample_size=size,
        generations=generations,
        chains=40_000,
        rng=seeded(39),
        keep=[],
        measure={"trace": total_variance},
    )
    trace = lineage.measured["trace"].T
    predicted = theory.expected_trace(size, generations, COVARIANCE, ddof=1)
    assert_agrees(trace[:, :9], predicted[:9])
    assert predicted[-1] == pytest.approx(np.trace(COVARIANCE))
    below = trace < np.trace(COVARIANCE) / 4
    assert_refutes(below[:, -1] - 0.5, 0.0)  # more than half of the chains
    assert np.median(trace[:, -1]) < np.trace(COVARIANCE) / 4
    assert (np.diff(np.median(trace, axis=0)) < 0).all()


def noisy_run(noise, ddof, generations, size, chains):
    """Refit a plane's mean with noise, by hand; return squared distances, (chains, N + 1)."""
    rng, d = seeded(40), 2
    mean, root = np.zeros((chains, d)), np.broadcast_to(np.eye(d), (chains, d, d))
    squared = [np.zeros(chains)]
    for _ in range(generations):
        sample = mean[:, None] + rng.standard_normal((chains, size, d)) @ root.mT
        fitted = sample.mean(axis=1)
        centred = sample - fitted[:, None]
        covariance = centred.mT @ centred / (size - ddof)
        mean, root = fitted + noise(sample, mean, fitted), np.linalg.cholesky(covariance)
        squared.append((mean**2).sum(axis=-1))
    return np.array(squared).T


def test_noisy_lower_bound():
    size, generations, length = 5, 4, 0.4

    def noise(sample, mean, fitted):  # a contrast does not know the sample mean
        return length * np.sign(sample[:, 0] - sample[:, 1]) / np.sqrt(2)

    observed = noisy_run(noise, 1, generations, size, 20_000)
    predicted = theory.noisy_lower_bound(size, generations, trace=2.0, noise=length**2)
    assert_agrees(observed, predicted)  # of the mean's part it is the value
    assert_refutes(observed, theory.noisy_lower_bound(size, generations, trace=2.0))
    each = theory.noisy_lower_bound(size, generations, trace=2.0, noise=[length**2] * generations)
    np.testing.assert_array_equal(each, predicted)


def test_noisy_lower_bound_needs_an_unbiased_covariance():
    # the hidden condition: under maximum likelihood even the whole risk falls below the bound
    generations, size = 60, 4
    lineage = recurse(
        MultivariateGaussian(np.zeros(2), np.eye(2)),
        FitMultivariateGaussian(ddof=0),
        sample_size=size,
        generations=generations,
        chains=5000,
        rng=seeded(41),
        keep=[],
    )
    risk = squared_w2(lineage.newest, lineage[0])
    bound = theory.noisy_lower_bound(size, generations, trace=2.0)[-1]
    assert risk.mean() < bound
    assert_refutes(risk, bound)


def test_bounded_noise_lower_bound():
    size, generations, bound = 10, 3, 1.0

    def noise(sample, mean, fitted):  # as much against the sample mean as the condition allows
        step = fitted - mean
        return -bound / size * step / np.linalg.norm(step, axis=-1, keepdims=True)

    observed = noisy_run(noise, 1, generations, size, 20_000)
    sharp = theory.bounded_noise_lower_bound(size, generations, trace=2.0, bound=bound)
    paper = theory.bounded_noise_lower_bound(size, generations, trace=2.0, bound=bound, dimension=2)
    error = 5 * observed.std(axis=0)[1:] / np.sqrt(len(observed))
    assert (observed.mean(axis=0)[1:] > sharp[1:] + error).all()
    assert (sharp[1:] > paper[1:]).all() and (paper[1:] > 0).all()
    # the control: the bound for uncorrelated noise, and that of no noise, are false here
    assert_refutes(observed, theory.noisy_lower_bound(size, generations, trace=2.0))
    assert observed.mean(axis=0)[-1] < theory.noisy_lower_bound(size, generations, trace=2.0)[-1]


def test_where_the_bound_is_informative():
    # without noise nothing is lost
    np.testing.assert_array_equal(
        theory.bounded_noise_lower_bound(9, 4, trace=0.5, bound=0.0),
        theory.noisy_lower_bound(9, 4, trace=0.5),
    )
    assert theory.informative_size(trace=2.0, bound=3.0) == pytest.approx(18)
    for dimension in (1, 3):
        edge = theory.informative_size(trace=1.7, bound=2.5, dimension=dimension)
        assert np.sqrt(edge) == pytest.approx(2 * 2.5 * np.sqrt(dimension / 1.7))
        arguments = {"trace": 1.7, "bound": 2.5, "dimension": dimension}
        below = theory.bounded_noise_lower_bound(int(edge), 1, **arguments)[1]
        above = theory.bounded_noise_lower_bound(int(edge) + 1, 1, **arguments)[1]
        assert below < 0 < above


def test_enormous_samples_keep_their_digits():
    with mpmath.workdps(40):
        for size in (4, 300, 30_000, 10**6, 10**9, 10**12):
            for ddof in (0, 1):
                terms = [
                    mpmath.digamma(mpmath.mpf(size - i) / 2)
                    - mpmath.log(mpmath.mpf(size - ddof) / 2)
                    for i in (1, 2, 3)
                ]
                exact = [float(t) for t in terms]
                found = theory.lyapunov_exponents(size, 3, ddof=ddof)
                np.testing.assert_allclose(found, exact, rtol=1e-9)
                drift = theory.expected_log_determinant(size, 1, np.eye(3), ddof=ddof)[1]
                assert drift == pytest.approx(float(sum(terms)), rel=1e-9)
    size = 10**12
    variance = theory.variance_of_log_determinant(size, 1, np.eye(3), ddof=1)[1]
    assert variance * size == pytest.approx(6, rel=1e-9)
    assert theory.expected_squared_distance_of_mean(size, 1, np.eye(3), ddof=0)[
        1
    ] * size == pytest.approx(3, rel=1e-12)


EYE = np.eye(2)


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("ddof", lambda: theory.expected_trace(10, 5, EYE, ddof=2)),
        ("ddof", lambda: theory.expected_log_determinant(10, 5, EYE, ddof=-1)),
        ("ddof", lambda: theory.variance_of_log_determinant(10, 5, EYE, ddof=np.nan)),
        ("sample_size", lambda: theory.expected_squared_distance_of_mean(1, 5, EYE, ddof=1)),
        ("sample_size", lambda: theory.expected_log_determinant(1, 5, EYE, ddof=0)),
        ("sample_size", lambda: theory.lyapunov_exponents([4, 5], 2, ddof=1)),
        ("sample_size", lambda: theory.rank(1, 5, 3)),
        ("dimension", lambda: theory.rank(4, 5, 0)),
        ("dimension", lambda: theory.lyapunov_exponents(4, 0, ddof=1)),
        ("generations", lambda: theory.risk_bounds(10, -1, EYE, ddof=1)),
        ("covariance", lambda: theory.risk_bounds(10, 5, [1.0], ddof=1)),
        ("covariance", lambda: theory.variance_of_log_determinant(2, 1, [[2, 1], [1, 2]], ddof=1)),
        ("covariance", lambda: theory.expected_log_determinant(2, 1, [[1, 0], [0, 2]], ddof=1)),
        ("covariance", lambda: theory.expected_trace(10, 5, [[1, 2], [0, 1]], ddof=1)),
        ("covariance", lambda: theory.expected_trace(10, 5, [[1, 0], [0, -1]], ddof=1)),
        ("covariance", lambda: theory.expected_trace(10, 5, [[np.nan]], ddof=1)),
        ("covariance", lambda: theory.expected_log_determinant(9, 5, np.ones((2, 2)), ddof=1)),
        ("covariance", lambda: theory.expected_log_determinant(2, 5, np.diag([1, 2]), ddof=1)),
        (
            "covariance",
            lambda: theory.expected_log_determinant([9, 2], 2, np.diag([1, 2]), ddof=1),
        ),
        ("noise", lambda: theory.noisy_lower_bound(10, 5, trace=1.0, noise=[0.1])),
        ("noise", lambda: theory.noisy_lower_bound(10, 5, trace=1.0, noise=-0.1)),
        ("trace", lambda: theory.noisy_lower_bound(10, 5, trace=-1.0)),
        ("trace", lambda: theory.informative_size(trace=0.0, bound=1.0)),
        ("bound", lambda: theory.bounded_noise_lower_bound(10, 5, trace=1.0, bound=-1.0)),
        ("dimension", lambda: theory.informative_size(trace=1.0, bound=1.0, dimension=0)),
    ],
)
def test_bad_input(name, call):
    with pytest.raises(ValueError, match=name):
        call()
