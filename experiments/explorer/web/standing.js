// How far a network has come and, where it is stuck, what holds it: sentences, each from numbers of this moment.

const SAME = 0.03; // outputs this close count as the same answer
const MOST_PAIRS = 3;
const FLAT = 0.05; // y (1 - y) below this lets little of a slope through

function standing(view) {
  const { net, all, sweep } = view;
  const counted = all.cases.map((one, c) => ({ ...one, c })).filter(({ counts }) => counts);
  const off = ({ y, c }) => d3.max(y, (output, j) => Math.abs(output - net.desired[c][j]));
  const wrong = counted.filter((one) => off(one) > net.criterion.tolerance);
  const after = `After ${d3.format(",")(sweep)} sweeps E is ${written(all.E)}`;
  if (!wrong.length)
    return [
      `${after}: every output is within ${net.criterion.tolerance} of the desired one in all ${counted.length} cases. The network has learned.`,
    ];
  const lines = [
    `${after}; in ${wrong.length} of ${counted.length} cases an output is further than ${net.criterion.tolerance} from the desired one.`,
  ];
  lines.push(...same_answers(view, counted, wrong), ...cancelling(view, counted), ...flat_units(view, wrong));
  if (net.decay)
    lines.push(
      `The decay takes ${net.decay * 100} % of every weight after each change; a weight stays only where ∂E/∂w makes up for that.`,
    );
  return lines;
}

/** Cases with different desired outputs that the network answers alike: all of them, or pairs that it cannot tell. */
function same_answers(view, counted, wrong) {
  const { net } = view;
  const outputs = d3.range(net.units[net.output]);
  const spread = d3.max(outputs, (j) => d3.max(counted, ({ y }) => y[j]) - d3.min(counted, ({ y }) => y[j]));
  if (spread < SAME) return [all_alike(view, counted, outputs, spread)];
  const gap = (one, other) => d3.max(one, (y, n) => Math.abs(y - other[n]));
  const apart = (one, other) => d3.max(net.receiving, (group) => gap(one.pass.y[group], other.pass.y[group]));
  const pairs = d3
    .cross(wrong, counted)
    .filter(([one, other]) => gap(net.desired[one.c], net.desired[other.c]) > 0 && apart(one, other) < SAME)
    .filter(([one, other]) => !wrong.includes(other) || one.c < other.c);
  if (!pairs.length) return [];
  const said = pairs
    .slice(0, MOST_PAIRS)
    .map(
      ([one, other]) =>
        `${net.cases[one.c]} and ${net.cases[other.c]} (no unit more than ${written(apart(one, other))} apart)`,
    );
  const more = pairs.length > said.length ? `, and ${pairs.length - said.length} more pairs` : "";
  return [
    `Cases that should be answered differently look the same to every unit above the input: ${said.join("; ")}${more}.`,
  ];
}

/** Every case has the same outputs: are they the average of the desired ones, which makes (3) least for such a network? */
function all_alike({ net }, counted, outputs, spread) {
  const says = `Every case gets the same answer: no output differs by more than ${written(spread)} between any two cases.`;
  const averages = outputs.map((j) => d3.mean(counted, ({ c }) => net.desired[c][j]));
  const answers = outputs.map((j) => d3.mean(counted, ({ y }) => y[j]));
  if (outputs.every((j) => Math.abs(answers[j] - averages[j]) < SAME))
    return `${says} It is the average of what is desired.`;
  if (outputs.length > 1) return says;
  return `${says} It is ${written(answers[0])}; the average of what is desired is ${written(averages[0])}.`;
}

/** A sum of (6) over the cases that is near 0 although its terms are not. */
function cancelling({ net, all }, counted) {
  const slope = d3.max(Object.values(all.dE_dw), (values) => d3.max(values, Math.abs));
  let [term, at] = [0, null];
  for (const { pass, back, c } of counted) {
    for (const link of net.links) {
      for (const [j, above] of back.dE_dx[link.target].entries()) {
        for (const [i, below] of pass.y[link.source].entries()) {
          const one = Math.abs(dE_dw(above, below));
          if (one > term) [term, at] = [one, { c, name: weight_name(net, link, j, i) }];
        }
      }
    }
  }
  const small = `The largest ∂E/∂w, summed over the cases, is ${written(slope)}`;
  if (!at || slope > term / 5) return [`${small}.`];
  return [
    `${small}, though a single case has ${written(term)} (${net.cases[at.c]}, ${at.name}): the cases pull against each other, and (8) sees their sum only.`,
  ];
}

/** Units that (5) lets nearly nothing through in the cases that are wrong; of output units, where they are wrong. */
function flat_units({ net }, wrong) {
  const off = ({ y, c }, n) => Math.abs(y[n] - net.desired[c][n]) > net.criterion.tolerance;
  const units = net.receiving.flatMap((group) => d3.range(net.units[group]).map((n) => ({ group, n })));
  const flat = units.filter(({ group, n }) => {
    const there = group === net.output ? wrong.filter((one) => off(one, n)) : wrong;
    return there.length && d3.max(there, ({ pass }) => pass.y[group][n] * (1 - pass.y[group][n])) < FLAT;
  });
  if (!flat.length) return [];
  const named = flat.map(({ group, n }) => unit_name(net, group, n)).join(", ");
  return [
    `In the cases that are wrong, y (1 − y) stays below ${FLAT} at ${named}: by (5) hardly any slope gets through to the weights below.`,
  ];
}
