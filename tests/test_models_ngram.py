"""N-gram models against a dictionary twin, a calculation by hand, and NLTK."""

import itertools
import math

import nltk.lm
import numpy as np
import pytest
from harness import assert_agrees, assert_refutes
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from twins import NGramTwin

from collapse.measure import distances
from collapse.models.empirical import Empirical
from collapse.models.ngram.counts import FitNGram, NGram, NGramCounts
from collapse.models.ngram.smoothing import KneserNey, MaximumLikelihood, modified_discounts
from collapse.models.ngram.text import Vocabulary, blocks
from collapse.policies import accumulate, pool, replace
from collapse.recursion import draw_samples, draw_statistics, extend, recurse
from collapse.seeds import seeded
from companion.datasets import state_of_the_union

WORDS = 6
SMOOTHINGS = [
    (MaximumLikelihood(), lambda n: None),
    (KneserNey(0.75), lambda n: [0.75] * n),
    (KneserNey(), lambda n: "modified"),
]
each_smoothing = pytest.mark.parametrize(("smoothing", "twin"), SMOOTHINGS, ids=["ml", "kn", "mkn"])
each_order = pytest.mark.parametrize("order", [1, 2, 3, 4])


def text(size=30, length=7, words=WORDS, seed=1):
    """Blocks over a skewed law, the last word never used, with repeated stretches."""
    rng = seeded(seed)
    drawn = np.minimum(rng.geometric(0.4, (size, length)) - 1, words - 2)
    drawn[: size // 2, :4] = [0, 1, 2, 3]
    return drawn


def contexts_of(order, words=WORDS):
    """All contexts, those at the start of a block with the boundary in front."""
    full = itertools.product(range(words), repeat=order - 1)
    starts = [c for t in range(order - 1) for c in itertools.product(range(words), repeat=t)]
    return [*full, *[(None,) * (order - 1 - len(c)) + c for c in starts]]


def law_of(model, context):
    return model.next_law(np.array([[w for w in context if w is not None]], dtype=int))[..., 0, :]


@each_order
@each_smoothing
def test_laws_are_those_of_the_twin(order, smoothing, twin):
    data = text()
    model = FitNGram(order, WORDS, smoothing)(data)
    slow = NGramTwin(data.tolist(), order, WORDS, twin(order))
    for context in contexts_of(order)[:: max(1, order * order - 8)]:
        expected = [slow.probability(word, context) for word in range(WORDS)]
        np.testing.assert_allclose(law_of(model, context), expected, rtol=1e-12, atol=1e-15)
    shorter = slow.block_probability(data[3].tolist())
    assert model.logpmf(data)[3] == pytest.approx(math.log(shorter), rel=1e-12)


@each_order
@each_smoothing
def test_laws_sum_to_one(order, smoothing, twin):
    model = FitNGram(order, 50, smoothing)(text(200, 20, 50))
    tokens = seeded(2).integers(0, 50, (300, 5))
    law = model.next_law(tokens)
    np.testing.assert_allclose(law.sum(axis=-1), 1, rtol=1e-12)
    assert (law >= 0).all() and (isinstance(smoothing, MaximumLikelihood) or (law > 0).all())
    # what scores blocks is the same law
    scores = model.log_probabilities(tokens)
    with np.errstate(divide="ignore"):
        for t in range(5):
            expected = np.log(model.next_law(tokens[:, :t]))
            found = np.take_along_axis(expected, tokens[:, t : t + 1], axis=1)[:, 0]
            np.testing.assert_allclose(scores[:, t], found, rtol=1e-10)
    np.testing.assert_allclose(model.logpmf(tokens), scores.sum(axis=-1))


@given(
    arrays(int, st.tuples(st.integers(1, 5), st.integers(4, 6)), elements=st.integers(0, 3)),
    st.integers(1, 4),
    st.sampled_from(SMOOTHINGS),
)
def test_any_text_has_laws(data, order, smoothing):
    model = FitNGram(order, 5, smoothing[0])(data)
    slow = NGramTwin(data.tolist(), order, 5, smoothing[1](order))
    law = model.next_law(data)
    np.testing.assert_allclose(law.sum(axis=-1), 1, rtol=1e-12)
    expected = [[slow.probability(w, row) for w in range(5)] for row in data.tolist()]
    np.testing.assert_allclose(law, expected, rtol=1e-10, atol=1e-15)


def test_kneser_ney_by_hand():
    # one block: a b a c, discount 1/2, bigrams. The bigrams are .a ab ba ac, each once.
    model = FitNGram(2, 3, KneserNey(0.5))(np.array([[0, 1, 0, 2]]))
    # different words before a: the start and b; before b and c: a. Of these 4, each of the three
    # words gives up 1/2, and 3/2 of 4 are shared by three words:
    unigrams = np.array([1.5, 0.5, 0.5]) / 4 + 1.5 / 4 / 3
    np.testing.assert_allclose(model.next_law(np.array([[2]]))[0], unigrams)  # c came last
    # after a: b and c, once each, of 2; half of each is discounted, and 1 of 2 is shared
    after_a = np.array([0, 0.25, 0.25]) + 0.5 * unigrams
    np.testing.assert_allclose(model.next_law(np.array([[0]]))[0], after_a)
    # after b only a, with 1/2 left of 1
    np.testing.assert_allclose(model.next_law(np.array([[1]]))[0], [0.5, 0, 0] + 0.5 * unigrams)
    # NLTK neither discounts the lowest order nor gives words a share that never occurred
    like_nltk = FitNGram(2, 3, KneserNey((0, 0.5)))(np.array([[0, 1, 0, 2]]))
    np.testing.assert_allclose(like_nltk.next_law(np.array([[2]]))[0], [0.5, 0.25, 0.25])


def test_modified_discounts_by_hand():
    # Y = 10 / (10 + 2 * 5) = 1/2: 1 - 2 Y 5/10, 2 - 3 Y 4/5, 3 - 4 Y 2/4
    np.testing.assert_allclose(modified_discounts([10, 5, 4, 2]), [0.5, 0.8, 2.0])
    # undefined or negative estimates are kept inside [0.1, r]
    np.testing.assert_allclose(modified_discounts([0, 5, 9, 9]), 0.1)
    np.testing.assert_allclose(modified_discounts([1, 0, 0, 0])[0], 1)
    assert modified_discounts([10, 9, 30, 90]).min() == 0.1


def nltk_model(sentences, order, discount):
    """NLTK's model of the same n-grams: each ends in a word, and boundaries come before."""
    grams = []
    for sentence in sentences:
        padded = ["<s>"] * (order - 1) + sentence
        for end in range(order, len(padded) + 1):
            grams.append([tuple(padded[end - n : end]) for n in range(1, order + 1)])
    vocabulary = nltk.lm.Vocabulary([w for s in sentences for w in s] + ["<s>"])
    if discount is None:
        model = nltk.lm.MLE(order, vocabulary=vocabulary)
    else:
        model = nltk.lm.KneserNeyInterpolated(order, discount, vocabulary=vocabulary)
    model.fit(grams)
    return model


@pytest.mark.parametrize("order", [2, 3])
@pytest.mark.parametrize("discount", [0.1, 0.75])
def test_perplexity_is_that_of_nltk(order, discount):
    address = state_of_the_union()[0].text
    vocabulary = Vocabulary.of([address], minimum=2)
    cut = blocks([vocabulary.encode(address)], 16)
    train, test = cut[:40], cut[40:55]
    train = np.concatenate([train, np.resize(np.arange(len(vocabulary)), (20, 16))])  # all words
    words = [str(number) for number in range(len(vocabulary))]
    peer = nltk_model([[words[i] for i in row] for row in train.tolist()], order, discount)
    model = FitNGram(order, len(vocabulary), KneserNey((0, *[discount] * (order - 1))))(train)
    grams = []
    for row in test.tolist():
        padded = ["<s>"] * (order - 1) + [words[i] for i in row]
        grams += [tuple(padded[end - order : end]) for end in range(order, len(padded) + 1)]
    ours = distances.corpus_perplexity(model, test)
    assert ours == pytest.approx(peer.perplexity(grams), rel=1e-9)
    # the control: a discount that differs by a tenth is seen
    other = FitNGram(order, len(vocabulary), KneserNey((0, *[discount + 0.01] * (order - 1))))
    assert abs(distances.corpus_perplexity(other(train), test) / ours - 1) > 1e-4


@pytest.mark.parametrize("order", [1, 2, 3])
def test_maximum_likelihood_is_that_of_nltk(order):
    data = text()
    peer = nltk_model([list(map(str, row)) for row in data.tolist()], order, None)
    scores = np.exp(FitNGram(order, WORDS, MaximumLikelihood())(data).log_probabilities(data))
    for row, score in zip(data.tolist(), scores, strict=True):
        padded = ["<s>"] * (order - 1) + list(map(str, row))
        for t in range(len(row)):
            context = padded[t : t + order - 1]
            assert score[t] == pytest.approx(peer.score(str(row[t]), context), rel=1e-12)


@each_order
@each_smoothing
def test_samples_follow_the_law(order, smoothing, twin):
    model = FitNGram(order, WORDS, smoothing)(text())
    drawn = model.sample(20_000, seeded(3))
    assert drawn.shape == (20_000, 7) and drawn.dtype == np.int32
    features = seeded(4).random((5, WORDS))  # functions of the next word
    wrong = FitNGram(order, WORDS, KneserNey(1.0))(text(seed=5))
    laws = [model.next_law(drawn[:, :t]) @ features.T for t in range(7)]
    others = [wrong.next_law(drawn[:, :t]) @ features.T for t in range(7)]
    seen = [features.T[drawn[:, t]] for t in range(7)]
    # given the words before, each draw minus its conditional mean has mean zero
    assert_agrees(np.stack(seen, axis=1) - np.stack(laws, axis=1), 0)
    assert_refutes(np.stack(seen, axis=1) - np.stack(others, axis=1), 0)


def test_maximum_likelihood_writes_nothing_new():
    data = text()
    model = FitNGram(3, WORDS, MaximumLikelihood())(data)
    known, base = NGramCounts.of(data, 3, WORDS).keys[()], WORDS + 1

    def new_after_known(drawn):
        keys = NGramCounts.of(drawn, 3, WORDS).keys[()]
        new = keys[~np.isin(keys, known)]
        return np.isin(new // base, known // base).sum()

    # a context that only ended blocks is shortened; after all others nothing is new
    assert new_after_known(model.sample(5000, seeded(6))) == 0
    assert new_after_known(FitNGram(3, WORDS)(data).sample(5000, seeded(6))) > 0
    assert np.isfinite(model.logpmf(data)).all()
    assert np.isneginf(model.logpmf(np.full((1, 7), WORDS - 1)))[0]


def test_counts_add_up():
    first, second = text(seed=7), text(12, seed=8)
    whole = NGramCounts.of(np.concatenate([first, second]), 3, WORDS)
    sums = [
        NGramCounts.of(first, 3, WORDS) + NGramCounts.of(second, 3, WORDS),
        NGramCounts.of(first, 3, WORDS) + second,
        pool(first, NGramCounts.of(second, 3, WORDS)),
    ]
    for added in sums:
        assert added.size == whole.size == 42
        np.testing.assert_array_equal(added.keys[()], whole.keys[()])
        np.testing.assert_array_equal(added.numbers[()], whole.numbers[()])
    np.testing.assert_array_equal(whole.unigrams, np.bincount(np.ravel([*first, *second]), None, 6))
    distinct = {
        tuple(row[t - 3 : t]) for row in np.pad(first, ((0, 0), (2, 0))) for t in range(3, 10)
    }
    assert abs(NGramCounts.of(first, 3, WORDS).distinct - len(distinct)) <= 2 * 36
    assert NGramCounts.of(np.zeros((1, 4), int), 2, WORDS).distinct == 2  # the start and 00


def same(first, second):
    np.testing.assert_allclose(
        first.log_probabilities(text()), second.log_probabilities(text()), rtol=1e-12
    )


def test_a_prior_is_more_data():
    data, before = text(seed=7), text(12, seed=8)
    prior = NGramCounts.of(before, 3, WORDS)
    same(
        FitNGram(3, WORDS, prior=prior, weight=2)(data),
        FitNGram(3, WORDS)(np.concatenate([data, before, before])),
    )
    same(FitNGram(3, WORDS, prior=prior, weight=0)(data), FitNGram(3, WORDS)(data))
    # a weight that is no whole number: of maximum likelihood the exact mixture of counts
    half = FitNGram(
        2, WORDS, MaximumLikelihood(), prior=NGramCounts.of(before, 2, WORDS), weight=0.5
    )
    a, b = (((x[:, :-1] == 0) & (x[:, 1:] == 1)).sum() for x in (data, before))
    c, d = ((x[:, :-1] == 0).sum() for x in (data, before))
    assert law_of(half(data), (0,))[1] == pytest.approx((a + b / 2) / (c + d / 2))
    smooth = FitNGram(3, WORDS, prior=prior, weight=0.3)(data)
    np.testing.assert_allclose(smooth.next_law(data).sum(axis=-1), 1, rtol=1e-12)


def test_training_carried_on_keeps_what_was_learnt():
    data = text()
    prior = NGramCounts.of(text(9, seed=9), 2, WORDS)
    fit = FitNGram(2, WORDS, prior=prior, weight=0.5, carried_on=True)
    arguments = {"sample_size": 30, "generations": 3, "draw": draw_samples}
    lineage = recurse(Empirical(data, in_order=True), fit, rng=seeded(10), **arguments)
    counts, rng, model = prior, seeded(10), Empirical(data, in_order=True)
    for _ in range(3):
        drawn = NGramCounts.of(model.sample(30, rng), 2, WORDS)
        counts = drawn.plus(counts, 0.5)
        model = FitNGram(2, WORDS)(counts)
    same(lineage.newest[0], model)
    restarted = FitNGram(2, WORDS, prior=prior, weight=0.5)
    again = recurse(Empirical(data, in_order=True), restarted, rng=seeded(10), **arguments)
    same(again[1][0], lineage[1][0])
    with pytest.raises(AssertionError):
        same(again.newest[0], lineage.newest[0])


@pytest.mark.parametrize("policy", [replace, accumulate])
def test_statistics_and_samples_take_the_same_path(policy):
    runs = [
        recurse(
            Empirical(text(), in_order=True),
            FitNGram(3, WORDS),
            sample_size=30,
            generations=3,
            chains=2,
            rng=seeded(11),
            policy=policy,
            draw=draw,
        )
        for draw in (draw_samples, draw_statistics)
    ]
    same(runs[0].newest, runs[1].newest)
    assert runs[0].newest.counts.size == (30 if policy is replace else 90)
    longer = extend(runs[0], 1)
    assert longer.newest.tables.shape == (2,)


def test_the_batch_holds_each_chain():
    data = np.stack([text(seed=s) for s in (12, 13, 14)])
    model = FitNGram(3, WORDS)(data)
    assert model.tables.shape == model.counts.distinct.shape == (3,)
    for chain in range(3):
        alone = FitNGram(3, WORDS)(data[chain])
        same(model[chain], alone)
        np.testing.assert_array_equal(model.counts.unigrams[chain], alone.counts.unigrams)
        np.testing.assert_array_equal(
            model.log_probabilities(data)[chain], alone.log_probabilities(data[chain])
        )
    assert model[1:].sample(4, seeded(15)).shape == (2, 4, 7)
    assert model.log_probabilities(data[0]).shape == (3, 30, 7)


def test_collapsed_text_is_handled():
    """One word only: a point, which smoothing keeps open and maximum likelihood does not."""
    data = np.full((3, 5), 2)
    for order in (1, 2, 3, 4):
        smooth = FitNGram(order, WORDS)(data)
        assert np.isfinite(smooth.log_probabilities(text())).all()
        point = FitNGram(order, WORDS, MaximumLikelihood())(data)
        assert (point.sample(50, seeded(16)) == 2).all()
        assert (point.logpmf(data) == 0).all()
    single = FitNGram(2, 1)(np.zeros((1, 2), dtype=int))
    assert (single.sample(3, seeded(17)) == 0).all()


def test_metrics_of_text():
    model = FitNGram(2, WORDS)(text())
    scores = model.log_probabilities(text())
    np.testing.assert_allclose(distances.perplexity(model, text()), np.exp(-scores.mean(axis=1)))
    assert distances.corpus_perplexity(model, text()) == pytest.approx(np.exp(-scores.mean()))
    uniform = FitNGram(1, 4, MaximumLikelihood())(np.array([[0, 1, 2, 3]]))
    assert distances.corpus_perplexity(uniform, np.array([[3, 3], [0, 1]])) == pytest.approx(4)


def refused(name, call, *arguments, **keywords):
    with pytest.raises(ValueError, match=rf"\b{name}\b must"):
        call(*arguments, **keywords)


def test_bad_input():
    data, rng = text(), seeded(0)
    for order in (0, 5, 2.0, None, "3"):
        refused("order", FitNGram, order, WORDS)
    for size in (0, -1, 2.5, None):
        refused("vocabulary_size", FitNGram, 2, size)
    refused("vocabulary_size", FitNGram, 4, 60_000)
    refused("vocabulary_size", FitNGram, 4, 55_108)
    FitNGram(4, 55_107)
    FitNGram(3, 2_000_000)
    for discount in (-0.1, 1.1, "high", [0.5, 2], np.nan):
        refused("discount", KneserNey, discount)
    refused("discount", FitNGram, 3, WORDS, KneserNey((0.1, 0.2)))
    for weight in (-1, np.inf, None):
        refused("weight", FitNGram, 3, WORDS, weight=weight)
    for prior in (data, NGramCounts.of(data, 2, WORDS)):
        refused("prior", FitNGram, 3, WORDS, prior=prior)
    refused("smoothing", FitNGram, 3, WORDS, "kneser-ney")
    fit = FitNGram(3, WORDS)
    for bad in ([[0, 1, WORDS]], [[-1, 0, 0]], [[0.0, 1, 2]], np.zeros((0, 7), int), [0, 1, 2]):
        refused("samples", fit, np.array(bad))
    refused("samples", fit, data[:, :2])  # shorter than n
    refused("data", fit, NGramCounts.of(data, 2, WORDS))
    refused("other", lambda: NGramCounts.of(data, 2, WORDS) + NGramCounts.of(data, 3, WORDS))
    model = fit(data)
    refused("blocks", model.log_probabilities, [[0, WORDS]])
    refused("blocks", model.log_probabilities, np.zeros((2, 3, 4), int))
    refused("prompts", model.generate, 2, rng, prompts=[[0], [WORDS]])
    refused("prompts", model.generate, 3, rng, prompts=[[0], [1]])
    refused("decoder", model.generate, 3, rng, "greedy")
    refused("size", model.sample, 0, rng)


def test_what_is_made_is_a_model():
    model = FitNGram(2, WORDS)(text())
    assert isinstance(model, NGram) and model.order == 2 and model.length == 7
    with pytest.raises(AttributeError):
        model.counts = None
