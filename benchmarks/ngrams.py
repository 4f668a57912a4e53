"""N-gram models beside NLTK's."""

import nltk.lm
import numpy as np
from timing import SEED, row

from collapse.measure.distances import corpus_perplexity
from collapse.models.ngram.counts import FitNGram
from collapse.models.ngram.smoothing import KneserNey, MaximumLikelihood
from collapse.models.ngram.text import Vocabulary, blocks
from companion import datasets


def corpus(size):
    """Return as many words of the addresses in blocks of 64, and the number of distinct words."""
    addresses = [address.text for address in datasets.state_of_the_union()]
    vocabulary = Vocabulary.of(addresses)
    ids = np.concatenate([vocabulary.encode(text) for text in addresses])
    return blocks([np.unique(ids[:size], return_inverse=True)[1]])


def padded(lines):
    """Return trigrams, bigrams and words that end at each word, as NLTK wants them."""
    for words in lines:
        line = ["<s>", "<s>", *map(str, words)]
        for end in range(3, len(line) + 1):
            yield tuple(tuple(line[end - n : end]) for n in (1, 2, 3))


def nltk_model(data, kind, *arguments):
    words = nltk.lm.Vocabulary([*map(str, range(data.max() + 1)), "<s>"])
    model = kind(3, *arguments, vocabulary=words)
    model.fit(padded(data.tolist()))
    return model


def generation(fit, data):
    """Fit, write as much text, and score it."""

    def once():
        model = fit(data)
        corpus_perplexity(model, model.sample(len(data), np.random.default_rng(SEED)))

    return once


def ngram_rows():
    small, large = corpus(200_000), corpus(1_800_000)
    size, words = small.size, int(small.max()) + 1
    fit = FitNGram(3, words, KneserNey((0, 0.1, 0.1)))  # NLTK does not discount its unigrams
    kneser_ney = nltk.lm.KneserNeyInterpolated, 0.1
    model, peer = fit(small), nltk_model(small, *kneser_ney)
    few = small[:1, :16]
    grams = [gram[-1] for gram in padded(few.tolist())]
    assert abs(peer.perplexity(grams) / corpus_perplexity(model, few) - 1) < 1e-6
    start = f"{size} words of {words} types; perplexities agree to 1e-6"
    name, label = "trigram Kneser-Ney, 200,000 words: ", "nltk.lm.KneserNeyInterpolated"
    fitting = label, lambda: nltk_model(small, *kneser_ney)
    yield row(f"{name}fit", lambda: fit(small), fitting, 30, None, start, repetitions=2)
    note, scoring = (
        f"{start}; the peer scored 16 words, scaled",
        (label, lambda: peer.perplexity(grams)),
    )
    score = lambda: corpus_perplexity(model, small)  # noqa: E731
    yield row(f"{name}score", score, scoring, 30, None, note, repetitions=3, scale=size / 16)
    rng, two = np.random.default_rng(SEED), list(map(str, small[0, 9:11]))
    note = (
        f"the peer wrote 2 words after two that {len(peer.context_counts(tuple(two)))} words follow"
    )
    writing = f"{label}.generate", lambda: peer.generate(2, two, SEED)
    write = lambda: model.sample(len(small), rng)  # noqa: E731
    note = f"{note}, scaled; it only ever writes words that followed"
    yield row(f"{name}write", write, writing, 100, None, note, repetitions=3, scale=size / 2)
    plain, simple = FitNGram(3, words, MaximumLikelihood())(small), nltk_model(small, nltk.lm.MLE)
    writing = "nltk.lm.MLE.generate", lambda: simple.generate(500, ["<s>", "<s>"], SEED)
    write = lambda: plain.sample(len(small), rng)  # noqa: E731
    name, note = (
        "trigram maximum likelihood, 200,000 words: write",
        "the peer wrote 500 words, scaled",
    )
    yield row(name, write, writing, 100, None, note, repetitions=3, scale=size / 500)
    ours, theirs = (generation(FitNGram(3, int(d.max()) + 1), d) for d in (large, small))
    name = "a trigram generation of 1,800,000 words, per word"
    note = "modified Kneser-Ney: fit, write as many words, score them"
    peer = "ours at 200,000 words, scaled", theirs
    yield row(name, ours, peer, 0, 2, note, repetitions=3, scale=large.size / small.size)
