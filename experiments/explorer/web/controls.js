// What the controls do to the view.

function choose(chosen) {
  view.chosen = chosen;
  ask();
}

function hover(what) {
  hovered = what;
  ask();
}

function flip(group, n) {
  const inputs = Object.fromEntries(view.net.bottom.map((name) => [name, Float64Array.from(view.pass.y[name])]));
  inputs[group][n] = 1 - inputs[group][n];
  set_inputs(inputs);
  ask();
}

function set_weight({ link, place }, value) {
  stop();
  view.timeline.set_weight(view.sweep, link.key, place, value);
  place_curve();
  ask();
}

function drag(d, by) {
  set_weight(d, view.timeline.at(view.sweep).w[d.link.key][d.place] + by);
}

function type_weight(d, text) {
  const value = number_within(text, -1e6, 1e6);
  if (value !== null) set_weight(d, value);
  else by_id("status").textContent = "A weight must be a number.";
}

function go_to_sweep(sweep) {
  stop();
  view.sweep = Math.max(0, Math.min(view.timeline.last, sweep));
  ask();
}

/** On by one step; after the last one the weights have changed, and the next sweep begins. */
function forth() {
  if (view.step < view.steps.length - 1) view.step += 1;
  else if (sweeps_on(1)) view.step = 0;
  else halt();
  ask();
}

function back() {
  if (view.step > 0) view.step -= 1;
  else if (view.sweep > 0) [view.sweep, view.step] = [view.sweep - 1, view.steps.length - 1];
  ask();
}

function go_to_equation(equation) {
  const after = view.steps.findIndex((step, n) => n > view.step && step.equation === equation);
  view.step = after >= 0 ? after : view.steps.findIndex((step) => step.equation === equation);
  ask();
}

/** So many sweeps more: along the run as far as it goes, then by training. Returns whether it could go on. */
function sweeps_on(sweeps) {
  const { timeline } = view;
  const before = timeline.given_at(view.sweep);
  if (!view.given || JSON.stringify(view.given) === JSON.stringify(before)) {
    const along = Math.min(sweeps, timeline.last - view.sweep);
    view.sweep += along;
    sweeps -= along;
  }
  if (!sweeps) return true;
  const { sweep, ended } = timeline.train(view.sweep, sweeps, view.given ?? timeline.given_at(view.sweep));
  view.sweep = sweep;
  say_end(ended);
  place_curve();
  return !ended;
}

function say_end(ended) {
  const says = {
    learned: "The network has learned: here the experiment stops, and the weights stay as they are.",
    limit: `The page trains no further than ${MOST_SWEEPS} sweeps.`,
  };
  by_id("status").textContent = ended ? says[ended] : "";
}

function halt() {
  clearInterval(doing.playing);
  doing.playing = null;
}

/** End playing and live training. */
function stop() {
  halt();
  doing.training = false;
  say_end(null);
}

function play() {
  if (doing.playing) return (stop(), ask());
  stop();
  doing.playing = setInterval(forth, 900);
  ask();
}

function train() {
  if (doing.training) return (stop(), ask());
  stop();
  doing.training = true;
  let [cost, last] = [1, 0];
  const frame = (now) => {
    if (!doing.training) return;
    requestAnimationFrame(frame);
    if (calm.matches && now - last < 500) return;
    last = now;
    const sweeps = Math.max(1, Math.min(Number(by_id("speed").value), Math.floor(FRAME / cost)));
    const begin = performance.now();
    doing.training = sweeps_on(sweeps);
    cost = Math.max(0.001, (performance.now() - begin) / sweeps);
    ask();
  };
  requestAnimationFrame(frame);
  ask();
}

function reset() {
  const { sweep, step, c } = view;
  open(view.experiment, view.timeline.seed, c);
  Object.assign(view, { sweep: Math.min(sweep, view.timeline.last), step });
  complain([]);
  ask();
}

function set_rate(name, text) {
  const most = name === "alpha" ? MOST_ALPHA : MOST_EPSILON;
  const value = number_within(text, 0, most);
  by_id("status").textContent = value === null ? `${name} must be a number from 0 to ${most}.` : "";
  if (value === null) return;
  const { epsilon, alpha } = rates();
  view.given = { epsilon, alpha, [name]: value };
  ask();
}

function set_theme(wanted) {
  theme = wanted;
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  by_id("theme").textContent = `Theme: ${theme ?? "auto"}`;
}

async function copy_link() {
  write_address();
  try {
    await navigator.clipboard.writeText(location.href);
    by_id("copied").textContent = "The link is copied.";
  } catch {
    by_id("copied").textContent = "The browser does not let the page copy: take the link from the address bar.";
  }
}
