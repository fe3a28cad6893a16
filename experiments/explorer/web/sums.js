// Each equation with its numbers filled in: one line for the active step, and the full sums of a unit or a weight.

const AT_MOST = 8;

/** The terms of (1) for unit j: of each weight y and w. */
function input_terms(view, group, j) {
  const term = (link, y, i) => ({ link, j, i, y, w: view.state.w[link.key][j * link.from + i] });
  return view.net.into(group).flatMap((link) => Array.from(view.pass.y[link.source], (y, i) => term(link, y, i)));
}

/** The terms of (7) for unit i: of each weight ∂E/∂x and w. */
function slope_terms(view, group, i) {
  const term = (link, slope, j) => ({ link, j, i, slope, w: view.state.w[link.key][j * link.from + i] });
  const above = (link) => Array.from(view.back.dE_dx[link.target], (slope, j) => term(link, slope, j));
  return view.net.out_of(group).flatMap(above);
}

/** A sum of products written out, or the largest of its terms where there are many. pairs: the two factors of each. */
function sum_text(pairs) {
  const size = ([a, b]) => Math.abs(a * b);
  const shown =
    pairs.length <= AT_MOST ? pairs : [...pairs].sort((one, other) => size(other) - size(one)).slice(0, AT_MOST - 2);
  const left = pairs.filter((pair) => !shown.includes(pair));
  const text = shown.map((pair) => pair.map(bracketed).join("\u00a0·\u00a0")).join(" + ");
  return left.length ? `${text} + ${bracketed(d3.sum(left, ([a, b]) => a * b))} of ${left.length} smaller terms` : text;
}

/** The lines of the active equation for its subject: [left, right] pairs as HTML. */
function filled_in(view, subject) {
  const { equation } = view.steps[view.step];
  if (equation === 0) return [["input", input_text(view)]];
  if (equation === 3) return error_lines(view);
  return subject.kind === "unit" ? unit_lines(view, equation, subject) : weight_lines(view, equation, subject);
}

/** Which input units are on. */
function input_text({ net, pass }) {
  const on = net.bottom.flatMap((group) =>
    d3
      .range(net.units[group])
      .filter((n) => pass.y[group][n] > 0)
      .map((n) => short_name(net, group, n)),
  );
  return `${escaped(on.join(", ") || "no unit")} on`;
}

function error_lines(view) {
  const { net, back, all, counts } = view;
  const terms = `${factor_text(net)}½ · [${error_terms(view)}]`;
  return [
    ["E of this case", counts ? terms : "a case held out counts no error"],
    ["", written(back.E)],
    ["E of all cases", written(all.E)],
  ];
}

/** (1), (2), (4), (5) and (7) at a unit. */
function unit_lines(view, equation, { group, n }) {
  const { net, pass, back } = view;
  const sub = `<sub>${escaped(short_name(net, group, n))}</sub>`;
  const [x, y] = [pass.x[group][n], pass.y[group][n]];
  const [slope_y, slope_x] = [back.dE_dy[group][n], back.dE_dx[group][n]];
  const lines = {
    1: () => [`x${sub}`, sum_text(input_terms(view, group, n).map((term) => [term.y, term.w])), x],
    2: () => [`y${sub}`, `1 / (1 + e<sup>${written(-x)}</sup>)`, y],
    4: () => [`∂E/∂y${sub}`, output_slope_text(view, n), slope_y],
    5: () => [`∂E/∂x${sub}`, `${bracketed(slope_y)} · ${written(y)} · (1 − ${written(y)})`, slope_x],
    7: () => [`∂E/∂y${sub}`, sum_text(slope_terms(view, group, n).map((term) => [term.slope, term.w])), slope_y],
  };
  const [left, right, result] = lines[equation]();
  return [
    [left, right],
    ["", written(result)],
  ];
}

