// Where the units of a network stand: input at the bottom, output on top, groups of one level beside each other.

const ROW = 12; // more units than this stand in several rows, as the people of N Fig. 3 do
const LETTER = 7.5; // pixels that a letter of a group's name takes

/**
 * Where everything stands, in a drawing of that width: {width, height, radius, units, ones, names, beside}.
 * beside: the names of the groups stand left of them, where no link crosses them; else below.
 */
function layout(net, width) {
  const rank = {};
  for (const group of net.names) {
    const below = net.into(group).filter((link) => link.source !== ALWAYS_ON);
    rank[group] = Math.max(-1, ...below.map((link) => rank[link.source])) + 1;
  }
  const levels = d3.range(rank[net.output] + 1).map((level) => net.names.filter((name) => rank[name] === level));
  const columns = (group) => Math.min(ROW, net.units[group]);
  const rows = (group) => Math.ceil(net.units[group] / ROW);
  const across = (groups) => d3.sum(groups, columns) + (groups.length - 1);
  const left = Math.min(70, width * 0.1);
  const inner = width - left - 14;
  const least = inner / Math.max(...levels.map(across));
  const radius = Math.max(4, Math.min(24, least * 0.36));
  const numbered = (room) => room >= 46; // room for a number at every unit
  const gap = Math.max(80, Math.min(165, 500 / levels.length));
  const [units, ones, names] = [[], [], []];
  let y = radius + 24;
  for (const groups of [...levels].reverse()) {
    const room = Math.min(210, inner / across(groups));
    const row = 2 * radius + (numbered(room) ? 52 : 8);
    const free = (inner - across(groups) * room) / 2;
    let x = left + free;
    for (const group of groups) {
      for (let n = 0; n < net.units[group]; n++) {
        units.push({
          group,
          n,
          room: Math.min(room, free + room / 2 + radius + 30), // at the right edge less
          line: Math.floor(n / ROW),
          numbered: numbered(room),
          x: x + ((n % ROW) + 0.5) * room,
          y: y + Math.floor(n / ROW) * row,
        });
      }
      names.push({
        group,
        left: x + 0.5 * room - radius - 10,
        top: y - 6,
        middle: x + (columns(group) * room) / 2,
        foot: y + (rows(group) - 1) * row + radius + 24,
      });
      x += (columns(group) + 1) * room;
    }
    const fed = groups.filter((group) => net.into(group).some((link) => link.source === ALWAYS_ON));
    y += (Math.max(...groups.map(rows)) - 1) * row;
    if (fed.length) ones.push({ groups: fed, x: Math.max(14, left / 2), y: y + gap * 0.6 });
    y += gap;
  }
  const beside = names.length === levels.length && names.every((d) => d.left >= LETTER * words(d.group).length);
  return { width, height: y - gap + radius + (beside ? 14 : 34), radius, units, ones, names, beside };
}
