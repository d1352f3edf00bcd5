/**
 * Draws the pictures of a Markdown text that lie beside it in the place of the words of their links, as an action of what
 * holds the text. `draw` gives an address for a path as it is written, or `null`.
 */
export function localPictures(box: HTMLElement, draw: (path: string) => Promise<string | null>): { destroy(): void } {
  const begun = new WeakSet<Element>();
  const look = (): void => {
    for (const link of box.querySelectorAll<HTMLElement>('a.picture[data-path]')) {
      if (begun.has(link)) continue;
      begun.add(link);
      void draw(link.dataset.path ?? '').then((url) => {
        if (url === null || !link.isConnected) return;
        const picture = document.createElement('img');
        picture.alt = link.textContent.replace(/^🖼 /u, '');
        picture.src = url;
        link.replaceChildren(picture);
      });
    }
  };
  const observer = new MutationObserver(look);
  observer.observe(box, { childList: true, subtree: true });
  look();
  return { destroy: () => observer.disconnect() };
}
