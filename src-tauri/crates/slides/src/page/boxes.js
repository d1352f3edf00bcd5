// Boxes: fills, borders, corners and shadows of an element become shapes.

/** The four corner radii of a box `{x, y}` each, clockwise from the top left, brought down to what fits. */
function cornersOf(style, width, height) {
  const radii = ['TopLeft', 'TopRight', 'BottomRight', 'BottomLeft'].map((corner) => {
    // `rounded-full` is without end; WebKit writes that as a product.
    const [x, y = x] = style[`border${corner}Radius`].replace(/(calc\()?infinity \* 1px\)?/gi, '1e7px').split(' ');
    const size = (text, room) => (text.endsWith('%') ? (px(text) / 100) * room : px(text));
    return { x: size(x, width), y: size(y, height) };
  });
  const shrink = Math.min(
    1,
    width / (radii[0].x + radii[1].x || 1e-9),
    width / (radii[2].x + radii[3].x || 1e-9),
    height / (radii[0].y + radii[3].y || 1e-9),
    height / (radii[1].y + radii[2].y || 1e-9),
  );
  return radii.map(({ x, y }) => ({ x: x * shrink, y: y * shrink }));
}

const inset = (corners, sides) => [
  { x: Math.max(0, corners[0].x - sides.left), y: Math.max(0, corners[0].y - sides.top) },
  { x: Math.max(0, corners[1].x - sides.right), y: Math.max(0, corners[1].y - sides.top) },
  { x: Math.max(0, corners[2].x - sides.right), y: Math.max(0, corners[2].y - sides.bottom) },
  { x: Math.max(0, corners[3].x - sides.left), y: Math.max(0, corners[3].y - sides.bottom) },
];

/** The part of a box that its clips leave, with the corners that they round; `null` if nothing is left. */
function clipped(rect, corners, clips) {
  let { x, y, w, h } = rect;
  let rounded = corners;
  for (const clip of clips) {
    const left = Math.max(x, clip.x);
    const top = Math.max(y, clip.y);
    const right = Math.min(x + w, clip.x + clip.w);
    const bottom = Math.min(y + h, clip.y + clip.h);
    if (right - left < 0.05 || bottom - top < 0.05) return null;
    const cut = { left: left > x + 0.01, top: top > y + 0.01, right: right < x + w - 0.01, bottom: bottom < y + h - 0.01 };
    const near = (a, b) => Math.abs(a - b) < 0.75;
    const corner = (index, gone, meets) => {
      const own = gone ? { x: 0, y: 0 } : rounded[index];
      return meets && clip.corners[index].x * clip.corners[index].y > own.x * own.y ? clip.corners[index] : own;
    };
    rounded = [
      corner(0, cut.left || cut.top, near(left, clip.x) && near(top, clip.y)),
      corner(1, cut.right || cut.top, near(right, clip.x + clip.w) && near(top, clip.y)),
      corner(2, cut.right || cut.bottom, near(right, clip.x + clip.w) && near(bottom, clip.y + clip.h)),
      corner(3, cut.left || cut.bottom, near(left, clip.x) && near(bottom, clip.y + clip.h)),
    ];
    [x, y, w, h] = [left, top, right - left, bottom - top];
  }
  return { x, y, w, h, corners: rounded };
}

/** Points of an ellipse's quarter as Bézier commands are made from this. */
const KAPPA = 0.5522847498;

/** The outline of a box with corners as path commands relative to nothing: absolute points. */
function outline({ x, y, w, h, corners }) {
  const [a, b, c, d] = corners;
  return [
    ['M', x + a.x, y],
    ['L', x + w - b.x, y],
    ['C', x + w - b.x * (1 - KAPPA), y, x + w, y + b.y * (1 - KAPPA), x + w, y + b.y],
    ['L', x + w, y + h - c.y],
    ['C', x + w, y + h - c.y * (1 - KAPPA), x + w - c.x * (1 - KAPPA), y + h, x + w - c.x, y + h],
    ['L', x + d.x, y + h],
    ['C', x + d.x * (1 - KAPPA), y + h, x, y + h - d.y * (1 - KAPPA), x, y + h - d.y],
    ['L', x, y + a.y],
    ['C', x, y + a.y * (1 - KAPPA), x + a.x * (1 - KAPPA), y, x + a.x, y],
    ['Z'],
  ];
}

/** The same outline the other way round, to be a hole in another one. */
function hole(box) {
  const forward = outline(box);
  const points = [];
  let at = forward[0].slice(1);
  for (const [command, ...numbers] of forward.slice(1)) {
    if (command === 'Z') continue;
    points.push({ command, from: at, numbers });
    at = numbers.slice(-2);
  }
  const back = [['M', ...at]];
  for (const { command, from, numbers } of points.reverse()) {
    back.push(command === 'L' ? ['L', ...from] : ['C', numbers[2], numbers[3], numbers[0], numbers[1], ...from]);
  }
  back.push(['Z']);
  return back;
}

