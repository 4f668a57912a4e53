r"""A neural language model in numpy: the feed-forward network of Bengio et al. (2003).

Each of the words before, or the mark of the block's start, is looked up in a table of vectors. The
vectors go side by side through a layer of hyperbolic tangents, and a linear layer with a softmax
gives the law of the next word:

.. math:: p(w \mid h) \propto \exp\big(b + U \tanh(c + H\,[C_{h_1}, \dots, C_{h_k}])\big)_w .

What n-grams have to see, such a network can guess, since words with similar vectors have similar
laws: its smoothing is learned. The functions `forward` and `gradient` are the whole method. Axes:
chains, each with a network of its own; places in the text; numbers.
"""

from dataclasses import KW_ONLY, dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from scipy import sparse

from collapse import validation
from collapse.models.base import Record, record
from collapse.models.ngram.decoding import ANCESTRAL, Beam, continued
from collapse.models.optimiser import Adam, check_finite, shuffled
from collapse.progress import progress
from collapse.seeds import generator

_CHUNK = 1 << 21  # about so many probabilities are written out at a time


class Layers(NamedTuple):
    """One flat vector of parameters, seen as the tables that it holds."""

    vectors: np.ndarray
    """A vector for each word, and for the start of a block, shape (..., V + 1, width)."""
    hidden: np.ndarray
    """From k vectors to the units, shape (..., k width + 1, units); the last row is the bias."""
    output: np.ndarray
    """From the units to a number for each word, shape (..., units + 1, V)."""


@dataclass(frozen=True)
class Shape:
    """The sizes of a network: V, k words of `context`, `width` of a vector, hidden `units`."""

    vocabulary_size: int
    context: int
    width: int
    units: int

    def __post_init__(self):
        for name, value in vars(self).items():
            validation.integer(name, value, 1)

    @property
    def tables(self):
        """Shapes of the three tables."""
        inputs = self.context * self.width + 1
        words = self.vocabulary_size
        return (words + 1, self.width), (inputs, self.units), (self.units + 1, words)

    @property
    def size(self):
        """The number of parameters."""
        return sum(rows * columns for rows, columns in self.tables)

    def layers(self, parameters):
        """Return views into parameters, shape (..., size), as `Layers`."""
        parts, start = [], 0
        for rows, columns in self.tables:
            part = parameters[..., start : (start := start + rows * columns)]
            parts.append(part.reshape(*part.shape[:-1], rows, columns))
        return Layers(*parts)


class Tape:
    """The arrays of one pass for `size` places in each of the chains."""

    def __init__(self, shape, layers, size):
        chains, kind = len(layers.vectors), layers.vectors.dtype
        self.inputs = np.ones((chains, size, shape.context * shape.width + 1), kind)
        self.units = np.ones((chains, size, shape.units + 1), kind)
        self.masses = np.empty((chains, size, shape.vocabulary_size), kind)
        self.total = np.empty((chains, size, 1), kind)


def forward(layers, contexts, tape, words=None):
    """Fill the tape for contexts, shape (chains, n, k), with ``masses`` and their ``total``.

    The probability of a word is its mass over the total. Returned are the log probabilities of
    `words`, shape (chains, n), if there are any; these do not underflow.
    """
    chains, places = np.ogrid[: contexts.shape[0], : contexts.shape[1]]
    vectors = layers.vectors[chains[..., None], contexts]
    tape.inputs[..., :-1] = vectors.reshape(*contexts.shape[:2], -1)
    units = np.matmul(tape.inputs, layers.hidden, out=tape.units[..., :-1])
    np.tanh(units, out=units)
    masses = np.matmul(tape.units, layers.output, out=tape.masses)
    masses -= masses.max(axis=-1, keepdims=True)
    scores = None if words is None else masses[chains, places, words]
    np.exp(masses, out=masses)
    np.sum(masses, axis=-1, keepdims=True, out=tape.total)
    return None if words is None else scores - np.log(tape.total[..., 0])


