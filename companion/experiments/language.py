"""The language experiment: models that learn from text which the last model wrote."""

from dataclasses import dataclass

import numpy as np

from collapse import validation
from collapse.measure.distances import corpus_perplexity
from collapse.models.ngram.protocol import Generated
from collapse.models.ngram.text import Corpus, Vocabulary, blocks, split
from collapse.policies import replace
from collapse.recursion import recurse
from companion.datasets import state_of_the_union, tokens


@dataclass(frozen=True, eq=False)
class Texts:
    """Real text in blocks of 64 words, split at random into what is learned and what is held out.

    Attributes
    ----------
    vocabulary : Vocabulary
        The words that occur at least twice in the training part; all others are one unknown word.
    train, validation, test : ndarray of int32, shapes (B, 64)
        The blocks of each part.
    """

    vocabulary: Vocabulary
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray

    @classmethod
    def of(cls, documents, rng, *, part=1.0):
        """Split documents into 80 % training, 10 % validation and 10 % test.

        Parameters
        ----------
        documents : sequence of str
            The documents, each of which goes to one part as a whole.
        rng : numpy.random.Generator
            The generator to draw from.
        part : float
            The share of the training documents that is used, in (0, 1].

        Returns
        -------
        Texts
            The blocks.

        Raises
        ------
        ValueError
            If there are too few documents or words for three parts, or `part` is out of range.
        """
        part = validation.real("part", part, 0, 1, open_below=True)
        train, *held_out = split(documents, (0.8, 0.1, 0.1), rng)
        train = train[:: max(1, round(1 / part))]
        vocabulary = Vocabulary.of(train, minimum=2)
        parts = (train, *held_out)
        return cls(vocabulary, *(blocks([vocabulary.encode(t) for t in texts]) for texts in parts))


def pieces(text, count=100):
    """Cut one long text into documents, so that some can be held out.

    Parameters
    ----------
    text : str
        Any text, such as `collapse.models.ngram.text.read_text` gives.
    count : int
        The number of documents, of nearly the same number of words.

    Returns
    -------
    list of str
        The documents, in order.

    Raises
    ------
    ValueError
        If the text has fewer than `count` blocks of 64 words.
    """
    count, words = validation.integer("count", count, 1), tokens(text)
    if len(words) < 64 * count:
        raise ValueError(f"text must have at least {64 * count} words, got {len(words)}")
    return [" ".join(part) for part in np.array_split(np.array(words, dtype=object), count)]


def addresses(rng, *, part=1.0):
    """Split the State of the Union addresses.

    Parameters
    ----------
    rng : numpy.random.Generator
        The generator to draw from.
    part : float
        The share of the training addresses that is used, in (0, 1].

    Returns
    -------
    Texts
        The blocks.

    Raises
    ------
    ValueError
        If `part` is out of range.
    """
    return Texts.of([address.text for address in state_of_the_union()], rng, part=part)


def rewrite(texts, fit, *, rng, generations=10, chains=1, policy=replace, keep=(), **options):
    """Fit to real text, write as much, fit to that, and so on.

    Parameters
    ----------
    texts : Texts
        The real text. Generation 1 learns from all of its training part.
    fit : callable
        A fit of language models, such as `collapse.models.ngram.counts.FitNGram`.
    rng : int or numpy.random.Generator
        The seed or generator.
    generations : int
        The number of fits.
    chains : int
        The number of independent chains.
    policy : callable
        What the next generation learns from.
    keep : iterable of int
        The generations whose models are kept.
    **options : dict
        For `collapse.models.ngram.protocol.Generated`: ``decoder`` and ``prompts``.

    Returns
    -------
    Lineage
        With the measured ``perplexity`` on the test part, and the distinct ``words`` and
        ``ngrams`` of the text that each generation learned from; not a number for reality, which
        is no model.

    Raises
    ------
    ValueError
        If an argument is out of range.
    """
    return recurse(
        Corpus(texts.train),
        fit,
        sample_size=len(texts.train),
        generations=generations,
        chains=chains,
        policy=policy,
        draw=Generated(**options),
        keep=keep,
        rng=rng,
        measure={
            "perplexity": _of_models(lambda model: corpus_perplexity(model, texts.test)),
            "words": _of_models(lambda model: (model.counts.unigrams > 0).sum(axis=-1)),
            "ngrams": _of_models(lambda model: model.counts.distinct),
        },
    )


def _of_models(function):
    """Return the function of a model that gives not a number for text."""

    def measured(model):
        if isinstance(model, Corpus):
            return np.full(len(model.blocks), np.nan)
        return function(model)

    return measured
