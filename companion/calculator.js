// The formulas of collapse/theory/calculator.py, for a page without a kernel.
function freshShareForDiversity(kept, size) {
  const x = kept / ((1 - kept) * (size - 1));
  return x <= 1 + 1e-9 ? x / (1 + Math.sqrt(Math.max(1 - x, 0))) : NaN; // 1, up to rounding
}

function lifetime(share) {
  const keep = 1 - share;
  let alive = 1, total = 0;
  for (let t = 0; t < 5000 && alive > 0; t++) {
    total += alive;
    alive = -Math.expm1(-keep * alive);
  }
  const b = keep / (share * Math.sqrt(2 * (1 + keep)));
  return total + 2 * Math.log1p(b * alive) + (1 / share - 2 * b) * alive;
}

function freshShareForItem(probability, size, presence) {
  const needed = -Math.log1p(-presence) / (size * probability);
  if (needed > 1 + 1e-9) return NaN;
  let low = Math.log(needed) - 9, high = 0;
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2, share = Math.exp(middle);
    if (share * lifetime(share) < needed) low = middle;
    else high = middle;
  }
  return Math.exp(high);
}

function connect(root) {
  const field = (name) => root.querySelector(`[name=${name}]`);
  const plain = (x, digits = 2) =>
    Number(x.toPrecision(digits)).toLocaleString("en", { maximumSignificantDigits: digits });
  const amount = (share, size) =>
    `${plain(share * size)} (${plain(100 * share)} % of each training set)`;
  const shown = {
    size: (x) => Number((10 ** x).toPrecision(2)),
    kept: (x) => x / 100,
    odds: (x) => Number((10 ** x).toPrecision(2)),
    presence: (x) => x / 100,
  };
  const words = {
    size: (v) => plain(v),
    kept: (v) => `${plain(100 * v, 3)} %`,
    odds: (v) => `1 in ${plain(v)}`,
    presence: (v) => `${plain(100 * v, 3)} %`,
  };
  const update = () => {
    const value = {};
    for (const name in shown) {
      value[name] = shown[name](Number(field(name).value));
      field(name).setAttribute("aria-valuetext", words[name](value[name]));
      field(name).nextElementSibling.textContent = words[name](value[name]);
    }
    const common = freshShareForDiversity(value.kept, value.size);
    const rare = freshShareForItem(1 / value.odds, value.size, value.presence);
    field("diversity").textContent = Number.isNaN(common)
      ? "not possible: so few draws cannot hold so much, not even real ones"
      : amount(common, value.size);
    field("item").textContent = Number.isNaN(rare)
      ? "not possible: the training set is too small, even if all of it is real"
      : amount(rare, value.size);
  };
  root.querySelector("form").addEventListener("input", update);
  root.querySelector("form").hidden = false;
  root.querySelector("details").open = false;
  update();
}

if (typeof document !== "undefined") document.querySelectorAll(".calculator").forEach(connect);
