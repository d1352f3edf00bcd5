import deckScript from '../../../../../src-tauri/crates/preview/src/deck.js?raw';
import pageScript from '../../../../../src-tauri/crates/preview/src/injected.js?raw';
import type { ArtifactMeta, Deployment, FileFacts, PreviewSource, TableHandle } from '../generated/protocol';
import { CommandError, type CommandName, type Params, type Response } from '../transport';
import * as fixtures from './fixtures';
import * as files from './previewFiles';

type Some<C extends CommandName> = { [K in C]: (params: Params<K>) => Response<K> | Promise<Response<K>> };

/** The commands that look at what a session holds. */
export type PreviewCommands = Some<
  | 'preview_open'
  | 'preview_close'
  | 'preview_warm'
  | 'preview_describe'
  | 'preview_read'
  | 'table_open'
  | 'table_rows'
  | 'table_close'
  | 'archive_list'
  | 'thumbnail_get'
  | 'poster_keep'
  | 'slide_picture_get'
  | 'slide_pictures_stop'
  | 'pptx_pdf'
>;

interface World {
  deployments: (sessionId: string) => Deployment[];
  /** How many nodes stand before this one on the shown path. */
  age: (sessionId: string, nodeId: string) => number;
  indexed: (event: { id: string; rows: number; bytes: number; size: number; done: boolean }) => void;
  /** This machine has no office program. */
  noOffice: boolean;
}

