"""Decoders: what they do to a law, and that the sparse path of n-grams does the same."""

import itertools

import numpy as np
import pytest
from harness import assert_agrees, assert_refutes
from hypothesis import given
from hypothesis import strategies as st

from collapse.models.ngram.backoff import last_context
from collapse.models.ngram.counts import FitNGram
from collapse.models.ngram.decoding import (
    Ancestral,
    Beam,
    Greedy,
    Nucleus,
    Temperature,
    TopK,
    continued,
    draw,
)
from collapse.models.ngram.smoothing import KneserNey, MaximumLikelihood
from collapse.seeds import seeded

WORDS, LENGTH = 40, 12
LAW = np.array([0.1, 0.4, 0.1, 0.2, 0.2])
DECODERS = [Temperature(0.5), Temperature(1.0), Temperature(3.0), TopK(1), TopK(4), TopK(60)]
DECODERS += [Greedy(), Nucleus(0.9), Nucleus(0.3), Nucleus(1.0)]
each_decoder = pytest.mark.parametrize("decoder", DECODERS, ids=str)


def text(seed=1, size=150):
    rng = seeded(seed)
    rank = rng.zipf(1.4, (size, LENGTH)) - 1
    return np.where(rank < WORDS - 3, rank, rng.integers(0, 5, rank.shape))


def models():
    for order, smoothing in itertools.product((1, 2, 3), (MaximumLikelihood(), KneserNey())):
        yield FitNGram(order, WORDS, smoothing)(text())


def prompts(seed=2, size=400):
    """Real contexts, and contexts that nobody has seen."""
    return np.concatenate([text()[:, :3], seeded(seed).integers(0, WORDS, (size, 3))])


def test_decoders_by_hand():
    np.testing.assert_array_equal(Ancestral()(LAW), LAW)
    np.testing.assert_allclose(Temperature(0.5)(LAW), LAW**2 / (LAW**2).sum())
    np.testing.assert_allclose(Temperature(1)(LAW), LAW)
    np.testing.assert_allclose(Temperature(1e9)(LAW), np.full(5, 0.2))
    np.testing.assert_allclose(Temperature(1e-9)(LAW), [0, 1, 0, 0, 0])
    np.testing.assert_allclose(TopK(2)(LAW), [0, 2 / 3, 0, 1 / 3, 0])  # of 0.2 and 0.2 the first
    np.testing.assert_allclose(TopK(9)(LAW), LAW)
    np.testing.assert_allclose(Greedy()(LAW), [0, 1, 0, 0, 0])
    np.testing.assert_allclose(Greedy()(np.full(3, 1 / 3)), [1, 0, 0])
    np.testing.assert_allclose(Nucleus(0.4)(LAW), [0, 1, 0, 0, 0])
    np.testing.assert_allclose(Nucleus(0.41)(LAW), [0, 2 / 3, 0, 1 / 3, 0])
    np.testing.assert_allclose(Nucleus(0.85)(LAW), np.array([1, 4, 0, 2, 2]) / 9)
    np.testing.assert_allclose(Nucleus(1)(LAW), LAW)
    np.testing.assert_allclose(Nucleus(1e-12)(LAW), [0, 1, 0, 0, 0])
    stacked = np.stack([LAW, LAW[::-1]])
    for decoder in DECODERS:
        rows = np.stack([decoder(law) for law in stacked])
        np.testing.assert_allclose(decoder(stacked), rows)


@each_decoder
@given(st.lists(st.floats(1e-6, 1), min_size=1, max_size=8))
def test_decoders_give_laws(decoder, weights):
    law = np.array(weights) / np.sum(weights)
    decoded = decoder(law)
    assert decoded.sum() == pytest.approx(1) and (decoded >= 0).all()
    # what is more probable stays more probable
    order = np.argsort(law)
    assert (np.diff(decoded[order]) > -1e-12).all() or isinstance(decoder, TopK | Nucleus)
    assert decoded[law.astype(np.float32).argmax()] == pytest.approx(decoded.max())


