// The whole deck as a scene.

const elementOf = (item) => [...numbers].find(([, number]) => number === item.owner)?.[0];

/** Makes the lines of a heading that stand in blocks of their own one text with its title, if they lie below each other. */
function joinTitle(title, items) {
  const heading = elementOf(title)?.closest('h1, h2, h3');
  if (!heading || title.vertical) return;
  const pieces = items.filter((item) => item.kind === 'text' && item.owner !== undefined && item.role !== 'reading' && heading.contains(elementOf(item))).sort((one, other) => one.y - other.y);
  if (joinBeside(title, pieces, items)) return;
  const { align } = title.paragraphs[0];
  const edge = (item) => (align === 'center' ? item.x + item.w / 2 : align === 'right' ? item.x + item.w : item.x);
  const follows = (item, index) => index === 0 || (item.y > pieces[index - 1].y + pieces[index - 1].h - 2 && Math.abs(edge(item) - edge(title)) < 2);
  if (pieces.length < 2 || pieces.some((item) => item.rotation || item.vertical || item.paragraphs.some((paragraph) => paragraph.align !== align || paragraph.marker)) || !pieces.every(follows)) return;
  const [first, last] = [pieces[0], pieces.at(-1)];
  const right = Math.max(...pieces.map((item) => item.x + item.w));
  pieces.slice(1).forEach((item, index) => (item.paragraphs[0].before = tidy(Math.max(0, item.y - pieces[index].y - pieces[index].h))));
  const x = Math.min(...pieces.map((item) => item.x));
  Object.assign(title, { x, y: first.y, w: tidy(right - x), h: tidy(last.y + last.h - first.y), rows: pieces.reduce((sum, item) => sum + item.rows, 0), paragraphs: pieces.flatMap((item) => item.paragraphs), outside: pieces.some((item) => item.outside) });
  for (const item of pieces) if (item !== title) items.splice(items.indexOf(item), 1);
}

/** The pieces of a heading that stand in one line, such as those of a flex box, as one text; `false` where they do not. */
function joinBeside(title, pieces, items) {
  const row = [...pieces].sort((one, other) => one.x - other.x);
  const isPlain = ({ paragraphs, rotation, vertical, rows }) => paragraphs.length === 1 && rows === 1 && !rotation && !vertical && !paragraphs[0].rtl && !paragraphs[0].marker;
  const sizeOf = (item) => item.paragraphs[0].runs[0].size;
  const isNext = (item, index) => {
    const before = row[index - 1];
    return index === 0 || (Math.abs(item.paragraphs[0].base - before.paragraphs[0].base) < 3 && item.x >= before.x + before.w - 1 && item.x - before.x - before.w < 3 * sizeOf(title));
  };
  if (row.length < 2 || !row.every(isPlain) || !row.every(isNext)) return false;
  const runs = row.flatMap((item, index) => {
    if (index === 0) return item.paragraphs[0].runs;
    const before = row[index - 1];
    const last = before.paragraphs[0].runs.at(-1);
    brush.font = `${last.bold ? 'bold ' : ''}${last.size}px "${last.latin}"`;
    const room = item.x - before.x - before.w;
    return [{ ...last, text: ' ', spacing: tidy(room - brush.measureText(' ').width) }, ...item.paragraphs[0].runs];
  });
  const [first, last] = [row[0], row.at(-1)];
  const paragraph = row.reduce((one, other) => (other.paragraphs[0].pitch > one.paragraphs[0].pitch ? other : one)).paragraphs[0];
  const top = Math.min(...row.map((item) => item.y));
  Object.assign(title, { x: first.x, y: top, w: tidy(last.x + last.w - first.x), h: tidy(Math.max(...row.map((item) => item.y + item.h)) - top), paragraphs: [{ ...paragraph, runs, align: 'left', margin: undefined, first: undefined }], outside: row.some((item) => item.outside) });
  for (const item of row) if (item !== title) items.splice(items.indexOf(item), 1);
  return true;
}

