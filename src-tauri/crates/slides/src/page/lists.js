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
  const { latin, eastAsian, bold, italic, language } = first;
  const { hex, alpha, size } = marker;
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

/** The inline nodes of an item before its nested lists, if that is all there is; else `null`. */
function simpleItem(item) {
  const inline = [];
  const nested = [];
  for (const child of item.childNodes) {
    if (child.nodeType === Node.TEXT_NODE) {
      if (child.data.trim() === '') continue;
      if (nested.length > 0) return null;
      inline.push(child);
    } else if (child.nodeType === Node.ELEMENT_NODE) {
      const style = styleOf(child);
      if (style.display === 'none') continue;
      if (isOut(style)) return null;
      if (/^(ul|ol)$/.test(child.localName)) nested.push(child);
      else if (nested.length > 0) return null;
      else if ((style.display === 'inline' && !isReplaced(child) && inlineOnly(child)) || canFlow(child)) inline.push(child);
      else if (child.localName === 'p' && style.display === 'block' && inline.length === 0 && inlineOnly(child) && plain(style)) inline.push(...child.childNodes);
      else return null;
    }
  }
  return { inline, nested };
}

const plain = (style) => alphaOf(style.backgroundColor) === 0 && style.backgroundImage === 'none' && px(style.borderTopWidth) + px(style.borderLeftWidth) === 0;

/** Whether an element holds text in lines alone, and boxes that can flow with it. */
function inlineOnly(element) {
  return [...element.children].every((child) => {
    const style = styleOf(child);
    return style.display === 'none' || (style.display === 'inline' && !isReplaced(child) && !isOut(style) && inlineOnly(child)) || canFlow(child);
  });
}

/** The paragraphs of a whole list, or `null` if it holds more than text. */
function listParagraphs(list, level, around) {
  const paragraphs = [];
  for (const item of list.children) {
    if (styleOf(item).display === 'none') continue;
    if (item.localName !== 'li' || !isItem(item) || styleOf(item).float !== 'none') return null;
    const parts = simpleItem(item);
    if (!parts) return null;
    const state = { ...around, opacity: around.opacity * Number(styleOf(item).opacity) };
    for (const part of partsInLine(parts.inline)) if (part) letFlow(part);
    const marker = markerOf(item, state);
    const lines = linesOf(lettersOf(parts.inline, state), false).filter((line) => visibleLine(line, state, false));
    if (lines.some((line) => line.atoms.length > 0 || line.letters.some((letter, index) => letter.gap && index > 0))) return null;
    if (lines.length > 0) {
      for (const line of lines) measured(line, false);
      const paragraph = paragraphOf(lines, item, false);
      const style = styleOf(item);
      paragraph.level = level;
      mark(paragraph, marker);
      paragraph.marked = marker !== null;
      paragraph.hang = marker ? (style.listStylePosition === 'inside' ? 0 : hangOf(marker, style)) : 0;
      if (marker && style.listStylePosition === 'inside') {
        const edge = item.getBoundingClientRect().left + px(style.paddingLeft);
        paragraph.hang = Math.max(0, paragraph.left - edge);
      }
      paragraph.item = item;
      paragraphs.push(paragraph);
    }
    for (const nested of parts.nested) {
      const below = listParagraphs(nested, Math.min(level + 1, 8), { ...state, opacity: state.opacity * Number(styleOf(nested).opacity) });
      if (!below) return null;
      paragraphs.push(...below);
    }
  }
  return paragraphs;
}

/** A list as text boxes: one, or one for each column in which its items stand. `null` if it is more than text. */
function listItems(list, state) {
  const paragraphs = listParagraphs(list, 0, state);
  if (!paragraphs || paragraphs.length === 0) return null;
  if (paragraphs.every((paragraph) => !paragraph.marked)) return null;
  const groups = [];
  for (const paragraph of paragraphs) {
    const group = groups.at(-1);
    const before = group?.at(-1);
    const follows = before && topOf(paragraph) > topOf(before) + before.pitch * before.rows - before.pitch * 0.4 && paragraph.left < before.right + 200 && (paragraph.align === before.align);
    const sameColumn = before && Math.abs(paragraph.left - before.left) < 160;
    if (follows && sameColumn) group.push(paragraph);
    else groups.push([paragraph]);
  }
  return groups.map((group) => {
    const item = textItem(group, list, { role: 'list' });
    for (const paragraph of group) {
      // Distances from the left edge of the box, as a presentation measures them.
      const start = paragraph.rtl ? item.x + item.w - paragraph.right : paragraph.left - item.x;
      paragraph.margin = tidy(start);
      paragraph.first = tidy(-paragraph.hang);
      delete paragraph.item;
      delete paragraph.marked;
    }
    return item;
  });
}
