"""Timings side by side: the recursion against what it replaces, and against its own floor.

    python benchmarks/run.py

prints a table and writes `results.json`, with the circumstances in `results.meta.json`. Each row
is the median of several repetitions in which the two sides take turns.
"""

import datetime
import json
import os
import platform
import statistics
import sys
import time
from pathlib import Path

os.environ["TQDM_DISABLE"] = "1"  # before tqdm is imported

import numpy as np
import scipy

from collapse.models.categorical import Categorical, FitCategorical
from collapse.models.gaussian import FitGaussian, Gaussian
from collapse.recursion import recurse

SEED = 1
NOTE = "one thread: numpy's random numbers and elementwise arithmetic use no more"
HERE = Path(__file__).parent


def seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def row(name, ours, peer_name, peer, target, note="", repetitions=7, scale=1):
    """Time two callables in turns; `scale` multiplies the time of a peer that does less."""
    ours(), peer()
    pairs = [(seconds(ours), seconds(peer) * scale) for _ in range(repetitions)]
    mine, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    kind, low, high = target
    ratio = theirs / mine if kind == "at least" else mine / theirs
    text = {
        "at most": f"at most {high}",
        "at least": f"at least {low}",
        "within": f"{low} to {high}",
    }
    what = "peer/ours" if kind == "at least" else "ours/peer"
    note = "; ".join(filter(None, [f"{what}, medians of {repetitions} in turns", note, NOTE]))
    result = {
        "name": name,
        "ours_seconds": float(f"{mine:.4g}"),
        "peer": peer_name,
        "peer_seconds": float(f"{theirs:.4g}"),
        "ratio": float(f"{ratio:.4g}"),
        "target": text[kind],
        "met": low <= ratio <= high,
        "note": note,
    }
    print(
        f"{name:58} {mine:9.4f} s {theirs:10.4f} s {ratio:9.3f}  {result['target']:14}"
        f" {'met' if result['met'] else 'MISSED'}",
        flush=True,
    )
    return result


def gaussian(chains, size, generations, keep=()):
    return lambda: recurse(
        Gaussian(0, 1),
        FitGaussian(ddof=1),
        sample_size=size,
        generations=generations,
        chains=chains,
        rng=SEED,
        keep=keep,
    )


def bare_draws(chains, size, generations):
    def draw():
        rng = np.random.default_rng(SEED)
        for _ in range(generations):
            rng.standard_normal(chains)
            rng.chisquare(size - 1, chains)

    return draw


def raw_loop(chains, size, generations):
    """The loop that one writes without the package, vectorised over chains."""

    def loop():
        rng = np.random.default_rng(SEED)
        mu, sd = np.zeros(chains), np.ones(chains)
        for _ in range(generations):
            x = rng.normal(mu[:, None], sd[:, None], (chains, size))
            mu, sd = x.mean(axis=1), x.std(axis=1, ddof=1)

    return loop


def categorical_rows(name, p, generations, target):
    arguments = {"sample_size": 1000, "generations": generations, "chains": 200, "rng": SEED}
    reality, fit = Categorical(p), FitCategorical(len(p))
    dense = [m.probabilities for m in recurse(reality, fit, **arguments).models[:-1]]

    def bare():
        rng = np.random.default_rng(SEED)
        for probabilities in dense:
            rng.multinomial(1000, probabilities)

    for keep, kept in [((), ""), (None, ", all generations kept")]:
        yield row(
            f"{generations} categorical generations from {name}{kept}",
            lambda keep=keep: recurse(reality, fit, **arguments, keep=keep),
            "the multinomial draw from the same dense probabilities",
            bare,
            target,
            "1000 categories, 200 chains, M = 1000",
            repetitions=15,
        )


def rows():
    steps, bare = 2000, "the normal and chi-square draws alone"
    for chains, most in [(1000, 2), (10_000, 1.25)]:
        name = f"{steps} Gaussian generations, {chains} chains"
        draws = bare_draws(chains, 100, steps)
        target = ("at most", 0, most)
        yield row(name, gaussian(chains, 100, steps), bare, draws, target, "M = 100, keep=()")
    chains = 1000
    name, ours = f"{name[:16]}... ", gaussian(chains, 100, steps, keep=None)
    yield row(
        f"{steps} Gaussian generations, {chains} chains, all kept",
        ours,
        bare,
        bare_draws(chains, 100, steps),
        ("at most", 0, 2),
        "M = 100, every generation kept",
    )
    for chains in (1000, 10_000):
        yield row(
            f"M = 10^12 against M = 100, {chains} chains",
            gaussian(chains, 10**12, steps),
            "ours at M = 100",
            gaussian(chains, 100, steps),
            ("within", 0.8, 1.2),
            "numpy's chi-square draw, by rejection, has a cost that depends a little on M",
        )
    yield row(
        "Gaussian generations, 1000 chains, M = 100",
        gaussian(1000, 100, steps),
        "loop over generations with raw samples of all chains",
        raw_loop(1000, 100, 200),
        ("at least", 12, float("inf")),
        f"peer timed over 200 generations and scaled to {steps}",
        scale=steps / 200,
    )
    yield row(
        "Gaussian generations, 1000 chains, M = 10,000",
        gaussian(1000, 10_000, steps),
        "loop over generations with raw samples of all chains",
        raw_loop(1000, 10_000, 5),
        ("at least", 1000, float("inf")),
        f"peer timed over 5 generations and scaled to {steps}",
        scale=steps / 5,
        repetitions=5,
    )
    uniform, zipf = np.full(1000, 1e-3), 1 / np.arange(1, 1001)
    for name, p in [("uniform", uniform), ("Zipf", zipf / zipf.sum())]:
        for generations in (1, 10, 20):
            yield from categorical_rows(name, p, generations, ("at most", 0, 1.5))


def main():
    results = list(rows())
    meta = {
        "command": "python benchmarks/run.py",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "seed": SEED,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
    }
    for name, value in [("results.json", results), ("results.meta.json", meta)]:
        (HERE / name).write_text(json.dumps(value, indent=1) + "\n", encoding="utf8")
    return 0 if all(result["met"] for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
