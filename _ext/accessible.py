"""Sphinx extension: what theme and docutils write, as assistive technology needs it.

Each page is mended after its template was rendered, so that nothing of theirs is copied.
"""

from pathlib import Path

from bs4 import BeautifulSoup


def mend(html, name, built):
    """Return a page whose labels, lists and tables say what they are, and figures link to code.

    `built` is the folder of the book, with the numbers of its figures, and `name` that of the page.
    """
    page = BeautifulSoup(html, "html.parser")
    for button in page.select("button.search-button-field"):  # it has a text of its own
        del button["aria-label"]
    for entry in page.select('div.citation[role="doc-biblioentry"]'):  # deprecated
        entry["role"] = "listitem"
    for section in page.select("section#in-breve"):
        section["lang"] = "it"
    for cell in page.select("th"):
        if not cell.get_text(strip=True) and not cell.find("img"):
            cell.name = "td"
    for figure in page.select("div.cell figure[id]"):
        code = figure.find_parent("div", class_="cell").select_one(".cell_input")
        if code and figure.figcaption:
            code["id"] = f"code-{figure['id']}"
            links = page.new_tag("span", attrs={"class": "code-link"})
            data = Path("_data", f"{figure['id']}.csv")
            targets = {"Code of this figure": f"#{code['id']}"}
            if (built / data).exists():
                targets["Data (CSV)"] = f"{'../' * name.count('/')}{data.as_posix()}"
            for text, target in targets.items():
                link = page.new_tag("a", href=target)
                link.string = text
                links.extend([" · "] * bool(links.contents) + [link])
            figure.figcaption.append(links)
    return str(page)


def mend_pages(app):
    """Mend what the builder's templates give."""
    templates = getattr(app.builder, "templates", None)
    if templates is None or app.builder.format != "html":
        return
    render = templates.render
    templates.render = lambda name, context: mend(
        render(name, context), context.get("pagename", ""), Path(app.outdir)
    )


def setup(app):
    """Connect to Sphinx."""
    app.connect("builder-inited", mend_pages)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
