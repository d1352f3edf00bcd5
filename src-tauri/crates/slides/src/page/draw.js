// Draws what was measured, from the items alone, and compares it with the page: what the items lack is seen here.

const COMPARED = { w: 256, h: 144 };

function canvasOf(w, h) {
  const canvas = document.createElement('canvas');
  canvas.width = w;
  canvas.height = h;
  return canvas;
}

const css = ({ hex, alpha }) => `rgba(${[0, 2, 4].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)).join(',')},${alpha})`;

function paintOf(pen, fill, w, h) {
  if (fill.type === 'solid') return css(fill);
  let shade;
  if (fill.type === 'linear') {
    const turn = (fill.angle * Math.PI) / 180;
    const half = (Math.abs(w * Math.cos(turn)) + Math.abs(h * Math.sin(turn))) / 2;
    shade = pen.createLinearGradient(w / 2 - Math.cos(turn) * half, h / 2 - Math.sin(turn) * half, w / 2 + Math.cos(turn) * half, h / 2 + Math.sin(turn) * half);
  } else {
    const [x, y] = [fill.centre[0] * w, fill.centre[1] * h];
    shade = pen.createRadialGradient(x, y, 0, x, y, Math.max(0.1, (fill.radii[0] * w + fill.radii[1] * h) / 2));
  }
  for (const stop of fill.stops) shade.addColorStop(clamp(stop.at, 0, 1), css(stop));
  return shade;
}

function tracePath(pen, form, w, h, around = 0) {
  pen.beginPath();
  if (around > 0) pen.rect(-around, -around, w + 2 * around, h + 2 * around);
  if (form.type === 'ellipse') pen.ellipse(w / 2, h / 2, w / 2, h / 2, 0, 0, 2 * Math.PI);
  else if (form.type === 'round') pen.roundRect(0, 0, w, h, Math.min(form.radius, w / 2, h / 2));
  else if (form.type === 'roundTwo') pen.roundRect(0, 0, w, h, [form.top, form.top, form.bottom, form.bottom]);
  else if (form.type === 'path') {
    for (const [command, ...numbers] of form.commands) {
      if (command === 'M') pen.moveTo(...numbers);
      else if (command === 'L') pen.lineTo(...numbers);
      else if (command === 'C') pen.bezierCurveTo(...numbers);
      else pen.closePath();
    }
  } else pen.rect(0, 0, w, h);
}

function drawShape(pen, item) {
  tracePath(pen, item.form, item.w, item.h);
  if (item.fill) {
    if (item.shadow) {
      pen.shadowColor = css(item.shadow);
      pen.shadowBlur = item.shadow.blur / 2;
      pen.shadowOffsetX = item.shadow.x / 2;
      pen.shadowOffsetY = item.shadow.y / 2;
    }
    pen.fillStyle = paintOf(pen, item.fill, item.w, item.h);
    pen.fill(item.form.type === 'path' ? 'evenodd' : 'nonzero');
    pen.shadowColor = 'transparent';
  }
  if (item.inner) {
    // The shadow of a frame around the form falls into it.
    pen.save();
    tracePath(pen, item.form, item.w, item.h);
    pen.clip('evenodd');
    pen.shadowColor = css(item.inner);
    pen.shadowBlur = (item.inner.blur + item.inner.spread) / 2;
    pen.shadowOffsetX = item.inner.x / 2;
    pen.shadowOffsetY = item.inner.y / 2;
    tracePath(pen, item.form, item.w, item.h, 200);
    pen.fillStyle = '#000';
    pen.fill('evenodd');
    pen.restore();
    tracePath(pen, item.form, item.w, item.h);
  }
  if (item.line?.width > 0) {
    pen.strokeStyle = css({ hex: item.line.hex, alpha: item.line.alpha });
    pen.lineWidth = item.line.width;
    pen.lineCap = item.line.cap ?? 'butt';
    if (item.line.pattern) pen.setLineDash(item.line.pattern.map((length) => length * item.line.width));
    pen.stroke();
  }
}

