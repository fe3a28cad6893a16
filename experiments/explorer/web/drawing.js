// The network as a drawing: input at the bottom, output on top, as in the paper. Units are filled as far as they are on;
// a link's width is the size of its weight, and its sign is shown by colour and by dashes both.

const LABELLED = 26; // up to so many weights all have their numbers
const [ROOMY, FEWEST] = [520, 10]; // pixels that a drawing with all its numbers needs, but for so few weights

class Drawing {
  /** svg: the element; on: {choose, hover, flip, drag} to call with a unit or weight. */
  constructor(svg, on) {
    this.svg = d3.select(svg);
    this.on = on;
    this.parts = Object.fromEntries(
      ["links", "names", "numbers", "ones", "units"].map((name) => [name, this.svg.append("g").attr("class", name)]),
    );
  }

  /** Start anew with another network, or in another width, so many times larger than planned. */
  place(net, width, scale) {
    this.net = net;
    this.plan = layout(net, width / scale);
    const at = new Map(this.plan.units.map((unit) => [`${unit.group}.${unit.n}`, unit]));
    const one = (group) => this.plan.ones.find((other) => other.groups.includes(group));
    this.lines = net.links.flatMap((link) =>
      d3.cross(d3.range(link.to), d3.range(link.from), (j, i) => {
        const [to, from] = [
          at.get(`${link.target}.${j}`),
          link.source === ALWAYS_ON ? one(link.target) : at.get(`${link.source}.${i}`),
        ];
        const line = { kind: "link", link, j, i, place: j * link.from + i, from, to };
        return { ...line, tag: tag_of(line) };
      }),
    );
    this.few = this.lines.length <= LABELLED;
    const { height } = this.plan;
    this.svg.attr("viewBox", `0 0 ${width / scale} ${height}`).attr("width", width).attr("height", height * scale);
    this.svg.classed("crowded", !this.few);
    for (const part of Object.values(this.parts)) part.selectAll("*").remove();
    this.place_links();
    this.place_units();
  }

  place_links() {
    const { on } = this;
    this.links = this.parts.links
      .selectAll("g")
      .data(this.lines)
      .join("g")
      .attr("class", (d) => (d.link.source === ALWAYS_ON ? "link of-one" : "link"));
    const ends = (line) =>
      line
        .attr("x1", (d) => d.from.x)
        .attr("y1", (d) => d.from.y)
        .attr("x2", (d) => d.to.x)
        .attr("y2", (d) => d.to.y);
    ends(this.links.append("line").attr("class", "halo"));
    ends(this.links.append("line").attr("class", "weight"));
    ends(this.links.append("line").attr("class", "grip"));
    this.links
      .on("pointerenter", (_, d) => on.hover(d))
      .on("pointerleave", () => on.hover(null))
      .call(
        d3
          .drag()
          .container(document.documentElement) // in the screen's pixels, however large the drawing
          .touchable(() => this.few && navigator.maxTouchPoints) // many links leave a finger no place to scroll
          .clickDistance(4)
          .on("start", (_, d) => on.choose(d))
          .on("drag", (event, d) => on.drag(d, -event.dy * 0.02)),
      );
    this.numbers = this.parts.numbers.selectAll("text").data(this.lines).join("text");
    this.numbers
      .attr("x", (d) => d.from.x + (d.to.x - d.from.x) * this.part_of(d))
      .attr("y", (d) => d.from.y + (d.to.y - d.from.y) * this.part_of(d) + 4);
  }

  /** How far along its link a number stands: neighbours at different heights, so that they do not cover each other. */
  part_of({ link, j, i }) {
    if (link.source === ALWAYS_ON) return 0.32 + 0.06 * (j % 2);
    return (link.to > 1 ? 0.28 : 0.36) + 0.19 * (j % 2) + (link.from > 2 ? 0.09 * (i % 2) : 0);
  }

