// Lists stay lists: one text box, a paragraph an item, bullets and numbers as the presentation's own.

const NUMBERS = {
  decimal: 'arabicPeriod', 'decimal-leading-zero': 'arabicPeriod', 'lower-alpha': 'alphaLcPeriod', 'lower-latin': 'alphaLcPeriod',
  'cjk-ideographic': 'ea1ChsPlain', 'simp-chinese-informal': 'ea1ChsPlain', 'trad-chinese-informal': 'ea1ChtPlain', 'japanese-informal': 'ea1JpnKorPlain', thai: 'thaiNumPeriod', devanagari: 'hindiNumPeriod',
  'upper-alpha': 'alphaUcPeriod', 'upper-latin': 'alphaUcPeriod', 'lower-roman': 'romanLcPeriod', 'upper-roman': 'romanUcPeriod',
};
const LETTERS = { disc: '•', circle: '◦', square: '▪', 'disclosure-closed': '▸', 'disclosure-open': '▾' };

const isItem = (element) => styleOf(element).display === 'list-item';

/** The marker of a list item; `null` if it shows none. */
function markerOf(item, state) {
  const style = styleOf(item);
  const marker = getComputedStyle(item, '::marker');
  const own = /^"((?:[^"\\]|\\.)*)"$/.exec(marker.content ?? '');
  const type = style.listStyleType;
  if (own && own[1].trim() === '') return null;
  if (!own && type === 'none') return null;
  const text = own ? own[1].replace(/\\(.)/g, '$1').trim() : /^"/.test(type) ? type.slice(1, -1).trim() : LETTERS[type];
  const paint = marker.color || style.color;
  const look = { ...faded(paint, state.opacity), size: px(marker.fontSize) || px(style.fontSize), weight: marker.fontWeight || style.fontWeight };
  if (text !== undefined) return text === '' ? null : { char: text, ...look };
  // A presentation counts up from 1: other numbers are letters of the text.
  if (NUMBERS[type] && (numberOf(item) < 1 || !countsUp(item.parentElement))) {
    state.report?.simplified.add('numbers of a list that does not count up from 1 are letters of its text');
    return { written: `${numberOf(item)}.`, ...look };
  }
  if (NUMBERS[type]) return { number: NUMBERS[type], start: numberOf(item), ...look };
  // Numbers of other kinds are written out.
  if (type === 'arabic-indic' || type === 'persian') return { char: String(numberOf(item)).replace(/\d/g, (digit) => String.fromCodePoint((type === 'persian' ? 0x6f0 : 0x660) + Number(digit))), ...look };
  return { char: LETTERS.disc, ...look };
}

/** Whether each number of a list is one more than the one before. */
function countsUp(list) {
  const numbers = [...list.children].filter((child) => child.localName === 'li' && styleOf(child).display !== 'none').map(numberOf);
  return numbers.every((number, index) => index === 0 || number === numbers[index - 1] + 1);
}

function numberOf(item) {
  const list = item.parentElement;
  const items = [...list.children].filter((child) => child.localName === 'li');
  if (item.hasAttribute('value')) return item.value;
  let number = list.localName !== 'ol' ? 1 : list.reversed && !list.hasAttribute('start') ? items.length : list.start;
  for (const other of items) {
    if (other.hasAttribute('value')) number = other.value;
    if (other === item) return number;
    number += list.reversed ? -1 : 1;
  }
  return 1;
}

/** Gives a paragraph its marker: one that a presentation cannot count stands before a tab. */
function mark(paragraph, marker) {
  const first = paragraph.runs.find((run) => !run.break);
  if (!marker?.written || !first) {
    paragraph.marker = marker?.written ? null : marker;
    return;
  }
  const { latin, eastAsian, italic, language } = first;
  const { hex, alpha, size } = marker;
  const bold = Number(marker.weight) >= 600;
  paragraph.runs.unshift({ text: `${marker.written}\t`, size, mainSize: size, latin, eastAsian, bold, italic, language, hex, alpha, spacing: 0, raise: 0, strike: false });
}