const LARGE_ROWS = 1_200_000;
const wait = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Facts and files of a session, in memory. */
export function previews({ deployments, age, indexed, noOffice }: World): PreviewCommands {
  const large = new Map<string, string>();

  function pathOf(sessionId: string, source: PreviewSource): string {
    if (source.type !== 'deployment') return source.path;
    return `${deployments(sessionId).find(({ id }) => id === source.id)?.folder ?? ''}/index.html`;
  }
  /** A page says how old it is. */
  function page(html: string, sessionId: string, source: PreviewSource): string {
    const old = source.type === 'snapshot' ? `<!-- ${age(sessionId, source.nodeId)} -->` : '';
    const script = pageScript.replaceAll('__SITE__', 'preview://localhost/mock/').replaceAll('__LINES__', '0');
    const tint =
      source.type === 'snapshot'
        ? `<style>body{filter:hue-rotate(${40 * age(sessionId, source.nodeId)}deg)}</style>`
        : '';
    return `data:text/html;charset=utf-8,${encodeURIComponent(`<script>${script}${deckScript}</script>${old}${html}${tint}`)}`;
  }

  return {
    preview_open: ({ sessionId, source }) => {
      const path = pathOf(sessionId, source);
      const file = files.sample(path);
      const token = fixtures.newId();
      if (file?.url) return { token, url: file.url() };
      if (file?.text !== undefined && path.endsWith('.ipynb')) {
        return { token, url: `data:application/json;charset=utf-8,${encodeURIComponent(file.text)}` };
      }
      return { token, url: page(file?.text ?? fixtures.SITE_HTML, sessionId, source) };
    },
    preview_close: () => ({}),
    preview_warm: () => ({}),
    preview_describe: ({ sessionId, source }): FileFacts => {
      const path = pathOf(sessionId, source);
      if (source.type === 'snapshot' && path.includes('new')) {
        throw new CommandError({ code: 'notFound', message: `${path} is not in that snapshot.` });
      }
      const file = files.sample(path) ?? { text: textOf(path) };
      const text = file.text;
      return {
        path,
        mime: file.mime ?? 'text/plain',
        size: file.size ?? text?.length ?? 0,
        modifiedAt: Date.now() - 60_000,
        hash: file.size !== undefined && file.size > 64e6 ? null : `${path}-1`,
        kind: file.kind ?? 'file',
        meta: file.meta ?? null,
        head: file.head ?? hexOf(text?.slice(0, 512) ?? ''),
        text: text !== undefined,
        problem: file.problem ?? null,
      };
    },
    preview_read: ({ sessionId, source, maxBytes }) => {
      const path = pathOf(sessionId, source);
      const text = files.sample(path)?.text ?? textOf(path);
      return {
        path,
        mime: 'text/plain',
        size: text.length,
        text: text.slice(0, maxBytes),
        truncated: maxBytes < text.length,
        hash: `${path}-1`,
      };
    },
    table_open: ({ source, sessionId, sheet }): TableHandle => {
      const path = pathOf(sessionId, source);
      const id = fixtures.newId();
      large.set(id, path);
      if (path.includes('large')) {
        void (async () => {
          for (let step = 1; step <= 10; step += 1) {
            await wait(150);
            const part = step / 10;
            indexed({ id, rows: LARGE_ROWS * part, bytes: 96e6 * part, size: 96e6, done: step === 10 });
          }
        })();
        return {
          id,
          names: files.LARGE_NAMES,
          first: Array.from({ length: 200 }, (_, row) => files.largeRow(row)),
          rows: null,
          sheets: [],
          sheet: '',
          size: 96e6,
          notes: [],
        };
      }
      const [names = [], ...rows] = fixtures.SALES_CSV.trim()
        .split('\n')
        .map((line) => line.split(','));
      const sheets = path.endsWith('.xlsx') ? ['Sales', '客户', 'Notes'] : [];
      return {
        id,
        names,
        first: rows.slice(0, 200),
        rows: rows.length,
        sheets,
        sheet: sheet ?? sheets[0] ?? '',
        size: fixtures.SALES_CSV.length,
        notes: [],
      };
    },
    table_rows: ({ id, from, count }) => {
      const rows = large.get(id)?.includes('large')
        ? Array.from({ length: Math.max(0, Math.min(count, LARGE_ROWS - from)) }, (_, row) =>
            files.largeRow(from + row),
          )
        : fixtures.SALES_CSV.trim()
            .split('\n')
            .slice(1 + from, 1 + from + count)
            .map((line) => line.split(','));
      return { from, rows, total: null };
    },
    table_close: () => ({}),
    archive_list: () => files.archive,
    thumbnail_get: ({ source, sessionId }) => {
      const url = files.sample(pathOf(sessionId, source))?.thumbnail?.() ?? null;
      return {
        url,
        width: url ? 64 : 0,
        height: url ? 40 : 0,
        reason: url ? null : 'There is no picture of this kind.',
        wantsPoster: false,
      };
    },
    poster_keep: ({ png }) => ({
      url: `data:image/png;base64,${png}`,
      width: 320,
      height: 180,
      reason: null,
      wantsPoster: false,
    }),
    slide_picture_get: async ({ slide }) => {
      await wait(80 * (slide + 1));
      const picture = `<svg xmlns="http://www.w3.org/2000/svg" width="320" height="180"><rect width="320" height="180" fill="#f4f1ea"/><rect x="24" y="28" width="180" height="18" fill="hsl(${(slide * 47) % 360} 40% 40%)"/><rect x="24" y="64" width="272" height="8" fill="#bbb"/><rect x="24" y="82" width="220" height="8" fill="#ccc"/></svg>`;
      return {
        url: `data:image/svg+xml,${encodeURIComponent(picture)}`,
        width: 320,
        height: 180,
        reason: null,
        wantsPoster: false,
      };
    },
    slide_pictures_stop: () => ({}),
    pptx_pdf: async () => {
      await wait(600);
      if (noOffice) {
        throw new CommandError({
          message: 'Slides are drawn by LibreOffice, which is not installed.',
          hint: 'Install it, for example by: sudo apt install libreoffice-impress',
        });
      }
      return { token: fixtures.newId(), url: files.pdfUrl() };
    },
  };
}

function textOf(path: string): string {
  if (path.endsWith('.csv')) return fixtures.SALES_CSV;
  if (path.endsWith('.js')) return fixtures.APP_JS;
  return path.endsWith('.md') ? fixtures.README_MD : fixtures.SITE_HTML;
}

function hexOf(text: string): string {
  return [...new TextEncoder().encode(text)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

export type { ArtifactMeta };
