"""Seeds: one visible number per chapter or test, shifted together by one environment variable."""

import os

import numpy as np

from collapse import validation


def seeded(seed):
    """Return the generator that belongs to a `seed`, the visible one of a chapter or test.

    There is another for every value of the environment variable ``COLLAPSE_SEED_OFFSET`` (a
    non-negative integer, 0 when unset), so that everything can be run again under other seeds.
    """
    offset = os.environ.get("COLLAPSE_SEED_OFFSET", "0")
    if not offset.isdecimal():
        raise ValueError(f"COLLAPSE_SEED_OFFSET must be a non-negative integer, got {offset!r}")
    return generator([validation.integer("seed", seed, 0), int(offset)])


def generator(rng):
    """Return a generator from a seed, or a generator as it is (SPEC 7); every run has its seed."""
    if isinstance(rng, np.random.Generator):
        return rng
    try:
        if rng is None:
            raise TypeError
        return np.random.default_rng(np.random.SeedSequence(rng))
    except (TypeError, ValueError):
        raise ValueError(
            f"rng must be a non-negative integer seed or a numpy Generator, got {rng!r}"
        ) from None
