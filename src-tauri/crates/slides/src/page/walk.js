// Walks a slide in paint order and gathers its items.

const REPLACED = /^(img|svg|canvas|video|iframe|object|embed|input|textarea|select|progress|meter|audio|math)$/;
const isReplaced = (element) => REPLACED.test(element.localName) || isIcon(element);

const icons = new Map();
/** Whether an element is a letter of an icon font that the page has: nobody else has that font. */
function isIcon(element) {
  let known = icons.get(element);
  if (known === undefined) {
    const first = pieces(getComputedStyle(element).fontFamily)[0]?.replace(/^["']|["']$/g, '') ?? '';
    known = ICONS.test(first) && element.childNodes.length > 0 && !/\s/.test(element.textContent.trim()) && element.textContent.trim() !== '' && [...document.fonts].some((face) => face.status === 'loaded' && face.family.replace(/["']/g, '') === first);
    icons.set(element, known);
  }
  return known;
}
const isOut = (style) => style.position === 'absolute' || style.position === 'fixed' || style.float !== 'none';
const isInline = (style) => style.display.startsWith('inline');

/** The words of an element, without the letters that only an icon font has. */
const wordsIn = (element) => textOf(element).replace(/[\p{Co}\s]+/gu, ' ').trim();

/** What an icon is called by its classes, such as `fa-rocket`. */
const iconName = (element) => [...element.classList].map((name) => /^(?:fa|bi|ri|icon|mdi|ti)-([a-z][a-z0-9-]*)$/.exec(name)?.[1]).filter((name) => name && !/^(solid|regular|brands|fw|\d?x|lg|sm|xs|xl|spin)$/.test(name))[0]?.replaceAll('-', ' ') ?? '';

const describe = (element) => {
  if (element.matches?.(SLIDE)) return 'background of the slide';
  if (element.localName === FIXED_PSEUDO) return describe(element.parentElement);
  const classes = (element.getAttribute?.('class') ?? '').split(/\s+/).filter((name) => name !== '' && !/okcvm/.test(name)).slice(0, 3).join(' ');
  const words = wordsIn(element).slice(0, 40);
  const label = element.getAttribute?.('aria-label') || element.id || (words && `"${words}"`) || classes;
  return label ? `${element.localName} (${label.slice(0, 60)})` : element.localName;
};

let shots = 0;
/** Asks the renderer for a picture of an element: of its own box, or of all that is in it. */
function shotOf(element, part) {
  shots += 1;
  element.dataset.okcvmShot = `${element.dataset.okcvmShot ?? ''} ${shots}:${part}`.trim();
  return `shot:${shots}`;
}

const numbers = new Map();
/** A number for an element, by which its box and its text find each other. */
function numberOfElement(element) {
  if (!numbers.has(element)) numbers.set(element, numbers.size + 1);
  return numbers.get(element);
}

/** How far the text of a native form begins inside of it, as programs lay it out. */
function ownInset(form, w, h) {
  if (form.type === 'rect') return [0, 0];
  if (form.type === 'round') return [form.radius * 0.29289, form.radius * 0.29289];
  if (form.type === 'ellipse') return [w * 0.14645, h * 0.14645];
  return null;
}

/** Text that is alone in its box becomes the text of that shape, as a person would write it. */
function joined(items) {
  const texts = new Map();
  const shapes = new Map();
  for (const item of items) {
    if (item.owner === undefined) continue;
    const kept = item.kind === 'text' ? texts : shapes;
    kept.set(item.owner, (kept.get(item.owner) ?? 0) + 1);
  }
  const out = [];
  for (let index = 0; index < items.length; index += 1) {
    const [shape, text] = [items[index], items[index + 1]];
    const pair = shape.kind === 'shape' && text?.kind === 'text' && shape.owner !== undefined && shape.owner === text.owner && texts.get(shape.owner) === 1 && shapes.get(shape.owner) === 1;
    const inset = pair && !text.vertical && !text.title && !shape.flip && (shape.rotation ?? 0) === (text.rotation ?? 0) && (shape.fill || shape.line) ? ownInset(shape.form, shape.w, shape.h) : null;
    if (inset) {
      const [across, down] = inset;
      const edges = { left: text.x - shape.x - across, right: shape.x + shape.w - text.x - text.w - across, top: text.y - shape.y - down, bottom: shape.y + shape.h - text.y - text.h - down };
      // A turned box is laid out about its middle, so only text in the middle keeps its place in it.
      const middle = Math.abs(edges.left - edges.right) < 2 && Math.abs(edges.top - edges.bottom) < 2;
      if (Math.min(...Object.values(edges)) > -0.5 && (!shape.rotation || middle)) {
        out.push({ ...text, x: shape.x, y: shape.y, w: shape.w, h: shape.h, name: shape.name, box: { form: shape.form, fill: shape.fill, line: shape.line, shadow: shape.shadow, inner: shape.inner }, edges });
        index += 1;
        continue;
      }
    }
    out.push(shape);
  }
  return out;
}

/** Buckets of one stacking context, in the order of CSS 2.1, appendix E. */
class Layers {
  below = [];
  flow = [];
  level = [];
  above = [];

  flat() {
    const byOrder = (list) => list.sort((one, other) => one.z - other.z).flatMap(({ items }) => (Array.isArray(items) ? items : items.flat()));
    return [...byOrder(this.below), ...this.flow, ...this.level.flatMap(({ items }) => (Array.isArray(items) ? items : items.flat())), ...byOrder(this.above)];
  }

  add(z, items) {
    (z < 0 ? this.below : z > 0 ? this.above : this.level).push({ z, items });
  }
}

/** Which effects an element has that no shape has. */
function unmapped(element, style) {
  const filter = style.filter;
  if (filter !== 'none' && !/^(drop-shadow\([^)]*(\([^)]*\))?[^)]*\)\s*)+$/.test(filter)) return `filter ${filter.split('(')[0]}`;
  if (style.mixBlendMode !== 'normal' && !backdrops.has(element)) return `blend mode ${style.mixBlendMode}`;
  if ((style.maskImage ?? 'none') !== 'none') return 'mask';
  if (style.clipPath !== 'none' && !/^(inset\(0px\)|circle\(50%|ellipse\(50%)/.test(style.clipPath) && !clipPolygon(element, style)) return 'clip path';
  const turned = transforms.get(element);
  if (turned) {
    const { a, b, c, d, is2D } = turned.matrix;
    if (!is2D) return 'rotation in space';
    if (Math.abs(a * c + b * d) > 1e-3 * Math.hypot(a, b) * Math.hypot(c, d)) return 'skew';
  }
  return null;
}

/** The points of a `clip-path: polygon()` on a coloured box, if it cuts nothing of what stands in the box. */
function clipPolygon(element, style) {
  const shape = /^polygon\((?:(?:nonzero|evenodd),\s*)?(.*)\)$/.exec(style.clipPath);
  if (!shape || isReplaced(element)) return null;
  const points = polygonPoints(element, shape);
  return whatStandsIn(element).every(({ left, top, right, bottom }) => [[left, top], [right, top], [right, bottom], [left, bottom]].every((corner) => isInside(corner, points))) ? points : null;
}

/** The boxes of the text and of the coloured boxes in an element. */
function whatStandsIn(element) {
  const boxes = [];
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  while (walker.nextNode()) {
    if (walker.currentNode.data.trim() === '') continue;
    range.selectNodeContents(walker.currentNode);
    boxes.push(...range.getClientRects());
  }
  for (const child of element.querySelectorAll('*')) if (isReplaced(child) || !plain(styleOf(child))) boxes.push(child.getBoundingClientRect());
  return boxes;
}

function isInside([x, y], points) {
  let inside = false;
  points.forEach(([ax, ay], index) => {
    const [bx, by] = points.at(index - 1);
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
  });
  return inside;
}

function polygonPoints(element, shape) {
  const box = element.getBoundingClientRect();
  const length = (text, room) => (text.endsWith('%') ? (px(text) / 100) * room : px(text));
  return pieces(shape[1]).map((point) => {
    const [x, y] = pieces(point, ' ');
    return [box.left + length(x, box.width), box.top + length(y, box.height)];
  });
}

function stacks(element, style) {
  const parent = element.parentElement ? styleOf(element.parentElement).display : '';
  const ordered = style.zIndex !== 'auto' && (style.position !== 'static' || /flex|grid/.test(parent));
  return {
    z: ordered ? Number(style.zIndex) : 0,
    own: ordered || Number(style.opacity) < 1 || transforms.has(element) || style.filter !== 'none' || style.mixBlendMode !== 'normal' || style.isolation === 'isolate' || /^(fixed|sticky)$/.test(style.position) || backdropOf(style) !== 'none',
    positioned: style.position !== 'static',
  };
}

const rectOf = (element) => {
  const { left, top, width, height } = element.getBoundingClientRect();
  return { x: left, y: top, w: width, h: height };
};

/** A window in the coordinates before a scaling or a mirroring. */
function broughtBack(clip, back) {
  const [one, other] = [mapped(back, [clip.x, clip.y]), mapped(back, [clip.x + clip.w, clip.y + clip.h])];
  const [p, q, r, s] = clip.corners.map((corner) => ({ x: corner.x * Math.abs(back.a), y: corner.y * Math.abs(back.d) }));
  const rows = back.d < 0 ? [s, r, q, p] : [p, q, r, s];
  const corners = back.a < 0 ? [rows[1], rows[0], rows[3], rows[2]] : rows;
  return { ...clip, x: Math.min(one[0], other[0]), y: Math.min(one[1], other[1]), w: Math.abs(other[0] - one[0]), h: Math.abs(other[1] - one[1]), corners };
}

/** What holds below an element: opacity, the matrix to the slide, and what cuts. */
function stateIn(element, style, state) {
  const next = { ...state, opacity: state.opacity * Number(style.opacity) };
  const turned = transforms.get(element);
  if (turned) {
    const box = rectOf(element);
    const [x, y] = [box.x + turned.ox, box.y + turned.oy];
    next.matrix = state.matrix.translate(x, y).multiply(turned.matrix).translate(-x, -y);
    // What cuts from outside is known in the coordinates before the turn: what stays upright is brought into those below.
    const { a, b, c, d } = turned.matrix;
    const upright = Math.abs(b) + Math.abs(c) < 1e-6 && Math.abs(a * d) > 1e-6;
    const back = upright ? new DOMMatrix().translate(x, y).multiply(turned.matrix).translate(-x, -y).inverse() : null;
    next.clips = back ? state.clips.map((clip) => broughtBack(clip, back)) : [];
    next.textClips = back ? state.textClips.map((clip) => broughtBack(clip, back)) : [];
    if (!back) next.outer = [...state.outer, ...state.clips.map((clip) => pointsOf(outline(clip)).map((point) => mapped(state.matrix, point)))];
  }
  if (style.position === 'absolute' || style.position === 'fixed') {
    const holder = element.offsetParent;
    next.clips = next.clips.filter((clip) => clip.element === state.slide || (holder && clip.element.contains(holder)));
    next.textClips = next.textClips.filter((clip) => clip.element === state.slide || (holder && clip.element.contains(holder)));
  }
  return next;
}

/** What cuts the content of an element, added to what cuts the element itself. */
function stateBelow(element, style, state) {
  const cuts = [style.overflowX, style.overflowY].some((value) => /hidden|clip|auto|scroll/.test(value));
  const next = { ...state };
  const round = /^(circle|ellipse)\(50%/.test(style.clipPath);
  // Shapes may reach over the edge of the slide, where a presentation cuts them itself.
  if ((!cuts && !round) || element === state.slide) return next;
  const rect = rectOf(element);
  const borders = bordersOf(style, 1);
  const widths = { top: borders.top.width, right: borders.right.width, bottom: borders.bottom.width, left: borders.left.width };
  const corners = round ? [0, 1, 2, 3].map(() => ({ x: rect.w / 2, y: rect.h / 2 })) : inset(cornersOf(style, rect.w, rect.h), widths);
  // Dots stand where the padding begins.
  const ellipsis = style.textOverflow === 'ellipsis' && style.overflowX !== 'visible' ? px(style.paddingRight) : undefined;
  const clip = { element, x: rect.x + widths.left, y: rect.y + widths.top, w: rect.w - widths.left - widths.right, h: rect.h - widths.top - widths.bottom, corners, ellipsis };
  next.clips = [...state.clips, clip];
  next.textClips = [...state.textClips, clip];
  return next;
}

/** Puts an item where the matrix has it. */
function emit(item, state, list) {
  if (item.kind === 'shape' && state.outer.length > 0) {
    const parts = cutShape(item, state.outer, state.matrix);
    if (parts) {
      for (const part of parts) list.push({ ...part, x: tidy(part.x - state.origin.x), y: tidy(part.y - state.origin.y), w: tidy(part.w), h: tidy(part.h) });
      return;
    }
  }
  if (/^(picture|text)$/.test(item.kind) && state.outer.length > 0) {
    const form = cutPicture(item, state.outer, state.matrix);
    if (form === 'nothing') return;
    if (form && item.kind === 'picture') item = { ...item, form };
  }
  const { a, b, c, d } = state.matrix;
  const scale = Math.hypot(a, b);
  const flipped = a * d - b * c < 0;
  const tall = Math.hypot(c, d);
  const centre = state.matrix.transformPoint(new DOMPoint(item.x + item.w / 2, item.y + item.h / 2));
  const out = { ...item };
  out.w = item.w * scale;
  out.h = item.h * tall;
  out.x = centre.x - out.w / 2 - state.origin.x;
  out.y = centre.y - out.h / 2 - state.origin.y;
  const angle = (Math.atan2(b, a) * 180) / Math.PI + (item.rotation ?? 0);
  if (Math.abs(angle) > 0.01) out.rotation = tidy((angle + 360) % 360);
  if (flipped) out.flip = true;
  if (Math.abs(scale - 1) > 1e-4 || Math.abs(tall - scale) > 1e-4) grow(out, item, scale, tall);
  for (const key of ['x', 'y', 'w', 'h']) out[key] = tidy(out[key]);
  list.push(out);
}

/** Lengths inside of an item that a scaling changes. */
function grow(out, item, scale, tall) {
  if (item.form?.radius) out.form = { ...item.form, radius: item.form.radius * scale };
  if (item.form?.type === 'roundTwo') out.form = { ...item.form, top: item.form.top * scale, bottom: item.form.bottom * scale };
  if (item.form?.commands) out.form = { ...item.form, commands: item.form.commands.map(([command, ...numbers]) => [command, ...numbers.map((number, at) => number * (at % 2 ? tall : scale))]) };
  if (item.line) out.line = { ...item.line, width: item.line.width * scale };
  for (const kind of ['shadow', 'inner']) if (item[kind]) out[kind] = { ...item[kind], x: item[kind].x * scale, y: item[kind].y * scale, blur: item[kind].blur * scale };
  if (item.kind === 'text') out.paragraphs = item.paragraphs.map((paragraph) => grownParagraph(paragraph, scale));
  if (item.kind === 'table') {
    out.columns = item.columns.map((width) => width * scale);
    out.rows = item.rows.map((height) => height * tall);
    out.cells = item.cells.map((cell) => ({ ...cell, padding: { left: cell.padding.left * scale, right: cell.padding.right * scale, top: cell.padding.top * scale, bottom: cell.padding.bottom * scale }, paragraphs: cell.paragraphs.map((paragraph) => grownParagraph(paragraph, scale)) }));
  }
}

function grownParagraph(paragraph, scale) {
  const grown = { ...paragraph };
  for (const key of ['pitch', 'before', 'margin', 'first']) if (grown[key] !== undefined) grown[key] *= scale;
  if (grown.marker) grown.marker = { ...grown.marker, size: grown.marker.size * scale };
  grown.runs = paragraph.runs.map((run) => ({ ...run, size: run.size * scale, mainSize: run.mainSize && run.mainSize * scale, spacing: run.spacing && run.spacing * scale }));
  return grown;
}

function visit(element, state, layers, flow, report) {
  const style = styleOf(element);
  if (style.display === 'none' || element.localName === 'script' || element.localName === 'style' || element.localName === 'template') return;
  if (Number(style.opacity) < 0.004) {
    const words = textOf(element).replace(/\s+/g, ' ');
    if (words !== '') report.simplified.add(`text that cannot be seen left out: "${words.slice(0, 60)}"`);
    return;
  }
  // Text for screen readers alone.
  if (isOut(style) && element.offsetWidth <= 1 && element.offsetHeight <= 1 && style.overflow !== 'visible' && element.textContent.trim() !== '') return;
  const stacking = stacks(element, style);
  const own = stateIn(element, style, state);
  if (speaking.has(element)) own.wordless = false;
  const why = element === state.slide ? null : unmapped(element, style);
  if (why) {
    const list = [];
    treeShot(element, state, list, report, why);
    if (stacking.own || stacking.positioned) layers.add(stacking.z, list);
    else flow.push(...list);
    return;
  }
  // A box in a line is drawn under the line's text, which has its letters.
  if (flowing.has(element)) paint(element, style, { ...own, wordless: true }, layers, flow, report);
  else if (stacking.own) {
    const inside = new Layers();
    paint(element, style, own, inside, inside.flow, report);
    layers.add(stacking.z, inside);
  } else if (stacking.positioned) {
    const list = [];
    layers.add(0, list);
    paint(element, style, own, layers, list, report);
  } else paint(element, style, own, layers, flow, report);
}

/** A picture of an element and all that is in it, where nothing else maps. */
function treeShot(element, state, list, report, why) {
  const box = paintedBox(element);
  report.pictures.push({ what: describe(element), why });
  const source = why === 'icon font' ? iconShot(element, box) : shotOf(element, 'tree');
  emit({ kind: 'picture', ...box, form: { type: 'rect' }, crop: [0, 0, 0, 0], source, alpha: 1, alt: element.getAttribute('aria-label') ?? (wordsIn(element) || iconName(element)).slice(0, 200) }, state, list);
}

const iconShots = new Map();
/** A picture of an icon; equal ones share it. */
function iconShot(element, box) {
  const style = styleOf(element);
  if (!plain(style) || style.boxShadow !== 'none' || style.textShadow !== 'none' || style.filter !== 'none' || turnedIn(element).length > 0) return shotOf(element, 'tree');
  const key = [element.textContent, style.fontFamily, style.fontSize, style.fontWeight, style.fontStyle, style.color, style.webkitTextFillColor, style.opacity, Math.round(box.w * 2), Math.round(box.h * 2)].join('|');
  if (!iconShots.has(key)) iconShots.set(key, shotOf(element, 'tree'));
  return iconShots.get(key);
}

/** The box that an element paints, with its blur and its transforms, as it stands in the slide. */
function paintedBox(element) {
  const turned = turnedIn(element);
  turned.forEach(turnBack);
  const blur = /blur\(([\d.]+)px/.exec(styleOf(element).filter);
  let box = rectOf(element);
  const isPart = element.ownerSVGElement !== undefined && element.ownerSVGElement !== null;
  // The region of a filter is a tenth larger on each side unless it says otherwise.
  const spread = blur ? Number(blur[1]) * 2.6 : isPart ? 2 + px(styleOf(element).strokeWidth) + (styleOf(element).filter === 'none' ? 0 : Math.max(box.w, box.h) * 0.2 + 8) : 2;
  for (const child of element.querySelectorAll('*')) {
    const part = rectOf(child);
    if (part.w === 0 || part.h === 0) continue;
    const [x, y] = [Math.min(box.x, part.x), Math.min(box.y, part.y)];
    box = { x, y, w: Math.max(box.x + box.w, part.x + part.w) - x, h: Math.max(box.y + box.h, part.y + part.h) - y };
  }
  turned.forEach(layFlat);
  const slide = rectOf(element.closest(SLIDE));
  const x = Math.max(slide.x, box.x - spread);
  const y = Math.max(slide.y, box.y - spread);
  return { x, y, w: Math.max(1, Math.min(slide.x + slide.w, box.x + box.w + spread) - x), h: Math.max(1, Math.min(slide.y + slide.h, box.y + box.h + spread) - y) };
}

function paint(element, style, state, layers, flow, report) {
  const visible = style.visibility === 'visible';
  const rect = rectOf(element);
  const polygon = style.clipPath !== 'none' ? clipPolygon(element, style) : null;
  if (visible && polygon) {
    const fill = style.backgroundImage !== 'none' ? gradient(pieces(style.backgroundImage)[0], rect.w, rect.h, state.opacity) : { type: 'solid', ...faded(style.backgroundColor, state.opacity) };
    if (fill) emit(pathItem([...polygon.map((point, index) => [index === 0 ? 'M' : 'L', ...point]), ['Z']], { fill }), state, flow);
  }
  const mixed = visible && style.mixBlendMode !== 'normal' && backdrops.has(element);
  if (mixed) backdropItem(element, rect, state, flow, report, `blend mode ${style.mixBlendMode}`);
  else if (visible && backdrops.has(element)) backdropItem(element, rect, state, flow, report);
  if (mixed && isReplaced(element)) return;
  if (visible && !polygon && !mixed && element !== state.slide && rect.w > 0 && rect.h > 0 && (style.display !== 'inline' || REPLACED.test(element.localName)) && style.display !== 'contents' && !/^(tr|thead|tbody|tfoot)$/.test(element.localName)) {
    if (element.localName !== 'table' && !/^(td|th)$/.test(element.localName) || !state.inTable) {
      const items = element.localName === 'table' ? tableGround(element, style, rect, state, report) : boxParts(element, rect).flatMap((part) => boxItems(element, style, part, state, report));
      for (const item of items) emit({ ...item, name: nameOf(element), owner: numberOfElement(element) }, state, flow);
    }
  }
  if (visible) for (const rule of columnRules(element, style, rect, state.opacity)) emit(rule, state, flow);
  if (isReplaced(element)) {
    if (visible) replaced(element, style, rect, state, flow, report);
    return;
  }
  const below = stateBelow(element, style, state);
  if (element.localName === 'table' && visible) {
    const table = tableItem(element, below);
    if (table) {
      if (element.caption) visit(element.caption, below, layers, flow, report);
      for (const ground of table.under) emit({ ...ground, name: nameOf(element) }, state, flow);
      for (const cell of table.behind) content(cell, styleOf(cell), { ...below, inTable: true, wordless: true }, layers, flow, report);
      emit(table.item, state, flow);
      for (const part of table.over) emit({ ...part, name: 'Corner' }, state, flow);
      for (const reading of readingsIn(element)) if (!table.onTop.some(([cell, wordless]) => !wordless && cell.contains(reading))) visit(reading, { ...below, inTable: true }, layers, flow, report);
      for (const [cell, wordless] of table.onTop) content(cell, styleOf(cell), { ...below, inTable: true, wordless }, layers, flow, report);
      return;
    }
  }
  if (/^(ul|ol)$/.test(element.localName) && visible) {
    const list = listItems(element, below, report);
    if (list) {
      for (const item of element.querySelectorAll('li, ul, ol')) itemBoxes(item, below, flow, report);
      inlineBoxes(element, below, flow, report);
      for (const part of [...outermostFlowing(element), ...list.beside, ...readingsIn(element)]) visit(part, below, layers, flow, report);
      for (const item of list.items) emit(item, state, flow);
      return;
    }
  }
  content(element, style, below, layers, flow, report);
}

/** The boxes of an element: one, or one for each column over which it is broken. */
function boxParts(element, rect) {
  const parts = element.localName === 'table' || isReplaced(element) ? [] : [...element.getClientRects()];
  if (parts.length < 2) return [rect];
  return parts.map(({ left, top, width, height }) => ({ x: left, y: top, w: width, h: height })).filter(({ w, h }) => w > 0 && h > 0);
}

function itemBoxes(item, state, flow, report) {
  for (const part of boxItems(item, styleOf(item), rectOf(item), state, report)) emit(part, state, flow);
}

/** The ground of a table shows only where its cells leave room: in its shadow and its rounded corners. */
function tableGround(element, style, rect, state, report) {
  const caption = element.caption ? rectOf(element.caption) : null;
  const box = { ...rect };
  if (caption) {
    if (caption.y <= rect.y + 1) box.y += caption.h;
    box.h -= caption.h;
  }
  const ownLine = hasRoundFrame(element);
  return boxItems(element, style, box, state, report).filter((item) => item.shadow || item.fill || item.kind === 'picture' || (ownLine && item.line));
}

/** Boxes of inline elements behind their text: one for each line that they stand in. */
function inlineBoxes(element, state, flow, report) {
  for (const inline of element.querySelectorAll('*')) {
    const style = styleOf(inline);
    if (style.display !== 'inline' || isReplaced(inline) || style.visibility !== 'visible' || flowing.has(inline.parentElement)) continue;
    inlineBox(inline, style, state, flow, report);
  }
}

function inlineBox(inline, style, state, flow, report) {
  if (marksOnly(inline, style)) return;
  if (plain(style) && style.boxShadow === 'none' && px(style.borderBottomWidth) + px(style.borderRightWidth) === 0) return;
  if (/text/.test(style.backgroundClip + style.webkitBackgroundClip)) return;
  const fainter = { ...state, opacity: state.opacity * Number(style.opacity) };
  for (const { left, top, width, height } of inline.getClientRects()) {
    if (width < 0.5) continue;
    for (const item of boxItems(inline, style, { x: left, y: top, w: width, h: height }, fainter, report)) emit(item, state, flow);
  }
}

/** The children of an element: text between the blocks becomes text boxes, the rest is visited. */
function content(element, style, around, layers, flow, report) {
  let inline = [];
  const out = new Set();
  // The marker of an item stands before the first text in it, which may be that of a block.
  let pending = isItem(element) ? { marker: markerOf(element, around), style } : around.pending;
  if (pending && !pending.marker) pending = undefined;
  const state = { ...around, pending: undefined };
  const flush = () => {
    if (inline.length === 0) return;
    const nodes = inline.filter((node) => !out.has(node));
    const all = inline;
    inline = [];
    if (nodes.every((node) => node.nodeType === Node.TEXT_NODE && node.data.trim() === '')) return;
    if (!state.wordless && style.writingMode === 'horizontal-tb') letBadgesFlow(nodes);
    for (const node of all) {
      if (out.has(node)) visit(node, state, layers, flow, report);
      else if (node.nodeType === Node.ELEMENT_NODE) inlineParts(node, state, layers, flow, report);
    }
    if (!state.wordless && (style.visibility === 'visible' || nodes.some((node) => node.nodeType === Node.ELEMENT_NODE))) {
      const items = inlineItems(nodes, element, state, report);
      if (pending && items.length > 0) {
        const [first] = items;
        mark(first.paragraphs[0], pending.marker);
        const hang = hangOf(pending.marker, pending.style);
        first.paragraphs[0].hang = hang;
        first.x -= hang;
        first.w += hang;
        first.paragraphs[0].margin = tidy(hang + (first.paragraphs[0].margin ?? 0));
        first.paragraphs[0].first = tidy(-hang);
        pending = undefined;
      }
      for (const item of items) emit({ ...item, owner: numberOfElement(element) }, state, flow);
    }
  };
  const walk = (nodes) => {
    for (const node of nodes) {
      if (node.nodeType === Node.TEXT_NODE) inline.push(node);
      else if (node.nodeType === Node.ELEMENT_NODE) {
        const shown = styleOf(node);
        if (shown.display === 'none') continue;
        if (shown.display === 'contents') {
          walk(node.childNodes);
          continue;
        }
        // A break belongs to the text around it even where boxes are laid out beside each other.
        if ((isInline(shown) || node.localName === 'br') && !isOut(shown)) inline.push(node);
        else if (isOut(shown)) {
          // What was placed lies over the boxes in lines before it.
          if (inline.some((before) => before.nodeType === Node.ELEMENT_NODE)) {
            out.add(node);
            inline.push(node);
          } else visit(node, state, layers, flow, report);
        } else {
          flush();
          visit(node, { ...state, pending }, layers, flow, report);
          if (node.textContent.trim() !== '') pending = undefined;
        }
      }
    }
  };
  const isShut = element.localName === 'details' && !element.open;
  walk(isShut ? [...element.children].filter((child) => child.localName === 'summary').slice(0, 1) : element.childNodes);
  flush();
}

/** Boxes of inline elements, and the atoms and floating parts among them. */
function inlineParts(node, state, layers, flow, report) {
  const style = styleOf(node);
  if (style.display === 'none') return;
  if (style.display !== 'inline' || isReplaced(node)) {
    if (style.display === 'contents') for (const child of node.children) inlineParts(child, state, layers, flow, report);
    else visit(node, state, layers, flow, report);
    return;
  }
  if (style.visibility === 'visible') inlineBox(node, style, state, flow, report);
  for (const child of node.children) {
    const shown = styleOf(child);
    if (isOut(shown) || !isInline(shown)) visit(child, state, layers, flow, report);
    else inlineParts(child, state, layers, flow, report);
  }
}

const nameOf = (element) => element.getAttribute('aria-label') ?? element.id ?? '';

/** Pictures, drawings, fields: elements whose content is not text in the page. */
function replaced(element, style, rect, state, flow, report) {
  const kind = element.localName;
  const frame = ['Top', 'Right', 'Bottom', 'Left'].map((side) => px(style[`padding${side}`]) + px(style[`border${side}Width`]));
  const box = { x: rect.x + frame[3], y: rect.y + frame[0], w: rect.w - frame[1] - frame[3], h: rect.h - frame[0] - frame[2] };
  if (box.w < 0.5 || box.h < 0.5) return;
  const corners = inset(cornersOf(style, rect.w, rect.h), { top: frame[0], right: frame[1], bottom: frame[2], left: frame[3] });
  const alt = element.getAttribute('alt') ?? element.getAttribute('aria-label') ?? element.querySelector?.('title')?.textContent ?? '';
  if (isIcon(element)) return treeShot(element, state, flow, report, 'icon font');
  if (kind === 'img') return picture(element, style, box, corners, alt, state, flow, report);
  if (kind === 'svg') {
    const items = vectorItems(element, state, report);
    if (items) {
      const square = [0, 1, 2, 3].map(() => ({ x: 0, y: 0 }));
      const cuts = style.overflow === 'visible' ? state.clips : [...state.clips, { ...box, corners: square }];
      const windows = cuts.map((clip) => pointsOf(outline(clip)));
      const flat = new DOMMatrix();
      const shown = items.filter((item) => cuts.every((clip) => touches(item, clip))).flatMap((item) => (item.kind === 'shape' && windows.length > 0 ? (cutShape(item, windows, flat) ?? [item]) : [item]));
      const group = { id: numberOfElement(element), alt, name: nameOf(element) };
      for (const item of shown) emit(shown.length > 1 ? { ...item, group } : { ...item, alt }, state, flow);
      return undefined;
    }
    report.pictures.push({ what: describe(element), why: 'SVG with effects that shapes do not have' });
    emit({ kind: 'picture', ...box, form: { type: 'rect' }, crop: [0, 0, 0, 0], source: shotOf(element, 'tree'), vector: standalone(element, box), alpha: 1, alt }, state, flow);
    return undefined;
  }
  if (kind === 'canvas' || kind === 'video') {
    report.pictures.push({ what: describe(element), why: kind === 'canvas' ? 'drawn by a script' : 'video' });
    let source = null;
    if (kind === 'canvas') {
      try {
        source = element.toDataURL('image/png');
      } catch {
        source = null;
      }
    }
    const part = clipped(box, corners, state.clips);
    if (part) emit({ ...pictureItem(part, box, { source: source ?? shotOf(element, 'tree'), alpha: state.opacity, alt }) }, state, flow);
    return undefined;
  }
  if (/^(input|textarea|select)$/.test(kind)) {
    if (element.type === 'hidden') return undefined;
    if (!/^(checkbox|radio|range|color|file|image)$/.test(element.type)) return field(element, style, box, state, flow);
  }
  report.pictures.push({ what: describe(element), why: kind === 'math' ? 'formula' : `${kind} element` });
  emit({ kind: 'picture', ...rect, form: { type: 'rect' }, crop: [0, 0, 0, 0], source: shotOf(element, 'tree'), alpha: 1, alt: alt || (kind === 'math' ? textOf(element) : '') }, state, flow);
  return undefined;
}

const touches = (item, box) => item.x < box.x + box.w && item.x + item.w > box.x && item.y < box.y + box.h && item.y + item.h > box.y;

function picture(element, style, box, corners, alt, state, flow, report) {
  const source = element.currentSrc || element.src;
  const natural = loadedImages.get(source);
  if (!natural) {
    if (source) report.missing.add(source);
    if (alt !== '') wording(element, style, box, alt, {}, state, flow);
    return;
  }
  let at = box;
  const fit = style.objectFit;
  if (fit !== 'fill') {
    const size = { cover: 'cover', contain: 'contain', none: `${natural.w}px ${natural.h}px`, 'scale-down': natural.w > box.w || natural.h > box.h ? 'contain' : `${natural.w}px ${natural.h}px` }[fit];
    at = placed(box, natural, size, style.objectPosition);
  }
  const square = [0, 1, 2, 3].map(() => ({ x: 0, y: 0 }));
  const part = clipped(box, corners, [...state.clips, { ...at, corners: square }]);
  if (!part) return;
  const shown = natural.convert ? natural.convert() : source;
  const cast = isFramed(style) ? undefined : castOf(style, state.opacity);
  const item = pictureItem(part, at, { source: shown, alpha: state.opacity, alt, ...(cast ? { shadow: cast } : {}) });
  if (/\.svgz?([?#]|$)|^data:image\/svg/i.test(source)) item.vectorSource = source;
  emit(item, state, flow);
}

/** The text of a form field, as it stands. */
function field(element, style, box, state, flow) {
  const named = { submit: 'Submit', reset: 'Reset' }[element.type] ?? '';
  const written = element.type === 'password' ? '•'.repeat(element.value.length) : element.value;
  const text = element.localName === 'select' ? (element.selectedOptions[0]?.textContent ?? '') : written || element.placeholder || named;
  if (text.trim() === '') return;
  const faint = element.value || element.localName === 'select' ? {} : faded(getComputedStyle(element, '::placeholder').color, state.opacity);
  wording(element, style, box, text, faint, state, flow);
}

/** One line of text in the box of an element that has no text in the page. */
function wording(element, style, box, text, more, state, flow) {
  const look = lookOf(element, state);
  const { ascent, descent } = metrics(look.latin, look.weight, look.slant);
  const pitch = look.size;
  const height = (ascent + descent) * look.size;
  const top = (/^(textarea|img)$/.test(element.localName) ? box.y : box.y + (box.h - height) / 2) + (ascent + BELOW) * look.size - pitch;
  const run = { text: text.trim(), size: look.size, mainSize: look.size, latin: look.written, eastAsian: eastAsianName(look.families, text, look.language, look.serif), bold: look.bold, italic: look.italic, hex: look.hex, alpha: look.alpha, spacing: look.spacing, raise: 0, strike: false, language: look.language, ...more };
  const paragraph = { runs: [run], align: alignmentOf(style), rtl: style.direction === 'rtl', pitch: tidy(pitch), rows: 1, before: 0 };
  emit({ kind: 'text', x: box.x, y: top, w: box.w, h: pitch, wrap: false, rows: 1, paragraphs: [paragraph], role: 'text' }, state, flow);
}

/** An inline SVG as a file of its own, with the look that the page gives it. */
function standalone(svg, box) {
  const copy = svg.cloneNode(true);
  const from = [svg, ...svg.querySelectorAll('*')];
  const to = [copy, ...copy.querySelectorAll('*')];
  const names = ['fill', 'fill-opacity', 'stroke', 'stroke-width', 'stroke-opacity', 'stroke-linecap', 'stroke-linejoin', 'stroke-dasharray', 'opacity', 'font-family', 'font-size', 'font-weight', 'font-style', 'text-anchor', 'dominant-baseline', 'letter-spacing', 'stop-color', 'stop-opacity', 'color', 'display', 'visibility'];
  from.forEach((element, index) => {
    const style = getComputedStyle(element);
    for (const name of names) {
      const value = style.getPropertyValue(name);
      if (value && !(name === 'display' && value === 'inline')) to[index].setAttribute(name, /color|fill$|stroke$/.test(name) && !value.startsWith('url') && value !== 'none' ? cssOf(value) : value.replace(/url\("?[^"#)]*#([^")]+)"?\)/, 'url(#$1)'));
    }
    for (const attribute of ['class', 'style', 'data-okcvm-shot']) to[index].removeAttribute(attribute);
  });
  copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  copy.setAttribute('width', box.w);
  copy.setAttribute('height', box.h);
  for (const script of copy.querySelectorAll('script, foreignObject')) script.remove();
  return new XMLSerializer().serializeToString(copy);
}

const cssOf = (text) => {
  const { hex, alpha } = colour(text);
  return alpha >= 0.999 ? `#${hex}` : `rgba(${[0, 2, 4].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)).join(',')},${alpha})`;
};
