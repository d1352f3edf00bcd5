export const isMac = typeof navigator !== 'undefined' && /mac/i.test(navigator.platform);

/** Keys as people write them on this system; `Mod` is Ctrl, on macOS Cmd. */
export function showKeys(keys: string): string {
  return keys
    .split('+')
    .map((part) => {
      if (part === 'Mod') return isMac ? '⌘' : 'Ctrl';
      if (part === 'Shift' && isMac) return '⇧';
      return part === 'Escape' ? 'Esc' : part;
    })
    .join(isMac ? '' : '+');
}
