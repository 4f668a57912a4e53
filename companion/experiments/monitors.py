"""Which statistic sees a loss first: `collapse.watch` over lineages of this book."""

from functools import partial

import numpy as np
import pandas as pd

from collapse import data as own
from collapse.models.mixture import FitGaussianMixture, GaussianMixture
from collapse.models.ngram.counts import FitNGram
from collapse.models.ppca import FitProbabilisticPCA
from collapse.models.vae import FitVAE
from collapse.recursion import draw_decoded, draw_samples
from collapse.watch import LEVEL, watch
from companion import neural
from companion.datasets import digits

GENERATIONS = (1, 2, 3, 5, 8, 10)
SIZE, BLOCK, KINDS = 6400, 32, 3000
LINEAR = FitProbabilisticPCA(10)
VARIATIONAL = FitVAE(10, hidden=(64,), epochs=20, batch=50, observation="gaussian")


def copied(tokens, rng):
    """Yield the data of each generation: words that are only copied, drawn from the last ones."""
    data = rng.choice(tokens, SIZE)
    while True:
        yield own.labels(data)
        data = rng.choice(data, SIZE)


def trigrams(tokens, rng):
    """Yield the words that each generation of trigrams wrote, after a part of the text."""
    start = rng.integers(max(len(tokens) - SIZE, 1))
    data = np.minimum(np.resize(tokens[start:], SIZE), KINDS - 1).reshape(-1, BLOCK)
    fit = FitNGram(3, KINDS)
    while True:
        yield own.labels(data.ravel())
        data = fit(data).sample(len(data), rng)


def mixture(_, rng):
    """Yield numbers: two overlapping blobs, and mixtures fitted by EM, 500 of them each."""
    data = GaussianMixture([0.5, 0.5], [-1.5, 1.5], [1.0, 1.0]).sample(500, rng)
    while True:
        yield own.numbers(data)
        data = FitGaussianMixture(2)(data).sample(500, rng)


def autoencoder(_, rng, fit=LINEAR, draw=draw_samples):
    """Yield pictures along the first axis of the real digits, under a (linear) autoencoder."""
    images = digits().images
    data = images[rng.choice(len(images), 500, replace=False)].astype(float)
    axis = np.linalg.svd(data - data.mean(axis=0), full_matrices=False)[2][0]
    while True:
        yield own.numbers(data @ axis)
        model = fit.prepared(None, rng)(data) if hasattr(fit, "prepared") else fit(data)
        data = draw(model, 500, rng)


def network(_, rng):  # noqa: ARG001
    """Yield the tokens that the pretrained network wrote, as they were stored."""
    run = neural.runs()["replace-1"]
    for generation in range(run.last + 1):
        yield own.labels(run.blocks(generation).ravel())


LINEAGES = {
    "words, only copied": (copied, 6),
    "mixture of Gaussians, EM": (mixture, 6),
    "linear autoencoder, digits": (autoencoder, 3),
    "variational autoencoder, digits": (
        partial(autoencoder, fit=VARIATIONAL, draw=draw_decoded),
        3,
    ),
    "trigrams": (trigrams, 6),
    "pretrained network (stored)": (network, 1),
}


def p_values(lineage, tokens, rng):
    """Return the p values of one run, by generation, a frame with a column for each statistic."""
    samples, rows = lineage(tokens, rng), {}
    old = next(samples)
    for generation, new in zip(range(1, GENERATIONS[-1] + 1), samples, strict=False):
        if generation in GENERATIONS:
            found = watch(old, new, draws=199, rng=rng).rows
            rows[generation] = {name: row["p"] for name, row in found.items()}
    return pd.DataFrame(rows).T


def alarms(tokens, rng):
    """Return the first generation in which at least half of the runs call a statistic lost."""
    table = {}
    for name, (lineage, runs) in LINEAGES.items():
        frames = [p_values(lineage, tokens, rng) for _ in range(runs)]
        lost = np.mean([frame < LEVEL / 4 for frame in frames], axis=0) >= 0.5
        first = [str(GENERATIONS[column.argmax()]) if column.any() else "none" for column in lost.T]
        table[name] = dict(zip(frames[0], first, strict=True))
    return pd.DataFrame(table).fillna("–")
