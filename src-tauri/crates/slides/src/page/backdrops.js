// Boxes that blur what lies behind them or mix with it: a picture of that ground alone, under what stands in the box.

const backdrops = new Map();
const backdropOf = (style) => style.backdropFilter ?? style.webkitBackdropFilter ?? 'none';

/** Whether what an element looks like depends on what lies behind it. */
const needsGround = (style) => backdropOf(style) !== 'none' || style.mixBlendMode !== 'normal';

/** Points across and down of a box at which is looked what lies over and under it. */
const LOOKS = 9;

/** Whether blurring the ground of an element changes nothing that is seen. */
function isSmooth(element, style) {
  const { width, height } = element.getBoundingClientRect();
  return pieces(style.backgroundImage).every((layer) => {
    if (layer === 'none') return true;
    const stops = gradient(layer, width, height, 1)?.stops;
    return stops?.every((stop, index) => index === 0 || stop.at - stops[index - 1].at > 0.04 || (stop.hex === stops[index - 1].hex && stop.alpha === stops[index - 1].alpha)) ?? false;
  });
}

/** Whether an element paints something that would look otherwise when it is blurred within `box`. */
function isSeenThrough(element, blurring, box) {
  const style = getComputedStyle(element);
  if (style.visibility !== 'visible' || Number(style.opacity) < 0.004) return false;
  const own = element.getBoundingClientRect();
  const around = own.left <= box.x && own.top <= box.y && own.right >= box.x + box.w && own.bottom >= box.y + box.h;
  const words = [...element.childNodes].some((node) => {
    if (node.nodeType !== Node.TEXT_NODE || node.data.trim() === '') return false;
    const range = document.createRange();
    range.selectNodeContents(node);
    return [...range.getClientRects()].some((line) => line.left < box.x + box.w && line.right > box.x && line.top < box.y + box.h && line.bottom > box.y);
  });
  if (words || isReplaced(element) || element instanceof SVGElement) return true;
  const paints = alphaOf(style.backgroundColor) > 0.004 || style.backgroundImage !== 'none';
  const edged = ['Top', 'Right', 'Bottom', 'Left'].some((side) => px(style[`border${side}Width`]) > 0 && style[`border${side}Style`] !== 'none' && alphaOf(style[`border${side}Color`]) > 0.004) || style.boxShadow !== 'none';
  if (around || element.contains(blurring)) return paints && !isSmooth(element, style);
  return paints || edged;
}

/** Finds out what lies under and over each box that blurs its background, while all still stands as it is drawn. */
function readBackdrops(slide) {
  const found = [...slide.querySelectorAll('*')].filter((element) => needsGround(getComputedStyle(element)));
  if (found.length === 0) return;
  const rule = document.createElement('style');
  rule.textContent = `${SLIDE}, ${SLIDE} * { pointer-events: auto !important; }`;
  document.head.append(rule);
  for (const element of found) {
    // What of a slide reaches over its edge would be scrolled to, too, though nobody can.
    const scrolled = [slide, ...slide.querySelectorAll('*')].map((part) => [part, part.scrollLeft, part.scrollTop]);
    element.scrollIntoView({ block: 'center', inline: 'center', behavior: 'instant' });
    for (const [part, left, top] of scrolled) if (part.scrollLeft !== left || part.scrollTop !== top) part.scrollTo({ left, top, behavior: 'instant' });
    const box = rectOf(element);
    const over = new Set();
    let seen = getComputedStyle(element).mixBlendMode !== 'normal' || !/^(blur\([^)]*\)\s*)+$/.test(backdropOf(getComputedStyle(element)));
    for (let step = 0; step < LOOKS * LOOKS; step += 1) {
      const [across, down] = [step % LOOKS, Math.floor(step / LOOKS)];
      const pile = document.elementsFromPoint(box.x + ((across + 0.5) / LOOKS) * box.w, box.y + ((down + 0.5) / LOOKS) * box.h);
      const at = pile.indexOf(element);
      if (at < 0) continue;
      for (const above of pile.slice(0, at)) if (!element.contains(above)) over.add(above);
      const end = pile.indexOf(slide);
      seen ||= pile.slice(at + 1, end < 0 ? pile.length : end + 1).some((below) => isSeenThrough(below, element, box));
    }
    if (seen) backdrops.set(element, over);
  }
  rule.remove();
}

/** The picture of the blurred ground, or of an element mixed with it, which reaches no further than the slide. */
function backdropItem(element, rect, state, flow, report, why = null) {
  const points = [[rect.x, rect.y], [rect.x + rect.w, rect.y], [rect.x, rect.y + rect.h], [rect.x + rect.w, rect.y + rect.h]].map(([x, y]) => state.matrix.transformPoint(new DOMPoint(x, y)));
  const box = withinSlide(points, rectOf(state.slide));
  if (!box) return;
  report.pictures.push({ what: describe(element), why: why ?? 'blurred background' });
  emit({ kind: 'picture', ...box, form: { type: 'rect' }, crop: [0, 0, 0, 0], source: shotOf(element, why ? 'blended' : 'backdrop'), alpha: 1, alt: element.getAttribute('alt') ?? '' }, { ...state, matrix: new DOMMatrix() }, flow);
}

/** The box around points as far as it lies on a slide; `null` if none of it does. */
function withinSlide(points, slide) {
  const x = Math.max(slide.x, Math.min(...points.map((point) => point.x)));
  const y = Math.max(slide.y, Math.min(...points.map((point) => point.y)));
  const w = Math.min(slide.x + slide.w, Math.max(...points.map((point) => point.x))) - x;
  const h = Math.min(slide.y + slide.h, Math.max(...points.map((point) => point.y))) - y;
  return w > 0.5 && h > 0.5 ? { x, y, w, h } : null;
}

/** Shows what lies behind an element, and neither what lies over it nor what stands in it; gives its box. Its own box is seen only if it mixes with that ground. */
function showBackdrop(element, rule, isMixed) {
  const hidden = ['[data-okcvm-glass] *', '[data-okcvm-over]', '[data-okcvm-over] *'].join(', ');
  rule.textContent = `${hidden} { visibility: hidden !important; } [data-okcvm-glass] { ${isMixed ? '' : 'background: none !important; border-color: transparent !important; box-shadow: none !important; outline-color: transparent !important;'} ${NO_LETTERS} }`;
  document.head.append(rule);
  element.dataset.okcvmGlass = '';
  for (const above of backdrops.get(element)) above.dataset.okcvmOver = '';
  for (const turned of transforms.keys()) turnBack(turned);
  const { x, y, w, h } = rectOf(element);
  const box = withinSlide([{ x, y }, { x: x + w, y: y + h }], rectOf(element.closest(SLIDE))) ?? { x, y, w: 1, h: 1 };
  return { x: box.x + window.scrollX, y: box.y + window.scrollY, w: box.w, h: box.h };
}

function hideBackdrop() {
  const glass = document.querySelector('[data-okcvm-glass]');
  if (!glass) return;
  delete glass.dataset.okcvmGlass;
  for (const above of document.querySelectorAll('[data-okcvm-over]')) delete above.dataset.okcvmOver;
  for (const turned of transforms.keys()) layFlat(turned);
}
