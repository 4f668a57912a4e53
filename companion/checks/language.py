"""Checks of the exact laws of unigram models that learn from their own text."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from collapse.measure.distances import gini_simpson
from collapse.models.categorical import Categorical, FitCategorical
from collapse.recursion import draw_samples, recurse
from collapse.theory import language as theory
from companion.checks.entry import law

SIZE, GENERATIONS, WEIGHT = 30, 4, 20.0
TEXT = 1 / np.arange(1, 13)
TEXT /= TEXT.sum()
PRIOR = TEXT[::-1]
COUNTS = np.repeat([1, 2, 3, 4, 5], 40)
RUN = {"probabilities": TEXT, "sample_size": SIZE, "generations": GENERATIONS}
EARLIER = {"generations": GENERATIONS - 1}
TUNING = {"prior": PRIOR, "weight": WEIGHT}
SETTING = "p ∝ 1/rank, 12 words; M = 30, n = 4; {}"


@dataclass(frozen=True)
class _Tuned:
    """Add a prior law with a weight to the counts; each time the same, or the newest."""

    carried_on: bool
    minimum_size = 1

    def __call__(self, data, prior=PRIOR):
        shares = FitCategorical(len(TEXT))(data).probabilities
        return Categorical((SIZE * shares + WEIGHT * prior) / (SIZE + WEIGHT))

    def prepared(self, newest, rng):  # noqa: ARG002
        """Take the newest law in the place of the pretrained one, from generation 1 on."""
        law = newest.probabilities
        first = np.allclose(law, TEXT)
        return partial(self, prior=law if self.carried_on and not first else PRIOR)


def _newest(rng, fit=None):
    return recurse(
        Categorical(TEXT),
        fit or FitCategorical(len(TEXT)),
        sample_size=SIZE,
        generations=GENERATIONS,
        chains=20_000,
        draw=draw_samples,
        rng=rng,
        keep=(),
    ).newest


def _scored(rng, added=0.5):
    """Return the cross-entropy of reality and the smoothed counts, by chain."""
    counts = SIZE * _newest(rng).probabilities
    return -np.log((counts + added) / (SIZE + added * len(TEXT))) @ TEXT


def _words_kept(rng, chains=400):
    """Return the distinct words of the fourth text, a tenth of which is real."""
    size = COUNTS.sum()
    counts = np.tile(COUNTS, (chains, 1))
    for _ in range(GENERATIONS - 1):
        real = rng.multivariate_hypergeometric(COUNTS, size // 10, size=chains)
        counts = real + rng.multinomial(size - size // 10, counts / size)
    return np.count_nonzero(counts, axis=1)


ENTRIES = (
    law(
        theory.expected_cross_entropy,
        r"-\sum_ip_0(i)\,E\ln\tfrac{k_i+a}{M+aK}",
        SETTING.format("a = 0.5"),
        2621,
        "cross-entropy at n = 4",
        _scored,
        RUN | {"added": 0.5},
        EARLIER,
    ),
    law(
        theory.expected_words,
        r"\sum_c1-(e^{-a_{n-1}}\prod_{j<n-1}(1-s+se^{-a_j}))^c",
        "200 words each 1 to 5 times, M = 600, n = 4; a tenth of the real text kept",
        2625,
        "words at n = 4",
        _words_kept,
        {"counts": COUNTS, "generations": GENERATIONS, "share": 0.1},
        {"share": 0.0},
        status="asymptotic in M",
    ),
    law(
        theory.tuned_probabilities,
        r"(1-u)^np_0+(1-(1-u)^n)\pi,\ u=W/(M+W)",
        SETTING.format("W = 20 of the reversed law, restarted"),
        2622,
        "share of the first word at n = 4",
        lambda rng: _newest(rng, _Tuned(carried_on=False)).probabilities[:, 0],
        RUN | TUNING,
        EARLIER,
        at=(-1, 0),
    ),
    law(
        theory.tuned_gini_simpson,
        r"S'=(1-u)^2[\tfrac1M+(1-\tfrac1M)S]+2u(1-u)\pi\cdot Ep+u^2\pi\cdot\pi",
        SETTING.format("W = 20 of the reversed law, restarted"),
        2623,
        "diversity at n = 4",
        lambda rng: gini_simpson(_newest(rng, _Tuned(carried_on=False))),
        RUN | TUNING,
        (
            "as if carried on",
            lambda: theory.carried_on_gini_simpson(TEXT, SIZE, GENERATIONS, **TUNING)[-1],
        ),
    ),
    law(
        theory.carried_on_gini_simpson,
        r"H'=H\,(1-\tfrac M{(M+W)^2})",
        SETTING.format("W = 20 of the reversed law, carried on"),
        2624,
        "diversity at n = 4",
        lambda rng: gini_simpson(_newest(rng, _Tuned(carried_on=True))),
        RUN | TUNING,
        (
            "as if restarted",
            lambda: theory.tuned_gini_simpson(TEXT, SIZE, GENERATIONS, **TUNING)[-1],
        ),
    ),
)
