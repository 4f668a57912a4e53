"""The rules of the house that can be read off its files."""

import ast
import hashlib
import re
import tomllib
from pathlib import Path

import nbformat
import pytest
import yaml
from fingerprint import imported_names, package_modules

import collapse

ROOT = Path(__file__).resolve().parents[1]
CHAPTERS = sorted((ROOT / "chapters").glob("*.ipynb"))
PAGES = sorted([*CHAPTERS, *(ROOT / "chapters").glob("*.md")])
MODULES = package_modules(ROOT)
DATA = ROOT / "companion" / "data"

each_chapter = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
each_module = pytest.mark.parametrize("name", MODULES)


def code_cells(path):
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def figures(path):
    """Return (figure metadata, alternative text) for the cells of a chapter that show a figure."""
    metadata = [cell.metadata.get("mystnb", {}) for cell in code_cells(path)]
    return [(m["figure"], m.get("image", {}).get("alt", "")) for m in metadata if "figure" in m]


def imports_of(name):
    path = MODULES[name]
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    return set(imported_names(path.read_text(encoding="utf8"), package))


def is_in(name, package):
    return f"{name}.".startswith(f"{package}.")


@each_chapter
def test_chapters_are_stored_without_results(path):
    for cell in code_cells(path):
        assert cell.outputs == []
        assert cell.execution_count is None


@each_chapter
def test_cells_are_short(path):
    for cell in code_cells(path):
        lines = [line for line in cell.source.splitlines() if line.strip()]
        assert len(lines) <= 25, cell.source


@each_chapter
def test_figures_are_named_captioned_and_described(path):
    for figure, alt in figures(path):
        assert figure.get("name", "").startswith("fig-"), figure
        assert figure.get("caption", "").strip(), figure
        assert len(alt) >= 40, figure


def test_figure_names_are_unique():
    names = [figure["name"] for path in CHAPTERS for figure, _ in figures(path)]
    assert len(names) == len(set(names))


def test_the_table_of_contents_is_complete():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf8"))
    chapters = [entry["file"] for part in toc["parts"] for entry in part["chapters"]]
    listed = sorted([toc["root"], *chapters])
    present = sorted(str(path.relative_to(ROOT).with_suffix("").as_posix()) for path in PAGES)
    assert listed == present


FORBIDDEN = {
    "collapse.theory": ["collapse.models", "collapse.recursion"],
    "collapse.models": ["collapse.recursion", "collapse.policies"],
    "collapse": ["companion"],
}


@each_module
def test_import_rules(name):
    for room, closed in FORBIDDEN.items():
        if is_in(name, room):
            broken = [target for target in imports_of(name) for c in closed if is_in(target, c)]
            assert not broken


@each_module
def test_plotting_stays_in_figures(name):
    plotting = [t for t in imports_of(name) if is_in(t, "matplotlib") or is_in(t, "seaborn")]
    assert name in {"collapse.figures", "companion.figures"} or not plotting


@pytest.mark.parametrize(
    "path",
    [*MODULES.values(), *sorted((ROOT / "tests").glob("*.py")), *CHAPTERS],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_nothing_uses_the_global_random_state(path):
    if path.suffix == ".ipynb":
        text = "\n".join(cell.source for cell in code_cells(path))
    else:
        text = path.read_text(encoding="utf8")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith(("%", "!"))]
    allowed = {"default_rng", "Generator", "SeedSequence", "BitGenerator", "PCG64", "Philox"}
    for node in ast.walk(ast.parse("\n".join(lines))):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in {
            "np.random",
            "numpy.random",
        }:
            assert node.attr in allowed, ast.unparse(node)
        if isinstance(node, ast.ImportFrom) and node.module in {"random", "numpy.random"}:
            assert {alias.name for alias in node.names} <= allowed, ast.unparse(node)
        if isinstance(node, ast.Import):
            assert "random" not in {alias.name for alias in node.names}, ast.unparse(node)


def test_one_version_everywhere():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf8"))
    assert project["version"] == str(citation["version"]) == collapse.__version__
    assert f"{project['version']}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf8")


def test_one_version_of_ruff():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf8"))["repos"]
    (revision,) = [repo["rev"] for repo in hooks if "ruff" in repo["repo"]]
    locked = (ROOT / "requirements.lock").read_text(encoding="utf8")
    assert f"ruff=={revision.removeprefix('v')} " in locked


def test_the_lock_names_no_place():
    locked = (ROOT / "requirements.lock").read_text(encoding="utf8")
    assert not re.search(r"https?:|file:|^\s*-(?!-hash=)", locked, re.MULTILINE)


def test_shipped_data_is_licensed_and_intact():
    sums = (DATA / "SHA256SUMS").read_text(encoding="utf8").splitlines()
    listed = {name.lstrip("*"): digest for digest, name in (line.split(None, 1) for line in sums)}
    present = {
        path.name
        for path in DATA.iterdir()
        if path.is_file()
        and path.name != "SHA256SUMS"
        and not path.name.endswith((".LICENSE.md", ".py"))
    }
    assert listed.keys() == present
    for name, digest in listed.items():
        assert hashlib.sha256((DATA / name).read_bytes()).hexdigest() == digest, name
        assert (DATA / f"{name.split('.')[0]}.LICENSE.md").is_file(), name


TOKEN = re.compile(r"\b(?:eq|thm|prop)-[a-z0-9]+(?:-[a-z0-9]+)*\b")
LABEL = re.compile(rf":label:\s*({TOKEN.pattern})|\$\$\s*\(({TOKEN.pattern})\)")


def cited_labels(name):
    """Return the chapter labels that the docstrings of a module cite."""
    tree = ast.parse(MODULES[name].read_text(encoding="utf8"))
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    documented = [node for node in ast.walk(tree) if isinstance(node, kinds)]
    return {label for node in documented for label in TOKEN.findall(ast.get_docstring(node) or "")}


def test_cited_labels_exist_in_the_chapters():
    text = "\n".join(
        cell.source
        for path in CHAPTERS
        for cell in nbformat.read(path, as_version=4).cells
        if cell.cell_type == "markdown"
    )
    defined = {label for pair in LABEL.findall(text) for label in pair if label}
    missing = {name: sorted(cited_labels(name) - defined) for name in MODULES}
    assert not {name: labels for name, labels in missing.items() if labels}