function drawPicture(pen, item, page, origin) {
  tracePath(pen, item.form, item.w, item.h);
  pen.clip();
  pen.globalAlpha = item.alpha;
  const image = pictureOf(item.source);
  if (image) {
    const [w, h] = [image.naturalWidth || image.width, image.naturalHeight || image.height];
    const [left, top, right, bottom] = item.crop;
    pen.drawImage(image, left * w, top * h, Math.max(1, (1 - left - right) * w), Math.max(1, (1 - top - bottom) * h), 0, 0, item.w, item.h);
  } else if (/^(shot|data):/.test(String(item.source))) {
    // A picture of the page, or of a drawing in it, is what the page shows.
    pen.drawImage(page, (item.x / origin.w) * page.width, (item.y / origin.h) * page.height, (item.w / origin.w) * page.width, (item.h / origin.h) * page.height, 0, 0, item.w, item.h);
  }
}

/** The loaded picture behind an address that an item names. */
function pictureOf(source) {
  const known = loadedImages.get(source);
  if (known) return known.image;
  for (const [original, url] of conversions) if (url === source) return loadedImages.get(original)?.image;
  return null;
}

function drawParagraphs(pen, paragraphs, w, top, from = 0, to = w) {
  let y = top;
  const height = paragraphs.reduce((sum, paragraph) => sum + (paragraph.before ?? 0) + paragraph.pitch * paragraph.rows, 0);
  for (const paragraph of paragraphs) {
    pen.direction = paragraph.rtl ? 'rtl' : 'ltr';
    pen.textAlign = 'left';
    y += paragraph.before ?? 0;
    const lines = [[]];
    for (const run of paragraph.runs) {
      if (run.break) lines.push([]);
      else lines.at(-1).push(run);
    }
    lines.forEach((runs, index) => {
      y += paragraph.pitch;
      const widths = runs.map((run) => {
        setFont(pen, run);
        return pen.measureText(shownText(run)).width;
      });
      const total = widths.reduce((sum, width) => sum + width, 0);
      const margin = (paragraph.margin ?? 0) + (index === 0 && !paragraph.marker ? (paragraph.first ?? 0) : 0);
      let x = { center: from + (to - from - total) / 2, right: to - total }[paragraph.align] ?? from + margin;
      const base = y - (paragraph.descent ?? paragraph.pitch * BELOW);
      // A marker that is a picture is not among what is drawn here.
      if (index === 0 && paragraph.marker && !paragraph.marker.picture) {
        const { marker } = paragraph;
        setFont(pen, { ...runs[0], size: marker.size });
        pen.fillStyle = css(marker);
        pen.fillText(marker.char ?? `${marker.start}.`, from + (paragraph.margin ?? 0) + (paragraph.first ?? 0), base);
      }
      // From the right to the left the first run is the last one across.
      if (paragraph.rtl) x += total;
      runs.forEach((run, at) => {
        setFont(pen, run);
        if (paragraph.rtl) x -= widths[at];
        const raise = (run.raise ?? 0) * (run.mainSize ?? run.size);
        if (run.highlight) {
          pen.fillStyle = css(run.highlight);
          pen.fillRect(x, base - run.size, widths[at], run.size * 1.2);
        }
        pen.fillStyle = run.gradient ? paintOf(pen, run.gradient, w, top + height) : css(run);
        pen.fillText(shownText(run), x, base - raise);
        if (run.underline) pen.fillRect(x, base + run.size * 0.1, widths[at], Math.max(1, run.size / 16));
        if (run.strike) pen.fillRect(x, base - run.size * 0.3, widths[at], Math.max(1, run.size / 16));
        if (!paragraph.rtl) x += widths[at];
      });
    });
  }
}

const shownText = (run) => (run.caps === 'all' ? run.text.toUpperCase() : run.text);

function setFont(pen, run) {
  pen.font = `${run.italic ? 'italic ' : ''}${run.bold ? 700 : 400} ${run.size}px "${run.latin}", "${run.eastAsian}"`;
  pen.letterSpacing = `${run.spacing ?? 0}px`;
}

function drawText(pen, item) {
  if (item.box) {
    drawShape(pen, { ...item, ...item.box });
    const [across, down] = ownInset(item.box.form, item.w, item.h);
    return drawParagraphs(pen, item.paragraphs, item.w, item.edges.top + down, item.edges.left + across, item.w - item.edges.right - across);
  }
  if (!item.vertical) return drawParagraphs(pen, item.paragraphs, item.w, 0);
  const [paragraph] = item.paragraphs;
  let x = item.w - paragraph.pitch / 2;
  let y = 0;
  for (const run of paragraph.runs) {
    if (run.break) {
      x -= paragraph.pitch;
      y = 0;
      continue;
    }
    setFont(pen, run);
    pen.fillStyle = css(run);
    pen.textAlign = 'center';
    for (const { segment } of graphemes.segment(run.text)) {
      pen.fillText(segment, x, y + run.size * 0.88);
      y += run.size + (run.spacing ?? 0);
    }
  }
  return undefined;
}

