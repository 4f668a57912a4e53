"""Make the large runs of the mixture experiment, and the summary that the package ships.

``python tools/mixture_runs.py`` writes ``companion/data/mixture_runs.json``. It takes about half an
hour on one core; ``OMP_NUM_THREADS=1`` keeps it there. Runs that the file has already are not made
again. The checksum in ``companion/data/SHA256SUMS`` has to be renewed afterwards.
"""

import datetime as dt
import json
import platform
import time
from pathlib import Path

import numpy as np
import scipy

from collapse.seeds import seeded
from companion.experiments.mixture import REALITIES, run, summary

PATH = Path(__file__).parents[1] / "companion" / "data" / "mixture_runs.json"
CHAINS = {500: 100, 1000: 100, 10_000: 20}
GENERATIONS = np.unique([1, 2, 5, 10, 20, 35, 50, 75, *range(100, 2001, 50)])


def main():
    """Make the runs that are missing, and write after each."""
    data = json.loads(PATH.read_text("utf8")) if PATH.exists() else {"meta": {}, "runs": []}
    done = {(entry["reality"], entry["sample_size"]) for entry in data["runs"]}
    for size, chains in CHAINS.items():
        for i, name in enumerate(REALITIES):
            if (name, size) not in done:
                data["runs"].append(
                    made(name, size, chains, 700 + 10 * i + list(CHAINS).index(size))
                )
                data["meta"] = circumstances()
                PATH.write_text(json.dumps(data) + "\n", "utf8")


def made(name, size, chains, seed):
    """Make one run, and return its summary with four digits."""
    start = time.perf_counter()
    lineage = run(
        name,
        sample_size=size,
        generations=2000,
        chains=chains,
        rng=seeded(seed),
        keep=GENERATIONS,
    )
    rows = {
        key: [[float(f"{x:.4g}") for x in row] for row in table]
        for key, table in summary(lineage).items()
    }
    seconds = round(time.perf_counter() - start)
    print(name, size, chains, seed, f"{seconds} s", flush=True)
    return {
        "reality": name,
        "sample_size": size,
        "chains": chains,
        "seed": seed,
        "seconds": seconds,
        "generations": lineage.generations[1:].tolist(),
        "summary": rows,
    }


def circumstances():
    """Return how the file was made."""
    return {
        "command": "OMP_NUM_THREADS=1 python tools/mixture_runs.py",
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scipy": scipy.__version__,
        },
    }


if __name__ == "__main__":
    main()
