"""The explorer: the laws and the chains of its script, held against the package."""

import json
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from harness import assert_agrees, assert_refutes
from py_mini_racer import MiniRacer

from collapse.models.gaussian import FitGaussian, Gaussian
from collapse.policies import accumulate
from collapse.recursion import recurse
from collapse.seeds import seeded
from collapse.theory import gaussian, mixing, realdata
from companion.explorer import Explorer

SCRIPT = Path(__file__).parents[1] / "companion" / "explorer.js"
AT = [0, 1, 2, 5, 10]


@pytest.fixture(scope="module")
def page():
    script = MiniRacer()
    script.eval(SCRIPT.read_text(encoding="utf8"))
    return lambda name, *values: json.loads(
        script.eval(f"JSON.stringify({name}({', '.join(map(json.dumps, values))}))")
    )


def setting(**changed):
    default = {"family": "gaussian", "policy": "replace", "size": 20, "fresh": 0, "ddof": 1}
    return default | {"generations": AT[-1]} | changed


def expected(policy, size, fresh, ddof):
    if policy == "accumulate":
        return mixing.diversity_accumulated(size, AT[-1], ddof=ddof)
    return realdata.biased_moments(fresh, size - fresh, 1, AT[-1], ddof=ddof)[0]


CASES = [("replace", 0), ("replace", 3), ("replace", 20), ("accumulate", 0)]


@pytest.mark.parametrize(("policy", "fresh"), CASES)
@pytest.mark.parametrize("size", [20, 10**6])
@pytest.mark.parametrize("ddof", [0, 1])
def test_the_expected_diversity_is_the_package_s(page, policy, fresh, size, ddof):
    found = page("expectedDiversity", setting(policy=policy, fresh=fresh, size=size, ddof=ddof))
    np.testing.assert_allclose(found, expected(policy, size, fresh, ddof), rtol=1e-12)


@pytest.mark.parametrize("size", [2, 20, 10**6])
@pytest.mark.parametrize("ddof", [0, 1])
def test_the_quantiles_are_the_package_s(page, size, ddof):
    levels = [0.05, 0.5, 0.95]
    found = page("stdQuantiles", {"size": size, "ddof": ddof}, levels, AT)
    exact = gaussian.std_quantile(levels, size, AT[-1], ddof=ddof)[AT]
    np.testing.assert_allclose(found, exact, rtol=1e-8)


@pytest.mark.parametrize(("policy", "fresh"), CASES)
def test_gaussian_chains_follow_the_law(page, policy, fresh):
    chosen = setting(policy=policy, fresh=fresh, ddof=1)
    squared = np.square(page("simulate", chosen, 4000, int(seeded(1).integers(2**31))))
    law = expected(policy, 20, fresh, 1)
    for n in (1, 5):
        assert_agrees(squared[:, n], law[n])
    assert_refutes(squared[:, 5], expected(policy, 20, fresh, 0)[5])


@pytest.mark.parametrize(("policy", "fresh"), CASES)
@pytest.mark.parametrize("size", [20, 3000])
def test_word_chains_follow_the_law(page, policy, fresh, size):
    chosen = setting(family="words", policy=policy, fresh=fresh, size=size)
    agree = 1 / np.array(page("simulate", chosen, 400, int(seeded(2).integers(2**31))))
    law = expected(policy, size, fresh, 0)
    for n in (1, 10):
        assert_agrees(agree[:, n], 1 - (1 - 1 / 50) * law[n])
    if fresh != size:
        assert_refutes(agree[:, 10], 1 - (1 - 1 / 50) * law[1])


def test_the_dashed_line_is_the_median_or_the_mean(page):
    median = gaussian.std_quantile([0.5], 20, AT[-1], ddof=1)[AT, 0]
    np.testing.assert_allclose(page("exactLaw", setting(), AT), median, rtol=1e-8)
    mean = np.sqrt(expected("replace", 20, 3, 1))[AT]
    np.testing.assert_allclose(page("exactLaw", setting(fresh=3), AT), mean)
    words = 1 / (1 - (1 - 1 / 50) * expected("replace", 20, 3, 0)[AT])
    np.testing.assert_allclose(page("exactLaw", setting(family="words", fresh=3), AT), words)


@pytest.mark.parametrize("family", ["words", "gaussian"])
@pytest.mark.parametrize(("policy", "fresh"), CASES)
def test_the_call_runs_and_has_as_many_curves(page, family, policy, fresh):
    names = {}
    exec(page("asPython", setting(family=family, policy=policy, fresh=fresh)), names)
    assert names["curves"].shape[0] == AT[-1] + 1
    assert names["curves"].shape[-1] == 20
    assert np.isfinite(names["curves"]).all()


def test_the_sentence_says_what_is_shown(page):
    found = page("explore", setting(size=100, generations=200))
    median = gaussian.std_quantile([0.5], 100, 200, ddof=1)[200, 0]
    assert f"{100 * median:.0f} % of reality's standard deviation" in found["sentence"]
    assert "Half is gone by generation 1" in found["sentence"]
    assert len(found["at"]) == len(found["law"]) == len(found["band"]) == 51


def test_expected_variance_of_accumulated_data_with_either_divisor():
    for ddof, size in ((0, 3), (0.5, 3), (1, 3)):
        fit, chains = FitGaussian(ddof=ddof), 40_000
        reality = Gaussian(mean=0, variance=1)
        how = {"policy": accumulate, "sample_size": size, "generations": 4, "chains": chains}
        variance = recurse(reality, fit, rng=seeded(3), **how).newest.variance
        assert_agrees(variance, mixing.diversity_accumulated(size, 4, ddof=ddof)[-1])
        wrong = mixing.diversity_accumulated(size, 4, ddof=(ddof + 0.5) % 1.5)[-1]
        assert_refutes(variance, wrong)


class Controls(HTMLParser):
    """The names of the controls, and whether each is inside a label."""

    def __init__(self, html):
        super().__init__()
        self.open, self.labelled = [], {}
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        if tag in {"input", "select"}:
            self.labelled[dict(attributes)["name"]] = "label" in self.open
        if tag != "input":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_every_control_has_a_label_and_there_is_a_table_without_the_script():
    controls = Controls(Explorer()._repr_html_().partition("<script")[0])
    assert not controls.open
    assert list(controls.labelled) == ["family", "policy", "ddof", "size", "fresh", "generations"]
    assert all(controls.labelled.values())
    head, *rows = Explorer().table()
    assert rows[1] == ("100", "37 %", "98 %", "68 %", "95 %")
    assert len(head) == len(rows[0])
