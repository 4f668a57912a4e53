"""How time and memory grow with each size of a run, over three decades or more.

``python benchmarks/growth.py`` writes `growth.json`: for each size the seconds of a run (the
shortest of three), the peak of its memory (of one more run, traced), and the exponents of the
power laws that fit their larger half.
"""

import datetime as dt
import json
import os
import platform
import tracemalloc
from pathlib import Path

os.environ["TQDM_DISABLE"] = "1"  # read when tqdm is imported

import numpy as np
from threadpoolctl import threadpool_limits
from timing import SEED, seconds

from collapse.models.categorical import FitCategorical, zipf
from collapse.models.gaussian import FitGaussian, Gaussian
from collapse.models.kde import FitKernelDensity, KernelDensity, scott
from collapse.models.multivariate_gaussian import FitMultivariateGaussian, MultivariateGaussian
from collapse.policies import FreshReal
from collapse.recursion import draw_samples, recurse

OUT = Path(__file__).with_name("growth.json")


def run(reality, fit, sample_size, generations=10, chains=1, **more):
    """Return a run as a callable."""
    options = {"sample_size": sample_size, "generations": generations, "chains": chains, "keep": ()}
    return lambda: recurse(reality, fit, rng=SEED, **options, **more)


def words(categories, sample_size, generations=10, **more):
    return run(zipf(categories), FitCategorical(categories), sample_size, generations, **more)


def gaussian(sample_size, **more):
    return run(Gaussian(0.0, 1.0), FitGaussian(ddof=1), sample_size, **more)


def vectors(dimension):
    reality = MultivariateGaussian(np.zeros(dimension), np.eye(dimension))
    return run(reality, FitMultivariateGaussian(ddof=1), 10 * dimension, 2)


def bumps(sample_size):
    reality = KernelDensity(np.zeros(1), 1.0)
    return run(reality, FitKernelDensity(scott), sample_size, draw=draw_samples)


ROWS = {
    "Gaussian: M": (gaussian, 10.0 ** np.arange(2, 13, 2)),
    "Gaussian: chains": (lambda n: gaussian(100, chains=n), 10.0 ** np.arange(3, 7)),
    "Gaussian: generations": (lambda n: gaussian(100, generations=n), 10.0 ** np.arange(2, 6)),
    "Gaussian vectors: d": (vectors, np.array([2, 6, 20, 60, 200, 600, 2000])),
    "words: M": (lambda m: words(1000, m), 10.0 ** np.arange(3, 13, 3)),
    "words: K": (lambda k: words(k, 10**12), 10.0 ** np.arange(3, 7)),
    "words, 100 fresh: generations": (
        lambda n: words(1000, 10**6, n, policy=FreshReal(number=100)),
        10.0 ** np.arange(1, 5),
    ),
    "words: chains": (lambda n: words(1000, 10**4, 2, chains=n), 10.0 ** np.arange(1, 5)),
    "kernel density, raw data: M": (bumps, 10.0 ** np.arange(3, 7)),
}


def memory(function):
    """Return the peak of the memory that a call takes, in bytes."""
    tracemalloc.start()
    function()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def exponent(sizes, values):
    """Return the slope of a line through the logarithms, over the larger half of the sizes."""
    half = len(sizes) // 2
    return float(np.polyfit(np.log(sizes[half:]), np.log(values[half:]), 1)[0])


def measured(make, sizes):
    """Return a row of the table."""
    runs = [make(int(size)) for size in sizes]
    times = np.array([min(seconds(one) for _ in range(3)) for one in runs])
    peaks = np.array([memory(one) for one in runs])
    return {
        "sizes": sizes.tolist(),
        "seconds": [float(f"{t:.3g}") for t in times],
        "megabytes": [float(f"{p / 1e6:.3g}") for p in peaks],
        "exponent of time": round(exponent(sizes, times), 2),
        "exponent of memory": round(exponent(sizes, peaks), 2),
    }


def main():
    """Measure all rows."""
    rows = {}
    for name, (make, sizes) in ROWS.items():
        rows[name] = measured(make, sizes)
        print(name, rows[name], flush=True)
    known = {"command": "python benchmarks/growth.py", "seed": SEED, "numpy": np.__version__}
    known |= {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "python": platform.python_version(),
    }
    OUT.write_text(json.dumps(known | {"rows": rows}, indent=1) + "\n", encoding="utf8")


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