/** How far left of its text a marker stands. */
function hangOf(marker, style) {
  const size = marker.size;
  if (marker.number) {
    brush.font = `${marker.weight} ${size}px ${style.fontFamily}`;
    const shown = /roman/.test(marker.number) ? roman(marker.start) : /^ea1/.test(marker.number) ? '一二三'.slice(0, String(marker.start).length) : String(marker.start);
    return brush.measureText(`${/Lc/.test(marker.number) ? shown.toLowerCase() : shown}. `).width;
  }
  if (marker.char === LETTERS.disc || marker.char === LETTERS.circle || marker.char === LETTERS.square) return size * 0.95;
  brush.font = `${size}px ${style.fontFamily}`;
  return brush.measureText(`${marker.char ?? marker.written} `).width;
}

/** How many letters a sign before an item has at most. */
const MOST_SIGN = 3;
/** How many letters high a sign before an item is at most, and one that is its marker: a larger picture is a picture beside the text. */
const SIGN_ROOM = 3;
const MARKER_ROOM = 1.7;

/** What an item shows first, with what of it is more than a wrapper; `null` if that is text. */
function firstIn(item) {
  const isShown = (node) => (node.nodeType === Node.ELEMENT_NODE ? styleOf(node).display !== 'none' : node.nodeType === Node.TEXT_NODE && node.data.trim() !== '');
  const outer = [...item.childNodes].find(isShown);
  if (outer?.nodeType !== Node.ELEMENT_NODE || /^(ul|ol|p|br)$/.test(outer.localName)) return null;
  let inner = outer;
  while (!isReplaced(inner) && !paintsBox(styleOf(inner))) {
    const shown = [...inner.childNodes].filter(isShown);
    if (shown.length !== 1 || shown[0].nodeType !== Node.ELEMENT_NODE) break;
    [inner] = shown;
  }
  return { outer, inner };
}

/**
 * The sign that an item brings along before its text, such as a tick: `{ outer, box, marker }` with a marker of
 * letters or a picture, or with `marker` `null` where it is drawn beside the text; `null` if there is none.
 */
function signOf(item, state) {
  const first = firstIn(item);
  if (!first) return null;
  const { outer, inner } = first;
  const [style, box, size] = [styleOf(inner), inner.getBoundingClientRect(), px(styleOf(item).fontSize)];
  if (box.width < 1 || Math.max(box.width, box.height) > size * SIGN_ROOM || style.visibility !== 'visible') return null;
  if (wordsBeside(item, outer) === '') return null;
  // In a line of text a word may be the first that is in bold; a sign is no word.
  const isApart = isOut(styleOf(outer)) || /flex|grid/.test(styleOf(item).display) || outer.dataset.okcvmMade === 'before';
  const letters = textOf(inner);
  const look = { ...faded(style.webkitTextFillColor || style.color, state.opacity), size: px(style.fontSize), weight: style.fontWeight };
  const found = (marker) => ({ outer, inner, box, marker });
  if (isReplaced(inner)) {
    if (!isIcon(inner) && !/^(svg|img)$/.test(inner.localName)) return null;
    const isSmall = Math.max(box.width, box.height) <= size * MARKER_ROOM;
    return isSmall ? found({ picture: true, ...look, size: box.height }) : isApart ? found(null) : null;
  }
  if (paintsBox(style)) {
    const ground = faded(style.backgroundColor, state.opacity);
    const isDot = letters === '' && inner.children.length === 0 && Math.abs(box.width - box.height) < 1 && box.width < size * 0.9 && ground.alpha > 0 && style.backgroundImage === 'none';
    if (!isDot) return isApart ? found(null) : null;
    const isRound = cornersOf(style, box.width, box.height).every((corner) => corner.x > box.width * 0.3);
    // How much of its size the letter is wide.
    return found(isRound ? { char: '•', ...look, ...ground, size: box.width / 0.35 } : { char: '■', ...look, ...ground, size: box.width / 0.6 });
  }
  const count = [...graphemes.segment(letters)].length;
  if (count === 0 || count > MOST_SIGN || letters.includes('\n') || !(isApart || !/[\p{L}\p{N}]/u.test(letters))) return null;
  const number = /^([1-9]\d?)([.)]?)$/.exec(letters);
  if (number) return found({ number: { '.': 'arabicPeriod', ')': 'arabicParenR' }[number[2]] ?? 'arabicPlain', start: Number(number[1]), ...look });
  return found(count === 1 ? { char: letters, ...look } : { written: letters, ...look });
}

