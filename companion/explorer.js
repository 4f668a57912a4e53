// The laws and the recursion of the package for two families, for a page without a kernel.
// Tests hold the laws against collapse.theory, and the chains against the laws.
const WORDS = 50, CHAINS = 100, SHOWN = 20;
const SIZES = [2, 3, 5, 7, 10, 20, 30, 50, 70, 100, 200, 300, 500, 700, 1000, 2000, 5000, 10000, 1e5, 1e6];
const GENERATIONS = [5, 10, 20, 30, 50, 70, 100, 150, 200];
const FRESH = [0, 1, 2, 3, 5, 7, 10, 20, 30, 50, 70, 100, 200, 300, 500, 700, 1000, 10000, 1e5, 1e6];

// Expected diversity over that of reality: theory.mixing.diversity_accumulated, and
// theory.realdata.biased_moments without bias, of which replacement is the case of no real data.
function expectedDiversity({ policy, size, fresh, ddof, generations }) {
  const kept = [1, (size - 1) / (size - ddof)];
  let moved = 1 / size;
  for (let n = 1; n < generations; n++) {
    if (policy === "accumulate") {
      const pool = (n + 1) * size;
      kept.push(kept[n] * (1 - size / (pool * (pool - ddof))));
      continue;
    }
    const synthetic = size - fresh, drawn = fresh + synthetic * kept[n];
    kept.push(((1 - 1 / size) * drawn + (fresh * synthetic * moved) / size) / (size - ddof));
    moved = drawn / size ** 2 + (synthetic / size) ** 2 * moved;
  }
  return kept;
}

// Logarithm of the gamma function of a + ib, a > 0, as [real, imaginary]: Stirling's series.
function logGamma(a, b) {
  let shift = [0, 0];
  for (; a < 12; a++) shift = [shift[0] + Math.log(Math.hypot(a, b)), shift[1] + Math.atan2(b, a)];
  const radius = Math.hypot(a, b), log = Math.log(radius), angle = Math.atan2(b, a);
  let real = (a - 0.5) * log - b * angle - a + 0.5 * Math.log(2 * Math.PI);
  let imaginary = (a - 0.5) * angle + b * log - b;
  [1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188].forEach((c, k) => {
    real += (c * Math.cos((2 * k + 1) * angle)) / radius ** (2 * k + 1);
    imaginary -= (c * Math.sin((2 * k + 1) * angle)) / radius ** (2 * k + 1);
  });
  return [real - shift[0], imaginary - shift[1]];
}

// Quantiles of the standard deviation where data are replaced: theory.gaussian.std_quantile, the
// characteristic function of the log-variance inverted by Gil-Pelaez's formula.
function stdQuantiles({ size, ddof }, levels, generations) {
  const half = (size - 1) / 2, step = Math.PI / 40, [start] = logGamma(half, 0);
  return generations.map((n) => {
    if (n === 0) return levels.map(() => 1);
    const centre = -n / (size - 1) + n * Math.log((size - 1) / (size - ddof));
    const scale = Math.sqrt((2 * n) / (size - 1) + n / half ** 2), points = [];
    for (let k = 0; k < 4000; k++) {
      const t = (k + 0.5) * step, [real, angle] = logGamma(half, t / scale);
      const modulus = Math.exp(n * (real - start));
      if (modulus < 1e-13) break;
      const phase = n * (angle + (t / scale) * Math.log(2 / (size - ddof))) - (t / scale) * centre;
      points.push([t, modulus / (k + 0.5) / Math.PI, phase]);
    }
    const below = (y) => points.reduce((sum, [t, weight, phase]) => sum - weight * Math.sin(phase - t * y), 0.5);
    return levels.map((level) => {
      let low = -15, high = 15;
      for (let i = 0; i < 45; i++) {
        const middle = (low + high) / 2;
        if (below(middle) < level) low = middle;
        else high = middle;
      }
      return Math.exp((centre + scale * low) / 2);
    });
  });
}

// What Stirling's formula leaves of the logarithm of k!, with k + 1 in it for k.
const TAILS = Array.from({ length: 10 }, (_, k) =>
  logGamma(k + 1, 0)[0] - (k + 0.5) * Math.log(k + 1) + k + 1 - 0.5 * Math.log(2 * Math.PI));
const tail = (k) => {
  const x = 1 / (k + 1);
  return TAILS[k] ?? x * (1 / 12 - x * x * (1 / 360 - (x * x) / 1260));
};

