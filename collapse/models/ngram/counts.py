"""Word n-gram models: one categorical law of the next word for each context."""

from dataclasses import dataclass, field
from functools import partial, singledispatch

import numpy as np

from collapse import validation
from collapse.models.ngram.backoff import Backoff, last_context, pack
from collapse.models.ngram.decoding import (
    ANCESTRAL,
    ROUNDING,
    Ancestral,
    Beam,
    Nucleus,
    Temperature,
    TopK,
    continued,
)
from collapse.models.ngram.smoothing import KneserNey, MaximumLikelihood

_CHUNK = 2**22  # the dense path writes out about this many probabilities at a time


@dataclass(frozen=True, eq=False)
class NGramCounts:
    """How often each n-gram occurs in blocks of words: sufficient for every n-gram model.

    Adding two of them gives the counts of both samples put together; blocks may be added too. They
    are of `size` blocks of `length` words 0, ..., `vocabulary_size` - 1, and n-grams of this
    `order`; those at the start of a block hold marks for the missing words before it, so that there
    is one n-gram for each word. For each entry of the batch (...) the distinct n-grams are in
    `keys`, packed and sorted, and how often each occurs in `numbers`: arrays in arrays of objects.
    """

    size: int
    length: int
    order: int
    vocabulary_size: int
    keys: np.ndarray
    numbers: np.ndarray

    __array_ufunc__ = None  # an array on the left leaves the addition to __radd__

    @classmethod
    def of(cls, samples, order, vocabulary_size):
        """Count the n-grams of blocks, integers of shape (..., size, length)."""
        order, size = _order(order, vocabulary_size)
        samples = _blocks("samples", samples, size)
        if samples.shape[-1] < order:
            raise ValueError(
                f"samples must be blocks of at least {order} words, got {samples.shape[-1]}"
            )
        batch, shape = samples.shape[:-2], samples.shape[-2:]
        counted = [
            np.unique(pack(blocks, order, size + 1), return_counts=True)
            for blocks in samples.reshape(-1, *shape)
        ]
        return cls(*shape, order, size, *(_objects(c, batch) for c in zip(*counted, strict=True)))

    def __add__(self, other):
        if isinstance(other, np.ndarray):
            other = NGramCounts.of(other, self.order, self.vocabulary_size)
        return self.plus(other, 1)

    __radd__ = __add__

    def plus(self, other, weight):
        """Return these counts and `weight` times the other ones, added up."""
        _check_counts("other", other, self.order, self.vocabulary_size)
        arrays = np.broadcast_arrays(self.keys, self.numbers, other.keys, other.numbers)
        added = [_added(*parts, weight) for parts in zip(*map(np.ravel, arrays), strict=True)]
        keys, numbers = (_objects(a, arrays[0].shape) for a in zip(*added, strict=True))
        size = self.size + other.size
        return NGramCounts(size, self.length, self.order, self.vocabulary_size, keys, numbers)

    @property
    def distinct(self):
        """The number of distinct n-grams, shape (...)."""
        return np.reshape([len(keys) for keys in self.keys.flat], self.keys.shape)

    @property
    def unigrams(self):
        """How often each word occurs, shape (..., V)."""
        size = self.vocabulary_size
        pairs = zip(self.keys.flat, self.numbers.flat, strict=True)
        rows = [np.bincount(keys % (size + 1), numbers, size) for keys, numbers in pairs]
        return np.reshape(rows, (*self.keys.shape, size))

    def __getitem__(self, index):
        """Return the counts at an index of the batch, for instance those of one chain."""
        keys, numbers = _at(self.keys, index), _at(self.numbers, index)
        return NGramCounts(self.size, self.length, self.order, self.vocabulary_size, keys, numbers)


