// Tables stay tables: a grid of the cells' edges, spans, fills, borders and the text of the cells.

function edges(values) {
  const sorted = [...values].sort((one, other) => one - other);
  const kept = [];
  for (const value of sorted) if (kept.length === 0 || value - kept.at(-1) > 1) kept.push(value);
  return kept;
}

const nearest = (list, value) => list.reduce((best, edge, index) => (Math.abs(edge - value) < Math.abs(list[best] - value) ? index : best), 0);

/** The `col` elements of a table. */
const columnsOf = (table) => [...table.children].flatMap((part) => (part.localName === 'colgroup' ? [...part.children] : part.localName === 'col' ? [part] : []));

/** The first background that shows behind a cell, from its row outwards, and the row whose gradient shows under that. */
function groundOf(cell, table, state) {
  const fills = [];
  for (let above = cell; above; above = above.parentElement) {
    const style = styleOf(above);
    const ground = faded(style.backgroundColor, state.opacity);
    if (style.backgroundImage !== 'none') {
      const box = above.getBoundingClientRect();
      const fill = gradient(pieces(style.backgroundImage)[0], box.width, box.height, state.opacity);
      if (fill) {
        if (above === cell && fills.length === 0) return { fill };
        if (above !== cell) {
          const own = above === table || fills.length > 0 ? null : partOfGround(fill, cell.getBoundingClientRect(), box);
          // A slanting gradient runs through all cells of its row: it lies under them.
          return own ? { fill: own } : { fill: mixed(fills), row: above };
        }
      }
    }
    if (above === table) {
      // Columns have their grounds under those of rows.
      const { left, width } = cell.getBoundingClientRect();
      const holds = (box) => box.left <= left + width / 2 && box.right >= left + width / 2;
      const column = columnsOf(table).find((each) => holds(each.getBoundingClientRect()));
      const own = column && faded(styleOf(column).backgroundColor, state.opacity);
      if (own?.alpha > 0.002) fills.push(own);
    }
    if (ground.alpha > 0.002) fills.push(ground);
    if (fills.at(-1)?.alpha >= 0.999 || above === table) break;
  }
  return { fill: mixed(fills) };
}

/** What of a linear gradient lies in a part of its box; `null` where that is no gradient along the part's own sides. */
function partOfGround(fill, part, box) {
  const along = fill.type === 'linear' ? [0, 180].indexOf(fill.angle) : -1;
  if (along < 0) return fill.type === 'linear' && fill.angle % 90 === 0 && Math.abs(part.height - box.height) < 1.5 ? fill : null;
  const ends = [(part.left - box.left) / box.width, (part.right - box.left) / box.width].map((end) => clamp(end, 0, 1));
  const [from, to] = along === 0 ? ends : [1 - ends[1], 1 - ends[0]];
  const inner = fill.stops.filter(({ at }) => at > from && at < to).map((stop) => ({ ...stop, at: tidy((stop.at - from) / (to - from)) }));
  return { ...fill, stops: [{ ...shadeAt(fill.stops, from), at: 0 }, ...inner, { ...shadeAt(fill.stops, to), at: 1 }] };
}

/** The colour of a gradient at a share of its way. */
function shadeAt(stops, at) {
  const next = stops.findIndex((stop) => stop.at >= at);
  if (next < 0) return stops.at(-1);
  if (next === 0) return stops[0];
  const [one, other] = [stops[next - 1], stops[next]];
  const share = (at - one.at) / (other.at - one.at || 1);
  const part = (from) => {
    const [a, b] = [one, other].map(({ hex }) => Number.parseInt(hex.slice(from, from + 2), 16));
    return Math.round(a + (b - a) * share).toString(16).padStart(2, '0');
  };
  return { hex: (part(0) + part(2) + part(4)).toUpperCase(), alpha: tidy(one.alpha + (other.alpha - one.alpha) * share) };
}