// Random numbers from a seed: a generator of 32 bits (mulberry32) and what is made of its numbers.
function generator(seed) {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32 + 2 ** -33;
  };
  const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  const gamma = (shape) => { // Marsaglia and Tsang
    if (shape < 1) return gamma(shape + 1) * uniform() ** (1 / shape);
    const d = shape - 1 / 3, c = 1 / Math.sqrt(9 * d);
    for (;;) {
      const x = normal(), v = (1 + c * x) ** 3;
      if (v > 0 && Math.log(uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
    }
  };
  const few = (count, p) => { // skips from success to success
    let successes = -1;
    for (let at = 0; at <= count; successes++) at += Math.ceil(Math.log(uniform()) / Math.log1p(-p));
    return successes;
  };
  const many = (count, p) => { // Hoermann 1993, transformed rejection with squeeze
    const odds = p / (1 - p), spread = Math.sqrt(count * p * (1 - p)), b = 1.15 + 2.53 * spread;
    const a = -0.0873 + 0.0248 * b + 0.01 * p, alpha = (2.83 + 5.1 / b) * spread;
    const top = Math.floor((count + 1) * p), rest = count - top + 1;
    for (;;) {
      const u = uniform() - 0.5, v = uniform(), edge = 0.5 - Math.abs(u);
      const k = Math.floor(((2 * a) / edge + b) * u + count * p + 0.5);
      if (edge >= 0.07 && v <= 0.92 - 4.2 / b) return k;
      if (k < 0 || k > count) continue;
      const likelihood = (top + 0.5) * Math.log((top + 1) / (odds * rest))
        + (count + 1) * Math.log(rest / (count - k + 1))
        + (k + 0.5) * Math.log((odds * (count - k + 1)) / (k + 1))
        + tail(top) + tail(count - top) - tail(k) - tail(count - k);
      if (Math.log((v * alpha) / (a / (edge * edge) + b)) <= likelihood) return k;
    }
  };
  const half = (count, p) => (count * p < 10 ? few(count, p) : many(count, p));
  const binomial = (count, p) => (p > 0.5 ? count - half(count, 1 - p) : half(count, p));
  return { normal, gamma, binomial };
}

// One chain of Gaussians: the standard deviation of each generation.
function gaussianChain({ policy, size, fresh, ddof, generations }, { normal, gamma }) {
  const draw = (count, mean, std) => ({
    count,
    mean: count ? mean + (std * normal()) / Math.sqrt(count) : 0,
    scatter: count > 1 ? std ** 2 * 2 * gamma((count - 1) / 2) : 0,
  });
  const pooled = (a, b) => {
    const count = a.count + b.count, apart = (a.count * b.count * (a.mean - b.mean) ** 2) / count;
    const mean = (a.count * a.mean + b.count * b.mean) / count;
    return { count, mean, scatter: a.scatter + b.scatter + apart };
  };
  let data = draw(size, 0, 1);
  const stds = [1];
  for (let n = 1; ; n++) {
    stds.push(Math.sqrt(data.scatter / (data.count - ddof)));
    if (n === generations) return stds;
    if (policy === "accumulate") data = pooled(data, draw(size, data.mean, stds[n]));
    else data = pooled(draw(size - fresh, data.mean, stds[n]), draw(fresh, 0, 1));
  }
}

// One chain of words, equally frequent at first: the effective number of each generation.
function wordChain({ policy, size, fresh, generations }, { binomial }) {
  const reality = Array(WORDS).fill(1 / WORDS), numbers = [WORDS];
  const draw = (count, law) => {
    let rest = 1, left = count;
    return law.map((p, i) => {
      if (p === 0 || left === 0) return 0;
      const drawn = p >= rest || i === WORDS - 1 ? left : binomial(left, p / rest);
      [rest, left] = [rest - p, left - drawn];
      return drawn;
    });
  };
  let data = draw(size, reality), total = size;
  for (let n = 1; ; n++) {
    const law = data.map((count) => count / total);
    numbers.push(1 / law.reduce((sum, p) => sum + p * p, 0));
    if (n === generations) return numbers;
    const older = policy === "accumulate" ? data : draw(fresh, reality);
    const newer = draw(policy === "accumulate" ? size : size - fresh, law);
    data = older.map((count, i) => count + newer[i]);
    total = policy === "accumulate" ? total + size : size;
  }
}

function simulate(setting, chains, seed) {
  const random = generator(seed), chain = setting.family === "words" ? wordChain : gaussianChain;
  return Array.from({ length: chains }, () => chain(setting, random));
}

// What the dashed line shows at some generations: the exact law, in the unit of the picture.
function exactLaw(setting, at) {
  if (isMedian(setting)) return stdQuantiles(setting, [0.5], at).map(([q]) => q);
  const ddof = setting.family === "words" ? 0 : setting.ddof;
  const kept = expectedDiversity({ ...setting, ddof }), inUnit = setting.family === "words"
    ? (share) => 1 / (1 - (1 - 1 / WORDS) * share)
    : Math.sqrt;
  return at.map((n) => inUnit(kept[n]));
}

const isMedian = ({ family, policy, fresh }) => family === "gaussian" && policy === "replace" && !fresh;

// A reproduction: the same setting as a call of the package.
function asPython({ family, policy, size, fresh, ddof, generations }) {
  const words = family === "words";
  const rule = policy === "accumulate" ? "accumulate" : fresh ? "FreshReal" : "replace";
  const model = words
    ? ["from collapse.models.categorical import Categorical, FitCategorical", `Categorical([1 / ${WORDS}] * ${WORDS})`, `FitCategorical(${WORDS})`]
    : ["from collapse.models.gaussian import FitGaussian, Gaussian", "Gaussian(mean=0, variance=1)", `FitGaussian(ddof=${ddof})`];
  return `${words ? "from collapse.measure.distances import effective_number\n" : ""}${model[0]}
from collapse.policies import ${rule}
from collapse.recursion import recurse

reality = ${model[1]}
lineage = recurse(
    reality,
    ${model[2]},
    policy=${rule === "FreshReal" ? `FreshReal(number=${fresh})` : rule},
    sample_size=${size},
    generations=${generations},
    chains=${SHOWN},
    rng=1,
)
curves = lineage.measure(lambda model: ${words ? "effective_number(model, order=2)" : "model.std"})`;
}

const quantile = (values, level) => {
  const sorted = [...values].sort((a, b) => a - b), at = level * (sorted.length - 1), low = Math.floor(at);
  return sorted[low] + (at - low) * ((sorted[low + 1] ?? sorted[low]) - sorted[low]);
};
const number = (x) => Number(x.toPrecision(2)).toLocaleString("en", { maximumSignificantDigits: 2 });

// The setting and its picture in words.
function inWords(setting, law, band) {
  const { family, policy, size, fresh, ddof, generations } = setting;
  const words = family === "words", end = law.at(-1), [low, high] = band.at(-1);
  const learner = words ? `${WORDS} words, equally frequent at first` : `A Gaussian, fitted with ddof = ${ddof}`;
  const data = policy === "accumulate"
    ? `each generation adds ${number(size)} data and learns from all so far`
    : `each generation learns from ${number(size)} data, ${fresh ? `${number(fresh)} of them real and fresh` : "all from the last one"}`;
  const what = words
    ? `two draws agree as often, on average, as with ${number(end)} equally frequent words`
    : isMedian(setting)
      ? `half of all chains have less than ${number(100 * end)} % of reality's standard deviation`
      : `the root mean square of the standard deviation is ${number(100 * end)} % of reality's`;
  const range = words ? `${number(low)} and ${number(high)} words` : `${number(100 * low)} % and ${number(100 * high)} %`;
  const half = law.findIndex((value) => value < law[0] / 2);
  const when = half < 0 ? "" : ` Half is gone by generation ${setting.at[half]}.`;
  return `${learner}; ${data}. After ${generations} generations ${what} (exact); nine in ten of ${CHAINS} chains lie between ${range}.${when}`;
}

function picture({ family }, rows, width) {
  const words = family === "words", style = getComputedStyle(document.documentElement);
  const [ink, line] = ["--pst-color-text-base", "--explorer-chain"].map((name) => style.getPropertyValue(name).trim() || "#444");
  const x = { field: "n", type: "quantitative", title: "generation", axis: { format: "d", tickMinStep: 1, labelOverlap: true, tickCount: 6 } };
  const scale = { type: "log" };
  const y = (field) => ({ field, type: "quantitative", scale, title: words ? "effective number of words" : "standard deviation" });
  const layer = (kind, mark, field, more) => ({
    transform: [{ filter: `datum.kind === "${kind}"` }],
    mark: { clip: true, ...mark },
    encoding: { x, y: y(field), ...more },
  });
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    width, height: Math.max(220, Math.min(340, 0.6 * width)), background: "transparent",
    data: { values: rows },
    layer: [
      layer("band", { type: "area", color: line, opacity: 0.18 }, "low", { y2: { field: "high" } }),
      layer("chain", { type: "line", color: line, opacity: 0.45, strokeWidth: 1 }, "value", { detail: { field: "chain" } }),
      layer("law", { type: "line", color: ink, strokeWidth: 2.5, strokeDash: [7, 4] }, "value"),
    ],
    config: {
      aria: false, font: "inherit", view: { stroke: null },
      axis: { labelColor: ink, titleColor: ink, tickColor: ink, domainColor: ink, grid: false, labelFontSize: 13, titleFontSize: 13, titleFontWeight: "normal" },
    },
  };
}

