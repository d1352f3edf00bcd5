import type { App } from '$lib/state/app.svelte';
import { isComposing } from '$lib/state/composer.svelte';
import { actions, matches } from './actions';

/** Keys of the window. A key that an open dialog or an input method uses is left to it. */
export function handleKeys(app: App, event: KeyboardEvent): void {
  if (event.defaultPrevented || isComposing(event)) return;
  const inText =
    event.target instanceof HTMLElement && event.target.closest('input, textarea, [contenteditable]') !== null;
  for (const action of actions) {
    const key = action.keys.find((keys) => matches(keys, event));
    if (!key) continue;
    if (app.modal && !action.overDialogs) continue;
    if (inText && action.notInText) continue;
    if (!action.available(app)) continue;
    event.preventDefault();
    action.run(app);
    return;
  }
}
