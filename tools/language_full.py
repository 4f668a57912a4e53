"""The language experiment at full size, which takes too long for a chapter.

python tools/language_full.py [CHAINS]

Trigram models with modified Kneser-Ney smoothing learn from all training addresses, about 1.4
million words, ten generations of three policies, and one run at a temperature. It takes two to
ten minutes for each chain on one core and up to 2 GB. Writes chapters/language_full.json.
"""

import json
import platform
import sys
import time
from datetime import date
from pathlib import Path

import numpy as np

from collapse.measure.distances import corpus_perplexity, perplexity
from collapse.models.ngram.counts import FitNGram
from collapse.models.ngram.decoding import Ancestral, Temperature
from collapse.policies import KeepReal, accumulate, replace
from companion.datasets import corpus
from companion.experiments.language import Texts, rewrite

SEED, GENERATIONS, SHOWN = 6, 10, (1, 2, 3, 5, 7, 10)
EDGES = np.linspace(0, 5, 101)  # of the decimal logarithm of the perplexity
PATH = Path(__file__).resolve().parents[1] / "chapters" / "language_full.json"


def main(chains):
    """Run, and write what was measured."""
    texts = Texts.of(corpus().documents, np.random.default_rng(SEED))
    fit = FitNGram(3, len(texts.vocabulary))
    first = fit(texts.train)
    runs = {
        "replace": (replace, Ancestral()),
        "keep": (KeepReal(0.1, texts.train), Ancestral()),
        "accumulate": (accumulate, Ancestral()),
        "tempered": (replace, Temperature(0.97)),
    }
    result = {
        "command": f"python tools/language_full.py {chains}",
        "corpus": corpus().name,
        "seed": SEED,
        "date": date.today().isoformat(),
        "versions": {"python": platform.python_version(), "numpy": np.__version__},
        "training blocks": len(texts.train),
        "vocabulary": len(texts.vocabulary),
        "first perplexity": float(corpus_perplexity(first, texts.test)),
        "edges": [EDGES[0], EDGES[-1], len(EDGES)],
        "generations shown": SHOWN,
        "runs": {name: [] for name in runs},
    }
    for chain in range(chains):
        for name, (policy, decoder) in runs.items():
            started = time.perf_counter()
            keep = SHOWN if name in ("replace", "tempered") else ()
            rng = np.random.default_rng([SEED, chain, len(name)])
            options = {"generations": GENERATIONS, "policy": policy, "decoder": decoder}
            lineage = rewrite(texts, fit, rng=rng, keep=keep, **options)
            values = {k: np.round(v[1:, 0], 2).tolist() for k, v in lineage.measured.items()}
            values["histograms"] = []
            for generation in keep:
                text = lineage[generation].generate(5000, rng, decoder, None)[0]
                scores = np.log10(perplexity(first, text))
                values["histograms"].append(np.histogram(scores, EDGES)[0].tolist())
            result["runs"][name].append(values)
            print(chain, name, f"{time.perf_counter() - started:.0f} s", flush=True)
            del lineage
        PATH.write_text(json.dumps(result) + "\n", encoding="utf8")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