/** The item that is the slide's title: the first heading, or else the largest text near the top. */
function markTitle(items, height, named) {
  const texts = items.filter((item) => item.kind === 'text' && !item.rotation);
  const wordsOf = (item) => item.paragraphs.flatMap((paragraph) => paragraph.runs.map((run) => run.text ?? '')).join(' ');
  const sizeOf = (item) => Math.max(...item.paragraphs.flatMap((paragraph) => paragraph.runs.map((run) => run.size)));
  const upper = texts.filter((item) => item.y < height * 0.5 && !item.vertical && item.role !== 'list' && /[\p{L}\p{N}]{2}|\p{Script=Han}/u.test(wordsOf(item)));
  const largest = upper.length > 0 ? upper.reduce((one, other) => (sizeOf(other) > sizeOf(one) + 0.5 ? other : one)) : undefined;
  // A heading counts by its level and its size: a small brand in an h1 is no title. Of its pieces the longest stands for it.
  const weight = (item) => sizeOf(item) * { h1: 1.6, h2: 1.3, h3: 1 }[item.role];
  const headings = texts.filter((item) => /^h[123]$/.test(item.role) && /\S/.test(wordsOf(item)));
  const heading = headings.reduce((best, item) => (!best || weight(item) > weight(best) + 0.5 || (item.role === best.role && Math.abs(weight(item) - weight(best)) <= 0.5 && Math.abs(item.y - best.y) < 4 && wordsOf(item).length > wordsOf(best).length) ? item : best), undefined);
  const wanted = named === '' ? undefined : texts.find((item) => wordsOf(item).replace(/\s+/g, ' ').trim() === named.replace(/\s+/g, ' ').trim());
  const title = wanted ?? heading ?? (!named && largest && sizeOf(largest) >= 18 ? largest : undefined);
  if (title) {
    title.title = true;
    // A title is found by itself.
    delete title.group;
    joinTitle(title, items);
  }
  return title ? title.paragraphs.map((paragraph) => paragraph.runs.map((run) => (run.break ? ' ' : run.text)).join('')).join(' ').trim() : '';
}

/** The room that a title's words have in the page: that of their block, or around a block as narrow as they are what holds it; up to what stands beside them. */
function roomOf(title, items, slide) {
  const element = elementOf(title);
  if (!element || title.vertical || [...transforms.keys()].some((turned) => turned.contains(element))) return undefined;
  const frame = rectOf(slide);
  let [left, right] = [title.x, title.x + title.w];
  for (let above = element; above && slide.contains(above); above = isOut(styleOf(above)) ? above.offsetParent : above.parentElement) {
    const style = styleOf(above);
    const box = rectOf(above);
    const [before, after] = ['Left', 'Right'].map((side) => px(style[`padding${side}`]) + px(style[`border${side}Width`]));
    if (!isInline(style)) [left, right] = [Math.min(left, box.x + before - frame.x), Math.max(right, box.x + box.w - after - frame.x)];
    if (title.rows > 1 || right - left > title.w + 8) break;
  }
  // A title that begins at the margin ends at the margin.
  const margin = Math.min(24, Math.max(0, title.x));
  [left, right] = [Math.max(left, margin), Math.min(right, frame.w - margin)];
  for (const item of items) {
    if (item === title || item.y >= title.y + title.h || item.y + item.h <= title.y) continue;
    if (item.x >= title.x + title.w - 1) right = Math.min(right, item.x - 8);
    else if (item.x + item.w <= title.x + 1) left = Math.max(left, item.x + item.w + 8);
  }
  return { left: tidy(Math.min(left, title.x)), right: tidy(Math.max(right, title.x + title.w)) };
}

/** A title that a page names and shows nowhere: above the page, where outlines and screen readers find it. */
function unseenTitle(text, page) {
  const [size, pitch] = [24, 30];
  const run = { text, size, mainSize: size, latin: 'Arial', eastAsian: eastAsianFont('sans-serif', text, document.documentElement.lang, false), bold: false, italic: false, hex: '000000', alpha: 1, spacing: 0, raise: 0, strike: false, language: document.documentElement.lang };
  return { kind: 'text', x: 0, y: -pitch - 10, w: page.w, h: pitch, wrap: false, rows: 1, title: true, role: 'h1', name: 'Title', paragraphs: [{ runs: [run], align: 'left', rtl: false, pitch, rows: 1, before: 0 }] };
}

