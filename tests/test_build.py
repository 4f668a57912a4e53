"""The book re-executes a chapter exactly when something that decides its results has changed."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import check_pages
import companion_build
import nbformat
import pytest
from fingerprint import fingerprint
from jupyter_cache import get_cache

PACKAGE = {
    "__init__.py": "",
    "recursion.py": "from . import rng\n",
    "rng.py": "import numpy\n",
    "rng.js": "const page = true;\n",
    "theory/__init__.py": "",
    "theory/gaussian.py": "from ..rng import spawn\n",
    "theory/words.py": "",
    "../companion/__init__.py": "",
    "../companion/datasets.py": "FILE = 'words.txt'\n",
    "../companion/claims/__init__.py": "NAME = 'statements.toml'\n",
    "../companion/claims/statements.toml": "[C1]\nchecks=['first.all']\n[C2]\nchecks=['other.one']",
    "../companion/claims/first.py": "from collapse.theory import words\n",
    "../companion/claims/other.py": "",
    "../companion/data/words.txt": "a b",
    "../companion/data/letters.txt": "c d",
}
CHAPTERS = {
    "recursion": "from collapse.recursion import run",
    "gaussian": "%matplotlib inline\nimport collapse.theory.gaussian as theory",
    "words": "from collapse.theory import words",
    "ledger": "def table():\n    from companion import claims",
    "verdicts": "from companion.claims import entries\nentries(['C1'])",
    "data": "from companion.datasets import addresses",
    "plain": "import numpy as np",
}


@pytest.fixture
def book(tmp_path):
    for name, code in PACKAGE.items():
        path = tmp_path / "collapse" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code)
    (tmp_path / "requirements.lock").write_text("numpy==2.4.6")
    for name, code in CHAPTERS.items():
        write_chapter(tmp_path / f"{name}.ipynb", code, "Some prose.")
    return tmp_path


def write_chapter(path, code, prose):
    cells = [nbformat.v4.new_markdown_cell(prose), nbformat.v4.new_code_cell(code)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)


def fingerprints(book):
    return {name: fingerprint(book / f"{name}.ipynb", book) for name in CHAPTERS}


@pytest.mark.parametrize(
    ("changed", "affected"),
    [
        ("rng.py", {"recursion", "gaussian"}),
        ("rng.js", {"recursion", "gaussian"}),
        ("recursion.py", {"recursion"}),
        ("theory/gaussian.py", {"gaussian"}),
        ("theory/__init__.py", {"gaussian", "words", "ledger", "verdicts"}),
        ("theory/words.py", {"words", "ledger", "verdicts"}),
        ("../companion/claims/first.py", {"ledger", "verdicts"}),
        ("../companion/claims/other.py", {"ledger"}),
        ("../companion/claims/statements.toml", {"ledger", "verdicts"}),
        ("../companion/datasets.py", {"data"}),
        ("../companion/data/words.txt", {"data"}),
        ("../companion/data/letters.txt", set()),
        ("__init__.py", set(CHAPTERS) - {"plain", "data"}),
        ("../requirements.lock", set(CHAPTERS)),
    ],
)
def test_a_changed_file_affects_the_chapters_that_reach_it(book, changed, affected):
    before = fingerprints(book)
    path = book / "collapse" / changed
    path.write_text(path.read_text() + "# changed\n")
    after = fingerprints(book)
    assert {name for name in CHAPTERS if before[name] != after[name]} == affected


def test_prose_affects_nothing(book):
    before = fingerprints(book)
    for name, code in CHAPTERS.items():
        write_chapter(book / f"{name}.ipynb", code, "Other prose.")
    assert fingerprints(book) == before


def test_the_seed_offset_affects_every_chapter(book, monkeypatch):
    monkeypatch.delenv("COLLAPSE_SEED_OFFSET", raising=False)
    before = fingerprints(book)
    monkeypatch.setenv("COLLAPSE_SEED_OFFSET", "0")
    assert fingerprints(book) == before
    monkeypatch.setenv("COLLAPSE_SEED_OFFSET", "1")
    assert not set(fingerprints(book).values()) & set(before.values())


GOOD = """<html><head><link rel="stylesheet" href="style.css"></head><body><article id="top">
<a href="https://example.org">outside</a> <a href="#top">up</a>
<figure><img src="a.png" alt="A rising curve"><figcaption><span class="caption-number">Fig. 1</span>
</figcaption></figure></article></body></html>"""


@pytest.fixture
def pages(tmp_path):
    (tmp_path / "style.css").write_text("body { background: url(a.png) }")
    (tmp_path / "a.png").write_bytes(b"")
    return tmp_path


def test_a_complete_page_passes(pages):
    (pages / "page.html").write_text(GOOD)
    assert check_pages.check(pages) == []


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('href="style.css"', 'href="https://example.org/style.css"', "asks another host"),
        ('src="a.png"', 'src="//example.org/a.png"', "asks another host"),
        ("<body>", "<body><style>@import 'https://example.org/a.css'</style>", "CSS asks another"),
        ("<body>", "<body><script src='https://example.org/a.js'></script>", "asks another host"),
        (' alt="A rising curve"', "", "without a description"),
        ("A rising curve", "0123456789abcdef0123.png", "without a description"),
        ('class="caption-number"', "", "figure without number"),
        ("figcaption", "div", "figure without caption"),
        ('src="a.png"', 'src="b.png"', "missing file"),
        ('href="#top"', 'href="#bottom"', "missing anchor"),
    ],
)
def test_an_incomplete_page_is_reported(pages, old, new, problem):
    assert old in GOOD
    (pages / "page.html").write_text(GOOD.replace(old, new))
    assert any(problem in found for found in check_pages.check(pages))


def test_a_style_sheet_that_asks_another_host_is_reported(pages):
    (pages / "page.html").write_text(GOOD)
    (pages / "style.css").write_text("@font-face { src: url('https://example.org/font.woff') }")
    assert check_pages.check(pages) == [
        "style.css: asks another host: https://example.org/font.woff"
    ]


@pytest.fixture
def executed(tmp_path):
    """A folder with a chapter from someone else's machine, executed once."""
    folder = tmp_path / "one"
    folder.mkdir()
    write_chapter(folder / "a.ipynb", "1 + 1", "Prose.")
    notebook = nbformat.read(folder / "a.ipynb", 4)
    notebook.metadata["kernelspec"] = {"name": "course", "display_name": "Course"}
    nbformat.write(notebook, folder / "a.ipynb")
    code = "import sys, pathlib, test_build as t; f = pathlib.Path(sys.argv[1])\n"
    code += "t.records(f).execute({'a': f / 'a.ipynb'}, timeout=60)"
    path = os.pathsep.join(map(str, (Path(__file__).parent, Path(companion_build.__file__).parent)))
    subprocess.run(
        [sys.executable, "-c", code, folder], check=True, env=os.environ | {"PYTHONPATH": path}
    )
    return folder


