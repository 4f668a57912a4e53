"""The language experiment: what it splits, what it measures, and what it refuses."""

import numpy as np
import pytest
from harness import assert_agrees, assert_refutes

from collapse.measure.distances import corpus_perplexity
from collapse.models.ngram.counts import FitNGram, NGramCounts
from collapse.models.ngram.decoding import Ancestral, Temperature
from collapse.models.ngram.smoothing import MaximumLikelihood
from collapse.policies import KeepReal, accumulate
from collapse.seeds import seeded
from companion.experiments.language import Texts, addresses, pieces, rewrite

WORDS = [f"w{i}" for i in range(40)]


@pytest.fixture(scope="module")
def texts():
    rng = seeded(2660)
    shares = 1 / np.arange(1, 41)
    documents = [" ".join(rng.choice(WORDS, 200, p=shares / shares.sum())) for _ in range(30)]
    return Texts.of(documents, rng)


def test_parts(texts):
    assert [len(part) for part in (texts.train, texts.validation, texts.test)] == [72, 9, 9]
    assert texts.train.shape[1] == 64
    assert len(texts.vocabulary) <= 41
    assert min(np.bincount(texts.train.ravel())[1:]) >= 1


def test_part_of_the_addresses():
    whole, part = (addresses(seeded(2661), part=share) for share in (1.0, 0.1))
    np.testing.assert_array_equal(
        [len(whole.vocabulary.words) > len(part.vocabulary.words)], [True]
    )
    assert 0.05 < len(part.train) / len(whole.train) < 0.2
    assert len(part.test) == len(whole.test)  # held out as a whole
    decoded = [t.vocabulary.decode(t.test[0]) for t in (whole, part)]
    pairs = list(zip(*(text.split() for text in decoded), strict=True))
    known = [a == b for a, b in pairs if "<unk>" not in (a, b)]
    assert all(known)
    assert len(known) > 32


def test_pieces():
    parts = pieces(" ".join(WORDS * 400), 10)
    assert len(parts) == 10
    assert " ".join(parts) == " ".join(WORDS * 400)
    texts = Texts.of(pieces(" ".join(WORDS * 400), 10), seeded(2662))
    assert len(texts.vocabulary) == 41


def test_what_is_measured(texts):
    fit = FitNGram(2, len(texts.vocabulary))
    run = rewrite(texts, fit, rng=seeded(2663), generations=3, chains=2, keep=(1, 3))
    for name in ("perplexity", "words", "ngrams"):
        assert run.measured[name].shape == (4, 2)
        assert np.isnan(run.measured[name][0]).all()
    first = fit(texts.train)
    assert run.measured["perplexity"][1, 0] == pytest.approx(corpus_perplexity(first, texts.test))
    counts = NGramCounts.of(texts.train, 2, len(texts.vocabulary))
    assert run.measured["ngrams"][1, 1] == counts.distinct
    assert run.measured["words"][1, 0] == len(np.unique(texts.train))
    assert run[3].counts.unigrams.sum(axis=-1).tolist() == [texts.train.size] * 2
    assert run.measured["perplexity"][3, 0] != run.measured["perplexity"][3, 1]


def test_policies(texts):
    fit = FitNGram(2, len(texts.vocabulary))
    pooled = rewrite(texts, fit, rng=seeded(2664), generations=3, policy=accumulate)
    assert pooled.newest.counts.unigrams.sum() == 3 * texts.train.size
    kept = rewrite(texts, fit, rng=seeded(2665), generations=4, policy=KeepReal(1.0, texts.train))
    perplexity = kept.measured["perplexity"][1:, 0]
    np.testing.assert_allclose(perplexity, perplexity[0])  # the same real text each time
    mixed = rewrite(texts, fit, rng=seeded(2665), generations=4, policy=KeepReal(0.1, texts.train))
    assert mixed.newest.counts.unigrams.sum() == texts.train.size
    assert mixed.measured["perplexity"][4, 0] != perplexity[0]


def test_tuning_again_keeps_the_prior(texts):
    size = len(texts.vocabulary)
    prior = NGramCounts.of(texts.train[:36], 2, size)
    runs = {
        on: rewrite(
            texts,
            FitNGram(2, size, prior=prior, weight=0.5, carried_on=on),
            rng=seeded(2666),
            generations=5,
        )
        for on in (False, True)
    }
    total = [run.newest.counts.unigrams.sum() / texts.train.size for run in runs.values()]
    # W = 0.5 * 0.5 of the text; carried on, half of what was counted so far: 1, 1.5, ... below 2
    np.testing.assert_allclose(total, [1.25, 1.25 / 16 + 1 + 0.5 + 0.25 + 0.125])


def occurrences(decoder, chains=600):
    """Return N(h, w) - p(w | h) N(h) of one context and word, by chain, and p (1 - p) N(h)."""
    blocks = np.array(
        [[0, 1, 0, 1, 2, 0, 2, 1], [1, 0, 0, 1, 2, 2, 0, 1], [2, 0, 1, 1, 0, 1, 2, 0]]
    )
    model = FitNGram(2, 3, MaximumLikelihood())(blocks)
    p = model.next_law(np.array([[0]]))[0, 1]
    text = model.generate(6 * chains, seeded(2667), decoder).reshape(chains, -1, 8)
    visits = text[..., :-1] == 0
    followed = visits & (text[..., 1:] == 1)
    visits, followed = (a.sum(axis=(1, 2)) for a in (visits, followed))
    return followed - p * visits, p * (1 - p) * visits


def test_a_context_resamples_its_law():
    # prop-language-context: mean zero, and the variance of as many draws as there are visits
    difference, variance = occurrences(Ancestral())
    assert_agrees(difference, 0.0)
    assert_agrees(difference**2 - variance, 0.0)
    assert_refutes(occurrences(Temperature(0.5))[0], 0.0)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda t: Texts.of(["one two"] * 30, seeded(1)), "documents"),
        (lambda t: Texts.of(["a b c"] * 3, seeded(1)), "shares"),
        (lambda t: Texts.of(["a b " * 99] * 30, seeded(1), part=0.0), "part"),
        (lambda t: addresses(seeded(1), part=2.0), "part"),
        (lambda t: pieces("too short"), "text"),
        (lambda t: pieces("a " * 999, 0), "count"),
        (lambda t: pieces(None), "text"),
        (lambda t: rewrite(t, None, rng=1), "fit"),
        (lambda t: rewrite(t, FitNGram(2, 41), rng=None), "rng"),
    ],
)
def test_bad_input(texts, call, name):
    with pytest.raises(ValueError, match=name):
        call(texts)