@dataclass(frozen=True, eq=False)
class NGram:
    """N-gram models, one for each entry of the batch: `tables` for the law of the next word, (...).

    A block of words has the probability of its words one by one, each given the n - 1 before it,
    or what there is of them and the mark of the block's start. A context that was never seen is
    shortened until it was. `counts` is what the models were fitted to.
    """

    counts: NGramCounts
    tables: np.ndarray

    @property
    def order(self):
        """The n of the n-grams."""
        return self.counts.order

    @property
    def vocabulary_size(self):
        """The number V of words."""
        return self.counts.vocabulary_size

    @property
    def length(self):
        """The number of words in a block."""
        return self.counts.length

    def __getitem__(self, index):
        """Return the models at an index of the batch, for instance that of one chain."""
        return NGram(self.counts[index], _at(self.tables, index))

    def broadcast(self, chains):
        """Lay the model over a batch of chains, shape (chains,)."""
        counts = self.counts
        keys, numbers, tables = (
            np.broadcast_to(a, (chains,)) for a in (counts.keys, counts.numbers, self.tables)
        )
        shape = counts.size, counts.length, counts.order, counts.vocabulary_size
        return NGram(NGramCounts(*shape, keys, numbers), tables)

    def sample(self, size, rng):
        """Draw ``size`` blocks from each model, integers of shape (..., size, length).

        All blocks advance together, one word at a time; a word costs two binary searches for each
        order, whatever the vocabulary.
        """
        return self.generate(size, rng)

    def generate(self, size, rng, decoder=ANCESTRAL, prompts=None):
        """Write ``size`` blocks with a `decoder`, int32 of shape (..., size, length).

        Each continues its prompt, if there are `prompts`, (size, P) or (..., size, P), which are
        not repeated. `Ancestral`: two binary searches for each word and order. `Temperature` and
        `TopK` first pass over all n-grams and make a table of the same form. `Nucleus` draws again
        until the word is in the nucleus, 1/mass times on average at most, and needs three times the
        searches. `Beam` sorts what followed each distinct context, for each word. Any other
        callable from laws to laws is applied to the dense laws, at V numbers for each word.
        """
        if not callable(decoder) and not isinstance(decoder, Beam):
            raise ValueError(f"decoder must be a decoder, got {decoder!r}")
        size, batch = validation.integer("size", size, 1), self.tables.shape
        prompts = np.empty((size, 0), dtype=np.int64) if prompts is None else prompts
        prompts = _blocks("prompts", prompts, self.vocabulary_size, empty=True)
        if prompts.shape[-2] != size or prompts.shape[:-2] not in ((), batch):
            raise ValueError(f"prompts must have shape ({size}, P), got {prompts.shape}")
        prompts = np.broadcast_to(prompts, (*batch, *prompts.shape[-2:]))
        written = np.empty((*batch, size, self.length), dtype=np.int32)
        for index in np.ndindex(batch):
            written[index] = _write(decoder, self.tables[index], prompts[index], self.length, rng)
        return written

    def statistics(self, size, rng):
        """Draw the n-gram counts of a sample of ``size`` blocks."""
        return NGramCounts.of(self.sample(size, rng), self.order, self.vocabulary_size)

    def next_law(self, tokens):
        """Return the laws of the next word after tokens, shape (n, t), as (..., n, V)."""
        tokens = _blocks("tokens", tokens, self.vocabulary_size, empty=True)
        context = last_context(tokens, self.order, self.vocabulary_size + 1)
        laws = [table.law(context) for table in self.tables.flat]
        return np.reshape(laws, (*self.tables.shape, len(tokens), self.vocabulary_size))

    def log_probabilities(self, blocks):
        """Log probability of each word of blocks of shape (..., size, length), in nats.

        Blocks of shape (size, length) are scored by all models of the batch.
        """
        blocks = _blocks("blocks", blocks, self.vocabulary_size)
        if blocks.shape[:-2] not in ((), self.tables.shape):
            raise ValueError(
                f"blocks must have shape (size, length) after the batch {self.tables.shape}, "
                f"got {blocks.shape}"
            )
        base = self.vocabulary_size + 1
        scores = np.empty((*self.tables.shape, *blocks.shape[-2:]))
        blocks = np.broadcast_to(blocks, scores.shape)
        for index in np.ndindex(self.tables.shape):
            # the same n-gram is scored once
            keys, inverse = np.unique(pack(blocks[index], self.order, base), return_inverse=True)
            p = self.tables[index].probability(keys // base, keys % base)
            with np.errstate(divide="ignore"):
                scores[index] = np.log(p)[inverse].reshape(blocks.shape[-2:])
        return scores

    def logpmf(self, x):
        """Log probability of blocks x of shape (..., size, length), in nats, shape (..., size)."""
        return self.log_probabilities(x).sum(axis=-1)


@dataclass(frozen=True, eq=False)
class FitNGram:
    """Fit n-gram models to blocks of words 0, ..., `vocabulary_size` - 1.

    Each word is predicted from the n - 1 before it, where n is the `order`, 1 to 4; n-grams must
    fit into 63 bits (at most 55,107 words for 4-grams). `smoothing` says how counts become
    probabilities. To the counts of the data `weight` times those of a pretrained model are added,
    if there is a `prior`; if `carried_on`, those of the newest generation take its place, as if the
    training went on, instead of starting again from the prior each time.
    """

    order: int
    vocabulary_size: int
    smoothing: KneserNey | MaximumLikelihood = field(default_factory=KneserNey)
    prior: NGramCounts | None = None
    weight: float = 1.0
    carried_on: bool = False

    minimum_size = 1

    def __post_init__(self):
        _order(self.order, self.vocabulary_size)
        validation.real("weight", self.weight, 0)
        if not isinstance(self.smoothing, KneserNey | MaximumLikelihood):
            raise ValueError(
                f"smoothing must be KneserNey or MaximumLikelihood, got {self.smoothing!r}"
            )
        if self.prior is not None:
            _check_counts("prior", self.prior, self.order, self.vocabulary_size)
        discount = getattr(self.smoothing, "discount", None)
        if np.ndim(discount) and len(discount) != self.order:
            raise ValueError(f"discount must be {self.order} numbers, got {discount!r}")

    def prepared(self, newest, rng):  # noqa: ARG002
        """Return the fit to the data of one generation, see `collapse.recursion`."""
        known = self.carried_on and isinstance(newest, NGram)
        return partial(self._fit, prior=newest.counts if known else self.prior)

    def __call__(self, data):
        """Fit blocks of shape (..., size, length), or `NGramCounts`. Cost: a sort per order."""
        return self._fit(data, prior=self.prior)

    def _fit(self, data, prior):
        counts = data
        if not isinstance(data, NGramCounts):
            counts = NGramCounts.of(data, self.order, self.vocabulary_size)
        _check_counts("data", counts, self.order, self.vocabulary_size)
        if prior is not None:
            counts = counts.plus(prior, self.weight)
        base, tables = self.vocabulary_size + 1, np.empty(counts.keys.shape, dtype=object)
        for index in np.ndindex(tables.shape):
            keys, numbers = counts.keys[index], counts.numbers[index]
            tables[index] = Backoff.fitted(keys, numbers, self.order, base, self.smoothing)
        return NGram(counts, tables)


@singledispatch
def _chooser(decoder, table):
    """Return a function that draws the next words: ``choose(contexts, rng)``."""

    def choose(contexts, rng):
        law = lambda tokens: table.law(tokens[:, 0])  # noqa: E731
        step = max(1, _CHUNK // table.base)
        parts = np.array_split(contexts, range(step, len(contexts), step))
        return np.concatenate([continued(law, c[:, None], 1, decoder, rng)[:, 0] for c in parts])

    return choose


@_chooser.register
def _(decoder: Ancestral, table):  # noqa: ARG001
    return table.sample


@_chooser.register
def _(decoder: Temperature, table):
    return table.tempered(decoder.temperature).sample


@_chooser.register
def _(decoder: TopK, table):
    return table.cut(decoder.k).sample


@_chooser.register
def _(decoder: Nucleus, table):
    def choose(contexts, rng):
        words = np.empty(len(contexts), dtype=np.int64)
        pending = np.arange(len(contexts))
        while pending.size:
            c = contexts[pending]
            drawn = table.sample(c, rng)
            inside = table.before(c, drawn) < max(decoder.mass - ROUNDING, ROUNDING)
            words[pending[inside]] = drawn[inside]
            pending = pending[~inside]
        return words

    return choose


def _write(decoder, table, prompts, length, rng):
    """Continue the prompts of one model, shape (size, length)."""
    base, order = table.base, len(table.levels) + 1
    if isinstance(decoder, Beam):
        best = lambda tokens, k: table.top(last_context(tokens, order, base), k)  # noqa: E731
        return decoder.search(best, prompts, length)
    choose = _chooser(decoder, table)
    context = last_context(prompts, order, base)
    words = np.empty((length, len(prompts)), dtype=np.int32)
    for row in words:
        row[:] = choose(context, rng)
        context = (context * base + row) % base ** (order - 1)
    return words.T


def _order(order, vocabulary_size):
    order = validation.integer("order", order, 1)
    if order > 4:
        raise ValueError(f"order must be from 1 to 4, got {order}")
    size = validation.integer("vocabulary_size", vocabulary_size, 1)
    if (size + 1) ** order >= 2**63:
        most = int(2 ** (63 / order)) - 1
        raise ValueError(f"vocabulary_size must be below {most} for order {order}, got {size}")
    return order, size


def _check_counts(name, value, order, size):
    """Refuse what are not counts of n-grams of this order and vocabulary."""
    if not isinstance(value, NGramCounts):
        raise ValueError(f"{name} must be NGramCounts, got {value!r}")
    if (value.order, value.vocabulary_size) != (order, size):
        raise ValueError(
            f"{name} must be counts of {order}-grams of {size} words, "
            f"got {value.order}-grams of {value.vocabulary_size}"
        )


def _blocks(name, value, size, empty=False):
    """Return `value` as blocks of words, shape (..., size, length)."""
    words = validation.categories(name, value, size)
    if words.ndim < 2 or (words.size == 0 and not empty):
        raise ValueError(f"{name} must be blocks of shape (..., size, length), got {words.shape}")
    return words


def _objects(values, batch):
    """Lay values over a batch."""
    laid = np.empty(len(values), dtype=object)
    for i, value in enumerate(values):
        laid[i] = value
    return laid.reshape(batch)


def _at(objects, index):
    """Index an array of objects; a single one stays an array, of shape ()."""
    part = objects[index]
    if isinstance(part, np.ndarray) and part.dtype == object:
        return part
    return _objects([part], ())


def _added(keys, numbers, others, more, weight):
    """Merge two sorted tables of counts."""
    weight = int(weight) if float(weight).is_integer() else weight
    merged = np.concatenate([keys, others])
    summed = np.concatenate([numbers, weight * more])
    order = np.argsort(merged, kind="stable")
    merged, summed = merged[order], summed[order]
    start = np.flatnonzero(np.concatenate([[True], merged[1:] != merged[:-1]]))
    merged, summed = merged[start], np.add.reduceat(summed, start)
    alive = summed > 0
    return merged[alive], summed[alive]
