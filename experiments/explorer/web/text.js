// Numbers and names as people read them.

/** A number to some four digits, with a true minus sign. */
function written(value, digits = 3) {
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : value < 0 ? "−∞" : "no number";
  const small = size < 10 ** -digits || size >= 1e6;
  const text = small
    ? size.toExponential(2).replace("e-", "e−").replace("e+", "e")
    : size.toFixed(size >= 100 ? 1 : digits);
  return (value < 0 ? "−" : "") + text;
}

/** The same in little room, for the drawing: with its sign, + too. */
function brief(value, signed = false) {
  const size = Math.abs(value);
  const sign = value < 0 ? "−" : signed && value > 0 ? "+" : "";
  if (size === 0) return "0";
  if (!Number.isFinite(value)) return `${sign}∞`;
  if (size < 0.001) return sign + size.toExponential(0).replace("e-", "e−");
  return (
    sign +
    (size >= 100 ? size.toFixed(0) : size >= 10 ? size.toFixed(1) : size < 0.1 ? size.toFixed(3) : size.toFixed(2))
  );
}

/** A factor or term of a sum: in brackets where it has a minus. */
function bracketed(value) {
  return value < 0 ? `(${written(value)})` : written(value);
}

function escaped(text) {
  return String(text).replace(
    /[&<>"]/g,
    (letter) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[letter],
  );
}

/** "person_code" as words. */
function words(name) {
  return name.replaceAll("_", " ").replace(/(\D)(\d)$/, "$1 $2");
}

/** A unit's name: "hidden 2", "Colin (person 1)", "the unit that is always 1". */
function unit_name(net, group, n) {
  if (group === ALWAYS_ON) return "the unit that is always 1";
  const own = net.groups.find((other) => other.name === group).names[n];
  if (own) return `${own} (${words(group)})`;
  return net.units[group] === 1 ? words(group) : `${words(group)} ${n + 1}`;
}

/** The same in little room, for tables. */
function short_name(net, group, n) {
  if (group === ALWAYS_ON) return "bias";
  return net.groups.find((other) => other.name === group).names[n] ?? unit_name(net, group, n);
}

function weight_name(net, link, j, i) {
  if (link.source === ALWAYS_ON) return `bias of ${unit_name(net, link.target, j)}`;
  return `weight from ${unit_name(net, link.source, i)} to ${unit_name(net, link.target, j)}`;
}

function chosen_name(net, chosen) {
  if (chosen.kind === "unit") return unit_name(net, chosen.group, chosen.n);
  return weight_name(net, chosen.link, chosen.j, chosen.i);
}

/** An address's word for a unit or weight, and back again (null where there is no such thing). */
function tag_of(chosen) {
  if (chosen.kind === "unit") return `${chosen.group}.${chosen.n + 1}`;
  return `${chosen.link.source}.${chosen.i + 1}~${chosen.link.target}.${chosen.j + 1}`;
}

function from_tag(net, tag) {
  const parts = tag.split("~").map((part) => /^([^.]+)\.(\d+)$/.exec(part));
  if (parts.includes(null)) return null;
  const [first, second] = parts.map(([, group, n]) => ({ group, n: Number(n) - 1 }));
  const exists = ({ group, n }) => Object.hasOwn(net.units, group) && n >= 0 && n < net.units[group];
  if (parts.length === 1) return exists(first) && first.group !== ALWAYS_ON ? { kind: "unit", ...first } : null;
  const link = net.links.find((other) => other.source === first.group && other.target === second?.group);
  return link && exists(first) && exists(second)
    ? { kind: "link", link, j: second.n, i: first.n, place: second.n * link.from + first.n }
    : null;
}

/** What stands in an input array, as 0s and 1s in one word. */
function bits_of(net, inputs) {
  return net.bottom.map((group) => Array.from(inputs[group]).join("")).join("");
}

/** A case's inputs in words, from such a word. */
function from_bits(net, bits) {
  let begin = 0;
  return Object.fromEntries(
    net.bottom.map((group) => [group, Float64Array.from(bits.slice(begin, (begin += net.units[group])), Number)]),
  );
}
