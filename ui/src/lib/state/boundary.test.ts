import { describe, expect, it } from 'vitest';
import type { Contact, ProcessInfo, Transport } from '$lib/ipc';
import { NetworkState } from './network.svelte';
import { ProcessesState } from './processes.svelte';

const process = (id: string): ProcessInfo => ({
  id,
  owner: { sessionId: 's', nodeId: null, itemId: null },
  title: 'sleep 60',
  pid: 7,
  startedAt: 1,
  cpuMs: 2,
  memory: 3,
  processes: 4,
});

const contact = (id: string): Contact => ({
  id,
  sessionId: 's',
  nodeId: null,
  itemId: 'i',
  host: 'example.com',
  port: 443,
  outcome: 'allowed',
  reason: null,
  sent: 1,
  received: 2,
  startedAt: 3,
  endedAt: 4,
  others: null,
});

const transport = (invoke: (command: string) => unknown): Transport =>
  ({ invoke: async (command: string) => invoke(command) }) as unknown as Transport;

describe('what runs', () => {
  it('is shown, and ends when it is told to', async () => {
    const asked: string[] = [];
    const state = new ProcessesState(
      transport((command) => {
        asked.push(command);
        return { processes: [process('a'), process('b')], leftBehind: [] };
      }),
    );
    await state.load();
    await state.end('a');
    expect([state.count, [...state.ending], asked]).toEqual([2, ['a'], ['process_list', 'process_end']]);
    state.apply({ type: 'processesChanged', processes: [process('b')] });
    expect([state.count, [...state.ending]]).toEqual([1, []]);
  });

  it('stays as it was when it cannot be ended', async () => {
    const state = new ProcessesState(
      transport(() => {
        throw new Error('It has ended already.');
      }),
    );
    await expect(state.end('a')).rejects.toThrow('ended already');
    expect(state.ending.size).toBe(0);
  });
});

describe('contacts', () => {
  it('come once, the latest first, and only for the session that is shown', async () => {
    const state = new NetworkState(
      transport((command) =>
        command === 'contact_list' ? { contacts: [contact('a')] } : { policy: { type: 'off' }, unavailable: null },
      ),
    );
    await state.load('s');
    for (const id of ['b', 'b']) state.apply({ type: 'contactMade', contact: contact(id) });
    state.apply({ type: 'contactMade', contact: { ...contact('c'), sessionId: 'other' } });
    state.apply({ type: 'networkChanged', sessionId: 's', policy: { type: 'open' } });
    expect(state.of('s')?.contacts.map(({ id }) => id)).toEqual(['b', 'a']);
    expect(state.of('s')?.policy).toEqual({ type: 'open' });
    expect(state.of('other')).toBeNull();
  });
});