@each_decoder
def test_the_sparse_path_is_the_dense_path(decoder):
    for model in models():
        table = model.tables[()]
        contexts = last_context(prompts(), model.order, WORDS + 1)
        law = table.law(contexts)
        expected = decoder(law)
        if isinstance(decoder, Temperature):
            found = table.tempered(decoder.temperature).law(contexts)
        elif isinstance(decoder, TopK):
            found = table.cut(decoder.k).law(contexts)
        else:
            row, word = np.nonzero(law)
            before = table.before(contexts[row], word)
            order = np.argsort(-law.astype(np.float32), axis=1, kind="stable")
            ranked = np.take_along_axis(law, order, axis=1)
            dense = np.empty(law.shape)
            np.put_along_axis(dense, order, np.cumsum(ranked, axis=1) - ranked, axis=1)
            np.testing.assert_allclose(before, dense[row, word], atol=1e-12)
            found = np.zeros(law.shape)
            found[row, word] = np.where(before < decoder.mass - 1e-9, law[row, word], 0)
            found /= found.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-14)


@each_decoder
def test_what_is_written_follows_the_decoded_law(decoder):
    model = FitNGram(3, WORDS)(text())
    begin = np.resize(prompts(), (6000, 3))
    written = model.generate(6000, seeded(3), decoder, begin)
    assert written.shape == (6000, LENGTH)
    every = np.arange(WORDS)
    features = np.stack([every == 0, every < 3, every / WORDS])
    table, seen, laws, plain = model.tables[()], [], [], []
    for t in range(2):
        context = last_context(np.concatenate([begin, written[:, :t]], axis=1), 3, WORDS + 1)
        law = table.law(context)
        seen.append(features.T[written[:, t]])
        laws.append(decoder(law) @ features.T)
        plain.append(Temperature(2.0)(law) @ features.T)
    assert_agrees(np.stack(seen, axis=1) - np.stack(laws, axis=1), 0)
    assert_refutes(np.stack(seen, axis=1) - np.stack(plain, axis=1), 0)


def test_any_callable_is_a_decoder():
    model = FitNGram(2, WORDS)(text())
    uniform = lambda law: np.full(law.shape, 1 / WORDS)  # noqa: E731
    written = model.generate(3000, seeded(5), uniform)
    assert_agrees(written.reshape(-1, 1).astype(float), (WORDS - 1) / 2)
    assert_refutes(model.generate(3000, seeded(5)).reshape(-1, 1).astype(float), (WORDS - 1) / 2)
    greedy = model.generate(9, seeded(6), lambda law: TopK(1)(law))
    np.testing.assert_array_equal(greedy, model.generate(9, seeded(7), Greedy()))


def test_the_most_probable_words_are_those_of_the_dense_law():
    for model in models():
        table = model.tables[()]
        contexts = last_context(prompts(), model.order, WORDS + 1)
        law = table.law(contexts)
        order = np.argsort(-law.astype(np.float32), axis=1, kind="stable")
        for k in (1, 5, 17, WORDS):
            words, p = table.top(contexts, k)
            assert words.shape == p.shape == (len(contexts), k)
            best = np.take_along_axis(law, order, axis=1)[:, :k]
            np.testing.assert_allclose(p, best, rtol=1e-12)
            alive = best > 0
            np.testing.assert_array_equal(words[alive], order[:, :k][alive])


def score(model, prompt, continuation, penalty):
    """Add up penalised log probabilities, word by word."""
    tokens, total = list(prompt), 0.0
    for word in continuation:
        p = model.next_law(np.array([tokens]))[0, word]
        total += np.log(p) * (penalty if word in tokens else 1)
        tokens.append(word)
    return total


@pytest.mark.parametrize("penalty", [1.0, 2.0])
def test_a_wide_beam_finds_the_best(penalty):
    data = np.minimum(seeded(8).geometric(0.35, (40, 3)) - 1, 4)
    model = FitNGram(2, 5)(data)
    starts = np.array([[0, 1], [2, 3], [4, 4]])
    written = model.generate(3, seeded(9), Beam(200, penalty), starts)
    for prompt, found in zip(starts.tolist(), written.tolist(), strict=True):
        every = itertools.product(range(5), repeat=3)
        best = max(score(model, prompt, each, penalty) for each in every)
        assert score(model, prompt, found, penalty) == pytest.approx(best, rel=1e-9)


