// Tables stay tables: a grid of the cells' edges, spans, fills, borders and the text of the cells.

function edges(values) {
  const sorted = [...values].sort((one, other) => one - other);
  const kept = [];
  for (const value of sorted) if (kept.length === 0 || value - kept.at(-1) > 1) kept.push(value);
  return kept;
}

const nearest = (list, value) => list.reduce((best, edge, index) => (Math.abs(edge - value) < Math.abs(list[best] - value) ? index : best), 0);

/** The first background that shows behind a cell, from its row outwards. */
function groundOf(cell, table, state) {
  const fills = [];
  for (let above = cell; above; above = above.parentElement) {
    const style = styleOf(above);
    const ground = faded(style.backgroundColor, state.opacity);
    if (style.backgroundImage !== 'none') {
      const box = above.getBoundingClientRect();
      const fill = gradient(pieces(style.backgroundImage)[0], box.width, box.height, state.opacity);
      if (fill) {
        if (above === cell) return { fill, over: fills };
        // A row's gradient runs through all of its cells: each gets its part as one colour.
        const part = cell.getBoundingClientRect();
        const at = clamp((part.left + part.width / 2 - box.left) / (box.width || 1), 0, 1);
        const stop = fill.stops.reduce((best, each) => (Math.abs(each.at - at) < Math.abs(best.at - at) ? each : best));
        fills.push({ hex: stop.hex, alpha: stop.alpha });
      }
    }
    if (ground.alpha > 0.002) fills.push(ground);
    if (fills.at(-1)?.alpha >= 0.999 || above === table) break;
  }
  if (fills.length === 0) return { fill: null };
  const [top, ...under] = fills;
  if (top.alpha >= 0.999 || under.length === 0) return { fill: { type: 'solid', ...top } };
  return { fill: { type: 'solid', ...fills.reduceRight((below, above) => blend(above, below)) } };
}

function blend(above, below) {
  const alpha = above.alpha + below.alpha * (1 - above.alpha);
  const part = (at) => {
    const [one, other] = [above, below].map(({ hex }) => Number.parseInt(hex.slice(at, at + 2), 16));
    return Math.round((one * above.alpha + other * below.alpha * (1 - above.alpha)) / (alpha || 1)).toString(16).padStart(2, '0');
  };
  return { hex: (part(0) + part(2) + part(4)).toUpperCase(), alpha: tidy(alpha) };
}

/** The nearest opaque colour behind an element; of a gradient its middle. */
function behind(element, state) {
  for (let above = element; above && above !== state.slide.parentElement; above = above.parentElement) {
    const style = styleOf(above);
    const first = style.backgroundImage === 'none' ? null : gradient(pieces(style.backgroundImage)[0], 100, 100, 1);
    const stop = first?.stops[Math.floor(first.stops.length / 2)];
    if (stop && stop.alpha > 0.98) return { hex: stop.hex, alpha: 1 };
    const ground = colour(style.backgroundColor);
    if (ground.alpha > 0.98) return ground;
  }
  return null;
}

/** The paragraphs of a cell that holds only text; `null` if it holds more. */
function cellText(cell, state) {
  const blocks = [];
  let inline = [];
  const flush = () => {
    if (inline.some((node) => node.nodeType === Node.ELEMENT_NODE || node.data.trim() !== '')) blocks.push([inline, cell]);
    inline = [];
  };
  const gather = (nodes, owner) => {
    for (const node of nodes) {
      if (node.nodeType === Node.TEXT_NODE) inline.push(node);
      else if (node.nodeType === Node.ELEMENT_NODE) {
        const style = styleOf(node);
        if (style.display === 'none') continue;
        if (isOut(style) || isReplaced(node)) return false;
        if (style.display === 'inline') {
          if (!inlineOnly(node) || !plainInline(node)) return false;
          inline.push(node);
        } else if (style.display === 'block' && plain(style) && inlineOnly(node)) {
          flush();
          blocks.push([[...node.childNodes], node]);
        } else return false;
      }
    }
    flush();
    return true;
  };
  if (!gather(cell.childNodes, cell)) return null;
  const paragraphs = [];
  for (const [nodes, owner] of blocks) {
    const lines = linesOf(lettersOf(nodes, state), false);
    if (lines.some((line) => line.atoms.length > 0)) return null;
    if (lines.length === 0) continue;
    for (const line of lines) measured(line, false);
    const paragraph = paragraphOf(lines, owner, false);
    const before = paragraphs.at(-1);
    paragraph.before = before ? tidy(topOf(paragraph) - topOf(before) - before.rows * before.pitch) : 0;
    paragraphs.push(paragraph);
  }
  return paragraphs;
}

const plainInline = (element) => (plain(styleOf(element)) || !styleOf(element).borderRadius.match(/[1-9]/)) && [...element.children].every(plainInline);

const isSeparate = (table) => styleOf(table).borderCollapse !== 'collapse';

