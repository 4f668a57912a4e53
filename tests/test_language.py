"""Text as blocks, generation 0, and the seam where a neural model takes the n-grams' place."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest
from harness import assert_agrees, assert_refutes

from collapse.measure import distances
from collapse.models.ngram.counts import FitNGram, NGram, NGramCounts
from collapse.models.ngram.decoding import ANCESTRAL, Greedy, Nucleus, Temperature, continued
from collapse.models.ngram.protocol import Generated, LanguageModel
from collapse.models.ngram.text import Corpus, Vocabulary, blocks, read_text, split
from collapse.policies import accumulate, replace
from collapse.recursion import draw_samples, recurse
from collapse.seeds import seeded

# --- text ------------------------------------------------------------------------------------


def test_vocabulary_by_hand():
    vocabulary = Vocabulary.of(["The union, the STATES", "the union of states and states"])
    assert vocabulary.words == ("<unk>", "states", "the", "union", "and", "of")
    assert len(vocabulary) == 6
    ids = vocabulary.encode("Of the people: union!")
    assert ids.tolist() == [5, 2, 0, 3] and ids.dtype == np.int32
    assert vocabulary.decode(ids) == "of the <unk> union"
    assert vocabulary.encode("").shape == (0,)
    assert Vocabulary.of(["a a b c c"], size=1).words == ("<unk>", "a")
    assert Vocabulary.of(["a a b c c"], minimum=2).words == ("<unk>", "a", "c")


def test_prompts_with_unknown_words_are_continued():
    vocabulary = Vocabulary.of(["we the people of the union the people"])
    model = FitNGram(3, len(vocabulary))(
        blocks([vocabulary.encode("we the people of the union")], 6)
    )
    unknown = vocabulary.encode("xylophones of zanzibar")
    assert unknown.tolist() == [0, vocabulary.words.index("of"), 0]
    # what nobody has seen leaves the words themselves to say what comes
    law = model.next_law(unknown[None])[0]
    np.testing.assert_allclose(law, model.next_law(vocabulary.encode("union")[None])[0])
    assert model.generate(1, seeded(0), prompts=unknown[None]).shape == (1, 6)


def test_blocks_by_hand():
    cut = blocks([np.arange(7), np.arange(2), np.arange(10, 13)], 3)
    assert cut.tolist() == [[0, 1, 2], [3, 4, 5], [10, 11, 12]] and cut.dtype == np.int32


def test_splits_are_random_and_complete():
    parts = split(list("abcdefghij"), (0.5, 0.3, 0.2), seeded(1))
    assert [len(part) for part in parts] == [5, 3, 2]
    assert sorted(letter for part in parts for letter in part) == list("abcdefghij")
    assert all(part == sorted(part) for part in parts)
    assert parts != split(list("abcdefghij"), (0.5, 0.3, 0.2), seeded(2))


def test_a_file_is_read(tmp_path):
    path = tmp_path / "text.txt"
    path.write_bytes("\N{ZERO WIDTH NO-BREAK SPACE}Déjà vu".encode())
    assert read_text(path) == "Déjà vu"
    path.write_bytes("Déjà".encode("latin-1"))
    with pytest.raises(ValueError, match="path must be a file in UTF-8.*byte 1"):
        read_text(path)
    for empty in ("", " \n", "?!"):
        path.write_text(empty)
        with pytest.raises(ValueError, match="path must be a file with at least one word"):
            read_text(str(path))
    with pytest.raises(FileNotFoundError):
        read_text(tmp_path / "missing.txt")


def refused(name, call, *arguments, **keywords):
    with pytest.raises(ValueError, match=rf"\b{name}\b must"):
        call(*arguments, **keywords)


def test_bad_text():
    refused("texts", Vocabulary.of, [])
    refused("texts", Vocabulary.of, ["..."])
    refused("texts", Vocabulary.of, ["a b"], minimum=2)
    refused("texts", Vocabulary.of, "one string")
    refused("text", Vocabulary.of, [3])
    refused("size", Vocabulary.of, ["a"], size=0)
    refused("minimum", Vocabulary.of, ["a"], minimum=0)
    refused("words", Vocabulary, ("a", "a"))
    refused("words", Vocabulary, ("<unk>",))
    refused("words", Vocabulary, ())
    refused("numbers", Vocabulary(("a",)).decode, np.array([2]))
    refused("documents", blocks, [np.arange(5)], 6)
    refused("documents", blocks, [], 6)
    refused("documents", blocks, [np.zeros(9)], 6)
    refused("documents", blocks, [np.zeros((9, 9), int)], 6)
    refused("length", blocks, [np.arange(5)], 0)
    refused("shares", split, [1, 2, 3], (0.5, 0.4), seeded(0))
    refused("shares", split, [1, 2], (0.5, 0.4, 0.1), seeded(0))
    refused("blocks", Corpus, np.zeros((3, 4)))
    refused("blocks", Corpus, np.zeros((0, 4), int))
    refused("blocks", Corpus, np.zeros(4, int))
    refused("prompts", Generated, prompts=np.zeros(4, int))
    refused("prompts", Generated, prompts=[["a"]])


def test_a_corpus_is_drawn_without_replacement():
    data = np.arange(24).reshape(6, 4)
    corpus = Corpus(data)
    np.testing.assert_array_equal(corpus.sample(6, seeded(3)), data)
    some = corpus.broadcast(50).sample(4, seeded(4))
    assert some.shape == (50, 4, 4)
    assert all(len(np.unique(chain)) == 16 for chain in some)
    assert len({chain.tobytes() for chain in some}) > 5
    drawn = corpus.broadcast(3000).sample(2, seeded(5))[:, :, 0] // 4
    hits = (drawn[:, :, None] == np.arange(6)).sum(axis=1)
    assert_agrees(hits, 1 / 3)
    assert_refutes(hits, 0.5)
    each = Corpus(np.stack([data, data + 1]))
    np.testing.assert_array_equal(each[1].sample(6, seeded(6)), data + 1)
    np.testing.assert_array_equal(each.sample(6, seeded(6)), each.blocks)
    refused("size", corpus.sample, 7, seeded(0))
    data[:] = 0
    assert corpus.blocks.max() == 23


# --- the seam --------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Neural:
    """A stand-in for a neural model: softmax of a row of logits for the last word.

    Row V of the logits belongs to the start of a block.
    """

    logits: np.ndarray
    length: int

    def laws(self):
        raised = np.exp(self.logits - self.logits.max(axis=-1, keepdims=True))
        return raised / raised.sum(axis=-1, keepdims=True)

    def broadcast(self, chains):
        shape = (chains, *self.logits.shape[-2:])
        return Neural(np.broadcast_to(self.logits, shape), self.length)

    def sample(self, size, rng):
        return self.generate(size, rng, ANCESTRAL, None)

    def generate(self, size, rng, decoder, prompts):
        prompts = np.empty((size, 0), dtype=int) if prompts is None else prompts

        def after(laws):
            return lambda tokens: laws[tokens[:, -1] if tokens.size else np.full(len(tokens), -1)]

        return np.stack(
            [continued(after(laws), prompts, self.length, decoder, rng) for laws in self.laws()]
        )

    def log_probabilities(self, blocks):
        before = np.pad(blocks[..., :-1], ((0, 0), (1, 0)), constant_values=-1)
        return np.log(self.laws())[:, before, blocks]


@dataclass(frozen=True)
class FitNeural:
    """Gradient ascent in minibatches, from the newest model if there is one."""

    words: int
    steps: int = 150
    rate: float = 4.0

    def __call__(self, data):
        raise ValueError("rng must be given: the recursion prepares this fit")

    def prepared(self, newest, rng):
        start = newest.logits if isinstance(newest, Neural) else None
        return partial(self.train, start=start, rng=rng)

    def train(self, data, start, rng):
        chains, size, length = data.shape
        shape = (chains, self.words + 1, self.words)
        logits = np.zeros(shape) if start is None else start.copy()
        for _ in range(self.steps):
            model = Neural(logits, length)
            batch = data[:, rng.integers(0, size, 64)]
            before = np.pad(batch[..., :-1], ((0, 0), (0, 0), (1, 0)), constant_values=self.words)
            count = np.zeros(shape)
            np.add.at(count, (np.arange(chains)[:, None, None], before, batch), 1.0)
            logits = logits + self.rate * (
                count - count.sum(axis=-1, keepdims=True) * model.laws()
            ) / (64 * length)
        return Neural(logits, length)


def experiment(fit, train, test, decoder=ANCESTRAL, policy=replace):
    """Return the perplexity on real text by generation, shape (4, 3): the same for any model."""
    lineage = recurse(
        Corpus(train),
        fit,
        sample_size=len(train),
        generations=4,
        chains=3,
        rng=seeded(20),
        policy=policy,
        draw=Generated(decoder, prompts=train),
        measure={"perplexity": lambda model: distances.corpus_perplexity(model, test)},
    )
    models = lineage.models[1:]
    assert all(isinstance(model, LanguageModel) for model in models)
    return lineage.measured["perplexity"][1:]


@pytest.mark.parametrize("policy", [replace, accumulate])
@pytest.mark.parametrize("decoder", [ANCESTRAL, Temperature(0.6), Nucleus(0.8), Greedy()], ids=str)
def test_a_neural_model_runs_the_experiment_of_the_ngrams(decoder, policy):
    rng = seeded(21)
    train, test = np.minimum(rng.geometric(0.3, (2, 120, 8)) - 1, 9)
    ngrams = experiment(FitNGram(2, 10), train, test, decoder, policy)
    neural = experiment(FitNeural(10), train, test, decoder, policy)
    for perplexity in (ngrams, neural):
        assert perplexity.shape == (4, 3) and np.isfinite(perplexity).all()
        assert (perplexity[0] < 10).all()  # better than to know nothing
        if policy is replace and decoder is not ANCESTRAL:
            assert (perplexity[-1] > perplexity[0]).all()
    ratio = ngrams[0] / neural[0]
    assert (np.abs(np.log(ratio)) < 0.2).all()  # both have learnt the same bigrams


def test_generated_draws_reality_as_it_is():
    train = np.minimum(seeded(22).geometric(0.3, (50, 6)) - 1, 9)
    drawing = Generated(Greedy(), prompts=train[:30])
    np.testing.assert_array_equal(drawing(Corpus(train), 50, seeded(1)), train)
    model = FitNGram(2, 10)(train)
    written = drawing(model, 30, seeded(1))
    np.testing.assert_array_equal(written, model.generate(30, seeded(2), Greedy(), train[:30]))
    assert drawing(model, 20, seeded(1)).shape == (20, 6)
    refused("sample_size", drawing, model, 31, seeded(1))
    assert Generated()(model, 31, seeded(1)).shape == (31, 6)
    train[:] = 0
    np.testing.assert_array_equal(drawing(model, 30, seeded(1)), written)


def test_counts_may_be_drawn_too():
    train = np.minimum(seeded(23).geometric(0.3, (50, 6)) - 1, 9)
    drawn = FitNGram(3, 10)(train).statistics(12, seeded(1))
    assert isinstance(drawn, NGramCounts) and drawn.size == 12
    lineage = recurse(
        Corpus(train), FitNGram(3, 10), sample_size=50, generations=2, rng=1, policy=accumulate
    )
    raw = recurse(
        Corpus(train),
        FitNGram(3, 10),
        sample_size=50,
        generations=2,
        rng=1,
        policy=accumulate,
        draw=draw_samples,
    )
    assert isinstance(lineage.newest, NGram)
    np.testing.assert_array_equal(
        lineage.newest.log_probabilities(train), raw.newest.log_probabilities(train)
    )
