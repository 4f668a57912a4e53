"""The VAE: its gradient, its bounds, its training, and what it says when something is wrong."""

from collections import namedtuple
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from autograd import grad
from autograd import numpy as agnp
from harness import assert_agrees, assert_refutes
from scipy import stats

from collapse.models import vae_network
from collapse.models.vae import VAE, FitVAE, Stream
from collapse.models.vae_network import Network
from collapse.recursion import draw_samples, extend, recurse
from collapse.seeds import seeded

observations = pytest.mark.parametrize("observation", ["bernoulli", "gaussian"])


def pictures(count, pixels, rng):
    return rng.random((*np.atleast_1d(count), pixels)) ** 2


# --- the gradient ----------------------------------------------------------------------------


def naive_loss(parameters, x, noise, network):
    """Minus the ELBO of pictures (n, pixels), summed: one network, by the book."""
    start = 0

    def layers(value, widths):
        nonlocal start
        for i, (rows, columns) in enumerate(pairwise(widths)):
            middle, end = start + rows * columns, start + (rows + 1) * columns
            matrix, bias = parameters[start:middle].reshape(rows, columns), parameters[middle:end]
            value = agnp.dot(value, matrix) + bias
            value = value if i == len(widths) - 2 else agnp.where(value > 0, value, 0.0)
            start = end
        return value

    k = network.latent_dimension
    moments = layers(x, (network.pixels, *network.hidden, 2 * k))
    mean, variance = moments[:, :k], agnp.exp(moments[:, k:])
    z = mean + agnp.sqrt(variance) * noise
    output = layers(z, (k, *network.hidden[::-1], network.pixels))
    if network.observation == "bernoulli":
        p = 1 / (1 + agnp.exp(-output))
        density = x * agnp.log(p) + (1 - x) * agnp.log(1 - p)
    else:
        s2 = agnp.exp(parameters[-1])
        density = -((x - output) ** 2) / (2 * s2) - agnp.log(2 * np.pi * s2) / 2
    kl = (mean**2 + variance - 1 - agnp.log(variance)) / 2
    return agnp.sum(kl) - agnp.sum(density)


def loss_and_slopes(network, parameters, x, noise):
    """The same and its slopes by the package, for parameters (chains, P)."""
    weights, slopes = network.weights(parameters), np.full_like(parameters, np.nan)
    tape = vae_network.Tape(weights, x.shape[:-1])
    tape.x[...], tape.noise[...] = x, noise
    vae_network.forward(weights, tape)
    loss = -vae_network.elbo(weights, tape).sum(axis=-1)
    vae_network.gradient(weights, tape, network.weights(slopes))
    return loss, slopes


def problem(observation, hidden, dtype=float):
    rng, network = np.random.default_rng(1), Network(5, 2, hidden, observation)
    parameters = rng.normal(0, 0.5, (3, network.size)).astype(dtype)
    return network, parameters, pictures((3, 7), 5, rng), rng.standard_normal((3, 7, 2))


each_problem = pytest.mark.parametrize("hidden", [(), (4,), (6, 3)])


@observations
@each_problem
def test_gradient_is_that_of_automatic_differentiation(observation, hidden):
    network, parameters, x, noise = problem(observation, hidden)
    loss, slopes = loss_and_slopes(network, parameters, x, noise)
    for chain, ours in enumerate(slopes):
        naive = partial(naive_loss, x=x[chain], noise=noise[chain], network=network)
        assert loss[chain] == pytest.approx(naive(parameters[chain]), rel=1e-12)
        np.testing.assert_allclose(ours, grad(naive)(parameters[chain]), rtol=1e-9, atol=1e-10)


@observations
def test_single_precision_is_that_of_double(observation):
    network, parameters, x, noise = problem(observation, (6, 3))
    exact = loss_and_slopes(network, parameters, x, noise)
    rounded = loss_and_slopes(network, parameters.astype(np.float32), x, noise)
    for one, other in zip(exact, rounded, strict=True):
        assert other.dtype == np.float32
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


def test_large_logits_neither_overflow_nor_lose_the_loss():
    logits = np.array([[-1e4, -50.0, 0.0, 50.0, 1e4]], np.float32)
    for pixel in (0, 1):
        right = -np.logaddexp(0, np.where(pixel, -1, 1) * logits.astype(float)).sum(-1)
        x = np.full_like(logits, pixel)
        ours = vae_network.log_density(x, logits, np.empty(0))
        np.testing.assert_allclose(ours, right, rtol=1e-6)


# --- training, step by step ------------------------------------------------------------------


