"""Eight definitions of collapse: each flags what it should, and none flags real data."""

from dataclasses import replace as with_

import numpy as np
import pandas as pd
import pytest

from collapse.measure.definitions import DEFINITIONS, Record, assess, record
from collapse.measure.mixtures import excess_loss, sliced_squared_w2
from collapse.models.mixture import FitGaussianMixture, GaussianMixture
from collapse.policies import accumulate, replace
from collapse.recursion import recurse
from collapse.seeds import seeded

TRUTH = GaussianMixture([0.5, 0.5], [-3.0, 3.0], [1.0, 1.0])
FIT = FitGaussianMixture(2, start=TRUTH, warm_start=True, tolerance=1e-3)
KEPT = [1, 2, 4, 8, 16, 32, 64]
NAMES = [definition.name for definition in DEFINITIONS]


def real_data(step, memory, rng):
    """Learn from new draws of reality: the control, which cannot collapse."""
    return step.draw(step.reality, step.size, rng), memory


def lineages(policy, seed, sizes, kept=KEPT, chains=120):
    return {
        size: recurse(
            TRUTH,
            FIT,
            sample_size=size,
            generations=kept[-1],
            chains=chains,
            policy=policy,
            rng=seeded(seed + i),
            keep=kept,
        )
        for i, size in enumerate(sizes)
    }


@pytest.fixture(scope="module")
def table():
    runs = {
        "replace": lineages(replace, 831, (50, 100, 200)),
        "real data": lineages(real_data, 834, (50, 100, 200)),
        "accumulate": lineages(accumulate, 837, (50, 100), KEPT[:-2]),
    }
    return assess({name: record(run) for name, run in runs.items()})


def test_real_data_never_collapse(table):
    assert table["real data"].isna().all(), table


def test_accumulated_data_collapse_by_one_definition_only(table):
    flagged = table.index[table["accumulate"].notna()]
    assert list(flagged) == ["any increase of the risk"], table


def test_replaced_data_collapse_by_all_but_one(table):
    flagged = table["replace"].dropna()
    assert set(NAMES) - set(flagged.index) == {"entanglement of modes"}, table
    assert flagged["any increase of the risk"] == 2
    assert flagged["collapsing variance"] == 64
    assert flagged["disappearance of the tails"] < flagged["collapsing variance"]


GOOD = Record(
    generations=np.array([1, 2, 4, 8]),
    risks={m: np.full((4, 50), 1.0 / m) for m in (10, 100)},
    variance=np.ones((4, 50)),
    tail=np.full((4, 50), 0.05),
    unseen=np.full((4, 50), 0.001),
    between=np.full((4, 50), 0.02),
    baseline=0.5,
)
NOISE = np.exp(0.1 * np.random.default_rng(1).standard_normal((4, 50)))
GROWING = np.array([1.0, 1.0, 10.0, 1000.0])[:, None] * NOISE / 10
BAD = {
    "catastrophic increase of the risk": ({"risks": {10: GROWING}}, 4),
    "any increase of the risk": ({"risks": {10: GROWING}}, 4),
    "asymptotically diverging risk": ({"risks": {10: GROWING}}, 4),
    "change of the scaling law": ({"risks": {10: GROWING, 100: 0.01 * NOISE}}, 4),
    "collapsing variance": ({"variance": np.ones((4, 50)) * [[1], [0.5], [0.2], [0.05]]}, 8),
    "entanglement of modes": (
        {"between": 0.02 * np.array([[1], [1.5], [2.5], [0]] * np.ones(50))},
        4,
    ),
    "disappearance of the tails": ({"tail": 0.05 * np.ones((4, 50)) * [[1], [0.4], [0.6], [1]]}, 2),
    "appearance of hallucinated data": (
        {"unseen": 0.001 * np.array([[3], [4], [5], [7]] * np.ones(50))},
        8,
    ),
}


@pytest.mark.parametrize("definition", DEFINITIONS, ids=NAMES)
def test_each_definition_flags_its_own_collapse(definition):
    assert definition.collapsed_at(GOOD) is None
    changes, generation = BAD[definition.name]
    assert definition.collapsed_at(with_(GOOD, **changes)) == generation


@pytest.mark.parametrize("definition", DEFINITIONS, ids=NAMES)
def test_a_bounded_risk_does_not_diverge(definition):
    # a risk like the accumulated one: 1, 1.25, 1.42, 1.53, with a limit
    n = GOOD.generations[:, None]
    bounded = (1 + 0.65 * (1 - 1 / n)) * 0.1 * NOISE
    scored = with_(GOOD, risks={10: bounded, 100: bounded / 10})
    flagged = definition.collapsed_at(scored) is not None
    assert flagged == (definition.name == "any increase of the risk")


def test_records_are_of_the_first_size_and_of_the_risk_that_is_asked_for():
    runs = lineages(replace, 841, (40, 80), [1, 2], chains=5)
    found = record(runs)
    np.testing.assert_array_equal(found.generations, [1, 2])
    np.testing.assert_allclose(found.risks[80][1], excess_loss(runs[80][2], TRUTH))
    np.testing.assert_allclose(found.variance[1], runs[40][2].variance / TRUTH.variance)
    alone = GaussianMixture([1.0], [0.0], [10.0])
    assert found.baseline == pytest.approx(float(excess_loss(alone, TRUTH)))
    other = record(runs, risk=sliced_squared_w2)
    np.testing.assert_allclose(other.risks[40][0], sliced_squared_w2(runs[40][1], TRUTH))


def test_the_table_has_a_row_for_each_definition():
    table = assess({"good": GOOD})
    assert list(table.index) == NAMES
    assert len(NAMES) == 8
    assert isinstance(table, pd.DataFrame)
    assert all(definition.rule for definition in DEFINITIONS)


def test_lineages_must_match():
    with pytest.raises(ValueError, match="lineages"):
        record(lineages(replace, 851, (40,), [2, 4], chains=2))
    first = lineages(replace, 852, (40,), [1, 2], chains=2)
    second = lineages(replace, 853, (80,), [1, 4], chains=2)
    with pytest.raises(ValueError, match="lineages"):
        record(first | second)