def gradient(layers, contexts, words, tape, slopes):
    """Write the slopes of minus the log probability of words, summed, after `forward`.

    They go to `slopes`, views into the vector that receives them. The tape is used up.
    """
    chains, places = np.ogrid[: words.shape[0], : words.shape[1]]
    error = tape.masses  # of the logits, times the total: masses, less the total at the word
    error[chains, places, words] -= tape.total[..., 0]
    by_units = np.matmul(error, layers.output[:, :-1].mT)
    by_units *= 1 - np.square(tape.units[..., :-1])
    by_units /= tape.total
    tape.units /= tape.total
    np.matmul(tape.units.mT, error, out=slopes.output)
    np.matmul(tape.inputs.mT, by_units, out=slopes.hidden)
    by_vectors = np.matmul(by_units, layers.hidden[:, :-1].mT)
    # each vector collects the slopes of all places where its word stands
    count, rows, width = slopes.vectors.shape
    where = (contexts + rows * np.arange(count)[:, None, None]).ravel()
    collect = sparse.csc_array(
        (np.ones(len(where), error.dtype), where, np.arange(len(where) + 1)),
        shape=(count * rows, len(where)),
    )
    slopes.vectors[...] = (collect @ by_vectors.reshape(-1, width)).reshape(count, rows, width)