def textbook_training(fit, data, rng):
    """Parameters and mean losses after training chain by chain, in double precision."""
    network = Network(data.shape[-1], fit.latent_dimension, fit.hidden, fit.observation)
    parameters = 2 * rng.random((len(data), network.size), np.float32).astype(float) - 1
    views = network.weights(parameters)
    for layer in views.encoder + views.decoder:
        layer /= np.sqrt(layer.shape[-2] - 1)
    views.noise[...] = np.log(np.mean(data.var(axis=1), axis=-1, keepdims=True))
    m, v, t = np.zeros_like(parameters), np.zeros_like(parameters), 0
    for _ in range(fit.epochs):
        order = rng.permuted(np.tile(np.arange(data.shape[1]), (len(data), 1)), axis=-1)
        for first in range(0, data.shape[1] - fit.batch + 1, fit.batch):
            noise = rng.standard_normal((len(data), fit.batch, fit.latent_dimension), np.float32)
            t += 1
            for c, batch in enumerate(order[:, first : first + fit.batch]):
                loss = partial(naive_loss, x=data[c][batch], noise=noise[c], network=network)
                g = grad(loss)(parameters[c])
                m[c] = 0.9 * m[c] + 0.1 * g
                v[c] = 0.999 * v[c] + 0.001 * g**2
                hat = m[c] / (1 - 0.9**t), v[c] / (1 - 0.999**t)
                parameters[c] -= fit.rate * hat[0] / (np.sqrt(hat[1]) + 1e-8)
    return parameters


@observations
def test_training_is_that_of_the_textbook(observation):
    data = pictures((2, 50), 6, seeded(1)).astype(np.float32)
    fit = FitVAE(2, hidden=(5,), observation=observation, epochs=3, batch=8)
    fitted = fit(data, seeded(2)).parameters
    book = textbook_training(fit, data, seeded(2))
    other = textbook_training(FitVAE(**vars(fit) | {"rate": 1.01e-3}), data, seeded(2))
    moved, wrong = np.abs(fitted - book), np.abs(fitted - other)
    # Adam turns a slope of nearly zero, right or not, into a step: the median sees the rest
    assert np.median(moved) < 1e-6 < np.median(wrong) / 10


def test_chains_learn_from_their_own_data_only():
    data = pictures((3, 40), 6, seeded(3))
    other = data.copy()
    other[1] = data[2]
    fit = FitVAE(2, hidden=(5,), epochs=2, batch=10)
    one, two = (fit(x, seeded(4)).parameters for x in (data, other))
    np.testing.assert_array_equal(one[[0, 2]], two[[0, 2]])
    assert (one[1] != two[1]).any()
    assert len({chain.tobytes() for chain in fit(data[:1].repeat(3, 0), seeded(4)).parameters}) == 3


def test_no_batch_axis_is_one_chain():
    data, fit = pictures(40, 6, seeded(5)), FitVAE(2, hidden=(5,), epochs=2, batch=16)
    one, many = fit(data, seeded(6)), fit(data[None], seeded(6))
    assert one.parameters.shape == many.parameters.shape[1:]
    np.testing.assert_array_equal(one.parameters, many[0].parameters)


def test_a_linear_vae_finds_the_principal_components():
    rng, size = seeded(8), 2000
    axes = np.linalg.qr(rng.standard_normal((6, 6)))[0]
    data = rng.standard_normal((size, 6)) * np.sqrt([4, 2, 0.5, 0.5, 0.5, 0.5]) @ axes + 1
    fit = FitVAE(2, hidden=(), observation="gaussian", epochs=400, batch=500, rate=0.01)
    fitted = fit(data, rng)

    def log_likelihood(mean, loadings, noise):
        covariance = loadings @ loadings.T + noise * np.eye(6)
        return stats.multivariate_normal(mean, covariance).logpdf(data).sum()

    def optimum(rank):  # Tipping and Bishop's maximum likelihood
        values, vectors = (a[..., ::-1] for a in np.linalg.eigh(np.cov(data.T, ddof=0)))
        noise = values[rank:].mean()
        return data.mean(axis=0), vectors[:, :rank] * np.sqrt(values[:rank] - noise), noise

    matrix = fitted.network.weights(fitted.parameters).decoder[0]
    ours = log_likelihood(matrix[-1], matrix[:-1].T, fitted.noise_variance)
    best, fewer = (log_likelihood(*optimum(rank)) for rank in (2, 1))
    # what the sampling error of an estimate costs: half a nat for each free number of the model
    assert 0 <= best - ours < (6 + 6 * 2 - 1 + 1) / 2
    assert best - fewer > 100
    # the bound is tight once the latents lie along the components, which they approach slowly
    assert ours - fitted.elbo(data, rng, draws=50).sum() < (best - fewer) / 4


