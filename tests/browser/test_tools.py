"""The calculator and the explorer, driven in the page and held against the package."""

import re

import numpy as np
import pytest

from collapse.theory import calculator, gaussian, realdata


def number(text):
    return float(re.search(r"[\d.,]+", text).group().replace(",", ""))


def test_calculator_follows_its_sliders(book_page):
    tab = book_page("chapters/realdata.html").tab
    tab.locator(".calculator [name=kept]").fill("80")
    size = 10**4
    exact = size * calculator.fresh_share_for_diversity(0.8, size)
    assert number(tab.locator("[name=diversity]").inner_text()) == pytest.approx(exact, rel=0.05)
    tab.locator(".calculator [name=kept]").press("ArrowRight")
    assert number(tab.locator("[name=diversity]").inner_text()) >= exact * 0.95


@pytest.fixture
def explorer(book_page):
    def open_at(address):
        tab = book_page(f"chapters/explorer.html#{address}").tab
        tab.wait_for_selector(".explorer svg path")
        return tab

    return open_at


def sentence(tab):
    return tab.locator(".explorer .sentence").inner_text()


def test_explorer_opens_at_the_setting_of_its_address(explorer):
    tab = explorer("family=gaussian&size=50&generations=100&ddof=0")
    median = gaussian.std_quantile([0.5], 50, 100, ddof=0)[-1, 0]
    assert f"{100 * median:.0f} % of reality" in sentence(tab)
    assert "sample_size=50" in tab.locator(".explorer .python").text_content()


def test_explorer_draws_chains_band_and_law(explorer):
    tab = explorer("family=words&size=100&generations=50&fresh=2")
    paths = tab.locator(".explorer svg .mark-line path, .explorer svg .mark-area path")
    assert paths.count() == 22
    curve = tab.locator(".explorer svg .mark-line path").last.get_attribute("d")
    points = np.array(re.findall(r"(-?[\d.]+),(-?[\d.]+)", curve), dtype=float)
    kept = realdata.fresh_diversity(100, 50, 2)
    law = np.log(1 / (1 - (1 - 1 / 50) * kept))
    slope, start = np.polyfit(law, points[:, 1], 1)
    assert slope < 0
    np.testing.assert_allclose(points[:, 1], start + slope * law, atol=0.1)  # of a pixel


def test_explorer_is_moved_by_keys_and_keeps_its_state_in_the_address(explorer):
    tab = explorer("family=gaussian&size=100&generations=20")
    before = sentence(tab)
    tab.locator(".explorer [name=size]").focus()
    tab.keyboard.press("ArrowRight")
    tab.wait_for_function(
        "old => document.querySelector('.sentence').textContent !== old", arg=before
    )
    assert "size=200" in tab.url
    assert "200 data" in sentence(tab)


@pytest.mark.parametrize("name", ["chapters/gaussian.html", "chapters/explorer.html"])
def test_pages_can_be_read_without_scripts(context, name):
    from opened import BOOK

    plain = context.browser.new_context(java_script_enabled=False)
    tab = plain.new_page()
    tab.goto(f"{BOOK.as_uri()}/{name}")
    article = tab.locator("article").inner_text()
    if "gaussian" in name:
        assert "\\chi^2" in article  # the mathematics as it is written
        assert tab.locator("article img").count() > 3
    else:
        assert tab.locator(".explorer table").is_visible()
    plain.close()
