"""The linear autoencoder: its optimum, its recursion in closed form, and its fit."""

from functools import partial

import numpy as np
import pytest
from harness import assert_agrees, assert_refutes
from scipy import optimize
from sklearn.decomposition import PCA

from collapse.measure import distances
from collapse.measure.errors import decompose
from collapse.models.multivariate_gaussian import MultivariateGaussian, MultivariateStatistics
from collapse.models.population import population_fit
from collapse.models.ppca import FitProbabilisticPCA, ProbabilisticPCA
from collapse.models.wrappers import Decoded
from collapse.policies import newest_law
from collapse.recursion import draw_decoded, draw_samples, recurse
from collapse.seeds import seeded
from collapse.theory import linear_vae as theory

VALUES = np.array([5.0, 3.0, 1.2, 0.7, 0.3])
ROTATION = np.linalg.qr(np.arange(25.0).reshape(5, 5) ** 2 % 7 + np.eye(5))[0]
COVARIANCE = ROTATION @ np.diag(VALUES) @ ROTATION.T
REALITY = MultivariateGaussian(np.arange(5.0), COVARIANCE)
each_noise = pytest.mark.parametrize("noise", [None, 0.8])
each_kind = pytest.mark.parametrize("means", [False, True])


def loss(parameters, covariance, q, noise=None):
    """Return minus the mean ELBO of a linear VAE with a diagonal posterior, at the best mean."""
    d = len(covariance)
    decoder, encoder, rest = np.split(parameters, [d * q, 2 * d * q])
    decoder, encoder, spread = decoder.reshape(d, q), encoder.reshape(q, d), np.exp(rest[:q])
    variance = np.exp(rest[-1]) if noise is None else noise
    miss = np.eye(d) - decoder @ encoder
    squared = np.trace(miss @ covariance @ miss.T) + (decoder**2 @ spread).sum()
    kl = 0.5 * (np.trace(encoder @ covariance @ encoder.T) + (spread - np.log(spread) - 1).sum())
    return 0.5 * (squared / variance + d * np.log(2 * np.pi * variance)) + kl


def cross_entropy(model, covariance):
    """Return minus the mean log density of a centred law with this covariance."""
    inverse, d = np.linalg.inv(model.covariance), len(covariance)
    volume = np.linalg.slogdet(model.covariance)[1]
    return 0.5 * (np.trace(inverse @ covariance) + volume + d * np.log(2 * np.pi))


@pytest.mark.parametrize(("noise", "q"), [(None, 2), (0.8, 2), (4.0, 2), (None, 1)])
def test_the_optimum_of_the_elbo_is_probabilistic_pca(noise, q):
    law = MultivariateGaussian(np.zeros(5), COVARIANCE)
    best = population_fit(FitProbabilisticPCA(q, noise), law)
    rng = seeded(501)
    for _ in range(2):  # from wherever it starts: there are no other optima
        start = rng.normal(0, 0.5, 2 * 5 * q + q + 1)
        found = optimize.minimize(
            loss, start, (COVARIANCE, q, noise), method="BFGS", options={"gtol": 1e-7}
        )
        assert found.fun == pytest.approx(cross_entropy(best, COVARIANCE), abs=1e-8)
        decoder = found.x[: 5 * q].reshape(5, q)
        ours = best.loadings @ best.loadings.T
        np.testing.assert_allclose(decoder @ decoder.T, ours, atol=2e-3)
        # a diagonal posterior turns the codes onto the principal axes
        turned = decoder.T @ decoder
        np.testing.assert_allclose(turned, np.diag(np.diag(turned)), atol=5e-3)
    # the control: a code that is not used makes a difference where its direction has a signal
    fewer = population_fit(FitProbabilisticPCA(1, noise), law)
    assert (cross_entropy(fewer, COVARIANCE) > cross_entropy(best, COVARIANCE) + 1e-3) == (
        q == 2 and noise != 4.0
    )


@pytest.mark.parametrize("q", [1, 2, 4])
def test_the_fit_is_that_of_scikit_learn(q):
    x = REALITY.sample(40, seeded(502))
    fitted, peer = FitProbabilisticPCA(q)(x), PCA(q, svd_solver="full").fit(x)
    # scikit-learn divides by M - 1
    np.testing.assert_allclose(fitted.covariance * (40 / 39), peer.get_covariance(), rtol=1e-9)
    np.testing.assert_allclose(fitted.mean, peer.mean_, rtol=1e-12)


