"""The language experiment: what it asks of a model, splits, measures, and refuses."""

import json
import re
from dataclasses import replace as changed
from functools import partial
from pathlib import Path

import matplotlib.pyplot as plt
import myst_nb
import numpy as np
import pytest
from harness import assert_agrees, assert_refutes

from collapse.measure.distances import corpus_perplexity
from collapse.models.empirical import Empirical
from collapse.models.ngram import counts
from collapse.models.ngram.counts import FitNGram, NGramCounts
from collapse.models.ngram.decoding import (
    ANCESTRAL,
    Beam,
    Greedy,
    Nucleus,
    Temperature,
    TopK,
    continued,
)
from collapse.models.ngram.protocol import Generated, LanguageModel
from collapse.models.ngram.smoothing import MaximumLikelihood
from collapse.policies import KeepReal, accumulate, replace
from collapse.seeds import seeded
from companion.datasets import corpus
from companion.experiments.language import Texts, next_law, rewrite

WORDS = [f"w{i}" for i in range(40)]
CHAPTERS = Path(__file__).parents[1] / "chapters"
DECODERS = [ANCESTRAL, Temperature(0.6), TopK(3), Nucleus(0.8), Greedy(), Beam(2), Beam(2, 2.0)]


@pytest.fixture(scope="module")
def texts():
    rng = seeded(2660)
    shares = 1 / np.arange(1, 41)
    documents = [" ".join(rng.choice(WORDS, 200, p=shares / shares.sum())) for _ in range(30)]
    return Texts.of(documents, rng)


# --- the seam: a model that has what the experiment asks for, and nothing else -----------------


class Softmax:
    """A neural model as small as can be: a row of logits for each last word, V for the start."""

    __slots__ = ("_law", "_length")

    def __init__(self, logits, length):
        raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
        self._law, self._length = raised / raised.sum(axis=-1, keepdims=True), length

    def generate(self, size, rng, decoder, prompts):
        prompts = np.empty((size, 0), int) if prompts is None else prompts

        def after(law):
            return lambda tokens: law[tokens[:, -1] if tokens.size else np.full(len(tokens), -1)]

        each = [continued(after(law), prompts, self._length, decoder, rng) for law in self._law]
        return np.stack(each)

    def log_probabilities(self, blocks):
        before = np.pad(blocks[..., :-1], ((0, 0), (1, 0)), constant_values=-1)
        return np.log(self._law)[:, before, blocks]


class FitSoftmax:
    """Gradient ascent in minibatches from a new model each time."""

    def __init__(self, words, steps=120, rate=4.0):
        self.words, self.steps, self.rate = words, steps, rate

    def prepared(self, newest, rng):
        return partial(self, rng=rng)

    def __call__(self, data, rng):
        chains, size, length = data.shape
        logits = np.zeros((chains, self.words + 1, self.words))
        for _ in range(self.steps):
            batch = data[:, rng.integers(0, size, 64)]
            before = np.pad(batch[..., :-1], ((0, 0), (0, 0), (1, 0)), constant_values=self.words)
            count = np.zeros(logits.shape)
            np.add.at(count, (np.arange(chains)[:, None, None], before, batch), 1.0)
            slope = count - count.sum(axis=-1, keepdims=True) * Softmax(logits, length)._law
            logits = logits + self.rate * slope / (64 * length)
        return Softmax(logits, length)


@pytest.mark.parametrize("policy", [replace, accumulate])
@pytest.mark.parametrize("decoder", DECODERS, ids=str)
def test_a_neural_model_runs_the_experiment_of_the_ngrams(texts, decoder, policy):
    train, test = np.minimum(seeded(21).geometric(0.3, (2, 60, 8)) - 1, 9)
    texts = changed(texts, train=train, test=test)
    options = {"policy": policy, "decoder": decoder, "prompts": train}
    found = {
        name: rewrite(texts, fit, rng=seeded(20), generations=3, chains=2, keep=(3,), **options)
        for name, fit in (("ngrams", FitNGram(2, 41)), ("softmax", FitSoftmax(41)))
    }
    model = found["softmax"][3].model
    assert isinstance(model, LanguageModel)
    assert not {name for name in dir(model) if name[0] != "_"} - {"generate", "log_probabilities"}
    for run in found.values():
        perplexity = run.measured["perplexity"][1:]
        assert perplexity.shape == (3, 2) and np.isfinite(perplexity).all()
        assert (perplexity[0] < 15).all()  # 10 words, and less for who knows their shares
        assert (run.measured["trigrams"][1:] > 0).all()
        if policy is replace and isinstance(decoder, Greedy | Beam):
            assert (run.measured["words"][3] < run.measured["words"][1]).all()


