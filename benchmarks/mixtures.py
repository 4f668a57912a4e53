"""Gaussian mixtures beside scikit-learn's."""

import tracemalloc

import numpy as np
from sklearn.mixture import GaussianMixture as Scikit
from timing import SEED, row, seconds, show

from collapse.models.mixture import FitGaussianMixture, GaussianMixture
from collapse.recursion import recurse

STEPS = 2000

BLOBS = GaussianMixture([1 / 3] * 3, [[-2, 0], [2, 0], [0, 3]], covariances=np.eye(2))

HOW = {"tolerance": 1e-3, "regulariser": 1e-6}  # what scikit-learn has by default

STARTS = ("weights_init", "means_init", "precisions_init")


def scikit(data, start=None, seed=None):
    """Fit scikit-learn's mixture to one sample, by default or from the parameters of another."""
    given = {} if start is None else dict(zip(STARTS, start, strict=True))
    return Scikit(3, tol=1e-3, reg_covar=1e-6, random_state=seed, **given).fit(data)


def scikit_chain(chains, generations):
    """The loop over generations that one writes with scikit-learn, warm-started."""
    for chain in range(chains):
        start = (BLOBS.weights, BLOBS.means, np.linalg.inv(BLOBS.covariances))
        data = BLOBS.sample(1000, np.random.default_rng(chain))
        for generation in range(generations):
            fitted = scikit(data, start, seed=1000 * chain + generation)
            start = (fitted.weights_, fitted.means_, fitted.precisions_)
            data, _ = fitted.sample(1000)


def mixture_rows():
    rng, few = np.random.default_rng(SEED), 10
    start = FitGaussianMixture(3, "full", start=BLOBS, **HOW)(
        BLOBS.broadcast(100).sample(1000, rng)
    )
    data = start.sample(1000, rng)
    fit, one = (FitGaussianMixture(3, "full", start=s, **HOW) for s in (start, start[:1]))
    parts = [*zip(start.weights, start.means, np.linalg.inv(start.covariances), strict=True)]
    warm = lambda: [scikit(data[i], parts[i]) for i in range(few)]  # noqa: E731
    cold = lambda: [scikit(data[i], seed=i) for i in range(few)]  # noqa: E731
    steps = [f"{np.mean([m.n_iter_ for m in peer()]):.1f}" for peer in (warm, cold)]
    mine = fit(data).report.iterations
    ours = f"{mine.mean():.1f} steps of EM (the first {few}: {mine[:few].mean():.1f})"
    note = f"k = 3, d = 2, M = 1000, the same data, {ours}; the peer timed over {few} chains"
    scale = {"repetitions": 11, "scale": 100 / few}
    peer = f"scikit-learn from the same start, {steps[0]} steps", warm
    yield row("100 mixtures, warm start", lambda: fit(data), peer, 8, None, note, **scale)
    peer = f"scikit-learn from its default start, {steps[1]} steps", cold
    yield row("100 mixtures, default start", lambda: fit(data), peer, 25, None, note, **scale)
    peer = "scikit-learn from the same start", lambda: scikit(data[0], parts[0])
    note = "k = 3, d = 2, M = 1000, the same data"
    yield row("one mixture, warm start", lambda: one(data[:1]), peer, 1, None, note)
    carried_on = FitGaussianMixture(3, "full", start=BLOBS, warm_start=True, **HOW)
    ours = lambda: mixtures(carried_on, 10)  # noqa: E731
    peer = "scikit-learn, warm-started by hand", lambda: scikit_chain(4, 10)
    note = "k = 3, d = 2, M = 1000, draws included; the peer timed over 4 chains"
    name = "10 generations of 100 mixtures, warm start"
    yield row(name, ours, peer, 8, None, note, repetitions=7, scale=100 / 4)


def mixtures(fit, generations):
    sizes = {"sample_size": 1000, "generations": generations, "chains": 100}
    return recurse(BLOBS, fit, **sizes, rng=SEED, keep=())


def long_row():
    """The time and the memory of many generations, against limits of their own."""
    fit = FitGaussianMixture(2, "full", warm_start=True, **HOW)
    tracemalloc.start()
    mixtures(fit, 5)
    memory = tracemalloc.get_traced_memory()[1] / 1e9
    tracemalloc.stop()
    taken = seconds(lambda: mixtures(fit, STEPS))
    result = {
        "name": f"{STEPS} generations of 100 mixtures",
        "ours_seconds": float(f"{taken:.4g}"),
        "peer": "a limit",
        "peer_seconds": 300,
        "ratio": float(f"{taken / 300:.4g}"),
        "target": "at most 1, and 1 GB",
        "met": taken < 300 and memory < 1,
        "note": f"k = 2, d = 2, M = 1000, warm start, keep=(); {memory:.2g} GB at most, in arrays; "
        "timed once, on one thread",
    }
    values = (f"{taken:.1f}", 300, f"{taken / 300:.3f}", result["target"], result["met"])
    show(result["name"], *values)
    return result
