import type { App } from '$lib/state/app.svelte';

/**
 * What the engine says of something, as long as a component stands. The last answer stays until the next is there, or
 * a failure. An answer that is the same as the one before does not take its place.
 */
export class Answered<W, T> {
  value = $state.raw<T | null>(null);
  failure = $state('');

  constructor(
    app: App,
    wanted: () => W,
    ask: (wanted: W) => Promise<T>,
    same: (before: T, answer: T) => boolean = () => false,
  ) {
    const key = $derived(JSON.stringify(wanted()));
    $effect(() => {
      let gone = false;
      ask(JSON.parse(key) as W).then(
        (answer) => {
          if (gone) return;
          if (this.value === null || !same(this.value, answer)) this.value = answer;
          this.failure = '';
        },
        (thrown) => {
          if (gone) return;
          this.value = null;
          this.failure = app.wordFailure(thrown);
        },
      );
      return () => (gone = true);
    });
  }
}