function groundItems(slide, style, state, report) {
  const rect = rectOf(slide);
  const layers = style.backgroundImage === 'none' ? [] : backgroundLayers(slide, style, rect, { top: 0, right: 0, bottom: 0, left: 0 }, 1, report);
  const ground = colour(style.backgroundColor);
  const items = [];
  let background = null;
  if (ground.alpha > 0.002) background = { type: 'solid', ...ground };
  else {
    // What the slide leaves open shows the page behind it.
    for (let above = slide.parentElement; above && !background; above = above.parentElement) {
      const behind = colour(getComputedStyle(above).backgroundColor);
      if (behind.alpha > 0.002) background = { type: 'solid', hex: behind.hex, alpha: 1 };
    }
  }
  layers.forEach((fill, index) => {
    const opaque = fill.type === 'solid' ? fill.alpha >= 0.999 : fill.stops?.every((stop) => stop.alpha >= 0.999);
    if (index === 0 && opaque) background = fill.type === 'radial' ? { type: 'solid', hex: fill.stops.at(-1).hex, alpha: 1 } : fill;
    // Programs draw the rings of a round gradient with gaps, and of another size, where it is the ground of a page.
    if (index === 0 && opaque && fill.type !== 'radial') return;
    if (fill.type === 'disc') {
      const parts = [];
      putFill(null, { ...rect, corners: [0, 1, 2, 3].map(() => ({ x: 0, y: 0 })) }, fill, parts, []);
      for (const part of parts) emit({ ...part, name: 'Background' }, state, items);
    } else if (fill.type === 'picture') {
      const square = [0, 1, 2, 3].map(() => ({ x: 0, y: 0 }));
      const part = clipped(rect, square, [{ ...fill.at, corners: square }]);
      if (part) emit(pictureItem(part, fill.at, { source: fill.source, alpha: fill.alpha, alt: '', name: 'Background' }), state, items);
    } else emit({ kind: 'shape', ...rect, form: { type: 'rect' }, fill, name: 'Background' }, state, items);
  });
  const plainStyle = new Proxy(style, { get: (target, name) => (name === 'backgroundColor' ? 'transparent' : name === 'backgroundImage' ? 'none' : name === 'boxShadow' ? pieces(target.boxShadow).filter((piece) => /\binset\b/.test(piece)).join(', ') || 'none' : target[name]) });
  for (const item of boxItems(slide, plainStyle, rect, state, report)) emit(item, state, items);
  return { background, items };
}

const keepsLayers = (slide, style) => slide.dataset.okcvmLayers !== undefined || stacks(slide, style).own || /transform|opacity|filter|translate|scale|rotate/.test(style.willChange) || /paint|layout|strict|content/.test(style.contain) || (style.containerType ?? 'normal') !== 'normal';

const isOpaque = (slide, style) => alphaOf(style.backgroundColor) > 0.99 || (style.backgroundImage !== 'none' && (gradient(pieces(style.backgroundImage).at(-1), 100, 100, 1)?.stops.every((stop) => stop.alpha > 0.99) ?? false));

/** The size that most slides have, which is that of all pages of a presentation. */
function pageOf(slides) {
  const sizes = slides.map((slide) => {
    const { w, h } = rectOf(slide);
    return { w: Math.round(w), h: Math.round(h), exact: { w, h } };
  });
  const times = ({ w, h }) => sizes.filter((other) => other.w === w && other.h === h).length;
  return sizes.reduce((best, size) => (times(size) > times(best) ? size : best)).exact;
}

