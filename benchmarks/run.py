"""Timings side by side: the package against its own floor, and against what it replaces.

``python benchmarks/run.py`` prints a table and writes `results.json`, with the circumstances in
`results.meta.json`. Each row is the median of repetitions in which the two sides take turns.
"""

import datetime as dt
import json
import os
import platform
from pathlib import Path

os.environ["TQDM_DISABLE"] = "1"  # read when tqdm is imported

import nltk
import numpy as np
import sklearn
from autoencoders import vae_rows
from mixtures import long_row, mixture_rows
from neural_language import neural_rows
from ngrams import ngram_rows
from resampling import categorical_rows, gaussian_rows
from threadpoolctl import threadpool_limits
from timing import SEED, show

HERE = Path(__file__).parent


def main():
    show("", "ours / s", "peer / s", "ratio", "target", "met")
    uniform, zipf = np.full(1000, 1e-3), 1 / np.arange(1, 1001)
    results = [*gaussian_rows(), *categorical_rows("uniform", uniform)]
    results += categorical_rows("Zipf", zipf / zipf.sum())
    results += [*mixture_rows(), long_row()]
    results += ngram_rows()
    results += [*vae_rows(), *neural_rows()]
    meta = {
        "command": "python benchmarks/run.py",
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "seed": SEED,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scikit-learn": sklearn.__version__,
        "nltk": nltk.__version__,
    }
    for name, value in [("results.json", results), ("results.meta.json", meta)]:
        (HERE / name).write_text(json.dumps(value, indent=1) + "\n", encoding="utf8")


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