/** The colour that shows at a point of an element and what is behind it; `null` where that is no plain one. */
function colourAt(element, [x, y]) {
  const found = [];
  const whole = () => ({ type: 'solid', ...(found.length > 1 ? found.reduceRight((below, above) => blend(above, below)) : found[0]) });
  for (let above = element; above; above = above.parentElement) {
    const style = styleOf(above);
    if (Number(style.opacity) < 1) return null;
    if (style.backgroundImage !== 'none') {
      const { left, top, width, height } = above.getBoundingClientRect();
      const fill = gradient(pieces(style.backgroundImage)[0], width, height, 1);
      if (!fill || pieces(style.backgroundImage).length > 1) return null;
      const angle = ((fill.angle ?? 0) * Math.PI) / 180;
      const [dx, dy] = [x - left - width / 2, y - top - height / 2];
      const at = fill.type === 'linear' ? (dx * Math.cos(angle) + dy * Math.sin(angle)) / (Math.abs(width * Math.cos(angle)) + Math.abs(height * Math.sin(angle))) + 0.5 : Math.hypot(((x - left) / width - fill.centre[0]) / fill.radii[0], ((y - top) / height - fill.centre[1]) / fill.radii[1]);
      found.push(shadeAt(fill.stops, clamp(at, 0, 1)));
      if (found.at(-1).alpha > 0.999) return whole();
    }
    const ground = colour(style.backgroundColor);
    if (ground.alpha > 0.002) found.push(ground);
    if (ground.alpha > 0.999) return whole();
  }
  found.push({ hex: 'FFFFFF', alpha: 1 });
  return whole();
}

