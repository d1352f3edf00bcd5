import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { info, secrets, settings } from '$lib/ipc/mock/fixtures';
import { CommandError, type Deployment, type NumberedEvent, type SessionDetail } from '$lib/ipc';
import { App } from '$lib/state/app.svelte';
import { PreviewState } from '$lib/state/preview.svelte';
import { detail, node, ScriptedTransport, textItem, unknownUsage } from './support';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['requestAnimationFrame', 'cancelAnimationFrame', 'setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

async function open(session: SessionDetail, storage: Storage | null = null, hung = false) {
  const transport = new ScriptedTransport({
    settings_get: () => ({ settings, path: '', problem: null }),
    process_list: () => ({ processes: [], leftBehind: [] }),
    app_info: () => info,
    secret_status: () => secrets,
    session_list: () => ({ sessions: [session.summary] }),
    session_open: () => structuredClone(session),
    file_list: () => ({ entries: [], truncated: false }),
    turn_start: () => ({ type: 'started', nodeId: 'n1' }),
  });
  const app = new App(transport, storage);
  await app.start(hung);
  return { app, transport };
}

const frame = () => vi.advanceTimersByTimeAsync(20);
const running = node('n1', null, 0, { status: 'running', endedAt: null });
const site: Deployment = {
  id: 'd1',
  folder: 'site',
  version: 1,
  title: 'Site',
  nodeId: null,
  onPath: true,
  deployedAt: 0,
  url: 'http://d1.localhost:1/',
  files: 1,
  size: 1,
};
const turn = { node: running, message: { text: 'hi', attachments: [] }, items: [], error: null, usage: unknownUsage };

describe('the window', () => {
  it('listens from where the opened session ends', async () => {
    const { app, transport } = await open(detail({ sequence: 41 }));
    expect(app.session?.id).toBe('s1');
    expect(transport.subscribedAfter).toBe(41);
  });

  it('names what held it up, and does not open it again', async () => {
    const session = detail({ deployments: [site] });
    const first = await open(session, localStorage);
    expect(first.app.preview.target).toEqual({ type: 'deployment', id: 'd1' });
    expect(first.app.toasts.list).toEqual([]);
    const second = await open(session, localStorage, true);
    expect(second.app.preview.tabs).toEqual([]);
    expect(second.app.toasts.list.map(({ text }) => text)).toEqual([
      'Site held up the window with a script that did not end or broke down, and was closed.',
    ]);
    second.app.previewFile('loop.html');
    const third = await open(session, localStorage, true);
    expect(third.app.toasts.list[0]?.text).toContain('loop.html held up the window');
    localStorage.clear();
  });

  it('opens the session again on resync, and keeps what arrives meanwhile', async () => {
    const session = detail({ turns: [turn], tree: [running], currentNode: 'n1', sequence: 0 });
    const { app, transport } = await open(session);
    let answer: (given: SessionDetail) => void = () => undefined;
    transport.handlers.session_open = () => new Promise((resolve) => (answer = resolve));
    transport.emit({ type: 'resync' });
    await frame();
    expect(transport.named('session_open')).toHaveLength(2);
    // 2 is part of the answer, 3 is news.
    transport.emit({
      type: 'turn',
      sessionId: 's1',
      nodeId: 'n1',
      event: { type: 'itemDelta', itemId: 'i1', delta: { type: 'text', text: 'old ' } },
    });
    transport.emit({
      type: 'turn',
      sessionId: 's1',
      nodeId: 'n1',
      event: { type: 'itemDelta', itemId: 'i1', delta: { type: 'text', text: 'new' } },
    });
    await frame();
    answer({ ...session, turns: [{ ...turn, items: [textItem('i1', 'n1', 'old ', null)] }], sequence: 2 });
    await frame();
    expect(app.session?.turns[0]?.items[0]?.text).toBe('old new');
  });

  it('changes the document once for a burst of events', async () => {
    const { app, transport } = await open(detail({ turns: [turn], tree: [running], currentNode: 'n1' }));
    const apply = vi.spyOn(app.session as NonNullable<typeof app.session>, 'apply');
    for (let count = 0; count < 50; count += 1) {
      transport.emit({
        type: 'turn',
        sessionId: 's1',
        nodeId: 'n1',
        event: { type: 'heartbeat', awaited: { type: 'snapshot' }, sinceAt: count },
      });
    }
    expect(apply).not.toHaveBeenCalled();
    await frame();
    expect(apply).toHaveBeenCalledTimes(50);
    const sequences = apply.mock.calls.map(([event]) => (event as NumberedEvent).sequence);
    expect(sequences).toEqual([...sequences].sort((left, right) => left - right));
  });

  it('gives back a message that could not be sent', async () => {
    const { app, transport } = await open(detail());
    transport.handlers.turn_start = () => {
      throw new CommandError({ message: 'The disk is full.' });
    };
    app.composer.write('s1', 'A long thought');
    await app.turns.send();
    expect(app.composer.draft('s1').text).toBe('A long thought');
    expect(app.toasts.list[0]).toMatchObject({ kind: 'error', text: 'The disk is full.' });
  });

  it('shows a site as soon as it is deployed', async () => {
    const { app, transport } = await open(detail());
    transport.emit({ type: 'app', event: { type: 'deployed', sessionId: 's1', deployment: site } });
    await frame();
    expect(app.preview.target).toEqual({ type: 'deployment', id: 'd1' });
    expect(app.layout.tab).toBe('preview');
    app.openLink('http://d1.localhost:1/page');
    expect(app.modal).toBeNull();
    app.openLink('https://example.org/');
    expect(app.modal).toEqual({ type: 'link', url: 'https://example.org/' });
  });

  it('only marks the preview while the person reads another tab, until they touch nothing for a turn', async () => {
    const { app, transport } = await open(detail());
    const deploy = async () => {
      transport.emit({ type: 'app', event: { type: 'deployed', sessionId: 's1', deployment: site } });
      await frame();
    };
    app.layout.showTab('tree');
    await deploy();
    expect(app.layout).toMatchObject({ tab: 'tree', previewNews: true });
    app.layout.showTab('preview');
    expect(app.layout.previewNews).toBe(false);

    app.layout.showTab('changes');
    transport.emit({
      type: 'turn',
      sessionId: 's1',
      nodeId: 'n1',
      event: { type: 'turnStarted', node: running, message: turn.message },
    });
    await deploy();
    expect(app.layout).toMatchObject({ tab: 'preview', previewNews: false });
  });

  it('reloads the preview for files that belong to it, once for a burst', async () => {
    const { app, transport } = await open(detail());
    app.preview.show({ type: 'folder', path: 'site' });
    const changed = (paths: string[]) =>
      transport.emit({ type: 'app', event: { type: 'workspaceChanged', sessionId: 's1', paths } });
    changed(['notes.md', 'sites/a.html']);
    await vi.advanceTimersByTimeAsync(400);
    expect(app.preview.version).toBe(0);
    changed(['site/a.css']);
    changed(['site/b.css']);
    await vi.advanceTimersByTimeAsync(400);
    expect(app.preview.version).toBe(1);
    changed([]);
    await vi.advanceTimersByTimeAsync(400);
    expect(app.preview.version).toBe(2);
  });
});

describe('the preview after a restore', () => {
  const site = (id: string, nodeId: string | null) => ({
    id,
    folder: 'site',
    version: 1,
    title: id,
    nodeId,
    onPath: true,
    deployedAt: 0,
    url: '',
    files: 1,
    size: 1,
  });
  const sites = [site('later', 'b'), site('first', 'a')];

  it('goes back to the site of the path, and forward again', () => {
    const preview = new PreviewState();
    preview.reset(sites, new Set(['a', 'b']));
    expect(preview.target).toEqual({ type: 'deployment', id: 'later' });
    preview.follow(sites, new Set(['a']));
    expect(preview.target).toEqual({ type: 'deployment', id: 'first' });
    preview.follow(sites, new Set(['a', 'b']));
    expect(preview.target).toEqual({ type: 'deployment', id: 'later' });
  });

  it('shows the live files where the path has no site, and leaves an open file open', () => {
    const preview = new PreviewState();
    preview.show({ type: 'deployment', id: 'later' });
    preview.follow(sites, new Set(['other']));
    expect(preview.target).toEqual({ type: 'folder', path: 'site' });
    preview.show({ type: 'file', path: 'notes.md' });
    preview.follow(sites, new Set(['a']));
    expect(preview.target).toEqual({ type: 'file', path: 'notes.md' });
  });
});

describe('what comes from outside of the window', () => {
  it('goes on writing when the other program is done, and shows the site that it made', async () => {
    const { app, transport } = await open(detail({ access: 'readOnly' }));
    expect(app.session?.readOnly).toBe(true);
    const deployment: Deployment = {
      id: 'd1',
      folder: 'output',
      version: 1,
      title: 'Site',
      nodeId: null,
      onPath: true,
      deployedAt: 1,
      url: '',
      files: 1,
      size: 1,
    };
    transport.handlers.session_open = () => detail({ access: 'write', deployments: [deployment] });
    await app.lookAgain();
    expect(app.session?.readOnly).toBe(false);
    expect(app.preview.target).toEqual({ type: 'deployment', id: 'd1' });
  });

  it('says why a session cannot be written, and tells it where its folder is now', async () => {
    const why = { code: 'folderMissing', message: 'The folder of this session, /a, is not there.' } as const;
    const { app, transport } = await open(detail({ access: 'readOnly', whyReadOnly: why }));
    expect(app.session?.whyReadOnly).toEqual(why);
    const told: unknown[] = [];
    transport.handlers.window_pick_folder = () => ({ paths: [] });
    transport.handlers.session_move_folder = (params) => {
      told.push(params);
      transport.handlers.session_open = () => detail({ access: 'write' });
      return detail().summary;
    };
    await app.moveSessionFolder('s1');
    expect(told).toEqual([]);
    transport.handlers.window_pick_folder = () => ({ paths: ['/b'] });
    await app.moveSessionFolder('s1');
    expect(told).toEqual([{ sessionId: 's1', folder: '/b' }]);
    expect([app.session?.readOnly, app.session?.whyReadOnly]).toEqual([false, null]);
  });

  it('shows each notice of a session until it is dismissed', async () => {
    const { app, transport } = await open(detail({ notice: 'The history was moved aside.\nOne snapshot was lost.' }));
    expect(app.session?.notices).toEqual(['The history was moved aside.', 'One snapshot was lost.']);
    app.session?.dismissNotices();
    await app.lookAgain();
    expect(transport.named('session_open')).toHaveLength(2);
    expect(app.session?.notices).toEqual([]);
    const more = 'The history was moved aside.\nOne snapshot was lost.\nA restore was carried out to its end.';
    transport.handlers.session_open = () => detail({ notice: more });
    await app.lookAgain();
    expect(app.session?.notices).toEqual(['A restore was carried out to its end.']);
  });

  it('words what the engine refuses in the language of the window', async () => {
    const { app, transport } = await open(detail());
    app.i18n.choose('zh');
    transport.handlers.turn_stop = () => {
      throw new CommandError({ code: 'busy', message: 'A turn is running in this session.' });
    };
    await app.turns.stop();
    expect(app.toasts.list.at(-1)).toMatchObject({ text: '此会话有一轮正在运行。', hint: '请先停止它，或等它结束。' });
  });
});
