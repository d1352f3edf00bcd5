// Text: what stands in a line of a block becomes paragraphs of runs, with breaks where the engine broke the lines.

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });
const WIDE = /[\u1100-\u115f\u2e80-\u303f\u3040-\u30ff\u3100-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6]|[\ud840-\ud87f][\udc00-\udfff]/;
const EMOJI_LETTER = /\p{Emoji_Presentation}|\p{Emoji}\ufe0f|\p{Regional_Indicator}/u;
const PRESERVES = /^(pre|pre-wrap|pre-line|break-spaces)$/;

/** What is left of an element's opacity with that of the inline elements around it, which are part of their block. */
function inlineOpacity(element, state) {
  let opacity = state.opacity;
  for (let above = element; above && styleOf(above).display === 'inline'; above = above.parentElement) opacity *= Number(styleOf(above).opacity);
  return opacity;
}

/** Everything about the look of letters that are children of `element`. */
function lookOf(element, around) {
  const style = styleOf(element);
  const state = { ...around, opacity: inlineOpacity(element, around) };
  const font = fontOf(style.fontFamily);
  const look = {
    families: style.fontFamily,
    latin: font.latin,
    written: font.written,
    serif: font.serif,
    size: px(style.fontSize),
    bold: Number(style.fontWeight) >= 600,
    weight: style.fontWeight,
    slant: style.fontStyle,
    italic: style.fontStyle !== 'normal',
    spacing: px(style.letterSpacing),
    caps: style.textTransform === 'uppercase' ? 'all' : /small-caps/.test(style.fontVariantCaps) ? 'small' : undefined,
    transform: style.textTransform,
    language: element.closest('[lang]')?.lang ?? '',
    underline: undefined,
    strike: false,
    link: undefined,
    highlight: undefined,
    highlightHex: undefined,
    opacity: state.opacity,
  };
  const fill = style.webkitTextFillColor || style.color;
  Object.assign(look, faded(fill, state.opacity));
  // Boxes in a line are not underlined by what is around them.
  let isApart = false;
  for (let above = element; above && above !== state.slide.parentElement; above = above.parentElement) {
    const shown = styleOf(above);
    if (!isApart && !look.underline && /underline/.test(shown.textDecorationLine)) {
      const thick = px(shown.textDecorationThickness) > look.size * 0.11;
      look.underline = { dashed: 'dash', dotted: 'dotted', double: 'dbl', wavy: 'wavy' }[shown.textDecorationStyle] ?? (thick ? 'heavy' : 'sng');
      const own = faded(shown.textDecorationColor, state.opacity);
      if (own.hex !== look.hex || Math.abs(own.alpha - look.alpha) > 0.02) look.underlineFill = own;
      look.underlineHex = look.underlineFill?.hex;
    }
    if (!isApart && /line-through/.test(shown.textDecorationLine)) look.strike = true;
    isApart ||= /^inline-./.test(shown.display) || isOut(shown);
    if (look.link === undefined && above.localName === 'a' && above.hasAttribute('href')) look.link = above.getAttribute('href').startsWith('#') ? above.getAttribute('href') : above.href;
    if (!look.highlight && marksOnly(above, shown)) look.highlight = faded(shown.backgroundColor, state.opacity);
    if (look.alpha < 0.01 && /text/.test(shown.backgroundClip + shown.webkitBackgroundClip)) {
      // Letters filled with the background of an element around them.
      const box = above.getBoundingClientRect();
      const filling = shown.backgroundImage === 'none' ? null : gradient(pieces(shown.backgroundImage)[0], box.width, box.height, state.opacity);
      if (filling) look.gradient = filling;
      const first = filling?.stops[0] ?? faded(shown.backgroundColor, state.opacity);
      look.hex = filling ? filling.stops[Math.floor((filling.stops.length - 1) / 2)].hex : first.hex;
      look.alpha = filling ? Math.max(...filling.stops.map((stop) => stop.alpha)) : first.alpha;
    }
  }
  look.shadow = textShadowOf(element, style, state);
  look.highlightHex = look.highlight?.hex;
  const stroke = px(style.webkitTextStrokeWidth);
  if (stroke > 0) look.stroke = { width: stroke, ...faded(style.webkitTextStrokeColor, state.opacity) };
  return look;
}

