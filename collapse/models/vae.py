r"""The variational autoencoder (VAE), in numpy: short enough to be read, and fast.

A decoder turns a latent :math:`z \sim \mathcal N(0, I)` into a law :math:`p(x \mid z)` over
pictures; an encoder guesses the latent of a picture by a normal law :math:`q(z \mid x)` with a
diagonal covariance. Both are networks of linear layers with rectified units between them, and both
are trained to raise the evidence lower bound (ELBO), in nats (Kingma and Welling 2014),

.. math:: \log p(x) \ge \mathbb E_q \log p(x \mid z) - \mathrm{KL}(q(z \mid x) \| \mathcal N(0, I)).

The functions `forward`, `elbo`, `gradient` and `step` are the whole method. They work in place, on
arrays that are made once. Axes: chains, each with a network of its own; pictures; numbers.
"""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from functools import partial
from itertools import pairwise
from math import log, pi
from numbers import Real
from typing import NamedTuple

import numpy as np
from scipy import special

from collapse import validation
from collapse.progress import progress
from collapse.seeds import generator

_BLOCK = 1 << 14  # the optimiser works through the parameters in blocks that stay in the cache
_BETAS, _EPSILON = (0.9, 0.999), 1e-8  # Adam's usual ones


class Weights(NamedTuple):
    """One flat vector of parameters, seen as the layers that it holds."""

    encoder: list
    """Matrices, shape (..., inputs + 1, outputs); the last row is the bias."""
    decoder: list
    """The same, from the latents back to the pixels."""
    noise: np.ndarray
    """Log variance of the observation noise, shape (..., 1), or (..., 0) for Bernoulli."""


@dataclass(frozen=True)
class Network:
    """The shape of a VAE.

    Parameters
    ----------
    pixels : int
        The number of pixels of a picture.
    latent_dimension : int
        The number of latents.
    hidden : tuple of int
        Widths of the encoder's hidden layers; the decoder has them in reverse. Without any, the VAE
        is linear.
    observation : {"bernoulli", "gaussian"}
        What p(x|z) is for each pixel: a coin, whose mean the decoder gives through a sigmoid, or a
        normal law around the decoder's output, with one variance for all pixels.

    Raises
    ------
    ValueError
        If a width is not a positive integer, or the observation is another one.
    """

    pixels: int
    latent_dimension: int
    hidden: tuple
    observation: str

    def __post_init__(self):
        validation.integer("pixels", self.pixels, 1)
        validation.integer("latent_dimension", self.latent_dimension, 1)
        if not isinstance(self.hidden, tuple):
            raise ValueError(f"hidden must be a tuple of integers, got {self.hidden!r}")
        for width in self.hidden:
            validation.integer("hidden", width, 1)
        if self.observation not in ("bernoulli", "gaussian"):
            raise ValueError(
                f"observation must be 'bernoulli' or 'gaussian', got {self.observation!r}"
            )

    @property
    def shapes(self):
        """Shapes of the matrices of the encoder and of the decoder."""
        encoder = (self.pixels, *self.hidden, 2 * self.latent_dimension)
        decoder = (self.latent_dimension, *reversed(self.hidden), self.pixels)
        return [[(i + 1, o) for i, o in pairwise(widths)] for widths in (encoder, decoder)]

    @property
    def size(self):
        """The number of parameters."""
        layers = sum(rows * columns for stack in self.shapes for rows, columns in stack)
        return layers + (self.observation == "gaussian")

    def weights(self, parameters):
        """Return views into parameters, shape (..., size), as `Weights`."""
        stacks, start = [], 0
        for shapes in self.shapes:
            stacks.append([])
            for rows, columns in shapes:
                end = start + rows * columns
                part = parameters[..., start:end]
                stacks[-1].append(part.reshape(*part.shape[:-1], rows, columns))
                start = end
        return Weights(*stacks, parameters[..., start:])


