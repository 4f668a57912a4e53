"""The calculator of fresh real data: its laws, its table, and the script that a page runs."""

import json
import math
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from harness import assert_agrees, assert_refutes
from hypothesis import given
from hypothesis import strategies as st
from py_mini_racer import MiniRacer

from collapse.seeds import seeded
from collapse.theory import calculator as theory
from companion.calculator import Calculator

SCRIPT = Path(__file__).parents[1] / "companion" / "calculator.js"


def diversity_in_the_long_run(share, size):
    some_fresh = share * (2 - share)  # of two training data
    return (1 - 1 / size) * some_fresh / (1 / size + (1 - 1 / size) * some_fresh)


@given(st.integers(2, 10**12), st.floats(1e-6, 1))
def test_diversity_is_the_inverse_of_the_law(size, part):
    kept = part * (1 - 1 / size)
    share = theory.fresh_share_for_diversity(kept, size)
    assert 0 < share <= 1
    assert diversity_in_the_long_run(share, size) == pytest.approx(kept, rel=1e-6)


def test_all_that_can_be_kept_takes_real_data_alone():
    assert theory.fresh_share_for_diversity(0.99, 100) == pytest.approx(1)
    with pytest.raises(ValueError, match=r"kept must be .*0\.99"):
        theory.fresh_share_for_diversity(0.991, 100)


def test_diversity_is_cheap_whatever_the_sample_size():
    for size in (10**3, 10**6, 10**12):
        fresh = size * theory.fresh_share_for_diversity(0.9, size)
        assert fresh == pytest.approx(4.5, rel=10 / size)


@pytest.mark.parametrize("share", [1.0, 0.9, 0.3, 0.01, 1e-4])
def test_lifetime_is_the_sum(share):
    alive, terms = 1.0, []
    while alive * share > 1e-12 or len(terms) < 3:
        terms.append(alive)
        alive = 1 - math.exp(-(1 - share) * alive)
    assert theory.lifetime(share) == pytest.approx(math.fsum(terms), rel=1e-5)


def test_lifetime_is_logarithmic_in_the_share():
    for share in (1e-4, 1e-8, 1e-12):
        difference = theory.lifetime(share) - 2 * math.log1p(1 / (2 * share))
        assert difference == pytest.approx(0.2018, abs=1e-3)


@given(st.floats(1e-9, 0.1), st.integers(1, 10**9), st.floats(0.01, 0.99))
def test_item_is_the_inverse_of_the_presence(p, size, part):
    presence = part * -math.expm1(-size * p)
    if presence > 1e-9:
        share = theory.fresh_share_for_item(p, size, presence)
        assert theory.presence_probability(p, size, share) == pytest.approx(presence, rel=1e-6)


@pytest.mark.parametrize("setting", range(10))
def test_answers_for_diversity_at_ten_random_settings(setting):
    rng = seeded(7710 + setting)
    size, kept = int(rng.integers(10, 80)), rng.uniform(0.3, 0.85)
    p = rng.dirichlet(np.full(4, 5))
    share = theory.fresh_share_for_diversity(kept, size)
    model = np.tile(p, (6000, 1))
    for _ in range(int(12 / (2 * share + 1 / size))):
        model = rng.multinomial(size, share * p + (1 - share) * model) / size
    left = (1 - (model**2).sum(axis=-1)) / (1 - p @ p)
    assert_agrees(left, kept)
    assert_refutes(left, diversity_in_the_long_run(1.5 * share, size))


@pytest.mark.parametrize("setting", range(10))
def test_answers_for_items_at_ten_random_settings(setting):
    rng = seeded(7730 + setting)
    p, presence = 10 ** rng.uniform(-3.7, -2.7), rng.uniform(0.3, 0.9)
    size = int(rng.uniform(3, 20) / p)
    share = theory.fresh_share_for_item(p, size, presence)
    model = np.full(8000, p)
    for _ in range(int(8 / share)):
        model = rng.binomial(size, share * p + (1 - share) * model) / size
    assert_agrees(model > 0, presence)
    assert_refutes(model > 0, theory.presence_probability(p, size, 0.7 * share))