@pytest.mark.parametrize("size", [4, 5])
def test_a_sample_that_the_codes_can_fill_leaves_no_noise(size):
    x = REALITY.sample(size, seeded(511))
    fitted = FitProbabilisticPCA(4)(x)
    assert fitted.noise_variance < 1e-12
    np.testing.assert_allclose(fitted.covariance, np.cov(x.T, ddof=0), atol=1e-12)
    assert FitProbabilisticPCA(1)(x).noise_variance > 1e-3


def test_without_noise_there_is_no_density():
    with pytest.raises(ValueError, match="noise_variance"):
        ProbabilisticPCA([0.0, 0.0], [[1.0], [0.0]], 0.0).logpdf(np.zeros((1, 2)))


def test_posterior_mean_and_density():
    model = ProbabilisticPCA([1.0, 0.0, -1.0], [[1.0, 0.5], [0.0, 2.0], [0.3, 0.0]], 0.4)
    x = model.sample(200_000, seeded(503))
    loadings, inner = model.loadings, model.loadings.T @ model.loadings + 0.4 * np.eye(2)
    by_formula = (x - model.mean) @ loadings @ np.linalg.inv(inner)
    np.testing.assert_allclose(model.encode(x), by_formula, atol=1e-12)
    np.testing.assert_allclose(model.logpdf(x[:9]), model.law.logpdf(x[:9]), rtol=1e-12)
    assert_agrees(x - model.mean, 0)
    assert_agrees(np.einsum("ni,nj->nij", *[x - model.mean] * 2), model.covariance)
    assert_refutes(np.einsum("ni,nj->nij", *[x - model.mean] * 2), model.decoded.covariance)
    dead = ProbabilisticPCA(np.zeros(3), np.zeros((3, 2)), 0.0)
    np.testing.assert_array_equal(dead.encode(np.ones((4, 3))), 0)
    assert dead.sample(2, seeded(504)).max() == 0


@each_noise
@each_kind
@pytest.mark.parametrize("q", [1, 2, 4])
def test_spectrum_is_that_of_the_fits_to_the_law(noise, means, q):
    fit = FitProbabilisticPCA(q, noise)
    run = recurse(
        REALITY,
        partial(population_fit, Decoded(fit) if means else fit),
        sample_size=1,
        generations=8,
        policy=newest_law,
        rng=0,
    )
    found = [np.linalg.eigvalsh(model.covariance[0])[::-1] for model in run.models]
    options = {"latent_dimension": q, "noise_variance": noise, "means": means}
    np.testing.assert_allclose(found, theory.spectrum(VALUES, 8, **options), atol=1e-12)
    shuffled = theory.spectrum(VALUES[[2, 0, 4, 1, 3]], 8, **options)
    np.testing.assert_array_equal(shuffled, theory.spectrum(VALUES, 8, **options))


def test_what_is_lost_and_what_is_kept():
    learned = {"latent_dimension": 2}
    fixed = {"latent_dimension": 2, "noise_variance": 0.8}
    draws, means = (theory.spectrum(VALUES, 9, **learned, means=m) for m in (False, True))
    # draws keep the total variance, means lose d times the noise, once
    np.testing.assert_allclose(draws.sum(axis=1), VALUES.sum(), rtol=1e-12)
    noise = VALUES[2:].mean()
    np.testing.assert_allclose(means[1:].sum(axis=1), VALUES.sum() - 5 * noise, rtol=1e-12)
    # a constant noise: every direction dies, and nothing is left
    means = theory.spectrum(VALUES, 9, **fixed, means=True)
    dead = theory.extinction(VALUES, **fixed)
    np.testing.assert_array_equal(dead, [7, 4])
    for i, n in enumerate(dead):
        assert means[n - 1, i] > 0
        assert means[n, i] == 0
    assert means[7:].max() == 0
    three = theory.extinction(VALUES, latent_dimension=3, noise_variance=1.2)
    np.testing.assert_array_equal(three, [5, 3, 1])
    draws = theory.spectrum(VALUES, 9, **fixed)
    np.testing.assert_allclose(draws[1:], np.tile([5.0, 3.0, 0.8, 0.8, 0.8], (9, 1)))


