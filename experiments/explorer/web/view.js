// What is looked at: an experiment, one of its networks, a sweep, a case, a step; and all that follows from them.

const EXPERIMENTS = JSON.parse(document.getElementById("data").textContent);
const FRAME = 12; // milliseconds of a frame that live training may take
const MOST_SAID = 5; // mistakes of an address that are named
const by_id = (id) => document.getElementById(id);
const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
const THEMES = [null, "light", "dark"];

let view = null;
let theme = null;
let hovered = null;
const doing = { playing: null, training: false, asked: false };

/** Another experiment, or another of its networks. */
function open(experiment, seed, c = 0) {
  stop();
  const net = network(experiment);
  const run = experiment.runs.find((other) => other.seed === seed) ?? null;
  const timeline = new Timeline(net, seed, run);
  const steps = steps_of(net);
  const step = steps.findIndex(({ equation }) => equation === 3);
  view = {
    experiment,
    net,
    timeline,
    steps,
    step,
    sweep: timeline.last,
    c,
    own_inputs: null,
    chosen: null,
    given: null,
  };
  hovered = null;
  compute();
  list_options();
  place();
}

/** The view of an address; of the first experiment where it has none. Says what it could not make out. */
function open_address() {
  const { found, problems } = read_address(location.hash, EXPERIMENTS);
  const { experiment } = found;
  open(experiment, found.seed ?? experiment.runs[0].seed, found.case ?? 0);
  for (const entry of found.do ?? []) {
    if (entry.at > view.timeline.last) {
      problems.push(`do=…: nothing can be done at sweep ${entry.at} of a run of ${view.timeline.last}`);
      break;
    }
    if (entry.kind === "weight") view.timeline.set_weight(entry.at, entry.key, entry.place, entry.value);
    else view.timeline.train(entry.at, entry.sweeps, entry.settings);
  }
  const { last } = view.timeline;
  if (found.sweep > last) problems.push(`sweep=${found.sweep}: this run has ${last} sweeps`);
  view.sweep = Math.min(found.sweep ?? last, last);
  view.step = found.step ?? view.step;
  view.chosen = found.at ?? null;
  if (found.input) set_inputs(from_bits(view.net, found.input));
  if (found.epsilon !== undefined || found.alpha !== undefined) {
    const { epsilon, alpha } = rates();
    view.given = { epsilon: found.epsilon ?? epsilon, alpha: found.alpha ?? alpha };
  }
  set_theme(found.theme ?? theme);
  complain(problems);
  place();
}

function complain(problems) {
  const more = problems.length - MOST_SAID;
  const said = [...problems.slice(0, MOST_SAID), ...(more > 0 ? [`There are ${more} more such mistakes`] : [])];
  by_id("problems").hidden = !said.length;
  by_id("problems").textContent = said.length
    ? `This address could not be followed in full. ${said.join(". ")}.`
    : "";
}

/** ε and α of the next sweep. */
function rates() {
  return view.given ?? view.timeline.given_at(view.sweep) ?? phase_of(view.net, view.sweep + 1);
}

function set_inputs(inputs) {
  const same = view.net.case_inputs.findIndex((other) => bits_of(view.net, other) === bits_of(view.net, inputs));
  if (same >= 0) [view.c, view.own_inputs] = [same, null];
  else view.own_inputs = inputs;
}

/** Everything that follows from where we are: weights, activity, slopes. */
function compute() {
  const { net, timeline } = view;
  view.state = timeline.at(view.sweep);
  view.all = through_all(net, view.state.w, timeline.held_out);
  const shown = view.all.cases[view.c];
  view.counts = shown.counts;
  view.pass = view.own_inputs ? forward(net, view.state.w, view.own_inputs) : shown.pass;
  view.back = view.own_inputs ? backward(net, view.state.w, view.pass, net.desired[view.c], view.counts) : shown.back;
  view.rates = rates();
}
