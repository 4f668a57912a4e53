"""Stored runs of a pretrained network that learned from its own text: ``companion/data/neural``."""

import json
import lzma
from dataclasses import dataclass
from functools import cache

import numpy as np

from companion import datasets

POLICIES = {"replace": "replace", "fresh": "a tenth real", "accumulate": "accumulate"}


@dataclass(frozen=True, eq=False)
class Run:
    """One run of ``tools/recurse_language_model.py``: its folder's `name` and its `record`."""

    name: str
    record: dict

    @property
    def label(self):
        """Policy, decoding and seed in words."""
        chosen = self.record["settings"]
        penalty = f", penalty {chosen['penalty']:g}" if chosen["penalty"] > 1 else ""
        beam = f", {chosen['beams']} beams{penalty}" if chosen["decoding"] == "beam" else ""
        return f"{POLICIES[chosen['policy']]}{beam}, seed {chosen['seed']}"

    @property
    def last(self):
        """The last generation that is stored."""
        return len(self.record["generations"]) - 1

    @property
    def log_losses(self):
        """Mean negative log probability a token of the same held-out blocks, (G, blocks)."""
        return np.array([g["test"]["log losses"] for g in self.record["generations"]])

    def rise(self, generation, since=0):
        """Return by how much each held-out block's log perplexity rose, shape (blocks,)."""
        return self.log_losses[generation] - self.log_losses[since]

    @property
    def judged(self):
        """Perplexity of each written block under generation 0, (G, blocks)."""
        key = "perplexity under generation 0"
        return np.array([g["written"][key] for g in self.record["generations"]])

    def written(self, measure):
        """Return a `measure` of what each generation wrote, such as ``distinct tokens``, (G,)."""
        return np.array([g["written"][measure] for g in self.record["generations"]])

    def blocks(self, generation):
        """Return the token numbers that a generation wrote, shape (blocks, length)."""
        packed = datasets.verified(f"{self.name}/{generation:02}.jsonl.xz", "neural")
        lines = lzma.decompress(packed).decode().rstrip("\n").split("\n")
        return np.array([json.loads(line)["ids"] for line in lines])


@cache
def runs():
    """Return the stored runs, complete or not, a dict from the names of their folders."""
    folders = sorted(p.name for p in (datasets.DATA / "neural").iterdir() if p.is_dir())
    read = {name: datasets.verified(f"{name}/run.json", "neural") for name in folders}
    return {name: Run(name, json.loads(content)) for name, content in read.items()}
