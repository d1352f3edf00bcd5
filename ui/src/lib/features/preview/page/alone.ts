/**
 * Takes everything else in the window out of the reach of keys and pointers, as long as an element covers it. The answer
 * gives it back.
 */
export function standAlone(element: Element): () => void {
  const hidden: Element[] = [];
  for (let inner = element; inner.parentElement; inner = inner.parentElement) {
    for (const other of inner.parentElement.children) {
      if (other === inner || other.hasAttribute('inert')) continue;
      other.setAttribute('inert', '');
      hidden.push(other);
    }
    if (inner.parentElement === document.body) break;
  }
  return () => hidden.forEach((other) => other.removeAttribute('inert'));
}
