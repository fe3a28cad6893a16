// E on the way through the sweeps, and where we are. The stored run is a full line; what was trained here is dashed.

const WIDE = 50; // E that falls to less than a 50th is drawn on a logarithmic scale
const SIDE = { left: 46, right: 26, top: 22, bottom: 24 }; // the slider of explorer.css has the same left and right

class Curve {
  /** svg: the element; on_sweep: called with the sweep under the pointer. */
  constructor(svg, on_sweep) {
    this.svg = d3.select(svg);
    this.axes = ["across", "up"].map((name) => this.svg.append("g").attr("class", `axis ${name}`));
    this.paper = this.svg.append("g").attr("class", "paper");
    this.paper.append("line");
    this.paper.append("text");
    [this.before, this.after] = ["before", "after"].map((name) => this.svg.append("path").attr("class", name));
    this.here = this.svg.append("line").attr("class", "here");
    this.dot = this.svg.append("circle").attr("class", "here").attr("r", 4.5);
    this.x = d3.scaleLinear();
    const scrub = (event) => on_sweep(Math.round(this.x.invert(event.x)));
    this.svg.call(d3.drag().container(svg).on("start drag", scrub));
  }

  /** Axes and lines of a timeline, in that size, so many times larger than planned. */
  place(timeline, full_width, height, scale) {
    const width = full_width / scale;
    const { left, right, top, bottom } = SIDE;
    this.inner = { top, foot: height - bottom };
    this.svg.attr("viewBox", `0 0 ${width} ${height}`).attr("height", height * scale);
    this.x
      .domain([0, Math.max(1, timeline.last)])
      .range([left, width - right])
      .clamp(true);
    const [least, most] = d3.extent(timeline.curve, ([, E]) => E);
    const log = least > 0 && most > WIDE * least;
    this.y = (log ? d3.scaleLog() : d3.scaleLinear())
      .domain([log ? least : 0, most || 1])
      .range([height - bottom, top]);
    const [across, up] = this.axes;
    across.attr("transform", `translate(0,${height - bottom})`).call(
      d3
        .axisBottom(this.x)
        .ticks(Math.min(8, width / 90))
        .tickSizeOuter(0),
    );
    up.attr("transform", `translate(${left},0)`).call(
      d3
        .axisLeft(this.y)
        .ticks(4, log ? "~g" : null)
        .tickSizeOuter(0),
    );
    const from = timeline.branched ?? Infinity;
    const line = d3
      .line()
      .x(([sweep]) => this.x(sweep))
      .y(([, E]) => this.y(E));
    this.before.attr("d", line(timeline.stored ? timeline.curve.filter(([sweep]) => sweep <= from) : []));
    this.after.attr("d", line(timeline.stored ? timeline.curve.filter(([sweep]) => sweep >= from) : timeline.curve));
    this.place_paper(timeline);
  }

  /** The sweep at which the paper's own network had learned, where it says so. */
  place_paper({ net, last }) {
    const { sweeps, source } = net.paper;
    this.paper.classed("hidden", sweeps === null || sweeps > last);
    if (sweeps === null) return;
    const at = this.x(sweeps);
    const to_left = at > d3.mean(this.x.range());
    this.paper.select("line").attr("x1", at).attr("x2", at).attr("y1", this.inner.top).attr("y2", this.inner.foot);
    this.paper
      .select("text")
      .attr("x", at + (to_left ? 4 : -4))
      .attr("y", this.inner.top - 8)
      .attr("text-anchor", to_left ? "end" : "start")
      .text(`${source}: ${d3.format(",")(sweeps)} sweeps`);
  }

  /** Mark a sweep and its E. */
  mark(sweep, E) {
    const at = this.x(sweep);
    this.here.attr("x1", at).attr("x2", at).attr("y1", this.inner.top).attr("y2", this.inner.foot);
    this.dot.attr("cx", at).attr("cy", this.y(E));
  }
}
