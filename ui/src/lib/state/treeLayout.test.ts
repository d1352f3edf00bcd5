import { describe, expect, it } from 'vitest';
import { node } from '../../../tests/support';
import { layoutTree, MOST_LANES } from './treeLayout';

const places = (rows: ReturnType<typeof layoutTree>) =>
  Object.fromEntries(rows.map(({ node: { id }, row, lane }) => [id, [row, lane]]));

describe('layoutTree', () => {
  it('draws a line as one lane', () => {
    const rows = layoutTree([node('a', null, 0), node('b', 'a', 1), node('c', 'b', 2)], new Set(['a', 'b', 'c']));
    expect(places(rows)).toEqual({ a: [0, 0], b: [1, 0], c: [2, 0] });
    expect(rows[1]?.parent).toEqual({ row: 0, lane: 0 });
  });

  it('keeps the active path in the first lane, even where it is the later branch', () => {
    const nodes = [node('a', null, 0), node('old', 'a', 1), node('older', 'old', 2), node('now', 'a', 3)];
    expect(places(layoutTree(nodes, new Set(['a', 'now'])))).toEqual({
      a: [0, 0],
      old: [1, 1],
      older: [2, 1],
      now: [3, 0],
    });
  });

  it('uses a lane again when its branch has ended', () => {
    const nodes = [
      node('a', null, 0),
      node('x', 'a', 1),
      node('b', 'a', 2),
      node('c', 'b', 3),
      node('y', 'b', 4),
      node('d', 'c', 5),
    ];
    const placed = places(layoutTree(nodes, new Set(['a', 'b', 'c', 'd'])));
    expect(placed).toMatchObject({ x: [1, 1], y: [4, 1] });
  });

  it('gives branches that overlap in time lanes of their own', () => {
    const nodes = [node('a', null, 0), node('x', 'a', 1), node('y', 'a', 2), node('x2', 'x', 3), node('z', 'a', 4)];
    const rows = layoutTree(nodes, new Set(['a', 'z']));
    const lanes = places(rows);
    expect(lanes.x?.[1]).toBe(lanes.x2?.[1]);
    expect(new Set([lanes.x?.[1], lanes.y?.[1], lanes.z?.[1]]).size).toBe(3);
  });

  it('draws a node without its parent as a root, and nothing as nothing', () => {
    expect(layoutTree([node('b', 'gone', 1)], new Set())[0]).toMatchObject({ row: 0, lane: 0, parent: null });
    expect(layoutTree([], new Set())).toEqual([]);
  });

  it('places ten thousand nodes with a thousand branches, and keeps room for their words', () => {
    const nodes = Array.from({ length: 10_001 }, (_, index) => {
      const branch = index % 10 === 9;
      const parent = index === 0 ? null : `n${branch || index % 10 !== 0 ? index - 1 : index - 2}`;
      return node(`n${index}`, parent, index);
    });
    const path = new Set(nodes.filter((_, index) => index % 10 !== 9).map(({ id }) => id));
    const rows = layoutTree(nodes, path);
    expect(rows).toHaveLength(10_001);
    expect(rows.filter(({ lane }) => lane === 0)).toHaveLength(9_001);
    expect(Math.max(...rows.map(({ lane }) => lane))).toBeLessThan(MOST_LANES);
    const crowd = [node('root', null, 0), ...Array.from({ length: 40 }, (_, at) => node(`c${at}`, 'root', at + 1))];
    const lanes = layoutTree(crowd, new Set(['root', 'c39'])).map(({ lane }) => lane);
    expect(Math.max(...lanes)).toBe(MOST_LANES - 1);
  });
});
