import { mount } from 'svelte';
import './styles/tokens.css';
import './styles/base.css';
import type { Transport } from '$lib/ipc';
import Root from '$lib/views/Root.svelte';

async function openTransport(): Promise<Transport> {
  if (__MOCK__ && new URLSearchParams(location.search).has('mock')) {
    const { MockTransport } = await import('$lib/ipc/mock/mockTransport');
    return new MockTransport(new URLSearchParams(location.search));
  }
  const { TauriTransport } = await import('$lib/ipc/tauriTransport');
  return new TauriTransport();
}

const target = document.getElementById('app');
if (target) {
  void openTransport().then((transport) => mount(Root, { target, props: { transport } }));
}
