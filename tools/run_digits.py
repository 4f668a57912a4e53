"""Run the experiment with digits at length, in its four settings, and store what was measured.

    python tools/run_digits.py [--digits FOLDER] [--out companion/data/digits_runs.npz] [...]

FOLDER holds MNIST in its IDX format (train-images-idx3-ubyte and train-labels-idx1-ubyte, plain or
.gz); without it the shipped 5,000 digits are used. As in the paper with all 60,000 digits:

    python tools/run_digits.py --digits FOLDER --held-out 5000 --batch 256 --hidden 400

The book's second file, with four times the training:

    python tools/run_digits.py --settings means draws --generations 10 --epochs 120
        --out companion/data/digits_longer.npz
"""

import argparse
import datetime as dt
import json
import sys
from pathlib import Path

import numpy as np
import scipy

import collapse
from collapse.models.vae import FitVAE
from companion import datasets
from companion.experiments import digits

SHOWN = (1, 2, 5, 10, 20)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--digits", type=Path, help="folder with MNIST in IDX format")
    parser.add_argument("--out", type=Path, default="companion/data/digits_runs.npz")
    parser.add_argument("--settings", nargs="+", choices=digits.SETTINGS, default=digits.SETTINGS)
    parser.add_argument("--held-out", type=int, default=1000)
    parser.add_argument("--generations", type=int, default=20)
    parser.add_argument("--chains", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--latents", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    known, held_out = datasets.digits(options.digits).split(options.held_out)
    judge = digits.Judge(known)
    fit = FitVAE(
        options.latents, hidden=(options.hidden,), epochs=options.epochs, batch=options.batch
    )
    shown = [n for n in SHOWN if n <= options.generations]
    results = {}
    for setting in options.settings:
        rng = np.random.default_rng(options.seed)  # the same first generation in every setting
        lineage = digits.run(
            setting,
            known.images,
            fit,
            generations=options.generations,
            chains=options.chains,
            rng=rng,
        )
        found = digits.measure(lineage, setting, held_out, judge, rng)
        found["pictures"] = np.stack([pictures(lineage[n], rng) for n in shown])
        results |= {f"{setting} {name}": small(array) for name, array in found.items()}
        how = {
            "command": " ".join(["python tools/run_digits.py", *(arguments or sys.argv[1:])]),
            **{k: v for k, v in vars(options).items() if k not in {"digits", "out", "settings"}},
            "pictures": len(known.images),
            "judge": judge.accuracy(held_out),
            "shown": shown,
            "date": dt.datetime.now(dt.UTC).date().isoformat(),
            "versions": {m.__name__: m.__version__ for m in (np, scipy, collapse)},
        }
        np.savez_compressed(options.out, how=json.dumps(how), **results)


def pictures(model, rng, count=10):
    return np.round(255 * model[0].decoded.sample(count, rng)).astype(np.uint8)


def small(array):
    return array if array.dtype == np.uint8 else array.astype(np.float32)


if __name__ == "__main__":
    main()
