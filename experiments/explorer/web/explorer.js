// What is shown of the view, and the start.

const drawing = new Drawing(by_id("network"), { choose, hover, flip, drag });
const curve = new Curve(by_id("curve"), (sweep) => go_to_sweep(sweep));

function run_name(run, net) {
  const after = d3.format(",");
  return run.learned_after === null
    ? `seed ${run.seed}: not learned in ${after(net.sweeps)} sweeps`
    : `seed ${run.seed}: learned after ${after(run.learned_after)} sweeps`;
}

/** The choices that depend on the experiment. */
function list_options() {
  const { net, timeline } = view;
  by_id("experiment").value = net.name;
  const run = d3.select(by_id("run")).html("");
  const stored = run.append("optgroup").attr("label", "Trained by this project");
  stored
    .selectAll("option")
    .data(net.runs)
    .join("option")
    .attr("value", (d) => d.seed)
    .text((d) => run_name(d, net));
  const stored_seeds = net.runs.map(({ seed }) => seed);
  const others = net.unsolved.filter((seed) => !stored_seeds.includes(seed) && seed <= last_seed(net));
  const own = [timeline.seed].filter((seed) => !stored_seeds.includes(seed) && !others.includes(seed));
  for (const [label, seeds] of [
    ["Not learned there either: train it here", others],
    ["Chosen by you: train it here", own],
  ]) {
    if (!seeds.length) continue;
    const group = run.append("optgroup").attr("label", label);
    group
      .selectAll("option")
      .data(seeds)
      .join("option")
      .attr("value", String)
      .text((seed) => `seed ${seed}`);
  }
  by_id("run").value = timeline.seed;
  by_id("seed").value = timeline.seed;
  by_id("seed").max = last_seed(net);
  d3.select(by_id("case"))
    .selectAll("option")
    .data(net.cases)
    .join("option")
    .attr("value", (_, c) => c)
    .text((name, c) => name + (timeline.held_out.has(c) ? " (held out)" : ""));
  by_id("about").textContent = net.summary;
}

/** Lay the drawing and the curve out anew: another network, or another width. */
function place() {
  drawing.place(view.net, Math.max(200, by_id("network").parentElement.clientWidth), scale());
  place_curve();
  ask();
}

function place_curve() {
  curve.place(view.timeline, by_id("curve").getBoundingClientRect().width, 150, scale());
}

/** How many times larger than on a phone the page's letters are: the drawings grow with them. */
function scale() {
  return parseFloat(getComputedStyle(document.documentElement).fontSize) / 15;
}

/** Show the view in the next frame. */
function ask() {
  if (doing.asked) return;
  doing.asked = true;
  requestAnimationFrame(() => {
    doing.asked = false;
    show();
  });
}

function show() {
  compute();
  const { net, timeline, sweep, steps, step, all } = view;
  const lit = hovered ?? view.chosen;
  drawing.update(view, lit);
  curve.mark(sweep, all.E);
  show_strip(by_id("strip"), steps[step].equation);
  show_equation(d3.select(by_id("equation")), view);
  show_sums(d3.select(by_id("sums")), view, lit ?? subject_of(view));
  if (by_id("weights").open) show_weight_table();
  if (by_id("cases").open) show_cases(by_id("cases").querySelector("table"), view, choose_case);
  by_id("case").value = view.c;
  by_id("shown").textContent = numbers_shown(view);
  by_id("own").textContent = view.own_inputs
    ? `These inputs are no case of the experiment; desired is what ${net.cases[view.c]} has.`
    : "";
  by_id("now").textContent =
    `sweep ${d3.format(",")(sweep)} of ${d3.format(",")(timeline.last)}, E = ${written(all.E)}`;
  const slider = by_id("sweep");
  slider.max = timeline.last;
  slider.value = sweep;
  slider.setAttribute("aria-valuetext", `sweep ${sweep} of ${timeline.last}, E ${written(all.E)}`);
  for (const name of ["epsilon", "alpha"]) {
    for (const control of [by_id(name), by_id(`${name}-number`)])
      if (control !== document.activeElement || control.type === "range") control.value = view.rates[name];
  }
  by_id("back").setAttribute("aria-disabled", step === 0 && sweep === 0); // but it keeps the focus
  show_pressed();
  show_standing_soon();
  write_address_soon();
}

