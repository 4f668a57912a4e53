// Formulas shrink to their column, down to 75 %; what still has to scroll can be reached by keyboard.
(() => {
  const SMALLEST = 0.75;
  const kinds = {
    equation: "mjx-container[display]",
    formula: "span.math",
    code: "pre",
    table: ".cell_output .output, .pst-scrollable-table-container, .calculator details",
  };
  const roomOf = (box) => { // inline elements have no width of their own
    let parent = box.parentElement;
    while (!parent.clientWidth && parent.parentElement) parent = parent.parentElement;
    return parent.clientWidth;
  };
  const kindOf = (box) => Object.keys(kinds).find((kind) => box.matches(kinds[kind]));

  function fit(box) {
    const kind = kindOf(box);
    let wide = box.scrollWidth > box.clientWidth + 1;
    if (kind === "equation" || kind === "formula") {
      box.style.fontSize = "";
      const room = kind === "equation" ? box.clientWidth : roomOf(box);
      const share = (room - 1) / (box.querySelector("svg")?.getBoundingClientRect().width || 1);
      if (share < 1) box.style.fontSize = `${Math.max(share, SMALLEST)}em`;
      wide = share < SMALLEST;
    }
    box.classList.toggle("scrolls", wide);
    for (const [name, value] of Object.entries({ tabindex: 0, role: "group", "aria-label": `${kind}, scrolls` })) {
      if (wide) box.setAttribute(name, value);
      else box.removeAttribute(name);
    }
  }

  function watch() {
    const widths = new Map();
    const observer = new ResizeObserver((entries) => {
      for (const { target } of entries) {
        const width = roomOf(target);
        if (width === widths.get(target)) continue;
        widths.set(target, width);
        fit(target);
      }
    });
    for (const kind in kinds) {
      document.querySelectorAll(kinds[kind]).forEach((box) => box.closest(".bd-article") && observer.observe(box));
    }
  }

  addEventListener("load", () => Promise.resolve(window.MathJax?.startup?.promise).then(watch));
})();
