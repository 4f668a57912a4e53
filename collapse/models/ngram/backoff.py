"""Word n-gram laws of one chain, held in sorted integer arrays.

A table of order n holds, for each context h that it has seen, shares a(w | h) of the words that
followed and a back-off weight g(h); the law is p(w | h) = a(w | h) + g(h) p(w | h'), where h' is h
without its first word, down to one law over all words. A context that was never seen has no
shares and g = 1. Maximum likelihood, Kneser-Ney smoothing, any temperature and any cut to the most
probable words have this form.

Words are 0, ..., V - 1; V itself stands before the first word of a block. A context or an n-gram
is packed into one integer, its words being the digits in base V + 1: sorting and binary search
take the place of hashing.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np


@dataclass(frozen=True, eq=False)
class Level:
    """One order of a table: C contexts and the N n-grams that continue them, sorted."""

    contexts: np.ndarray
    """Packed contexts, shape (C,)."""
    start: np.ndarray
    """Where the n-grams of each context begin, and N, shape (C + 1,)."""
    keys: np.ndarray
    """Packed n-grams, shape (N,)."""
    words: np.ndarray
    """Their last words, shape (N,)."""
    share: np.ndarray
    """a(w | h), and a zero for what is not there, shape (N + 1,)."""
    backoff: np.ndarray
    """g(h), and a one for what is not there, shape (C + 1,)."""

    @cached_property
    def row(self):
        """The context of each n-gram, shape (N,)."""
        return np.repeat(np.arange(len(self.contexts)), np.diff(self.start))

    @cached_property
    def cumulative(self):
        """The shares summed up, over all contexts, shape (N + 1,)."""
        return np.concatenate([[0.0], np.cumsum(self.share[:-1])])


@dataclass(frozen=True, eq=False)
class Backoff:
    """The law of the next word after each context, for one chain.

    Contexts are packed arrays of the last n - 1 words. Each method costs a few binary searches per
    context and order, unless it says more.
    """

    base: int
    """V + 1."""
    unigrams: np.ndarray
    """The law that the last back-off leads to, shape (V,)."""
    levels: tuple
    """The levels of orders 2 to n, each with the contexts that are one word longer."""

    @classmethod
    def fitted(cls, keys, counts, order, base, smoothing):
        """Return the table of sorted packed n-grams with counts. Cost: a sort for each order."""
        levels = []
        for n in range(order, 1, -1):
            taken = smoothing.discounts(counts, n)
            contexts = keys // base
            start = _starts(contexts)
            total = np.add.reduceat(counts, start).astype(float)
            share = (counts - taken) / np.repeat(total, np.diff(start, append=len(keys)))
            backoff = np.add.reduceat(taken, start) / total
            levels.append(_level(contexts[start], start, keys, share, backoff, base))
            keys, counts = smoothing.lower(keys % base ** (n - 1), counts)
        taken, vocabulary = smoothing.discounts(counts, 1), base - 1
        law = np.full(vocabulary, taken.sum() / vocabulary)
        law[keys] += counts - taken
        return cls(base, law / law.sum(), tuple(levels[::-1]))

    def _reversed(self, contexts):
        """Yield the levels from the highest down, with what each sees of the contexts."""
        for j in range(len(self.levels), 0, -1):
            yield self.levels[j - 1], contexts % self.base**j

    def probability(self, contexts, words):
        """Probabilities of words after contexts, shape (n,)."""
        p = self.unigrams[words]
        for j, level in enumerate(self.levels, 1):
            seen = contexts % self.base**j
            share = level.share[_find(level.keys, seen * self.base + words)]
            p = share + level.backoff[_find(level.contexts, seen)] * p
        return p

    def law(self, contexts):
        """The whole law after each context, shape (n, V). Cost: n V."""
        p = np.tile(self.unigrams, (len(contexts), 1))
        for j, level in enumerate(self.levels, 1):
            row = _find(level.contexts, contexts % self.base**j)
            p *= level.backoff[row][:, None]
            which, entry = _entries(level, row)
            p[which, level.words[entry]] += level.share[entry]
        return p

    def sample(self, contexts, rng):
        """Draw the next word after each context, shape (n,).

        With probability 1 - g(h) from the shares of h, otherwise after the shorter context: the
        draw is exact, and no law over all words is ever written out.
        """
        words = np.empty(len(contexts), dtype=np.int64)
        pending = np.argsort(contexts)  # searches that go through memory in order are faster
        uniform = rng.random(len(contexts))[pending]  # the same for a context, however it is sorted
        for level, seen in self._reversed(contexts):
            row = _find(level.contexts, seen[pending])
            mass = 1 - level.backoff[row]
            here = uniform < mass
            row, offset = row[here], uniform[here]
            target = level.cumulative[level.start[row]] + offset
            entry = np.searchsorted(level.cumulative, target, side="right") - 1
            entry = np.clip(entry, level.start[row], level.start[row + 1] - 1)
            words[pending[here]] = level.words[entry]
            pending, mass, uniform = pending[~here], mass[~here], uniform[~here]
            uniform = (uniform - mass) / (1 - mass)  # given that it is above, uniform again
        cumulative = np.cumsum(self.unigrams)
        entry = np.searchsorted(cumulative, uniform, side="right")
        words[pending] = np.minimum(entry, np.flatnonzero(self.unigrams)[-1])
        return words

    @cached_property
    def stored(self):
        """For each level, p(w | h) and p(w | h') of the n-grams it holds: two shapes (N,)."""
        pairs = []
        for j, level in enumerate(self.levels, 1):
            below = Backoff(self.base, self.unigrams, self.levels[: j - 1])
            low = below.probability(level.keys // self.base % self.base ** (j - 1), level.words)
            pairs.append((level.share[:-1] + level.backoff[level.row] * low, low))
        return pairs

    def tempered(self, temperature):
        """Return the table of laws proportional to p^(1/T). Cost: one pass over the n-grams.

        With r = (p / max p)^(1/T), summing to Z, the shares are (r(w | h) - s r(w | h')) / Z and
        the back-off weight is s Z' / Z, where s = (g(h) max p' / max p)^(1/T).
        """
        power = 1 / temperature
        top = np.array([self.unigrams.max()])
        law = (self.unigrams / top) ** power
        total, levels = np.array([law.sum()]), []
        contexts = np.zeros(1, dtype=np.int64)
        for j, (level, (p, low)) in enumerate(zip(self.levels, self.stored, strict=True), 1):
            # the shorter context of one that was seen was seen itself
            shorter = np.searchsorted(contexts, level.contexts % self.base ** (j - 1))
            best = level.backoff[:-1] * top[shorter]
            largest = np.maximum(np.maximum.reduceat(p, level.start[:-1]), best)
            g = (best / largest) ** power
            share = (p / largest[level.row]) ** power
            share -= g[level.row] * (low / top[shorter][level.row]) ** power
            share = np.maximum(share, 0)
            rest = g * total[shorter]
            z = np.add.reduceat(share, level.start[:-1]) + rest
            start = level.start[:-1]
            levels.append(
                _level(level.contexts, start, level.keys, share / z[level.row], rest / z, self.base)
            )
            top, total, contexts = largest, z, level.contexts
        return Backoff(self.base, law / law.sum(), tuple(levels))

    def top(self, contexts, k):
        """The k most probable words after each context, with probabilities: two shapes (n, k).

        Words that are equally probable come in the order of their numbers. Cost: k^2 for each
        distinct context, after one sort of the n-grams.
        """
        distinct = [np.unique(contexts % self.base**j) for j in range(len(self.levels) + 1)]
        *_, (words, p) = self._tops(distinct, k)
        row = np.searchsorted(distinct[-1], contexts)
        return words[row], p[row]

    def _tops(self, contexts, k):
        """Yield for each order the k best words after its sorted contexts, and their probability.

        The words that followed a context are merged with the list of the shorter context.
        """
        order = np.argsort(-self.unigrams.astype(np.float32), kind="stable")[:k]
        words, p = order[None, :], self.unigrams[order][None, :]
        yield words, p
        for j, level in enumerate(self.levels, 1):
            lower = np.searchsorted(contexts[j - 1], contexts[j] % self.base ** (j - 1))
            row = _find(level.contexts, contexts[j])
            ranked, p_own, parts = self._ranked[j - 1][0], self.stored[j - 1][0], []
            pieces = 1 + len(row) * len(order) ** 2 // 2**22  # bounds the memory of a merger
            for some in np.array_split(np.arange(len(row)), pieces):
                which, entry = _entries(level, row[some], k)
                old = words[lower[some]], level.backoff[row[some]][:, None] * p[lower[some]]
                new = ranked.words[entry], p_own[ranked.order[entry]]
                parts.append(_merged(which, entry - level.start[row[some]][which], new, old))
            words, p = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
            yield words, p

    def cut(self, k):
        """Return the table of laws cut to their k most probable words. Cost: see `top`."""
        contexts = [np.zeros(1, dtype=np.int64), *(level.contexts for level in self.levels)]
        (words, p), *tops = self._tops(contexts, k)
        law = np.zeros(self.base - 1)
        law[words[0]] = p[0] / p[0].sum()
        levels = []
        for level, (words, p) in zip(self.levels, tops, strict=True):
            order = np.argsort(words, axis=-1)
            words, p = (np.take_along_axis(a, order, axis=-1) for a in (words, p))
            keys = (level.contexts[:, None] * self.base + words)[p > 0]
            share = (p / p.sum(axis=-1, keepdims=True))[p > 0]
            start = np.concatenate([[0], np.cumsum((p > 0).sum(axis=-1))[:-1]])
            none = np.zeros(len(start))
            levels.append(_level(level.contexts, start, keys, share, none, self.base))
        return Backoff(self.base, law, tuple(levels))

    @cached_property
    def _ranked(self):
        """For each level the n-grams ranked by p(w | h) and by p(w | h')."""
        levels = zip(self.levels, self.stored, strict=True)
        return [[_rank(level.row, level.words, values) for values in p] for level, p in levels]

    @cached_property
    def _ranked_unigrams(self):
        every = np.arange(len(self.unigrams))
        return _rank(np.zeros_like(every), every, self.unigrams)

    def before(self, contexts, words):
        """Mass of the words that are ranked before these words after the contexts, shape (n,).

        Cost: two binary searches more for each order, after one sort of the n-grams.
        """
        threshold = self.probability(contexts, words)
        weight, mass = np.ones(len(contexts)), np.zeros(len(contexts))
        for j in range(len(self.levels), 0, -1):
            level, (own, low) = self.levels[j - 1], self._ranked[j - 1]
            row = _find(level.contexts, contexts % self.base**j)
            ends = level.start[row], np.where(row < 0, level.start[-1], level.start[row + 1])
            mass += weight * own.before(*ends, threshold, words)
            with np.errstate(divide="ignore"):
                threshold = threshold / level.backoff[row]
            weight = weight * level.backoff[row]
            mass -= weight * low.before(*ends, threshold, words)
        first = np.zeros_like(words)
        last = first + len(self.unigrams)
        return mass + weight * self._ranked_unigrams.before(first, last, threshold, words)


def pack(blocks, order, base):
    """Pack the n-gram that ends at each place of blocks (size, length), same shape, int64."""
    before = np.full((len(blocks), order - 1), base - 1, dtype=np.int64)
    padded = np.concatenate([before, blocks], axis=1)
    keys = np.zeros(blocks.shape, dtype=np.int64)
    for shift in range(order):
        keys *= base
        keys += padded[:, shift : shift + blocks.shape[1]]
    return keys


def last_context(prompts, order, base):
    """Pack the last n - 1 words of prompts (n, P), after boundaries if there are fewer, (n,)."""
    context = np.full(len(prompts), base ** (order - 1) - 1, dtype=np.int64)
    for word in prompts.T[max(0, prompts.shape[1] - order + 1) :]:
        context = (context * base + word) % base ** (order - 1)
    return context


def _level(contexts, start, keys, share, backoff, base):
    words = (keys % base).astype(np.int32)
    start = np.append(start, len(keys))
    return Level(contexts, start, keys, words, np.append(share, 0.0), np.append(backoff, 1.0))


def _starts(values):
    """Return where each run of equal values begins."""
    return np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]]))


