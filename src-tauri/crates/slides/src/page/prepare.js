// Makes a page ready to be measured: everything loaded, animations at their end, transforms taken out and
// remembered, generated content made real.

const loadedImages = new Map();
const transforms = new Map();
const SLIDE = '.ppt-slide';

async function settled() {
  const tailwind = document.querySelector('style[type="text/tailwindcss"]');
  const until = performance.now() + 8000;
  // Tailwind compiles after the page has loaded, and again when a class appears.
  while (tailwind && performance.now() < until) {
    const slide = document.querySelector(SLIDE);
    const compiled = [...document.querySelectorAll('style:not([type="text/tailwindcss"])')].some((style) => /tailwindcss v/.test(style.textContent.slice(0, 200)));
    if (!slide || compiled) break;
    await new Promise((done) => setTimeout(done, 20));
  }
  for (const image of document.images) image.loading = 'eager';
  await Promise.race([Promise.all([document.fonts.ready, ...[...document.images].map((image) => image.decode().catch(() => {}))]), new Promise((done) => setTimeout(done, 5000))]);
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
}

const frames = async (count) => {
  for (let index = 0; index < count; index += 1) await new Promise((done) => requestAnimationFrame(done));
};

/** Whether the page has scripts of its own, which may go on changing it. */
const hasScripts = () => [...document.scripts].some((script) => !/tailwind|json/i.test(`${script.src} ${script.type}`) && (script.src !== '' || script.textContent.replace(/tailwind\.config\s*=/, '').trim() !== ''));

/** How long nothing may change before a page counts as come to rest, and how long that is waited for, in milliseconds. */
const STILL = 400;
const PATIENCE = 4000;

/** Whether a script of the page has set itself a timer or asked for a file, by what counts that. */
const isWaiting = () => Number(document.documentElement.dataset.okcvmPending ?? 0) > 0;

/** Lets scripts that count up, draw or type come to their end. Says whether they did. */
async function comeToRest() {
  if (!hasScripts()) return true;
  let changed = performance.now();
  const watcher = new MutationObserver((all) => {
    if (all.some(({ attributeName }) => attributeName !== 'data-okcvm-pending')) changed = performance.now();
  });
  watcher.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
  const small = canvasOf(48, 27);
  const pen = small.getContext('2d', { willReadFrequently: true });
  // What is drawn on a canvas changes nothing in the document.
  const drawn = () => [...document.querySelectorAll('canvas')].map((canvas) => {
    try {
      pen.clearRect(0, 0, 48, 27);
      pen.drawImage(canvas, 0, 0, 48, 27);
      return pen.getImageData(0, 0, 48, 27).data.join();
    } catch {
      return '';
    }
  }).join(';');
  let before = drawn();
  const until = performance.now() + PATIENCE;
  while ((performance.now() - changed < STILL || isWaiting()) && performance.now() < until) {
    await new Promise((done) => setTimeout(done, 50));
    const now = drawn();
    if (now !== before) changed = performance.now();
    before = now;
  }
  watcher.disconnect();
  return performance.now() - changed >= STILL;
}

const FAINT = 0.05;

/** Shows every slide once: what a page reveals when it is scrolled to stays to be seen. */
async function revealAll(slides) {
  if (!hasScripts()) return;
  const faint = slides.map((slide) => [...slide.querySelectorAll('*')].filter((element) => Number(getComputedStyle(element).opacity) < FAINT && element.textContent.trim() !== ''));
  const seen = new Map();
  for (const [index, slide] of slides.entries()) {
    if (faint[index].length === 0) continue;
    slide.scrollIntoView({ block: 'center', behavior: 'instant' });
    await frames(3);
    finishAnimations();
    for (const element of faint[index]) {
      const { opacity } = getComputedStyle(element);
      if (Number(opacity) >= FAINT) seen.set(element, opacity);
    }
  }
  window.scrollTo({ left: 0, top: 0, behavior: 'instant' });
  if (seen.size > 0) await frames(2);
  for (const [element, opacity] of seen) if (Number(getComputedStyle(element).opacity) < FAINT) element.style.setProperty('opacity', opacity, 'important');
}

