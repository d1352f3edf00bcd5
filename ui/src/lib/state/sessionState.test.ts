import { describe, expect, it } from 'vitest';
import { callItem, detail, node, numbered, textItem, unknownUsage } from '../../../tests/support';
import { SessionState } from './sessionState.svelte';

function started() {
  const session = new SessionState(detail());
  const next = numbered();
  session.apply(
    next({
      type: 'turnStarted',
      node: node('n1', null, 0, { status: 'running', endedAt: null }),
      message: { text: 'hi', attachments: [] },
    }),
  );
  return { session, next };
}

describe('events of a turn', () => {
  it('append fragments in order', () => {
    const { session, next } = started();
    session.apply(next({ type: 'itemStarted', item: textItem('i1', 'n1', '', null) }));
    for (const text of ['Hel', 'lo ', '世', '界'])
      session.apply(next({ type: 'itemDelta', itemId: 'i1', delta: { type: 'text', text } }));
    expect(session.turns[0]?.items[0]?.text).toBe('Hello 世界');
    expect(session.running).toBe(true);
  });

  it('heal a lost fragment by the completed item', () => {
    const { session, next } = started();
    session.apply(next({ type: 'itemStarted', item: textItem('i1', 'n1', '', null) }));
    session.apply(next({ type: 'itemDelta', itemId: 'i1', delta: { type: 'text', text: 'one ' } }));
    next({ type: 'itemDelta', itemId: 'i1', delta: { type: 'text', text: 'two ' } }); // never arrives
    session.apply(next({ type: 'itemDelta', itemId: 'i1', delta: { type: 'text', text: 'three' } }));
    expect(session.turns[0]?.items[0]?.text).toBe('one three');
    session.apply(next({ type: 'itemCompleted', item: textItem('i1', 'n1', 'one two three', 9) }));
    expect(session.turns[0]?.items[0]).toMatchObject({ text: 'one two three', open: false });
  });

  it('heal a lost start by the completed item, in its place', () => {
    const { session, next } = started();
    session.apply(next({ type: 'itemCompleted', item: textItem('i2', 'n1', 'second', 9, 1) }));
    session.apply(next({ type: 'itemCompleted', item: textItem('i1', 'n1', 'first', 9, 0) }));
    expect(session.turns[0]?.items.map((item) => item.text)).toEqual(['first', 'second']);
  });

  it('ignore what the answer of the engine already holds', () => {
    const session = new SessionState(detail({ sequence: 5 }));
    const effects = session.apply({ sequence: 5, event: { type: 'resync' } });
    expect(effects).toEqual([]);
  });

  it('stream arguments and live output of a call, and take its result', () => {
    const { session, next } = started();
    session.apply(next({ type: 'itemStarted', item: callItem('c1', 'n1', {}) }));
    session.apply(next({ type: 'itemDelta', itemId: 'c1', delta: { type: 'arguments', text: '{"command":' } }));
    session.apply(next({ type: 'itemDelta', itemId: 'c1', delta: { type: 'arguments', text: '"ls"}' } }));
    session.apply(next({ type: 'itemDelta', itemId: 'c1', delta: { type: 'output', text: 'a\n' } }));
    const item = session.turns[0]?.items[0];
    expect(item).toMatchObject({ arguments: '{"command":"ls"}', output: 'a\n', status: 'running' });
    const result = { content: [{ type: 'text' as const, text: 'a' }], isError: false, artifacts: [] };
    session.apply(next({ type: 'itemCompleted', item: callItem('c1', 'n1', { status: 'completed', result }) }));
    expect(item).toMatchObject({ status: 'completed', result });
  });

  it('end a turn once, with its error', () => {
    const { session, next } = started();
    session.apply(next({ type: 'heartbeat', awaited: { type: 'model', model: 'm', attempt: 1 }, sinceAt: 1 }));
    expect(session.awaited?.sinceAt).toBe(1);
    const failed = node('n1', null, 0, { status: 'failed' });
    const effects = session.apply(
      next({ type: 'turnFailed', node: failed, error: { message: 'No route.', hint: 'Check.' } }),
    );
    expect(effects).toEqual([{ type: 'turnEnded', node: failed }]);
    expect(session).toMatchObject({ running: false, awaited: null, tree: [failed] });
    expect(session.turns[0]?.error).toEqual({ message: 'No route.', hint: 'Check.' });
  });
});