/** Colours that lie on each other, the uppermost first, as one; `null` without any. */
function mixed(fills) {
  if (fills.length === 0) return null;
  const [top, ...under] = fills;
  if (top.alpha >= 0.999 || under.length === 0) return { type: 'solid', ...top };
  return { type: 'solid', ...fills.reduceRight((below, above) => blend(above, below)) };
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

/** Runs of inline nodes of a cell, each with the block that they stand in, but for blocks that are apart; `null` if its text cannot be that of a cell. */
function cellBlocks(cell, marked, isApart) {
  const blocks = [];
  let inline = [];
  const flush = (owner) => {
    if (inline.some((node) => node.nodeType === Node.ELEMENT_NODE || node.data.trim() !== '')) blocks.push([inline, owner]);
    inline = [];
  };
  const gather = (nodes, owner) => {
    for (const node of nodes) {
      if (node.nodeType === Node.TEXT_NODE) inline.push(node);
      else if (node.nodeType === Node.ELEMENT_NODE) {
        const style = styleOf(node);
        const isSilent = isReplaced(node) || node.textContent.trim() === '';
        if (style.display === 'none') continue;
        if (isOut(style)) {
          if (!isSilent) return false;
        } else if (node.localName === 'br') inline.push(node);
        else if (isSilent) {
          if (isInline(style)) inline.push(node);
          else flush(owner);
        } else if (style.display === 'contents') {
          if (!gather(node.childNodes, owner)) return false;
        } else if (isInline(style)) {
          if (style.display === 'inline' ? !inlineOnly(node) : !canFlow(node)) return false;
          for (const part of partsInLine([node])) if (part) letFlow(part, marked);
          inline.push(node);
        } else if (/^(ul|ol)$/.test(node.localName) && isTextBlock(node, style)) {
          flush(owner);
          blocks.push([null, node]);
        } else if (!isPlainPart(node)) return false;
        else {
          flush(owner);
          if (isApart(node, style)) {
            speaking.add(node);
            continue;
          }
          if (isOneLine(node)) {
            letFlow(node, marked);
            blocks.push([[...node.childNodes], node]);
          } else {
            flowing.add(node);
            marked.push(node);
            if (!gather(node.childNodes, node)) return false;
          }
        }
      }
    }
    flush(owner);
    return true;
  };
  return gather(cell.childNodes, cell) ? blocks : null;
}

/** The paragraphs of a cell whose text stands in lines one below the other; `null` if it does not. */
function cellText(cell, state) {
  // Letters that lie on their side are a box of their own; a narrow cell puts Chinese ones below each other by itself.
  if (styleOf(cell).writingMode !== 'horizontal-tb' && !WIDE.test(cell.textContent)) return null;
  // Where the text of a box beside lines is in the way, the box keeps it.
  for (const isApart of [() => false, (node, style) => paintsBox(style) && isOneLine(node)]) {
    const marked = [];
    const paragraphs = cellParagraphs(cellBlocks(cell, marked, isApart) ?? [null], state, marked);
    if (paragraphs !== null) return paragraphs;
    // What does not become the cell's text is drawn as anything else.
    for (const part of marked) flowing.delete(part);
  }
  return null;
}

function cellParagraphs(blocks, state, marked) {
  const paragraphs = [];
  for (const block of blocks) {
    if (block === null) return null;
    const [nodes, owner] = block;
    if (nodes === null) {
      const kept = { marked, beside: [], pictured: [] };
      const items = listParagraphs(owner, 0, { ...state, isCell: true }, kept);
      if (!items || kept.beside.length > 0) return null;
      for (const item of items) {
        const before = paragraphs.at(-1);
        if (before && (!follows(item, before) || item.align !== 'left')) return null;
        item.before = before ? tidy(topOf(item) - topOf(before) - before.rows * before.pitch) : 0;
        paragraphs.push(item);
      }
      continue;
    }
    const lines = linesOf(lettersOf(nodes, state), false).filter((line) => line.letters.length > 0);
    if (lines.some((line) => line.letters.some((letter, index) => letter.gap && index > 0))) return null;
    if (lines.length === 0) continue;
    for (const line of lines) measured(line, false, true);
    const paragraph = paragraphOf(lines, owner, false);
    const before = paragraphs.at(-1);
    paragraph.before = before ? tidy(topOf(paragraph) - topOf(before) - before.rows * before.pitch) : 0;
    if (before && (paragraph.before < -0.4 * paragraph.pitch || paragraph.align !== before.align || Math.abs(alignedAt(paragraph) - alignedAt(before)) > 4)) {
      // Of paragraphs that begin at different edges only those at the left can be moved in.
      if (paragraph.align !== 'left' || before.align !== 'left' || paragraph.before < -0.4 * paragraph.pitch) return null;
    }
    paragraphs.push(paragraph);
  }
  const left = Math.min(...paragraphs.map(startOf));
  for (const paragraph of paragraphs) {
    if (paragraph.align === 'left' && paragraph.left - left > 0.5) paragraph.margin = tidy(paragraph.left - left);
    if (paragraph.hang > 0) paragraph.first = tidy(-paragraph.hang);
  }
  return paragraphs;
}

/** Where a paragraph begins, with its marker. */
const startOf = (paragraph) => paragraph.left - (paragraph.hang ?? 0);

const alignedAt = ({ align, left, right }) => ({ right, center: (left + right) / 2 })[align] ?? left;

/** What a cell holds beside its text: nothing, boxes that lie under its text, or only such that lie beside it. */
function besidesText(cell) {
  const others = [...cell.querySelectorAll('*')].filter((part) => !part.closest('svg') || part.localName === 'svg').filter((part) => {
    const style = styleOf(part);
    return style.display !== 'none' && style.visibility === 'visible' && (isReplaced(part) || (paintsBox(style) && !marksOnly(part, style)));
  });
  if (others.length === 0) return null;
  const letters = textBoxes(cell).filter(({ node }) => ![...speaking].some((part) => part.contains(node)));
  const lies = ({ left, top, right, bottom }) => letters.some(({ box }) => box.left < right && box.right > left && box.top < bottom && box.bottom > top);
  return others.some((part) => lies(part.getBoundingClientRect())) ? 'under' : 'beside';
}

const isSeparate = (table) => styleOf(table).borderCollapse !== 'collapse';

/** Whether the borders of a table are its own and go round corners, so that no cell can have them. */
const hasRoundFrame = (table) => isSeparate(table) && cornersOf(styleOf(table), 100, 100).some((corner) => corner.x > 1 && corner.y > 1);

/** The sides of a cell that meet at each of its corners. */
const MEETING = [['top', 'left'], ['top', 'right'], ['bottom', 'right'], ['bottom', 'left']];

/** The points of a corner that an arc leaves of a box: the box's corner and the arc, from that of a box around it. */
function cornerPoints([x, y], [fromX, fromY], radius, [across, down]) {
  const points = [[x, y]];
  for (let step = 0; step <= 8; step += 1) {
    const turn = (step * Math.PI) / 16;
    const at = [fromX + across * radius.x * (1 - Math.cos(turn)), fromY + down * radius.y * (1 - Math.sin(turn))];
    points.push([across > 0 ? Math.max(at[0], x) : Math.min(at[0], x), down > 0 ? Math.max(at[1], y) : Math.min(at[1], y)]);
  }
  return points;
}

const polygonItem = (points, fill) => pathItem([...points.map((point, at) => [at === 0 ? 'M' : 'L', ...point]), ['Z']], { fill });

/**
 * What cells with round corners cannot have themselves, as shapes that stand over the table: a piece of what is behind
 * in each corner, so that the ground is the cell's own, and the borders that end in a corner. Those of the cells are gone then.
 */
function roundedCorners(table, cells, boxes, out, state) {
  const square = [0, 1, 2, 3].map(() => ({ x: 0, y: 0 }));
  const isRound = (corner) => corner.x > 1 && corner.y > 1;
  const items = [];
  const lines = [];
  cells.forEach((cell, index) => {
    const { left: x, top: y, width: w, height: h } = boxes.get(cell);
    const own = isSeparate(table) ? cornersOf(styleOf(cell), w, h) : square;
    const part = clipped({ x, y, w, h }, own, state.clips) ?? { x, y, w, h, corners: square };
    part.corners.forEach((corner, at) => {
      if (!isRound(corner) || !out[index].fill) return;
      const [across, down] = [at === 0 || at === 3 ? 1 : -1, at < 2 ? 1 : -1];
      const place = [across > 0 ? part.x : part.x + part.w, down > 0 ? part.y : part.y + part.h];
      const clip = isRound(own[at]) ? null : state.clips.findLast(({ corners }) => corners[at].x === corner.x && corners[at].y === corner.y);
      const from = clip ? clip.element.parentElement : hasRoundFrame(table) ? table.parentElement : table;
      const behind = colourAt(from, place);
      if (!behind) {
        state.report.simplified.add('a table has no round corners in a presentation: they are square');
        return;
      }
      const side = clip ? bordersOf(styleOf(clip.element), state.opacity)[down > 0 ? 'top' : 'bottom'] : { width: 0 };
      const isLine = side.width > 0 && side.alpha > 0.002;
      items.push(polygonItem(cornerPoints(place, place, corner, [across, down]), isLine ? { type: 'solid', ...blend(side, behind) } : behind));
      if (!isLine) return;
      const frame = rectOf(clip.element);
      const outer = [across > 0 ? frame.x : frame.x + frame.w, down > 0 ? frame.y : frame.y + frame.h];
      items.push(polygonItem(cornerPoints(place, outer, cornersOf(styleOf(clip.element), frame.w, frame.h)[at], [across, down]), behind));
    });
    const { borders } = out[index];
    const sides = new Set(part.corners.flatMap((corner, at) => (isRound(corner) ? MEETING[at] : [])));
    for (const name of sides) {
      const side = borders[name];
      if (!(side.width > 0) || side.alpha < 0.002) continue;
      const flat = name === 'top' || name === 'bottom';
      const [left, top] = [name === 'right' ? part.x + part.w - side.width : part.x, name === 'bottom' ? part.y + part.h - side.width : part.y];
      const [wide, high] = flat ? [part.w, side.width] : [side.width, part.h];
      const rest = cutBy([[left, top], [left + wide, top], [left + wide, top + high], [left, top + high]], pointsOf(outline(part)));
      if (rest.length > 2) lines.push(polygonItem(rest, { type: 'solid', hex: side.hex, alpha: side.alpha }));
      borders[name] = { width: 0 };
    }
  });
  return [...items, ...lines];
}

/** A table, its caption aside; the cells of which something is drawn under their text, and those of which something is drawn on top, with whether that is all but their text. */
function tableItem(table, state) {
  const rows = [...table.rows].filter((row) => [row, row.parentElement].every((part) => styleOf(part).display !== 'none'));
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
  // Programs that know of no other direction would show the columns the wrong way round.
  if (styleOf(table).direction === 'rtl') state.report.simplified.add('a table that runs from right to left is kept as it looks: the Tab key goes through its cells from left to right');
  const onTop = [];
  const behindText = [];
  const shadedRows = new Set();
  const out = cells.map((cell) => {
    const box = boxes.get(cell);
    const style = styleOf(cell);
    const column = nearest(merged.across, box.left - gap);
    const row = nearest(merged.down, box.top - gap);
    const columns = Math.max(1, nearest(merged.across, box.right + gap) - column);
    const span = Math.max(1, nearest(merged.down, box.bottom + gap) - row);
    const paragraphs = cellText(cell, state);
    const besides = paragraphs === null ? null : besidesText(cell);
    if (paragraphs === null) onTop.push([cell, false]);
    else if (besides === 'under') behindText.push(cell);
    else if (besides === 'beside') onTop.push([cell, true]);
    const text = paragraphs ?? [];
    const { fill, row: shaded } = groundOf(cell, table, state);
    if (shaded) shadedRows.add(shaded);
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
      const left = Math.min(...text.map(startOf));
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
  const square = [0, 1, 2, 3].map(() => ({ x: 0, y: 0 }));
  const over = roundedCorners(table, cells, boxes, out, state);
  const under = [];
  // The gradient of the table itself is drawn as its box is.
  for (const row of shadedRows) if (row !== table) {
    const part = clipped(rectOf(row), square, state.clips);
    const box = rectOf(row);
    const fill = gradient(pieces(styleOf(row).backgroundImage)[0], box.w, box.h, state.opacity);
    if (part && fill) under.unshift({ kind: 'shape', x: part.x, y: part.y, w: part.w, h: part.h, form: formOf(part), fill });
  }
  for (const cell of behindText) {
    // What lies between the ground of a cell and its text needs that ground to be under the table.
    const own = out[cells.indexOf(cell)];
    const { left: x, top: y, width: w, height: h } = boxes.get(cell);
    const part = clipped({ x, y, w, h }, square, state.clips);
    if (own.fill && part) under.push({ kind: 'shape', x: part.x, y: part.y, w: part.w, h: part.h, form: formOf(part), fill: own.fill });
    own.fill = null;
  }
  return {
    item: {
      kind: 'table', x: grid.x, y: grid.y,
      w: grid.columns.reduce((sum, width) => sum + width, 0), h: grid.rows.reduce((sum, height) => sum + height, 0),
      columns: grid.columns, rows: grid.rows, cells: out, ...headersOf(cells, out),  alt: table.getAttribute('aria-label') ?? table.caption?.textContent.trim() ?? '',
    },
    under,
    over,
    behind: behindText,
    onTop,
  };
}

/** Whether the first row and the first column of a table name what is in the others. */
function headersOf(cells, out) {
  const [top, side] = ['row', 'column'].map((name) => cells.filter((_, index) => out[index][name] === 0));
  const isHead = (cell) => cell.localName === 'th' || cell.closest('thead') !== null;
  const headerRow = top.every(isHead);
  const below = side.filter((cell) => !headerRow || !top.includes(cell));
  return { headerRow, headerColumn: below.length > 0 && below.every((cell) => cell.localName === 'th') };
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
