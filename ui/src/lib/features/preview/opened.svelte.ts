import type { PreviewSource } from '$lib/ipc';
import type { App } from '$lib/state/app.svelte';

export interface Wanted {
  sessionId: string;
  source: PreviewSource;
  /** Rises when the source has changed; a new address makes the page load it again. */
  version?: number;
}

/** The address of a source as long as a component stands. The old one stays until the next is there. */
export class Opened {
  url = $state('');
  /** What the address is of: the token that dies with it. */
  token = $state('');
  failure = $state('');

  constructor(app: App, wanted: () => Wanted) {
    const key = $derived(JSON.stringify(wanted()));
    let release: (() => void) | null = null;
    $effect(() => {
      const { sessionId, source, version } = JSON.parse(key) as Wanted;
      let gone = false;
      const done = () => app.handles.release(sessionId, source, version);
      app.handles.open(sessionId, source, version).then(
        ({ url, token }) => {
          if (gone) return done();
          release?.();
          release = done;
          this.url = url;
          this.token = token;
          this.failure = '';
        },
        (thrown) => {
          if (gone) return;
          this.failure = app.wordFailure(thrown);
        },
      );
      return () => (gone = true);
    });
    $effect(() => () => release?.());
  }
}