/** Brings a slide of another size onto the page, in its middle; one that would become too small stays as it is. */
function fittingPage(rect, page, report) {
  if (Math.abs(rect.w - page.w) <= 1 && Math.abs(rect.h - page.h) <= 1) return new DOMMatrix();
  const share = Math.min(page.w / rect.w, page.h / rect.h);
  const size = `the slide is ${Math.round(rect.w)} × ${Math.round(rect.h)} pixels, the pages are ${Math.round(page.w)} × ${Math.round(page.h)}`;
  if (share < 0.5 || share > 2) {
    report.simplified.add(`${size}: what reaches beyond is cut`);
    return new DOMMatrix();
  }
  report.simplified.add(`${size}: it was scaled to fit`);
  return new DOMMatrix().translate(rect.x + (page.w - rect.w * share) / 2, rect.y + (page.h - rect.h * share) / 2).scale(share).translate(-rect.x, -rect.y);
}

/** Fonts of the page that a slide's report has named. */
const told = new Set();

function measureSlide(slide, page) {
  substitutes = new Map();
  brought = new Set();
  const report = { pictures: [], simplified: new Set(), missing: new Set() };
  const notes = notesOf(slide);
  const hidden = slide.dataset.hidden === 'true' || slide.dataset.visibility === 'hidden' || slide.dataset.okcvmHidden === 'true';
  const rect = rectOf(slide);
  const fitted = fittingPage(rect, page, report);
  // What reaches over the page's edge is kept: a presentation cuts it itself, and the report names it.
  const state = { slide, opacity: 1, matrix: fitted, origin: { x: rect.x, y: rect.y }, clips: [], outer: [], textClips: [], report };
  const style = styleOf(slide);
  const ground = groundItems(slide, style, state, report);
  const layers = new Layers();
  paint(slide, style, state, layers, layers.flow, report);
  // What lies under a slide that keeps no layers of its own lies under its ground, too.
  if (!keepsLayers(slide, style) && isOpaque(slide, style)) layers.below = [];
  const items = [...ground.items, ...layers.flat()];
  for (const mark of emphasisItems(slide, state)) emit(mark, state, items);
  for (const item of items) if (item.kind === 'text') {
    const turn = ((item.rotation ?? 0) * Math.PI) / 180;
    const [wide, high] = [Math.abs(item.w * Math.cos(turn)) + Math.abs(item.h * Math.sin(turn)), Math.abs(item.w * Math.sin(turn)) + Math.abs(item.h * Math.cos(turn))];
    const [cx, cy] = [item.x + item.w / 2, item.y + item.h / 2];
    item.outside = cx - wide / 2 < -2 || cy - high / 2 < -2 || cx + wide / 2 > page.w + 2 || cy + high / 2 > page.h + 2;
  }
  for (const name of brought) if (!told.has(name)) {
    told.add(name);
    report.simplified.add(`the font ${name} comes with the page and cannot be put into a presentation: where it is not installed, another takes its place`);
  }
  const said = (slide.dataset.title ?? '').trim();
  const shown = markTitle(items, rect.h, said);
  const title = shown || said;
  if (!shown && said) items.push(unseenTitle(said, page));
  const named = items.find((item) => item.title);
  if (named && fitted.isIdentity) named.room = roomOf(named, items, slide);
  const whole = joined(items);
  return {
    width: tidy(page.w), height: tidy(page.h), title, notes, hidden, background: ground.background, items: whole,
    report: { pictures: report.pictures, simplified: [...report.simplified], missing: [...report.missing], fonts: [...substitutes].map(([wanted, used]) => ({ wanted, used })) },
  };
}

const slidesOf = () => [...document.querySelectorAll(SLIDE)].filter((slide) => !slide.parentElement.closest(SLIDE));

const isSeen = (slide) => {
  const { display, opacity, visibility } = getComputedStyle(slide);
  return display !== 'none' && Number(opacity) > 0.5 && visibility === 'visible';
};

/** Shows a slide that a deck hides while another one is shown, the way it shows that one. */
function showSlide(slide, shown) {
  const isShown = () => {
    finishAnimations();
    return isSeen(slide);
  };
  if (slide.style.display === 'none') slide.style.removeProperty('display');
  for (const name of shown?.classList ?? []) {
    if (isShown()) return;
    if (slide.classList.contains(name)) continue;
    slide.classList.add(name);
    if (!isShown()) slide.classList.remove(name);
  }
  if (getComputedStyle(slide).display === 'none') slide.style.setProperty('display', shown ? getComputedStyle(shown).display : 'block', 'important');
}