describe('the path that is shown', () => {
  const turn = (id: string, parent: string | null, at: number) => ({
    node: node(id, parent, at),
    message: { text: id, attachments: [] },
    items: [],
    error: null,
    usage: unknownUsage,
  });

  it('puts a sibling in the place of what followed its parent', () => {
    const turns = [turn('a', null, 0), turn('b', 'a', 1), turn('c', 'b', 2)];
    const session = new SessionState(detail({ turns, tree: turns.map(({ node: known }) => known), currentNode: 'c' }));
    const next = numbered();
    session.apply(
      next(
        {
          type: 'turnStarted',
          node: node('b2', 'a', 3, { status: 'running' }),
          message: { text: 'again', attachments: [] },
        },
        'b2',
      ),
    );
    expect(session.turns.map(({ node: shown }) => shown.id)).toEqual(['a', 'b2']);
    expect(session.tree.map(({ id }) => id)).toEqual(['a', 'b', 'c', 'b2']);
    expect(session.currentNode).toBe('b2');
  });

  it('asks again when a turn belongs to another path, on resync and when the tree changed', () => {
    const session = new SessionState(detail());
    const next = numbered();
    expect(session.apply(next({ type: 'usage', usage: unknownUsage }, 'elsewhere'))).toEqual([{ type: 'reopen' }]);
    expect(session.apply({ sequence: 2, event: { type: 'resync' } })).toEqual([{ type: 'reopen' }]);
    expect(
      session.apply({ sequence: 3, event: { type: 'app', event: { type: 'treeChanged', sessionId: 's1' } } }),
    ).toEqual([{ type: 'reopen' }]);
  });

  it('leaves events of other sessions alone', () => {
    const session = new SessionState(detail());
    const effects = session.apply({
      sequence: 1,
      event: { type: 'app', event: { type: 'treeChanged', sessionId: 'other' } },
    });
    expect(effects).toEqual([]);
  });
});

describe('what the person unfolded or wrote', () => {
  it('stays when the session is read anew', () => {
    const first = {
      node: node('n1', null, 0),
      message: { text: 'hi', attachments: [] },
      items: [callItem('c1', 'n1', {})],
      error: null,
      usage: unknownUsage,
    };
    const whole = detail({ tree: [first.node], turns: [first], currentNode: 'n1' });
    const session = new SessionState(whole);
    const turn = session.turns[0];
    if (turn?.items[0]) turn.items[0].unfolded = true;
    if (turn) turn.draft = 'hi there';
    session.load({ ...whole, turns: [{ ...first, items: [...first.items, textItem('i2', 'n1', 'more', 9, 1)] }] });
    expect(session.turns[0]).toMatchObject({ draft: 'hi there' });
    expect(session.turns[0]?.items.map(({ unfolded }) => unfolded)).toEqual([true, null]);
  });
});

describe('a turn that goes on', () => {
  it('is told from a message of the person by what it follows', () => {
    const tree = [
      node('a', null, 0, { status: 'interrupted' }),
      node('b', 'a', 1, { title: 'Continue.' }),
      node('c', 'b', 2, { title: 'Continue.' }),
      node('d', 'a', 3, { title: 'Continue.   with the rest' }),
    ];
    const session = new SessionState(detail({ tree, currentNode: 'c' }));
    expect(tree.filter((one) => session.continues(one)).map(({ id }) => id)).toEqual(['b']);
    expect([...session.activePath]).toEqual(['c', 'b', 'a']);
  });
});

describe('a long path', () => {
  const ids = ['a', 'b', 'c', 'd', 'e'];
  const tree = [...ids.map((id, at) => node(id, ids[at - 1] ?? null, at)), node('x', 'b', 9), node('y', 'x', 10)];
  const turnOf = (id: string) => ({
    node: tree.find((one) => one.id === id) ?? node(id, null, 0),
    message: { text: id, attachments: [] },
    items: [],
    error: null,
    usage: unknownUsage,
  });
  const whole = detail({ tree, currentNode: 'e', turns: ['d', 'e'].map(turnOf), earlierTurns: 3 });
  const shown = (session: SessionState) => session.turns.map((turn) => turn.node.id).join('');

  it('takes earlier turns in front, and keeps them when it is read anew', () => {
    const session = new SessionState(whole);
    expect([...session.activePath].sort().join('')).toBe('abcde');
    session.prepend({ turns: ['b', 'c'].map(turnOf), earlierTurns: 1 }, 'd');
    expect([shown(session), session.earlierTurns, session.grew]).toEqual(['bcde', 1, 'up']);
    const [, second] = session.turns;
    session.load(whole);
    expect([shown(session), session.earlierTurns]).toEqual(['bcde', 1]);
    expect(session.turns[1]).toBe(second);
  });

  it('drops a page that no longer fits, and the turns of another path', () => {
    const session = new SessionState(whole);
    session.prepend({ turns: [turnOf('b')], earlierTurns: 1 }, 'c');
    expect(shown(session)).toBe('de');
    session.prepend({ turns: ['b', 'c'].map(turnOf), earlierTurns: 1 }, 'd');
    session.load({ ...whole, currentNode: 'y', turns: ['x', 'y'].map(turnOf), earlierTurns: 2 });
    expect([shown(session), session.earlierTurns]).toEqual(['bxy', 1]);
  });

  it('knows how many nodes grew from one', () => {
    const session = new SessionState(whole);
    expect(['x', 'b', 'a'].map((id) => session.branchSize(id))).toEqual([2, 6, 7]);
  });
});
