import type { ArtifactMeta } from '$lib/ipc';
import type { I18n } from '$lib/i18n/i18n.svelte';
import { formatBytes } from './format';

/** `0:07`, `12:05`, `1:02:03`. */
export function clockWords(seconds: number): string {
  const whole = Math.max(0, Math.floor(Number.isFinite(seconds) ? seconds : 0));
  const two = (value: number) => String(value).padStart(2, '0');
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** What is known of a file, in a few words; empty if that is nothing. */
export function metaWords(meta: ArtifactMeta | undefined | null, i18n: I18n): string {
  if (!meta) return '';
  const number = (value: number) => value.toLocaleString(i18n.tag);
  switch (meta.type) {
    case 'image':
      return `${number(meta.width)} × ${number(meta.height)}`;
    case 'video':
      return [`${number(meta.width)} × ${number(meta.height)}`, meta.seconds === null ? '' : clockWords(meta.seconds)]
        .filter(Boolean)
        .join(' · ');
    case 'audio':
      return clockWords(meta.seconds);
    case 'table':
      return meta.rows === null
        ? i18n.count('meta.columns', meta.columns)
        : i18n.t('preview.tableSize', { rows: number(meta.rows), columns: number(meta.columns) });
    case 'document':
      return meta.pages === null ? '' : i18n.count('meta.pages', meta.pages);
    case 'deck':
      return i18n.count('meta.slides', meta.slides.length);
    case 'site':
      return meta.title ?? '';
    case 'archive':
      return `${i18n.count('meta.entries', meta.entries)} · ${i18n.t('meta.unpacked', { size: formatBytes(meta.unpacked, i18n.tag) })}`;
  }
}