const LISTS = { size: SIZES, generations: GENERATIONS, fresh: FRESH };
const nearest = (list, value) => list.reduce((best, _, i) =>
  Math.abs(Math.log1p(list[i]) - Math.log1p(value)) < Math.abs(Math.log1p(list[best]) - Math.log1p(value)) ? i : best, 0);

// The setting, its chains, law and band on at most 51 generations.
function explore(setting) {
  const stride = Math.max(1, Math.floor(setting.generations / 50));
  const at = [...Array(setting.generations + 1).keys()].filter((n) => n % stride === 0 || n === setting.generations);
  const chains = simulate(setting, CHAINS, 1), law = exactLaw(setting, at);
  const band = at.map((n) => [0.05, 0.95].map((level) => quantile(chains.map((chain) => chain[n]), level)));
  return { at, chains, law, band, sentence: inWords({ ...setting, at }, law, band) };
}

function connect(root) {
  const field = (name) => root.querySelector(`[name=${name}]`);
  const part = (name) => root.querySelector(`.${name}`);
  const read = () => {
    const setting = { family: field("family").value, policy: field("policy").value, ddof: Number(field("ddof").value) };
    for (const name in LISTS) setting[name] = LISTS[name][Number(field(name).value)];
    field("ddof").disabled = setting.family === "words";
    field("fresh").disabled = setting.policy === "accumulate";
    setting.fresh = field("fresh").disabled ? 0 : Math.min(setting.fresh, setting.size);
    return setting;
  };
  const fromAddress = () => {
    for (const [name, value] of new URLSearchParams(location.hash.slice(1))) {
      if (!field(name)) continue;
      field(name).value = LISTS[name] ? nearest(LISTS[name], Number(value)) : value;
    }
  };
  const update = () => {
    const setting = read(), { at, chains, law, band, sentence } = explore(setting);
    for (const name in LISTS) {
      field(name).setAttribute("aria-valuetext", setting[name].toLocaleString("en"));
      field(name).nextElementSibling.textContent = setting[name].toLocaleString("en");
    }
    const shown = setting.family === "words" ? (x) => x : (x) => Math.max(x, 1e-12);
    const rows = at.flatMap((n, i) => [
      { kind: "law", n, value: shown(law[i]) },
      { kind: "band", n, low: shown(band[i][0]), high: shown(band[i][1]) },
      ...chains.slice(0, SHOWN).map((chain, j) => ({ kind: "chain", chain: j, n, value: shown(chain[n]) })),
    ]);
    part("sentence").textContent = sentence;
    part("python").textContent = asPython(setting);
    part("picture").setAttribute("aria-label", sentence);
    history.replaceState(null, "", `#${new URLSearchParams(setting)}`);
    const width = Math.min(part("picture").clientWidth - 75, 620);
    vegaEmbed(part("picture").firstElementChild, picture(setting, rows, width), { actions: false, renderer: "svg" });
  };
  let waiting;
  const soon = () => { clearTimeout(waiting); waiting = setTimeout(update, 60); };
  root.querySelector("form").addEventListener("input", soon);
  addEventListener("resize", soon);
  addEventListener("hashchange", () => { fromAddress(); update(); });
  new MutationObserver(soon).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  part("live").hidden = false;
  part("numbers").open = false;
  fromAddress();
  update();
}

if (typeof document !== "undefined") {
  addEventListener("load", () => document.querySelectorAll(".explorer").forEach(connect));
}
