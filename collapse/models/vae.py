"""The variational autoencoder (VAE): its networks are in `vae_network`, here are model and fit.

A *decoder* is the network that turns a latent into a law. What the paper's code hands on is the law
of its means, `VAE.decoded`. (The decoders of `ngram.decoding` say how a word is drawn.)
"""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from functools import partial
from numbers import Real

import numpy as np
from scipy import special

from collapse import validation
from collapse.models.base import Record, record
from collapse.models.optimiser import Adam, check_finite, shuffled
from collapse.models.vae_network import (
    Network,
    Tape,
    blank,
    divergence,
    elbo,
    forward,
    gradient,
    halves,
    sigmoid,
    through,
)
from collapse.progress import progress
from collapse.seeds import generator


@record
class VAE(Record):
    """Variational autoencoders of one `network`, with `parameters` (..., P), kept as float32."""

    _axes = {"parameters": 1}  # noqa: RUF012

    network: Network
    parameters: np.ndarray

    def __init__(self, network, parameters):
        parameters = validation.finite("parameters", parameters)
        if parameters.shape[-1:] != (network.size,):
            raise ValueError(
                f"parameters must have shape (..., {network.size}), got {parameters.shape}"
            )
        self._set(network=network, parameters=parameters.astype(np.float32))

    @property
    def noise_variance(self):
        """Variance of Gaussian observation noise, shape (...), in squared units of a pixel."""
        if self.network.observation == "bernoulli":
            raise ValueError(
                "noise_variance must be asked of a Gaussian VAE, got observation='bernoulli'"
            )
        return np.exp(self.parameters[..., -1])

    def sample(self, size, rng):
        """Draw pictures from p(x|z) with z from the prior, shape (..., size, pixels), float32."""
        x = self.decoded.sample(size, rng)
        if self.network.observation == "bernoulli":
            return np.less(rng.random(x.shape, np.float32), x, out=x, casting="unsafe")
        noise = rng.standard_normal(x.shape, np.float32)
        noise *= np.sqrt(self.noise_variance)[..., None, None]
        x += noise
        return x

    @property
    def decoded(self):
        """The law of the decoder's means, a model of its own."""
        return DecoderMeans(self)

    def decode(self, z):
        """Mean of p(x|z), shape (..., n, pixels), for latents of shape (..., n, latents)."""
        z = _array("z", z, self.network.latent_dimension)
        output = self._run("decoder", z)
        return sigmoid(output) if self.network.observation == "bernoulli" else output

    def encode(self, x):
        """Mean and log variance of q(z|x), each (..., n, latents), of pictures (..., n, pixels)."""
        return halves(self._run("encoder", _pictures("x", x, self.network)))

    def _run(self, part, x):
        """Send numbers through the encoder or the decoder."""
        weights = self.network.weights(self.parameters)
        stack = getattr(weights, part)
        lead = np.broadcast_shapes(self.parameters.shape[:-1], x.shape[:-2])
        held = blank(stack, (*lead, x.shape[-2]), np.float32)
        held[0][..., :-1] = x
        return through(stack, held)

    def elbo(self, x, rng, draws=1):
        """Evidence lower bound of pictures (..., n, pixels), in nats for each, shape (..., n).

        The divergence is exact; the expected log density is a mean over `draws` latents.
        """
        validation.integer("draws", draws, 1)
        values = [value for value, _ in self._draws(x, rng, draws)]
        return np.mean(values, axis=0)

    def log_likelihood(self, x, rng, draws=64):
        """Log likelihood of pictures (..., n, pixels) by importance sampling, in nats, (..., n).

        The mean of p(x, z) / q(z|x) over `draws` latents from q is unbiased for p(x), so that its
        logarithm is too low on average; the average rises to log p(x) with the draws, and for one
        draw it is the ELBO (Burda, Grosse and Salakhutdinov 2016).
        """
        validation.integer("draws", draws, 1)
        terms = [ratio for _, ratio in self._draws(x, rng, draws)]
        return special.logsumexp(terms, axis=0) - np.log(draws)

    def _draws(self, x, rng, draws):
        """Yield, for latents from q, the ELBO and log p(x, z) - log q(z|x), each (..., n)."""
        x = _pictures("x", x, self.network)
        weights = self.network.weights(self.parameters)
        lead = np.broadcast_shapes(self.parameters.shape[:-1], x.shape[:-2])
        tape = Tape(weights, (*lead, x.shape[-2]))
        tape.x[...] = x
        for _ in range(draws):
            rng.standard_normal(out=tape.noise, dtype=np.float32)
            forward(weights, tape)
            value = elbo(weights, tape).astype(float)
            inside = np.square(tape.z) - np.square(tape.noise) - tape.log_variance
            kl = divergence(tape.mean, tape.log_variance)
            yield value, value + kl - 0.5 * inside.sum(axis=-1)


