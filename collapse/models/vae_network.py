r"""The networks of a variational autoencoder, in numpy: short enough to be read, and fast.

A decoder turns a latent :math:`z \sim \mathcal N(0, I)` into a law :math:`p(x \mid z)` over
pictures; an encoder guesses the latent of a picture by a normal law :math:`q(z \mid x)` with a
diagonal covariance. Both are networks of linear layers with rectified units between them, and both
are trained to raise the evidence lower bound (ELBO), in nats (Kingma and Welling 2014),

.. math:: \log p(x) \ge \mathbb E_q \log p(x \mid z) - \mathrm{KL}(q(z \mid x) \| \mathcal N(0, I)).

The functions `forward`, `elbo` and `gradient` are the whole method; `optimiser` takes the steps.
They work in place, on arrays that are made once. Axes: chains, each with a network of its own;
pictures; numbers.
"""

from dataclasses import dataclass
from itertools import pairwise
from math import log, pi
from typing import NamedTuple

import numpy as np

from collapse import validation


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
    """The shape of a VAE for pictures of so many `pixels`.

    The encoder has hidden layers of the widths `hidden`, a tuple, and the decoder the same in
    reverse; without any, the VAE is linear. The `observation` says what p(x|z) is for each pixel:
    "bernoulli", a coin whose mean the decoder gives through a sigmoid, or "gaussian", a normal law
    around the decoder's output, with one variance for all pixels.
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

    `weights` have the batch shape (...), `lead` is that and the number of pictures, (..., n).
    """

    def __init__(self, weights, lead):
        kind = weights.noise.dtype
        self.encoder, self.decoder = (blank(s, lead, kind) for s in weights[:2])
        latent = (*lead, weights.decoder[0].shape[-2] - 1)
        self.noise, self.std = (np.zeros(latent, kind) for _ in range(2))
        self.x, self.z = self.encoder[0][..., :-1], self.decoder[0][..., :-1]
        self.mean, self.log_variance = halves(self.encoder[-1])
        self.output = self.decoder[-1]


def blank(stack, lead, kind):
    """Return arrays for the inputs of a stack of layers and for its output."""
    inputs = [np.ones((*lead, layer.shape[-2]), kind) for layer in stack]
    return [*inputs, np.empty((*lead, stack[-1].shape[-1]), kind)]


def halves(moments):
    """Return the mean and the log variance that an encoder gives."""
    latent = moments.shape[-1] // 2
    return moments[..., :latent], moments[..., latent:]


def through(stack, held):
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

    Filled are ``mean`` and ``log_variance`` of q(z|x), its draw ``z``, which is the mean plus
    ``std`` times the standard normal ``noise``, and ``output``.
    """
    through(weights.encoder, tape.encoder)
    np.multiply(tape.log_variance, 0.5, out=tape.std)
    np.exp(tape.std, out=tape.std)
    np.multiply(tape.std, tape.noise, out=tape.z)
    tape.z += tape.mean
    through(weights.decoder, tape.decoder)


def elbo(weights, tape):
    """Return the evidence lower bound after `forward`, in nats for each picture, shape (..., n).

    From one draw of the latent for each: unbiased for the bound.
    """
    return log_density(tape.x, tape.output, weights.noise) - divergence(
        tape.mean, tape.log_variance
    )


def log_density(x, output, noise):
    """Return log p(x|z) of pictures x (..., n, pixels), in nats, shape (..., n).

    `output` is what the decoder gives for z, of the same shape: logits of Bernoulli means, or
    Gaussian means; `noise` the log variance of Gaussian noise, shape (..., 1), or (..., 0) for
    Bernoulli. For grey pixels the Bernoulli value is the cross-entropy, not a density.
    """
    if noise.shape[-1]:
        squared = np.square(x - output).sum(axis=-1)
        scale = log(2 * pi) + noise
        return -0.5 * (squared * np.exp(-noise) + x.shape[-1] * scale)
    # log(1 + e^l) without overflow: the larger of l and 0, plus a small rest
    rest = np.log1p(np.exp(-np.abs(output)))
    return (x * output - np.maximum(output, 0) - rest).sum(axis=-1)


def divergence(mean, log_variance):
    r"""Return KL(N(mean, variance) || N(0, I)) of independent normal laws (..., d), shape (...).

    :math:`\frac12\sum_j(\mu_j^2 + \sigma_j^2 - 1 - \log\sigma_j^2)`, in nats: the expectation
    under N(mean, variance) of the difference of the two log densities. Exact.
    """
    terms = np.square(mean) + np.exp(log_variance) - 1 - log_variance
    return 0.5 * terms.sum(axis=-1)


def gradient(weights, tape, slopes):
    """Write the slopes of minus the ELBO, summed over the pictures, after `forward`.

    They go to `slopes`, views into the vector that receives them. The tape is used up.
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
        sigmoid(error)
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


def sigmoid(logits):
    """Turn logits into probabilities, in place."""
    logits *= 0.5
    np.tanh(logits, out=logits)
    logits *= 0.5
    logits += 0.5
    return logits