/** What holds the slides cuts none of them, as the frame of a carousel would. */
function uncover(slide) {
  const box = rectOf(slide);
  for (let above = slide.parentElement; above; above = above.parentElement) {
    const { overflowX, overflowY } = getComputedStyle(above);
    if (overflowX === 'visible' && overflowY === 'visible') continue;
    const frame = rectOf(above);
    if (box.x < frame.x - 1 || box.y < frame.y - 1 || box.x + box.w > frame.x + frame.w + 1 || box.y + box.h > frame.y + frame.h + 1) above.style.setProperty('overflow', 'visible', 'important');
  }
}

/** Slides that lie on each other are put one below the other, so that each can be looked at. */
function unstack(slides) {
  const boxes = slides.map(rectOf);
  const meet = (one, other) => one.x < other.x + other.w - 1 && other.x < one.x + one.w - 1 && one.y < other.y + other.h - 1 && other.y < one.y + one.h - 1;
  if (!boxes.some((box, index) => index > 0 && meet(box, boxes[index - 1]))) return;
  let top = boxes[0].y;
  for (const [index, slide] of slides.entries()) {
    slide.style.setProperty('translate', `${boxes[0].x - boxes[index].x}px ${top - boxes[index].y}px`, 'important');
    top += boxes[index].h;
    for (let above = slide.parentElement; above; above = above.parentElement) above.style.setProperty('overflow', 'visible', 'important');
  }
}

/** In a page from right to left, what is wider than the window begins beyond its left edge, where no picture is taken. */
function bringIn(slides) {
  for (const slide of slides) {
    const left = rectOf(slide).x + window.scrollX;
    if (left >= 0) continue;
    const [across = '0px', down = '0px'] = slide.style.translate.split(' ').filter(Boolean);
    slide.style.setProperty('translate', `${px(across) - left}px ${down}`, 'important');
  }
}

let isStill = true;

/** Lets the page come to rest and gives the boxes of its slides. */
async function prepareDeck() {
  await settled();
  finishAnimations();
  // Some decks are written by their scripts.
  if (slidesOf().length === 0) await comeToRest();
  const slides = slidesOf();
  const shownSlide = slides.find(isSeen);
  for (const slide of slides) {
    // Decks often scale their slides to the window.
    for (let above = slide; above; above = above.parentElement) {
      const shown = getComputedStyle(above);
      if (above === slide && ['transform', 'scale', 'rotate', 'translate'].some((name) => shown[name] !== 'none')) slide.dataset.okcvmLayers = '';
      for (const name of ['transform', 'scale', 'rotate', 'translate']) if (shown[name] !== 'none') above.style.setProperty(name, 'none', 'important');
      if (shown.zoom !== undefined && Number(shown.zoom) !== 1 && shown.zoom !== 'normal') above.style.setProperty('zoom', '1', 'important');
      if (above !== slide && (shown.display === 'none' || Number(shown.opacity) < 1)) {
        if (shown.display === 'none') above.style.setProperty('display', 'block', 'important');
        above.style.setProperty('opacity', '1', 'important');
      }
    }
    const style = getComputedStyle(slide);
    if (Number(style.opacity) < 1) slide.dataset.okcvmLayers = '';
    if (slide.hidden || !isSeen(slide)) {
      slide.dataset.okcvmHidden = slide.hidden || slide.dataset.hidden === 'true' ? 'true' : 'false';
      slide.hidden = false;
      showSlide(slide, shownSlide);
    }
    if (style.visibility !== 'visible') slide.style.setProperty('visibility', 'visible', 'important');
    if (Number(style.opacity) < 1) slide.style.setProperty('opacity', '1', 'important');
    for (const aside of slide.querySelectorAll('aside.notes')) aside.style.setProperty('display', 'none', 'important');
    // One that only holds what is placed in it has no size of its own.
    if (slide.offsetHeight < 1) slide.style.setProperty('height', '576px', 'important');
    if (slide.offsetWidth < 1) slide.style.setProperty('width', '1024px', 'important');
    uncover(slide);
  }
  unstack(slides);
  bringIn(slides);
  await revealAll(slides);
  isStill = await comeToRest();
  finishAnimations(true);
  return slides.map((slide) => {
    const { x, y, w, h } = rectOf(slide);
    return { x: x + window.scrollX, y: y + window.scrollY, w, h };
  });
}

