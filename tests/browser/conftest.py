"""Tests of the built book in a browser: ``make test-browser``, never part of ``make test``."""

import os
import shutil
from pathlib import Path

import pytest

HERE = Path(__file__).parent
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def pytest_ignore_collect(collection_path, config):
    """Leave these tests out, unless they are asked for by their folder or file."""
    asked = [Path(argument.split("::")[0]).resolve() for argument in config.args]
    return None if any(path == HERE or HERE in path.parents for path in asked) else True


@pytest.fixture(scope="session")
def context():
    """A browser's context, which the pages share."""
    from playwright.sync_api import sync_playwright

    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.fail("no Chromium: install it, or name one in CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        context.set_default_timeout(60_000)
        yield context
        browser.close()


@pytest.fixture
def book_page(context):
    """Open a page of the book by its name; the test fails on what went wrong in it."""
    from opened import Opened

    pages = []

    def open_page(name):
        pages.append(Opened(context, name))
        return pages[-1]

    yield open_page
    for page in pages:
        page.tab.close()
    assert [problem for page in pages for problem in page.problems] == []