class Bare:
    """An n-gram model of which only the two methods of the protocol can be seen."""

    def __init__(self, model):
        self._model = model

    def generate(self, size, rng, decoder, prompts):
        return self._model.generate(size, rng, decoder, prompts)

    def log_probabilities(self, blocks):
        return self._model.log_probabilities(blocks)


class BareFit(FitNGram):
    """The fit of n-grams that gives such a model."""

    def __call__(self, data):
        return Bare(super().__call__(data))

    def prepared(self, newest, rng):
        fit = super().prepared(getattr(newest, "_model", newest), rng)
        return lambda data: Bare(fit(data))


def small_text(size=3300):
    """Twenty kB in an invented language with accents, in the shape of one file."""
    rng = seeded(2661)
    syllables = ["la", "tà", "re", "mì", "no", "zio", "ché", "fà", "per", "quà"]
    words = ["".join(rng.choice(syllables, rng.integers(1, 4))) for _ in range(400)]
    shares = 1 / np.arange(1, 401)
    return " ".join(rng.choice(words, size, p=shares / shares.sum()))


def test_every_figure_of_the_chapter_is_drawn_from_such_models_and_any_text(tmp_path, monkeypatch):
    (tmp_path / "libro.txt").write_text(small_text(), encoding="utf8")
    monkeypatch.setenv("COLLAPSE_CORPUS", str(tmp_path / "libro.txt"))
    glued = {}
    monkeypatch.setattr(myst_nb, "glue", lambda name, value, display: glued.update({name: value}))
    monkeypatch.setattr(counts, "FitNGram", BareFit)
    monkeypatch.chdir(CHAPTERS)
    notebook = json.loads((CHAPTERS / "language.ipynb").read_text(encoding="utf8"))
    names, drawn = {}, 0
    plt.close("all")  # those of other tests
    for cell in notebook["cells"]:
        code = "".join(cell["source"])
        if cell["cell_type"] == "code" and "Table(" not in code:
            exec(compile(code, cell["id"], "exec"), names)
            drawn += len(plt.get_fignums())
            plt.close("all")
    figures = [cell for cell in notebook["cells"] if "mystnb" in cell["metadata"]]
    assert drawn == len(figures) > 5
    assert names["texts"].train.size < 3300
    assert all(np.isfinite(value) for value in glued.values() if not isinstance(value, str))


SHIPPED = re.compile(r"State of the Union|\baddress(es)?\b|\bpresident|\*the\*|cholera", re.I)


@pytest.mark.parametrize("chapter", ["words", "functional", "realdata", "provenance", "language"])
def test_no_chapter_writes_a_word_of_the_shipped_text(chapter):
    notebook = json.loads((CHAPTERS / f"{chapter}.ipynb").read_text(encoding="utf8"))
    for cell in notebook["cells"]:
        text = "".join(cell["source"]) + json.dumps(cell["metadata"])
        assert not (found := SHIPPED.search(text)), f"{cell['id']}: {found[0]}"


def test_generated_draws_reality_as_it_is():
    train = np.minimum(seeded(22).geometric(0.3, (50, 6)) - 1, 9)
    drawing = Generated(Greedy(), prompts=train[:30])
    np.testing.assert_array_equal(drawing(Empirical(train, in_order=True), 50, seeded(1)), train)
    model = FitNGram(2, 10)(train)
    written = drawing(model, 30, seeded(1))
    np.testing.assert_array_equal(written, model.generate(30, seeded(2), Greedy(), train[:30]))
    assert drawing(model, 20, seeded(1)).shape == (20, 6)
    with pytest.raises(ValueError, match="sample_size must be at most the 30 prompts, got 31"):
        drawing(model, 31, seeded(1))
    assert Generated()(model, 31, seeded(1)).shape == (31, 6)
    train[:] = 0
    np.testing.assert_array_equal(drawing(model, 30, seeded(1)), written)