/** Brings what moves to its end. What an animation leaves there lasts beyond it, if that is asked for. */
function finishAnimations(lasts = false) {
  for (const animation of document.getAnimations?.() ?? []) {
    try {
      animation.finish();
    } catch {
      // One that never ends is shown as it is without it.
      animation.cancel();
      continue;
    }
    const { target, pseudoElement } = animation.effect ?? {};
    const isPart = target?.parentElement?.closest(SLIDE) && !target.parentElement.closest('svg') && !pseudoElement;
    if (!lasts || !isPart || !/forwards|both/.test(animation.effect.getTiming().fill)) continue;
    try {
      animation.commitStyles();
    } catch {
      // It stands on nothing that is shown.
    }
  }
}

/** Speaker notes, taken out of the slide before it is measured. */
function notesOf(slide) {
  const asides = [...slide.querySelectorAll('aside.notes')];
  const text = asides.map((aside) => textOf(aside)).concat(slide.dataset.notes ?? []);
  for (const aside of asides) aside.style.setProperty('display', 'none', 'important');
  return text.filter((part) => part.trim() !== '').join('\n');
}

/** The text of an element as a person reads it, a line a block. */
function textOf(element) {
  const lines = [''];
  const walk = (node) => {
    if (node.nodeType === Node.TEXT_NODE) lines.push(lines.pop() + node.data.replace(/\s+/g, ' '));
    else if (node.nodeType === Node.ELEMENT_NODE) {
      if (node.localName === 'br') return lines.push('');
      const block = /^(p|div|li|ul|ol|h[1-6]|tr|section|blockquote)$/.test(node.localName);
      if (block) lines.push('');
      node.childNodes.forEach(walk);
      if (block) lines.push('');
    }
    return undefined;
  };
  element.childNodes.forEach(walk);
  return lines.map((line) => line.trim()).filter((line, index, all) => line !== '' || (index > 0 && all[index - 1] !== '')).join('\n').trim();
}

const FIXED_PSEUDO = 'okcvm-made';

/** Puts an element in the place of `::before` and `::after`, with the same look, so that it can be measured. */
function makePseudoReal(slide) {
  const elements = [slide, ...slide.querySelectorAll('*')].filter((element) => !element.closest('svg'));
  const made = [];
  for (const element of elements) {
    if (/^(img|br|hr|input|textarea|select|canvas|video|audio|iframe|script|style)$/.test(element.localName)) continue;
    for (const which of ['::before', '::after']) {
      const style = getComputedStyle(element, which);
      if (style.content === 'none' || style.content === 'normal' || style.display === 'none') continue;
      const parts = contentOf(style.content, element, which);
      if (parts === null) continue;
      const properties = {};
      for (const name of style) properties[name] = style.getPropertyValue(name);
      made.push({ element, which, parts, properties, auto: autoOf(style) });
    }
  }
  if (made.length === 0) return;
  const rule = document.createElement('style');
  rule.textContent = `.${FIXED_PSEUDO}-before::before, .${FIXED_PSEUDO}-after::after, okcvm-made::before, okcvm-made::after { content: none !important; display: none !important; }`;
  document.head.append(rule);
  const parents = new Set(made.map(({ element }) => element));
  const before = new Map([...parents].flatMap((parent) => [...parent.children].map((child) => [child, snapshotOf(child)])));
  for (const { element, which, parts, properties, auto } of made) {
    const stand = document.createElement('okcvm-made');
    for (const [name, value] of Object.entries(properties)) {
      // What is seen would be seen in pictures of other elements, too.
      if (name === 'content' || (name === 'visibility' && value === 'visible') || /^(transition|animation)/.test(name) || auto.has(name)) continue;
      stand.style.setProperty(name, value, 'important');
    }
    stand.dataset.okcvmMade = which.slice(2);
    for (const part of parts) {
      if (typeof part === 'string') stand.append(part);
      else {
        const image = document.createElement('img');
        image.src = part.url;
        stand.append(image);
      }
    }
    element.classList.add(`${FIXED_PSEUDO}-${which.slice(2)}`);
    if (which === '::before') element.prepend(stand);
    else element.append(stand);
  }
  // A child more may change what `:first-child` and its like mean: what was is pinned.
  for (const [child, was] of before) {
    const is = getComputedStyle(child);
    for (const [name, value] of was) if (is.getPropertyValue(name) !== value) child.style.setProperty(name, value, 'important');
  }
}

