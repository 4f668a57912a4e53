"""The mixture experiment: what it measures, and what ships of its large runs."""

import numpy as np
import pytest

from collapse.seeds import seeded
from companion.experiments.mixture import (
    REALITIES,
    component_spread,
    measures,
    run,
    stored,
    summary,
)

each_reality = pytest.mark.parametrize("name", REALITIES)


def small(name, chains=300):
    return run(name, sample_size=30, generations=6, chains=chains, rng=seeded(861), keep=[2, 6])


@each_reality
def test_measures_are_one_for_each_chain(name):
    lineage = small(name, chains=4)
    truth = REALITIES[name]
    for function in measures(truth).values():
        assert function(lineage.newest).shape == (4,)
    known = {"variance": 1, "log L2": -np.inf, "sliced W2": 0, "weight": truth.weights.min()}
    for key, value in known.items():
        assert measures(truth)[key](truth) == pytest.approx(value)
    assert measures(truth)["tail"](truth) == pytest.approx(0.05, abs=0.005)


def test_spread_is_the_root_of_the_mean_variance_inside():
    model = small("overlapping", chains=3).newest
    inside = np.trace(model.covariances, axis1=-2, axis2=-1) / 2
    np.testing.assert_allclose(component_spread(model) ** 2, (model.weights * inside).sum(axis=-1))


def test_summary_has_quantiles_and_mean():
    lineage = small("separated")
    rows = summary(lineage)["weight"]
    weights = lineage.measure(lambda model: model.weights.min(axis=-1))[1:]
    np.testing.assert_allclose(rows[:, 1], np.median(weights, axis=-1))
    np.testing.assert_allclose(rows[:, 3], weights.mean(axis=-1))
    assert (rows[:, 0] <= rows[:, 1]).all() and (rows[:, 1] <= rows[:, 2]).all()


def test_stored_runs_are_complete_and_follow_the_exact_laws():
    runs, meta = stored()
    assert {"command", "date", "versions"} <= meta.keys()
    found = {(entry["reality"], entry["sample_size"]) for entry in runs}
    assert found == {(name, size) for name in REALITIES for size in (500, 1000, 10_000)}
    assert len({entry["seed"] for entry in runs}) == len(runs)
    for entry in runs:
        n, size = entry["generations"], entry["sample_size"]
        assert n[-1] == 2000
        assert {50, 100, 150, 200, 350} <= set(n)
        assert entry["summary"].keys() == measures(REALITIES["separated"]).keys()
        assert all(rows.shape == (len(n), 4) for rows in entry["summary"].values())
        # its standard deviation is sqrt(2n/M) for one Gaussian on the line, and smaller elsewhere
        at = np.flatnonzero(n <= size / 10)[-1]
        error = np.sqrt(2 * n[at] / size / entry["chains"])
        left = entry["summary"]["variance"][at, 3]
        assert abs(left - (1 - 1 / size) ** n[at]) < 5 * error
        if entry["reality"] == "separated":
            modes = entry["summary"]["modes"][:, 3]
            # to lose 0.45 of 0.5 by then, a weight has to go six standard deviations
            assert (modes[n <= size / 50] == 2).all()
            # where both are alive the product of the weights, of known mean, is large
            both = min(0.25 * (1 - 1 / size) ** 2000 / (0.05 * 0.95), 1)
            assert modes[-1] < 1 + both + 5 * np.sqrt(both * (1 - both) / entry["chains"])


def test_unknown_reality():
    with pytest.raises(ValueError, match="name"):
        run("two blobs", sample_size=10, generations=1, chains=1, rng=1, keep=())