def test_presence_is_a_lower_bound_for_common_items():
    rng, share, size = seeded(7740), 0.02, 20
    model = np.full(20_000, 0.3)
    for _ in range(400):
        model = rng.binomial(size, share * 0.3 + (1 - share) * model) / size
    bound = theory.presence_probability(0.3, size, share)
    assert (model > 0).mean() > bound + 5 * (0.5 / 20_000**0.5)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: theory.fresh_share_for_diversity(0.0, 10), "kept"),
        (lambda: theory.fresh_share_for_diversity(0.5, 1), "sample_size"),
        (lambda: theory.lifetime(0.0), "fresh_share"),
        (lambda: theory.lifetime(1.1), "fresh_share"),
        (lambda: theory.presence_probability(1.2, 10, 0.1), "probability"),
        (lambda: theory.presence_probability(0.2, 0, 0.1), "sample_size"),
        (lambda: theory.presence_probability(0.2, 10, "a"), "fresh_share"),
        (lambda: theory.fresh_share_for_item(0.0, 10, 0.5), "probability"),
        (lambda: theory.fresh_share_for_item(0.01, 100, 0.7), "presence"),
        (lambda: theory.fresh_share_for_item(0.01, 0, 0.7), "sample_size"),
    ],
)
def test_bad_input_is_refused(call, name):
    with pytest.raises(ValueError, match=f"^{name} must be"):
        call()


class Controls(HTMLParser):
    """The controls of the page, whether each has a label, and the tags left open."""

    def __init__(self, html):
        super().__init__()
        self.open, self.labelled = [], {}
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "input":
            self.labelled[attributes["name"]] = "label" in self.open
        else:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_has_labelled_controls_a_table_and_asks_nobody():
    html = Calculator()._repr_html_()
    page = Controls(html)
    assert page.open == []
    assert page.labelled == {"size": True, "kept": True, "odds": True, "presence": True}
    assert not any(text in html for text in ("://", "src=", "href=", "@import"))
    for cell in ("4.5", "impossible", "1,000,000"):
        assert f">{cell}<" in html
    assert html == Calculator()._repr_html_()


def test_the_table_without_a_page():
    head, *rows = Calculator().table()
    assert [row[0] for row in rows] == ["100", "10,000", "1,000,000"]
    assert all(len(row) == len(head) for row in rows)
    assert [row[2] for row in rows] == ["4.7", "4.5", "4.5"]
    assert repr(Calculator()).count("\n") == 3


def test_the_script_computes_what_the_package_does():
    rng, cases = seeded(7750), []
    for _ in range(60):
        size, p = round(10 ** rng.uniform(1, 9)), 10 ** rng.uniform(-9, -1)
        kept, presence = rng.uniform(0.1, 1, 2)
        cases.append((size, p, min(kept, 1 - 1 / size), presence * -math.expm1(-size * p)))
    engine = MiniRacer()
    engine.eval(SCRIPT.read_text("utf-8"))
    engine.eval(
        """
        const answers = cases => JSON.stringify(cases.map(([size, p, kept, presence]) =>
          [freshShareForDiversity(kept, size), freshShareForItem(p, size, presence)]));
        """
    )
    result = json.loads(engine.eval(f"answers({json.dumps(cases)})"))
    (none,) = json.loads(engine.eval("answers([[100, 1e-3, 0.999, 0.9]])"))
    assert none == [None, None]  # not a number
    expected = [
        (theory.fresh_share_for_diversity(kept, size), theory.fresh_share_for_item(p, size, q))
        for size, p, kept, q in cases
    ]
    np.testing.assert_allclose(result, expected, rtol=1e-7)
