import type { MessageKey } from '$lib/i18n/en';
import { isMac } from '$lib/format/keys';
import type { App } from '$lib/state/app.svelte';
import { panelTabs } from '$lib/state/layout.svelte';

/** Something that the palette offers and a key does. */
export interface Action {
  id: string;
  label: MessageKey;
  /** `Mod` is Ctrl, on macOS Cmd. */
  keys: string[];
  /** The key belongs to an input while one has the focus. */
  notInText?: boolean;
  overDialogs?: boolean;
  available: (app: App) => boolean;
  run: (app: App) => void;
}

const always = () => true;
const withSession = (app: App) => app.session !== null;
const writable = (app: App) => app.session !== null && !app.session.readOnly;
const running = (app: App) => app.session?.running ?? false;
const idle = (app: App) => writable(app) && !running(app);

export const actions: Action[] = [
  {
    id: 'palette',
    label: 'action.palette',
    keys: ['Mod+K'],
    available: always,
    run: (app) => (app.modal = { type: 'palette' }),
  },
  { id: 'newSession', label: 'sessions.new', keys: ['Mod+N'], available: always, run: (app) => void app.newSession() },
  {
    id: 'newInFolder',
    label: 'sessions.newInFolder',
    keys: ['Mod+Shift+N'],
    available: always,
    run: (app) => void app.newSessionInFolder(),
  },
  {
    id: 'focusComposer',
    label: 'action.focusComposer',
    keys: ['Mod+L'],
    available: always,
    run: (app) => app.composer.focus(),
  },
  { id: 'send', label: 'composer.send', keys: ['Mod+Enter'], available: always, run: (app) => void app.turns.send() },
  {
    id: 'stop',
    label: 'composer.stop',
    keys: ['Escape', 'Mod+.'],
    available: running,
    run: (app) => void app.turns.stop(),
  },
  ...(['plan', 'ask', 'auto'] as const).map((mode) => ({
    id: `mode-${mode}`,
    label: `action.mode.${mode}` as const,
    keys: [],
    available: writable,
    run: (app: App) => void app.permissions.setMode(mode),
  })),
  {
    id: 'steer',
    label: 'composer.steer',
    keys: ['Mod+Shift+Enter'],
    available: running,
    run: (app) => void app.turns.steer(),
  },
  {
    id: 'continue',
    label: 'conversation.continue',
    keys: [],
    available: (app) => idle(app) && app.session?.lastTurn?.error !== null && app.session?.lastTurn !== null,
    run: (app) => void app.turns.goOn(),
  },
  {
    id: 'regenerate',
    label: 'conversation.regenerate',
    keys: [],
    available: (app) => idle(app) && app.session?.lastTurn !== null,
    run: (app) => {
      const node = app.session?.lastTurn?.node.id;
      if (node) void app.turns.retry(node);
    },
  },
  {
    id: 'attach',
    label: 'composer.attach',
    keys: ['Mod+O'],
    available: (app) => !app.session?.readOnly,
    run: (app) => void app.pickFiles(),
  },
  ...panelTabs.map((tab, index): Action => ({
    id: `tab-${tab}`,
    label: `action.tab.${tab}`,
    keys: [`Mod+${index + 1}`],
    available: always,
    run: (app) => app.layout.showTab(tab),
  })),
  {
    id: 'undoRestore',
    label: 'action.undoRestore',
    keys: ['Mod+Z'],
    notInText: true,
    available: (app) => idle(app) && app.session?.undo.undo !== null,
    run: (app) => void app.moves.undo(),
  },
  {
    id: 'redoRestore',
    label: 'action.redoRestore',
    keys: ['Mod+Shift+Z'],
    notInText: true,
    available: (app) => idle(app) && app.session?.undo.redo !== null,
    run: (app) => void app.moves.redo(),
  },
  {
    id: 'reload',
    label: 'preview.reload',
    keys: ['Mod+R'],
    available: withSession,
    run: (app) => app.preview.reload(),
  },
  {
    id: 'sidebar',
    label: 'action.sidebar',
    keys: ['Mod+B'],
    available: always,
    run: (app) => app.layout.toggleSidebar(),
  },
  { id: 'panel', label: 'action.panel', keys: ['Mod+J'], available: always, run: (app) => app.layout.togglePanel() },
  { id: 'settings', label: 'settings.title', keys: ['Mod+,'], available: always, run: (app) => app.openSettings() },
  { id: 'logs', label: 'action.logs', keys: [], available: always, run: (app) => app.openSettings('logs') },
  {
    id: 'shortcuts',
    label: 'shortcuts.title',
    keys: ['F1', 'Mod+/'],
    available: always,
    run: (app) => (app.modal = { type: 'shortcuts' }),
  },
];

/** Whether a key press is the named one. */
export function matches(keys: string, event: KeyboardEvent): boolean {
  const parts = keys.split('+');
  const key = parts.at(-1) ?? '';
  const mod = isMac ? event.metaKey : event.ctrlKey;
  return (
    mod === parts.includes('Mod') &&
    event.shiftKey === parts.includes('Shift') &&
    !event.altKey &&
    event.key.toLowerCase() === key.toLowerCase()
  );
}