/** What lies between a box and its inner one. Where no border is, the two edges meet: such sides are not traced. */
function rim(outer, inner, sides) {
  const order = ['top', 'right', 'bottom', 'left'];
  const drawn = order.filter((side) => sides[side] > 0);
  if (drawn.length === 4) return [...outline(outer), ...hole(inner)];
  // Pieces of an outline: the side, then the corner after it. A corner belongs to the sides that meet in it.
  const pieces = (box) => {
    const [move, ...rest] = outline(box);
    let at = move.slice(1);
    return rest.filter(([command]) => command !== 'Z').map(([command, ...numbers], index) => {
      const piece = { command, from: at, numbers, side: index % 2 === 0 ? [order[index / 2]] : [order[(index - 1) / 2], order[((index + 1) / 2) % 4]] };
      at = numbers.slice(-2);
      return piece;
    });
  };
  const wanted = ({ side }) => side.some((name) => sides[name] > 0);
  const [far, near] = [pieces(outer), pieces(inner)];
  // Each run of wanted pieces is traced along the outer edge and back along the inner one.
  const first = far.findIndex((piece) => !wanted(piece));
  const turned = (list) => [...list.slice(first), ...list.slice(0, first)];
  const [outside, inside] = [turned(far), turned(near)];
  const out = [];
  for (let index = 0; index < outside.length; index += 1) {
    if (!wanted(outside[index])) continue;
    let end = index;
    while (end + 1 < outside.length && wanted(outside[end + 1])) end += 1;
    out.push(['M', ...outside[index].from]);
    for (const { command, numbers } of outside.slice(index, end + 1)) out.push([command, ...numbers]);
    const back = inside.slice(index, end + 1).reverse();
    out.push(['L', ...back[0].numbers.slice(-2)]);
    for (const { command, from, numbers } of back) out.push(command === 'L' ? ['L', ...from] : ['C', numbers[2], numbers[3], numbers[0], numbers[1], ...from]);
    out.push(['Z']);
    index = end;
  }
  return out;
}

/** The simplest native form of a box: a rectangle, an ellipse, a rounded rectangle, or a path. */
function formOf({ x, y, w, h, corners }) {
  const largest = Math.max(...corners.flatMap((corner) => [corner.x, corner.y]));
  if (largest < 0.3) return { type: 'rect' };
  const even = corners.every((corner) => Math.abs(corner.x - corners[0].x) < 0.5 && Math.abs(corner.y - corners[0].y) < 0.5);
  if (even && Math.abs(corners[0].x - w / 2) < 0.5 && Math.abs(corners[0].y - h / 2) < 0.5) return { type: 'ellipse' };
  if (even && Math.abs(corners[0].x - corners[0].y) < 0.5) return { type: 'round', radius: tidy(corners[0].x) };
  const [a, b, c, d] = corners.map((corner) => Math.max(corner.x, corner.y));
  const same = (one, other) => Math.abs(one - other) < 0.5;
  const circular = corners.every((corner) => same(corner.x, corner.y));
  if (circular && same(a, b) && same(c, d)) return { type: 'roundTwo', top: tidy(a), bottom: tidy(c) };
  return { type: 'path', commands: outline({ x: 0, y: 0, w, h, corners }) };
}

/** Shadows of a `box-shadow`, outermost last. */
function shadowsOf(text, opacity) {
  if (text === 'none') return [];
  return pieces(text)
    .map((piece) => {
      const words = pieces(piece, ' ');
      const lengths = words.filter((word) => /^-?[\d.]+(px)?$/.test(word)).map(px);
      const paint = words.find((word) => !/^-?[\d.]+(px)?$/.test(word) && word !== 'inset') ?? 'rgb(0,0,0)';
      const [x = 0, y = 0, blur = 0, spread = 0] = lengths;
      return { x, y, blur, spread, inset: words.includes('inset'), ...faded(paint, opacity) };
    })
    .filter((shadow) => shadow.alpha > 0.004 && (shadow.x || shadow.y || shadow.blur || shadow.spread));
}

/** The shadow of a box that a presentation can show: one, the strongest that blurs. */
function castOf(style, opacity) {
  const blurred = shadowsOf(style.boxShadow, opacity).filter((shadow) => !shadow.inset && shadow.blur > 0);
  const strongest = blurred.sort((one, other) => other.alpha * other.blur - one.alpha * one.blur)[0];
  if (!strongest) return dropOf(style.filter, opacity);
  return { x: strongest.x, y: strongest.y, blur: strongest.blur, spread: strongest.spread, hex: strongest.hex, alpha: strongest.alpha };
}

/** Whether a picture has a frame or a ground of its own, which then casts its shadow. */
const isFramed = (style) => !plain(style) || px(style.borderRightWidth) + px(style.borderBottomWidth) > 0;

/** The shadow of a `filter: drop-shadow()`, whose blur is half as wide as that of a box. */
function dropOf(filter, opacity) {
  const drop = /drop-shadow\((.*?)\s+(-?[\d.]+)px\s+(-?[\d.]+)px\s+([\d.]+)px\)/.exec(filter);
  if (!drop) return undefined;
  return { x: Number(drop[2]), y: Number(drop[3]), blur: 2 * Number(drop[4]), spread: 0, ...faded(drop[1], opacity) };
}