/** Whether the borders of a table are its own and go round corners, so that no cell can have them. */
const hasRoundFrame = (table) => isSeparate(table) && cornersOf(styleOf(table), 100, 100).some((corner) => corner.x > 1 && corner.y > 1);

/** The sides of a cell that meet at each of its corners. */
const MEETING = [['top', 'left'], ['top', 'right'], ['bottom', 'right'], ['bottom', 'left']];

/**
 * What cells with round corners cannot have themselves, as shapes that stand under the table: their grounds, one for a
 * row where it is the same all along, and the borders that end in a corner. The cells are changed to have none.
 */
function roundedGrounds(table, cells, boxes, out, state) {
  const square = [0, 1, 2, 3].map(() => ({ x: 0, y: 0 }));
  const isRound = (corner) => corner.x > 1 && corner.y > 1;
  const parts = cells.map((cell) => {
    const { left: x, top: y, width: w, height: h } = boxes.get(cell);
    const part = clipped({ x, y, w, h }, isSeparate(table) ? cornersOf(styleOf(cell), w, h) : square, state.clips);
    return part ?? { x, y, w, h, corners: square };
  });
  const items = [];
  const done = new Set();
  parts.forEach((part, index) => {
    if (done.has(index) || !part.corners.some(isRound)) return;
    const row = out.map((_, at) => at).filter((at) => out[at].row === out[index].row && out[at].rows === 1);
    row.sort((one, other) => parts[one].x - parts[other].x);
    const [first, last] = [row[0], row.at(-1)];
    const spans = row.reduce((sum, at) => sum + out[at].columns, 0);
    const alike = row.every((at) => JSON.stringify(out[at].fill) === JSON.stringify(out[first].fill));
    const inside = row.every((at, place) => (place === 0 || !(isRound(parts[at].corners[0]) || isRound(parts[at].corners[3]))) && (place === row.length - 1 || !(isRound(parts[at].corners[1]) || isRound(parts[at].corners[2]))));
    const joins = row.length > 1 && row.includes(index) && spans === Math.max(...out.map((cell) => cell.column + cell.columns)) && alike && inside && out[first].fill?.type === 'solid' && row.every((at, place) => place === 0 || Math.abs(parts[at].x - parts[row[place - 1]].x - parts[row[place - 1]].w) < 1);
    const box = joins
      ? { x: parts[first].x, y: part.y, w: parts[last].x + parts[last].w - parts[first].x, h: part.h, corners: [parts[first].corners[0], parts[last].corners[1], parts[last].corners[2], parts[first].corners[3]] }
      : part;
    if (out[index].fill) items.push({ kind: 'shape', x: box.x, y: box.y, w: box.w, h: box.h, form: formOf(box), fill: out[index].fill });
    for (const at of joins ? row : [index]) {
      out[at].fill = null;
      done.add(at);
    }
  });
  parts.forEach((part, index) => {
    const { borders } = out[index];
    const sides = new Set(part.corners.flatMap((corner, at) => (isRound(corner) ? MEETING[at] : [])));
    for (const name of sides) {
      const side = borders[name];
      if (!(side.width > 0) || side.alpha < 0.002) continue;
      const flat = name === 'top' || name === 'bottom';
      const [x, y] = [name === 'right' ? part.x + part.w - side.width : part.x, name === 'bottom' ? part.y + part.h - side.width : part.y];
      const [w, h] = flat ? [part.w, side.width] : [side.width, part.h];
      const rest = cutBy([[x, y], [x + w, y], [x + w, y + h], [x, y + h]], pointsOf(outline(part)));
      if (rest.length > 2) items.push(pathItem([...rest.map((point, at) => [at === 0 ? 'M' : 'L', ...point]), ['Z']], { fill: { type: 'solid', hex: side.hex, alpha: side.alpha } }));
      borders[name] = { width: 0 };
    }
  });
  return items;
}

