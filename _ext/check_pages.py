"""Check every page of a built book: nothing from other hosts, described figures, no dead links.

Usage: python _ext/check_pages.py _build/html
"""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}
# Attributes that make a browser load something, as opposed to the href of <a>.
LOADING = {"src", "srcset", "poster", "data"}
# <link> relations that only name another page.
NAMING = {"next", "prev", "index", "search", "author", "canonical", "license"}
HASH_OR_FILE = re.compile(r"[0-9a-f]{16,}|\S+\.(png|svg|jpe?g|gif)$|_images/")
CSS_LOAD = re.compile(r"""(?:url\(\s*|@import\s+)["']?((?:https?:)?//[^"')\s]+)""")


def is_outside(address):
    """Return whether loading an address asks another host."""
    parts = urlsplit(address.strip())
    return bool(parts.netloc) or parts.scheme in {"http", "https", "ftp", "ws", "wss"}


class Page(HTMLParser):
    """What one page loads, links to, defines and shows."""

    def __init__(self, path):
        super().__init__()
        self.path, self.ids, self.links, self.problems = path, set(), [], []
        self.open, self.figures = [], []
        self.feed(path.read_text(encoding="utf8"))
        self.close()

    def inside(self, tag):
        """Return whether an element of this kind is open."""
        return any(name == tag for name in self.open)

    def handle_starttag(self, tag, attributes):
        """Note what an element loads, links to or defines."""
        attributes = {name: value or "" for name, value in attributes}
        self.ids |= {attributes[key] for key in ("id", "name") if attributes.get(key)}
        for name in LOADING & attributes.keys():
            self.loads(tag, attributes[name])
        if tag == "link" and not NAMING & set(attributes.get("rel", "").split()):
            self.loads(tag, attributes.get("href", ""))
        if tag in {"a", "area"} and "href" in attributes:
            self.links.append(attributes["href"])
        self.check_css(attributes.get("style", ""))
        if tag == "img" and self.inside("article"):
            self.check_alt(attributes)
        if tag == "figure":
            self.figures.append({"caption": False, "number": False})
        if self.figures and tag == "figcaption":
            self.figures[-1]["caption"] = True
        if self.figures and "caption-number" in attributes.get("class", "").split():
            self.figures[-1]["number"] = True
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        """Close an element, and judge a figure when it is complete."""
        if tag in self.open:
            while self.open.pop() != tag:
                pass
        if tag == "figure" and self.figures:
            missing = [part for part, present in self.figures.pop().items() if not present]
            if missing:
                self.problems.append(f"figure without {' and '.join(missing)}")

    def handle_data(self, data):
        """Read the style sheets that are written into the page."""
        if self.inside("style"):
            self.check_css(data)

    def loads(self, tag, address):
        """Complain about something loaded from another host; check that the rest exists."""
        if is_outside(address):
            self.problems.append(f"<{tag}> asks another host: {address}")
        elif address and not address.startswith("data:"):
            self.links.append(address)

    def check_css(self, css):
        """Complain about CSS that loads from another host."""
        self.problems += [f"CSS asks another host: {found}" for found in CSS_LOAD.findall(css)]

    def check_alt(self, attributes):
        """Complain about an image without a description."""
        alt = attributes.get("alt", "").strip()
        if not alt or HASH_OR_FILE.match(alt):
            self.problems.append(f"image without a description: {attributes.get('src', '')[:80]}")


def dead_links(page, pages):
    """Yield the internal links of a page that lead nowhere."""
    for link in page.links:
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            continue
        target = page.path
        if parts.path:
            target = (page.path.parent / unquote(parts.path)).resolve()
        anchor = unquote(parts.fragment)
        if not target.exists():
            yield f"link to a missing file: {link}"
        elif anchor and target in pages and anchor not in pages[target].ids:
            yield f"link to a missing anchor: {link}"


def check(folder):
    """Return the list of everything wrong with the pages and style sheets in a folder."""
    folder = folder.resolve()
    templates = folder / "_static"
    pages = {
        path: Page(path) for path in sorted(folder.rglob("*.html")) if templates not in path.parents
    }
    problems = [] if pages else ["no pages"]
    for path, page in pages.items():
        found = [*page.problems, *dead_links(page, pages)]
        problems += [f"{path.relative_to(folder)}: {problem}" for problem in dict.fromkeys(found)]
    for path in sorted(folder.rglob("*.css")):
        found = CSS_LOAD.findall(path.read_text(encoding="utf8"))
        problems += [f"{path.relative_to(folder)}: asks another host: {url}" for url in found]
    return problems


if __name__ == "__main__":
    problems = check(Path(sys.argv[1]))
    print("\n".join(problems) or "Every page is complete and asks no other host.")
    sys.exit(bool(problems))