class Tape:
    """The arrays of one pass: what each layer receives, with a last column of ones, and gives.

    Parameters
    ----------
    weights : Weights
        The layers, with batch shape (...).
    lead : tuple of int
        The batch shape and the number of pictures, (..., n).
    """

    def __init__(self, weights, lead):
        kind = weights.noise.dtype
        self.encoder, self.decoder = (_held(s, lead, kind) for s in weights[:2])
        latent = (*lead, weights.decoder[0].shape[-2] - 1)
        self.noise, self.std = (np.zeros(latent, kind) for _ in range(2))
        self.x, self.z = self.encoder[0][..., :-1], self.decoder[0][..., :-1]
        self.mean, self.log_variance = _halves(self.encoder[-1])
        self.output = self.decoder[-1]


def _held(stack, lead, kind):
    """Return arrays for the inputs of a stack of layers and for its output."""
    inputs = [np.ones((*lead, layer.shape[-2]), kind) for layer in stack]
    return [*inputs, np.empty((*lead, stack[-1].shape[-1]), kind)]


def _halves(moments):
    """Return the mean and the log variance that an encoder gives."""
    latent = moments.shape[-1] // 2
    return moments[..., :latent], moments[..., latent:]


def _through(stack, held):
    """Fill the arrays of a stack from its input on."""
    for layer, (before, after) in zip(stack, pairwise(held), strict=True):
        out = after[..., : layer.shape[-1]]
        np.matmul(before, layer, out=out)
        if layer is not stack[-1]:
            np.maximum(out, 0, out=out)
    return out


def _back(stack, held, slope, slopes, to_input):
    """Overwrite the arrays of a stack by the slopes of the loss, from its output's on.

    The slopes of the layers go to `slopes`; those of the input are needed only if `to_input`.
    """
    for i in reversed(range(len(stack))):
        np.matmul(held[i].mT, slope, out=slopes[i])
        if i or to_input:
            inputs = held[i][..., :-1]
            alive = inputs > 0 if i else True
            slope = np.matmul(slope, stack[i][..., :-1, :].mT, out=inputs)
            slope *= alive


def forward(weights, tape):
    """Encode the pictures ``tape.x``, draw a latent for each by ``tape.noise``, and decode it.

    Parameters
    ----------
    weights : Weights
        The layers, with batch shape (...).
    tape : Tape
        The arrays to fill: ``mean`` and ``log_variance`` of q(z|x), its draw ``z``, which is the
        mean plus ``std`` times the standard normal ``noise``, and ``output``.
    """
    _through(weights.encoder, tape.encoder)
    np.multiply(tape.log_variance, 0.5, out=tape.std)
    np.exp(tape.std, out=tape.std)
    np.multiply(tape.std, tape.noise, out=tape.z)
    tape.z += tape.mean
    _through(weights.decoder, tape.decoder)


def elbo(weights, tape):
    """Return the evidence lower bound after `forward`, one draw of the latent for each picture.

    Parameters
    ----------
    weights : Weights
        The layers.
    tape : Tape
        The arrays that `forward` filled.

    Returns
    -------
    ndarray, shape (..., n)
        Estimates in nats for each picture, unbiased for the bound.
    """
    return log_density(tape.x, tape.output, weights.noise) - divergence(
        tape.mean, tape.log_variance
    )


def log_density(x, output, noise):
    """Return log p(x|z) from what the decoder gives for z.

    Parameters
    ----------
    x : ndarray, shape (..., n, pixels)
        Pictures.
    output : ndarray, shape (..., n, pixels)
        Logits of Bernoulli means (log odds), or Gaussian means.
    noise : ndarray, shape (..., 1) or (..., 0)
        Log variance of Gaussian noise; empty for Bernoulli.

    Returns
    -------
    ndarray, shape (..., n)
        Nats. For grey pixels the Bernoulli value is the cross-entropy, not a density.
    """
    if noise.shape[-1]:
        squared = np.square(x - output).sum(axis=-1)
        scale = log(2 * pi) + noise
        return -0.5 * (squared * np.exp(-noise) + x.shape[-1] * scale)
    # log(1 + e^l) without overflow: the larger of l and 0, plus a small rest
    rest = np.log1p(np.exp(-np.abs(output)))
    return (x * output - np.maximum(output, 0) - rest).sum(axis=-1)