@record
class NeuralLanguage(Record):
    """Feed-forward language models of one `shape` of network, with `parameters` (..., P).

    They write blocks of `length` words.
    """

    _axes = {"parameters": 1}  # noqa: RUF012

    shape: Shape
    parameters: np.ndarray
    length: int

    def __init__(self, shape, parameters, length):
        parameters = validation.finite("parameters", parameters)
        if parameters.shape[-1:] != (shape.size,):
            raise ValueError(
                f"parameters must have shape (..., {shape.size}), got {parameters.shape}"
            )
        length = validation.integer("length", length, 1)
        self._set(shape=shape, parameters=parameters.astype(np.float32), length=length)

    def sample(self, size, rng):
        """Draw ``size`` blocks from each model, integers of shape (..., size, length)."""
        return self.generate(size, rng)

    def generate(self, size, rng, decoder=ANCESTRAL, prompts=None):
        """Write blocks with a `decoder`, int32 of shape (..., size, length).

        Each after its prompt, shape (size, P), if there are `prompts`; see
        `collapse.models.ngram.decoding`.
        """
        if not callable(decoder) and not isinstance(decoder, Beam):
            raise ValueError(f"decoder must be a decoder, got {decoder!r}")
        size = validation.integer("size", size, 1)
        prompts = np.empty((size, 0), dtype=np.int64) if prompts is None else prompts
        prompts = validation.categories("prompts", prompts, self.shape.vocabulary_size)
        if prompts.ndim != 2 or len(prompts) != size:
            raise ValueError(f"prompts must have shape ({size}, P), got {prompts.shape}")
        written = np.empty((*self.batch, size, self.length), dtype=np.int32)
        for index in np.ndindex(self.batch):
            law = self[index].next_law
            written[index] = continued(law, prompts, self.length, decoder, rng)
        return written

    def next_law(self, tokens):
        """Return the laws of the next word after tokens, shape (n, t), as (..., n, V)."""
        contexts = _windows(tokens, self.shape)[:, -1]
        laws = np.empty((*self.batch, len(tokens), self.shape.vocabulary_size))
        contexts = np.broadcast_to(contexts, (*self.batch, *contexts.shape))
        for index, places, layers, tape in self._passes(contexts):
            forward(layers, contexts[index][None, places], tape)
            laws[index][places] = tape.masses[0] / tape.total[0]
        return laws

    def log_probabilities(self, blocks):
        """Log probability of each word of blocks of shape (..., size, length), in nats.

        Blocks of shape (size, length) are scored by all models of the batch.
        """
        blocks = validation.categories("blocks", blocks, self.shape.vocabulary_size)
        if blocks.ndim < 2 or blocks.shape[:-2] not in ((), self.batch):
            raise ValueError(
                f"blocks must have shape (size, length) after the batch {self.batch}, "
                f"got {blocks.shape}"
            )
        blocks = np.broadcast_to(blocks, (*self.batch, *blocks.shape[-2:]))
        words = blocks.reshape(*self.batch, -1)
        contexts = _windows(blocks, self.shape)[..., :-1, :].reshape(*words.shape, -1)
        scores = np.empty(words.shape)
        for index, places, layers, tape in self._passes(contexts):
            some = contexts[index][None, places], tape, words[index][None, places]
            scores[index][places] = forward(layers, *some)[0]
        return scores.reshape(blocks.shape)

    def _passes(self, contexts):
        """Yield batch index, slice of places, layers and tape of a pass over contexts there."""
        step = max(1, _CHUNK // self.shape.vocabulary_size)
        for index in np.ndindex(self.batch):
            layers = self.shape.layers(self.parameters[index][None])
            for start in range(0, total := contexts.shape[-2], step):
                end = min(start + step, total)
                yield index, slice(start, end), layers, Tape(self.shape, layers, end - start)


def _windows(blocks, shape):
    """Return the k words before each place of blocks (..., t), and after them, (..., t + 1, k)."""
    start = np.full((*blocks.shape[:-1], shape.context), shape.vocabulary_size)
    padded = np.concatenate([start, blocks], axis=-1)
    return np.lib.stride_tricks.sliding_window_view(padded, shape.context, axis=-1)


@dataclass(frozen=True)
class FitNeuralLanguage:
    """Train new networks by Adam on batches of shuffled places, from blocks (..., size, length).

    `context` words before the next one are looked up as vectors of this `width` and go through
    hidden `units`; `epochs` times all the text; `batch` places in a step; `rate` is Adam's, and the
    loss is the sum over the batch. The start is the law of single words: the biases of the output
    are the logarithms of their counts plus one. A loss that is no longer finite raises
    FloatingPointError.
    """

    vocabulary_size: int
    _: KW_ONLY
    context: int = 3
    width: int = 32
    units: int = 64
    epochs: int = 4
    batch: int = 256
    rate: float = 0.003

    minimum_size = 1

    def __post_init__(self):
        self.shape  # noqa: B018, checks the sizes
        validation.integer("epochs", self.epochs, 1)
        validation.integer("batch", self.batch, 1)
        validation.real("rate", self.rate, 0, open_below=True)

    @property
    def shape(self):
        """The sizes of the network."""
        return Shape(self.vocabulary_size, self.context, self.width, self.units)

    def prepared(self, newest, rng):  # noqa: ARG002, every generation starts from a new network
        """Bind the generator of a recursion's run."""
        return partial(self, rng=rng)

    def __call__(self, data, rng=None):
        """Train; each chain has a network and a shuffle of its own."""
        rng, shape = generator(rng), self.shape
        data = validation.categories("data", data, shape.vocabulary_size)
        if data.ndim < 2 or data.size == 0:
            raise ValueError(f"data must be blocks of shape (..., size, length), got {data.shape}")
        lead, length = data.shape[:-2], data.shape[-1]
        blocks = data.reshape(-1, *data.shape[-2:])
        words = blocks.reshape(len(blocks), -1)
        contexts = _windows(blocks, shape)[..., :-1, :].reshape(*words.shape, -1)
        parameters = _start(shape, words, rng)
        self._train(shape, parameters, contexts, words, rng)
        return NeuralLanguage._of(
            shape=shape, parameters=parameters.reshape(*lead, shape.size), length=length
        )

    def _train(self, shape, parameters, contexts, words, rng):
        """Train networks with parameters (chains, P) in place."""
        slopes, chains = np.zeros_like(parameters), np.arange(len(words))[:, None]
        layers, into = shape.layers(parameters), shape.layers(slopes)
        batch = min(self.batch, words.shape[1])
        tape, adam = Tape(shape, layers, batch), Adam(parameters.reshape(-1), self.rate)
        with np.errstate(over="ignore", invalid="ignore"):  # the check after the epoch notices
            for epoch in progress(range(self.epochs), "epoch"):
                for places in shuffled(*words.shape, batch, rng):
                    before = contexts[chains, places]
                    tape.units[..., -1] = 1  # the gradient has used it up
                    forward(layers, before, tape)
                    gradient(layers, before, words[chains, places], tape, into)
                    adam.step(slopes.reshape(-1))
                check_finite(parameters, epoch, self.epochs, self.rate)


def _start(shape, words, rng):
    """Draw the parameters to start from, shape (chains, P), float32."""
    parameters = rng.random((len(words), shape.size), np.float32)
    parameters *= 2
    parameters -= 1
    layers = shape.layers(parameters)
    for layer in layers[1:]:  # uniform within one over the root of the number of inputs
        layer /= np.sqrt(layer.shape[-2] - 1)
    counts = np.stack([np.bincount(row, minlength=shape.vocabulary_size) for row in words])
    layers.output[:, -1] = np.log(counts + 1)
    return parameters
