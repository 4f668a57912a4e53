"""The language experiment: models that learn from text which the last model wrote."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from collapse import validation
from collapse.measure.distances import corpus_perplexity
from collapse.models.empirical import Empirical
from collapse.models.ngram.counts import NGramCounts
from collapse.models.ngram.protocol import Generated
from collapse.models.ngram.text import Vocabulary, blocks, split
from collapse.policies import replace
from collapse.recursion import recurse


@dataclass(frozen=True, eq=False)
class Texts:
    """Real text in blocks of 64 words: `train` to learn from, `validation` and `test` held out.

    Each part has shape (B, 64). The `vocabulary` holds the words that occur at least twice in the
    training part; all others are one unknown word.
    """

    vocabulary: Vocabulary
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray

    @classmethod
    def of(cls, documents, rng, *, most=None):
        """Split documents at random: 80 % training, 10 % validation and 10 % test.

        Of those to learn from every second, third, ... is used, so that there are about `most`
        words, by default all.
        """
        train, *held_out = split(documents, (0.8, 0.1, 0.1), rng)
        if most is not None:
            most = validation.integer("most", most, 1)
            words = sum(len(text.split()) for text in train)
            train = train[:: max(1, round(words / most))]
        vocabulary = Vocabulary.of(train, minimum=2)
        parts = (train, *held_out)
        return cls(vocabulary, *(blocks([vocabulary.encode(t) for t in texts]) for texts in parts))

    def cut(self, words, most):
        """Return the texts with at most the `words` most frequent words and `most` blocks a part.

        The blocks are spread evenly over the part.
        """
        known = self.vocabulary.words[1 : validation.integer("words", words, 2)]
        most, parts = validation.integer("most", most, 1), (self.train, self.validation, self.test)
        parts = (
            part[np.linspace(0, len(part) - 1, min(most, len(part)), dtype=int)] for part in parts
        )
        parts = (np.where(part <= len(known), part, 0) for part in parts)
        return Texts(Vocabulary(known), *parts)


@dataclass(frozen=True, eq=False)
class Generation:
    """A language `model`, and the text that it learned from.

    `words` says how often each of the V words occurs there, shape (chains, V), and `trigrams` how
    many distinct ones there are, shape (chains,).
    """

    model: Any
    words: np.ndarray
    trigrams: np.ndarray

    def generate(self, *arguments):
        """Write blocks, see `collapse.models.ngram.protocol.LanguageModel`."""
        return self.model.generate(*arguments)


@dataclass(frozen=True)
class _Counted:
    """A `fit` that counts the words of what it learns from, for a vocabulary of `size` words."""

    fit: Any
    size: int

    @property
    def minimum_size(self):
        """The smallest sample that the fit accepts."""
        return getattr(self.fit, "minimum_size", 1)

    def prepared(self, newest, rng):
        """Return the fit to the data of one generation."""
        prepared = getattr(self.fit, "prepared", None)
        fit = prepared(getattr(newest, "model", newest), rng) if prepared else self.fit
        return partial(self, fit=fit)

    def __call__(self, data, fit=None):
        """Fit and count."""
        counts = NGramCounts.of(data, 3, self.size)
        return Generation((fit or self.fit)(data), counts.unigrams, counts.distinct)


def rewrite(texts, fit, *, rng, generations=10, chains=1, policy=replace, keep=(), **options):
    """Fit to real text, write as much, fit to that, and so on; returns a `Lineage`.

    Generation 1 learns from all of the training part of `texts`. The `fit` gives what
    `collapse.models.ngram.protocol.LanguageModel` asks for, and nothing else is asked of it.
    `options` are those of `collapse.models.ngram.protocol.Generated`: ``decoder`` and ``prompts``.
    The kept models are of the kind `Generation`. Measured are the ``perplexity`` on the test part,
    and the distinct ``words`` and ``trigrams`` of the text that each generation learned from; not
    a number for reality, which is no model.
    """
    if not callable(fit):
        raise ValueError(f"fit must be callable, got {validation.short(fit)}")
    return recurse(
        Empirical(texts.train, in_order=True),
        _Counted(fit, len(texts.vocabulary)),
        sample_size=len(texts.train),
        generations=generations,
        chains=chains,
        policy=policy,
        draw=Generated(**options),
        keep=keep,
        rng=rng,
        measure={
            "perplexity": _measured(lambda g: corpus_perplexity(g.model, texts.test)),
            "words": _measured(lambda g: (g.words > 0).sum(axis=-1)),
            "trigrams": _measured(lambda g: g.trigrams),
        },
    )


def _measured(function):
    """Return the function of a generation that gives not a number for reality."""
    return lambda g: function(g) if isinstance(g, Generation) else np.full(g.batch, np.nan)


def next_law(model, context, size):
    """Return the law of the next word after the words of `context`, shape (..., size).

    Read off a language model's log probabilities, which every one has.
    """
    every = np.broadcast_to(np.asarray(context, int), (size, len(context)))
    ends = np.concatenate([every, np.arange(size)[:, None]], axis=1)
    return np.exp(model.log_probabilities(ends)[..., -1])
