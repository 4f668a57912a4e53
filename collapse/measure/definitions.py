"""Eight meanings of *model collapse* in the literature, each as something that can be computed.

The list of eight is that of Schaeffer et al. (2025), known to us through the column names in their
repository; how a definition is made into a rule, and the limits, are ours. A rule sees a `Record`,
what was measured of many chains under one policy, and returns a curve over the generations. It says
*collapsed* at the first generation on which the curve is beyond its limit.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from collapse.measure.distances import total_variance
from collapse.measure.mixtures import ambiguous_mass, excess_loss, rare_mass

TAIL, NEVER, CERTAINTY = 0.05, 0.001, 0.95


@dataclass(frozen=True, eq=False)
class Record:
    """What the eight definitions look at; arrays run over the kept generations from 1 on.

    Of shape (G, chains): `risks`, a dict with the risk for each sample size, the rest being of the
    first size; `variance`, the total variance over that of reality; `tail`, `unseen` and `between`,
    the mass where reality has its tails, where it hardly ever is, and between its modes.
    `baseline` is the risk of one Gaussian with the moments of reality.
    """

    generations: np.ndarray
    risks: dict
    variance: np.ndarray
    tail: np.ndarray
    unseen: np.ndarray
    between: np.ndarray
    baseline: float


def record(lineages, risk=excess_loss):
    """Measure `lineages` of mixtures, a dict of sample size to lineage, as a `Record`.

    They are of one policy and kept the same generations, among them 1. ``risk(model, truth)`` has
    shape (chains,); by default it is the test loss, in nats.
    """
    first = next(iter(lineages.values()))
    generations = first.generations[1:]
    if not len(generations) or generations[0] != 1:
        raise ValueError(f"lineages must have kept generation 1, got {generations}")
    for size, lineage in lineages.items():
        if not np.array_equal(lineage.generations[1:], generations):
            raise ValueError(f"lineages must have kept the same generations, got others for {size}")
    truth = first[0][0]

    def measured(lineage, function, *arguments):
        return lineage.measure(lambda model: function(model, truth, *arguments))[1:]

    return Record(
        generations,
        {size: measured(lineage, risk) for size, lineage in lineages.items()},
        first.measure(total_variance)[1:] / total_variance(truth),
        measured(first, rare_mass, TAIL),
        measured(first, rare_mass, NEVER),
        measured(first, ambiguous_mass, CERTAINTY),
        float(risk(truth.merged(), truth)),
    )


def _catastrophic_risk(record):
    return np.median(_risk(record), axis=-1) / record.baseline


def _any_increase(record):
    log = np.log(_risk(record))
    return _in_errors(log - log[0])


def _diverging_risk(record):
    """Compare what ln(risk) gains from n/2 to n with half of what it gains from n/4 to n/2.

    They are equal if the risk approaches a limit like 1/n. If it grows like ln n or like a power,
    the first is larger.
    """
    log, values = np.log(_risk(record)), np.full(len(record.generations), np.nan)
    at = {n: i for i, n in enumerate(record.generations)}
    for n, i in at.items():
        if n % 4 == 0 and {n // 2, n // 4} <= at.keys():
            half, quarter = log[at[n // 2]], log[at[n // 4]]
            values[i] = _in_errors((log[i] - half) - 0.5 * (half - quarter))
    return values


def _scaling_law(record):
    """Return the change of the slope of ln(risk) over ln(M) since generation 1, in its errors."""
    sizes = np.log(list(record.risks))
    weights = (sizes - sizes.mean()) / ((sizes - sizes.mean()) ** 2).sum()
    change, variance = 0.0, 0.0
    for weight, risk in zip(weights, record.risks.values(), strict=True):
        gain = np.log(risk) - np.log(risk[0])
        change = change + weight * gain.mean(axis=-1)
        variance = variance + weight**2 * gain.var(axis=-1, ddof=1) / gain.shape[-1]
    with np.errstate(invalid="ignore"):
        return np.nan_to_num(np.abs(change) / np.sqrt(variance))


def _collapsing_variance(record):
    return np.median(record.variance, axis=-1)


def _entangled_modes(record):
    between = np.median(record.between, axis=-1)
    return between / between[0]


def _lost_tails(record):
    return np.median(record.tail, axis=-1) / TAIL


def _hallucinated(record):
    unseen = record.unseen.mean(axis=-1)
    return unseen / unseen[0]


def _risk(record):
    return next(iter(record.risks.values()))


def _in_errors(values):
    """Return the mean over chains in its standard errors, 0 where nothing has changed."""
    with np.errstate(invalid="ignore"):
        error = values.std(axis=-1, ddof=1) / np.sqrt(values.shape[-1])
        return np.nan_to_num(values.mean(axis=-1) / error)


@dataclass(frozen=True)
class Definition:
    """A definition of collapse, its `name`, and the rule that stands for it here.

    `rule` says what is computed and when it says *collapsed*: where ``curve(record)``, an array of
    shape (G,) in the given `unit`, is above its `limit`, or `below` it.
    """

    name: str
    rule: str
    curve: Callable
    unit: str
    limit: float
    below: bool = False

    def collapsed_at(self, record):
        """Return the first kept generation on which the curve is beyond the limit, or None."""
        values = self.curve(record)
        beyond = values < self.limit if self.below else values > self.limit
        return int(record.generations[beyond.argmax()]) if beyond.any() else None


DEFINITIONS = (
    Definition(
        "catastrophic increase of the risk",
        "the median risk is larger than that of one Gaussian with reality's mean and covariance",
        _catastrophic_risk,
        "over one Gaussian's",
        1.0,
    ),
    Definition(
        "any increase of the risk",
        "ln(risk) is larger than at generation 1, by 5 standard errors",
        _any_increase,
        "gain, std. errors",
        5.0,
    ),
    Definition(
        "asymptotically diverging risk",
        "from n/2 to n ln(risk) gains more than half of what it gained from n/4 to n/2, by 5 "
        "standard errors; for a bounded risk that approaches its limit like 1/n it is half",
        _diverging_risk,
        "excess gain, std. errors",
        5.0,
    ),
    Definition(
        "change of the scaling law",
        "the slope of ln(risk) over ln(M) is another than at generation 1, by 5 standard errors",
        _scaling_law,
        "change, std. errors",
        5.0,
    ),
    Definition(
        "collapsing variance",
        "the median variance is below 10 % of reality's",
        _collapsing_variance,
        "share left",
        0.1,
        below=True,
    ),
    Definition(
        "entanglement of modes",
        "the median mass between the modes, where neither has 95 %, is twice that at generation 1",
        _entangled_modes,
        "over generation 1",
        2.0,
    ),
    Definition(
        "disappearance of the tails",
        "the median mass in reality's 5 % tails is below half of what it is in reality",
        _lost_tails,
        "share left",
        0.5,
        below=True,
    ),
    Definition(
        "appearance of hallucinated data",
        "the share of draws where reality has one in a thousand is twice that at generation 1",
        _hallucinated,
        "over generation 1",
        2.0,
    ),
)


def assess(records):
    """Score `records`, a dict of policy to record, by all definitions, as a frame.

    A row for each definition, and a column for each policy with the generation from which it says
    *collapsed*, missing if it does not.
    """
    rows = {
        definition.name: {name: definition.collapsed_at(r) for name, r in records.items()}
        for definition in DEFINITIONS
    }
    return pd.DataFrame(rows).T.astype("Int64").rename_axis("definition")