/** The words of an item without those of a part of it. */
const wordsBeside = (item, part) => [...item.childNodes].filter((node) => node !== part).map((node) => node.textContent).join('').trim();

/**
 * What stands in an item: runs of inline nodes, each with the block that it stands in, the lists below it, and what
 * is drawn beside its text. `null` if it holds more than that.
 */
function itemParts(item, sign) {
  const parts = { blocks: [], nested: [], beside: [] };
  let inline = [];
  const flush = (owner) => {
    if (inline.some((node) => node.nodeType === Node.ELEMENT_NODE || node.data.trim() !== '')) parts.blocks.push([inline, owner]);
    inline = [];
  };
  const gather = (nodes, owner) => {
    for (const node of nodes) {
      if (node === sign) continue;
      if (node.nodeType === Node.TEXT_NODE) {
        if (parts.nested.length > 0 && node.data.trim() !== '') return false;
        inline.push(node);
      } else if (node.nodeType === Node.ELEMENT_NODE) {
        const style = styleOf(node);
        if (style.display === 'none') continue;
        if (isOut(style)) {
          // What is placed and says nothing, such as a line along the items, is drawn as it is.
          if (textOf(node) !== '' || style.float !== 'none') return false;
          parts.beside.push(node);
        } else if (/^(ul|ol)$/.test(node.localName)) {
          flush(owner);
          parts.nested.push(node);
        } else if (parts.nested.length > 0) return false;
        else if ((style.display === 'inline' && !isReplaced(node) && inlineOnly(node)) || canFlow(node)) inline.push(node);
        else if (isTextBlock(node, style)) {
          flush(owner);
          if (!gather(node.childNodes, node)) return false;
          flush(node);
        } else return false;
      }
    }
    return true;
  };
  if (!gather(item.childNodes, item)) return null;
  flush(item);
  return parts;
}

/** Whether an element is a block of text and paints nothing itself. */
const isTextBlock = (element, style) =>
  style.display === 'block' && !isReplaced(element) && !/^(table|details|dl)$/.test(element.localName) && style.visibility === 'visible' && style.writingMode === 'horizontal-tb' && !paintsBox(style) && !stacks(element, style).own && !unmapped(element, style);

const plain = (style) => alphaOf(style.backgroundColor) === 0 && style.backgroundImage === 'none' && px(style.borderTopWidth) + px(style.borderLeftWidth) === 0;

/** Whether an element holds text in lines alone, and boxes that can flow with it. */
function inlineOnly(element) {
  return [...element.children].every((child) => {
    const style = styleOf(child);
    return style.display === 'none' || isReading(child) || (style.display === 'inline' && !isReplaced(child) && !isOut(style) && inlineOnly(child)) || canFlow(child);
  });
}

/** The paragraphs of a whole list, or `null` if it holds more than text. What is not among them is put into `kept`. */
function listParagraphs(list, level, around, kept) {
  const paragraphs = [];
  for (const item of list.children) {
    const style = styleOf(item);
    if (style.display === 'none') continue;
    if (item.localName !== 'li' || style.float !== 'none' || transforms.has(item) || !(isItem(item) || /^(block|flex|grid)$/.test(style.display))) return null;
    const state = { ...around, opacity: around.opacity * Number(style.opacity) };
    const native = isItem(item) ? markerOf(item, state) : null;
    const sign = native ? null : signOf(item, state);
    const parts = itemParts(item, sign?.outer);
    if (!parts) return null;
    kept.beside.push(...parts.beside);
    const own = itemParagraphs(item, parts.blocks, level, state, kept.marked);
    if (!own) return null;
    const [first] = own;
    if (first && native) {
      mark(first, native);
      first.hang = style.listStylePosition === 'inside' ? 0 : hangOf(native, style);
      if (style.listStylePosition === 'inside') first.hang = Math.max(0, first.left - item.getBoundingClientRect().left - px(style.paddingLeft));
    }
    if (first && sign && !putBefore(first, sign, kept)) return null;
    if (first && (native || sign)) first.marked = true;
    paragraphs.push(...own);
    for (const nested of parts.nested) {
      const below = listParagraphs(nested, Math.min(level + 1, 8), { ...state, opacity: state.opacity * Number(styleOf(nested).opacity) }, kept);
      if (!below) return null;
      paragraphs.push(...below);
    }
  }
  return paragraphs;
}