function show_weight_table() {
  const listed = listed_weights(view, drawing.lines);
  const all = listed.length === drawing.lines.length;
  by_id("weights-note").textContent = all ? "" : "Those of the chosen unit: choose another in the drawing.";
  show_weights(by_id("weights").querySelector("tbody"), view, listed, { set: type_weight, choose, leave: ask });
}

function choose_case(c) {
  Object.assign(view, { c, own_inputs: null });
  ask();
}

function show_pressed() {
  by_id("play").textContent = doing.playing ? "Pause" : "Play";
  by_id("train").textContent = doing.training ? "Pause training" : "Train live";
  by_id("play").classList.toggle("going", doing.playing !== null);
  by_id("train").classList.toggle("going", doing.training);
}

/** Not at once, and only once where it is asked for again meanwhile: for what nobody can read faster. */
const slowly = (work, wait) => {
  let timer = null;
  return () => {
    timer ??= setTimeout(() => {
      timer = null;
      work();
    }, wait);
  };
};
const show_standing_soon = slowly(show_standing, 150);
const write_address_soon = slowly(write_address, 400);

function show_standing() {
  d3.select(by_id("standing")).selectAll("li").data(standing(view)).join("li").text(String);
}

function write_address() {
  const address = address_of(view, theme);
  if (address !== location.hash) history.replaceState(null, "", address);
}

// The start ------------------------------------------------------------------------------------------------

d3.select(by_id("experiment"))
  .selectAll("option")
  .data(EXPERIMENTS)
  .join("option")
  .attr("value", (d) => d.name)
  .text((d) => d.title);
place_strip(by_id("strip"), go_to_equation);
const listen = (id, event, work) => by_id(id).addEventListener(event, work);
listen("experiment", "change", (event) => {
  complain([]);
  const chosen = EXPERIMENTS.find(({ name }) => name === event.target.value);
  open(chosen, chosen.runs[0].seed);
});
listen("run", "change", (event) => {
  complain([]);
  open(view.experiment, Number(event.target.value), view.c);
});
listen("any-seed", "submit", (event) => {
  event.preventDefault();
  const step = view.step;
  open(view.experiment, by_id("seed").valueAsNumber, view.c); // the browser has seen to it that it is a seed
  view.step = step;
});
listen("case", "change", (event) => choose_case(Number(event.target.value)));
listen("first", "click", () => ((view.step = 0), ask()));
listen("back", "click", back);
listen("forth", "click", () => (halt(), forth()));
listen("play", "click", play);
listen("sweep", "input", (event) => go_to_sweep(Number(event.target.value)));
listen("train", "click", train);
listen("one", "click", () => (stop(), sweeps_on(1), ask()));
listen("fifty", "click", () => (stop(), sweeps_on(50), ask()));
listen("reset", "click", reset);
listen("copy", "click", copy_link);
listen("theme", "click", () => (set_theme(THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length]), ask()));
for (const name of ["epsilon", "alpha"]) {
  for (const id of [name, `${name}-number`]) listen(id, "input", (event) => set_rate(name, event.target.value));
  listen(`${name}-number`, "blur", ask); // what was no number there goes
}
for (const id of ["weights", "cases"]) listen(id, "toggle", ask);
window.addEventListener("hashchange", () => open_address());
let width = document.body.clientWidth;
new ResizeObserver(() => {
  if (document.body.clientWidth === width) return; // only its height has changed: all stays where it is
  width = document.body.clientWidth;
  place();
}).observe(document.body);
open_address();

/** Show at once what would be shown a little later. */
function settle() {
  show();
  show_standing();
  write_address();
}

/** For the tests, and for whoever opens the browser's console. */
window.explorer = {
  EXPERIMENTS,
  network,
  through_all,
  changed,
  first_weights,
  Timeline,
  view: () => view,
  show,
  settle,
};