  place_units() {
    const { net, plan, on } = this;
    this.parts.names
      .selectAll("text")
      .data(plan.names)
      .join("text")
      .attr("x", (d) => (plan.beside ? d.left : d.middle))
      .attr("y", (d) => (plan.beside ? d.top : d.foot))
      .attr("text-anchor", plan.beside ? "end" : "middle")
      .text((d) => words(d.group));
    const one = this.parts.ones
      .selectAll("g")
      .data(plan.ones)
      .join("g")
      .attr("transform", (d) => `translate(${d.x},${d.y})`);
    const side = Math.max(13, Math.min(20, plan.radius * 1.4));
    one
      .append("rect")
      .attr("x", -side / 2)
      .attr("y", -side / 2)
      .attr("width", side)
      .attr("height", side);
    one.append("text").attr("dy", "0.35em").text("1");
    one.append("title").text("the unit that is always 1: its weights are the biases");

    const units = this.parts.units
      .selectAll("g")
      .data(plan.units.map((unit) => ({ kind: "unit", ...unit })))
      .join("g");
    units
      .attr("class", "unit")
      .attr("transform", (d) => `translate(${d.x},${d.y})`)
      .attr("role", (d) => (net.bottom.includes(d.group) ? "switch" : "button"))
      .attr("tabindex", (d, n) => (n === plan.units.length - 1 ? 0 : -1));
    units
      .append("circle")
      .attr("class", "halo")
      .attr("r", plan.radius + 6);
    units.append("circle").attr("class", "rim").attr("r", plan.radius);
    units.append("circle").attr("class", "level");
    units.append("text").attr("class", "forward");
    units.append("text").attr("class", "backward");
    units.append("text").attr("class", "called");
    units
      .on("pointerenter", (_, d) => on.hover(d))
      .on("pointerleave", () => on.hover(null))
      .on("click", (_, d) => this.press(d))
      .on("keydown", (event, d) => this.key(event, d))
      .on("focus", (event, d) => {
        units.attr("tabindex", (other) => (other === d ? 0 : -1));
        if (event.target.matches(":focus-visible")) on.choose(d);
      });
    this.units = units;
  }

  press(d) {
    this.on.choose(d);
    if (this.net.bottom.includes(d.group)) this.on.flip(d.group, d.n);
  }