/** The paragraphs of an item, one below the other; `null` if they stand otherwise. */
function itemParagraphs(item, blocks, level, state, marked) {
  const paragraphs = [];
  for (const [nodes, owner] of blocks) {
    for (const part of partsInLine(nodes)) if (part) letFlow(part, marked);
    const lines = linesOf(lettersOf(nodes, state), false).filter((line) => visibleLine(line, state, false));
    if (lines.some((line) => line.atoms.length > 0 || line.letters.some((letter, index) => letter.gap && index > 0))) return null;
    if (lines.length === 0) continue;
    for (const line of lines) measured(line, false, state.isCell);
    const paragraph = { ...paragraphOf(lines, owner, false), level, marker: null, hang: 0 };
    const before = paragraphs.at(-1);
    const [edge, other] = paragraph.rtl ? [paragraph.right, before?.right] : [paragraph.left, before?.left];
    if (before && (!follows(paragraph, before) || paragraph.rtl !== before.rtl || Math.abs(edge - other) > 40)) return null;
    paragraphs.push(paragraph);
  }
  return paragraphs;
}

/** Whether a paragraph stands below another one and begins like it. */
const follows = (paragraph, before) => topOf(paragraph) > topOf(before) + before.pitch * before.rows - before.pitch * 0.4 && paragraph.align === before.align;

/** Puts a sign before a paragraph as its marker, or keeps it to be drawn; `false` if it stands elsewhere. */
function putBefore(paragraph, sign, kept) {
  const { box, marker } = sign;
  if (paragraph.align !== (paragraph.rtl ? 'right' : 'left')) return false;
  const hang = paragraph.rtl ? box.right - paragraph.right : paragraph.left - box.left;
  const [top, room] = [topOf(paragraph), paragraph.rtl ? box.left - paragraph.right : paragraph.left - box.right];
  if (hang < 0 || room < -1 || room > 80 || box.bottom < top || box.top > top + paragraph.pitch * 1.2) return false;
  if (marker === null) {
    kept.beside.push(sign.outer);
    return true;
  }
  if (marker.picture) {
    const { inner } = sign;
    const painted = paintedBox(inner);
    kept.pictured.push(inner);
    mark(paragraph, { ...marker, picture: isIcon(inner) ? iconShot(inner, painted) : shotOf(inner, 'tree'), size: painted.h });
  } else mark(paragraph, marker);
  paragraph.hang = hang;
  return true;
}

/** A list as text boxes: one, or one for each column in which its items stand, and what is drawn beside them. `null` if it is more than text. */
function listItems(list, state, report) {
  const kept = { marked: [], beside: [], pictured: [] };
  const paragraphs = listParagraphs(list, 0, state, kept);
  if (!paragraphs || paragraphs.every((paragraph) => !paragraph.marked)) {
    // What does not become the text of a list is drawn as anything else.
    for (const part of kept.marked) flowing.delete(part);
    return null;
  }
  for (const element of kept.pictured) report.pictures.push({ what: describe(element), why: 'marker of a list' });
  const groups = [];
  for (const paragraph of paragraphs) {
    const group = groups.at(-1);
    const before = group?.at(-1);
    const [edge, other] = paragraph.rtl ? [-paragraph.right, -(before?.right ?? 0)] : [paragraph.left, before?.left];
    const isNear = before && (paragraph.rtl ? paragraph.right > before.left - 200 : paragraph.left < before.right + 200) && Math.abs(edge - other) < 160;
    if (isNear && follows(paragraph, before)) group.push(paragraph);
    else groups.push([paragraph]);
  }
  const items = groups.map((group) => {
    const item = textItem(group, list, { role: 'list' });
    for (const paragraph of group) {
      // Distances from the edge of the box where lines begin, as a presentation measures them.
      const start = paragraph.rtl ? item.x + item.w - paragraph.right : paragraph.left - item.x;
      paragraph.margin = tidy(start);
      paragraph.first = tidy(-paragraph.hang);
      delete paragraph.marked;
    }
    return item;
  });
  return { items, beside: kept.beside };
}