# --- the bounds ------------------------------------------------------------------------------


def small(observation):
    """A model whose posterior the encoder does not meet, and a few pictures."""
    rng, network = np.random.default_rng(1), Network(3, 1, (4,), observation)  # one problem for all
    parameters = rng.normal(0, 0.7, network.size)
    encoder = network.weights(parameters).encoder
    encoder[-1][:] *= 0.3
    encoder[-1][-1, 1:] = 0.3  # wider than the prior: the ratios are bounded
    return VAE(network, parameters), pictures(4, 3, rng) if observation == "gaussian" else (
        rng.random((4, 3)) < 0.5
    ).astype(float)


def exactly(model, x):
    """Log p(x) and the ELBO for a latent on the line, by quadrature: shape (n,)."""
    z = np.linspace(-9, 9, 3001)[:, None]
    first, last = model.network.weights(model.parameters.astype(float)).decoder
    output = np.maximum(z @ first[:-1] + first[-1], 0) @ last[:-1] + last[-1]
    if model.network.observation == "bernoulli":
        terms = stats.bernoulli(1 / (1 + np.exp(-output))).logpmf(x[:, None])
    else:
        terms = stats.norm(output, np.sqrt(model.noise_variance)).logpdf(x[:, None])
    given = terms.sum(-1)
    mean, log_variance = (a.astype(float) for a in model.encode(x))
    q = stats.norm(mean, np.exp(log_variance / 2)).pdf(z[:, 0])
    prior, width = stats.norm.pdf(z[:, 0]), z[1, 0] - z[0, 0]
    kl = (mean**2 + np.exp(log_variance) - 1 - log_variance)[:, 0] / 2
    likelihood = np.log((np.exp(given) * prior).sum(-1) * width)
    return likelihood, (q * given).sum(-1) * width - kl


@observations
def test_importance_sampling_is_unbiased_and_the_elbo_its_lower_bound(observation):
    model, x = small(observation)
    likelihood, bound = exactly(model, x)
    assert (bound < likelihood - 1e-3).all()
    rng, repeats = seeded(10), np.broadcast_to(x, (4000, *x.shape))
    elbo = model.elbo(repeats, rng)
    assert_agrees(elbo, bound)
    assert_refutes(elbo, likelihood)
    assert_agrees(model.elbo(repeats, rng, draws=3), bound)
    ratio = np.exp(model.log_likelihood(repeats, rng, draws=5) - likelihood)
    assert_agrees(ratio, 1)
    assert_refutes(np.exp(elbo - likelihood), 1)


@observations
def test_importance_sampling_rises_to_the_log_likelihood(observation):
    model, x = small(observation)
    likelihood, bound = exactly(model, x)
    rng, repeats = seeded(11), np.broadcast_to(x, (3000, *x.shape))
    values = [bound] + [
        model.log_likelihood(repeats, rng, draws=k).mean(axis=0) for k in (2, 8, 64)
    ]
    gaps = [(likelihood - value).sum() for value in values]
    assert gaps[0] > gaps[1] > gaps[2] > gaps[3]
    one = model.log_likelihood(repeats, rng, draws=1)
    assert_agrees(one, bound)


def test_divergence_is_the_mean_of_the_difference_of_log_densities():
    rng = seeded(12)
    mean, log_variance = np.array([0.4, -1.0]), np.array([0.5, -0.6])
    exact = vae_network.divergence(mean, log_variance)
    std = np.exp(log_variance / 2)
    z = mean + std * rng.standard_normal((100_000, 2))
    ratio = (stats.norm(mean, std).logpdf(z) - stats.norm.logpdf(z)).sum(axis=-1)
    assert_agrees(ratio, exact)
    assert_refutes(ratio, vae_network.divergence(mean, 2 * log_variance))
    assert vae_network.divergence(np.zeros(3), np.zeros(3)) == 0


# --- the model -------------------------------------------------------------------------------