def records(folder):
    """Return what the build of a folder knows, as if it had been started anew."""
    found = companion_build.Chapters()
    found.cache = get_cache(folder / "cache")
    found.state_file = folder / "cache" / "fingerprints.json"
    found.state = {"executed": {}, "built": {}}
    if found.state_file.exists():
        found.state = json.loads(found.state_file.read_text())
    found.now = {"a": "as it is"}
    return found


def test_a_chapter_runs_on_the_kernel_of_the_book_and_a_copy_needs_no_new_results(executed):
    assert records(executed).executed("a", executed / "a.ipynb")
    copy = executed.with_name("a copy, elsewhere")
    shutil.copytree(executed, copy)
    shutil.rmtree(executed)
    there = records(copy)
    assert there.executed("a", copy / "a.ipynb")
    there.now = {"a": "something else"}
    assert not there.executed("a", copy / "a.ipynb")


def test_what_is_built_is_what_is_there(tmp_path):
    for name in ("chapters/kept", "chapters/renamed"):
        for path in (tmp_path / "_sources" / f"{name}.ipynb", tmp_path / f"{name}.html"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("")
    app = SimpleNamespace(outdir=tmp_path, env=SimpleNamespace(found_docs={"chapters/kept"}))
    companion_build.drop_stale_pages(app, None)
    left = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"kept.ipynb", "kept.html"}