/** The shadow of letters: of the text, or of an element around it whose filter casts one. */
function textShadowOf(element, style, state) {
  if (style.textShadow !== 'none') return shadowsOf(style.textShadow, state.opacity).find((shadow) => shadow.alpha > 0.05);
  for (let above = element; above && above !== state.slide; above = above.parentElement) {
    const { filter } = styleOf(above);
    const cast = /^drop-shadow\((.*?)\)(?:\s*drop-shadow|$)/s.exec(filter);
    if (cast) return shadowsOf(cast[1], state.opacity).find((shadow) => shadow.alpha > 0.05);
  }
  return undefined;
}

/** Whether an inline element is text on a coloured ground and nothing more, as a marker pen makes it. */
const marksOnly = (element, style) =>
  style.display === 'inline' && alphaOf(style.backgroundColor) > 0.99 && style.backgroundImage === 'none' && style.boxShadow === 'none' && !/text/.test(style.backgroundClip) &&
  ['Top', 'Right', 'Bottom', 'Left'].every((side) => px(style[`padding${side}`]) < 1 && px(style[`border${side}Width`]) === 0) && /^0(px|%)?( |$)/.test(style.borderTopLeftRadius);

const looks = new Map();
function cachedLook(element, state) {
  let known = looks.get(element);
  if (!known || known.opacity !== state.opacity) {
    known = { opacity: state.opacity, look: lookOf(element, state) };
    looks.set(element, known);
  }
  return known.look;
}

function displayed(text, transform) {
  if (transform === 'lowercase') return text.toLowerCase();
  return text;
}

/** The letters of a run of inline nodes with their boxes; also breaks and the boxes that stand in the lines. */
function lettersOf(nodes, state, found = []) {
  for (const node of nodes) {
    if (node.nodeType === Node.TEXT_NODE) textLetters(node, state, found);
    else if (node.nodeType === Node.ELEMENT_NODE) {
      const style = styleOf(node);
      if (style.display === 'none' || isOut(style)) continue;
      if (node.localName === 'br') found.push({ kind: 'break' });
      else if (style.display === 'inline' && !isReplaced(node) || style.display === 'contents') {
        // Letters may stand apart under a reading that is wider than they are.
        const isRead = node.localName === 'ruby';
        if (style.display === 'inline') {
          const ends = px(style.paddingLeft) + px(style.borderLeftWidth) + px(style.marginLeft);
          if (ends > 0.5 || isRead) found.push({ kind: 'gap', read: isRead });
        }
        lettersOf(node.childNodes, state, found);
        if (style.display === 'inline') {
          const ends = px(style.paddingRight) + px(style.borderRightWidth) + px(style.marginRight);
          if (ends > 0.5 || isRead) found.push({ kind: 'gap', read: isRead });
        }
      } else if (flowing.has(node)) {
        found.push({ kind: 'gap', apart: true });
        lettersOf(node.childNodes, state, found);
        found.push({ kind: 'gap', apart: true });
      } else found.push({ kind: 'atom', element: node, rect: node.getBoundingClientRect() });
    }
  }
  return found;
}