@each_noise
@each_kind
def test_codes_of_the_first_encoder(noise, means):
    options = {"latent_dimension": 2, "noise_variance": noise}
    fit = FitProbabilisticPCA(**options)
    law = MultivariateGaussian(np.zeros(5), np.diag(VALUES))
    first = population_fit(fit, law)
    gains = first.encode(np.eye(5))  # of a coordinate each
    for n, kept in enumerate(theory.spectrum(VALUES, 5, **options, means=means)):
        found = (gains**2 * kept[:, None]).sum(axis=0)
        expected = theory.code_variance(VALUES, 5, **options, means=means)[n]
        np.testing.assert_allclose(found, expected, atol=1e-12)
    assert (
        theory.code_variance([3.0, 0.5, 0.1], 2, latent_dimension=2, noise_variance=1.0)[0, 1] == 0
    )


@pytest.mark.parametrize("q", [1, 3])
@pytest.mark.parametrize("size", [3, 8])
def test_expected_total_variance(q, size):
    options = {"sample_size": size, "generations": 3, "chains": 20_000}
    run = recurse(REALITY, FitProbabilisticPCA(q), rng=seeded(505), **options)
    observed = distances.total_variance(run.newest)
    expected = theory.expected_total_variance(size, 3, VALUES)
    assert_agrees(observed, expected[3])
    assert_refutes(observed, expected[2])
    means = recurse(REALITY, FitProbabilisticPCA(q), rng=seeded(506), draw=draw_decoded, **options)
    first, third = (distances.total_variance(means[n].decoded) for n in (1, 3))
    assert_agrees(third - first * (1 - 1 / size) ** 2, 0)
    assert_refutes(third - first * (1 - 1 / size) ** 3, 0)
    # what is lost at generation 1 is the noise of all coordinates
    noise = 5 * means[1].noise_variance
    np.testing.assert_allclose(
        first, distances.total_variance(means[1]) - noise, rtol=1e-9, atol=1e-9
    )


@pytest.mark.parametrize("q", [1, 2, 4])
def test_errors_of_the_family(q):
    law = MultivariateGaussian(np.zeros(5), COVARIANCE)
    best = population_fit(FitProbabilisticPCA(q), law)
    w2 = theory.expressivity_w2(VALUES, latent_dimension=q)
    assert distances.squared_w2(law, best) == pytest.approx(w2, abs=1e-12)
    kl = theory.expressivity_kl(VALUES, latent_dimension=q)
    assert distances.kl(law, best) == pytest.approx(kl, abs=1e-12)
    assert (kl > 1e-3) == (w2 > 1e-3) == (q < 4)
    again = population_fit(FitProbabilisticPCA(q), best)
    np.testing.assert_allclose(again.covariance, best.covariance, atol=1e-12)


@each_noise
def test_decomposition_of_the_linear_autoencoder(noise):
    family = FitProbabilisticPCA(2)
    procedure = Decoded(FitProbabilisticPCA(2, noise))
    errors = decompose(
        MultivariateGaussian(np.zeros(5), np.diag(VALUES)),
        family,
        procedure,
        sample_size=np.inf,
        chains=1,
        generations=6,
        rng=0,
        distance=distances.squared_w2,
    )
    once = theory.expressivity_w2(VALUES, latent_dimension=2)
    np.testing.assert_allclose(errors.expressivity[:, 0], [once, 0, 0, 0, 0, 0], atol=1e-12)
    assert errors.statistical.max() < 1e-12
    options = {"latent_dimension": 2, "noise_variance": noise, "means": True}
    roots = np.sqrt(theory.spectrum(VALUES, 6, **options)[:, :2])
    lost = (np.diff(roots, axis=0) ** 2).sum(axis=1)
    np.testing.assert_allclose(errors.approximation[1:, 0], lost[1:], atol=1e-12)
    first = lost[0] + 3 * VALUES[2:].mean()  # and the noise in the other directions
    assert errors.approximation[0, 0] == pytest.approx(first, abs=1e-12)
    assert (errors.approximation[1:].max() > 1e-3) == (noise is not None)


def test_a_family_of_all_gaussians_has_as_many_parameters():
    for d in (2, 5):
        kl = theory.expected_kl(50, 3, dimension=d, latent_dimension=d - 1)
        np.testing.assert_allclose(kl, np.arange(4) * (d + d * (d + 1) / 2) / 100, rtol=1e-12)


