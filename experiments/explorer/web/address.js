// The view as the part of an address after #, and back again: whoever opens the address sees the same.
//
//   experiment, seed, sweep, case, step    names and numbers, as the controls have them
//   input     the input units as 0s and 1s, where they are no case's
//   at        the chosen unit (hidden.1) or weight (input.2~hidden.1)
//   epsilon, alpha, theme                  where they were chosen
//   do        what was done to the run: weight,SWEEP,WEIGHT,VALUE and train,SWEEP,SWEEPS[,EPSILON,ALPHA], with ; between

const MOST_WORK = 1e8; // sweeps × cases × weights that opening an address may take: some seconds
const [MOST_EPSILON, MOST_ALPHA] = [100, 0.999];

const number_within = (text, low, high) => {
  const value = text === null || text.trim() === "" ? NaN : Number(text);
  return value >= low && value <= high ? value : null;
};

const whole_within = (text, low, high) => (/^\d+$/.test(text ?? "") ? number_within(text, low, high) : null);

/** What an address has, as far as a message needs it. */
const clipped = (text) => (text.length > 60 ? `${text.slice(0, 60)}…` : text);

/** The largest seed that the page can train of an experiment. */
function last_seed(experiment) {
  return experiment.splits ? experiment.splits.length - 1 : 2 ** 32 - 1;
}

/** What an address asks for, with everything that it gets wrong as a sentence in ``problems``. */
function read_address(hash, experiments) {
  const asked = new URLSearchParams(hash.replace(/^#/, ""));
  const problems = [];
  const wrong = (name, says) => problems.push(`${name}=${clipped(asked.get(name))}: ${says}`);
  const known_names = ["experiment", "seed", "sweep", "case", "step", "input", "at", "epsilon", "alpha", "theme", "do"];
  for (const name of new Set(asked.keys()))
    if (!known_names.includes(name)) problems.push(`“${clipped(name)}” means nothing here`);

  const found = { experiment: experiments[0] };
  if (asked.has("experiment")) {
    const named = experiments.find(({ name }) => name === asked.get("experiment"));
    if (!named) {
      wrong("experiment", `there is no such experiment; there are ${experiments.map(({ name }) => name).join(", ")}`);
      return { found, problems };
    }
    found.experiment = named;
  }
  const net = network(found.experiment);
  const take = (name, value, says) => {
    if (!asked.has(name)) return;
    if (value === null) wrong(name, says);
    else found[name] = value;
  };
  const most = last_seed(found.experiment);
  take("seed", whole_within(asked.get("seed"), 0, most), `must be a whole number from 0 to ${most}`);
  take("sweep", whole_within(asked.get("sweep"), 0, MOST_SWEEPS), `must be a whole number from 0 to ${MOST_SWEEPS}`);
  const c = net.cases.indexOf(asked.get("case"));
  take("case", c < 0 ? null : c, "there is no such case");
  const steps = steps_of(net).length;
  take("step", whole_within(asked.get("step"), 0, steps - 1), `must be a whole number from 0 to ${steps - 1}`);
  const bits = asked.get("input");
  const inputs = net.bottom.reduce((sum, group) => sum + net.units[group], 0);
  take("input", /^[01]+$/.test(bits ?? "") && bits.length === inputs ? bits : null, `must be ${inputs} digits, 0 or 1`);
  take("at", from_tag(net, asked.get("at") ?? ""), "there is no such unit or weight");
  take("epsilon", number_within(asked.get("epsilon"), 0, MOST_EPSILON), `must be a number from 0 to ${MOST_EPSILON}`);
  take("alpha", number_within(asked.get("alpha"), 0, MOST_ALPHA), `must be a number from 0 to ${MOST_ALPHA}`);
  take("theme", ["light", "dark"].includes(asked.get("theme")) ? asked.get("theme") : null, "must be light or dark");
  take("do", read_log(net, asked.get("do") ?? ""), "is not something that can be done here");
  if (found.do) {
    const sweeps = found.do.reduce((sum, entry) => sum + (entry.sweeps ?? 0), 0);
    const work = sweeps * net.cases.length * net.weights.reduce((sum, { to, from }) => sum + to * from, 0);
    if (work > MOST_WORK) {
      delete found.do;
      problems.push(`do=…: to repeat ${sweeps} sweeps takes too long; the run is shown as it was before`);
    }
  }
  return { found, problems };
}

/** What was done, from an address; null where it cannot be read. */
function read_log(net, text) {
  const entries = text.split(";").map((part) => {
    const [kind, at, ...rest] = part.split(",");
    const sweep = whole_within(at, 0, MOST_SWEEPS);
    if (sweep === null) return null;
    if (kind === "weight" && rest.length === 2) {
      const [chosen, value] = [from_tag(net, rest[0]), number_within(rest[1], -1e6, 1e6)];
      if (chosen?.kind !== "link" || value === null) return null;
      return { kind, at: sweep, key: chosen.link.key, place: chosen.j * chosen.link.from + chosen.i, value };
    }
    if (kind === "train" && (rest.length === 1 || rest.length === 3)) {
      const sweeps = whole_within(rest[0], 1, MOST_SWEEPS);
      const epsilon = number_within(rest[1] ?? "0", 0, MOST_EPSILON);
      const alpha = number_within(rest[2] ?? "0", 0, MOST_ALPHA);
      if ([sweeps, epsilon, alpha].includes(null)) return null;
      return { kind, at: sweep, sweeps, settings: rest.length === 3 ? { epsilon, alpha } : null };
    }
    return null;
  });
  return entries.includes(null) ? null : entries;
}

/** The log of a timeline as an address has it. */
function written_log(net, log) {
  return log
    .map((entry) => {
      if (entry.kind === "train") {
        const { at, sweeps, settings } = entry;
        return ["train", at, sweeps, ...(settings ? [settings.epsilon, settings.alpha] : [])].join(",");
      }
      const link = net.links.find((other) => other.key === entry.key);
      const chosen = { kind: "link", link, j: Math.floor(entry.place / link.from), i: entry.place % link.from };
      return ["weight", entry.at, tag_of(chosen), entry.value].join(",");
    })
    .join(";");
}

/** The address of a view. */
function address_of(view, theme) {
  const { net, timeline } = view;
  const said = {
    experiment: net.name,
    seed: timeline.seed,
    sweep: view.sweep,
    case: net.cases[view.c],
    step: view.step,
    input: view.own_inputs ? bits_of(net, view.own_inputs) : null,
    at: view.chosen ? tag_of(view.chosen) : null,
    epsilon: view.given?.epsilon ?? null,
    alpha: view.given?.alpha ?? null,
    theme,
    do: timeline.log.length ? written_log(net, timeline.log) : null,
  };
  const parts = Object.entries(said).filter(([, value]) => value !== null);
  return `#${parts.map(([name, value]) => `${name}=${encodeURIComponent(value).replace(/%(2C|3B|7E)/g, decodeURIComponent)}`).join("&")}`;
}