const dashOf = (style) => ({ dashed: 'dash', dotted: 'dot', double: 'double' })[style] ?? 'solid';

function bordersOf(style, opacity) {
  const sides = {};
  for (const side of ['Top', 'Right', 'Bottom', 'Left']) {
    const width = /^(none|hidden)$/.test(style[`border${side}Style`]) ? 0 : px(style[`border${side}Width`]);
    sides[side.toLowerCase()] = { width, dash: dashOf(style[`border${side}Style`]), ...faded(style[`border${side}Color`], opacity) };
  }
  return sides;
}

const sameBorders = ({ top, right, bottom, left }) =>
  [right, bottom, left].every((side) => side.width === top.width && side.hex === top.hex && side.alpha === top.alpha && side.dash === top.dash);

/** Where a background picture lies in its box, as CSS places it. */
function placed(box, natural, size, position) {
  let [w, h] = [natural.w, natural.h];
  const scale = { cover: Math.max(box.w / w, box.h / h), contain: Math.min(box.w / w, box.h / h) }[size];
  if (scale) [w, h] = [w * scale, h * scale];
  else if (size !== 'auto' && size !== 'auto auto') {
    const [wide, high = 'auto'] = size.split(' ');
    const length = (text, room) => (text.endsWith('%') ? (px(text) / 100) * room : px(text));
    if (wide !== 'auto' && high !== 'auto') [w, h] = [length(wide, box.w), length(high, box.h)];
    else if (wide !== 'auto') [w, h] = [length(wide, box.w), (h * length(wide, box.w)) / w];
    else [w, h] = [(w * length(high, box.h)) / h, length(high, box.h)];
  }
  const offset = (word, room) => (/^-?[\d.]+px$/.test(word) ? px(word) : positionWord(word, room) * room);
  const [across = '50%', down = '50%'] = position.split(' ');
  return { x: box.x + offset(across, box.w - w), y: box.y + offset(down, box.h - h), w, h };
}

