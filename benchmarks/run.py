"""Timings side by side: the recursion against its own floor, and against the loop it replaces.

``python benchmarks/run.py`` prints a table and writes `results.json`, with the circumstances in
`results.meta.json`. Each row is the median of repetitions in which the two sides take turns.
"""

import datetime as dt
import json
import os
import platform
import statistics
import time
import tracemalloc
from pathlib import Path

import numpy as np
import sklearn
from sklearn.mixture import GaussianMixture as Scikit
from threadpoolctl import threadpool_limits

os.environ["TQDM_DISABLE"] = "1"  # read when tqdm is imported

from collapse.models.categorical import Categorical, FitCategorical
from collapse.models.gaussian import FitGaussian, Gaussian
from collapse.models.multivariate_mixture import (
    FitMultivariateGaussianMixture,
    MultivariateGaussianMixture,
)
from collapse.recursion import recurse

SEED, STEPS, HERE = 1, 2000, Path(__file__).parent
THREADS = "one thread on both sides, set by threadpoolctl"


def seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def row(name, ours, peer, low, high, note, *, repetitions=15, scale=1):
    """Time two callables in turns; `scale` multiplies the time of a peer that does less."""
    (label, other), faster = peer, high is None
    ours(), other()
    pairs = [(seconds(ours), seconds(other) * scale) for _ in range(repetitions)]
    mine, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratio = theirs / mine if faster else mine / theirs
    between = f"{low} to {high}" if low else f"at most {high}"
    result = {
        "name": name,
        "ours_seconds": float(f"{mine:.4g}"),
        "peer": label,
        "peer_seconds": float(f"{theirs:.4g}"),
        "ratio": float(f"{ratio:.4g}"),
        "target": f"at least {low}" if faster else between,
        "met": ratio >= low if faster else low <= ratio <= high,
        "note": f"ratio is {'peer / ours' if faster else 'ours / peer'}, medians of {repetitions} "
        f"repetitions in turns; {note}; {THREADS}",
    }
    show(name, f"{mine:.4f}", f"{theirs:.4f}", f"{ratio:.3f}", result["target"], result["met"])
    return result


def show(name, *values):
    print(f"{name:48}", *(f"{value!s:>13}" for value in values), flush=True)


def gaussian(chains, size, keep=()):
    return lambda: recurse(
        Gaussian(0, 1),
        FitGaussian(ddof=1),
        sample_size=size,
        generations=STEPS,
        chains=chains,
        rng=SEED,
        keep=keep,
    )


def bare_draws(chains, size):
    def draw():
        rng = np.random.default_rng(SEED)
        for _ in range(STEPS):
            rng.standard_normal(chains)
            rng.chisquare(size - 1, chains)

    return "the normal and chi-square draws alone", draw


def raw_loop(chains, size, generations):
    """What one writes without the package: raw samples, all chains in one array."""

    def loop():
        rng = np.random.default_rng(SEED)
        mu, sd = np.zeros(chains), np.ones(chains)
        for _ in range(generations):
            x = rng.normal(mu[:, None], sd[:, None], (chains, size))
            mu, sd = x.mean(axis=1), x.std(axis=1, ddof=1)

    return "loop over raw samples, vectorised over chains", loop


def gaussian_rows():
    for chains, most in [(1000, 2), (10_000, 1.25)]:
        ours, kept = gaussian(chains, 100), gaussian(chains, 100, keep=None)
        kept = statistics.median(seconds(kept) for _ in range(5))
        note = f"M = 100, keep=(); {kept:.3g} s when all {STEPS} generations are kept"
        peer = bare_draws(chains, 100)
        yield row(f"{STEPS} Gaussian generations, {chains} chains", ours, peer, 0, most, note)
    for chains in (1000, 10_000):
        huge, peer = gaussian(chains, 10**12), ("ours at M = 100", gaussian(chains, 100))
        note = "numpy draws chi-squares by rejection, at a cost that hardly depends on M"
        yield row(f"M = 10^12 against M = 100, {chains} chains", huge, peer, 0.8, 1.2, note)
    for size, least, steps in [(100, 12, 200), (10_000, 1000, 5)]:
        ours, peer = gaussian(1000, size), raw_loop(1000, size, steps)
        note = f"{STEPS} generations; the peer timed over {steps} and scaled"
        name = f"against raw samples, 1000 chains, M = {size}"
        yield row(name, ours, peer, least, None, note, repetitions=7, scale=STEPS / steps)


def categorical_rows(name, p):
    for steps in (1, 10, 20):
        arguments = {"sample_size": 1000, "generations": steps, "chains": 200, "rng": SEED}
        arguments |= {"reality": Categorical(p), "fit": FitCategorical(len(p))}
        dense = [m.probabilities for m in recurse(**arguments).models[:-1]]

        def bare(dense=dense):
            rng = np.random.default_rng(SEED)
            for probabilities in dense:
                rng.multinomial(1000, probabilities)

        ours = lambda a=arguments: recurse(**a, keep=())  # noqa: E731
        peer = "the multinomial draws alone, from the same dense probabilities", bare
        note = "1000 categories, 200 chains, M = 1000, keep=(); ours draws only what is alive"
        title = f"categorical generations from {name}: {steps}"
        yield row(title, ours, peer, 0, 1.5, note, repetitions=25)


BLOBS = MultivariateGaussianMixture([1 / 3] * 3, [[-2, 0], [2, 0], [0, 3]], np.eye(2))
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
    start = FitMultivariateGaussianMixture(3, start=BLOBS, **HOW)(
        BLOBS.broadcast(100).sample(1000, rng)
    )
    data = start.sample(1000, rng)
    fit, one = (FitMultivariateGaussianMixture(3, start=s, **HOW) for s in (start, start[:1]))
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
    carried_on = FitMultivariateGaussianMixture(3, start=BLOBS, warm_start=True, **HOW)
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
    fit = FitMultivariateGaussianMixture(2, warm_start=True, **HOW)
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


def main():
    show("", "ours / s", "peer / s", "ratio", "target", "met")
    uniform, zipf = np.full(1000, 1e-3), 1 / np.arange(1, 1001)
    results = [*gaussian_rows(), *categorical_rows("uniform", uniform)]
    results += categorical_rows("Zipf", zipf / zipf.sum())
    results += [*mixture_rows(), long_row()]
    meta = {
        "command": "python benchmarks/run.py",
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "seed": SEED,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scikit-learn": sklearn.__version__,
    }
    for name, value in [("results.json", results), ("results.meta.json", meta)]:
        (HERE / name).write_text(json.dumps(value, indent=1) + "\n", encoding="utf8")


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