@observations
def test_draws_have_the_law_of_the_decoder(observation):
    model, _ = small(observation)
    many, size = model.broadcast(3000), 5
    draws, means = many.sample(size, seeded(13)), many.decoded.sample(size, seeded(14))
    assert draws.dtype == means.dtype == np.float32
    assert_agrees(draws.mean(axis=1) - means.mean(axis=1), 0)
    noise = means * (1 - means) if observation == "bernoulli" else model.noise_variance
    squares = (draws**2).mean(axis=1) - (means**2).mean(axis=1)
    expected = noise.mean(axis=1) if observation == "bernoulli" else noise
    assert_agrees(squares - expected, 0)
    assert_refutes(squares, 0)
    if observation == "bernoulli":
        assert set(np.unique(draws)) == {0, 1}


@observations
def test_batches_of_models_are_their_models(observation):
    network = Network(4, 2, (3,), observation)
    rng = seeded(15)
    models = VAE(network, rng.normal(size=(2, 3, network.size)))
    x, z = pictures((2, 3, 5), 4, rng), rng.standard_normal((2, 3, 5, 2))
    for index in np.ndindex(2, 3):
        for ours, one in [
            (models.encode(x)[0], models[index].encode(x[index])[0]),
            (models.encode(x)[1], models[index].encode(x[index])[1]),
            (models.decode(z), models[index].decode(z[index])),
        ]:
            np.testing.assert_allclose(ours[index], one, rtol=1e-5, atol=1e-6)
    common = models.encode(x[0, 0])[0]
    assert common.shape == (2, 3, 5, 2)
    np.testing.assert_allclose(common[1, 2], models[1, 2].encode(x[0, 0])[0], rtol=1e-5, atol=1e-6)
    assert models.elbo(x[0, 0], rng).shape == models.log_likelihood(x, rng, 2).shape == (2, 3, 5)


def test_weights_are_views_and_fill_the_vector():
    for observation in ("bernoulli", "gaussian"):
        network = Network(5, 2, (4, 3), observation)
        parameters = np.zeros((2, network.size))
        views = network.weights(parameters)
        for part in (*views.encoder, *views.decoder, views.noise):
            part += 1
        np.testing.assert_array_equal(parameters, 1)
    assert [v.shape for v in views.encoder] == [(2, 6, 4), (2, 5, 3), (2, 4, 4)]
    assert [v.shape for v in views.decoder] == [(2, 3, 3), (2, 4, 4), (2, 5, 5)]


@pytest.mark.parametrize(
    ("spread", "end", "beyond"), [(0.01, 0.2, np.less), (2.0, 0.3, np.greater)]
)
def test_noise_stays_in_its_range(spread, end, beyond):
    data = spread * seeded(17).standard_normal((64, 4))
    options = {"hidden": (), "observation": "gaussian", "batch": 16, "rate": 0.02}
    for noise in [(0.2, 0.3), (end, end)]:
        fitted = FitVAE(1, noise=noise, **options)(data, seeded(17))
        assert fitted.noise_variance == pytest.approx(end)
    free = FitVAE(1, **options)(data, seeded(17))
    assert free.noise_variance > 0 and beyond(free.noise_variance, end)


# --- streams and the recursion ---------------------------------------------------------------


def test_a_stream_is_asked_for_a_new_batch_in_every_step():
    asked = []

    def draw(size, rng):
        asked.append(size)
        return pictures((2, size), 4, rng)

    fitted = FitVAE(1, hidden=(3,), epochs=4, batch=10)(Stream(draw, 35), seeded(18))
    assert fitted.parameters.shape[:-1] == (2,)
    assert asked == [10] * (1 + 4 * 3)  # the first shows the number of pixels


def run(fit=None, **changes):
    network = Network(4, 1, (), "bernoulli")
    reality = VAE(network, seeded(19).normal(size=network.size))
    fit = fit or FitVAE(1, hidden=(3,), epochs=2, batch=10)
    options = {"sample_size": 20, "generations": 3, "chains": 2, "draw": draw_samples} | changes
    return recurse(reality, fit, rng=seeded(20), **options)


def test_recursion_is_deterministic_and_can_be_extended():
    whole, part = run(), run(generations=1)
    longer = extend(part, 2)
    for one, other in zip(whole.models, longer.models, strict=True):
        np.testing.assert_array_equal(one.parameters, other.parameters)
    fresh = run(draw=lambda model, size, rng: Stream(model.decoded.sample, size))
    assert fresh.newest.parameters.shape == whole.newest.parameters.shape
    assert (fresh.newest.parameters != whole.newest.parameters).any()