/** Shapes of an element's own box, back to front. `rect` is the border box in the slide's coordinates. */
function boxItems(element, style, rect, state, report) {
  const items = [];
  const { opacity, clips } = state;
  const corners = cornersOf(style, rect.w, rect.h);
  const borders = bordersOf(style, opacity);
  const widths = { top: borders.top.width, right: borders.right.width, bottom: borders.bottom.width, left: borders.left.width };
  const put = (box, more) => {
    const cut = cutForm(box, clips);
    if (cut) {
      if (cut.length > 0) items.push(pathItem(cut, more));
      return;
    }
    const part = clipped(box, box.corners, clips);
    if (part) items.push({ kind: 'shape', x: part.x, y: part.y, w: part.w, h: part.h, form: formOf(part), ...more });
  };

  // A picture made of borders alone, such as a triangle.
  if (rect.w - widths.left - widths.right < 0.1 && rect.h - widths.top - widths.bottom < 0.1) {
    items.push(...borderTriangles(rect, borders));
    if (items.length > 0) return items;
  }

  const shadows = shadowsOf(style.boxShadow, opacity);
  // What spreads and does not blur is a ring: a larger shape behind.
  for (const ring of shadows.filter((shadow) => !shadow.inset && shadow.blur === 0).reverse()) {
    const grown = corners.map((corner) => ({ x: corner.x > 0 ? corner.x + ring.spread : 0, y: corner.y > 0 ? corner.y + ring.spread : 0 }));
    const outer = { x: rect.x - ring.spread + ring.x, y: rect.y - ring.spread + ring.y, w: rect.w + 2 * ring.spread, h: rect.h + 2 * ring.spread, corners: grown };
    if (ring.x === 0 && ring.y === 0 && ring.spread > 0) {
      const line = { width: ring.spread, hex: ring.hex, alpha: ring.alpha, dash: 'solid' };
      const middle = { x: rect.x - ring.spread / 2, y: rect.y - ring.spread / 2, w: rect.w + ring.spread, h: rect.h + ring.spread, corners: corners.map((corner) => ({ x: corner.x && corner.x + ring.spread / 2, y: corner.y && corner.y + ring.spread / 2 })) };
      put(middle, { line });
    } else if (outer.w > 0 && outer.h > 0) put(outer, { fill: { type: 'solid', hex: ring.hex, alpha: ring.alpha } });
  }
  const shadow = castOf(style, opacity);
  const inner = shadows.filter((shadow) => shadow.inset);
  const soft = inner.filter((shadow) => shadow.blur > 0);

  const fills = [];
  const ground = faded(style.backgroundColor, opacity);
  if (ground.alpha > 0.002) fills.push({ type: 'solid', ...ground, ...withinPadding(style, rect, corners, widths, -1) });
  const clipsText = /text/.test(style.backgroundClip + style.webkitBackgroundClip);
  if (style.backgroundImage !== 'none' && !clipsText) fills.push(...backgroundLayers(element, style, rect, widths, opacity, report));
  if (clipsText) fills.length = 0;
  // Nothing casts no shadow: a box that is open shows the one colour behind it, if it is one.
  const open = shadow && style.boxShadow !== 'none' && fills.length === 0 && !clipsText && (element.localName !== 'img' || isFramed(style)) ? groundBehind(element) : null;
  if (open) fills.push({ type: 'solid', ...open });

  const whole = { ...rect, corners };
  const even = sameBorders(borders);
  const line = even && borders.top.width > 0 && borders.top.alpha > 0.002 ? borders.top : null;
  const uneven = !even && Object.values(borders).some((side) => side.width > 0 && side.alpha > 0.002);

  const ring = uneven && Math.max(...corners.map((corner) => corner.x)) > 0.5 ? oneColour(borders) : null;
  const last = fills.length - 1;
  const isNative = (fill) => fill !== undefined && !fill.box && !/picture|disc/.test(fill.type);
  const framed = style.borderImageSource !== 'none' && Object.values(widths).some((width) => width > 0);
  // A shape has one inner shadow, and only on a fill.
  if (framed || soft.length > 1 || (soft.length === 1 && !isNative(fills[last]))) {
    report.pictures.push({ what: describe(element), why: framed ? 'border image' : 'inner shadows' });
    const opaque = fills.some((fill) => fill.type === 'solid' && fill.alpha >= 0.999);
    if (shadow && opaque) put(whole, { fill: fills.find((fill) => fill.type === 'solid'), shadow });
    return [...items, { kind: 'picture', ...rect, form: { type: 'rect' }, crop: [0, 0, 0, 0], source: shotOf(element, 'box'), alpha: 1, alt: '' }];
  }
  const [edge] = inner.filter(({ x, y, blur }) => blur === 0 && (x !== 0 || y !== 0));
  const moved = edge && inner.length === 1 && !line && fills.length === 1 && fills[0].type === 'solid' && fills[0].alpha >= 0.999 ? movedFill(edge, whole, widths) : null;
  if (moved) {
    // Two shapes, the upper one moved, have cleaner edges than one with a hole that reaches its edge.
    put(whole, { fill: { type: 'solid', hex: edge.hex, alpha: edge.alpha }, ...(shadow ? { shadow } : {}) });
    put(moved, { fill: fills[0] });
    return uneven ? [...items, ...borderStrips(rect, corners, borders, clips)] : items;
  }
  fills.forEach((fill, index) => {
    const own = { ...(shadow && index === 0 ? { shadow } : {}), ...(soft.length > 0 && index === last ? { inner: soft[0] } : {}) };
    const { box, ...paint } = fill;
    if (box) putFill(put, box, paint, items, clips);
    else if (fill.type === 'picture' || fill.type === 'disc') putFill(put, whole, fill, items, clips);
    else if (index === last && line) {
      const half = line.width / 2;
      put({ x: rect.x + half, y: rect.y + half, w: rect.w - line.width, h: rect.h - line.width, corners: inset(corners, { top: half, right: half, bottom: half, left: half }) }, { fill, line, ...own });
    } else put(whole, { fill, ...own });
  });
  items.push(...hardShadows(inner, { x: rect.x + widths.left, y: rect.y + widths.top, w: rect.w - widths.left - widths.right, h: rect.h - widths.top - widths.bottom, corners: inset(corners, widths) }, put, clips));
  if (line && (fills.length === 0 || !isNative(fills[last]))) {
    const half = line.width / 2;
    put({ x: rect.x + half, y: rect.y + half, w: rect.w - line.width, h: rect.h - line.width, corners: inset(corners, { top: half, right: half, bottom: half, left: half }) }, { line });
  }
  if (ring) {
    // Rounded, with borders on some sides: what lies between the outer and the inner edge.
    const inner = { x: rect.x + widths.left, y: rect.y + widths.top, w: rect.w - widths.left - widths.right, h: rect.h - widths.top - widths.bottom, corners: inset(corners, widths) };
    if (clipped(rect, corners, clips)) items.push(pathItem(rim(whole, inner, widths), { fill: { type: 'solid', ...ring } }));
  } else if (uneven) items.push(...borderStrips(rect, corners, borders, clips));
  if (px(style.outlineWidth) > 0 && !/none|auto/.test(style.outlineStyle) && alphaOf(style.outlineColor) > 0) {
    const width = px(style.outlineWidth);
    const away = px(style.outlineOffset) + width / 2;
    put({ x: rect.x - away, y: rect.y - away, w: rect.w + 2 * away, h: rect.h + 2 * away, corners: corners.map((corner) => ({ x: corner.x && corner.x + away, y: corner.y && corner.y + away })) }, { line: { width, dash: dashOf(style.outlineStyle), ...faded(style.outlineColor, opacity) } });
  }
  return items;
}