def _find(values, wanted):
    """Return the place of each wanted value among sorted ones, or -1."""
    place = np.searchsorted(values, wanted)
    place[place == len(values)] = 0
    place[values[place] != wanted] = -1
    return place


def _entries(level, row, most=None):
    """Return the index in `row` and the place of the (first few) n-grams of each row but -1."""
    known = np.flatnonzero(row >= 0)
    first, size = level.start[row[known]], np.diff(level.start)[row[known]]
    size = size if most is None else np.minimum(size, most)
    which = np.repeat(known, size)
    ends = np.cumsum(size)
    return which, np.arange(len(which)) + np.repeat(first - ends + size, size)


class _Ranked(NamedTuple):
    """Words and their probabilities in each context, ranked."""

    order: np.ndarray
    words: np.ndarray
    values: np.ndarray
    summed: np.ndarray

    def before(self, low, high, threshold, words):
        """Sum what is ranked before a probability and word, in many stretches [low, high) at once.

        By bisection; what is compared are probabilities in single precision, then words.
        """
        first, threshold = low, threshold.astype(np.float32)
        for _ in range(int((high - low).max(initial=0)).bit_length()):
            middle = (low + high) // 2
            inside = middle < high
            at = np.where(inside, middle, 0)
            value = self.values[at]
            right = (value > threshold) | ((value == threshold) & (self.words[at] < words))
            low = np.where(inside & right, middle + 1, low)
            high = np.where(inside & ~right, middle, high)
        return self.summed[low] - self.summed[first]