  /** Enter and space press; the arrows go to the next unit in their direction. */
  key(event, d) {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this.press(d);
      return;
    }
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!step) return;
    event.preventDefault();
    const [across, down] = step;
    const ahead = this.units.nodes().filter((node) => {
      const other = d3.select(node).datum();
      return across ? Math.abs(other.y - d.y) < 2 && (other.x - d.x) * across > 2 : (other.y - d.y) * down > 2;
    });
    const far = (node) => {
      const other = d3.select(node).datum();
      return Math.abs(other.x - d.x) + Math.abs(other.y - d.y) * (across ? 1 : 3);
    };
    d3.least(ahead, far)?.focus();
  }

  /** The numbers of a view. lit: the unit or weight under the pointer, or the chosen one. */
  update(view, lit) {
    const { plan, few } = this;
    const largest = Math.max(
      1,
      d3.max(Object.values(view.state.w), (values) => d3.max(values, Math.abs)),
    );
    const weight = (d) => view.state.w[d.link.key][d.place];
    const ends_at = (d, { group, n }) =>
      (d.link.target === group && d.j === n) || (d.link.source === group && d.i === n);
    const touches = (d) => lit && (lit.kind === "link" ? tag_of(lit) === d.tag : ends_at(d, lit));
    const roomy = few && (plan.width >= ROOMY || this.lines.length <= FEWEST);
    this.links
      .classed("minus", (d) => weight(d) < 0)
      .classed("active", (d) => active_link(view, d.link) && (few || touches(d)))
      .classed("lit", touches);
    this.links
      .select(".weight")
      .style("stroke-width", (d) => `${0.5 + (few ? 6 : 2.6) * Math.min(1, Math.abs(weight(d)) / largest)}px`);
    this.numbers
      .classed(
        "hidden",
        (d) => !(roomy || (touches(d) && (lit.kind === "link" || few || Math.abs(weight(d)) > 0.35 * largest))),
      )
      .classed("minus", (d) => (shown_of_weight(view, d.link, d.j, d.i) ?? weight(d)) < 0)
      .text((d) => brief(shown_of_weight(view, d.link, d.j, d.i) ?? weight(d), true));
    this.update_units(view, lit);
  }

  update_units(view, lit) {
    const { net, plan } = this;
    const is_lit = (d) => lit?.kind === "unit" && lit.group === d.group && lit.n === d.n;
    const beside = (d) => d.room >= 2 * plan.radius + 62;
    const named = (d) => d.room >= 2 * plan.radius + 105;
    this.units
      .classed("active", (d) => active_unit(view, d.group))
      .classed("lit", is_lit)
      .attr("aria-label", (d) => unit_label(view, d))
      .attr("aria-checked", (d) => (net.bottom.includes(d.group) ? String(view.pass.y[d.group][d.n] > 0.5) : null));
    const shown = (d) => (d.shown = shown_of_unit(view, d.group, d.n));
    this.units.each(shown);
    this.units
      .select(".level")
      .attr("r", (d) =>
        d.shown.forward?.sign === "y" ? plan.radius * Math.sqrt(Math.max(0, Math.min(1, d.shown.forward.value))) : 0,
      );
    const place = (text, line) =>
      text
        .attr("x", (d) => (beside(d) ? plan.radius + 5 : 0))
        .attr("y", (d) => (beside(d) ? 4 + line * 15 : -plan.radius - 5 - line * 13))
        .attr("text-anchor", (d) => (beside(d) ? "start" : "middle"))
        .classed("hidden", (d) => !d.numbered && !is_lit(d));
    const below = (d) => d.numbered || d.line > 0;
    const off = (d) => (d.numbered ? 0 : (is_lit(d) ? 26 : 0) + 12 * (d.n % 2)); // names of neighbours do not meet
    const text = (d, shown, signed) => `${named(d) ? `${shown.sign} ` : ""}${brief(shown.value, signed)}`;
    place(this.units.select(".forward"), 0).text((d) => (d.shown.forward ? text(d, d.shown.forward, false) : ""));
    place(this.units.select(".backward"), 1)
      .text((d) => (d.shown.backward ? text(d, d.shown.backward, true) : ""))
      .classed("minus", (d) => d.shown.backward?.value < 0);
    this.units
      .select(".called")
      .attr("x", (d) => (beside(d) ? plan.radius + 5 : 0))
      .attr("y", (d) => (beside(d) ? -11 : below(d) ? plan.radius + 13 + off(d) : -plan.radius - 5 - off(d)))
      .attr("text-anchor", (d) => (beside(d) ? "start" : "middle"))
      .text((d) => this.called(view, d, is_lit(d)));
  }

  /** What else stands at a unit: its desired output, or its name where it is on, should be, or is looked at. */
  called({ net, pass, c }, d, is_lit) {
    const own = net.groups.find((group) => group.name === d.group).names[d.n];
    const desired = d.group === net.output ? net.desired[c][d.n] : null;
    if (!own) return desired !== null && d.numbered ? `d ${brief(desired)}` : "";
    const on = net.bottom.includes(d.group) ? pass.y[d.group][d.n] > 0.5 : desired > 0.5;
    return on || is_lit ? own : "";
  }
}

/** What a screen reader says of a unit. */
function unit_label(view, { group, n }) {
  const { forward, backward } = shown_of_unit(view, group, n);
  const parts = [forward, backward].filter(Boolean).map(({ sign, value }) => `${sign} ${written(value)}`);
  const target = group === view.net.output ? `, desired ${view.net.desired[view.c][n]}` : "";
  return `${unit_name(view.net, group, n)}: ${parts.join(", ") || "not yet computed"}${target}`;
}