/** The lines between the columns of text of an element. */
function columnRules(element, style, rect, opacity) {
  const width = px(style.columnRuleWidth);
  if (/^(none|hidden)$/.test(style.columnRuleStyle) || width === 0 || (style.columnCount === 'auto' && style.columnWidth === 'auto')) return [];
  const [left, right, top, bottom] = ['Left', 'Right', 'Top', 'Bottom'].map((side) => px(style[`padding${side}`]) + px(style[`border${side}Width`]));
  const room = rect.w - left - right;
  const gap = style.columnGap === 'normal' ? px(style.fontSize) : px(style.columnGap);
  const fit = style.columnWidth === 'auto' ? Infinity : Math.max(1, Math.floor((room + gap) / (px(style.columnWidth) + gap)));
  const count = Math.min(style.columnCount === 'auto' ? Infinity : Number(style.columnCount), fit);
  const step = (room + gap) / count;
  const paint = { width, dash: dashOf(style.columnRuleStyle), ...faded(style.columnRuleColor, opacity) };
  const boxes = textBoxes(element);
  const rules = [];
  for (let column = 1; column < count; column += 1) {
    const x = rect.x + left + column * step - gap / 2;
    if (boxes.some(({ box }) => box.left > x)) rules.push(pathItem([['M', x, rect.y + top], ['L', x, rect.y + rect.h - bottom]], { line: paint }));
  }
  return rules;
}

/** The colour behind an element, if what it stands in has one all over. */
function groundBehind(element) {
  for (let above = element.parentElement; above; above = above.parentElement) {
    const style = styleOf(above);
    if (style.backgroundImage !== 'none') return null;
    const ground = colour(style.backgroundColor);
    if (ground.alpha > 0.99) return ground;
    if (ground.alpha > 0.004) return null;
  }
  return null;
}

/** What an inner shadow with a hard edge leaves of a box inside of its borders; `null` if it leaves nothing. */
function movedFill({ x, y, spread }, box, widths) {
  const within = { x: box.x + widths.left, y: box.y + widths.top, w: box.w - widths.left - widths.right, h: box.h - widths.top - widths.bottom, corners: inset(box.corners, widths) };
  const room = { x: within.x + x + spread, y: within.y + y + spread, w: within.w - 2 * spread, h: within.h - 2 * spread };
  return room.w > 0 && room.h > 0 ? clipped(room, inset(within.corners, { top: spread, right: spread, bottom: spread, left: spread }), [within]) : null;
}

/** Inner shadows with a hard edge: a line along the edge, or what lies between the edge and the moved hole. */
function hardShadows(shadows, box, put, clips) {
  const items = [];
  if (box.w <= 0 || box.h <= 0) return items;
  for (const { x, y, blur, spread, hex, alpha } of [...shadows].reverse()) {
    if (blur > 0) continue;
    if (x === 0 && y === 0) {
      const half = spread / 2;
      if (spread > 0) put({ x: box.x + half, y: box.y + half, w: box.w - spread, h: box.h - spread, corners: inset(box.corners, { top: half, right: half, bottom: half, left: half }) }, { line: { width: spread, hex, alpha, dash: 'solid' } });
      continue;
    }
    const left = movedFill({ x, y, spread }, box, { top: 0, right: 0, bottom: 0, left: 0 });
    if (clipped(box, box.corners, clips)) items.push(pathItem([...outline(box), ...(left ? hole(left) : [])], { fill: { type: 'solid', hex, alpha } }));
  }
  return items;
}

/** The colour that all borders with a width share, if they do. */
function oneColour(borders) {
  const drawn = Object.values(borders).filter((side) => side.width > 0);
  const [first] = drawn;
  return first && drawn.every((side) => side.hex === first.hex && side.alpha === first.alpha) ? { hex: first.hex, alpha: first.alpha } : null;
}

function putFill(put, box, fill, items, clips) {
  if (fill.type === 'disc') {
    const cut = cutForm({ ...fill.disc, corners: [0, 1, 2, 3].map(() => ({ x: fill.disc.w / 2, y: fill.disc.h / 2 })) }, [...clips, box]);
    if (cut === null) items.push({ kind: 'shape', ...fill.disc, form: { type: 'ellipse' }, fill: fill.fill });
    else if (cut.length > 0) items.push(pathItem(cut, { fill: fill.fill }));
    return undefined;
  }
  if (fill.type !== 'picture') return put(box, { fill });
  const part = clipped(box, box.corners, [...clips, { ...fill.at, corners: [0, 1, 2, 3].map(() => ({ x: 0, y: 0 })) }]);
  if (part) items.push(pictureItem(part, fill.at, { source: fill.source, alpha: fill.alpha, alt: '' }));
}

/** A picture shown where `part` is, whose whole would lie at `at`. */
function pictureItem(part, at, more) {
  const crop = [
    (part.x - at.x) / at.w,
    (part.y - at.y) / at.h,
    (at.x + at.w - part.x - part.w) / at.w,
    (at.y + at.h - part.y - part.h) / at.h,
  ].map((edge) => tidy(Math.max(0, edge)));
  return { kind: 'picture', x: part.x, y: part.y, w: part.w, h: part.h, form: formOf(part), crop, ...more };
}