function textLetters(node, state, found) {
  const parent = node.parentElement;
  const style = styleOf(parent);
  if (style.visibility !== 'visible') return;
  const look = cachedLook(parent, state);
  const isBare = !look.gradient && !look.stroke && !look.shadow && !look.highlight;
  if (isTooSmall(look, state) || look.opacity < 0.004 || (isBare && (look.alpha < 0.004 || isOfItsGround(node, look, state)))) {
    if (node.data.trim() !== '') state.report?.simplified.add(`text that cannot be seen left out: "${node.data.replace(/\s+/g, ' ').trim().slice(0, 60)}"`);
    found.push({ kind: 'gap' });
    return;
  }
  const preserved = PRESERVES.test(style.whiteSpace) || /preserve/.test(style.whiteSpaceCollapse ?? '');
  const range = document.createRange();
  let capital = true;
  for (const { segment, index } of graphemes.segment(node.data)) {
    if (preserved && /[\n\r]/.test(segment)) {
      found.push({ kind: 'break' });
      continue;
    }
    range.setStart(node, index);
    range.setEnd(node, index + segment.length);
    const boxes = range.getClientRects();
    const box = boxes[boxes.length - 1];
    const blank = /^[ \t\n\r\f]+$/.test(segment);
    if (!box || (box.width === 0 && (blank || box.height === 0))) {
      if (blank) capital = true;
      continue;
    }
    let text = blank ? ' ' : segment;
    if (segment === '\t') text = ' '.repeat(Math.max(1, Math.round(box.width / (widthOfSpace(look) || box.width))));
    text = displayed(text, look.transform);
    if (look.transform === 'capitalize' && capital) text = text.toUpperCase();
    capital = blank || /[-\u2010(\["“‘]/.test(segment);
    found.push({ kind: 'letter', text, blank, kept: preserved, box, look, parent });
  }
}

/** Letters lower than this many pixels of the slide are read by nobody. */
const LEAST = 3;
const isTooSmall = (look, state) => look.size * (state.matrix ? Math.hypot(state.matrix.a, state.matrix.b) : 1) < LEAST;

/** Whether text has the colour of what is behind it, and nothing else that paints is where it stands. */
function isOfItsGround(node, look, state) {
  const parent = node.parentElement;
  if (node.data.trim() === '' || look.alpha < 0.99) return false;
  const range = document.createRange();
  range.selectNodeContents(node);
  const boxes = [...range.getClientRects()].filter(({ width }) => width > 0.1);
  if (boxes.length === 0) return false;
  const [{ left, top, height }] = boxes;
  const behind = colourAt(parent, [left + 1, top + height / 2]);
  const isNear = (at) => Math.abs(Number.parseInt(behind.hex.slice(at, at + 2), 16) - Number.parseInt(look.hex.slice(at, at + 2), 16)) <= 3;
  if (!behind || ![0, 2, 4].every(isNear)) return false;
  const meets = (one) => boxes.some((box) => one.left < box.right && one.right > box.left && one.top < box.bottom && one.bottom > box.top);
  return ![...state.slide.querySelectorAll('*')].some((other) => !other.contains(parent) && !parent.contains(other) && (isReplaced(other) || paintsBox(styleOf(other))) && styleOf(other).visibility === 'visible' && meets(other.getBoundingClientRect()));
}

const spaces = new Map();
function widthOfSpace(look) {
  const key = `${look.weight} ${look.size}px ${look.families}`;
  if (!spaces.has(key)) {
    brush.font = key;
    spaces.set(key, brush.measureText(' ').width);
  }
  return spaces.get(key);
}

/** What a base line is moved down by: what draws on whole pixels cuts off their fractions. */
const NUDGE = 0.2;

/** The base line of a letter, on the pixel on which the engine drew it: its box is the content area of its font, which is whole pixels high. */
function baseOf(letter) {
  const { ascent, descent } = metrics(letter.look.families, letter.look.weight, letter.look.slant);
  const { size } = letter.look;
  const isWhole = Math.abs(Math.round(ascent * size) + Math.round(descent * size) - letter.box.height) < 0.1;
  const above = isWhole ? Math.round(ascent * size) : (letter.box.height * ascent) / (ascent + descent);
  return Math.round(letter.box.top + above) + NUDGE;
}

/** What part of a letter's size programs leave below its base line, whichever its font is. */
const BELOW = 0.2;
/** How high programs make a line that is not told otherwise, in sizes of its letters. */
const SINGLE = 1.2;
/** What part of its size a raised or lowered letter is written at, and what part it is drawn at below the line. */
const RAISED_SIZE = 0.62;
const LOWERED_SIZE = 0.58;

/** How far a letter stands above the base line of its line, as a part of the size of that; 0 for one that stands on it. */
function raiseOf(letter, line) {
  const main = line.main.look.size;
  if (letter.look.size >= main * 0.98 || letter.blank) return 0;
  const raise = (line.base - baseOf(letter)) / main;
  return Math.abs(raise) < 0.08 ? 0 : raise;
}

/** How much room below the base line programs give a line for a letter in it. */
function roomBelow(letter, line) {
  const raise = raiseOf(letter, line);
  if (raise === 0) return BELOW * letter.look.size;
  const written = letter.look.size / RAISED_SIZE;
  return BELOW * written * (raise > 0 ? 1 : LOWERED_SIZE) - Math.min(0, raise) * line.main.look.size;
}

/** Lines of letters, split where the engine broke them; a fragment is a column of lines. */
function linesOf(letters, upright) {
  const lines = [];
  let line = null;
  let breaks = 0;
  let gap = false;
  const open = (more) => {
    line = { letters: [], atoms: [], breaks, ...more };
    breaks = 0;
    lines.push(line);
  };
  const middle = (box) => (upright ? (box.left + box.right) / 2 : (box.top + box.bottom) / 2);
  for (const letter of letters) {
    if (letter.kind === 'break') {
      breaks += 1;
      gap = false;
      continue;
    }
    if (letter.kind === 'gap') {
      gap = letter.apart || gap === 'apart' ? 'apart' : letter.read || gap === 'read' ? 'read' : 'close';
      continue;
    }
    if (letter.kind === 'atom') {
      if (letter.rect.width < 0.1 && letter.rect.height < 0.1) continue;
      const here = line && breaks === 0 && !upright && letter.rect.left >= line.right - 2 && letter.rect.bottom > line.top && letter.rect.top < line.bottom;
      if (!here) open({ centre: middle(letter.rect), size: letter.rect.height, top: letter.rect.top, bottom: letter.rect.bottom, right: letter.rect.left, atomFirst: true });
      line.atoms.push({ ...letter, after: line.letters.length });
      line.right = Math.max(line.right, letter.rect.right);
      gap = line.letters.length > 0 ? 'apart' : false;
      continue;
    }
    const centre = middle(letter.box);
    const size = letter.look.size;
    const away = line ? centre - line.centre : 0;
    const limit = line ? Math.max(line.size, size) * (line.atomFirst && line.letters.length === 0 ? 1.2 : 0.62) : 0;
    if (!line || breaks > 0 || Math.abs(away) > limit) {
      open({ centre, size, top: letter.box.top, bottom: letter.box.bottom, right: letter.box.left });
    } else if (line.atomFirst && line.letters.length === 0) {
      line.centre = centre;
      line.size = size;
    }
    if (size > line.size) {
      line.size = size;
      line.centre = centre;
    }
    line.top = Math.min(line.top, letter.box.top);
    line.bottom = Math.max(line.bottom, letter.box.bottom);
    line.right = Math.max(line.right, letter.box.right);
    // The padding of an inline box is room behind the letter before it, so that its paragraph stays one.
    const before = line.letters.at(-1);
    const room = before && !upright ? letter.box.left - before.box.right : 0;
    // Letters with a reading may also stand closer, for the reading reaches over its neighbours.
    const isRoom = gap && room > (gap === 'read' ? -size : 0.25) && room < 3 * size;
    if (isRoom && gap === 'apart' && !before.blank && !letter.blank) line.letters.push(blankAfter(before, room));
    else if (isRoom) line.letters[line.letters.length - 1] = { ...before, room };
    line.letters.push(gap && !isRoom && (Math.abs(room) > 0.25 || line.atoms.at(-1)?.after === line.letters.length) ? { ...letter, gap: true } : letter);
    gap = false;
  }
  for (const each of lines) trim(each);
  return lines.filter((each) => each.letters.length > 0 || each.atoms.length > 0);
}

/** A blank that fills the room behind a letter: words of two boxes are two words. */
function blankAfter(letter, room) {
  const { box, look } = letter;
  const width = widthOfSpace(look) + look.spacing;
  return { ...letter, text: ' ', blank: true, kept: false, box: new DOMRect(box.right, box.top, width, box.height), room: room - width };
}

function trim(line) {
  while (line.letters.at(-1)?.blank && !(line.atoms.at(-1)?.after >= line.letters.length)) line.letters.pop();
  // Room at the end of a line would move it where it is centred.
  const last = line.letters.at(-1);
  if (last?.room) line.letters[line.letters.length - 1] = { ...last, room: undefined };
  while (line.letters[0]?.blank && !line.letters[0].kept) {
    line.letters.shift();
    for (const atom of line.atoms) atom.after = Math.max(0, atom.after - 1);
  }
}

/**
 * Adds to a line where it stands: its edges, base line, and how far programs take it to reach above and below it: in a
 * text box by the size of its letters alone, `byFonts` in the cell of a table and where it stands upright.
 */
function measured(line, upright, byFonts = upright) {
  // Blanks before a box at its end would move a line that is centred.
  while (line.letters.length > 1 && line.letters.at(-1).blank && !line.letters.at(-1).kept) line.letters.pop();
  const inked = line.letters.filter((letter) => !letter.blank || letter.kept);
  const of = inked.length > 0 ? inked : line.letters;
  line.left = Math.min(...of.map((letter) => (upright ? letter.box.top : letter.box.left)));
  line.right = Math.max(...of.map((letter) => (upright ? letter.box.bottom : letter.box.right)));
  const main = of.reduce((one, other) => (other.look.size > one.look.size ? other : one));
  line.main = main;
  line.base = upright ? line.centre : baseOf(main);
  line.ascent = byFonts ? 0 : (1 - BELOW) * main.look.size;
  line.descent = 0;
  for (const letter of of) {
    if (!byFonts) line.descent = Math.max(line.descent, roomBelow(letter, line));
    else {
      const family = WIDE.test(letter.text) ? eastAsianFont(letter.look.families, letter.text, letter.look.language, letter.look.serif) : letter.look.latin;
      const font = metrics(family, letter.look.weight, letter.look.slant);
      const lower = upright ? 0 : Math.max(0, baseOf(letter) - line.base);
      line.ascent = Math.max(line.ascent, font.ascent * letter.look.size);
      line.descent = Math.max(line.descent, font.descent * letter.look.size + lower);
    }
  }
  return line;
}

/** Runs of letters that look alike. */
function runsOf(line, upright, extra = 0) {
  const runs = [];
  for (const letter of line.letters) {
    const { look } = letter;
    const emoji = EMOJI_LETTER.test(letter.text);
    const raise = upright ? 0 : raiseOf(letter, line);
    const wide = extra !== 0 && letter.blank;
    const last = runs.at(-1)?.wide === wide ? runs.at(-1) : undefined;
    // A blank among raised letters is one of them; the one after them is not.
    const raised = letter.blank && last && last.raise !== 0 && last.look === look ? last.raise : tidy(raise);
    if (letter.room) runs.push({ text: letter.text, look, emoji, raise: raised, wide, room: letter.room });
    else if (last && !last.room && last.look === look && last.emoji === emoji && (last.raise === raised || (letter.blank && !last.emoji))) last.text += letter.text;
    else if (last && !last.room && !last.emoji && !emoji && sameLook(last.look, look) && last.raise === raised) last.text += letter.text;
    else runs.push({ text: letter.text, look, emoji, raise: raised, wide });
  }
  return runs.map(({ text, look, emoji, raise, wide, room = 0 }) => ({
    text,
    size: tidy(look.size),
    mainSize: tidy(line.main.look.size),
    latin: emoji ? emojiFont() : look.written,
    eastAsian: emoji ? emojiFont() : eastAsianName(look.families, text, look.language, look.serif),
    bold: look.bold,
    italic: look.italic,
    underline: look.underline,
    underlineFill: look.underlineFill,
    strike: look.strike,
    caps: look.caps,
    hex: look.hex,
    alpha: look.alpha,
    gradient: look.gradient,
    stroke: look.stroke,
    shadow: look.shadow,
    highlight: look.highlight,
    link: look.link,
    spacing: tidy(look.spacing + (wide ? extra : 0) + room),
    raise,
    language: look.language,
  }));
}

const LOOK = ['latin', 'highlightHex', 'size', 'bold', 'italic', 'spacing', 'caps', 'underline', 'underlineHex', 'strike', 'link', 'hex', 'alpha', 'language'];
const sameLook = (one, other) => LOOK.every((key) => one[key] === other[key]) && !one.gradient && !other.gradient && !one.stroke && !other.stroke;

const alignmentOf = (style) => {
  const right = style.direction === 'rtl';
  const align = style.textAlign.replace('-webkit-', '');
  if (align === 'start' || align === 'match-parent') return right ? 'right' : 'left';
  if (align === 'end') return right ? 'left' : 'right';
  return align;
};

/**
 * One paragraph from lines of one block: its runs with breaks, its pitch, and where its first base line is.
 * Lines that were left empty on purpose come back as empty lines.
 */
function paragraphOf(lines, block, upright) {
  const style = styleOf(block);
  const first = lines[0];
  const height = px(style.lineHeight) || (first.ascent + first.descent);
  // A single line is as high as in the page, but no higher than programs make one: in higher ones they disagree where the letters stand.
  const least = first.ascent + first.descent;
  let pitch = upright ? height : Math.max(least, Math.min(height, SINGLE * first.main.look.size));
  if (lines.length > 1) {
    const steps = [];
    for (let index = 1; index < lines.length; index += 1) {
      const rows = Math.max(1, lines[index].breaks, 1);
      steps.push(Math.abs(lines[index].base - lines[index - 1].base) / rows);
    }
    pitch = steps.reduce((sum, step) => sum + step, 0) / steps.length;
  }
  const align = alignmentOf(style);
  const out = [];
  lines.forEach((line, index) => {
    let extra = 0;
    if (align === 'justify' && index < lines.length - 1 && lines[index + 1].breaks === 0) extra = stretch(line);
    if (index > 0) for (let count = Math.max(1, line.breaks); count > 0; count -= 1) out.push({ break: true, size: tidy(line.main.look.size) });
    out.push(...runsOf(line, upright, extra));
  });
  return {
    runs: out,
    align: align === 'justify' ? 'left' : align,
    rtl: style.direction === 'rtl',
    pitch: tidy(pitch),
    base: first.base,
    descent: first.descent,
    ascent: first.ascent,
    lines: lines.length,
    rows: lines.reduce((sum, line, index) => sum + (index === 0 ? 1 : Math.max(1, line.breaks)), 0),
    left: Math.min(...lines.map((line) => line.left)),
    right: Math.max(...lines.map((line) => line.right)),
  };
}

/** How much wider each blank of a justified line is than it would be by itself. */
function stretch(line) {
  const blanks = line.letters.filter((letter) => letter.blank);
  if (blanks.length === 0) return 0;
  const sum = blanks.reduce((total, letter) => total + letter.box.width - widthOfSpace(letter.look) - letter.look.spacing, 0);
  return sum / blanks.length;
}

/**
 * The top of a paragraph's box, so that its first base line falls where the engine drew it: with an exact pitch a
 * line's base stands its descent above its lower edge.
 */
const topOf = (paragraph) => paragraph.base + paragraph.descent - paragraph.pitch;

/** A text box around paragraphs that stand below one another. */
function textItem(paragraphs, block, more = {}) {
  const top = topOf(paragraphs[0]);
  // Markers stand before the text, where it begins.
  const left = Math.min(...paragraphs.map((paragraph) => paragraph.left - (paragraph.rtl ? 0 : (paragraph.hang ?? 0))));
  const right = Math.max(...paragraphs.map((paragraph) => paragraph.right + (paragraph.rtl ? (paragraph.hang ?? 0) : 0)));
  let bottom = top;
  paragraphs.forEach((paragraph, index) => {
    const from = topOf(paragraph);
    paragraph.before = index === 0 ? 0 : tidy(from - bottom);
    bottom = from + paragraph.rows * paragraph.pitch;
  });
  const rows = paragraphs.reduce((sum, paragraph) => sum + paragraph.rows, 0);
  // A reading that is narrower than its letters stands above their middle.
  if (isReading(block)) for (const paragraph of paragraphs) paragraph.align = 'center';
  return {
    kind: 'text',
    x: left,
    y: top,
    w: Math.max(right - left, 1),
    h: Math.max(bottom - top, 1),
    wrap: false,
    rows,
    paragraphs,
    role: roleOf(block),
    ...more,
  };
}

function roleOf(element) {
  if (isReading(element)) return 'reading';
  for (let above = element; above && !above.classList?.contains('ppt-slide'); above = above.parentElement) {
    if (/^h[1-6]$/.test(above.localName)) return above.localName;
    if (/^(li|figcaption|blockquote|pre|p|caption|button)$/.test(above.localName)) return above.localName;
  }
  return 'text';
}

/** Text boxes for a run of inline nodes in a block. */
function inlineItems(nodes, block, state, report) {
  const style = styleOf(block);
  const upright = /^vertical/.test(style.writingMode);
  const letters = lettersOf(nodes, state);
  const all = linesOf(letters, upright);
  const lines = all.filter((line) => visibleLine(line, state, upright));
  if (lines.every((line) => line.letters.length === 0)) return [];
  if (lines.length < all.length && /^[1-9]/.test(style.webkitLineClamp)) clampLine(lines.at(-1), block, style);
  if (upright) return [uprightItem(lines, block, style)];
  return splitAtAtoms(lines).flatMap((group) => fragments(group, block, state, report));
}

/** Ends the last line of a clamped text with dots, in the room that the line has. */
function clampLine(line, block, style) {
  const { left, right } = block.getBoundingClientRect();
  const isRight = style.direction === 'rtl';
  const [from, to] = [left + px(style.paddingLeft) + px(style.borderLeftWidth), right - px(style.paddingRight) - px(style.borderRightWidth)];
  while (line.letters.length > 1 && line.letters.at(-1).blank) line.letters.pop();
  const fits = ({ box }, width) => (isRight ? box.left - width >= from - 0.5 : box.right + width <= to + 0.5);
  for (;;) {
    const last = line.letters.at(-1);
    if (!last) return;
    const width = widthOfDots(last.look);
    if (line.letters.length > 1 && !fits(last, width)) {
      line.letters.pop();
      continue;
    }
    line.letters.push({ ...last, text: '…', blank: false, box: new DOMRect(isRight ? last.box.left - width : last.box.right, last.box.top, width, last.box.height) });
    return;
  }
}

function widthOfDots(look) {
  brush.font = `${look.slant} ${look.weight} ${look.size}px ${look.families}`;
  return brush.measureText('…').width;
}

/** Marks above or below letters that stress them, as texts of their own. */
function emphasisItems(slide, state) {
  const items = [];
  const walker = document.createTreeWalker(slide, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const { currentNode: node } = walker;
    const parent = node.parentElement;
    const style = styleOf(parent);
    if (node.data.trim() === '' || (style.textEmphasisStyle ?? 'none') === 'none' || style.writingMode !== 'horizontal-tb' || [...transforms.keys()].some((turned) => turned.contains(parent)) || !parent.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    const letter = markOfEmphasis(style.textEmphasisStyle);
    const isBelow = /under/.test(style.textEmphasisPosition ?? '');
    for (const line of linesOf(lettersOf([node], state), false)) {
      const marked = line.letters.filter((each) => !each.blank && !/\p{P}/u.test(each.text));
      const paint = faded(style.textEmphasisColor, state.opacity);
      for (const { box, look } of marked) {
        const size = look.size / 2;
        const { ascent, descent } = metrics(look.latin, look.weight);
        // Its line is as high as the letter is large; between it and the letters stands what the font has below.
        const pitch = size;
        const top = isBelow ? box.bottom + (ascent + BELOW - 1) * size : box.top - (descent + 1 - BELOW) * size;
        const run = { text: letter, size: tidy(size), mainSize: tidy(size), latin: look.written, eastAsian: eastAsianName(look.families, letter, look.language, look.serif), bold: false, italic: false, ...paint, spacing: 0, raise: 0, strike: false, language: look.language };
        const paragraph = { runs: [run], align: 'center', rtl: false, pitch: tidy(pitch), rows: 1, before: 0 };
        items.push({ kind: 'text', x: box.left, y: top, w: box.width, h: pitch, wrap: false, rows: 1, paragraphs: [paragraph], role: 'reading' });
      }
    }
  }
  return items;
}

/** The letter of a `text-emphasis-style`. */
function markOfEmphasis(style) {
  const own = /^"(.)/u.exec(style);
  if (own) return own[1];
  const [filled, open] = { circle: '●○', 'double-circle': '◉◎', triangle: '▲△', sesame: '﹅﹆' }[/double-circle|circle|triangle|sesame/.exec(style)?.[0]] ?? '•◦';
  return /open/.test(style) ? open : filled;
}

/** Lines that are named of those that a slide cuts off: a long list in a small frame has hundreds. */
const MOST_CUTS = 5;

function nameCut(report, words) {
  report.cuts ??= new Set();
  if (report.cuts.size < MOST_CUTS) report.cuts.add(words);
  report.simplified.add(report.cuts.has(words) ? `text that the page cuts off left out: "${words}"` : 'more text that the page cuts off left out');
}

/** Cuts what an `overflow: hidden` cuts, whole letters only, and names it; `false` if nothing is left. */
function visibleLine(line, state, upright) {
  if (upright || line.letters.length === 0) return true;
  const all = line.letters;
  const isLeft = cutLine(line, state.textClips);
  const left = new Set(isLeft ? line.letters : []);
  const cut = all.filter((letter) => !left.has(letter));
  const words = cut.map(({ text, blank }) => (blank ? ' ' : text)).join('').replace(/\s+/g, ' ').trim();
  if (words !== '' && state.report) nameCut(state.report, words.slice(0, 60));
  return isLeft;
}

function cutLine(line, clip) {
  for (const { x, y, w, h, ellipsis } of clip) {
    const middle = (line.top + line.bottom) / 2;
    if (middle < y || middle > y + h) return false;
    const kept = line.letters.filter(({ box }) => (box.left + box.right) / 2 > x - 1 && (box.left + box.right) / 2 < x + w + 1);
    if (kept.length === 0) return false;
    const edge = x + w - (ellipsis ?? 0);
    if (ellipsis !== undefined && line.letters.at(-1).box.right > edge + 0.5) {
      // As many letters as leave room for the dots.
      const { look, box } = kept[0];
      const width = widthOfDots(look);
      const fit = kept.filter((letter) => letter.box.right <= edge - width + 0.5);
      const last = fit.at(-1) ?? kept[0];
      line.letters = [...fit, { ...last, text: '…', blank: false, box: new DOMRect(fit.length > 0 ? last.box.right : box.left, last.box.top, width, last.box.height) }];
    } else if (kept.length < line.letters.length) line.letters = kept;
  }
  return true;
}

/** Lines in groups that one text box can hold: a box inside of a line ends one, unless it leads the first line. */
function splitAtAtoms(lines) {
  const groups = [];
  let group = [];
  const close = () => {
    if (group.length > 0) groups.push(group);
    group = [];
  };
  for (const line of lines) {
    // One that has its room between two letters splits nothing.
    const inside = line.atoms.filter(({ after }) => after > 0 && line.letters[after]?.gap);
    const leading = line.atoms.some(({ after }) => after === 0);
    const gaps = line.letters.some((letter, index) => letter.gap && index > 0);
    if (line.letters.length === 0) {
      close();
      continue;
    }
    if (inside.length === 0 && !gaps) {
      if (leading && group.length > 0) close();
      group.push(line);
      continue;
    }
    close();
    const cuts = new Set(inside.map(({ after }) => after));
    line.letters.forEach((letter, index) => letter.gap && index > 0 && cuts.add(index));
    const places = [0, ...[...cuts].sort((one, other) => one - other), line.letters.length];
    for (let index = 1; index < places.length; index += 1) {
      const part = { ...line, letters: line.letters.slice(places[index - 1], places[index]), atoms: [], breaks: 0, alone: true };
      trim(part);
      if (part.letters.length > 0) groups.push([part]);
    }
  }
  close();
  return groups;
}

/** Lines in groups that begin at one edge: those beside a picture, those below it. An indent of the first line alone is none. */
function besideFloats(lines, block) {
  const style = styleOf(block);
  if (!/^(left|justify)$/.test(alignmentOf(style)) || style.direction === 'rtl' || lines[0].alone) return [lines];
  const groups = [];
  lines.forEach((line, index) => {
    const before = index > 1 ? lines[index - 1] : undefined;
    if (index === 0 || (before && Math.abs(line.left - before.left) > 1.5)) groups.push([line]);
    else groups.at(-1).push(line);
  });
  return groups;
}

/** A text box for each column in which the lines of a block stand. */
function fragments(lines, block, state, report) {
  const items = [];
  let column = [];
  const close = () => {
    if (column.length === 0) return;
    const paragraphs = besideFloats(column, block).map((lines) => paragraphOf(lines, block, false));
    if (column[0].alone) paragraphs[0].align = 'left';
    const [paragraph] = paragraphs;
    if (paragraph.align === 'left' && !paragraph.rtl) {
      // A first line that begins further right, after a picture or by an indent.
      const rest = column.slice(1, paragraph.lines);
      const from = Math.min(...paragraphs.map(({ left }) => left));
      const margin = rest.length > 0 ? Math.min(...rest.map((line) => line.left)) : paragraph.left;
      if (rest.length > 0 && Math.abs(column[0].left - margin) > 1.5) paragraph.first = tidy(column[0].left - margin);
      paragraph.margin = tidy(margin - from);
      for (const other of paragraphs.slice(1)) other.margin = tidy(other.left - from);
    }
    items.push(textItem(paragraphs, block));
    column = [];
  };
  for (const line of lines) {
    measured(line, false);
    const last = column.at(-1);
    if (last && (line.base < last.base - 1 || Math.abs(line.base - last.base) > 6 * Math.max(line.main.look.size, last.main.look.size) * Math.max(1, line.breaks))) close();
    column.push(line);
  }
  close();
  return items;
}

/** Vertical text: columns are lines that follow one another from right to left. */
function uprightItem(lines, block, style) {
  for (const line of lines) measured(line, true);
  const pitch = lines.length > 1 ? Math.abs(lines[0].base - lines.at(-1).base) / (lines.length - 1) : lines[0].ascent + lines[0].descent;
  const paragraph = paragraphOf(lines, block, true);
  paragraph.pitch = tidy(pitch);
  const centres = lines.map((line) => line.centre);
  // As in lines, what is left of the pitch stands before the letters: here at their right.
  const left = Math.min(...centres) - (lines[0].ascent + lines[0].descent) / 2;
  const right = left + lines.length * pitch;
  const top = Math.min(...lines.map((line) => line.left));
  const bottom = Math.max(...lines.map((line) => line.right));
  paragraph.before = 0;
  return {
    kind: 'text',
    x: left,
    y: top,
    w: right - left,
    h: bottom - top,
    wrap: false,
    vertical: style.writingMode === 'vertical-lr' ? 'lr' : 'rl',
    sideways: lines.every((line) => line.letters.every((letter) => !WIDE.test(letter.text))),
    rows: lines.length,
    paragraphs: [paragraph],
    role: roleOf(block),
  };
}
