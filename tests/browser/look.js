// What a test asks of a page of the book; each function returns a list of complaints.
window.look = {
  // Opens what is folded, and stops transitions of colours.
  unfold() {
    document.head.append(document.createElement("style"));
    document.head.lastChild.textContent = "* { transition: none !important; }";
    document.querySelectorAll("details").forEach((box) => { box.open = true; });
    const hidden = document.querySelectorAll(".toggle-hidden");
    hidden.forEach((box) => box.classList.remove("toggle-hidden"));
  },

  unrendered() {
    const formulas = [...document.querySelectorAll(".math")];
    const bare = formulas.filter((box) => !box.querySelector("mjx-container svg"));
    const wrong = document.querySelectorAll("mjx-merror, [data-mjx-error]");
    return [...bare, ...wrong].map((box) => `not rendered: ${box.textContent.trim().slice(0, 60)}`);
  },

  // What is wider than its box must scroll in it, visibly; on a wide page only code may.
  cutOff(wide) {
    const problems = [], root = document.documentElement;
    if (root.scrollWidth > root.clientWidth) problems.push(`page is ${root.scrollWidth} px wide`);
    const boxes = document.querySelectorAll(".bd-article :is(mjx-container, table, img, svg, pre)");
    for (const box of boxes) {
      if (box.parentElement.closest("svg, mjx-container")) continue;
      const drawn = box.matches("mjx-container") ? box.querySelector("svg") : box;
      const { right, width, height } = drawn.getBoundingClientRect();
      if (!width || !height) continue;
      const what = `${box.tagName} of ${Math.round(width)} px: ${box.textContent.trim().slice(0, 40)}`;
      if (box.closest(".scrolls")) {
        if (wide && !box.matches("pre")) problems.push(`scrolls: ${what}`);
        continue;
      }
      const around = "mjx-container[display], .output, .pst-scrollable-table-container, details, .bd-article";
      if (right > box.closest(around).getBoundingClientRect().right + 2) {
        problems.push(`cut off: ${what}`);
      }
    }
    return problems;
  },

  // What MathJax has drawn is hidden from assistive technology, which reads the MathML beside it.
  async findings() {
    const options = { resultTypes: ["violations"], preload: false };
    const { violations } = await axe.run({ exclude: [["mjx-container > svg"]] }, options);
    return violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .flatMap(({ id, nodes }) => nodes.map(({ html }) => `axe ${id}: ${html.slice(0, 120)}`));
  },
};
