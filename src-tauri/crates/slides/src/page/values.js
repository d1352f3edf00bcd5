// Values of computed styles as numbers and plain objects. All lengths are CSS pixels.

const brush = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
// Widths as a page at any scale has them, not fitted to this screen's pixels.
if ('textRendering' in brush) brush.textRendering = 'geometricPrecision';
const colours = new Map();
const styles = new Map();

const px = (text) => Number.parseFloat(text) || 0;
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
const tidy = (value) => Math.round(value * 1000) / 1000;

function styleOf(element) {
  let style = styles.get(element);
  if (!style) styles.set(element, (style = inLine(element, getComputedStyle(element))));
  return style;
}

/** Whether an element is a reading above letters. */
const isReading = (element) => element.localName === 'rt';

/** The readings above the letters of an element. */
const readingsIn = (element) => [...element.querySelectorAll('rt')].filter((reading) => getComputedStyle(reading).display !== 'none');

/** The style of an element; letters with a reading are a part of their line, and the reading is a text placed above it. */
function inLine(element, style) {
  const as = { ruby: { display: 'inline' }, rb: { display: 'inline' }, rt: { display: 'block', position: 'absolute' } }[element.localName];
  if (!as || style.display === 'none') return style;
  return new Proxy(style, { get: (target, name) => as[name] ?? (typeof target[name] === 'function' ? target[name].bind(target) : target[name]) });
}

/** `text` split at a separator that stands outside of brackets and quotes. */
function pieces(text, separator = ',') {
  const found = [];
  let depth = 0;
  let quote = '';
  let start = 0;
  for (let at = 0; at < text.length; at += 1) {
    const letter = text[at];
    if (quote) {
      if (letter === '\\') at += 1;
      else if (letter === quote) quote = '';
    } else if (letter === '"' || letter === "'") quote = letter;
    else if (letter === '(') depth += 1;
    else if (letter === ')') depth -= 1;
    else if (letter === separator && depth === 0) {
      found.push(text.slice(start, at).trim());
      start = at + 1;
    }
  }
  found.push(text.slice(start).trim());
  return found.filter((piece) => piece !== '');
}

/** How opaque a colour is, by its text: the canvas would round faint colours to nothing. */
function alphaOf(text) {
  if (text === 'transparent') return 0;
  const alpha = /\/\s*([\d.]+)(%?)\s*\)$/.exec(text) ?? /^(?:rgba|hsla)\([^)]*,\s*([\d.]+)(%?)\s*\)$/.exec(text);
  return alpha ? clamp(Number(alpha[1]) / (alpha[2] ? 100 : 1), 0, 1) : 1;
}

/** Any CSS colour as `{ hex, alpha }`; the canvas knows every colour space. */
function colour(text) {
  let known = colours.get(text);
  if (known) return known;
  const alpha = alphaOf(text);
  const paint = (value) => {
    brush.fillStyle = '#010203';
    brush.fillStyle = value;
    brush.clearRect(0, 0, 1, 1);
    brush.fillRect(0, 0, 1, 1);
    return brush.getImageData(0, 0, 1, 1).data;
  };
  let data = alpha > 0 && alpha < 1 ? paint(`rgb(from ${text} r g b / 1)`) : paint(text);
  // An engine without relative colours keeps the old brush.
  if (alpha > 0 && alpha < 1 && data[0] === 1 && data[1] === 2 && data[2] === 3) data = paint(text);
  const hex = [data[0], data[1], data[2]].map((part) => part.toString(16).padStart(2, '0')).join('');
  known = { hex: hex.toUpperCase(), alpha };
  colours.set(text, known);
  return known;
}

/** A colour made fainter by the opacity of what it stands in. */
function faded(text, opacity) {
  const { hex, alpha } = colour(text);
  return { hex, alpha: tidy(alpha * opacity) };
}

