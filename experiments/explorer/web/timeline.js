// A network's training as something to scrub through: the state after any number of sweeps.
//
// Some states are kept ("points"); what lies between is computed again from the point before. A stored run brings its
// points along. To change a weight, or to train on, cuts off what came later and goes on from there; ``log`` has what
// was done, so that an address can tell it.

const KEEP_EVERY = 25;
const MOST_SWEEPS = 100000;

/** The doubles that Python put into the page. */
function decoded(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new Float64Array(bytes.buffer);
}

/** ε and α of a sweep, counted from 1, by the experiment's phases. */
function phase_of(net, sweep) {
  for (const phase of net.phases) {
    if (phase.sweeps === null || sweep <= phase.sweeps) return phase;
    sweep -= phase.sweeps;
  }
  return net.phases[net.phases.length - 1];
}

class Timeline {
  /** run: a stored one, or null: the seed's own start, not yet trained. */
  constructor(net, seed, run) {
    Object.assign(this, { net, seed, stored: run !== null });
    const held_out = run ? run.held_out : net.splits ? net.splits[seed] : [];
    this.held_out = new Set(held_out);
    if (run) {
      const size = net.weights.reduce((sum, { to, from }) => sum + to * from, 0);
      const [w, change] = [decoded(run.weights), decoded(run.changes)];
      const part = (all, n) => net.cut(all.subarray(n * size, (n + 1) * size));
      this.points = run.sweeps.map((sweep, n) => ({ sweep, w: part(w, n), change: part(change, n), settings: null }));
      const E = decoded(run.curve.E);
      this.curve = run.curve.sweeps.map((sweep, n) => [sweep, E[n]]);
    } else {
      const [w, change] = [first_weights(net, seed), shaped(net, () => 0)];
      this.points = [{ sweep: 0, w, change, settings: null }];
      this.curve = [[0, through_all(net, w, this.held_out).E]];
    }
    this.last = this.points[this.points.length - 1].sweep;
    this.branched = null; // the sweep from which on it is not the stored run any more
    this.log = [];
    this.recent = null;
  }

  /** ε and α that a point goes on with. */
  settings(point, sweep) {
    return point.settings ?? phase_of(this.net, sweep);
  }

  /** The state after so many sweeps: {sweep, w, change}. */
  at(sweep) {
    let point = this.points[0];
    for (const other of this.points) if (other.sweep <= sweep) point = other;
    const near = this.recent;
    let { w, change, sweep: done } = near && near.point === point && near.sweep <= sweep ? near : point;
    for (; done < sweep; done++) {
      const { epsilon, alpha } = this.settings(point, done + 1);
      const { dE_dw } = through_all(this.net, w, this.held_out);
      ({ w, change } = changed(this.net, w, dE_dw, change, epsilon, alpha));
    }
    this.recent = { point, sweep, w, change };
    return { sweep, w, change };
  }

  /** The last settings given by hand before a sweep, or null: those of the experiment. */
  given_at(sweep) {
    return this.points.filter((point) => point.sweep <= sweep).pop().settings;
  }

  /** Forget all later sweeps; the state of this one becomes a point, with its settings. Returns it. */
  cut_at(sweep, settings) {
    const { w, change } = this.at(sweep);
    const copy = (tensors) => shaped(this.net, (key, n) => tensors[key][n]);
    const point = { sweep, w: copy(w), change: copy(change), settings };
    this.points = this.points.filter((other) => other.sweep < sweep);
    this.points.push(point);
    this.curve = this.curve.filter(([other]) => other < sweep);
    this.log = this.log
      .filter((entry) => entry.at < sweep || (entry.at === sweep && entry.kind === "weight"))
      .map((entry) =>
        entry.kind === "train" ? { ...entry, sweeps: Math.min(entry.sweeps, sweep - entry.at) } : entry,
      );
    this.branched = Math.min(this.branched ?? sweep, sweep);
    this.last = sweep;
    this.recent = null;
    this.curve.push([sweep, through_all(this.net, point.w, this.held_out).E]);
    return point;
  }

  /** Give one weight another value, after so many sweeps. */
  set_weight(sweep, key, place, value) {
    const point = this.cut_at(sweep, this.given_at(sweep));
    point.w[key][place] = value;
    this.curve[this.curve.length - 1][1] = through_all(this.net, point.w, this.held_out).E;
    this.log = this.log.filter(
      (entry) => !(entry.kind === "weight" && entry.at === sweep && entry.key === key && entry.place === place),
    );
    this.log.push({ kind: "weight", at: sweep, key, place, value });
  }

  /**
   * Train on from a sweep: so many sweeps, or fewer where the network learns (and the experiment then stops).
   * settings: {epsilon, alpha}, or null: the experiment's. Returns the last sweep and why it ended there.
   */
  train(sweep, sweeps, settings) {
    const same = JSON.stringify(this.given_at(sweep)) === JSON.stringify(settings);
    if (sweep < this.last || !same) this.cut_at(sweep, settings);
    let { w, change } = this.at(sweep);
    let [now, done, ended] = [through_all(this.net, w, this.held_out), 0, null];
    while (done < sweeps) {
      if (now.met && this.net.criterion.stop) ended = "learned";
      if (sweep + done >= MOST_SWEEPS) ended = "limit";
      if (ended) break;
      const { epsilon, alpha } = settings ?? phase_of(this.net, sweep + done + 1);
      ({ w, change } = changed(this.net, w, now.dE_dw, change, epsilon, alpha));
      now = through_all(this.net, w, this.held_out);
      done += 1;
      this.curve.push([sweep + done, now.E]);
      if ((sweep + done) % KEEP_EVERY === 0) this.points.push({ sweep: sweep + done, w, change, settings });
    }
    this.note(sweep, done, settings);
    this.last = Math.max(this.last, sweep + done);
    this.branched ??= sweep;
    const point = this.points[this.points.length - 1];
    this.recent = { point, sweep: sweep + done, w, change };
    return { sweep: sweep + done, ended };
  }

  /** Write into the log that so many sweeps were trained. */
  note(at, sweeps, settings) {
    const before = this.log[this.log.length - 1];
    const goes_on = before && before.kind === "train" && before.at + before.sweeps === at;
    if (goes_on && JSON.stringify(before.settings) === JSON.stringify(settings)) {
      before.sweeps += sweeps;
    } else if (sweeps > 0) {
      this.log.push({ kind: "train", at, sweeps, settings });
    }
  }
}