@record
class DecoderMeans(Record):
    """The law of the means that the decoders of `vae` give for z from the prior."""

    _axes = {"vae": None}  # noqa: RUF012

    vae: VAE

    def __init__(self, vae):
        self._set(vae=vae)

    def sample(self, size, rng):
        """Draw means, shape (..., size, pixels), float32."""
        latents = self.vae.network.latent_dimension
        return self.vae.decode(rng.standard_normal((*self.batch, size, latents), np.float32))


def _array(name, value, width=None):
    """Return finite float32 numbers of shape (..., n, width), without a copy where possible."""
    array = validation.array(name, value)
    if array.ndim < 2 or not array.size or array.shape[-1] != (width or array.shape[-1]):
        raise ValueError(f"{name} must have shape (..., n, {width or 'pixels'}), got {array.shape}")
    array = array.astype(np.float32, copy=False)
    # NaN and infinity show in the extremes; this takes no memory
    for extreme in (array.min(), array.max()):
        if not np.isfinite(extreme):
            raise ValueError(f"{name} must be finite numbers, got one that is {extreme}")
    return array


def _pictures(name, value, network):
    """Return pictures that the observation model allows, float32, shape (..., n, pixels)."""
    array = _array(name, value, network.pixels)
    if network.observation == "bernoulli":
        for extreme in (array.min(), array.max()):
            if not 0 <= extreme <= 1:
                raise ValueError(
                    f"{name} must be pixels in [0, 1] for observation='bernoulli', got {extreme}"
                )
    return array


@dataclass(frozen=True)
class Stream:
    """Data without end, for a fit: every batch is drawn anew, so that there is no finite sample.

    ``draw(size, rng)`` gives pictures of shape (..., size, pixels), for instance the ``sample`` of
    `VAE.decoded`; `size` is the number of pictures that count as one epoch.
    """

    draw: Callable
    size: int

    def __post_init__(self):
        if not callable(self.draw):
            raise ValueError(f"draw must be callable, got {self.draw!r}")
        validation.integer("size", self.size, 1)