const isColour = (text) => /^(#|rgba?\(|hsla?\(|hwb\(|lab\(|lch\(|oklab\(|oklch\(|color\(|color-mix\(|transparent$|currentcolor$|[a-z]+$)/i.test(text);

/** The direction of a gradient in degrees, clockwise from "to the right". */
function direction(words, width, height) {
  const angle = /(-?[\d.]+)(deg|rad|turn|grad)/.exec(words);
  if (angle) {
    const factor = { deg: 1, rad: 180 / Math.PI, turn: 360, grad: 0.9 }[angle[2]];
    return Number(angle[1]) * factor - 90;
  }
  const right = /\bright\b/.test(words) ? 1 : /\bleft\b/.test(words) ? -1 : 0;
  const down = /\bbottom\b/.test(words) ? 1 : /\btop\b/.test(words) ? -1 : 0;
  // Towards a corner, the middle of the gradient runs through the two other corners.
  if (right !== 0 && down !== 0) return (Math.atan2(down * width, right * height) * 180) / Math.PI;
  if (right !== 0) return right > 0 ? 0 : 180;
  return down < 0 ? -90 : 90;
}

/** Colour stops with their places as fractions of `length`. */
function stopsOf(list, length) {
  const stops = [];
  for (const piece of list) {
    const words = pieces(piece, ' ');
    const places = words.filter((word) => /^-?[\d.]+(%|px)$/.test(word)).map((word) => px(word) / (word.endsWith('%') ? 100 : length || 1));
    const paint = words.find((word) => !/^-?[\d.]+(%|px)$/.test(word));
    if (paint === undefined) continue;
    stops.push({ paint, at: places[0] });
    if (places.length > 1) stops.push({ paint, at: places[1] });
  }
  if (stops.length === 0) return [];
  stops[0].at ??= 0;
  stops.at(-1).at ??= 1;
  for (let index = 1; index < stops.length; index += 1) {
    if (stops[index].at !== undefined) {
      stops[index].at = Math.max(stops[index].at, stops[index - 1].at);
      continue;
    }
    const next = stops.findIndex((stop, later) => later > index && stop.at !== undefined);
    const step = (stops[next].at - stops[index - 1].at) / (next - index + 1);
    for (let between = index; between < next; between += 1) stops[between].at = stops[between - 1].at + step;
  }
  return stops;
}

/** Places of stops brought into 0…1; what lies outside is mixed at the edge. */
function within(stops) {
  const mixed = (before, after, at) => {
    const share = (at - before.at) / (after.at - before.at || 1);
    return { paint: `color-mix(in srgb, ${after.paint} ${share * 100}%, ${before.paint})`, at };
  };
  const kept = [];
  for (let index = 0; index < stops.length; index += 1) {
    const stop = stops[index];
    const next = stops[index + 1];
    if (stop.at >= 0 && stop.at <= 1) kept.push(stop);
    if (next && stop.at < 0 && next.at > 0) kept.push(mixed(stop, next, 0));
    if (next && stop.at < 1 && next.at > 1) kept.push(mixed(stop, next, 1));
  }
  return kept.length > 0 ? kept : stops.slice(0, 1);
}

const positionWord = (word, room) =>
  ({ left: 0, top: 0, center: 0.5, right: 1, bottom: 1 })[word] ?? (word.endsWith('%') ? px(word) / 100 : px(word) / (room || 1));

/** A CSS gradient as a fill; `null` for what has no counterpart. */
function gradient(text, width, height, opacity) {
  const parts = /^(repeating-)?(linear|radial|conic)-gradient\((.*)\)$/s.exec(text);
  if (!parts || parts[1] || parts[2] === 'conic') return null;
  const list = pieces(parts[3]);
  const words = list.length > 0 && !isColour(list[0].replace(/\s.*$/s, '').replace(/^(in|to|at|circle|ellipse|closest-side|closest-corner|farthest-side|farthest-corner)$/i, '-')) ? list.shift() : '';
  const finish = (stops) =>
    within(stops).map(({ paint, at }) => ({ at: tidy(clamp(at, 0, 1)), ...faded(paint === 'transparent' ? 'rgba(0,0,0,0)' : paint, opacity) }));
  // Fading to `transparent` means the neighbour's colour getting fainter, not blacker.
  const clear = (stops) => {
    for (const [index, stop] of stops.entries()) {
      if (stop.alpha > 0) continue;
      const neighbour = stops[index - 1]?.alpha > 0 ? stops[index - 1] : stops[index + 1];
      if (neighbour) stop.hex = neighbour.hex;
    }
    return stops;
  };
  if (parts[2] === 'linear') {
    const angle = direction(words || 'to bottom', width, height);
    const radians = (angle * Math.PI) / 180;
    const length = Math.abs(width * Math.cos(radians)) + Math.abs(height * Math.sin(radians));
    const stops = clear(finish(stopsOf(list, length)));
    return stops.length > 1 ? { type: 'linear', angle: tidy(((angle % 360) + 360) % 360), stops } : null;
  }
  const at = /\bat\s+(\S+)(?:\s+(\S+))?/.exec(words);
  const centre = at ? [positionWord(at[1], width), positionWord(at[2] ?? 'center', height)] : [0.5, 0.5];
  const [x, y] = [centre[0] * width, centre[1] * height];
  const far = [Math.max(x, width - x), Math.max(y, height - y)];
  const near = [Math.min(x, width - x), Math.min(y, height - y)];
  const side = /closest-side/.test(words) ? near : far;
  const corner = /-side/.test(words) ? 1 : Math.SQRT2;
  const sizes = [...words.replace(/\bat\b.*/s, '').matchAll(/([\d.]+)(px|%)/g)].map((size) => [Number(size[1]), size[2]]);
  let radii;
  if (sizes.length > 0) {
    const [first, second = first] = sizes;
    radii = [first[1] === '%' ? (first[0] * width) / 100 : first[0], second[1] === '%' ? (second[0] * height) / 100 : second[0]];
  } else if (/\bcircle\b/.test(words)) {
    const radius = /-side/.test(words) ? (/closest/.test(words) ? Math.min(...near) : Math.max(...far)) : Math.hypot(...side);
    radii = [radius, radius];
  } else radii = [side[0] * corner, side[1] * corner];
  const stops = clear(finish(stopsOf(list, radii[0])));
  if (stops.length < 2) return null;
  return { type: 'radial', centre: centre.map(tidy), radii: [tidy(radii[0] / (width || 1)), tidy(radii[1] / (height || 1))], stops };
}
