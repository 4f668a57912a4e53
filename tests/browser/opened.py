"""A page of the built book in a tab of the browser."""

import os
from pathlib import Path

HERE = Path(__file__).parent
BOOK = Path(os.environ.get("COLLAPSE_BOOK", HERE.parents[1] / "_build" / "html")).resolve()


class Opened:
    """A page of the book by its name, with what went wrong in it: errors, requests elsewhere."""

    def __init__(self, context, name):
        self.tab, self.problems = context.new_page(), []
        self.tab.on("pageerror", lambda error: self.problems.append(f"script error: {error}"))
        self.tab.on("console", self.note_message)
        self.tab.on("request", self.note_request)
        self.tab.goto(f"{BOOK.as_uri()}/{name}")
        self.tab.evaluate("Promise.resolve(window.MathJax?.startup?.promise)")

    def note_message(self, message):
        if message.type == "error":
            self.problems.append(f"console: {message.text}")

    def note_request(self, request):
        if not request.url.startswith(("file:", "data:", "blob:")):
            self.problems.append(f"asks another host: {request.url}")
