// Counts what a page waits for, in an attribute that the measuring script can read. It runs before the page's own scripts.
(() => {
  /** Timers that take longer are no part of how a page comes to be; nor are those that timers go on setting. */
  const LONGEST = 2500;
  const DEEPEST = 3;
  const { setTimeout: later, clearTimeout: forget, fetch: load } = window;
  const root = document.documentElement;
  const waiting = new Set();
  let depth = 0;
  const tell = () => root.setAttribute('data-okcvm-pending', waiting.size);
  const end = (mark) => {
    if (waiting.delete(mark)) tell();
  };
  window.setTimeout = (task, delay, ...values) => {
    if (typeof task !== 'function') return later(task, delay, ...values);
    const level = depth + 1;
    const id = later(() => {
      end(id);
      depth = level;
      try {
        task.apply(window, values);
      } finally {
        depth = 0;
      }
    }, delay);
    if (Number(delay) <= LONGEST && level <= DEEPEST) {
      waiting.add(id);
      tell();
    }
    return id;
  };
  window.clearTimeout = (id) => {
    end(id);
    forget(id);
  };
  if (load) {
    window.fetch = (...asked) => {
      const mark = {};
      waiting.add(mark);
      tell();
      // What is made of the answer takes a moment more.
      const done = () => later(() => end(mark), 50);
      const answer = load(...asked);
      answer.then(done, done);
      return answer;
    };
  }
  document.currentScript?.remove();
})();
