"""The neural language model: its gradient, what it learns and writes, and what it refuses."""

from functools import partial

import numpy as np
import pytest
from autograd import grad
from autograd import numpy as agnp
from harness import assert_agrees, assert_refutes

from collapse.measure.distances import corpus_perplexity
from collapse.models import neural_language as neural
from collapse.models.neural_language import FitNeuralLanguage, NeuralLanguage, Shape
from collapse.models.ngram.counts import FitNGram
from collapse.models.ngram.decoding import Beam, Greedy, Nucleus, Temperature
from collapse.models.ngram.protocol import LanguageModel
from collapse.seeds import seeded

SHAPE = Shape(vocabulary_size=7, context=2, width=3, units=4)
FIT = FitNeuralLanguage(7, context=2, width=3, units=8, epochs=2, batch=16)


def text(size=60, length=6, seed=1):
    """Blocks in which a word is mostly followed by the next one, modulo five."""
    rng = seeded(seed)
    blocks = rng.integers(0, 5, (size, 1))
    while blocks.shape[1] < length:
        jump = np.where(rng.random(size) < 0.8, 1, rng.integers(0, 5, size))
        blocks = np.append(blocks, (blocks[:, -1:] + jump[:, None]) % 5, axis=1)
    return blocks


def naive_law(parameters, context):
    """Logits of the next word of one network, by the book."""
    parts, start = [], 0
    for rows, columns in SHAPE.tables:
        parts.append(parameters[start : start + rows * columns].reshape(rows, columns))
        start += rows * columns
    vectors, hidden, output = parts
    inputs = agnp.concatenate([vectors[word] for word in context])
    units = agnp.tanh(agnp.dot(inputs, hidden[:-1]) + hidden[-1])
    logits = agnp.dot(units, output[:-1]) + output[-1]
    return logits - agnp.log(agnp.sum(agnp.exp(logits)))


def naive_loss(parameters, contexts, words):
    return -sum(naive_law(parameters, c)[w] for c, w in zip(contexts, words, strict=True))


def loss_and_slopes(parameters, contexts, words):
    layers, slopes = SHAPE.layers(parameters), np.full_like(parameters, np.nan)
    tape = neural.Tape(SHAPE, layers, words.shape[1])
    loss = -neural.forward(layers, contexts, tape, words).sum(axis=-1)
    neural.gradient(layers, contexts, words, tape, SHAPE.layers(slopes))
    return loss, slopes


def problem():
    rng = seeded(2)
    parameters = rng.normal(0, 0.7, (3, SHAPE.size))
    # a word twice in one context, and the mark of the start
    contexts = np.concatenate([rng.integers(0, 8, (3, 9, 2)), np.full((3, 1, 2), 7)], axis=1)
    contexts[:, 0] = 4
    return parameters, contexts, rng.integers(0, 7, (3, 10))


def test_gradient_is_that_of_automatic_differentiation():
    parameters, contexts, words = problem()
    loss, slopes = loss_and_slopes(parameters, contexts, words)
    for chain in range(3):
        naive = partial(naive_loss, contexts=contexts[chain], words=words[chain])
        assert loss[chain] == pytest.approx(naive(parameters[chain]), rel=1e-12)
        right = grad(naive)(parameters[chain])
        np.testing.assert_allclose(slopes[chain], right, rtol=1e-9, atol=1e-12)


def test_single_precision_is_that_of_double():
    parameters, contexts, words = problem()
    exact = loss_and_slopes(parameters, contexts, words)
    rounded = loss_and_slopes(parameters.astype(np.float32), contexts, words)
    for one, other in zip(exact, rounded, strict=True):
        assert other.dtype == np.float32
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_large_logits_do_not_overflow():
    parameters, contexts, words = problem()
    scores = [loss_and_slopes(p * parameters, contexts, words)[0] for p in (1e3, 1e4)]
    assert all(np.isfinite(loss).all() and (loss > 1).all() for loss in scores)


def test_laws_are_those_of_the_book_and_score_the_text():
    parameters = seeded(3).normal(0, 0.7, (2, SHAPE.size))
    model, blocks = NeuralLanguage(SHAPE, parameters, 6), text(5)
    assert isinstance(model, LanguageModel)
    law = model.next_law(blocks[:, :3])
    assert law.shape == (2, 5, 7)
    np.testing.assert_allclose(law.sum(axis=-1), 1, rtol=1e-6)
    for chain in range(2):
        book = [np.exp(naive_law(parameters[chain], block[1:3])) for block in blocks]
        np.testing.assert_allclose(law[chain], book, rtol=1e-5)
    scores = model.log_probabilities(blocks)
    each = model.log_probabilities(np.stack([blocks, blocks[::-1]]))
    np.testing.assert_allclose(each, [scores[0], scores[1, ::-1]], rtol=1e-5)
    for t in range(6):
        law = np.log(model.next_law(blocks[:, :t]))
        right = np.take_along_axis(law, blocks[None, :, t : t + 1], axis=-1)[..., 0]
        np.testing.assert_allclose(scores[..., t], right, rtol=1e-5)