let scenes = [];

/** Makes elements of what a page only draws, and waits for the pictures: from then on nothing is waited for. */
async function loadDeck() {
  window.scrollTo(0, 0);
  const slides = slidesOf();
  for (const slide of slides) {
    makeFieldsReal(slide);
    makeUsesReal(slide);
    makePseudoReal(slide);
    makeFirstLettersReal(slide);
  }
  await loadImages(slides);
}

function measureDeck() {
  const slides = slidesOf();
  for (const slide of slides) readBackdrops(slide);
  window.scrollTo(0, 0);
  for (const slide of slides) rememberTransforms(slide);
  styles.clear();
  icons.clear();
  const page = pageOf(slides);
  scenes = slides.map((slide) => measureSlide(slide, page));
  if (!isStill) scenes[0]?.report.simplified.push('the page was still changing when it was measured');
  const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.content ?? '';
  return {
    title: document.title, author: meta('author'), subject: meta('description'), keywords: meta('keywords'), language: document.documentElement.lang,
    slides: scenes,
    loads: [...document.querySelectorAll('script[src], link[rel~="stylesheet"][href]')].map((element) => element.src || element.href),
    shots: [...document.querySelectorAll('[data-okcvm-shot]')].flatMap((element) => element.dataset.okcvmShot.split(' ').map((word) => ({ id: Number(word.split(':')[0]), part: word.split(':')[1] }))),
  };
}

/** The letters of an element are text; its colour stays, which its borders may have. */
const NO_LETTERS = '-webkit-text-fill-color: transparent !important; text-shadow: none !important; text-decoration-color: transparent !important;';

/** What parts of a drawing refer to is no part of it that is seen; what else uses it is out of sight. */
const REFERRED = `${['defs', 'symbol', 'pattern', 'clipPath', 'mask', 'marker', 'filter'].map((name) => `${name}, ${name} *`).join(', ')} { visibility: visible !important; } use:not([data-okcvm-alone], [data-okcvm-alone] *) { opacity: 0 !important; }`;

/** Shows one element alone, as it stands in its slide, for a picture; gives its box. */
function showAlone(id) {
  const element = [...document.querySelectorAll('[data-okcvm-shot]')].find((each) => each.dataset.okcvmShot.split(' ').some((word) => Number(word.split(':')[0]) === id));
  const part = element.dataset.okcvmShot.split(' ').find((word) => Number(word.split(':')[0]) === id).split(':')[1];
  const rule = document.createElement('style');
  rule.id = 'okcvm-alone';
  rule.textContent = `html, body, .ppt-slide:not([data-okcvm-alone]) { background: transparent !important; } * { visibility: hidden !important; } ${REFERRED} [data-okcvm-alone]${part === 'tree' ? ', [data-okcvm-alone] *' : ''} { visibility: visible !important; }${part === 'box' ? ` [data-okcvm-alone] { ${NO_LETTERS} }` : ''}`;
  if (/^(backdrop|blended)$/.test(part)) return showBackdrop(element, rule, part === 'blended');
  document.head.append(rule);
  element.dataset.okcvmAlone = '';
  const box = part === 'tree' && element.localName !== 'svg' && element.localName !== 'canvas' ? paintedBox(element) : rectOf(element);
  if (part === 'tree') turnedIn(element).forEach(turnBack);
  return { x: box.x + window.scrollX, y: box.y + window.scrollY, w: box.w, h: box.h };
}

function showAll() {
  document.getElementById('okcvm-alone')?.remove();
  hideBackdrop();
  for (const element of document.querySelectorAll('[data-okcvm-alone]')) {
    delete element.dataset.okcvmAlone;
    turnedIn(element).forEach(layFlat);
  }
}