/** (6), (8) and (9) for a weight. */
function weight_lines(view, equation, { link, j, i }) {
  const { net, rates } = view;
  const found = of_weight(view, link, j, i);
  const sub = `<sub>${escaped(short_name(net, link.target, j))}, ${escaped(short_name(net, link.source, i))}</sub>`;
  const decayed = net.decay ? `, less ${net.decay} of itself` : "";
  return {
    6: [
      [`∂E/∂w${sub}`, `${bracketed(found.dE_dx)} · ${written(found.y)}`],
      ["of this case", written(found.term)],
      ["Σ over the cases", written(found.slope)],
    ],
    8: [
      [`Δw${sub}`, `−${written(rates.epsilon)} · ${bracketed(found.slope)}`],
      ["", written(found.downhill)],
    ],
    9: [
      [`Δw${sub}`, `${written(found.downhill)} + ${written(rates.alpha)} · ${bracketed(found.previous)}`],
      ["", written(found.change)],
      ["new w", `${written(found.w)} + ${bracketed(found.change)}${decayed} = ${written(found.new_w)}`],
    ],
  }[equation];
}

function factor_text(net) {
  return net.measure.factor === 1 ? "" : `${net.measure.factor} · `;
}

/** (4) with its numbers, or why it is 0. */
function output_slope_text({ net, pass, back, counts }, n) {
  const [y, target] = [pass.y[net.output][n], back.wanted[n]];
  if (!counts) return "0: a case held out counts no error";
  if (y === target) return "0: beyond its bound, no error counts";
  return `${factor_text(net)}(${written(y)} − ${written(target)})`;
}
/** (y - d)² of the outputs, those that are 0 left out. */
function error_terms(view) {
  const { back, pass, net } = view;
  const terms = Array.from(pass.y[net.output], (y, j) => ({ y, t: back.wanted[j] })).filter(({ y, t }) => y !== t);
  const shown = terms.slice(0, AT_MOST).map(({ y, t }) => `(${written(y)}\u00a0−\u00a0${written(t)})<sup>2</sup>`);
  const rest = terms.length - shown.length;
  return (shown.join(" + ") || "0") + (rest ? ` + … (${rest} more)` : "");
}

/** Everything about a unit or a weight: tables of {caption, head, rows, total}. */
function full_sums(view, chosen) {
  return chosen.kind === "unit" ? sums_of_unit(view, chosen) : sums_of_weight(view, chosen);
}

function sums_of_unit(view, { group, n }) {
  const { net, pass, back } = view;
  const tables = [];
  const y = pass.y[group][n];
  if (net.receiving.includes(group)) {
    tables.push({
      caption: "(1) total input",
      head: ["from", "y", "w", "y · w"],
      rows: input_terms(view, group, n).map((term) => [
        short_name(net, term.link.source, term.i),
        term.y,
        term.w,
        term.y * term.w,
      ]),
      total: ["x", pass.x[group][n]],
    });
    tables.push({ caption: "(2) output", head: ["x", "y"], rows: [[pass.x[group][n], y]] });
    if (group === net.output) {
      tables.push({
        caption: "(4) slope",
        head: ["y", "target", "∂E/∂y"],
        rows: [[y, back.wanted[n], back.dE_dy[group][n]]],
      });
    } else {
      tables.push({
        caption: "(7) slope, from the units above",
        head: ["to", "∂E/∂x", "w", "∂E/∂x · w"],
        rows: slope_terms(view, group, n).map((term) => [
          short_name(net, term.link.target, term.j),
          term.slope,
          term.w,
          term.slope * term.w,
        ]),
        total: ["∂E/∂y", back.dE_dy[group][n]],
      });
    }
    tables.push({
      caption: "(5) back through the unit",
      head: ["∂E/∂y", "y (1 − y)", "∂E/∂x"],
      rows: [[back.dE_dy[group][n], y * (1 - y), back.dE_dx[group][n]]],
    });
  } else {
    tables.push({ caption: "an input unit, set from outside", rows: [], total: ["y", y] });
  }
  return tables;
}

function sums_of_weight(view, { link, j, i }) {
  const found = of_weight(view, link, j, i);
  const rows = view.all.cases.map(({ pass, back }, c) => {
    const [slope, y] = [back.dE_dx[link.target][j], pass.y[link.source][i]];
    return [view.net.cases[c], slope, y, dE_dw(slope, y)];
  });
  return [
    {
      caption: "(6) for each case, and their sum",
      head: ["case", "∂E/∂x", "y", "∂E/∂x · y"],
      rows,
      total: ["∂E/∂w", found.slope],
    },
    {
      caption: "(8) and (9) the change",
      rows: [
        ["w", found.w],
        ["−ε ∂E/∂w", found.downhill],
        ["Δw(t−1)", found.previous],
      ],
      total: ["Δw(t)", found.change],
    },
  ];
}
