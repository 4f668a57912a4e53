"""The whole story on one page: its runs, its numbers and its three figures, in two languages."""

from functools import cache
from types import SimpleNamespace

import numpy as np

from collapse.figures import COLOURS, band, exact, panels
from collapse.measure.distances import alive, effective_number
from collapse.models.categorical import Categorical, FitCategorical
from collapse.models.gaussian import FitGaussian, Gaussian
from collapse.recursion import recurse
from collapse.seeds import seeded
from collapse.theory import detection, gaussian, mixing, realdata
from companion.datasets import state_of_the_union, word_counts

TEXT, WORDS, SIZE, LONG, FRESH = 100_000, 100, 100, 200, (1, 5)
LABELS = {
    "en": {
        "generation": "generation",
        "words": "words that are left",
        "spread": "spread, 1 is reality",
        "median": "median chain",
        "exact": "exact law",
        "kept": "diversity kept",
        "replace": "only machine data",
        "accumulate": "everything is kept",
        "fresh": "{} of 100 from people",
    },
    "it": {
        "generation": "generazione",
        "words": "parole rimaste",
        "spread": "ampiezza (1 = realtà)",
        "median": "catena mediana",
        "exact": "legge esatta",
        "kept": "varietà conservata",
        "replace": "solo dati di macchine",
        "accumulate": "si conserva tutto",
        "fresh": "{} su 100 da persone",
    },
}


def _counts():
    """Return how often each word occurs in the text that the page speaks of."""
    return word_counts([address.text for address in state_of_the_union()])[1]


@cache
def runs():
    """Return the runs of the page: `words`, by name (N + 1, chains), and `spread`, likewise."""
    counts = _counts()
    measure = {"alive": alive, "varied": effective_number}
    words = recurse(
        Categorical(counts / counts.sum()),
        FitCategorical(len(counts)),
        sample_size=TEXT,
        generations=WORDS,
        chains=20,
        rng=seeded(1601),
        keep=(),
        measure=measure,
    )
    bell = recurse(
        Gaussian(mean=0, variance=1),
        FitGaussian(ddof=1),
        sample_size=SIZE,
        generations=LONG,
        chains=1000,
        rng=seeded(1602),
        keep=(),
        measure={"std": lambda model: model.std},
    )
    return SimpleNamespace(words=words.measured, spread=bell.measured["std"])


def numbers():
    """Return every number of the page by name."""
    found, kept = runs(), _kept()
    words = {n: found.words["alive"][n].mean() for n in (0, 1, 10, WORDS)}
    median = {
        size: gaussian.std_quantile([0.5], size, 16 * size, ddof=1)[:, 0] for size in (25, 50)
    }
    return {
        "text": TEXT / 1000,
        "corpus": _counts().sum() / 1e6,
        **{f"words-{n}": value for n, value in words.items()},
        "thousands-0": words[0] / 1000,
        "thousands-1": words[1] / 1000,
        "lost-1": 100 * (1 - words[1] / words[0]),
        "varied-0": found.words["varied"][0].mean(),
        "varied-1": found.words["varied"][1].mean(),
        "varied-last": found.words["varied"][-1].mean(),
        "spread-100": 100 * np.median(found.spread[100]),
        "spread-last": 100 * np.median(found.spread[-1]),
        "above-last": 100 * (found.spread[-1] > 1).mean(),
        **{f"half-{size}": np.argmax(m < 0.5) for size, m in median.items()},
        **{f"kept-{name}": 100 * values[-1] for name, values in kept.items()},
        "power-one": 100 * detection.expected_gaussian_power(1, 1000, 10, level=0.05)[-1],
        "power-many": 100 * detection.expected_gaussian_power(1000, 1000, 10, level=0.05)[-1],
        "filtered": 100 * detection.filtered_share(0.1, 0.9, 0.1),
    }


def _kept():
    """Return the expected diversity under four diets, each (N + 1,)."""
    return {
        "replace": realdata.fresh_diversity(SIZE, LONG, 0),
        "accumulate": mixing.diversity_accumulated(SIZE, LONG),
        **{f"fresh-{k}": realdata.fresh_diversity(SIZE, LONG, k) for k in FRESH},
    }


def words_left(language):
    """Draw how many different words are left."""
    label, values = LABELS[language], runs().words["alive"]
    fig, ax = panels(height=3)
    band(ax, np.arange(WORDS + 1), values, "replace", None)
    ax.set(yscale="log", xlabel=label["generation"], ylabel=label["words"], xlim=(0, WORDS))
    return fig


def spread(language):
    """Draw the standard deviation of a Gaussian, simulated and exact."""
    label, n = LABELS[language], np.arange(LONG + 1)
    fig, ax = panels(height=3)
    band(ax, n, runs().spread, "ddof=1", label["median"])
    exact(ax, n, gaussian.std_quantile([0.5], SIZE, LONG, ddof=1), label["exact"])
    ax.set(xlabel=label["generation"], ylabel=label["spread"], xlim=(0, LONG), ylim=(0, None))
    ax.legend()
    return fig


def diets(language):
    """Draw the diversity that four ways to feed the next generation keep."""
    label, looks = LABELS[language], {"replace": "replace", "accumulate": "accumulate"}
    fig, ax = panels(height=3)
    for name, values in _kept().items():
        rule, _, fresh = name.partition("-")
        style = {"color": COLOURS[looks.get(rule, "reality")], "ls": ":" if fresh == "1" else "-"}
        ax.plot(values, label=label[rule].format(fresh), **style)
    ax.set(xlabel=label["generation"], ylabel=label["kept"], xlim=(0, LONG), ylim=(0, 1.02))
    ax.legend(fontsize=9)
    return fig