def divergence(mean, log_variance):
    r"""Return the divergence from the prior, KL(N(mean, variance) || N(0, I)), exactly.

    Parameters
    ----------
    mean, log_variance : ndarray, shape (..., d)
        Of independent normal laws.

    Returns
    -------
    ndarray, shape (...)
        :math:`\frac12\sum_j(\mu_j^2 + \sigma_j^2 - 1 - \log\sigma_j^2)`, in nats: the expectation
        under N(mean, variance) of the difference of the two log densities.
    """
    terms = np.square(mean) + np.exp(log_variance) - 1 - log_variance
    return 0.5 * terms.sum(axis=-1)


def gradient(weights, tape, slopes):
    """Write the slopes of minus the ELBO, summed over the pictures, after `forward`.

    Parameters
    ----------
    weights : Weights
        The layers.
    tape : Tape
        The arrays that `forward` filled; they are used up.
    slopes : Weights
        Views into the vector that receives the slopes.
    """
    error = tape.output
    if weights.noise.shape[-1]:
        error -= tape.x
        precision = np.exp(-weights.noise)
        flat = error.reshape(*error.shape[:-2], -1)
        squared = np.vecdot(flat, flat)[..., None]
        slopes.noise[...] = 0.5 * (flat.shape[-1] - squared * precision)
        error *= precision[..., None]
    else:  # the slope of the cross-entropy in the logit is the sigmoid minus the pixel
        _sigmoid(error)
        error -= tape.x
    _back(weights.decoder, tape.decoder, error, slopes.decoder, to_input=True)
    by_z = tape.z  # the slope in z = mean + std * noise has taken its place
    tape.mean += by_z
    # in the log variance: (by_z * std * noise + std**2 - 1) / 2
    tape.noise *= tape.std
    tape.noise *= by_z
    tape.std *= tape.std
    tape.std -= 1
    tape.std += tape.noise
    np.multiply(tape.std, 0.5, out=tape.log_variance)
    _back(weights.encoder, tape.encoder, tape.encoder[-1], slopes.encoder, to_input=False)


def _sigmoid(logits):
    """Turn logits into probabilities, in place."""
    logits *= 0.5
    np.tanh(logits, out=logits)
    logits *= 0.5
    logits += 0.5
    return logits


def step(parameters, slopes, first, second, count, rate):
    """Take one step of Adam downhill.

    Parameters
    ----------
    parameters, slopes : ndarray, shape (P,)
        What is changed, and the slopes of the loss, which are used up.
    first, second : ndarray, shape (P,)
        Sums of the slopes so far and of their squares, with weights that fall by 0.9 and 0.999 a
        step; they are updated. Zero before the first step.
    count : int
        The number of this step, from 1 on.
    rate : float
        The learning rate.

    Notes
    -----
    Adam moves by the mean slope over the root of the mean square. The means are the sums times
    (1 - beta) / (1 - beta**count), factors which are applied to the result.
    """
    one, two = ((1 - beta) / (1 - beta**count) for beta in _BETAS)
    length, least = rate * one / np.sqrt(two), _EPSILON / np.sqrt(two)
    for start in range(0, len(parameters), _BLOCK):
        p, g, m, v = (a[start : start + _BLOCK] for a in (parameters, slopes, first, second))
        m *= _BETAS[0]
        m += g
        g *= g
        v *= _BETAS[1]
        v += g
        np.sqrt(v, out=g)
        g += least
        np.divide(m, g, out=g)
        g *= length
        p -= g


