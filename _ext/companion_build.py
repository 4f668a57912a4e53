"""Sphinx extension: pages without outside requests, and a cache that sees the package.

The notebook cache of Jupyter Book is keyed on a notebook's code cells. Here each chapter also has a
fingerprint of everything else that decides its results: the modules of the package that it imports,
directly or not, the shipped data if it can reach them, the locked versions, the Python version and
the seed offset. A chapter whose fingerprint changed is executed and rendered again, no other is.
"""

import functools
import importlib.util
import json
import shutil
from pathlib import Path

from fingerprint import fingerprint
from jupyter_cache import get_cache
from jupyter_cache.cache.main import JupyterCacheBase


class Chapters:
    """What was executed and what was built with which fingerprint, kept beside the cache."""

    def read_state(self, app, env, added, changed, removed):
        """Forget the results whose fingerprint changed; name the pages to render again."""
        folder = Path(env.mystnb_config.execution_cache_path)
        cache = get_cache(folder)
        self.state_file = folder / "fingerprints.json"
        self.state = {"executed": {}, "built": {}}
        if self.state_file.exists():
            self.state = json.loads(self.state_file.read_text())
        paths = {name: Path(env.doc2path(name)) for name in sorted(env.found_docs)}
        self.now = {
            name: fingerprint(path, Path(app.srcdir))
            for name, path in paths.items()
            if path.suffix == ".ipynb"
        }
        for name, current in self.now.items():
            if self.state["executed"].get(name) != current:
                for record in cache.list_cache_records():
                    if Path(record.uri) == paths[name]:
                        cache.remove_cache(record.pk)
        return [name for name in self.now if self.state["built"].get(name) != self.now[name]]

    def note_executed(self, app, doctree):
        """Note, page by page, that the cached results are those of this fingerprint."""
        if app.env.docname in self.now:
            self.state["executed"][app.env.docname] = self.now[app.env.docname]
            self.state_file.write_text(json.dumps(self.state, indent=1))

    def note_built(self, app, exception):
        """Note that the pages show the results of these fingerprints."""
        if exception is None:
            self.state["built"] = self.now
            self.state_file.write_text(json.dumps(self.state, indent=1))


def copy_mathjax(app):
    """Copy the one MathJax file that the pages load."""
    carrier = importlib.util.find_spec("sphinx-mathjax-offline").submodule_search_locations[0]
    target = Path(app.outdir) / "_static"
    target.mkdir(parents=True, exist_ok=True)
    shutil.copy(Path(carrier) / "static" / "mathjax" / app.config.mathjax_path, target)


def restyled_pages(app, env, added, changed, removed):
    """Name every page when a style sheet changed, since each page carries its checksum."""
    built = Path(app.outdir) / "_static"
    for path in (Path(app.srcdir) / "_static").iterdir():
        copy = built / path.name
        if not copy.exists() or copy.read_bytes() != path.read_bytes():
            return sorted(env.found_docs)
    return []


def setup(app):
    """Connect to Sphinx."""
    # Captions and alt texts are cell metadata: prose, which neither decides results nor is cached.
    cache = JupyterCacheBase
    cache.create_hashed_notebook = functools.partialmethod(
        cache.create_hashed_notebook, cell_metadata=("tags",)
    )
    cache.merge_match_into_notebook = functools.partialmethod(
        cache.merge_match_into_notebook, cell_meta=()
    )
    chapters = Chapters()
    app.connect("builder-inited", copy_mathjax)
    app.connect("env-get-outdated", chapters.read_state)
    app.connect("env-get-outdated", restyled_pages)
    app.connect("doctree-read", chapters.note_executed)
    app.connect("build-finished", chapters.note_built)
    return {"version": "1", "parallel_read_safe": False, "parallel_write_safe": True}