/** A table, its caption aside, and the elements whose content stands on top of it. */
function tableItem(table, state) {
  const rows = [...table.rows].filter((row) => styleOf(row).display !== 'none');
  const cells = rows.flatMap((row) => [...row.cells].filter((cell) => styleOf(cell).display !== 'none'));
  if (cells.length === 0) return null;
  const boxes = new Map(cells.map((cell) => [cell, cell.getBoundingClientRect()]));
  const spaced = isSeparate(table) && px(styleOf(table).borderSpacing) > 0.5;
  const gap = spaced ? px(styleOf(table).borderSpacing) / 2 : 0;
  const across = edges(cells.flatMap((cell) => [boxes.get(cell).left - gap, boxes.get(cell).right + gap]));
  const down = edges(cells.flatMap((cell) => [boxes.get(cell).top - gap, boxes.get(cell).bottom + gap]));
  const merged = collapse(across, down, cells, boxes, gap);
  const grid = { x: merged.across[0], y: merged.down[0], columns: steps(merged.across), rows: steps(merged.down) };
  const none = { width: 0 };
  const outer = hasRoundFrame(table) ? { top: none, right: none, bottom: none, left: none } : bordersOf(styleOf(table), state.opacity);
  const onTop = [];
  const out = cells.map((cell) => {
    const box = boxes.get(cell);
    const style = styleOf(cell);
    const column = nearest(merged.across, box.left - gap);
    const row = nearest(merged.down, box.top - gap);
    const columns = Math.max(1, nearest(merged.across, box.right + gap) - column);
    const span = Math.max(1, nearest(merged.down, box.bottom + gap) - row);
    const paragraphs = cellText(cell, state);
    if (paragraphs === null) onTop.push(cell);
    const text = paragraphs ?? [];
    const { fill } = groundOf(cell, table, state);
    const borders = bordersOf(style, state.opacity);
    const lineOf = (element, side) => bordersOf(styleOf(element), state.opacity)[side];
    const group = cell.parentElement.parentElement;
    const first = row === 0;
    const last = row + span === grid.rows.length;
    const pick = (...sides) => sides.find((side) => side && side.width > 0) ?? { width: 0 };
    if (styleOf(table).borderCollapse === 'collapse') {
      borders.top = pick(borders.top, lineOf(cell.parentElement, 'top'), cell.parentElement === group.firstElementChild ? lineOf(group, 'top') : null, first ? outer.top : null);
      borders.bottom = pick(borders.bottom, lineOf(cell.parentElement, 'bottom'), cell.parentElement === group.lastElementChild ? lineOf(group, 'bottom') : null, last ? outer.bottom : null);
    } else {
      if (first) borders.top = pick(borders.top, outer.top);
      if (last) borders.bottom = pick(borders.bottom, outer.bottom);
    }
    if (column === 0) borders.left = pick(borders.left, outer.left);
    if (column + columns === grid.columns.length) borders.right = pick(borders.right, outer.right);
    // Programs draw the borders of tables without their transparency.
    const ground = fill?.type === 'solid' && fill.alpha >= 0.999 ? fill : behind(table, state);
    for (const side of Object.keys(borders)) if (borders[side].width > 0 && borders[side].alpha < 0.999 && ground) Object.assign(borders[side], { ...blend(borders[side], fill?.type === 'solid' && fill.alpha < 0.999 ? blend(fill, ground) : ground), alpha: 1 });
    const padding = { left: 0, right: 0, top: 0, bottom: 0 };
    let anchor = 'middle';
    if (text.length > 0) {
      const above = topOf(text[0]) - merged.down[row];
      const end = text.at(-1);
      const below = merged.down[row + span] - (topOf(end) + end.rows * end.pitch);
      if (style.verticalAlign === 'top') [anchor, padding.top] = ['top', tidy(Math.max(0, above))];
      else if (style.verticalAlign === 'bottom') [anchor, padding.bottom] = ['bottom', tidy(Math.max(0, below))];
      else if (above > below) padding.top = tidy(above - below);
      else padding.bottom = tidy(below - above);
      const left = Math.min(...text.map((paragraph) => paragraph.left));
      const right = Math.max(...text.map((paragraph) => paragraph.right));
      const [from, to] = [merged.across[column], merged.across[column + columns]];
      const aligned = text[0].align;
      padding.left = tidy(Math.max(0, aligned === 'left' ? left - from : aligned === 'center' ? 0 : 0));
      padding.right = tidy(Math.max(0, aligned === 'right' ? to - right : 0));
      if (aligned === 'center') {
        const shift = (left + right) / 2 - (from + to) / 2;
        if (shift > 0) padding.left = tidy(2 * shift);
        else padding.right = tidy(-2 * shift);
      }
    }
    return { column, row, columns, rows: span, fill, borders, paragraphs: text, padding, anchor, header: cell.localName === 'th' };
  });
  const under = roundedGrounds(table, cells, boxes, out, state);
  return {
    item: {
      kind: 'table', x: grid.x, y: grid.y,
      w: grid.columns.reduce((sum, width) => sum + width, 0), h: grid.rows.reduce((sum, height) => sum + height, 0),
      columns: grid.columns, rows: grid.rows, cells: out, headerRow: table.tHead !== null || cells[0].localName === 'th', alt: table.getAttribute('aria-label') ?? table.caption?.textContent.trim() ?? '',
    },
    under,
    onTop,
  };
}

const steps = (list) => list.slice(1).map((edge, index) => tidy(edge - list[index]));

/** Edges that no more than the widths of borders separate are one. */
function collapse(across, down, cells, boxes, gap) {
  const used = (list, from, to) => {
    const starts = new Set(cells.map((cell) => nearest(list, from(boxes.get(cell)))));
    return list.filter((_, index) => starts.has(index) || index === list.length - 1);
  };
  return {
    across: used(across, (box) => box.left - gap),
    down: used(down, (box) => box.top - gap),
  };
}
