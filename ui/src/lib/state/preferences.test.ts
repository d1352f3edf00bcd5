import { describe, expect, it } from 'vitest';
import type { Settings } from '$lib/ipc';
import { settings as initial } from '$lib/ipc/mock/fixtures';
import { ScriptedTransport } from '../../../tests/support';
import { Preferences } from './preferences.svelte';

const mine = { ...initial.profiles[0]!, id: 'mine', name: 'Mine' };

/** An engine whose keychain answers when it is told to. */
function setup() {
  let kept: Settings = { ...initial, firstRunDone: false };
  const waiting: (() => void)[] = [];
  const response = () => ({ settings: kept, path: '', problem: null });
  const transport = new ScriptedTransport({
    settings_get: response,
    settings_save: ({ settings }) => {
      kept = settings;
      return response();
    },
    app_info: () => ({}) as never,
    secret_status: async () => {
      await new Promise<void>((done) => waiting.push(done));
      return { keys: [] } as never;
    },
  });
  const preferences = new Preferences(transport);
  /** The keychain answers who waits the longest. */
  const answer = async () => {
    waiting.shift()?.();
    await new Promise((done) => setTimeout(done));
  };
  return { preferences, answer, write: (change: Partial<Settings>) => (kept = { ...kept, ...change }) };
}

describe('preferences', () => {
  it('are not put back by an answer from before a save', async () => {
    const { preferences, answer } = setup();
    const first = preferences.load();
    await answer();
    await first;
    const slow = preferences.load();
    await new Promise((done) => setTimeout(done));
    await preferences.saveProfile(mine);
    await answer();
    expect(preferences.profile('mine')).toEqual(mine);
    await preferences.save({ defaultProfile: 'mine', firstRunDone: true });
    await answer();
    await answer();
    await slow;
    expect(preferences.settings).toMatchObject({ defaultProfile: 'mine', firstRunDone: true });
    expect(preferences.profile('mine')).toEqual(mine);
  });

  it('show what another program wrote', async () => {
    const { preferences, answer, write } = setup();
    const first = preferences.load();
    await answer();
    await first;
    write({ stallSeconds: 7 });
    const again = preferences.load();
    await answer();
    await again;
    expect(preferences.settings?.stallSeconds).toBe(7);
  });
});