function drawTable(pen, item) {
  const edge = (sizes, at) => sizes.slice(0, at).reduce((sum, size) => sum + size, 0);
  for (const cell of item.cells) {
    const [x, y] = [edge(item.columns, cell.column), edge(item.rows, cell.row)];
    const [w, h] = [edge(item.columns, cell.column + cell.columns) - x, edge(item.rows, cell.row + cell.rows) - y];
    pen.save();
    pen.translate(x, y);
    if (cell.fill) {
      pen.fillStyle = paintOf(pen, cell.fill, w, h);
      pen.fillRect(0, 0, w, h);
    }
    const { left, right, top, bottom } = cell.borders;
    for (const [side, bx, by, bw, bh] of [[left, -left.width / 2, 0, left.width, h], [right, w - right.width / 2, 0, right.width, h], [top, 0, -top.width / 2, w, top.width], [bottom, 0, h - bottom.width / 2, w, bottom.width]]) {
      if (!(side.width > 0)) continue;
      pen.fillStyle = css(side);
      pen.fillRect(bx, by, bw, bh);
    }
    const height = cell.paragraphs.reduce((sum, paragraph) => sum + (paragraph.before ?? 0) + paragraph.pitch * paragraph.rows, 0);
    const room = h - cell.padding.top - cell.padding.bottom - height;
    const start = cell.padding.top + { top: 0, bottom: room }[cell.anchor] || cell.padding.top + (cell.anchor === 'middle' ? room / 2 : 0);
    drawParagraphs(pen, cell.paragraphs, w, start, cell.padding.left, w - cell.padding.right);
    pen.restore();
  }
}

/** A slide drawn from its items, at the size at which it is compared. */
function drawnSlide(slide, page) {
  const canvas = canvasOf(COMPARED.w * 2, COMPARED.h * 2);
  const pen = canvas.getContext('2d');
  pen.scale(canvas.width / slide.width, canvas.height / slide.height);
  pen.fillStyle = slide.background ? paintOf(pen, slide.background, slide.width, slide.height) : '#fff';
  pen.fillRect(0, 0, slide.width, slide.height);
  for (const item of slide.items) {
    pen.save();
    pen.translate(item.x + item.w / 2, item.y + item.h / 2);
    pen.rotate(((item.rotation ?? 0) * Math.PI) / 180);
    if (item.flip) pen.scale(-1, 1);
    pen.translate(-item.w / 2, -item.h / 2);
    if (item.kind === 'shape') drawShape(pen, item);
    else if (item.kind === 'picture') drawPicture(pen, item, page, { w: slide.width, h: slide.height });
    else if (item.kind === 'text') drawText(pen, item);
    else drawTable(pen, item);
    pen.restore();
  }
  return canvas;
}

/** The pixels of a picture brought to a size. */
function pixelsOf(source, { w, h }) {
  const canvas = canvasOf(w, h);
  const pen = canvas.getContext('2d', { willReadFrequently: true });
  // What neither page nor slide paints is white.
  pen.fillStyle = '#fff';
  pen.fillRect(0, 0, w, h);
  pen.imageSmoothingQuality = 'high';
  pen.drawImage(source, 0, 0, w, h);
  return pen.getImageData(0, 0, w, h).data;
}

function greyOf(source) {
  const data = pixelsOf(source, COMPARED);
  const grey = new Float64Array(COMPARED.w * COMPARED.h);
  for (let at = 0; at < grey.length; at += 1) grey[at] = 0.299 * data[4 * at] + 0.587 * data[4 * at + 1] + 0.114 * data[4 * at + 2];
  return grey;
}

/** Patches in which colours are compared; in one, letters that stand a little apart are equally dark. */
const PATCHES = { w: 66, h: 36 };
/** How far a channel of a patch may be off, of 255, and what part of an area's patches. */
const OFF = 28;
const MANY = 0.04;
const AREAS = [['upper left', 'top', 'upper right'], ['left', 'middle', 'right'], ['lower left', 'bottom', 'lower right']];