@dataclass(frozen=True)
class FitVAE:
    """Train a new VAE by Adam on shuffled batches, one draw of the latent for each picture.

    `hidden` and `observation` are those of the `Network`; Bernoulli takes grey pixels in [0, 1]
    too, as the paper's code does. In each of the `epochs` there are as many steps as there are
    whole batches of `batch` pictures in the data. `rate` is Adam's; the loss is the sum over the
    batch. `noise` is the least and the greatest variance of Gaussian noise, in squared units of a
    pixel: it is learned between them, or fixed if they are the same. Without a floor, data on a
    surface of the latents' dimension would send it to zero and the ELBO to infinity.
    """

    latent_dimension: int
    _: KW_ONLY
    hidden: tuple = (256,)
    observation: str = "bernoulli"
    epochs: int = 30
    batch: int = 128
    rate: float = 1e-3
    noise: tuple = (1e-4, np.inf)

    def __post_init__(self):
        self._network(1)
        validation.integer("epochs", self.epochs, 1)
        validation.integer("batch", self.batch, 1)
        validation.real("rate", self.rate, 0, open_below=True)
        pair = self.noise if isinstance(self.noise, tuple) and len(self.noise) == 2 else (0, 0)
        if not all(isinstance(end, Real) for end in pair) or not 0 < pair[0] <= pair[1]:
            raise ValueError(
                f"noise must be (least, greatest) with 0 < least <= greatest, got {self.noise!r}"
            )

    @property
    def minimum_size(self):
        """The smallest sample: one batch."""
        return self.batch

    def _network(self, pixels):
        return Network(pixels, self.latent_dimension, self.hidden, self.observation)

    def prepared(self, newest, rng):  # noqa: ARG002, every generation starts from a new network
        """Bind the generator of a recursion's run."""
        return partial(self, rng=rng)

    def __call__(self, data, rng=None):
        """Train on pictures, shape (..., M, pixels), or on a `Stream` of such batches.

        Each entry of the batch (...) has a network, a shuffle and noise of its own. A loss that is
        no longer finite raises FloatingPointError.
        """
        rng = generator(rng)
        fresh = isinstance(data, Stream)
        size = data.size if fresh else np.shape(data)[-2] if np.ndim(data) > 1 else 0
        if size < self.batch:
            raise ValueError(
                f"data must hold at least one batch of {self.batch} pictures, got {size}"
            )
        first = _array("data", data.draw(self.batch, rng) if fresh else data)
        network = self._network(first.shape[-1])
        first = _pictures("data", first, network)
        lead, first = first.shape[:-2], first.reshape(-1, *first.shape[-2:])
        batches = partial(_batches, data if fresh else first, size // self.batch)
        with np.errstate(over="ignore", invalid="ignore"):  # training itself notices
            parameters = _start(network, first, self.noise, rng)
            self._train(network, parameters, batches, rng)
        parameters = parameters.reshape(*lead, network.size)
        return VAE._of(network=network, parameters=parameters)

    def _train(self, network, parameters, batches, rng):
        """Train networks with parameters (chains, P) in place."""
        slopes, noise = np.zeros_like(parameters), np.log(self.noise)
        weights, into = network.weights(parameters), network.weights(slopes)
        tape = Tape(weights, (len(parameters), self.batch))
        adam = Adam(parameters.reshape(-1), self.rate)
        for epoch in progress(range(self.epochs), "epoch"):
            for x in batches(self.batch, rng):
                tape.x[...] = x.reshape(tape.x.shape)
                rng.standard_normal(out=tape.noise, dtype=np.float32)
                forward(weights, tape)
                gradient(weights, tape, into)
                adam.step(slopes.reshape(-1))
                np.clip(weights.noise, *noise, out=weights.noise)
            check_finite(parameters, epoch, self.epochs, self.rate)


def _start(network, data, noise, rng):
    """Draw the parameters to start from, shape (chains, P), float32.

    Weights and biases are uniform within one over the root of the number of inputs; the noise
    starts from the variance of the data.
    """
    parameters = rng.random((len(data), network.size), np.float32)
    parameters *= 2
    parameters -= 1
    weights = network.weights(parameters)
    for layer in (*weights.encoder, *weights.decoder):
        layer /= np.sqrt(layer.shape[-2] - 1)
    if network.observation == "gaussian":
        variance = data.var(axis=-2).mean(axis=-1, keepdims=True)
        weights.noise[...] = np.log(np.clip(variance, *noise))
    return parameters


def _batches(source, steps, batch, rng):
    """Yield the batches of one epoch, shape (chains, batch, pixels)."""
    if isinstance(source, Stream):
        for _ in range(steps):
            yield source.draw(batch, rng)
        return
    for chosen in shuffled(*source.shape[:2], batch, rng):
        yield source[np.arange(len(source))[:, None], chosen]
