"""Decoding: how the next word is chosen from its law.

A decoder is a callable from laws over the V words, shape (..., V), to laws: each is a small
function of the next-token law, and any other callable of that kind is a decoder too. `Beam` is
not: it changes no law, it searches for a whole sequence. The n-gram models apply the decoders of
this module to all their laws at once, in sparse form, with the same result.

Words are ranked by their probabilities in single precision, so that rounding does not decide
between equal ones, and equally probable words by their numbers: the smaller first.
"""

from dataclasses import dataclass

import numpy as np

from collapse import validation

ROUNDING = 1e-9  # what a sum of probabilities may be off


def _ranking(law):
    return np.argsort(-law.astype(np.float32), axis=-1, kind="stable")


@dataclass(frozen=True)
class Ancestral:
    """Draw from the law as it is."""

    def __call__(self, law):
        """Return the law, shape (..., V)."""
        return law


ANCESTRAL = Ancestral()


@dataclass(frozen=True)
class Temperature:
    """Draw from the law proportional to p^(1/T); a `temperature` T below 1 favours the probable."""

    temperature: float

    def __post_init__(self):
        validation.real("temperature", self.temperature, 0, open_below=True)

    def __call__(self, law):
        """Return the tempered law, shape (..., V)."""
        scaled = (law / law.max(axis=-1, keepdims=True)) ** (1 / self.temperature)
        return scaled / scaled.sum(axis=-1, keepdims=True)


@dataclass(frozen=True)
class TopK:
    """Draw from the `k` most probable words."""

    k: int

    def __post_init__(self):
        validation.integer("k", self.k, 1)

    def __call__(self, law):
        """Return the law cut to k words, shape (..., V)."""
        order = _ranking(law)[..., : self.k]
        kept = np.zeros(law.shape)
        np.put_along_axis(kept, order, np.take_along_axis(law, order, axis=-1), axis=-1)
        return kept / kept.sum(axis=-1, keepdims=True)


class Greedy(TopK):
    """Take the most probable word."""

    def __init__(self):
        super().__init__(1)


@dataclass(frozen=True)
class Nucleus:
    """Draw from the fewest most probable words that reach a `mass` (top-p, Holtzman et al. 2020).

    A word is kept if the words ranked before it have less than this mass.
    """

    mass: float

    def __post_init__(self):
        validation.real("mass", self.mass, 0, 1, open_below=True)

    def __call__(self, law):
        """Return the law cut to the nucleus, shape (..., V)."""
        order = _ranking(law)
        ranked = np.take_along_axis(law, order, axis=-1)
        before = np.cumsum(ranked, axis=-1) - ranked
        inside = before < self.mass - ROUNDING
        inside[..., 0] = True
        kept = np.zeros(law.shape)
        np.put_along_axis(kept, order, np.where(inside, ranked, 0), axis=-1)
        return kept / kept.sum(axis=-1, keepdims=True)


@dataclass(frozen=True)
class Beam:
    """Search for the most probable continuation: the same for the same prompt.

    At each step `width` sequences are kept; the paper's is 5. The log probability of a word that
    has occurred before, in the prompt or since, is multiplied by `penalty`, as in the paper's code
    (2 in the text, 3 in the code); 1 for none.
    """

    width: int = 5
    penalty: float = 1.0

    def __post_init__(self):
        validation.integer("width", self.width, 1)
        validation.real("penalty", self.penalty, 1)

    def search(self, best, prompts, length):
        """Return the best continuation that is found of each prompt (n, P), shape (n, length).

        ``best(tokens, k)`` gives the k most probable words after each row of tokens, or all V, and
        their probabilities, most probable first: two shapes (n, k). Exact in what a step keeps:
        candidates are added until each sequence has as many that have not occurred as the beam is
        wide; no other word can score better. Cost: for each step, k candidates for each of n
        ``width`` sequences, compared with all their words.
        """
        parts = np.array_split(prompts, 1 + len(prompts) * self.width // 2**13)
        return np.concatenate([self._search(best, part, length) for part in parts])

    def _search(self, best, prompts, length):
        n, width = len(prompts), self.width
        tokens = np.repeat(prompts, width, axis=0)
        score = np.where(np.arange(n * width) % width == 0, 0.0, -np.inf).reshape(n, width)
        for _ in range(length):
            words, gain = (a.reshape(n, width, -1) for a in self._candidates(best, tokens))
            total = (score[:, :, None] + gain).reshape(n, -1)
            pick = np.argsort(-total, axis=1, kind="stable")[:, :width]
            score = np.take_along_axis(total, pick, axis=1)
            new = np.take_along_axis(words.reshape(n, -1), pick, axis=1).reshape(-1, 1)
            parent = (np.arange(n)[:, None] * width + pick // words.shape[-1]).ravel()
            tokens = np.concatenate([tokens[parent], new], axis=1)
        return tokens[::width, prompts.shape[1] :]

    def _candidates(self, best, tokens):
        """Return enough candidates for every sequence, and their penalised log probabilities."""
        k = self.width
        while True:
            words, p = best(tokens, k)
            with np.errstate(divide="ignore"):
                gain = np.log(p)
            if self.penalty == 1:
                return words, gain
            repeated = (words[:, :, None] == tokens[:, None, :]).any(axis=-1)
            if words.shape[1] < k or (~repeated).sum(axis=1).min() >= self.width:
                return words, np.where(repeated, self.penalty * gain, gain)
            k *= 2


def draw(law, rng):
    """Draw one word from each law (n, V), shape (n,)."""
    cumulative = np.cumsum(law, axis=-1)
    uniform = rng.random(len(law)) * cumulative[:, -1]
    return (cumulative <= uniform[:, None]).sum(axis=-1)


def continued(next_law, prompts, length, decoder, rng):
    """Continue prompts (n, P) with a decoder, given a model's law: words of shape (n, length).

    ``next_law(tokens)`` gives the laws of the next word after each row of tokens, shape (n, V). The
    `decoder` is one of this module, or any callable from laws to laws. Cost: n V for each word, and
    what the law costs.
    """
    if isinstance(decoder, Beam):

        def best(tokens, k):
            law = next_law(tokens)
            words = _ranking(law)[:, :k]
            return words, np.take_along_axis(law, words, axis=-1)

        return decoder.search(best, prompts, length)
    tokens = prompts
    for _ in range(length):
        word = draw(decoder(next_law(tokens)), rng)
        tokens = np.concatenate([tokens, word[:, None]], axis=1)
    return tokens[:, prompts.shape[1] :]
