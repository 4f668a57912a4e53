"""Sphinx extension: docstrings of the package as the pages show them."""

import re


def arguments_as_list(app, what, name, obj, options, lines):
    """Turn the tables of arguments, ``name : meaning``, into lists."""
    inside = False
    for i, line in enumerate(lines):
        term = re.match(r"([\w, `*()]+) : (.*)", line)
        if term:
            lines[i] = f"- **{term[1]}**: {term[2]}"
        elif inside and line.startswith("    "):
            lines[i] = f"  {line.strip()}"
        inside = bool(term) or (inside and line.startswith("    "))


def setup(app):
    """Connect to Sphinx."""
    app.connect("autodoc-process-docstring", arguments_as_list)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
