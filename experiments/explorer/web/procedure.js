// The procedure for one case, step by step: forward (1) (2) (3), backward (4) (5) (6) (7), change (8) (9).

const FORMULAS = [
  {
    equation: 1,
    gives: "x",
    phase: "forward",
    formula: "x<sub>j</sub> = Σ<sub>i</sub> y<sub>i</sub> w<sub>ji</sub>",
    says: "total input of a unit",
  },
  {
    equation: 2,
    gives: "y",
    phase: "forward",
    formula: "y<sub>j</sub> = 1 / (1 + e<sup>−x<sub>j</sub></sup>)",
    says: "output of a unit",
  },
  {
    equation: 3,
    gives: "E",
    phase: "forward",
    formula: "E = ½ Σ<sub>c</sub> Σ<sub>j</sub> (y<sub>j,c</sub> − d<sub>j,c</sub>)<sup>2</sup>",
    says: "error",
  },
  {
    equation: 4,
    gives: "∂E/∂y",
    phase: "backward",
    formula: "∂E/∂y<sub>j</sub> = y<sub>j</sub> − d<sub>j</sub>",
    says: "slope of E at an output unit",
  },
  {
    equation: 5,
    gives: "∂E/∂x",
    phase: "backward",
    formula: "∂E/∂x<sub>j</sub> = ∂E/∂y<sub>j</sub> · y<sub>j</sub> (1 − y<sub>j</sub>)",
    says: "slope, back through a unit",
  },
  {
    equation: 6,
    gives: "∂E/∂w",
    phase: "backward",
    formula: "∂E/∂w<sub>ji</sub> = ∂E/∂x<sub>j</sub> · y<sub>i</sub>",
    says: "slope for a weight",
  },
  {
    equation: 7,
    gives: "∂E/∂y",
    phase: "backward",
    formula: "∂E/∂y<sub>i</sub> = Σ<sub>j</sub> ∂E/∂x<sub>j</sub> · w<sub>ji</sub>",
    says: "slope, back to the units below",
  },
  { equation: 8, gives: "Δw", phase: "change", formula: "Δw = −ε ∂E/∂w", says: "change, downhill" },
  {
    equation: 9,
    gives: "Δw",
    phase: "change",
    formula: "Δw(t) = −ε ∂E/∂w(t) + α Δw(t−1)",
    says: "change, with momentum",
  },
];

/** The steps of a network: which equation, at which group. */
function steps_of(net) {
  const down = [...net.receiving].reverse();
  return [
    { equation: 0, phase: "forward", group: null },
    ...net.receiving.flatMap((group) => [1, 2].map((equation) => ({ equation, phase: "forward", group }))),
    { equation: 3, phase: "forward", group: net.output },
    ...down.flatMap((group) =>
      [group === net.output ? 4 : 7, 5, 6].map((equation) => ({ equation, phase: "backward", group })),
    ),
    ...[8, 9].map((equation) => ({ equation, phase: "change", group: null })),
  ];
}

/** Whether a step has come, or is past: what it gives is then known. */
function known(steps, now, equation, group) {
  const step = steps.findIndex((other) => other.equation === equation && (other.group ?? group) === group);
  return step >= 0 && step <= now;
}

/** What a unit shows at a step: its latest numbers, forward and backward. */
function shown_of_unit(view, group, n) {
  const { net, steps, step, pass, back } = view;
  const forward = net.receiving.includes(group)
    ? known(steps, step, 2, group)
      ? { sign: "y", value: pass.y[group][n] }
      : known(steps, step, 1, group)
        ? { sign: "x", value: pass.x[group][n] }
        : null
    : { sign: "y", value: pass.y[group][n] };
  const top = group === net.output ? 4 : 7;
  const backward = known(steps, step, 5, group)
    ? { sign: "∂E/∂x", value: back.dE_dx[group][n] }
    : known(steps, step, top, group)
      ? { sign: "∂E/∂y", value: back.dE_dy[group][n] }
      : null;
  return { forward, backward };
}

/** The numbers of one weight, in the shown case and over all of them. */
function of_weight(view, link, j, i) {
  const place = j * link.from + i;
  const { w, change } = view.state;
  const slope = view.all.dE_dw[link.key][place];
  const { epsilon, alpha } = view.rates;
  const next = momentum(slope, change[link.key][place], epsilon, alpha);
  return {
    w: w[link.key][place],
    y: view.pass.y[link.source][i],
    dE_dx: view.back.dE_dx[link.target][j],
    term: dE_dw(view.back.dE_dx[link.target][j], view.pass.y[link.source][i]),
    slope,
    previous: change[link.key][place],
    downhill: steepest_descent(slope, epsilon),
    change: next,
    new_w: new_weight(view.net, w[link.key][place], next),
  };
}

/** What a weight shows at a step; null: the weight itself. */
function shown_of_weight(view, link, j, i) {
  const { equation, group } = view.steps[view.step];
  const found = of_weight(view, link, j, i);
  if (equation === 6 && link.target === group) return found.term;
  if (equation === 8) return found.downhill;
  if (equation === 9) return found.change;
  return null;
}

/** What the numbers of the drawing are, at a step. */
function numbers_shown({ steps, step }) {
  const { equation, phase, group } = steps[step];
  const on_links = {
    6: `∂E/∂w of this case into ${words(group ?? "")}, else w`,
    8: "−ε ∂E/∂w over all cases",
    9: "Δw over all cases",
  };
  const on_units = phase === "forward" ? "x, and y once it is known" : "y, and in colour ∂E/∂y, or ∂E/∂x once it is known";
  return `On the units: ${on_units}. On the links: ${on_links[equation] ?? "w"}.`;
}

/** Whether the step works at a unit, or on a link. */
function active_unit(view, group) {
  const step = view.steps[view.step];
  return step.equation === 0 ? view.net.bottom.includes(group) : step.group === group && step.equation !== 6;
}

function active_link(view, link) {
  const { equation, group } = view.steps[view.step];
  if (equation === 1 || equation === 6) return link.target === group;
  if (equation === 7) return link.source === group;
  return equation >= 8;
}

/** The unit or weight whose numbers fill the step's equation in: the chosen one where it can be, else the first. */
function subject_of(view) {
  const { equation, group } = view.steps[view.step];
  const { net, chosen } = view;
  if ([6, 8, 9].includes(equation)) {
    if (chosen?.kind === "link" && (!group || chosen.link.target === group)) return chosen;
    const at_unit = chosen?.kind === "unit" ? chosen : { group: group ?? net.output, n: 0 };
    const target = group ?? (net.receiving.includes(at_unit.group) ? at_unit.group : net.output);
    const [link] = net.into(target);
    return { kind: "link", link, j: at_unit.group === target ? at_unit.n : 0, i: 0 };
  }
  const at = group ?? net.bottom[0];
  if (chosen?.kind === "unit" && chosen.group === at) return chosen;
  if (chosen?.kind === "link" && chosen.link.target === at) return { kind: "unit", group: at, n: chosen.j };
  return { kind: "unit", group: at, n: 0 };
}