/** Puts a block of text in the place of each field of many lines, so that its lines are measured as any other's. */
function makeFieldsReal(slide) {
  for (const field of slide.querySelectorAll('textarea')) {
    const style = getComputedStyle(field);
    const stand = document.createElement('okcvm-made');
    for (const name of style) if (!/^(transition|animation|-webkit-user-modify)/.test(name)) stand.style.setProperty(name, style.getPropertyValue(name));
    stand.style.whiteSpace = 'pre-wrap';
    if (style.display === 'inline') stand.style.display = 'inline-block';
    if (field.value === '' && field.placeholder) stand.style.color = getComputedStyle(field, '::placeholder').color;
    stand.textContent = field.value || field.placeholder;
    field.after(stand);
    field.style.setProperty('display', 'none', 'important');
  }
}

const VECTOR = 'http://www.w3.org/2000/svg';
/** How many elements of a slide may be copies that stand for a `<use>`. */
const MOST_COPIED = 5000;

/** Puts a copy in the place of each `<use>` of a drawing in the same page, since what it shows is out of reach. */
function makeUsesReal(slide) {
  // Copies of copies could grow without end.
  let room = MOST_COPIED;
  for (let round = 0; round < 3; round += 1) {
    for (const use of slide.querySelectorAll('svg use')) {
      if (room <= 0) return;
      const target = use.href.baseVal.startsWith('#') ? document.getElementById(use.href.baseVal.slice(1)) : null;
      const size = target?.querySelectorAll('*').length ?? 0;
      if (!target || target.contains(use) || size > 500) continue;
      room -= size + 1;
      const group = document.createElementNS(VECTOR, 'g');
      for (const { name, value } of use.attributes) if (!/^(xlink:)?href$|^(x|y|width|height|transform)$/.test(name)) group.setAttribute(name, value);
      group.setAttribute('transform', `${use.getAttribute('transform') ?? ''} translate(${use.x.baseVal.value}, ${use.y.baseVal.value})`);
      let copy = target.cloneNode(true);
      if (/^(symbol|svg)$/.test(target.localName)) {
        const frame = document.createElementNS(VECTOR, 'svg');
        for (const { name, value } of target.attributes) frame.setAttribute(name, value);
        for (const name of ['width', 'height']) frame.setAttribute(name, use.getAttribute(name) ?? target.getAttribute(name) ?? '100%');
        frame.append(...copy.childNodes);
        copy = frame;
      }
      for (const part of [copy, ...copy.querySelectorAll('[id]')]) part.removeAttribute('id');
      group.append(copy);
      use.replaceWith(group);
    }
  }
}

/** Puts an element in the place of a `::first-letter` that looks unlike its text, such as an initial over three lines. */
function makeFirstLettersReal(slide) {
  for (const element of slide.querySelectorAll('*')) {
    const style = getComputedStyle(element);
    if (element.closest('svg') || !/^(block|list-item|inline-block|flow-root)$/.test(style.display)) continue;
    const letter = getComputedStyle(element, '::first-letter');
    if (letter.float === 'none' && letter.fontSize === style.fontSize && letter.color === style.color && letter.fontWeight === style.fontWeight) continue;
    const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT, { acceptNode: (node) => (node.data.trim() === '' ? NodeFilter.FILTER_SKIP : NodeFilter.FILTER_ACCEPT) });
    const text = walker.nextNode();
    if (!text) continue;
    const start = text.data.search(/\S/);
    const length = /^[\p{P}]*.[\p{P}]*/u.exec(text.data.slice(start))?.[0].length ?? 1;
    const stand = document.createElement('okcvm-made');
    for (const name of letter) if (/^(float|font|color|line-height|margin|padding|letter-spacing|text-transform|background|border|-webkit-text-fill)/.test(name)) stand.style.setProperty(name, letter.getPropertyValue(name), 'important');
    element.classList.add(`${FIXED_PSEUDO}-letter`);
    const rest = text.splitText(start);
    rest.splitText(length);
    rest.replaceWith(stand);
    stand.append(rest);
  }
  const rule = document.createElement('style');
  rule.textContent = `.${FIXED_PSEUDO}-letter::first-letter { float: none !important; font: inherit !important; color: inherit !important; margin: 0 !important; padding: 0 !important; }`;
  document.head.append(rule);
}