def test_it_learns_what_words_follow():
    train, test = text(400, seed=4), text(100, seed=5)
    fit = FitNeuralLanguage(7, context=2, width=3, units=8, epochs=30, rate=0.01)
    learned = corpus_perplexity(fit(train, seeded(6)), test)
    bigrams, single = (corpus_perplexity(FitNGram(n, 7)(train), test) for n in (2, 1))
    # half way, in nats, from single words to the bigrams that the text was made of
    assert np.log(learned) < np.log(bigrams * single) / 2
    start = FitNeuralLanguage(7, rate=1e-30)(train, seeded(6))
    counts = np.bincount(train.ravel(), minlength=7) + 1.0
    last = start.shape.layers(start.parameters).output[-1]
    np.testing.assert_array_equal(last[:5], np.log(counts[:5]).astype(np.float32))


def test_chains_learn_from_their_own_data_only():
    data = np.stack([text(seed=s) for s in (7, 8, 9)])
    other = data.copy()
    other[1] = data[2]
    one, two = (FIT(blocks, seeded(10)).parameters for blocks in (data, other))
    np.testing.assert_array_equal(one[[0, 2]], two[[0, 2]])
    assert (one[1] != two[1]).any()
    alike = FIT(np.stack([data[0]] * 3), seeded(10)).parameters
    assert len({chain.tobytes() for chain in alike}) == 3
    single, batch = FIT(data[0], seeded(11)), FIT(data[:1], seeded(11))
    assert single.parameters.shape == batch.parameters.shape[1:]
    np.testing.assert_array_equal(single.parameters, batch[0].parameters)


@pytest.mark.parametrize("decoder", [None, Temperature(0.5), Nucleus(0.7)], ids=str)
def test_what_is_written_follows_the_law(decoder):
    model = NeuralLanguage(SHAPE, seeded(12).normal(0, 0.7, SHAPE.size), 3)
    prompts = np.resize(text(50), (20_000, 2))
    options = (decoder,) if decoder else ()
    written = model.generate(20_000, seeded(13), *options, prompts=prompts)
    assert written.shape == (20_000, 3) and written.dtype == np.int32
    decode = decoder or (lambda law: law)
    features, seen, laws, others = seeded(14).random((7, 3)), [], [], []
    for t in range(3):
        law = model.next_law(np.concatenate([prompts, written[:, :t]], axis=1))
        seen.append(features[written[:, t]])
        laws.append(decode(law) @ features)
        others.append(Temperature(2.0)(law) @ features)
    assert_agrees(np.stack(seen, axis=1) - np.stack(laws, axis=1), 0)
    assert_refutes(np.stack(seen, axis=1) - np.stack(others, axis=1), 0)


def test_writing_for_all_chains_and_with_every_decoder():
    model = NeuralLanguage(SHAPE, seeded(15).normal(0, 0.7, (2, SHAPE.size)), 4)
    assert model.sample(5, seeded(16)).shape == (2, 5, 4)
    assert model.broadcast(2)[0].generate(5, seeded(16), Beam(2, 2.0)).shape == (5, 4)
    one, two = (model.generate(9, seeded(s), Greedy()) for s in (17, 18))
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(one[1], model[1].generate(9, seeded(19), Beam(1)))


def test_too_large_a_rate_is_noticed():
    with pytest.raises(FloatingPointError, match=r"after epoch \d+ of 2, in chain 0; rate=1e\+38"):
        FitNeuralLanguage(7, epochs=2, rate=1e38)(text(), seeded(22))


MODEL = NeuralLanguage(SHAPE, np.zeros(SHAPE.size), 4)
BAD = [
    ("vocabulary_size", lambda: FitNeuralLanguage(0)),
    ("context", lambda: FitNeuralLanguage(7, context=0)),
    ("width", lambda: FitNeuralLanguage(7, width=2.5)),
    ("units", lambda: FitNeuralLanguage(7, units=None)),
    ("epochs", lambda: FitNeuralLanguage(7, epochs=0)),
    ("batch", lambda: FitNeuralLanguage(7, batch=-1)),
    ("rate", lambda: FitNeuralLanguage(7, rate=np.nan)),
    ("data", lambda: FIT(np.full((3, 4), 7), seeded(0))),
    ("data", lambda: FIT(np.zeros((3, 4)), seeded(0))),
    ("data", lambda: FIT(np.zeros(4, int), seeded(0))),
    ("data", lambda: FIT(np.zeros((0, 4), int), seeded(0))),
    ("rng", lambda: FIT(text())),
    ("parameters", lambda: NeuralLanguage(SHAPE, np.zeros(3), 4)),
    ("parameters", lambda: NeuralLanguage(SHAPE, np.full(SHAPE.size, np.nan), 4)),
    ("length", lambda: NeuralLanguage(SHAPE, np.zeros(SHAPE.size), 0)),
    ("blocks", lambda: MODEL.log_probabilities([[7, 0]])),
    ("blocks", lambda: MODEL.log_probabilities(np.zeros((2, 3, 4), int))),
    ("size", lambda: MODEL.sample(0, seeded(0))),
    ("decoder", lambda: MODEL.generate(2, seeded(0), "greedy")),
    ("prompts", lambda: MODEL.generate(2, seeded(0), prompts=[[1]])),
    ("prompts", lambda: MODEL.generate(2, seeded(0), prompts=[[1], [9]])),
]


@pytest.mark.parametrize(("name", "call"), BAD)
def test_bad_input(name, call):
    with pytest.raises(ValueError, match=rf"\b{name} must"):
        call()
