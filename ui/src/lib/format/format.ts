/** Numbers for people. `locale` is a BCP 47 tag. */

const SIZE_UNITS = ['B', 'KB', 'MB', 'GB', 'TB'] as const;

export function formatBytes(bytes: number, locale: string): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < SIZE_UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${value.toLocaleString(locale, { maximumFractionDigits: digits })} ${SIZE_UNITS[unit]}`;
}

/** `840 ms`, `3.2 s`, `2 min 05 s`. */
export function formatDuration(milliseconds: number, locale: string): string {
  const ms = Math.max(0, milliseconds);
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 60) return `${seconds.toLocaleString(locale, { maximumFractionDigits: seconds < 10 ? 1 : 0 })} s`;
  const minutes = Math.floor(seconds / 60);
  const rest = Math.floor(seconds % 60);
  if (minutes < 60) return `${minutes} min ${String(rest).padStart(2, '0')} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}

export function formatNumber(value: number, locale: string): string {
  return value.toLocaleString(locale);
}

export function formatCost(value: number, currency: string | null, locale: string): string {
  const digits = value !== 0 && Math.abs(value) < 0.01 ? 5 : 2;
  const amount = value.toLocaleString(locale, { minimumFractionDigits: 2, maximumFractionDigits: digits });
  return currency ? `${amount} ${currency}` : amount;
}

export function formatTime(at: number, locale: string): string {
  return new Date(at).toLocaleTimeString(locale, { hour: '2-digit', minute: '2-digit' });
}

export function formatDateTime(at: number, locale: string): string {
  return new Date(at).toLocaleString(locale, { dateStyle: 'medium', timeStyle: 'short' });
}

/** The time today, the weekday this week, the date before. */
export function formatWhen(at: number, now: number, locale: string): string {
  const date = new Date(at);
  const today = new Date(now);
  if (date.toDateString() === today.toDateString()) return formatTime(at, locale);
  if (now - at < 6 * 86_400_000) return date.toLocaleDateString(locale, { weekday: 'short' });
  const sameYear = date.getFullYear() === today.getFullYear();
  return date.toLocaleDateString(
    locale,
    sameYear ? { day: 'numeric', month: 'short' } : { day: 'numeric', month: 'short', year: 'numeric' },
  );
}

/** Last part of a path with either kind of slash. */
export function baseName(path: string): string {
  const parts = path.split(/[/\\]/).filter(Boolean);
  return parts.at(-1) ?? path;
}

export function extension(path: string): string {
  const name = baseName(path);
  const dot = name.lastIndexOf('.');
  return dot > 0 ? name.slice(dot + 1).toLowerCase() : '';
}