@dataclass(frozen=True, eq=False)
class VAE:
    """Variational autoencoders, one for each entry of the batch.

    Parameters
    ----------
    network : Network
        Their common shape.
    parameters : array_like, shape (..., P)
        Their weights and biases, kept as float32.

    Raises
    ------
    ValueError
        If the parameters are not finite, or not as many as the network has.
    """

    network: Network
    parameters: np.ndarray

    def __post_init__(self):
        parameters = validation.finite("parameters", self.parameters)
        if parameters.shape[-1:] != (self.network.size,):
            raise ValueError(
                f"parameters must have shape (..., {self.network.size}), got {parameters.shape}"
            )
        self.__dict__.update(parameters=parameters.astype(np.float32))

    @classmethod
    def _of(cls, network, parameters):
        """Make a record from parts that are known to be valid."""
        model = object.__new__(cls)
        model.__dict__.update(network=network, parameters=parameters)
        return model

    def __getitem__(self, index):
        """Return the models at an index of the batch, for instance that of one chain."""
        return VAE._of(self.network, self.parameters[index])

    def broadcast(self, chains):
        """Lay the model over a batch of chains, shape (chains,)."""
        shape = (chains, self.network.size)
        return VAE._of(self.network, np.broadcast_to(self.parameters, shape))

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
        x = self.means(size, rng)
        if self.network.observation == "bernoulli":
            return np.less(rng.random(x.shape, np.float32), x, out=x, casting="unsafe")
        noise = rng.standard_normal(x.shape, np.float32)
        noise *= np.sqrt(self.noise_variance)[..., None, None]
        x += noise
        return x

    def means(self, size, rng):
        """Draw the decoder's means for z from the prior, shape (..., size, pixels), float32."""
        lead = self.parameters.shape[:-1]
        z = rng.standard_normal((*lead, size, self.network.latent_dimension), np.float32)
        return self.decode(z)

    @property
    def decoded(self):
        """The law of the decoder's means, a model of its own."""
        return DecoderMeans(self)

    def decode(self, z):
        """Mean of p(x|z), shape (..., n, pixels), for latents of shape (..., n, latents)."""
        z = _array("z", z, self.network.latent_dimension)
        output = self._run("decoder", z)
        return _sigmoid(output) if self.network.observation == "bernoulli" else output

    def encode(self, x):
        """Mean and log variance of q(z|x), each (..., n, latents), of pictures (..., n, pixels)."""
        return _halves(self._run("encoder", _pictures("x", x, self.network)))

    def _run(self, part, x):
        """Send numbers through the encoder or the decoder."""
        weights = self.network.weights(self.parameters)
        stack = getattr(weights, part)
        lead = np.broadcast_shapes(self.parameters.shape[:-1], x.shape[:-2])
        held = _held(stack, (*lead, x.shape[-2]), np.float32)
        held[0][..., :-1] = x
        return _through(stack, held)

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


@dataclass(frozen=True, eq=False)
class DecoderMeans:
    """The law of a decoder's means, which is what the paper's code hands on.

    Parameters
    ----------
    vae : VAE
        The models, batch shape (...).
    """

    vae: VAE

    def __getitem__(self, index):
        """Return the laws at an index of the batch, for instance that of one chain."""
        return DecoderMeans(self.vae[index])

    def broadcast(self, chains):
        """Lay the law over a batch of chains, shape (chains,)."""
        return DecoderMeans(self.vae.broadcast(chains))

    def sample(self, size, rng):
        """Draw means, shape (..., size, pixels), float32."""
        return self.vae.means(size, rng)


