import type { PreviewSource, Thumbnail, Transport } from '$lib/ipc';

/** What is waited for a film to show a frame, in milliseconds. */
const MOST_WAIT = 10_000;
/** How long a frame that was sought may take to be painted. */
const PAINTING = 500;
/** CSS pixels across and down; the engine keeps no more. */
const ACROSS = 320;
const DOWN = 200;
/** Where in the film a frame is taken: the start is often black. */
const PARTS = [0.1, 0.5];
/** Mean brightness of a frame, of 255, below which another is tried. */
const DARK = 12;

/** Draws a frame of a film with the means of the window and hands it to the engine, which keeps it for the content. */
export async function drawPoster(
  transport: Transport,
  sessionId: string,
  source: PreviewSource,
): Promise<Thumbnail | null> {
  const { hash, mime } = await transport.invoke('preview_describe', { sessionId, source });
  if (hash === null) return null;
  const { token, url } = await transport.invoke('preview_open', { sessionId, source });
  try {
    const answer = await fetch(url);
    if (!answer.ok) return null;
    const bytes = await answer.blob();
    // Played from memory: the scheme of previews cannot be played from on every system.
    const png = await frameOf(bytes.type ? bytes : new Blob([bytes], { type: mime }));
    return png === null ? null : await transport.invoke('poster_keep', { sessionId, source, hash, png });
  } finally {
    void transport.invoke('preview_close', { token }).catch(() => undefined);
  }
}

/** A PNG in base64; `null` where the system cannot play the film. */
async function frameOf(film: Blob): Promise<string | null> {
  const address = URL.createObjectURL(film);
  const player = document.createElement('video');
  player.muted = true;
  player.preload = 'auto';
  player.setAttribute('aria-hidden', 'true');
  // Out of sight, but in the document: some engines decode nothing outside of it.
  Object.assign(player.style, { position: 'fixed', width: '1px', height: '1px', opacity: '0', pointerEvents: 'none' });
  document.body.append(player);
  try {
    const ready = happens(player, 'loadeddata');
    player.src = address;
    if (!(await ready) || player.videoWidth === 0) return null;
    const length = Number.isFinite(player.duration) ? player.duration : 0;
    let drawn = '';
    for (const part of PARTS) {
      if (length > 0) {
        const sought = happens(player, 'seeked');
        player.currentTime = length * part;
        if (!(await sought)) break;
      }
      await painted(player);
      const canvas = draw(player);
      drawn = canvas.url;
      if (canvas.bright >= DARK || length === 0) break;
    }
    return drawn.slice(drawn.indexOf(',') + 1) || null;
  } finally {
    player.removeAttribute('src');
    player.load();
    player.remove();
    URL.revokeObjectURL(address);
  }
}

function happens(player: HTMLVideoElement, event: 'loadeddata' | 'seeked'): Promise<boolean> {
  return new Promise((done) => {
    const timer = setTimeout(() => done(false), MOST_WAIT);
    const end = (well: boolean) => {
      clearTimeout(timer);
      done(well);
    };
    player.addEventListener(event, () => end(true), { once: true });
    player.addEventListener('error', () => end(false), { once: true });
  });
}

function painted(player: HTMLVideoElement): Promise<void> {
  return new Promise((done) => {
    setTimeout(done, PAINTING);
    player.requestVideoFrameCallback?.(() => done());
  });
}

function draw(player: HTMLVideoElement): { url: string; bright: number } {
  const scale = Math.min(1, ACROSS / player.videoWidth, DOWN / player.videoHeight);
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(player.videoWidth * scale));
  canvas.height = Math.max(1, Math.round(player.videoHeight * scale));
  const pen = canvas.getContext('2d');
  if (!pen) return { url: '', bright: 0 };
  pen.drawImage(player, 0, 0, canvas.width, canvas.height);
  const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
  let sum = 0;
  for (let at = 0; at < data.length; at += 4) sum += (data[at] ?? 0) + (data[at + 1] ?? 0) + (data[at + 2] ?? 0);
  return { url: canvas.toDataURL('image/png'), bright: sum / (3 * canvas.width * canvas.height) };
}
