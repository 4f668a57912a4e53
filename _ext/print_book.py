"""Print the built book as one PDF, through Chromium: cover, contents with pages, every chapter.

Usage: python _ext/print_book.py _build/html _build/book.pdf
"""

import os
import re
import shutil
import sys
from pathlib import Path
from urllib.parse import urlsplit

from bs4 import BeautifulSoup

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PAPER = {
    "format": "A4",
    "margin": {"top": "18mm", "bottom": "20mm", "left": "20mm", "right": "20mm"},
}
FOOT = (
    '<div style="width:100%;font:8pt sans-serif;text-align:center">'
    '<span class="pageNumber"></span></div>'
)
STYLE = """
  html, body { font-size: 10.5pt; background: white; }
  section.chapter, .contents { break-before: page; }
  h1, h2, h3, figcaption .caption-number { break-after: avoid; }
  figure, div.math, tr, .proof, .sd-card, .admonition-title { break-inside: avoid; }
  div.proof, div.admonition, figure, table { max-width: 100%; }
  figure img { max-height: 20cm; max-width: 100%; }
  table.dataframe, table.ledger { font-size: 8.5pt; }
  pre { font-size: 8pt; white-space: pre-wrap; }
  a { color: inherit; text-decoration: none; }
  .headerlink, .code-link, details.hide, button, script, .live, .copybtn {
    display: none !important;
  }
  .output, .pst-scrollable-table-container, mjx-container[display], details {
    overflow: visible !important;
  }
  .cover { height: 20cm; display: flex; flex-direction: column; justify-content: center; }
  .contents p { display: flex; margin: 0.25em 0; }
  .contents p.part { font-weight: bold; margin-top: 1em; }
  .contents p span { flex: 1; border-bottom: 1px dotted; margin: 0 0.5em 0.3em; }
  .only section.chapter:not(.now), .only .cover, .only .contents { display: none; }
"""

SHOW = """(stem) => {
  document.documentElement.classList.toggle("only", stem !== null);
  const sections = document.querySelectorAll("section.chapter");
  sections.forEach((section) => section.classList.toggle("now", section.id === stem));
}"""
NUMBER = "([stem, at]) => { document.querySelector(`.of-${stem}`).textContent = at; }"
# As wide as the paper between its margins, where formulas shrink as they do on a narrow page.
FIT = """() => {
  document.body.style.width = "170mm";
  for (const box of document.querySelectorAll("mjx-container[display]")) {
    const { width } = box.querySelector("svg").getBoundingClientRect();
    const share = box.parentElement.clientWidth / (width + 70); // the number stands beside it
    if (share < 1) box.style.fontSize = `${Math.max(share, 0.6)}em`;
  }
  document.body.style.width = "";
}"""


def chapters(book):
    """Yield (part or None, path) in the order of the table of contents, without the API's list."""
    index = book / "chapters" / "index.html"
    yield None, index
    navigation = BeautifulSoup(index.read_text("utf8"), "html.parser").select_one("nav.bd-links")
    part = None
    for item in navigation.select("p.caption, li > a"):
        if item.name == "p":
            part = item.get_text(strip=True)
        elif item["href"] not in {"#", "api.html"}:
            yield part, (index.parent / item["href"]).resolve()


def section(path, known):
    """Return the article of a page as a section whose anchors are unique in the book."""
    article = BeautifulSoup(path.read_text("utf8"), "html.parser").select_one("article.bd-article")
    for element in article.select("[id]"):
        element["id"] = f"{path.stem}--{element['id']}"
    for link in article.select("a[href]"):
        parts = urlsplit(link["href"])
        stem = Path(parts.path).stem if parts.path else path.stem
        if not parts.scheme and stem in known:
            link["href"] = f"#{stem}--{parts.fragment}" if parts.fragment else f"#{stem}"
    for image in article.select("img[src]"):
        if not image["src"].startswith("data:"):
            image["src"] = (path.parent / image["src"]).resolve().as_uri()
    for box in article.select("details"):
        box["open"] = ""
    article.name, article["class"], article["id"] = "section", ["chapter", "bd-article"], path.stem
    title = article.h1.get_text().rstrip("#").strip()
    return title, str(article)


def whole(book):
    """Return the book as one page, and (part, title, stem) of each chapter."""
    listed = list(chapters(book))
    known = {path.stem for _, path in listed}
    sections = [(part, path.stem, *section(path, known)) for part, path in listed]
    page = BeautifulSoup(listed[0][1].read_text("utf8"), "html.parser")
    for link in page.head.select("link[href], script[src]"):
        name = "href" if link.name == "link" else "src"
        if not urlsplit(link[name]).scheme:
            link[name] = (listed[0][1].parent / link[name].partition("?")[0]).resolve().as_uri()
    kept = [str(tag) for tag in page.head.select("link[rel=stylesheet]")]
    kept += [
        str(tag)
        for tag in page.head.select("script")
        if "athJax" in str(tag) or "tex-svg" in str(tag)
    ]
    rows, last = [], None
    for part, stem, title, _ in sections:
        if part != last:
            rows.append(f'<p class="part">{part}</p>')
        last = part
        rows.append(f'<p><a href="#{stem}">{title}</a><span></span><b class="of-{stem}"></b></p>')
    name = page.title.get_text().strip()
    head = f'<meta charset="utf-8"><title>{name}</title>{"".join(kept)}<style>{STYLE}</style>'
    return (
        f'<!doctype html><html lang="en" data-theme="light"><head>{head}</head><body>'
        f'<div class="cover"><h1>{sections[0][2]}</h1><p>A reproducible companion to Shumailov et '
        "al., <i>AI models collapse when trained on recursively generated data</i>, Nature 631, "
        f'2024</p></div><div class="contents chapter"><h1>Contents</h1>{"".join(rows)}</div>'
        f"{''.join(text for *_, text in sections)}</body></html>"
    ), [stem for _, stem, *_ in sections]


def count(page):
    """Return on how many pages a page of the browser is printed."""
    return len(re.findall(rb"/Type\s*/Page\b", page.pdf(**PAPER)))


def print_book(book, target):
    """Print a built book: each chapter once to count its pages, then all of it."""
    from playwright.sync_api import sync_playwright

    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        sys.exit("The PDF is printed by Chromium: install it, or name one in CHROMIUM.")
    text, stems = whole(book)
    source = target.with_suffix(".html")
    source.write_text(text, encoding="utf8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(600_000)
        page.goto(source.resolve().as_uri())
        page.evaluate("Promise.resolve(window.MathJax?.startup?.promise)")
        page.evaluate(FIT)
        lengths = []
        for stem in stems:
            page.evaluate(SHOW, stem)
            lengths.append(count(page))
        page.evaluate(SHOW, None)
        at = 1 + count(page) - sum(lengths)  # behind cover and contents
        for stem, length in zip(stems, lengths, strict=True):
            page.evaluate(NUMBER, [stem, at])
            at += length
        page.pdf(
            path=target,
            display_header_footer=True,
            header_template="<i></i>",
            footer_template=FOOT,
            outline=True,
            tagged=True,
            **PAPER,
        )
        browser.close()
    source.unlink()
    return at - 1


if __name__ == "__main__":
    book, target = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
    print(f"{print_book(book, target)} pages in {target}")