const isShot = (item) => item.kind === 'picture' && /^(shot|data):/.test(String(item.source));
const isThin = ({ fill }) => fill && (fill.stops ?? [fill]).some(({ alpha }) => alpha < 0.99);

/** Where a picture that was taken of the page shows what stands over it, which is drawn once more there. */
function drawnTwice(slide) {
  const twice = [];
  slide.items.forEach((item, index) => {
    if (!isShot(item)) return;
    for (const other of slide.items.slice(index + 1)) {
      if (!isShot(other) && !isThin(other) && !isThin(other.box ?? {})) continue;
      const [x, y] = [Math.max(item.x, other.x), Math.max(item.y, other.y)];
      const [right, bottom] = [Math.min(item.x + item.w, other.x + other.w), Math.min(item.y + item.h, other.y + other.h)];
      if (right > x && bottom > y) twice.push({ x, y, right, bottom });
    }
  });
  return twice;
}

/** The ninths of a slide where its colours are others than the page's, in words, the worst first: what is missing there would be seen. */
function strangeAreas(page, drawn, slide) {
  const twice = drawnTwice(slide);
  const [across, down] = [slide.width / PATCHES.w, slide.height / PATCHES.h];
  const isKnown = (x, y) => twice.every((box) => (x + 1) * across < box.x || x * across > box.right || (y + 1) * down < box.y || y * down > box.bottom);
  const [one, other] = [page, drawn].map((source) => pixelsOf(source, PATCHES));
  // What is only moved a little has its colours in a patch beside it.
  const isOff = (x, y) => [0, 1, 2].some((channel) => {
    const near = [];
    for (let beside = Math.max(0, y - 1); beside <= Math.min(PATCHES.h - 1, y + 1); beside += 1) {
      for (let at = Math.max(0, x - 1); at <= Math.min(PATCHES.w - 1, x + 1); at += 1) near.push(other[4 * (beside * PATCHES.w + at) + channel]);
    }
    const shown = one[4 * (y * PATCHES.w + x) + channel];
    return shown < Math.min(...near) - OFF || shown > Math.max(...near) + OFF;
  });
  const shares = [];
  const [wide, high] = [PATCHES.w / 3, PATCHES.h / 3];
  AREAS.forEach((names, row) => names.forEach((name, column) => {
    let off = 0;
    for (let y = row * high; y < (row + 1) * high; y += 1) {
      for (let x = column * wide; x < (column + 1) * wide; x += 1) {
        if (isOff(x, y) && isKnown(x, y)) off += 1;
      }
    }
    shares.push({ name, share: off / (wide * high) });
  }));
  return shares.filter(({ share }) => share > MANY).sort((a, b) => b.share - a.share).map(({ name }) => name);
}

/** The mean structural similarity of two grey pictures, over windows of eight by eight (Wang and others, 2004). */
function structuralSimilarity(one, other) {
  const [c1, c2] = [(0.01 * 255) ** 2, (0.03 * 255) ** 2];
  const size = 8;
  let [sum, count] = [0, 0];
  for (let top = 0; top + size <= COMPARED.h; top += 4) {
    for (let left = 0; left + size <= COMPARED.w; left += 4) {
      let [a, b, aa, bb, ab] = [0, 0, 0, 0, 0];
      for (let y = top; y < top + size; y += 1) {
        for (let x = left; x < left + size; x += 1) {
          const [p, q] = [one[y * COMPARED.w + x], other[y * COMPARED.w + x]];
          a += p;
          b += q;
          aa += p * p;
          bb += q * q;
          ab += p * q;
        }
      }
      const n = size * size;
      const [ma, mb] = [a / n, b / n];
      const [va, vb, cov] = [aa / n - ma * ma, bb / n - mb * mb, ab / n - ma * mb];
      sum += ((2 * ma * mb + c1) * (2 * cov + c2)) / ((ma * ma + mb * mb + c1) * (va + vb + c2));
      count += 1;
    }
  }
  return sum / count;
}

/** How alike a slide's items are to a picture of it, `url`: `alike`, 1 is the same, and the areas where it plainly is not. */
async function similarityOf(slide, url) {
  const page = new Image();
  page.src = url;
  await page.decode();
  const drawn = drawnSlide(slide, page);
  return { alike: tidy(structuralSimilarity(greyOf(page), greyOf(drawn))), strange: strangeAreas(page, drawn, slide) };
}
