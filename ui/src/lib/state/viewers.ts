let viewers = 0;

/** A name for a viewer: a newer request under it takes the place of the older one. */
export function newViewer(): string {
  return `viewer-${++viewers}`;
}