def _array(name, value, width=None):
    """Return finite float32 numbers of shape (..., n, width), without a copy where possible."""
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} must be numbers, got {array.dtype}")
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

    Parameters
    ----------
    draw : callable
        ``draw(size, rng)`` gives pictures of shape (..., size, pixels), for instance `VAE.means`.
    size : int
        The number of pictures that count as one epoch.

    Raises
    ------
    ValueError
        If `draw` is not callable, or `size` not a positive integer.
    """

    draw: Callable
    size: int

    def __post_init__(self):
        if not callable(self.draw):
            raise ValueError(f"draw must be callable, got {self.draw!r}")
        validation.integer("size", self.size, 1)

    def batch(self, size, rng):
        """Draw pictures, shape (..., size, pixels)."""
        return self.draw(size, rng)


@dataclass(frozen=True)
class FitVAE:
    """Train a new VAE by Adam on shuffled batches, one draw of the latent for each picture.

    Parameters
    ----------
    latent_dimension : int
        The number of latents.
    hidden : tuple of int
        Widths of the encoder's hidden layers, in reverse for the decoder; () is the linear VAE.
    observation : {"bernoulli", "gaussian"}
        What p(x|z) is; see `Network`. Bernoulli takes grey pixels in [0, 1] too, as the paper's
        code does.
    epochs : int
        How many times the data are gone through. An epoch has as many steps as there are whole
        batches in the data; what is left over differs from epoch to epoch.
    batch : int
        Pictures in a step.
    rate : float
        Adam's learning rate; the loss is the sum over the batch.
    noise : tuple of float
        The least and the greatest variance of Gaussian noise, in squared units of a pixel; it is
        learned between them, or fixed if they are the same. Without a floor, data on a surface of
        the latents' dimension would send it to zero and the ELBO to infinity.

    Raises
    ------
    ValueError
        If a hyper-parameter is out of range.
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
        fresh = hasattr(data, "batch")
        size = data.size if fresh else np.shape(data)[-2] if np.ndim(data) > 1 else 0
        if size < self.batch:
            raise ValueError(
                f"data must hold at least one batch of {self.batch} pictures, got {size}"
            )
        first = _array("data", data.batch(self.batch, rng) if fresh else data)
        network = self._network(first.shape[-1])
        first = _pictures("data", first, network)
        lead, first = first.shape[:-2], first.reshape(-1, *first.shape[-2:])
        batches = partial(_batches, data if fresh else first, size // self.batch)
        with np.errstate(over="ignore", invalid="ignore"):  # training itself notices
            parameters = _start(network, first, self.noise, rng)
            self._train(network, parameters, batches, rng)
        return VAE._of(network, parameters.reshape(*lead, network.size))

    def _train(self, network, parameters, batches, rng):
        """Train networks with parameters (chains, P) in place."""
        slopes, first, second = (np.zeros_like(parameters) for _ in range(3))
        weights, into = network.weights(parameters), network.weights(slopes)
        tape, count = Tape(weights, (len(parameters), self.batch)), 0
        noise = np.log(self.noise)
        flat = [a.reshape(-1) for a in (parameters, slopes, first, second)]
        for epoch in progress(range(self.epochs), "epoch"):
            for x in batches(self.batch, rng):
                tape.x[...] = x.reshape(tape.x.shape)
                rng.standard_normal(out=tape.noise, dtype=np.float32)
                forward(weights, tape)
                gradient(weights, tape, into)
                count += 1
                step(*flat, count, self.rate)
                np.clip(weights.noise, *noise, out=weights.noise)
            finite = np.isfinite(parameters).all(axis=-1)
            if not finite.all():
                raise FloatingPointError(
                    f"the loss is not finite any more after epoch {epoch + 1} of {self.epochs}, "
                    f"in chain {finite.argmin()}; rate={self.rate} may be too large"
                )


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
    if hasattr(source, "batch"):
        for _ in range(steps):
            yield source.batch(batch, rng)
        return
    chains, size = np.arange(len(source))[:, None], source.shape[1]
    order = rng.permuted(np.tile(np.arange(size), (len(source), 1)), axis=-1)
    for start in range(0, steps * batch, batch):
        yield source[chains, order[:, start : start + batch]]
