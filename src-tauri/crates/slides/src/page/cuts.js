// What convex windows leave of shapes that their native forms cannot show cut.

const mapped = (matrix, [x, y]) => {
  const point = matrix.transformPoint(new DOMPoint(x, y));
  return [point.x, point.y];
};

/** The outlines of a shape, each as points and whether it is closed, in the item's own coordinates. */
function outlinesOf(item) {
  if (item.form.type !== 'path') {
    const round = { round: item.form.radius, ellipse: Infinity }[item.form.type] ?? 0;
    const corner = (radius) => ({ x: Math.min(radius, item.w / 2), y: Math.min(radius, item.h / 2) });
    const corners = item.form.type === 'roundTwo' ? [item.form.top, item.form.top, item.form.bottom, item.form.bottom].map(corner) : [round, round, round, round].map(corner);
    return [{ points: pointsOf(outline({ ...item, corners })), closed: true }];
  }
  const outlines = [];
  let commands = [];
  const close = (closed) => {
    if (commands.length > 1) outlines.push({ points: pointsOf(commands).map(([x, y]) => [x + item.x, y + item.y]), closed });
    commands = [];
  };
  for (const command of item.form.commands) {
    if (command[0] === 'M') close(false);
    if (command[0] === 'Z') close(true);
    else commands.push(command);
  }
  close(false);
  return outlines;
}

/** The parts of a line that lie in a convex window. */
function linePartsIn(points, window) {
  const parts = [];
  let part = [];
  for (let index = 1; index < points.length; index += 1) {
    const piece = segmentIn(points[index - 1], points[index], window);
    if (piece && part.length > 0 && Math.hypot(part.at(-1)[0] - piece[0][0], part.at(-1)[1] - piece[0][1]) < 1e-6) part.push(piece[1]);
    else {
      if (part.length > 1) parts.push(part);
      part = piece ? [...piece] : [];
    }
  }
  if (part.length > 1) parts.push(part);
  return parts;
}

function segmentIn([ax, ay], [bx, by], window) {
  let [from, to] = [0, 1];
  for (let index = 0; index < window.length; index += 1) {
    const [p, q] = [window[index], window[(index + 1) % window.length]];
    const side = ([x, y]) => (q[0] - p[0]) * (y - p[1]) - (q[1] - p[1]) * (x - p[0]);
    const [start, end] = [side([ax, ay]), side([bx, by])];
    if (start < 0 && end < 0) return null;
    if (start < 0) from = Math.max(from, start / (start - end));
    else if (end < 0) to = Math.min(to, start / (start - end));
  }
  const at = (share) => [ax + share * (bx - ax), ay + share * (by - ay)];
  return from < to ? [at(from), at(to)] : null;
}

// Corners of a window run clockwise or not; cutting wants one way.
const areaOf = (points) => points.reduce((sum, [x, y], index) => sum + points.at(index - 1)[0] * y - x * points.at(index - 1)[1], 0);
// Points that differ by rounding alone would be an edge in any direction.
const plainly = (window) => window.filter(([x, y], index) => Math.hypot(x - window.at(index - 1)[0], y - window.at(index - 1)[1]) > 1e-3);
const oneWay = (windows) => windows.map(plainly).map((window) => (areaOf(window) < 0 ? [...window].reverse() : window));
const holds = (window, [x, y]) => window.every(([ax, ay], index) => {
  const [bx, by] = window[(index + 1) % window.length];
  return (bx - ax) * (y - ay) - (by - ay) * (x - ax) >= -0.75 * Math.hypot(bx - ax, by - ay);
});

/** The form in which convex windows show a turned picture or text; `null` if they cut nothing, 'nothing' if all. */
function cutPicture(item, windows, matrix) {
  const back = matrix.inverse();
  const straight = oneWay(windows.map((window) => window.map((point) => mapped(back, point))));
  const { points } = outlinesOf({ form: { type: 'rect' }, ...item })[0];
  if (points.every((point) => straight.every((window) => holds(window, point)))) return null;
  const rest = straight.reduce((left, window) => cutBy(left, window), points);
  if (rest.length < 3) return 'nothing';
  return { type: 'path', commands: [...rest.map(([x, y], index) => [index === 0 ? 'M' : 'L', tidy(x - item.x), tidy(y - item.y)]), ['Z']] };
}

/** What convex windows leave of a shape that its native form cannot show cut, as free forms; `null` if they cut nothing. */
function cutShape(item, windows, matrix) {
  const outlines = outlinesOf(item).map(({ points, closed }) => ({ closed, points: points.map((point) => mapped(matrix, point)) }));
  const straight = oneWay(windows);
  if (outlines.every(({ points }) => points.every((point) => straight.every((window) => holds(window, point))))) return null;
  const cut = [];
  const path = (points, closed) => [...points.map((point, index) => [index === 0 ? 'M' : 'L', ...point]), ...(closed ? [['Z']] : [])];
  if (item.fill) {
    const filled = outlines.flatMap(({ points }) => {
      const rest = straight.reduce((left, window) => cutBy(left, window), points);
      return rest.length > 2 ? path(rest, true) : [];
    });
    if (filled.length > 0) cut.push(pathItem(filled, { fill: item.fill }));
  }
  if (item.line) {
    const scale = Math.hypot(matrix.a, matrix.b);
    const drawn = outlines.flatMap(({ points, closed }) => {
      let parts = [closed ? [...points, points[0]] : points];
      for (const window of straight) parts = parts.flatMap((part) => linePartsIn(part, window));
      return parts.flatMap((part) => path(part, false));
    });
    if (drawn.length > 0) cut.push(pathItem(drawn, { line: { ...item.line, width: item.line.width * scale } }));
  }
  return cut.map((part) => ({ ...part, name: item.name, alt: item.alt }));
}
