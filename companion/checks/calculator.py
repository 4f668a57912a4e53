"""Checks of the calculator of fresh real data: at its answers, the recursion does as it says."""

import numpy as np

from collapse.theory import calculator as theory
from companion.checks.entry import law

REALITY, SIZE, KEPT = np.array([0.2, 0.3, 0.5]), 30, 0.7
ITEM = {"probability": 0.002, "sample_size": 1500}
SHARE, PRESENCE = 0.05, 0.6
FRESH = theory.fresh_share_for_diversity(KEPT, SIZE)
ITEM_FRESH = theory.fresh_share_for_item(**ITEM, presence=PRESENCE)


def _diversity(rng, share, chains=20_000, generations=60):
    """Return the diversity of categorical models whose training data are fresh with `share`."""
    model = np.tile(REALITY, (chains, 1))
    for _ in range(generations):
        model = rng.multinomial(SIZE, share * REALITY + (1 - share) * model) / SIZE
    return (1 - (model**2).sum(axis=-1)) / (1 - REALITY @ REALITY)


def _present(rng, share, chains=20_000):
    """Return whether an item is in the training set, ten mean relaxation times after reality."""
    p, size = ITEM["probability"], ITEM["sample_size"]
    model = np.full(chains, p)
    for _ in range(int(10 / share)):
        model = rng.binomial(size, share * p + (1 - share) * model) / size
    return model > 0


def _lifetimes(rng, chains=200_000):
    """Return for how many generations the copies of one item go on."""
    copies, total = np.ones(chains, dtype=np.int64), np.zeros(chains)
    while copies.any():
        total += copies > 0
        copies = rng.poisson((1 - SHARE) * copies)
    return total


def _without_copies(share):
    """Return how often fresh data alone bring the item."""
    return 1 - (1 - share * ITEM["probability"]) ** ITEM["sample_size"]


ENTRIES = (
    law(
        theory.fresh_share_for_diversity,
        r"x/(1+\sqrt{1-x}),\ x=\tfrac{s}{(1-s)(M-1)}",
        "K = 3; M = 30, n = 60; fresh data as the calculator says for s = 0.7",
        7701,
        "diversity over that of reality",
        lambda rng: _diversity(rng, FRESH),
        {"kept": KEPT, "sample_size": SIZE},
        ("only the fresh data count: 1 - 1/(M u)", 1 - 1 / (SIZE * FRESH)),
        of=lambda _: KEPT,
    ),
    law(
        theory.lifetime,
        r"\sum_t h_t,\ h_{t+1}=1-e^{-(1-u)h_t}",
        "an item with a Poisson number of copies, mean 0.95, in each generation",
        7702,
        "generations until the last copy",
        _lifetimes,
        {"fresh_share": SHARE},
        ("the expected number of copies, 1/u", 1 / SHARE),
        status="asymptotic in M",
    ),
    law(
        theory.presence_probability,
        r"1-e^{-Mup\,L(u)}",
        "p = 0.002; M = 1500, u = 0.05, n = 200",
        7703,
        "share of training sets with the item",
        lambda rng: _present(rng, SHARE),
        ITEM | {"fresh_share": SHARE},
        ("the fresh data alone", _without_copies(SHARE)),
        status="asymptotic for small p",
    ),
    law(
        theory.fresh_share_for_item,
        r"u\,L(u)=-\ln(1-q)/(Mp)",
        "p = 0.002; M = 1500; fresh data as the calculator says for q = 0.6",
        7704,
        "share of training sets with the item",
        lambda rng: _present(rng, ITEM_FRESH),
        ITEM | {"presence": PRESENCE},
        ("the fresh data alone", _without_copies(ITEM_FRESH)),
        of=lambda _: PRESENCE,
        status="asymptotic for small p",
    ),
)
