// Tables stay tables: a grid of the cells' edges, spans, fills, borders and the text of the cells.

function edges(values) {
  const sorted = [...values].sort((one, other) => one - other);
  const kept = [];
  for (const value of sorted) if (kept.length === 0 || value - kept.at(-1) > 1) kept.push(value);
  return kept;
}

const nearest = (list, value) => list.reduce((best, edge, index) => (Math.abs(edge - value) < Math.abs(list[best] - value) ? index : best), 0);

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
        // A gradient of a row runs through all of its cells: it lies under them.
        if (above !== cell) return { fill: mixed(fills), row: above };
      }
    }
    if (above === table) {
      // Columns have their grounds under those of rows.
      const { left, width } = cell.getBoundingClientRect();
      const holds = (box) => box.left <= left + width / 2 && box.right >= left + width / 2;
      const column = [...table.querySelectorAll('col')].find((each) => each.closest('table') === table && holds(each.getBoundingClientRect()));
      const own = column && faded(styleOf(column).backgroundColor, state.opacity);
      if (own?.alpha > 0.002) fills.push(own);
    }
    if (ground.alpha > 0.002) fills.push(ground);
    if (fills.at(-1)?.alpha >= 0.999 || above === table) break;
  }
  return { fill: mixed(fills) };
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
    const paragraphs = cellParagraphs(cellBlocks(cell, marked, isApart) ?? [null], state);
    if (paragraphs !== null) return paragraphs;
    // What does not become the cell's text is drawn as anything else.
    for (const part of marked) flowing.delete(part);
  }
  return null;
}

function cellParagraphs(blocks, state) {
  const paragraphs = [];
  for (const block of blocks) {
    if (block === null) return null;
    const [nodes, owner] = block;
    const lines = linesOf(lettersOf(nodes, state), false).filter((line) => line.letters.length > 0);
    if (lines.some((line) => line.letters.some((letter, index) => letter.gap && index > 0))) return null;
    if (lines.length === 0) continue;
    for (const line of lines) measured(line, false);
    const paragraph = paragraphOf(lines, owner, false);
    const before = paragraphs.at(-1);
    paragraph.before = before ? tidy(topOf(paragraph) - topOf(before) - before.rows * before.pitch) : 0;
    if (before && (paragraph.before < -0.4 * paragraph.pitch || paragraph.align !== before.align || Math.abs(alignedAt(paragraph) - alignedAt(before)) > 4)) {
      // Of paragraphs that begin at different edges only those at the left can be moved in.
      if (paragraph.align !== 'left' || before.align !== 'left' || paragraph.before < -0.4 * paragraph.pitch) return null;
    }
    paragraphs.push(paragraph);
  }
  const left = Math.min(...paragraphs.map((paragraph) => paragraph.left));
  for (const paragraph of paragraphs) if (paragraph.align === 'left' && paragraph.left - left > 0.5) paragraph.margin = tidy(paragraph.left - left);
  return paragraphs;
}

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
  const square = [0, 1, 2, 3].map(() => ({ x: 0, y: 0 }));
  const under = roundedGrounds(table, cells, boxes, out, state);
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
      columns: grid.columns, rows: grid.rows, cells: out, headerRow: table.tHead !== null || cells[0].localName === 'th', alt: table.getAttribute('aria-label') ?? table.caption?.textContent.trim() ?? '',
    },
    under,
    behind: behindText,
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
