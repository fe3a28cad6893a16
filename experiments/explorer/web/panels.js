// The panels of numbers beside the drawing: the active equation, the full sums of the chosen unit or weight, and the
// tables of all weights and of all cases.

const STEP_NAMES = { forward: "Forward pass", backward: "Backward pass", change: "Change of the weights" };
const ALL_IN_ONE = 80; // of more weights than this, the table has those of one unit

/** The nine equations, in the paper's order, as buttons that lead to the next step with that equation. */
function place_strip(list, go_to) {
  const passes = d3.groups(FORMULAS, (d) => d.phase);
  const rows = d3.select(list).selectAll("li").data(passes).join("li");
  rows
    .append("span")
    .attr("class", "pass")
    .text(([phase]) => STEP_NAMES[phase].split(" ", 1));
  rows
    .append("span")
    .selectAll("button")
    .data(([, formulas]) => formulas)
    .join("button")
    .attr("type", "button")
    .attr("aria-label", (d) => `equation ${d.equation}, ${d.says}`)
    .attr("title", (d) => d.says)
    .on("click", (_, d) => go_to(d.equation))
    .html((d) => `<b>(${d.equation})</b> ${d.gives}`);
}

function show_strip(list, equation) {
  d3.select(list)
    .selectAll("button")
    .attr("aria-current", (d) => (d.equation === equation ? "step" : null));
}

/** The active equation, and below it the same with its numbers. */
function show_equation(panel, view) {
  const { net, steps, step } = view;
  const { equation, phase, group } = steps[step];
  const formula = FORMULAS.find((other) => other.equation === equation);
  const subject = subject_of(view);
  const where = group ? `: ${words(group)}` : "";
  panel.select(".where").text(`${STEP_NAMES[phase]}, step ${step + 1} of ${steps.length}${where}`);
  panel
    .select(".formula")
    .html(
      formula ? `<span class="number">(${equation})</span> ${formula.formula}` : "The case is put on the input units",
    );
  panel
    .select(".subject")
    .text(equation === 0 ? "" : equation === 3 ? "over the output units" : chosen_name(net, subject));
  panel
    .select(".filled")
    .selectAll("div")
    .data(filled_in(view, subject))
    .join("div")
    .html(([left, right]) => `<dt>${left}</dt><dd>= ${right}</dd>`);
}

/** All terms of the sums of a unit or weight. */
function show_sums(panel, view, chosen) {
  panel.select("h2").text(`${chosen_name(view.net, chosen)}, term by term`);
  const tables = panel.select(".tables").selectAll("table").data(full_sums(view, chosen)).join("table");
  tables.html(({ caption, head = [], rows, total }) => {
    const cell = (value) =>
      typeof value === "number" ? `<td>${written(value)}</td>` : `<td class="name">${escaped(value)}</td>`;
    const line = (row) => `<tr>${row.map(cell).join("")}</tr>`;
    const columns = Math.max(2, head.length);
    const header = (text, n) => `<th scope="col"${typeof rows[0][n] === "string" ? ' class="name"' : ""}>${text}</th>`;
    const top = head.length ? `<thead><tr>${head.map(header).join("")}</tr></thead>` : "";
    const foot = total
      ? `<tfoot><tr><th scope="row" colspan="${columns - 1}">${total[0]}</th><td>${written(total[1])}</td></tr></tfoot>`
      : "";
    return `<caption>${caption}</caption>${top}<tbody>${rows.map(line).join("")}</tbody>${foot}`;
  });
}

/** The weights that the table lists: all, or of a large network those of one unit. */
function listed_weights(view, lines) {
  if (lines.length <= ALL_IN_ONE) return lines;
  const { chosen, net } = view;
  const [group, n] = !chosen
    ? [net.output, 0]
    : chosen.kind === "unit"
      ? [chosen.group, chosen.n]
      : [chosen.link.target, chosen.j];
  return lines.filter(({ link, j, i }) => (link.target === group && j === n) || (link.source === group && i === n));
}

/** A row a weight: its number can be typed over. on: {set, choose, leave}. */
function show_weights(body, view, listed, on) {
  const rows = d3
    .select(body)
    .selectAll("tr")
    .data(listed, (d) => tag_of(d))
    .join((enter) => {
      const row = enter.append("tr");
      row
        .append("th")
        .attr("scope", "row")
        .text((d) => `${short_name(view.net, d.link.source, d.i)} → ${unit_name(view.net, d.link.target, d.j)}`);
      row
        .append("td")
        .append("input")
        .attr("type", "number")
        .attr("step", "0.1")
        .attr("aria-label", (d) => weight_name(view.net, d.link, d.j, d.i))
        .on("focus", (_, d) => on.choose(d))
        .on("input", (event, d) => on.set(d, event.target.value))
        .on("blur", on.leave);
      row.append("td").attr("class", "slope");
      row.append("td").attr("class", "change");
      return row;
    })
    .order();
  rows.each(function (d) {
    const found = of_weight(view, d.link, d.j, d.i);
    const row = d3.select(this).classed("minus", found.w < 0);
    const input = row.select("input").node();
    const typing = document.activeElement === input && (input.value === "" || Number(input.value) === found.w);
    if (!typing) input.value = found.w.toFixed(4);
    row.select(".slope").text(written(found.slope));
    row.select(".change").text(written(found.change));
  });
}

/** A row a case: desired, output, error, and what the hidden units make of it. choose: called with a case's number. */
function show_cases(table, view, choose) {
  const { net, all } = view;
  const hidden = net.receiving
    .filter((group) => group !== net.output)
    .flatMap((group) => d3.range(net.units[group]).map((n) => [group, n]));
  const narrow = net.units[net.output] === 1;
  const few = hidden.length <= 4 ? hidden : [];
  const head = [
    "case",
    ...(narrow ? ["desired", "output"] : ["should be on", "largest other"]),
    "E",
    ...few.map(([group, n]) => `y ${unit_name(net, group, n)}`),
  ];
  const headers = d3.select(table).select("thead tr").selectAll("th").data(head).join("th").attr("scope", "col");
  headers.classed("name", (_, n) => n === 0).text(String);
  const rows = d3
    .select(table)
    .select("tbody")
    .selectAll("tr")
    .data(all.cases)
    .join((enter) => {
      const row = enter.append("tr");
      row.append("th").attr("scope", "row").append("button").attr("type", "button");
      return row;
    });
  rows.attr("aria-current", (_, c) => (c === view.c ? "true" : null));
  rows
    .select("button")
    .text((d, c) => net.cases[c] + (d.counts ? "" : " (held out)"))
    .on("click", (event) => choose(rows.nodes().indexOf(event.target.closest("tr"))));
  rows
    .selectAll("td")
    .data(({ y, back, pass }, c) => [
      ...(narrow ? [written(net.desired[c][0]), written(y[0])] : answers_of(net, c, y)),
      written(back.E),
      ...few.map(([group, n]) => written(pass.y[group][n])),
    ])
    .join("td")
    .text(String);
}

/** Of many output units: those that should be on with their outputs, and the largest of the others. */
function answers_of(net, c, y) {
  const middle = (d3.min(net.desired[c]) + d3.max(net.desired[c])) / 2;
  const all = d3.range(y.length);
  const text = (n) => `${short_name(net, net.output, n)} ${written(y[n])}`;
  const on = all.filter((n) => net.desired[c][n] > middle);
  const other = d3.greatest(
    all.filter((n) => !on.includes(n)),
    (n) => y[n],
  );
  return [on.map(text).join(", "), text(other)];
}
