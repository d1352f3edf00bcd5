import { fireEvent, render, screen, waitFor } from '@testing-library/svelte';
import { describe, expect, it, vi } from 'vitest';
import Harness from './Harness.svelte';
import PythonSection from '$lib/features/settings/PythonSection.svelte';
import type { PythonStatus } from '$lib/ipc';
import { python } from '$lib/ipc/mock/fixtures';
import { App } from '$lib/state/app.svelte';
import { testids } from '$lib/testids';
import { ScriptedTransport } from './support';

const missing: PythonStatus = { ...python, state: 'missing', size: null, tool: null, packages: [] };

function setup(status: PythonStatus) {
  let finish: (status: PythonStatus) => void = () => undefined;
  const transport = new ScriptedTransport({
    python_status: () => status,
    python_create: () => new Promise<PythonStatus>((resolve) => (finish = resolve)) as never,
    python_cancel: () => ({}),
  });
  const app = new App(transport, null);
  render(Harness, { app, component: PythonSection });
  return { app, transport, finish: (status: PythonStatus) => finish(status) };
}

describe('the section of Python', () => {
  it('makes the environment, shows how far it is, and what came of it', async () => {
    const { app, transport, finish } = setup(missing);
    await fireEvent.click(await screen.findByTestId(testids.pythonCreate));
    expect(transport.named('python_create')).toEqual([{ renewal: 'keep' }]);
    app.python.progressed('Collecting numpy');
    await waitFor(() => expect(screen.getByTestId(testids.pythonProgress)).toHaveTextContent('Collecting numpy'));
    await fireEvent.click(screen.getByTestId(testids.pythonCancel));
    expect(transport.named('python_cancel')).toHaveLength(1);
    finish(python);
    const status = await screen.findByTestId(testids.pythonStatus);
    await vi.waitFor(() => expect(status.dataset.state).toBe('ready'));
    expect(status).toHaveTextContent('pandas 3.1.1');
    await fireEvent.click(await screen.findByTestId(testids.pythonRepair));
    expect(transport.named('python_create')).toEqual([{ renewal: 'keep' }, { renewal: 'replace' }]);
  });

  it('says what is in the way where there is no Python', async () => {
    setup({ ...missing, kernel: 'none', problem: 'There is no python3 on this machine.' });
    expect(await screen.findByTestId(testids.pythonCreate)).toBeDisabled();
    expect(screen.getByText('There is no python3 on this machine.')).toBeVisible();
  });
});