@pytest.mark.parametrize("beam", [Beam(1), Beam(5), Beam(3, 2.0), Beam(5, 3.0)], ids=str)
def test_beams_agree_between_sparse_and_dense(beam):
    for model in models():
        if (model.tables[()].unigrams == 0).any():
            continue  # equally impossible words need not come in the same order
        sparse = model.generate(30, seeded(9), beam, text(3)[:30, :5])
        dense = continued(model.next_law, text(3)[:30, :5], LENGTH, beam, seeded(9))
        scores = [
            model.log_probabilities(np.concatenate([text(3)[:30, :5], w], axis=1))[:, 5:].sum(1)
            for w in (sparse, dense)
        ]
        np.testing.assert_allclose(*scores, rtol=1e-9)


def test_beams_are_greedy_when_narrow_and_avoid_repetition_when_told():
    model = FitNGram(3, WORDS)(text())
    begin = text(4)[:50, :4]
    narrow = model.generate(50, seeded(10), Beam(1), begin)
    np.testing.assert_array_equal(narrow, model.generate(50, seeded(11), Greedy(), begin))
    distinct = [
        np.mean(
            [len(set(row)) for row in model.generate(50, seeded(12), Beam(5, p), begin).tolist()]
        )
        for p in (1.0, 3.0)
    ]
    assert distinct[1] > distinct[0]


def test_prompts_are_where_writing_starts():
    model = FitNGram(3, WORDS)(text())
    data = text(5)[:100]
    whole = model.log_probabilities(
        np.concatenate(
            [data[:, :4], model.generate(100, seeded(13), Greedy(), data[:, :4])], axis=1
        )
    )[:, 4:]
    table = model.tables[()]
    _, p = table.top(last_context(data[:, :4], 3, WORDS + 1), 1)
    np.testing.assert_allclose(whole[:, 0], np.log(p[:, 0]))
    # an empty prompt is the start of a block
    np.testing.assert_array_equal(
        model.generate(7, seeded(14)), model.generate(7, seeded(14), prompts=np.empty((7, 0), int))
    )
    batch = FitNGram(3, WORDS)(np.stack([text(6), text(7)]))
    assert batch.generate(5, seeded(15), Greedy(), data[:5]).shape == (2, 5, LENGTH)
    assert batch.generate(5, seeded(15), Beam(2), np.stack([data[:5]] * 2)).shape == (2, 5, LENGTH)


def test_drawing_from_laws():
    law = np.array([[0.2, 0.0, 0.8], [0.0, 1.0, 0.0]])
    drawn = np.stack([draw(law, rng) for rng in seeded(16).spawn(2000)])
    assert (drawn[:, 1] == 1).all() and not (drawn[:, 0] == 1).any()
    assert_agrees(drawn[:, :1] / 2, 0.8)
    assert_refutes(drawn[:, :1] / 2, 0.6)


@pytest.mark.parametrize("bad", [0, -1, 0.0, np.nan, np.inf, None, "hot"])
def test_temperature_must_be_positive(bad):
    with pytest.raises(ValueError, match=r"temperature must be a finite number in \(0"):
        Temperature(bad)


@pytest.mark.parametrize("bad", [0, -0.1, 1.0001, np.nan, None, "all"])
def test_nucleus_must_be_a_share(bad):
    with pytest.raises(ValueError, match=r"mass must be a finite number in \(0, 1\]"):
        Nucleus(bad)


@pytest.mark.parametrize("bad", [0, -3, 2.0, None, True])
def test_numbers_of_words_must_be_positive(bad):
    with pytest.raises(ValueError, match="k must be an integer of at least 1"):
        TopK(bad)
    with pytest.raises(ValueError, match="width must be an integer of at least 1"):
        Beam(bad)


@pytest.mark.parametrize("bad", [0.5, 0, np.nan, None])
def test_a_penalty_does_not_reward(bad):
    with pytest.raises(ValueError, match="penalty must be a finite number in"):
        Beam(5, bad)