def test_draws_of_the_decoder():
    model = population_fit(FitProbabilisticPCA(2), REALITY).broadcast(4000)
    drawn = draw_decoded(model, 7, seeded(507))
    raw = MultivariateStatistics.of(draw_samples(model.decoded, 7, seeded(508)))
    traces = [(s.factor**2).sum(axis=(-2, -1)) for s in (drawn, raw)]
    assert drawn.factor.shape[-1] == 2
    assert_agrees(traces[0] - traces[1], 0)
    assert_agrees(traces[0] / 6, np.trace(model.decoded[0].covariance))
    assert_refutes(traces[0] / 6, np.trace(model[0].covariance))
    # what has no decoder is drawn as it is
    assert draw_decoded(REALITY.broadcast(2), 7, seeded(509)).factor.shape == (2, 5, 5)


REFUSED = {
    "eigenvalues": (np.nan, -1.0, [[1.0, 0.5]], [1.0, -0.5], "many"),
    "latent_dimension": (0, 5, 1.0, None),
    "noise_variance": (0.0, -1.0, np.inf, "much"),
    "generations": (-1, 2.5),
}


@pytest.mark.parametrize("function", [theory.spectrum, theory.code_variance])
@pytest.mark.parametrize(("name", "value"), [(n, v) for n, vs in REFUSED.items() for v in vs])
def test_bad_input(function, name, value):
    good = {"eigenvalues": VALUES, "generations": 3, "latent_dimension": 2, "noise_variance": 1.0}
    function(**good)
    with pytest.raises(ValueError, match=rf"\b{name}\b"):
        function(**good | {name: value})


def test_bad_input_of_the_others():
    for call in (theory.expressivity_w2, theory.expressivity_kl):
        with pytest.raises(ValueError, match=r"\blatent_dimension\b"):
            call(VALUES, latent_dimension=5)
    with pytest.raises(ValueError, match=r"\beigenvalues\b"):
        theory.expressivity_kl([1.0, 0.0], latent_dimension=1)
    with pytest.raises(ValueError, match=r"\bnoise_variance\b"):
        theory.extinction(VALUES, latent_dimension=2, noise_variance=0.0)
    with pytest.raises(ValueError, match=r"\blatent_dimension\b"):
        theory.expected_kl(9, 2, dimension=3, latent_dimension=3)
    with pytest.raises(ValueError, match=r"\bdimension\b"):
        theory.expected_kl(9, 2, dimension=1, latent_dimension=1)
    with pytest.raises(ValueError, match=r"\bsample_size\b"):
        theory.expected_total_variance(0, 2, VALUES)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (([0.0, 0.0], [[1.0], [np.nan]], 1.0), "loadings"),
        (([0.0, 0.0], [[1.0, 0.0], [0.0, 1.0]], 1.0), "loadings"),
        (([0.0, 0.0], [1.0, 0.0], 1.0), "loadings"),
        ((0.0, [[1.0]], 1.0), "loadings"),
        (([0.0, np.inf], [[1.0], [0.0]], 1.0), "mean"),
        (([0.0, 0.0], [[1.0], [0.0]], -1.0), "noise_variance"),
        ((np.zeros((3, 2)), np.zeros((2, 1)), np.ones(2)), "noise_variance"),
    ],
)
def test_bad_records(arguments, name):
    with pytest.raises(ValueError, match=rf"\b{name}\b"):
        ProbabilisticPCA(*arguments)


@pytest.mark.parametrize("arguments", [(0,), (1.5,), (1, 0.0), (1, np.nan), (1, "much")])
def test_bad_fits(arguments):
    name = "latent_dimension" if len(arguments) == 1 else "noise_variance"
    with pytest.raises(ValueError, match=rf"\b{name}\b"):
        FitProbabilisticPCA(*arguments)


def test_fits_that_have_no_data_or_no_decoder():
    x = REALITY.sample(6, seeded(510))
    with pytest.raises(ValueError, match=r"\blatent_dimension\b"):
        FitProbabilisticPCA(5)(x)
    with pytest.raises(ValueError, match=r"\bdata\b"):
        FitProbabilisticPCA(2)(x[:1])
    with pytest.raises(ValueError, match="decoder"):
        Decoded(lambda _: REALITY)(x)
    with pytest.raises(ValueError, match=r"\btruth\b"):
        population_fit(FitProbabilisticPCA(2), np.zeros(5))


def test_a_collapsed_model_stays_where_it_is():
    point = ProbabilisticPCA(np.ones(4), np.zeros((4, 2)), 0.0)
    run = recurse(point, FitProbabilisticPCA(2), sample_size=5, generations=3, chains=2, rng=1)
    np.testing.assert_array_equal(run.newest.mean, 1)
    assert distances.total_variance(run.newest).max() == 0
