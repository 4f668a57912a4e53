"""Which files decide the results of a chapter, and a hash of them."""

import ast
import hashlib
import json
import os
import platform
import tomllib
from pathlib import Path

DYNAMIC = {"__import__", "iter_modules", "walk_packages"}


PACKAGES = ("collapse", "companion")


def package_modules(root):
    """Return {dotted name: file} for the modules of the packages in a folder."""
    names = {}
    for path in sorted(path for package in PACKAGES for path in (root / package).rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


def code_of(notebook):
    """Return the code of a notebook file without its IPython magics."""
    cells = json.loads(notebook.read_text(encoding="utf8"))["cells"]
    lines = [
        line
        for cell in cells
        if cell["cell_type"] == "code"
        for line in "".join(cell["source"]).splitlines()
    ]
    return "\n".join("" if line.lstrip().startswith(("%", "!")) else line for line in lines)


def imported_names(code, package, siblings=()):
    """Yield every dotted name that ``code`` imports; ``package`` is what a leading dot means."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) + 1 - node.level]
            base = ".".join([*(parents if node.level else []), *filter(None, [node.module])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
        name = getattr(node, "id", None) or getattr(node, "attr", None) or getattr(node, "name", "")
        if name in DYNAMIC:
            yield from siblings


def claim_modules(code, root):
    """Yield the modules whose checks of claims ``code`` runs, which are imported when they run.

    These are the checks of the claims that it names, ``"C12"``, or of all if it names none.
    """
    ledger = root / "companion" / "claims" / "statements.toml"
    if "companion.claims" not in set(imported_names(code, "")) or not ledger.exists():
        return
    claims = tomllib.loads(ledger.read_text("utf8"))
    texts = {getattr(node, "value", None) for node in ast.walk(ast.parse(code))}
    for identifier in (texts & set(claims)) or claims:
        for check in claims[identifier].get("checks", ()):
            yield f"companion.claims.{check.partition('.')[0]}"


def dependencies(code, root):
    """Return {dotted name: file} of the packages' modules that ``code`` reaches."""
    modules = package_modules(root)
    reached, todo = {}, [*imported_names(code, ""), *claim_modules(code, root)]
    while todo:
        name = todo.pop()
        todo += [name.rpartition(".")[0]] if "." in name else []
        if name in reached or name not in modules:
            continue
        path = reached[name] = modules[name]
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        siblings = [other for other in modules if other.startswith(f"{package}.")]
        todo += imported_names(path.read_text(encoding="utf8"), package, siblings)
    return reached


def fingerprint(notebook, root):
    """Return a hash of everything outside a notebook that decides its results.

    A script beside a module, with its name, belongs to it. Shipped data and the statements of the
    ledger decide the results of the chapters that reach a module which names their files.
    """
    code = code_of(notebook)
    files = list(dependencies(code, root).values())
    files += [script for path in files if (script := path.with_suffix(".js")).exists()]
    texts = code + "".join(path.read_text(encoding="utf8") for path in files)
    shipped = [*root.glob("companion/data/*"), *root.glob("companion/*/*.toml")]
    named = [
        path
        for path in shipped
        if path.name in texts or path.name.partition(".")[0] + ".{" in texts
    ]
    files += [file for path in named for file in (path, *path.rglob("*")) if file.is_file()]
    files += root.glob("requirements.lock")
    files += notebook.parent.glob(f"{notebook.stem}_*.json")  # stored results of long runs
    digest = hashlib.sha256()
    for path in sorted(files):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(root)} {content}\n".encode())
    digest.update(platform.python_version().encode())
    digest.update(os.environ.get("COLLAPSE_SEED_OFFSET", "0").encode())
    if own := os.environ.get("COLLAPSE_CORPUS"):
        path = root / Path(own).expanduser()
        texts = sorted(path.glob("*.txt")) if path.is_dir() else [path]
        digest.update("".join(hashlib.sha256(p.read_bytes()).hexdigest() for p in texts).encode())
    return digest.hexdigest()