# --- what is split and measured ----------------------------------------------------------------


def test_parts(texts):
    assert [len(part) for part in (texts.train, texts.validation, texts.test)] == [72, 9, 9]
    assert texts.train.shape[1] == 64
    assert len(texts.vocabulary) <= 41
    assert min(np.bincount(texts.train.ravel())[1:]) >= 1


def test_part_of_the_corpus():
    whole, part = (Texts.of(corpus().documents, seeded(2661), most=n) for n in (None, 140_000))
    assert len(whole.vocabulary) > len(part.vocabulary)
    assert 0.05 < len(part.train) / len(whole.train) < 0.2
    assert len(part.test) == len(whole.test)  # held out as a whole
    decoded = [t.vocabulary.decode(t.test[0]).split() for t in (whole, part)]
    known = [a == b for a, b in zip(*decoded, strict=True) if "<unk>" not in (a, b)]
    assert all(known)
    assert len(known) > 32


def test_what_is_measured(texts):
    fit = FitNGram(2, len(texts.vocabulary))
    run = rewrite(texts, fit, rng=seeded(2663), generations=3, chains=2, keep=(1, 3))
    for name in ("perplexity", "words", "trigrams"):
        assert run.measured[name].shape == (4, 2)
        assert np.isnan(run.measured[name][0]).all()
    first = fit(texts.train)
    assert run.measured["perplexity"][1, 0] == pytest.approx(corpus_perplexity(first, texts.test))
    counted = NGramCounts.of(texts.train, 3, len(texts.vocabulary))
    assert run.measured["trigrams"][1, 1] == counted.distinct
    assert run.measured["words"][1, 0] == len(np.unique(texts.train))
    assert run[3].words.sum(axis=-1).tolist() == [texts.train.size] * 2
    assert run.measured["perplexity"][3, 0] != run.measured["perplexity"][3, 1]


def test_the_next_law_is_that_of_the_model(texts):
    model, context = FitNGram(3, 41)(np.stack([texts.train, texts.train[::-1]])), [5, 7]
    law = next_law(model, context, 41)
    assert law.shape == (2, 41)
    np.testing.assert_allclose(law, model.next_law(np.array([context]))[:, 0], rtol=1e-12)


def test_policies(texts):
    fit = FitNGram(2, len(texts.vocabulary))
    pooled = rewrite(texts, fit, rng=seeded(2664), generations=3, policy=accumulate)
    assert pooled.newest.words.sum() == 3 * texts.train.size
    kept = rewrite(texts, fit, rng=seeded(2665), generations=4, policy=KeepReal(1.0, texts.train))
    perplexity = kept.measured["perplexity"][1:, 0]
    np.testing.assert_allclose(perplexity, perplexity[0])  # the same real text each time
    mixed = rewrite(texts, fit, rng=seeded(2665), generations=4, policy=KeepReal(0.1, texts.train))
    assert mixed.newest.words.sum() == texts.train.size
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
    total = [r.newest.model.counts.unigrams.sum() / texts.train.size for r in runs.values()]
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
    difference, variance = occurrences(ANCESTRAL)
    assert_agrees(difference, 0.0)
    assert_agrees(difference**2 - variance, 0.0)
    assert_refutes(occurrences(Temperature(0.5))[0], 0.0)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda t: Texts.of(["one two"] * 30, seeded(1)), "documents"),
        (lambda t: Texts.of(["a b c"] * 3, seeded(1)), "shares"),
        (lambda t: Texts.of(["a b " * 99] * 30, seeded(1), most=0), "most"),
        (lambda t: rewrite(t, None, rng=1), "fit"),
        (lambda t: rewrite(t, FitNGram(2, 41), rng=None), "rng"),
    ],
)
def test_bad_input(texts, call, name):
    with pytest.raises(ValueError, match=name):
        call(texts)