def _rank(row, words, values):
    """Rank within each row: the larger probability first, of equal ones the smaller word."""
    single = values.astype(np.float32)
    order = np.lexsort((-single, row))
    summed = np.concatenate([[0.0], np.cumsum(values[order])])
    return _Ranked(order, words[order], single[order], summed)


def _merged(which, rank, new, old):
    """Merge into each row of `old` its new entries, and keep the best.

    `old` are words and probabilities, shape (n, k), best first; `new` are entries of the rows
    `which`, of this rank among those of their row; they replace old entries of the same word.
    """
    words, p = new[0][:, None], new[1][:, None].astype(np.float32)
    beside, value = old[0][which], old[1][which].astype(np.float32)
    entry, column = np.nonzero(beside == words)
    n, k = old[0].shape
    kept = np.zeros((n, k + 1), dtype=np.int64)  # how many old ones stay, before each column
    kept[:, 1:] = 1
    kept[which[entry], column + 1] = 0
    stays = kept[:, 1:] > 0
    kept = np.cumsum(kept, axis=1)
    column = ((value > p) | ((value == p) & (beside < words))).sum(axis=1)
    pushed = np.zeros((n, k + 1), dtype=np.int64)
    np.add.at(pushed, (which, column), 1)
    place = (kept + np.cumsum(pushed, axis=1))[:, :-1]
    row, stay = np.nonzero(stays & (place < k))
    at = rank + kept[which, column]
    good = at < k
    merged = np.zeros((n, k), dtype=np.int64), np.zeros((n, k))
    for target, first, second in zip(merged, old, new, strict=True):
        target[row, place[row, stay]] = first[row, stay]
        target[which[good], at[good]] = second[good]
    return merged
