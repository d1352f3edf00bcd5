import { describe, expect, it, vi } from 'vitest';
import type { Attachment, ImportPlan, ImportReport } from '$lib/ipc';
import { CommandError } from '$lib/ipc';
import { ScriptedTransport } from '../../../tests/support';
import { Imports } from './imports.svelte';

const file: Attachment = { path: 'a.csv', size: 12, mime: 'text/csv' };
const freePlan: ImportPlan = { files: 1, bytes: 12, clashes: [], skipped: [] };
const report: ImportReport = { imported: [file], skipped: [], cancelled: false };

function setup(plan: ImportPlan, given: ImportReport = report) {
  const transport = new ScriptedTransport({
    import_plan: () => plan,
    import_start: () => given,
    import_cancel: () => ({}),
    file_read: ({ path }) => ({ path, mime: 'text/csv', size: 99, text: '', truncated: true, hash: '' }),
  });
  const imported = vi.fn();
  const failed = vi.fn();
  const busy = vi.fn();
  return { transport, imported, failed, busy, imports: new Imports(transport, { imported, failed, busy }) };
}

describe('an import', () => {
  it('without a clash runs at once and attaches what came in', async () => {
    const { transport, imports, imported } = setup(freePlan);
    await imports.begin('s1', ['/tmp/a.csv']);
    expect(transport.named('import_start')).toMatchObject([
      { sessionId: 's1', sources: ['/tmp/a.csv'], target: '', clashes: 'keepBoth' },
    ]);
    expect(imported).toHaveBeenCalledWith('s1', [file]);
    expect(imports.phase).toEqual({ type: 'idle' });
  });

  it('asks about a name that is taken, and does as told', async () => {
    const clashes = [{ source: '/tmp/a.csv', target: 'a.csv', identical: false }];
    const { transport, imports } = setup({ ...freePlan, clashes });
    await imports.begin('s1', ['/tmp/a.csv']);
    expect(imports.phase.type).toBe('asking');
    expect(transport.named('import_start')).toEqual([]);
    await imports.answer('replace');
    expect(transport.named('import_start')).toMatchObject([{ clashes: 'replace' }]);
  });

  it('does not ask about the same file again, and still attaches it', async () => {
    const clashes = [{ source: '/tmp/a.csv', target: 'a.csv', identical: true }];
    const { transport, imports, imported } = setup({ ...freePlan, clashes }, { ...report, imported: [] });
    await imports.begin('s1', ['/tmp/a.csv']);
    expect(transport.named('import_start')).toMatchObject([{ clashes: 'skip' }]);
    expect(imported).toHaveBeenCalledWith('s1', [{ path: 'a.csv', size: 99, mime: 'text/csv' }]);
  });

  it('copies nothing when it is dismissed', async () => {
    const clashes = [{ source: '/tmp/a.csv', target: 'a.csv', identical: false }];
    const { transport, imports } = setup({ ...freePlan, clashes });
    await imports.begin('s1', ['/tmp/a.csv']);
    imports.dismiss();
    expect(imports.phase).toEqual({ type: 'idle' });
    expect(transport.named('import_start')).toEqual([]);
  });

  it('shows what was left out', async () => {
    const skipped = [{ source: '/tmp/link', reason: 'It is a symbolic link.' }];
    const { imports } = setup(freePlan, { ...report, skipped });
    await imports.begin('s1', ['/tmp/a.csv', '/tmp/link']);
    expect(imports.phase).toMatchObject({ type: 'done', report: { skipped } });
  });

  it('shows progress of its own and can be called off', async () => {
    const { transport, imports } = setup(freePlan);
    let finish: (given: ImportReport) => void = () => undefined;
    transport.handlers.import_start = () => new Promise((resolve) => (finish = resolve));
    const done = imports.begin('s1', ['/tmp/a.csv']);
    await vi.waitFor(() => expect(imports.phase.type).toBe('running'));
    const id = imports.phase.type === 'running' ? imports.phase.importId : '';
    const progress = { id, filesDone: 0, files: 1, bytesDone: 6, bytes: 12, current: 'a.csv' };
    imports.progressed({ ...progress, id: 'another', bytesDone: 1 });
    imports.progressed(progress);
    expect(imports.phase).toMatchObject({ progress });
    await imports.cancel();
    expect(transport.named('import_cancel')).toEqual([{ importId: id }]);
    finish({ imported: [], skipped: [], cancelled: true });
    await done;
    expect(imports.phase).toMatchObject({ type: 'done', report: { cancelled: true } });
  });

  it('counts with progress of its own and can be called off before anything is copied', async () => {
    const { transport, imports, failed } = setup(freePlan);
    let fail: (error: CommandError) => void = () => undefined;
    transport.handlers.import_plan = () => new Promise((_, reject) => (fail = reject));
    const done = imports.begin('s1', ['/tmp/large']);
    await vi.waitFor(() => expect(transport.named('import_plan')).toHaveLength(1));
    const [{ importId: id }] = transport.named('import_plan') as [{ importId: string }];
    const progress = { id, filesDone: 0, files: 700, bytesDone: 0, bytes: 9000, current: '/tmp/large/a' };
    imports.progressed({ ...progress, id: 'another', files: 1 });
    imports.progressed(progress);
    expect(imports.phase).toMatchObject({ type: 'planning', progress });
    await imports.cancel();
    expect(transport.named('import_cancel')).toEqual([{ importId: id }]);
    expect(imports.phase).toMatchObject({ type: 'planning', cancelling: true });
    fail(new CommandError({ message: 'Adding the files was called off.', code: 'cancelled' }));
    await done;
    expect(imports.phase).toEqual({ type: 'idle' });
    expect(failed).not.toHaveBeenCalled();
    expect(transport.named('import_start')).toEqual([]);
  });

  it('says that a second one has to wait', async () => {
    const { transport, imports, busy } = setup(freePlan);
    let finish: (given: ImportReport) => void = () => undefined;
    transport.handlers.import_start = () => new Promise((resolve) => (finish = resolve));
    const done = imports.begin('s1', ['/tmp/a.csv']);
    await vi.waitFor(() => expect(imports.phase.type).toBe('running'));
    await imports.begin('s1', ['/tmp/b.csv']);
    expect(busy).toHaveBeenCalledOnce();
    expect(transport.named('import_plan')).toHaveLength(1);
    finish(report);
    await done;
  });

  it('says what failed', async () => {
    const { transport, imports, failed } = setup(freePlan);
    transport.handlers.import_plan = () => {
      throw new CommandError({ message: 'The file is gone.' });
    };
    await imports.begin('s1', ['/tmp/a.csv']);
    expect(failed).toHaveBeenCalledWith({ message: 'The file is gone.' });
    expect(imports.phase).toEqual({ type: 'idle' });
  });
});
