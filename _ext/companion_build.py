"""Sphinx extension: pages without outside requests, and a cache that sees the package.

The notebook cache of Jupyter Book is keyed on a notebook's code cells. Here each chapter also has a
fingerprint of everything else that decides its results: the modules of the package that it imports,
directly or not, the shipped data if it can reach them, the locked versions, the Python version and
the seed offset. A chapter whose fingerprint changed is executed and rendered again, no other is.
"""

import functools
import importlib.util
import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import nbformat
from fingerprint import code_of, fingerprint
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.cache.main import JupyterCacheBase
from jupyter_cache.executors.utils import single_nb_execution
from sphinx.errors import ExtensionError
from sphinx.util import logging

logger = logging.getLogger(__name__)


class Chapters:
    """What was executed and what was built with which fingerprint, kept beside the cache.

    Chapters are known by their names, not their addresses: a copied folder needs no new results.
    """

    def read_state(self, app, env, added, changed, removed):
        """Execute the chapters whose fingerprint changed; name the pages to render again."""
        folder = Path(env.mystnb_config.execution_cache_path)
        self.cache = get_cache(folder)
        self.state_file = folder / "fingerprints.json"
        self.state = {"executed": {}, "built": {}}
        if self.state_file.exists():
            self.state = json.loads(self.state_file.read_text())
        paths = {name: Path(env.doc2path(name)) for name in sorted(env.found_docs)}
        paths = {name: path for name, path in paths.items() if path.suffix == ".ipynb"}
        self.now = {name: fingerprint(path, Path(app.srcdir)) for name, path in paths.items()}
        todo = {name: path for name, path in paths.items() if not self.executed(name, path)}
        self.execute(todo, env.mystnb_config.execution_timeout)
        write_data(self.cache, paths.values(), Path(app.outdir) / "_data")
        return [name for name in self.now if self.state["built"].get(name) != self.now[name]]

    def executed(self, name, path):
        """Whether there are results of this chapter with this fingerprint; others are dropped."""
        try:
            record = self.cache.match_cache_notebook(nbformat.read(path, 4))
        except KeyError:
            return False
        if self.state["executed"].get(name) == self.now[name]:
            return True
        self.cache.remove_cache(record.pk)
        return False

    def execute(self, todo, timeout):
        """Execute chapters side by side, the longest first, each on the book's own kernel."""

        def run(path):
            options = {"cwd": str(path.parent), "timeout": timeout, "kernel_name": "python3"}
            return single_nb_execution(nbformat.read(path, 4), allow_errors=False, **options)

        order = sorted(todo, key=lambda name: -len(code_of(todo[name])))
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            runs = {pool.submit(run, todo[name]): name for name in order}
            for done in as_completed(runs):
                name, result = runs[done], done.result()
                if result.err is not None:
                    logger.error("%s\n%s", name, result.exc_string)
                    continue
                logger.info("executed %s in %.0f seconds", name, result.time)
                data = {"execution_seconds": result.time}
                bundle = CacheBundleIn(result.nb, str(todo[name]), data=data)
                self.cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
                self.state["executed"][name] = self.now[name]
                self.state_file.write_text(json.dumps(self.state, indent=1))
                todo.pop(name)
        if todo:
            raise ExtensionError(f"these chapters failed, see above: {', '.join(sorted(todo))}")

    def note_built(self, app, exception):
        """Note that the pages show the results of these fingerprints."""
        if exception is None:
            self.state["built"] = self.now
            self.state_file.write_text(json.dumps(self.state, indent=1))


def write_data(cache, paths, folder):
    """Write the numbers of each figure, which its notebook stores, as a file of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in paths:
        source = nbformat.read(path, 4)
        try:
            executed = cache.get_cache_bundle(cache.match_cache_notebook(source).pk).nb
        except KeyError:  # edited in the meantime: Sphinx executes it again
            continue
        cells = [[c for c in nb.cells if c.cell_type == "code"] for nb in (source, executed)]
        for cell, results in zip(*cells, strict=True):
            name = cell.metadata.get("mystnb", {}).get("figure", {}).get("name")
            for output in results.outputs:
                if name and "text/csv" in output.get("data", {}):
                    (folder / f"{name}.csv").write_text(output["data"]["text/csv"], "utf-8")


def drop_stale_pages(app, exception):
    """Remove the pages of chapters that were removed or renamed: what is built is what is there."""
    sources = Path(app.outdir) / "_sources"
    for source in [path for path in sources.rglob("*") if path.is_file()]:
        name = source.relative_to(sources).with_suffix("").as_posix()
        if name not in app.env.found_docs:
            source.unlink()
            Path(app.outdir, f"{name}.html").unlink(missing_ok=True)


def copy_mathjax(app):
    """Copy the one MathJax file that the pages load."""
    carrier = importlib.util.find_spec("sphinx-mathjax-offline").submodule_search_locations[0]
    target = Path(app.outdir) / "_static"
    target.mkdir(parents=True, exist_ok=True)
    shutil.copy(Path(carrier) / "static" / "mathjax" / app.config.mathjax_path, target)


def bundle_charts(app):
    """Write Vega, Vega-Lite and Vega-Embed into the one file that the explorer's page loads."""
    import vl_convert  # of no use to those who import this module for the cache alone

    target = Path(app.outdir) / "_static" / "vega.js"
    if not target.exists():
        bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
        target.write_text(f"(() => {{{bundle}}})();", encoding="utf8")


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
    # Nor does the name that a kernel has on somebody's machine.
    cache = JupyterCacheBase
    cache.create_hashed_notebook = functools.partialmethod(
        cache.create_hashed_notebook, nb_metadata=(), cell_metadata=("tags",)
    )
    cache.merge_match_into_notebook = functools.partialmethod(
        cache.merge_match_into_notebook, cell_meta=()
    )
    chapters = Chapters()
    app.connect("builder-inited", copy_mathjax)
    app.connect("builder-inited", bundle_charts)
    app.connect("env-get-outdated", chapters.read_state)
    app.connect("env-get-outdated", restyled_pages)
    app.connect("build-finished", chapters.note_built)
    app.connect("build-finished", drop_stale_pages)
    return {"version": "1", "parallel_read_safe": False, "parallel_write_safe": True}
