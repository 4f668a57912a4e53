"""Every page of the built book, at two widths, light and dark."""

import importlib.resources

import check_pages
import pytest
from opened import BOOK, HERE

WIDTHS, MODES = (1280, 390), ("light", "dark")
PAGES = sorted(
    str(path.relative_to(BOOK))
    for path in BOOK.rglob("*.html")
    if BOOK / "_static" not in path.parents and "http-equiv" not in path.read_text("utf8")[:300]
)


@pytest.fixture(scope="session")
def scripts():
    axe = importlib.resources.files("axe_playwright_python") / "axe.min.js"
    return axe.read_text("utf8"), (HERE / "look.js").read_text("utf8")


def test_the_book_is_built_and_its_links_lead_somewhere():
    assert PAGES, f"no pages in {BOOK}: make book builds them"
    assert check_pages.check(BOOK) == []


@pytest.mark.parametrize("name", PAGES)
def test_page(book_page, scripts, name):
    page = book_page(name)
    for script in scripts:
        page.tab.evaluate(script)
    page.tab.evaluate("look.unfold()")
    page.problems += page.tab.evaluate("look.unrendered()")
    for width in WIDTHS:
        page.tab.set_viewport_size({"width": width, "height": 900})
        page.tab.wait_for_timeout(200)  # what follows the width
        found = page.tab.evaluate("wide => look.cutOff(wide)", width == WIDTHS[0])
        page.problems += [f"{width} px: {problem}" for problem in found]
        for mode in MODES:
            page.tab.evaluate("mode => { document.documentElement.dataset.theme = mode; }", mode)
            found = page.tab.evaluate("look.findings()")
            page.problems += [f"{width} px, {mode}: {problem}" for problem in found]


def test_search_finds_a_word_from_a_file(book_page):
    page = book_page("search.html?q=heterozygosity")
    page.tab.wait_for_selector("#search-results li a")
