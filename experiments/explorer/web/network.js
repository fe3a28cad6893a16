// A network: its plan, the forward and the backward pass of a case, and the change of the weights after a sweep, as in
// repro/networks.py, repro/errors.py and repro/sweeps.py.
//
// Weights and what is shaped like them are objects by key, of one Float64Array each; activity is an object by group.

const ALWAYS_ON = "bias";
const ONE = Float64Array.of(1);

/** So many doubles, each from its place. (Float64Array.from does the same many times slower.) */
function numbers(count, value) {
  const made = new Float64Array(count);
  for (let n = 0; n < count; n++) made[n] = value(n);
  return made;
}

/** The plan of an experiment's network, from the page's data. */
function network(experiment) {
  const units = Object.fromEntries(experiment.groups.map((group) => [group.name, group.units]));
  const names = experiment.groups.map((group) => group.name);
  const receiving = names.filter((name) => experiment.links.some((link) => link.target === name));
  const links = experiment.links.map((link, number) => ({
    ...link,
    number,
    to: units[link.target],
    from: units[link.source] ?? 1,
  }));
  const grouped = (test) => Object.fromEntries(names.map((name) => [name, links.filter((link) => test(link, name))]));
  const into = grouped((link, name) => link.target === name);
  const out_of = grouped((link, name) => link.source === name);
  const rows = (values) => values.map((row) => Float64Array.from(row));
  const inputs = Object.entries(experiment.inputs).map(([group, values]) => [group, rows(values)]);
  return {
    ...experiment,
    case_inputs: experiment.cases.map((_, c) =>
      Object.fromEntries(inputs.map(([group, values]) => [group, values[c]])),
    ),
    desired: rows(experiment.desired),
    units: { ...units, [ALWAYS_ON]: 1 },
    names,
    receiving,
    bottom: names.filter((name) => !receiving.includes(name)),
    output: names[names.length - 1],
    links,
    into: (group) => into[group],
    out_of: (group) => out_of[group],
    cut: (numbers) => cut(experiment.weights, numbers),
  };
}

/** All weights in one array, as views of its parts by key. */
function cut(weights, numbers) {
  let begin = 0;
  return Object.fromEntries(weights.map(({ key, to, from }) => [key, numbers.subarray(begin, (begin += to * from))]));
}

/** Something shaped like the weights, from a function of key and place. */
function shaped(net, value) {
  return Object.fromEntries(net.weights.map(({ key, to, from }) => [key, numbers(to * from, (n) => value(key, n))]));
}

/** (1) and (2), group by group: x of the groups that receive and y of all. inputs: by group, an array each. */
function forward(net, w, inputs) {
  const x = {};
  const y = { [ALWAYS_ON]: ONE };
  for (const group of net.bottom) y[group] = inputs[group];
  for (const group of net.receiving) {
    const links = net.into(group);
    x[group] = numbers(net.units[group], (j) => {
      let sum = 0;
      for (const link of links) sum += total_input(y[link.source], w[link.key], j);
      return sum;
    });
    y[group] = numbers(net.units[group], (j) => logistic(x[group][j]));
  }
  return { x, y };
}

/** What each output is compared with: d or a bound; y itself where no error counts. counts: the case is learned. */
function wanted(measure, y, d, counts) {
  if (!counts) return y;
  return numbers(y.length, (j) => {
    const output = y[j];
    const on = d[j] > (measure.on_bound + measure.off_bound) / 2;
    const bound = on ? measure.on_bound : measure.off_bound;
    if (measure.satisfied === "unit" && (on ? output > bound : output < bound)) return output;
    return measure.measured_from === "target" ? d[j] : bound;
  });
}

/** (4), then (5) and, downwards, (7): ∂E/∂y and ∂E/∂x by group, and E of the case. pass: of ``forward``. */
function backward(net, w, pass, d, counts = true) {
  const { factor } = net.measure;
  const top = pass.y[net.output];
  const t = wanted(net.measure, top, d, counts);
  const of_y = { [net.output]: numbers(top.length, (j) => factor * dE_dy_output(top[j], t[j])) };
  const of_x = {};
  for (const group of [...net.receiving].reverse()) {
    of_y[group] ??= numbers(net.units[group], (i) => {
      let sum = 0;
      for (const link of net.out_of(group)) sum += dE_dy(of_x[link.target], w[link.key], i, link.from);
      return sum;
    });
    of_x[group] = numbers(net.units[group], (j) => dE_dx(of_y[group][j], pass.y[group][j]));
  }
  return { wanted: t, E: factor * error(top, t), dE_dy: of_y, dE_dx: of_x };
}

/** (6) of one case, added to ``sum``. */
function add_dE_dw(net, pass, back, sum) {
  for (const link of net.links) {
    const [above, below, total] = [back.dE_dx[link.target], pass.y[link.source], sum[link.key]];
    for (let j = 0, place = 0; j < above.length; j++) {
      for (let i = 0; i < below.length; i++) total[place++] += dE_dw(above[j], below[i]);
    }
  }
}

/** All cases: E and ∂E/∂w over those that count, each case's passes, and whether the network has learned. */
function through_all(net, w, held_out) {
  const sum = shaped(net, () => 0);
  const cases = [];
  let [E, met] = [0, true];
  for (let c = 0; c < net.cases.length; c++) {
    const counts = !held_out.has(c);
    const pass = forward(net, w, net.case_inputs[c]);
    const back = backward(net, w, pass, net.desired[c], counts);
    const y = pass.y[net.output];
    cases.push({ pass, back, counts, y });
    if (!counts) continue;
    E += back.E;
    add_dE_dw(net, pass, back, sum);
    met &&= y.every((output, j) => Math.abs(output - net.desired[c][j]) <= net.criterion.tolerance);
  }
  return { E, met, dE_dw: sum, cases };
}

/** A weight after its change: the decay takes its part off after that. */
function new_weight(net, w, change) {
  const moved = w + change;
  return net.decay ? moved - net.decay * moved : moved;
}

/** (8) and (9): the new weights and Δw(t). */
function changed(net, w, slopes, previous, epsilon, alpha) {
  const change = shaped(net, (key, n) => momentum(slopes[key][n], previous[key][n], epsilon, alpha));
  return { w: shaped(net, (key, n) => new_weight(net, w[key][n], change[key][n])), change };
}