def test_divergence_says_where_and_keeps_the_generations():
    calls = []

    def huge(model, size, rng):
        calls.append(size)
        return model.sample(size, rng) * (1e30 if len(calls) == 3 else 1)

    fit = FitVAE(1, hidden=(3,), observation="gaussian", epochs=5, batch=10)
    with pytest.raises(FloatingPointError, match=r"epoch 1 of 5, in chain 0; rate=0.001") as error:
        run(fit, draw=huge)
    assert error.value.__notes__ == ["while making generation 3; see error.lineage"]
    kept = error.value.lineage
    assert len(kept.models) == 3
    assert np.isfinite(kept.newest.parameters).all()


def test_too_large_a_rate_is_noticed():
    data = pictures(256, 6, seeded(21))
    with pytest.raises(FloatingPointError, match=r"after epoch \d+ of 30"):
        FitVAE(2, hidden=(20,), batch=8, rate=1e4)(data, seeded(22))


# --- bad input -------------------------------------------------------------------------------

GOOD = {"latent_dimension": 2, "hidden": (3,), "epochs": 1, "batch": 4}
BAD = [
    ("latent_dimension", [0, -1, 1.5, True, None]),
    ("hidden", [(0,), (3, -1), (2.5,), [3], 3, None]),
    ("observation", ["poisson", None, 1]),
    ("epochs", [0, 1.0, None]),
    ("batch", [0, 2.5, None]),
    ("rate", [0, -1e-3, np.nan, np.inf, "fast"]),
    ("noise", [(0, 1), (2, 1), (np.nan, 1), (0.1,), 0.1, ("a", "b"), None]),
]


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, values in BAD for v in values])
def test_bad_hyper_parameters(name, value):
    with pytest.raises(ValueError, match=rf"\b{name}\b.*must be"):
        FitVAE(**GOOD | {name: value})


Case = namedtuple("Case", "data message")
DATA = [
    Case(np.full((9, 5), 1.5), r"pixels in \[0, 1\] for observation='bernoulli', got 1.5"),
    Case(np.full((9, 5), -0.1), r"pixels in \[0, 1\]"),
    Case(np.where(np.eye(9, 5), np.nan, 0.5), "finite numbers, got one that is nan"),
    Case(np.where(np.eye(9, 5), np.inf, 0.5), "finite numbers, got one that is inf"),
    Case(np.full((3, 5), 0.5), "at least one batch of 4 pictures, got 3"),
    Case(np.full(5, 0.5), "at least one batch of 4 pictures, got 0"),
    Case(np.full((9, 0), 0.5), "shape"),
    Case(np.full((9, 5), "ink"), "numbers"),
    Case(Stream(lambda size, rng: np.full((size, 5), 2.0), 9), r"pixels in \[0, 1\]"),
    Case(Stream(lambda size, rng: np.full((size, 5), 0.5), 3), "at least one batch of 4"),
]


@pytest.mark.parametrize("case", DATA, ids=lambda case: case.message)
def test_bad_data(case):
    rng = seeded(23)
    before = rng.bit_generator.state
    with pytest.raises(ValueError, match=rf"\bdata must .*{case.message}"):
        FitVAE(**GOOD)(case.data, rng)
    assert rng.bit_generator.state == before


def test_a_fit_needs_a_generator():
    with pytest.raises(ValueError, match="rng must be"):
        FitVAE(**GOOD)(np.full((9, 5), 0.5))


def test_the_recursion_refuses_samples_smaller_than_a_batch():
    with pytest.raises(ValueError, match="sample_size must be between 10"):
        run(sample_size=9)


def test_bad_models_and_arguments():
    network = Network(5, 2, (3,), "bernoulli")
    model, rng = VAE(network, np.zeros(network.size)), seeded(24)
    x = np.full((4, 5), 0.5)
    for call, name in [
        (lambda: VAE(network, np.zeros(3)), "parameters"),
        (lambda: VAE(network, np.full(network.size, np.nan)), "parameters"),
        (lambda: Network(0, 2, (), "bernoulli"), "pixels"),
        (lambda: model.encode(x[:, 1:]), "x"),
        (lambda: model.encode(x[0]), "x"),
        (lambda: model.encode(x + 1), "x"),
        (lambda: model.elbo(x - 1, rng), "x"),
        (lambda: model.elbo(x, rng, draws=0), "draws"),
        (lambda: model.log_likelihood(x, rng, draws=1.5), "draws"),
        (lambda: model.decode(np.zeros((4, 3))), "z"),
        (lambda: model.decode(np.full((4, 2), np.nan)), "z"),
        (lambda: model.noise_variance, "noise_variance"),
        (lambda: Stream(None, 5), "draw"),
        (lambda: Stream(len, 0), "size"),
    ]:
        with pytest.raises(ValueError, match=rf"^{name} must"):
            call()