/** The layers of a `background-image`, back to front. */
function backgroundLayers(element, style, rect, widths, opacity, report) {
  const images = pieces(style.backgroundImage);
  const list = (text) => pieces(text);
  const pick = (values, index) => values[index % values.length];
  const fills = [];
  const mode = pieces(style.backgroundBlendMode ?? '').find((each) => each !== 'normal');
  if (mode) {
    // Layers that mix with each other are a picture of them all.
    report.pictures.push({ what: describe(element), why: `background blend mode ${mode}` });
    return [{ type: 'picture', source: shotOf(element, 'box'), at: rect, alpha: 1 }];
  }
  for (let index = images.length - 1; index >= 0; index -= 1) {
    const image = images[index];
    const size = pick(list(style.backgroundSize), index);
    const position = pick(list(style.backgroundPosition), index);
    const repeat = pick(list(style.backgroundRepeat), index);
    if (image === 'none') continue;
    const area = pick(list(style.backgroundOrigin), index) === 'border-box' ? rect : { x: rect.x + widths.left, y: rect.y + widths.top, w: rect.w - widths.left - widths.right, h: rect.h - widths.top - widths.bottom };
    if (image.startsWith('url(')) {
      const source = image.slice(4, -1).replace(/^["']|["']$/g, '');
      const natural = loadedImages.get(source);
      if (!natural) {
        report.missing.add(source);
        continue;
      }
      const at = placed(area, natural, size, position);
      const tiles = /repeat/.test(repeat.replace(/no-repeat/g, '')) && (at.w < rect.w - 1 || at.h < rect.h - 1);
      if (tiles) {
        const drawn = drawnTiles(natural, rect, at, repeat);
        if (drawn) fills.push({ type: 'picture', source: drawn, at: rect, alpha: opacity });
      } else fills.push({ type: 'picture', source: natural.convert ? natural.convert() : source, at, alpha: opacity });
      continue;
    }
    const full = size === 'auto' || size === 'auto auto' || size === '100% 100%' || size === 'cover';
    const inner = withinPadding(style, rect, [0, 1, 2, 3].map(() => ({ x: 0, y: 0 })), widths, index);
    const room = inner.box ?? rect;
    const fill = full ? gradient(image, room.w, room.h, opacity) : null;
    if (fill) fills.push(...discs(fill, room).map((each) => ({ ...each, ...inner })));
    else fills.push({ type: 'picture', shot: true, source: null, at: rect, alpha: 1, why: /conic/.test(image) ? 'conic gradient' : 'repeated gradient' });
  }
  const shot = fills.find((fill) => fill.shot);
  if (shot) {
    // What has no counterpart becomes a picture of this background alone.
    report.pictures.push({ what: describe(element), why: shot.why });
    return [{ type: 'picture', source: shotOf(element, 'box'), at: rect, alpha: 1 }];
  }
  return fills;
}

/** The `box` of a ground, by its place in the list or -1 for the colour, if it is that within the padding; else nothing. */
function withinPadding(style, rect, corners, widths, index) {
  if (pieces(style.backgroundClip).at(index < 0 ? -1 : index % pieces(style.backgroundClip).length) !== 'content-box') return {};
  const edge = Object.fromEntries(['Top', 'Right', 'Bottom', 'Left'].map((side) => [side.toLowerCase(), widths[side.toLowerCase()] + px(style[`padding${side}`])]));
  return { box: { x: rect.x + edge.left, y: rect.y + edge.top, w: Math.max(0, rect.w - edge.left - edge.right), h: Math.max(0, rect.h - edge.top - edge.bottom), corners: inset(corners, edge) } };
}

/** A radial gradient with a hard edge in it is a disc on a ground. */
function discs(fill, rect) {
  if (fill.type !== 'radial') return [fill];
  const edge = fill.stops.findIndex((stop, index) => index > 0 && stop.at - fill.stops[index - 1].at < 0.015 && (stop.hex !== fill.stops[index - 1].hex || Math.abs(stop.alpha - fill.stops[index - 1].alpha) > 0.02) && stop.at > 0.01 && stop.at < 0.99);
  if (edge < 0) return [fill];
  const at = fill.stops[edge].at;
  const inner = fill.stops.slice(0, edge);
  const outer = fill.stops.slice(edge);
  const flat = (stops) => stops.every((stop) => stop.hex === stops[0].hex && Math.abs(stop.alpha - stops[0].alpha) < 0.01);
  const ground = flat(outer) ? { type: 'solid', hex: outer[0].hex, alpha: outer[0].alpha } : { ...fill, stops: outer };
  const [rx, ry] = [fill.radii[0] * rect.w * at, fill.radii[1] * rect.h * at];
  const disc = { x: rect.x + fill.centre[0] * rect.w - rx, y: rect.y + fill.centre[1] * rect.h - ry, w: 2 * rx, h: 2 * ry };
  const paint = flat(inner) ? { type: 'solid', hex: inner[0].hex, alpha: inner[0].alpha } : { type: 'radial', centre: [0.5, 0.5], radii: [0.5, 0.5], stops: inner.map((stop) => ({ ...stop, at: stop.at / at })) };
  return [...(ground.type === 'solid' && ground.alpha < 0.004 ? [] : [ground]), { type: 'disc', disc, fill: paint }];
}

/** A picture repeated over a box, drawn once. */
function drawnTiles(natural, rect, at, repeat) {
  const canvas = document.createElement('canvas');
  const scale = Math.min(2, 4096 / Math.max(rect.w, rect.h));
  canvas.width = Math.max(1, Math.round(rect.w * scale));
  canvas.height = Math.max(1, Math.round(rect.h * scale));
  const pen = canvas.getContext('2d');
  pen.scale(scale, scale);
  const across = !/^no-repeat|repeat-y/.test(repeat);
  const down = !/no-repeat$|repeat-x/.test(repeat);
  const [x, y] = [at.x - rect.x, at.y - rect.y];
  if (at.w < 1 || at.h < 1) return null;
  for (let left = across ? ((x % at.w) - at.w) % at.w : x; left < rect.w; left += at.w) {
    for (let top = down ? ((y % at.h) - at.h) % at.h : y; top < rect.h; top += at.h) {
      pen.drawImage(natural.image, left, top, at.w, at.h);
      if (!down) break;
    }
    if (!across) break;
  }
  try {
    return canvas.toDataURL('image/png');
  } catch {
    return null;
  }
}

function borderTriangles(rect, borders) {
  const { x, y, w, h } = rect;
  const centre = [x + borders.left.width, y + borders.top.width];
  const parts = [
    [borders.top, [x, y], [x + w, y]],
    [borders.right, [x + w, y], [x + w, y + h]],
    [borders.bottom, [x + w, y + h], [x, y + h]],
    [borders.left, [x, y + h], [x, y]],
  ];
  return parts
    .filter(([side]) => side.width > 0 && side.alpha > 0.002)
    .map(([side, from, to]) => pathItem([['M', ...from], ['L', ...to], ['L', ...centre], ['Z']], { fill: { type: 'solid', hex: side.hex, alpha: side.alpha } }));
}

/** A free form from commands in the slide's coordinates. */
function pathItem(commands, more) {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [, ...numbers] of commands) {
    for (let at = 0; at < numbers.length; at += 2) {
      left = Math.min(left, numbers[at]);
      right = Math.max(right, numbers[at]);
      top = Math.min(top, numbers[at + 1]);
      bottom = Math.max(bottom, numbers[at + 1]);
    }
  }
  const moved = commands.map(([command, ...numbers]) => [command, ...numbers.map((number, at) => tidy(number - (at % 2 ? top : left)))]);
  return { kind: 'shape', x: left, y: top, w: Math.max(right - left, 0.01), h: Math.max(bottom - top, 0.01), form: { type: 'path', commands: moved }, ...more };
}

/** Borders that differ from side to side, each a strip with mitred ends. */
function borderStrips(rect, corners, borders, clips) {
  const { x, y, w, h } = rect;
  const { top, right, bottom, left } = borders;
  const inner = { l: x + left.width, t: y + top.width, r: x + w - right.width, b: y + h - bottom.width };
  const round = Math.max(...corners.flatMap((corner) => [corner.x, corner.y])) > 0.5;
  const strips = [
    [top, [[x, y], [x + w, y], [inner.r, inner.t], [inner.l, inner.t]], { x, y, w, h: top.width }],
    [right, [[x + w, y], [x + w, y + h], [inner.r, inner.b], [inner.r, inner.t]], { x: inner.r, y, w: right.width, h }],
    [bottom, [[x + w, y + h], [x, y + h], [inner.l, inner.b], [inner.r, inner.b]], { x, y: inner.b, w, h: bottom.width }],
    [left, [[x, y + h], [x, y], [inner.l, inner.t], [inner.l, inner.b]], { x, y, w: left.width, h }],
  ];
  const items = [];
  for (const [side, points, box] of strips) {
    if (side.width <= 0 || side.alpha <= 0.002) continue;
    const fill = { type: 'solid', hex: side.hex, alpha: side.alpha };
    if (side.dash === 'double' && side.width >= 3) {
      const flat = box.w > box.h;
      const third = side.width / 3;
      for (const at of [0, 2 * third]) items.push({ kind: 'shape', ...box, ...(flat ? { y: box.y + at, h: third } : { x: box.x + at, w: third }), form: { type: 'rect' }, fill });
      continue;
    }
    if (side.dash === 'dash' || side.dash === 'dot') {
      const middle = { ...box, ...(box.w > box.h ? { y: box.y + box.h / 2, h: 0 } : { x: box.x + box.w / 2, w: 0 }) };
      items.push(pathItem([['M', middle.x, middle.y], ['L', middle.x + middle.w, middle.y + middle.h]], { line: side }));
      continue;
    }
    if (round) {
      const drawn = roundedSide(rect, corners, borders, side);
      if (drawn.length > 2 && clipped(rect, corners, clips)) items.push(pathItem([...drawn.map((point, index) => [index === 0 ? 'M' : 'L', ...point]), ['Z']], { fill }));
      continue;
    }
    const alone = [top, right, bottom, left].filter((other) => other !== side && other.width > 0).length === 0;
    if (alone) {
      const square = [0, 1, 2, 3].map(() => ({ x: 0, y: 0 }));
      const part = clipped(box, square, clips);
      if (part) items.push({ kind: 'shape', x: part.x, y: part.y, w: part.w, h: part.h, form: formOf({ ...part, corners: fitting(part) }), fill });
    } else if (clipped(rect, corners, clips)) {
      items.push(pathItem([['M', ...points[0]], ...points.slice(1).map((point) => ['L', ...point]), ['Z']], { fill }));
    }
  }
  return items;
}

/** The part of a rounded rim that one side draws: as far as the lines through the outer and the inner corners. */
function roundedSide(rect, corners, borders, side) {
  const { x, y, w, h } = rect;
  const widths = { top: borders.top.width, right: borders.right.width, bottom: borders.bottom.width, left: borders.left.width };
  const name = Object.keys(widths).find((each) => borders[each] === side);
  const inner = { x: x + widths.left, y: y + widths.top, w: w - widths.left - widths.right, h: h - widths.top - widths.bottom, corners: inset(corners, widths) };
  const points = pointsOf(rim({ ...rect, corners }, inner, { top: 0, right: 0, bottom: 0, left: 0, [name]: widths[name] }));
  const outer = { tl: [x, y], tr: [x + w, y], br: [x + w, y + h], bl: [x, y + h] };
  const inside = { tl: [inner.x, inner.y], tr: [inner.x + inner.w, inner.y], br: [inner.x + inner.w, inner.y + inner.h], bl: [inner.x, inner.y + inner.h] };
  const [from, to] = { top: ['tl', 'tr'], right: ['tr', 'br'], bottom: ['br', 'bl'], left: ['bl', 'tl'] }[name];
  const [deep, across] = /top|bottom/.test(name) ? [h / 2, w] : [w / 2, h];
  const beside = /top|bottom/.test(name) ? widths.left + widths.right : widths.top + widths.bottom;
  // The lines are followed to the middle of the box, or to where they meet.
  const reach = Math.min(deep / widths[name], beside > 0 ? across / beside : Infinity);
  const along = (corner) => [0, 1].map((axis) => outer[corner][axis] + reach * (inside[corner][axis] - outer[corner][axis]));
  return cutBy(points, [outer[from], outer[to], along(to), along(from)]);
}

/** Corners no larger than their box. */
function fitting(box) {
  return box.corners.map((corner) => {
    const share = Math.min(1, box.w / (corner.x || 1), box.h / (corner.y || 1));
    return { x: corner.x * share, y: corner.y * share };
  });
}

/** Points along an outline, for cutting. */
function pointsOf(commands) {
  const points = [];
  let at = [0, 0];
  for (const [command, ...numbers] of commands) {
    if (command === 'C') {
      const [x1, y1, x2, y2, x, y] = numbers;
      for (let step = 1; step <= 24; step += 1) {
        const t = step / 24;
        const u = 1 - t;
        points.push([u ** 3 * at[0] + 3 * u * u * t * x1 + 3 * u * t * t * x2 + t ** 3 * x, u ** 3 * at[1] + 3 * u * u * t * y1 + 3 * u * t * t * y2 + t ** 3 * y]);
      }
      at = [x, y];
    } else if (command !== 'Z') {
      at = numbers;
      points.push(at);
    }
  }
  return points;
}

/** What is left of a polygon inside of a convex one (Sutherland and Hodgman's way). */
function cutBy(subject, window) {
  let rest = subject;
  for (let index = 0; index < window.length && rest.length > 0; index += 1) {
    const [a, b] = [window[index], window[(index + 1) % window.length]];
    if (Math.hypot(b[0] - a[0], b[1] - a[1]) < 1e-6) continue;
    const side = (point) => (b[0] - a[0]) * (point[1] - a[1]) - (b[1] - a[1]) * (point[0] - a[0]);
    const kept = [];
    rest.forEach((point, at) => {
      const before = rest[(at + rest.length - 1) % rest.length];
      const [now, then] = [side(point), side(before)];
      if (now >= 0 !== then >= 0) {
        const share = then / (then - now);
        kept.push([before[0] + share * (point[0] - before[0]), before[1] + share * (point[1] - before[1])]);
      }
      if (now >= 0) kept.push(point);
    });
    rest = kept;
  }
  return rest;
}

/** A rounded box cut by clips that its own form cannot show, as a free form; `null` if it needs none. */
function cutForm(box, clips) {
  const round = box.corners.some((corner) => corner.x > 1 && corner.y > 1);
  const cutting = clips.filter((clip) => clip.x > box.x + 0.5 || clip.y > box.y + 0.5 || clip.x + clip.w < box.x + box.w - 0.5 || clip.y + clip.h < box.y + box.h - 0.5);
  if (!round || cutting.length === 0) return null;
  let rest = pointsOf(outline(box));
  for (const clip of cutting) rest = cutBy(rest, pointsOf(outline(clip)));
  return rest.length < 3 ? [] : [...rest.map((point, index) => [index === 0 ? 'M' : 'L', ...point]), ['Z']];
}