const PINNED = ['margin-top', 'margin-right', 'margin-bottom', 'margin-left', 'padding-top', 'padding-right', 'padding-bottom', 'padding-left', 'border-top-width', 'border-right-width', 'border-bottom-width', 'border-left-width', 'border-top-style', 'border-bottom-style', 'border-left-style', 'border-right-style', 'background-color', 'color', 'display', 'font-size', 'font-weight', 'border-top-left-radius', 'border-top-right-radius', 'border-bottom-left-radius', 'border-bottom-right-radius', 'grid-column-start', 'grid-row-start', 'opacity'];
const snapshotOf = (element) => {
  const style = getComputedStyle(element);
  return PINNED.map((name) => [name, style.getPropertyValue(name)]);
};

/** Sizes of generated text are left to the layout: what is computed is rounded and could break its line. */
function autoOf(style) {
  const names = new Set();
  if (style.display === 'inline') for (const name of ['width', 'height', 'inline-size', 'block-size']) names.add(name);
  else if (!/^(""|'')$/.test(style.content) && /flex|inline-block|inline-flex/.test(style.display) === false) for (const name of ['inline-size', 'block-size', 'perspective-origin', 'transform-origin']) names.add(name);
  return names;
}

/** The pieces of a `content` value: text and pictures. */
function contentOf(content, element, which) {
  const parts = [];
  for (const word of pieces(content.split(/\s+\/\s+(?=["'])/)[0], ' ')) {
    const quoted = /^"((?:[^"\\]|\\.)*)"$/s.exec(word) ?? /^'((?:[^'\\]|\\.)*)'$/s.exec(word);
    if (quoted) parts.push(quoted[1].replace(/\\([0-9a-f]{1,6})\s?/gi, (_, code) => String.fromCodePoint(Number.parseInt(code, 16))).replace(/\\(.)/g, '$1'));
    else if (word.startsWith('url(')) parts.push({ url: word.slice(4, -1).replace(/^["']|["']$/g, '') });
    else if (/^counters?\(/.test(word)) parts.push(counterText(word, element, which));
    else if (word.startsWith('attr(')) parts.push(element.getAttribute(word.slice(5, -1).trim()) ?? '');
    else if (word === 'open-quote') parts.push('“');
    else if (word === 'close-quote') parts.push('”');
    else if (!/^(no-open-quote|no-close-quote)$/.test(word)) return null;
  }
  return parts;
}

/** What a counter counts to at an element, by walking the document as the engine does. */
function counterText(word, target, which) {
  const [name, second, third] = pieces(word.replace(/^counters?\(|\)$/g, ''));
  const nested = word.startsWith('counters');
  const type = (nested ? third : second) ?? 'decimal';
  const scopes = [];
  const changes = (text) => (text === 'none' ? [] : [...text.matchAll(/([\w-]+)\s+(-?\d+)/g)].map(([, key, amount]) => [key, Number(amount)]));
  let result = null;
  const apply = (style, depth) => {
    for (const [key, amount] of changes(style.counterReset)) if (key === name) scopes.push({ depth, value: amount });
    for (const [key, amount] of changes(style.counterIncrement)) {
      if (key !== name) continue;
      if (scopes.length === 0) scopes.push({ depth, value: 0 });
      scopes.at(-1).value += amount;
    }
  };
  const walk = (element, depth) => {
    if (result !== null) return;
    const style = getComputedStyle(element);
    if (style.display === 'none') return;
    apply(style, depth);
    const generated = getComputedStyle(element, '::before');
    if (generated.content !== 'none') apply(generated, depth + 1);
    if (element === target && which === '::before') {
      result = scopes.map(({ value }) => value);
      return;
    }
    for (const child of element.children) walk(child, depth + 1);
    while (scopes.length > 0 && scopes.at(-1).depth > depth + 1) scopes.pop();
    if (element === target) result ??= scopes.map(({ value }) => value);
  };
  walk(document.documentElement, 0);
  const values = result ?? [];
  const shown = (value) => {
    if (type === 'decimal-leading-zero') return String(value).padStart(2, '0');
    if (/alpha|latin/.test(type)) return String.fromCharCode((type.startsWith('upper') ? 64 : 96) + clamp(value, 1, 26));
    if (/roman/.test(type)) return type.startsWith('upper') ? roman(value) : roman(value).toLowerCase();
    return String(value);
  };
  return nested ? values.map(shown).join((second ?? '').replace(/^["']|["']$/g, '')) : shown(values.at(-1) ?? 0);
}

function roman(value) {
  let rest = clamp(value, 1, 3999);
  let text = '';
  for (const [amount, letters] of [[1000, 'M'], [900, 'CM'], [500, 'D'], [400, 'CD'], [100, 'C'], [90, 'XC'], [50, 'L'], [40, 'XL'], [10, 'X'], [9, 'IX'], [5, 'V'], [4, 'IV'], [1, 'I']]) {
    while (rest >= amount) {
      text += letters;
      rest -= amount;
    }
  }
  return text;
}

/** The matrix of an element's transforms about its origin, in a layout without them. */
function rememberTransforms(slide) {
  for (const element of slide.querySelectorAll('*')) {
    if (element.closest('svg') && element.localName !== 'svg') continue;
    const style = getComputedStyle(element);
    const plainly = style.transform === 'none' && style.rotate === 'none' && style.scale === 'none' && style.translate === 'none';
    if (plainly) continue;
    const [w, h] = [element.offsetWidth ?? px(style.width), element.offsetHeight ?? px(style.height)];
    let matrix = new DOMMatrix();
    if (style.translate !== 'none') {
      const [x, y = '0px'] = pieces(style.translate, ' ');
      const length = (text, room) => (text.endsWith('%') ? (px(text) / 100) * room : px(text));
      matrix = matrix.translate(length(x, w), length(y, h));
    }
    if (style.rotate !== 'none') {
      const words = style.rotate.split(' ');
      const turn = px(words.at(-1));
      matrix = words.length === 1 || words[0] === 'z' ? matrix.rotate(turn) : matrix.rotateAxisAngle(words[0] === 'x' ? 1 : px(words[0]), words[0] === 'y' ? 1 : px(words[1]), words.length > 2 ? px(words[2]) : 0, turn);
    }
    if (style.scale !== 'none') {
      const [x, y = x] = style.scale.split(' ').map(Number);
      matrix = matrix.scale(x, y);
    }
    if (style.transform !== 'none') matrix = matrix.multiply(new DOMMatrix(style.transform));
    const [ox, oy] = style.transformOrigin.split(' ').map(px);
    transforms.set(element, { matrix, ox, oy });
  }
  const rule = document.createElement('style');
  rule.textContent = `${SLIDE} *:not(svg *) { transition: none !important; animation: none !important; }`;
  document.head.append(rule);
  for (const element of transforms.keys()) layFlat(element);
}

const FLAT = { transform: 'none', rotate: 'none', scale: 'none', translate: 'none', 'will-change': 'transform' };

/** Takes an element's transforms away; it keeps being the frame of what is placed in it. */
function layFlat(element) {
  const known = transforms.get(element);
  known.own ??= Object.keys(FLAT).map((name) => [name, element.style.getPropertyValue(name), element.style.getPropertyPriority(name)]);
  for (const [name, value] of Object.entries(FLAT)) element.style.setProperty(name, value, 'important');
}

/** Gives them back. */
function turnBack(element) {
  for (const [name, value, priority] of transforms.get(element)?.own ?? []) {
    if (value === '') element.style.removeProperty(name);
    else element.style.setProperty(name, value, priority);
  }
}

/** The elements at and below one whose transforms were taken away. */
const turnedIn = (element) => [...transforms.keys()].filter((each) => each === element || element.contains(each));

/** Every picture that the slides use, with its natural size. */
async function loadImages(slides) {
  const wanted = new Set();
  for (const slide of slides) {
    for (const element of [slide, ...slide.querySelectorAll('*')]) {
      for (const layer of pieces(getComputedStyle(element).backgroundImage)) if (layer.startsWith('url(')) wanted.add(layer.slice(4, -1).replace(/^["']|["']$/g, ''));
      if (element.localName === 'img' && element.currentSrc) wanted.add(element.currentSrc);
      if (element.localName === 'image' && element.href?.baseVal) wanted.add(new URL(element.href.baseVal, document.baseURI).href);
    }
  }
  await Promise.all(
    [...wanted].map(async (source) => {
      const image = new Image();
      image.src = source;
      try {
        await image.decode();
      } catch {
        return;
      }
      const known = { image, w: image.naturalWidth || 300, h: image.naturalHeight || 150 };
      // What presentations cannot show, or would show lying on its side, is drawn as PNG.
      if (!(await isPlain(source))) known.convert = () => converted(known, source);
      loadedImages.set(source, known);
    }),
  );
}

/** Whether a file is of a kind that presentations show as it is: PNG, GIF, or JPEG that stands upright. */
async function isPlain(source) {
  let bytes;
  try {
    bytes = new DataView(await (await fetch(source)).arrayBuffer());
  } catch {
    // What cannot be read is known by its name alone.
    return /\.(png|jpe?g|gif)([?#]|$)|^data:image\/(png|jpeg|gif)/i.test(source);
  }
  if (bytes.byteLength < 12) return false;
  const start = bytes.getUint32(0);
  if (start === 0x89504e47 || start === 0x47494638) return true;
  return start >>> 8 === 0xffd8ff && isUpright(bytes);
}

/** Whether a JPEG says nothing of being turned (Exif, tag 0x0112). */
function isUpright(bytes) {
  for (let at = 2; at + 10 < bytes.byteLength && bytes.getUint8(at) === 0xff; at += 2 + bytes.getUint16(at + 2)) {
    if (bytes.getUint8(at + 1) === 0xda) break;
    if (bytes.getUint8(at + 1) !== 0xe1 || bytes.getUint32(at + 4) !== 0x45786966) continue;
    const head = at + 10;
    const little = bytes.getUint16(head) === 0x4949;
    const list = head + bytes.getUint32(head + 4, little);
    const count = list + 2 < bytes.byteLength ? bytes.getUint16(list, little) : 0;
    for (let entry = list + 2; entry < list + 2 + 12 * count && entry + 12 <= bytes.byteLength; entry += 12) {
      if (bytes.getUint16(entry, little) === 0x0112) return bytes.getUint16(entry + 8, little) === 1;
    }
  }
  return true;
}

const conversions = new Map();
function converted(known, source) {
  if (!conversions.has(source)) {
    const vector = /\.svgz?([?#]|$)|^data:image\/svg/i.test(source);
    const scale = vector ? Math.min(4, 2048 / Math.max(known.w, known.h)) : 1;
    const canvas = document.createElement('canvas');
    canvas.width = Math.max(1, Math.round(known.w * scale));
    canvas.height = Math.max(1, Math.round(known.h * scale));
    canvas.getContext('2d').drawImage(known.image, 0, 0, canvas.width, canvas.height);
    let url = source;
    try {
      url = canvas.toDataURL('image/png');
    } catch {
      // A picture of another origin cannot be read; it is asked for by its address.
    }
    conversions.set(source, url);
  }
  return conversions.get(source);
}
