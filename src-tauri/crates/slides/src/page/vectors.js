// Inline SVG becomes native shapes, free forms and text where it maps; a part with a filter, a mask or a pattern stays SVG.

/** What moves or chooses by itself: such a drawing is taken as it is. */
const LIVELY = 'animate, animateTransform, animateMotion, set, switch';
const NOT_DRAWN = /^(defs|title|desc|metadata|style|linearGradient|radialGradient|script|clipPath|mask|filter|pattern|marker|symbol)$/;

/** Path data as absolute moves, lines and curves. */
function pathCommands(data) {
  const tokens = data.match(/[a-z]|[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?/gi) ?? [];
  const out = [];
  let [x, y, startX, startY] = [0, 0, 0, 0];
  let control = null;
  let quadratic = null;
  let at = 0;
  let command = '';
  // The flags of an arc may stand together without a space.
  const number = () => Number(tokens[at++]);
  const flag = () => {
    const token = tokens[at];
    if (token.length > 1 && /^[01]/.test(token)) {
      tokens[at] = token.slice(1);
      return Number(token[0]);
    }
    at += 1;
    return Number(token);
  };
  while (at < tokens.length) {
    if (/[a-z]/i.test(tokens[at])) command = tokens[at++];
    else if (command === 'M') command = 'L';
    else if (command === 'm') command = 'l';
    const relative = command === command.toLowerCase();
    const [baseX, baseY] = relative ? [x, y] : [0, 0];
    const kind = command.toUpperCase();
    const wasCurve = control;
    const wasQuadratic = quadratic;
    control = null;
    quadratic = null;
    if (kind === 'M') {
      [x, y] = [baseX + number(), baseY + number()];
      [startX, startY] = [x, y];
      out.push(['M', x, y]);
    } else if (kind === 'L') {
      [x, y] = [baseX + number(), baseY + number()];
      out.push(['L', x, y]);
    } else if (kind === 'H') {
      x = baseX + number();
      out.push(['L', x, y]);
    } else if (kind === 'V') {
      y = baseY + number();
      out.push(['L', x, y]);
    } else if (kind === 'C') {
      const points = [0, 1, 2, 3, 4, 5].map((index) => number() + (index % 2 ? baseY : baseX));
      out.push(['C', ...points]);
      control = [points[2], points[3]];
      [x, y] = [points[4], points[5]];
    } else if (kind === 'S') {
      const first = wasCurve ? [2 * x - wasCurve[0], 2 * y - wasCurve[1]] : [x, y];
      const points = [0, 1, 2, 3].map((index) => number() + (index % 2 ? baseY : baseX));
      out.push(['C', ...first, ...points]);
      control = [points[0], points[1]];
      [x, y] = [points[2], points[3]];
    } else if (kind === 'Q' || kind === 'T') {
      const middle = kind === 'Q' ? [baseX + number(), baseY + number()] : wasQuadratic ? [2 * x - wasQuadratic[0], 2 * y - wasQuadratic[1]] : [x, y];
      const end = [baseX + number(), baseY + number()];
      out.push(['C', x + ((middle[0] - x) * 2) / 3, y + ((middle[1] - y) * 2) / 3, end[0] + ((middle[0] - end[0]) * 2) / 3, end[1] + ((middle[1] - end[1]) * 2) / 3, ...end]);
      quadratic = middle;
      [x, y] = end;
    } else if (kind === 'A') {
      const [rx, ry, turn] = [number(), number(), number()];
      const [large, sweep] = [flag(), flag()];
      const end = [baseX + number(), baseY + number()];
      out.push(...arcCurves(x, y, rx, ry, turn, large, sweep, ...end));
      [x, y] = end;
    } else if (kind === 'Z') {
      out.push(['Z']);
      [x, y] = [startX, startY];
    } else return null;
    if (!Number.isFinite(x + y)) return null;
  }
  return out;
}

/** An elliptical arc as Bézier curves, by the conversion to a centre in the SVG specification (appendix B.2.4). */
function arcCurves(x1, y1, rx, ry, turn, large, sweep, x2, y2) {
  if (rx === 0 || ry === 0 || (x1 === x2 && y1 === y2)) return [['L', x2, y2]];
  const phi = (turn * Math.PI) / 180;
  const [cos, sin] = [Math.cos(phi), Math.sin(phi)];
  const [dx, dy] = [(x1 - x2) / 2, (y1 - y2) / 2];
  const [px1, py1] = [cos * dx + sin * dy, -sin * dx + cos * dy];
  let [a, b] = [Math.abs(rx), Math.abs(ry)];
  const grow = Math.sqrt((px1 / a) ** 2 + (py1 / b) ** 2);
  if (grow > 1) [a, b] = [a * grow, b * grow];
  const root = Math.sqrt(Math.max(0, (a * a * b * b - a * a * py1 * py1 - b * b * px1 * px1) / (a * a * py1 * py1 + b * b * px1 * px1))) * (Boolean(large) === Boolean(sweep) ? -1 : 1);
  const [pcx, pcy] = [(root * a * py1) / b, (-root * b * px1) / a];
  const [cx, cy] = [cos * pcx - sin * pcy + (x1 + x2) / 2, sin * pcx + cos * pcy + (y1 + y2) / 2];
  const from = Math.atan2((py1 - pcy) / b, (px1 - pcx) / a);
  let sweepAngle = Math.atan2((-py1 - pcy) / b, (-px1 - pcx) / a) - from;
  if (sweep && sweepAngle < 0) sweepAngle += 2 * Math.PI;
  if (!sweep && sweepAngle > 0) sweepAngle -= 2 * Math.PI;
  const count = Math.ceil(Math.abs(sweepAngle) / (Math.PI / 2));
  const step = sweepAngle / count;
  const reach = (4 / 3) * Math.tan(step / 4);
  const point = (angle) => [cx + a * Math.cos(angle) * cos - b * Math.sin(angle) * sin, cy + a * Math.cos(angle) * sin + b * Math.sin(angle) * cos];
  const slope = (angle) => [-a * Math.sin(angle) * cos - b * Math.cos(angle) * sin, -a * Math.sin(angle) * sin + b * Math.cos(angle) * cos];
  const curves = [];
  for (let index = 0; index < count; index += 1) {
    const [one, two] = [from + index * step, from + (index + 1) * step];
    const [start, end] = [point(one), point(two)];
    const [leaving, arriving] = [slope(one), slope(two)];
    curves.push(['C', start[0] + reach * leaving[0], start[1] + reach * leaving[1], end[0] - reach * arriving[0], end[1] - reach * arriving[1], ...end]);
  }
  curves.at(-1).splice(5, 2, x2, y2);
  return curves;
}

/** What an SVG shape draws, as commands in its own coordinates. */
function shapeCommands(element) {
  const value = (name) => element[name].baseVal.value;
  switch (element.localName) {
    case 'path':
      return pathCommands(element.getAttribute('d') ?? '');
    case 'rect': {
      const [x, y, w, h] = ['x', 'y', 'width', 'height'].map(value);
      const style = styleOf(element);
      const length = (text, room) => (text === 'auto' ? null : text.endsWith('%') ? (px(text) / 100) * room : px(text));
      const rx = length(style.rx, w);
      const ry = length(style.ry, h);
      const corner = { x: Math.min(w / 2, rx ?? ry ?? 0), y: Math.min(h / 2, ry ?? rx ?? 0) };
      return w > 0 && h > 0 ? outline({ x, y, w, h, corners: [corner, corner, corner, corner] }) : [];
    }
    case 'circle':
    case 'ellipse': {
      const [cx, cy] = [value('cx'), value('cy')];
      const [rx, ry] = element.localName === 'circle' ? [value('r'), value('r')] : [value('rx'), value('ry')];
      const corner = { x: rx, y: ry };
      return rx > 0 && ry > 0 ? outline({ x: cx - rx, y: cy - ry, w: 2 * rx, h: 2 * ry, corners: [corner, corner, corner, corner] }) : [];
    }
    case 'line':
      return [['M', value('x1'), value('y1')], ['L', value('x2'), value('y2')]];
    case 'polyline':
    case 'polygon': {
      const points = [...element.points];
      const commands = points.map(({ x, y }, index) => [index === 0 ? 'M' : 'L', x, y]);
      if (element.localName === 'polygon' && commands.length > 0) commands.push(['Z']);
      return commands;
    }
    default:
      return null;
  }
}

function svgPaint(element, text, opacity, box, matrix) {
  if (text === 'none') return null;
  const reference = /^url\(["']?#([^"')]+)["']?\)/.exec(text);
  if (!reference) {
    const paint = faded(text.startsWith('context-') ? 'black' : text, opacity);
    return paint.alpha > 0.002 ? { type: 'solid', ...paint } : null;
  }
  let source = element.ownerDocument.getElementById(reference[1]);
  if (!source || !/^(linear|radial)Gradient$/.test(source.localName)) return undefined;
  let stops = source;
  for (let hops = 0; stops.querySelector('stop') === null && stops.href?.baseVal && hops < 5; hops += 1) stops = element.ownerDocument.getElementById(stops.href.baseVal.slice(1)) ?? stops;
  const list = [...stops.querySelectorAll('stop')].map((stop) => {
    const style = getComputedStyle(stop);
    const paint = colour(style.stopColor);
    return { at: tidy(clamp(stop.offset.baseVal, 0, 1)), hex: paint.hex, alpha: tidy(paint.alpha * Number(style.stopOpacity || 1) * opacity) };
  });
  if (list.length === 0) return null;
  if (list.length === 1) return { type: 'solid', hex: list[0].hex, alpha: list[0].alpha };
  const inBox = source.gradientUnits.baseVal !== 1;
  if (source.localName === 'linearGradient') {
    const [x1, y1, x2, y2] = ['x1', 'y1', 'x2', 'y2'].map((name) => {
      const length = source[name].baseVal;
      return inBox ? (length.unitType === 2 ? length.valueInSpecifiedUnits / 100 : length.value) : length.value;
    });
    const [dx, dy] = inBox ? [(x2 - x1) * box.width, (y2 - y1) * box.height] : [x2 - x1, y2 - y1];
    return { type: 'linear', angle: tidy(((Math.atan2(dy, dx) * 180) / Math.PI + 360) % 360), stops: list };
  }
  const [cx, cy, r] = ['cx', 'cy', 'r'].map((name) => {
    const length = source[name].baseVal;
    return inBox ? (length.unitType === 2 ? length.valueInSpecifiedUnits / 100 : length.value) : length.value;
  });
  const centre = inBox ? [cx, cy] : [(cx - box.x) / (box.width || 1), (cy - box.y) / (box.height || 1)];
  const radii = inBox ? [r, r] : [r / (box.width || 1), r / (box.height || 1)];
  return { type: 'radial', centre: centre.map((part) => tidy(clamp(part, 0, 1))), radii: radii.map(tidy), stops: list };
}

/** All of an inline SVG as items, or `null` if it is taken as a whole; a part that does not map is a picture of itself. */
function vectorItems(svg, state, report) {
  if (svg.querySelector(LIVELY)) return null;
  const items = [];
  const visit = (element, opacity) => {
    const style = styleOf(element);
    if (style.display === 'none' || NOT_DRAWN.test(element.localName)) return;
    const faint = opacity * Number(style.opacity);
    if (faint < 0.004) return;
    const had = items.length;
    if (!drawn(element, style, faint)) {
      items.length = had;
      partPicture(element, svg, items, report);
    }
  };
  const drawn = (element, style, faint) => {
    const shadow = svgShadow(element, style, faint);
    if (shadow === undefined || style.mixBlendMode !== 'normal' || (style.maskImage ?? 'none') !== 'none' || hasMask(element, style)) return false;
    const window = clipWindow(element, style);
    if (window === undefined) return false;
    const had = items.length;
    if (!drawnWhole(element, style, faint, shadow)) return false;
    return window === null || cutItems(items, had, window);
  };
  const drawnWhole = (element, style, faint, shadow) => {
    if (/^(g|svg|a)$/.test(element.localName)) {
      if (shadow) return false;
      for (const child of element.children) visit(child, faint);
      return true;
    }
    if (element.localName === 'text') return !shadow && !element.querySelector('textPath') && svgText(element, faint, state, items);
    if (element.localName === 'image') return !shadow && svgImage(element, faint, items);
    const commands = shapeCommands(element);
    if (commands === null) return false;
    if (commands.length === 0 || style.visibility !== 'visible') return true;
    const first = items.length;
    if (!svgShape(element, commands, style, faint, items)) return false;
    if (shadow && items[first]) items[first].shadow = shadow;
    return true;
  };
  for (const child of svg.children) visit(child, state.opacity);
  return items;
}

const hasMask = (element, style) => (style.getPropertyValue('mask') || 'none').startsWith('url') || (element.getAttribute('mask') ?? '').startsWith('url');

/** The window that a clip leaves open, as the slide sees it: its box and its corners; `null` if it takes nothing away, `undefined` if it is no such form. */
function clipWindow(element, style) {
  if (style.clipPath === 'none') return null;
  const reference = /^url\(["']?[^"'#)]*#([^"')]+)["']?\)$/.exec(style.clipPath);
  const clip = reference && element.ownerDocument.getElementById(reference[1]);
  const [frame] = clip?.children ?? [];
  if (!frame || clip.children.length > 1 || !/^(rect|circle|ellipse)$/.test(frame.localName) || frame.style.clipPath || frame.hasAttribute('clip-path')) return undefined;
  const box = element.getBBox();
  const whole = element.getScreenCTM();
  if (!whole) return undefined;
  let matrix = new DOMMatrix([whole.a, whole.b, whole.c, whole.d, whole.e, whole.f]);
  if (clip.clipPathUnits.baseVal !== 1) matrix = matrix.translate(box.x, box.y).scale(box.width, box.height);
  const own = frame.transform.baseVal.consolidate()?.matrix;
  if (own) matrix = matrix.multiply(new DOMMatrix([own.a, own.b, own.c, own.d, own.e, own.f]));
  if (Math.abs(matrix.b) + Math.abs(matrix.c) > 1e-6 || matrix.a <= 0 || matrix.d <= 0) return undefined;
  const value = (name) => frame[name].baseVal.value;
  let form;
  if (frame.localName === 'rect') {
    const look = getComputedStyle(frame);
    const [rx, ry] = [look.rx, look.ry].map((radius) => (radius === 'auto' ? null : px(radius)));
    form = { x: value('x'), y: value('y'), w: value('width'), h: value('height'), rx: rx ?? ry ?? 0, ry: ry ?? rx ?? 0 };
  } else {
    const [rx, ry] = frame.localName === 'circle' ? [value('r'), value('r')] : [value('rx'), value('ry')];
    form = { x: value('cx') - rx, y: value('cy') - ry, w: 2 * rx, h: 2 * ry, rx, ry };
  }
  const corner = { x: Math.min(form.rx, form.w / 2) * matrix.a, y: Math.min(form.ry, form.h / 2) * matrix.d };
  const at = matrix.transformPoint(new DOMPoint(form.x, form.y));
  const window = { x: at.x, y: at.y, w: form.w * matrix.a, h: form.h * matrix.d, corners: [corner, corner, corner, corner] };
  // Charts have a clip around all of their plot that mostly takes nothing away.
  const shown = element.getBoundingClientRect();
  const edge = 1 + (px(style.strokeWidth) / 2) * matrix.a;
  const isSquare = corner.x * corner.y < 0.1;
  const holds = shown.left >= window.x - edge && shown.top >= window.y - edge && shown.right <= window.x + window.w + edge && shown.bottom <= window.y + window.h + edge;
  return isSquare && holds ? null : window;
}

/** Cuts the items from `first` on by a window; `false` if one of them cannot be cut and stay what it is. */
function cutItems(items, first, window) {
  const points = pointsOf(outline(window));
  const flat = new DOMMatrix();
  const rest = [];
  for (const item of items.splice(first)) {
    if (!touches(item, window)) continue;
    if (item.kind === 'shape') {
      const parts = cutShape(item, [points], flat);
      // Of a gradient or a shadow the part that is left would be drawn as a whole one.
      if (parts && (item.shadow || (item.fill && item.fill.type !== 'solid'))) return false;
      rest.push(...(parts ?? [item]));
      continue;
    }
    const corners = [[item.x, item.y], [item.x + item.w, item.y], [item.x + item.w, item.y + item.h], [item.x, item.y + item.h]];
    const isWhole = !item.rotation && corners.every((corner) => isInside(corner, points));
    if (isWhole) rest.push(item);
    else if (item.kind === 'picture' && item.form.type === 'rect' && !item.rotation && item.crop.every((edge) => edge === 0)) {
      const square = [0, 1, 2, 3].map(() => ({ x: 0, y: 0 }));
      const part = clipped(item, square, [window]);
      // A window that reaches beyond the picture with round corners leaves a form of its own.
      const reaches = window.x < item.x - 1 || window.y < item.y - 1 || window.x + window.w > item.x + item.w + 1 || window.y + window.h > item.y + item.h + 1;
      if (!part || (reaches && window.corners[0].x > 1)) return false;
      const { x, y, w, h, form, crop, ...more } = item;
      rest.push(pictureItem(part, item, more));
    } else return false;
  }
  items.push(...rest);
  return true;
}

/** The shadow that a filter of one `feDropShadow` casts, `null` without a filter; `undefined` for every other filter. */
function svgShadow(element, style, opacity) {
  if (style.filter === 'none') return null;
  const reference = /^url\(["']?[^"'#)]*#([^"')]+)["']?\)$/.exec(style.filter);
  const filter = reference && element.ownerDocument.getElementById(reference[1]);
  const [cast] = filter?.children ?? [];
  const matrix = element.getScreenCTM?.();
  if (!cast || filter.children.length > 1 || cast.localName !== 'feDropShadow' || !matrix) return undefined;
  const scale = Math.sqrt(Math.abs(matrix.a * matrix.d - matrix.b * matrix.c));
  const look = getComputedStyle(cast);
  const paint = colour(look.floodColor);
  return { x: cast.dx.baseVal * scale, y: cast.dy.baseVal * scale, blur: cast.stdDeviationX.baseVal * 2 * scale, spread: 0, hex: paint.hex, alpha: tidy(paint.alpha * Number(look.floodOpacity) * opacity) };
}

/** A picture of one part of a drawing, with the part itself as SVG beside it. */
function partPicture(element, svg, items, report) {
  const box = paintedBox(element);
  if (box.w <= 1 || box.h <= 1) return;
  report.pictures.push({ what: describe(element), why: 'SVG with effects that shapes do not have' });
  items.push({ kind: 'picture', ...box, form: { type: 'rect' }, crop: [0, 0, 0, 0], source: shotOf(element, 'tree'), vector: partAlone(element, svg, box), alpha: 1, alt: element.getAttribute('aria-label') ?? element.textContent.trim().replace(/\s+/g, ' ').slice(0, 200) });
}

/** A part of an inline SVG as a file of its own that shows `box`; `null` where that part of the drawing is turned. */
function partAlone(element, svg, box) {
  const matrix = svg.getScreenCTM();
  if (!matrix || Math.abs(matrix.b) + Math.abs(matrix.c) > 1e-6) return null;
  element.dataset.okcvmPart = '';
  const whole = new DOMParser().parseFromString(standalone(svg, box), 'image/svg+xml').documentElement;
  delete element.dataset.okcvmPart;
  const part = whole.querySelector('[data-okcvm-part]');
  if (!part) return null;
  for (const other of [...whole.querySelectorAll('*')]) {
    const stays = part.contains(other) || other.contains(part) || NOT_DRAWN.test(other.localName) || other.closest('defs, symbol, clipPath, mask, filter, pattern, marker, linearGradient, radialGradient') || other.id !== '';
    if (!stays) other.remove();
  }
  // What a part may refer to by its name stays, unseen.
  for (const other of whole.querySelectorAll('[id]')) if (!part.contains(other) && !other.contains(part) && !NOT_DRAWN.test(other.localName) && !other.closest('defs, symbol, clipPath, mask, pattern, marker')) other.setAttribute('display', 'none');
  part.removeAttribute('data-okcvm-part');
  whole.setAttribute('viewBox', [(box.x - matrix.e) / matrix.a, (box.y - matrix.f) / matrix.d, box.w / matrix.a, box.h / matrix.d].map(tidy).join(' '));
  whole.setAttribute('preserveAspectRatio', 'none');
  return new XMLSerializer().serializeToString(whole);
}

/** A picture in a drawing, whole in its frame as it is without a word about it; `false` if it is placed otherwise. */
function svgImage(element, opacity, items) {
  const matrix = element.getScreenCTM();
  const source = new URL(element.href.baseVal, document.baseURI).href;
  const natural = loadedImages.get(source);
  if (!matrix || Math.abs(matrix.b) + Math.abs(matrix.c) > 1e-6 || !natural || (element.hasAttribute('preserveAspectRatio') && !/^xMidYMid( meet)?$/.test(element.getAttribute('preserveAspectRatio')))) return false;
  const [x, y, w, h] = ['x', 'y', 'width', 'height'].map((name) => element[name].baseVal.value);
  const frame = { x: matrix.a * x + matrix.e, y: matrix.d * y + matrix.f, w: matrix.a * (w || natural.w), h: matrix.d * (h || natural.h) };
  const at = placed(frame, natural, 'contain', '50% 50%');
  if (!(at.w > 0 && at.h > 0)) return true;
  const square = [0, 1, 2, 3].map(() => ({ x: 0, y: 0 }));
  items.push(pictureItem({ ...at, corners: square }, at, { source: natural.convert ? natural.convert() : source, alpha: opacity, alt: element.getAttribute('aria-label') ?? '' }));
  return true;
}

function svgShape(element, commands, style, opacity, items) {
  const matrix = element.getScreenCTM();
  if (!matrix) return true;
  const move = (x, y) => [matrix.a * x + matrix.c * y + matrix.e, matrix.b * x + matrix.d * y + matrix.f];
  const moved = commands.map(([command, ...numbers]) => {
    const points = [];
    for (let at = 0; at < numbers.length; at += 2) points.push(...move(numbers[at], numbers[at + 1]));
    return [command, ...points];
  });
  const box = element.getBBox();
  const scale = Math.sqrt(Math.abs(matrix.a * matrix.d - matrix.b * matrix.c));
  const heads = arrowheads(element, commands, style, opacity, matrix);
  if (heads === null) return false;
  const open = element.localName === 'line';
  const fill = open ? null : svgPaint(element, style.fill, opacity * Number(style.fillOpacity), box, matrix);
  const stroke = svgPaint(element, style.stroke, opacity * Number(style.strokeOpacity), box, matrix);
  if (fill === undefined || stroke === undefined) return false;
  const width = px(style.strokeWidth) * (style.vectorEffect === 'non-scaling-stroke' ? 1 : scale);
  const flat = stroke && stroke.type !== 'solid' ? stroke.stops[0] : stroke;
  const line = flat && width > 0.01 ? { width: tidy(width), hex: flat.hex, alpha: flat.alpha, cap: style.strokeLinecap, join: style.strokeLinejoin, dash: 'solid' } : null;
  if (line && style.strokeDasharray !== 'none') {
    const lengths = style.strokeDasharray.split(/[ ,]+/).map((length) => px(length) * scale);
    // A ring drawn by one long dash shows only that part of itself.
    const total = element.getTotalLength() * scale;
    const offset = px(style.strokeDashoffset) * scale;
    const parts = dashesOf(lengths, offset, total);
    if (parts && ((lengths[0] >= total * 0.02 && (lengths[1] ?? lengths[0]) >= total * 0.2) || (offset !== 0 && parts.length <= 4))) {
      if (fill) items.push(pathItem(moved, { fill }));
      for (const [from, to] of parts) items.push(pathItem(partOf(element, matrix, from, to, total), { line }));
      items.push(...heads);
      return true;
    }
    line.pattern = lengths.map((length) => tidy(length / width));
  }
  if (fill || line) {
    const round = style.fillRule === 'evenodd' ? { evenOdd: true } : {};
    items.push({ ...nativeForm(element, moved, matrix), ...(fill ? { fill } : {}), ...(line ? { line } : {}), ...round });
  }
  items.push(...heads);
  return true;
}

/** The corners of a path with the directions in which it comes to them and leaves them. */
function cornersOfPath(commands) {
  const corners = [];
  let at = null;
  let start = null;
  const towards = (from, ...points) => points.map(([x, y]) => [x - from[0], y - from[1]]).find(([x, y]) => Math.hypot(x, y) > 1e-6) ?? [1, 0];
  const reach = (to, leaving, arriving) => {
    if (corners.length > 0) corners.at(-1).leaving = leaving;
    corners.push({ at: to, arriving });
    at = to;
  };
  for (const [command, ...numbers] of commands) {
    if (command === 'M') {
      at = numbers;
      start = numbers;
      corners.push({ at });
    } else if (command === 'L') reach(numbers, towards(at, numbers), towards(at, numbers));
    else if (command === 'C') {
      const [one, two, to] = [numbers.slice(0, 2), numbers.slice(2, 4), numbers.slice(4)];
      reach(to, towards(at, one, two, to), towards(to, two, one, at).map((part) => -part));
    } else if (start) reach(start, towards(at, start), towards(at, start));
  }
  return corners;
}

/** What the markers of a line draw, as shapes where they stand; `null` if that does not map. */
function arrowheads(element, commands, style, opacity, matrix) {
  const items = [];
  if (!/^(path|line|polyline|polygon)$/.test(element.localName)) return items;
  const corners = cornersOfPath(commands);
  for (const place of ['Start', 'Mid', 'End']) {
    const id = /^url\(["']?#([^"')]+)["']?\)/.exec(style[`marker${place}`] ?? '')?.[1];
    const marker = id && element.ownerDocument.getElementById(id);
    if (!marker || marker.localName !== 'marker') continue;
    const stops = { Start: corners.slice(0, 1), Mid: corners.slice(1, -1), End: corners.length > 1 ? corners.slice(-1) : [] }[place];
    for (const { at, arriving, leaving } of stops) {
      const parts = markerParts(marker, at, place === 'Start' ? leaving : arriving, place, style, opacity, matrix);
      if (parts === null) return null;
      items.push(...parts);
    }
  }
  return items;
}

function markerParts(marker, [x, y], direction = [1, 0], place, style, opacity, matrix) {
  const turn = (Math.atan2(direction[1], direction[0]) * 180) / Math.PI;
  const orient = marker.getAttribute('orient') ?? '0';
  const angle = orient === 'auto' ? turn : orient === 'auto-start-reverse' ? (place === 'Start' ? turn + 180 : turn) : marker.orientAngle.baseVal.value;
  const box = marker.viewBox.baseVal;
  const unit = marker.getAttribute('markerUnits') === 'userSpaceOnUse' ? 1 : px(style.strokeWidth);
  const size = box && box.width > 0 && box.height > 0 ? Math.min(marker.markerWidth.baseVal.value / box.width, marker.markerHeight.baseVal.value / box.height) : 1;
  const base = new DOMMatrix([matrix.a, matrix.b, matrix.c, matrix.d, matrix.e, matrix.f]).translate(x, y).rotate(angle).scale(unit * size).translate(-marker.refX.baseVal.value, -marker.refY.baseVal.value);
  const items = [];
  for (const child of marker.children) {
    const commands = shapeCommands(child);
    if (commands === null) return null;
    const own = child.transform.baseVal.consolidate()?.matrix;
    const whole = own ? base.multiply(new DOMMatrix([own.a, own.b, own.c, own.d, own.e, own.f])) : base;
    const look = getComputedStyle(child);
    const paint = (name) => (look[name].startsWith('context-') ? style[look[name] === 'context-fill' ? 'fill' : 'stroke'] : look[name]);
    const all = opacity * Number(look.opacity);
    const fill = child.localName === 'line' ? null : svgPaint(child, paint('fill'), all * Number(look.fillOpacity), { x: 0, y: 0, width: 1, height: 1 }, base);
    const stroke = svgPaint(child, paint('stroke'), all * Number(look.strokeOpacity), { x: 0, y: 0, width: 1, height: 1 }, base);
    if (fill === undefined || stroke === undefined) return null;
    const width = px(look.strokeWidth) * Math.sqrt(Math.abs(whole.a * whole.d - whole.b * whole.c));
    const line = stroke?.type === 'solid' && width > 0.01 ? { width: tidy(width), hex: stroke.hex, alpha: stroke.alpha, cap: look.strokeLinecap, join: look.strokeLinejoin, dash: 'solid' } : null;
    const moved = commands.map(([command, ...numbers]) => {
      const points = [];
      for (let index = 0; index < numbers.length; index += 2) {
        const point = whole.transformPoint(new DOMPoint(numbers[index], numbers[index + 1]));
        points.push(point.x, point.y);
      }
      return [command, ...points];
    });
    if (moved.length > 1 && (fill || line)) items.push(pathItem(moved, { ...(fill ? { fill } : {}), ...(line ? { line } : {}) }));
  }
  return items;
}

const MOST_DASHES = 12;

/** From where to where the dashes of an outline reach, in lengths along it; `null` if they are many. */
function dashesOf(lengths, offset, total) {
  const pattern = lengths.length % 2 === 0 ? lengths : [...lengths, ...lengths];
  const whole = pattern.reduce((sum, length) => sum + length, 0);
  if (!(whole > 0)) return null;
  const parts = [];
  // The pattern begins before the outline, by its offset.
  let at = -(((offset % whole) + whole) % whole);
  for (let index = 0; at < total; index += 1) {
    const length = pattern[index % pattern.length];
    const [from, to] = [Math.max(0, at), Math.min(total, at + length)];
    if (index % 2 === 0 && to - from > 0.01) parts.push([from, to]);
    if (parts.length > MOST_DASHES || index > 1000) return null;
    at += length;
  }
  return parts;
}

/** A part of an outline, as a line of its own. */
function partOf(element, matrix, from, shown, total) {
  const scale = total / (element.getTotalLength() || 1);
  const count = 64;
  const commands = [];
  for (let index = 0; index <= count; index += 1) {
    const point = element.getPointAtLength((from + ((shown - from) * index) / count) / scale);
    commands.push([index === 0 ? 'M' : 'L', matrix.a * point.x + matrix.c * point.y + matrix.e, matrix.b * point.x + matrix.d * point.y + matrix.f]);
  }
  return commands;
}

/** Rectangles and ellipses that stand upright keep their own form, the rest is a free form. */
function nativeForm(element, moved, matrix) {
  const upright = Math.abs(matrix.b) < 1e-6 && Math.abs(matrix.c) < 1e-6;
  const item = pathItem(moved, {});
  if (!upright) return item;
  if (/^(circle|ellipse)$/.test(element.localName)) return { ...item, form: { type: 'ellipse' } };
  if (element.localName === 'rect') {
    const style = styleOf(element);
    const rx = style.rx === 'auto' ? (style.ry === 'auto' ? 0 : px(style.ry)) : px(style.rx);
    const radius = Math.min(rx * matrix.a, item.w / 2, item.h / 2);
    return { ...item, form: radius > 0.3 ? { type: 'round', radius: tidy(radius) } : { type: 'rect' } };
  }
  return item;
}

/** Text of an SVG: a box for each piece that stands by itself. */
function svgText(element, opacity, state, items) {
  const matrix = element.getScreenCTM();
  if (!matrix) return true;
  const angle = (Math.atan2(matrix.b, matrix.a) * 180) / Math.PI;
  const scale = Math.sqrt(Math.abs(matrix.a * matrix.d - matrix.b * matrix.c));
  if (styleOf(element).writingMode.startsWith('vertical')) return false;
  const pieces = [];
  const walk = (node) => {
    for (const child of node.childNodes) {
      if (child.nodeType === Node.TEXT_NODE && child.data.trim() !== '') pieces.push(child);
      else if (child.nodeType === Node.ELEMENT_NODE && styleOf(child).display !== 'none') walk(child);
    }
  };
  walk(element);
  const parts = [];
  for (const piece of pieces) {
    const parent = piece.parentElement;
    const style = styleOf(parent);
    if (style.visibility !== 'visible') continue;
    const shown = piece.data.replace(/\s+/g, ' ');
    const text = parent === element && pieces.length === 1 ? shown.trim() : shown;
    // Letters that are only outlined are shown in the colour of their outline.
    const paint = svgPaint(parent, style.fill, opacity * Number(style.fillOpacity), element.getBBox(), matrix) ?? svgPaint(parent, style.stroke, opacity * Number(style.strokeOpacity), element.getBBox(), matrix);
    if (!paint || text.trim() === '') continue;
    const range = document.createRange();
    range.selectNodeContents(piece);
    const size = px(style.fontSize);
    const font = fontOf(style.fontFamily);
    const { ascent } = metrics(font.latin, style.fontWeight, style.fontStyle);
    // Where the piece begins and how long it is, in the coordinates of the text.
    const count = element.getNumberOfChars();
    const offset = letterOffset(element, piece);
    if (offset >= count) continue;
    const start = element.getStartPositionOfChar(offset);
    // Where the letters stand is known by their box: their place is given before `dominant-baseline`.
    const extent = element.getExtentOfChar(offset);
    const lower = /auto|alphabetic/.test(style.dominantBaseline) || element.getRotationOfChar(offset) !== 0 ? 0 : extent.y + ascent * size - start.y;
    const final = element.getEndPositionOfChar(Math.min(count, offset + text.trimEnd().length) - 1);
    const [x, y] = [matrix.a * start.x + matrix.c * (start.y + lower) + matrix.e, matrix.b * start.x + matrix.d * (start.y + lower) + matrix.f];
    const [endX, endY] = [matrix.a * final.x + matrix.c * (final.y + lower) + matrix.e, matrix.b * final.x + matrix.d * (final.y + lower) + matrix.f];
    const width = Math.hypot(endX - x, endY - y);
    const solid = paint.type === 'solid' ? paint : paint.stops[0];
    const eastAsian = eastAsianName(style.fontFamily, text, element.closest('[lang]')?.lang ?? '', font.serif);
    const emoji = EMOJI_LETTER.test(text);
    const run = {
      text, size: tidy(size * scale), mainSize: tidy(size * scale), latin: emoji && !/[a-z]/i.test(text) ? emojiFont() : font.written, eastAsian, bold: Number(style.fontWeight) >= 600, italic: style.fontStyle !== 'normal',
      hex: solid.hex, alpha: solid.alpha, spacing: tidy(px(style.letterSpacing) * scale), raise: 0, strike: false, language: '',
    };
    const anchor = { middle: 'center', end: 'right' }[styleOf(parent).textAnchor] ?? 'left';
    parts.push({ run, from: [x, y], to: [endX, endY], pitch: size * scale, below: BELOW * size * scale, anchor });
  }
  // Pieces that follow one another, as of words in bold, are one text; one that is moved is its own.
  const isMoved = [...element.querySelectorAll('tspan, textPath')].some((part) => part.localName === 'textPath' || ['x', 'y', 'dx', 'dy', 'rotate'].some((name) => part.hasAttribute(name)));
  for (const group of isMoved ? parts.map((part) => [part]) : parts.length > 0 ? [parts] : []) items.push(svgTextBox(group, angle));
  return true;
}

/** The text box of pieces that stand in one line. */
function svgTextBox(parts, angle) {
  const [first, last] = [parts[0], parts.at(-1)];
  const [x, y] = first.from;
  const width = Math.hypot(last.to[0] - x, last.to[1] - y);
  const main = parts.reduce((one, other) => (other.pitch > one.pitch ? other : one));
  const box = { w: Math.max(width, 1), h: main.pitch };
  // The middle of the box, from the base line's start along the direction of the text.
  const radians = (angle * Math.PI) / 180;
  const up = main.below - main.pitch / 2;
  const cx = x + (Math.cos(radians) * width) / 2 - Math.sin(radians) * up;
  const cy = y + (Math.sin(radians) * width) / 2 + Math.cos(radians) * up;
  const runs = parts.map(({ run }) => run);
  runs[0] = { ...runs[0], text: runs[0].text.trimStart() };
  runs[runs.length - 1] = { ...runs.at(-1), text: runs.at(-1).text.trimEnd() };
  const paragraph = { runs, align: first.anchor, rtl: false, pitch: tidy(main.pitch), rows: 1, before: 0 };
  return { kind: 'text', x: cx - box.w / 2, y: cy - box.h / 2, w: box.w, h: box.h, rotation: tidy(angle), wrap: false, rows: 1, paragraphs: [paragraph], role: 'text' };
}

/** The index of a piece's first letter among the letters that the engine counts. */
function letterOffset(element, piece) {
  let offset = 0;
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  let before = '';
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const collapsed = node.data.replace(/\s+/g, ' ');
    const leading = before === '' || before.endsWith(' ');
    const text = leading ? collapsed.trimStart() : collapsed;
    if (node === piece) return offset;
    offset += text.length;
    if (text !== '') before = text;
  }
  return offset;
}
