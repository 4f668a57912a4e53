"""Sphinx extension: figures as large as they were drawn, so that their type has one size."""

from pathlib import Path

from docutils import nodes
from PIL import Image

INCH = 100  # pixels, so that labels of 11 points are as large as the text, and no larger


def size_figures(app, doctree, docname):
    """Give each drawn figure its width on the page."""
    for image in doctree.findall(nodes.image):
        path = Path(app.srcdir) / image["uri"]
        if path.suffix == ".png" and path.exists():
            with Image.open(path) as picture:
                dpi = picture.info.get("dpi")
                if dpi:
                    image["width"] = f"{round(picture.width / dpi[0] * INCH)}px"


def setup(app):
    """Connect to Sphinx."""
    app.connect("doctree-resolved", size_figures)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
