import { fireEvent, render, screen } from '@testing-library/svelte';
import type { Component } from 'svelte';
import { afterEach, describe, expect, it, vi } from 'vitest';
import Harness from './Harness.svelte';
import Composer from '$lib/features/composer/Composer.svelte';
import TurnView from '$lib/features/conversation/TurnView.svelte';
import PermissionsSection from '$lib/features/settings/PermissionsSection.svelte';
import { visible } from '$lib/format/visible';
import { CommandError, type Approval, type Item, type PermissionRule } from '$lib/ipc';
import { settings } from '$lib/ipc/mock/fixtures';
import { App } from '$lib/state/app.svelte';
import { SessionState } from '$lib/state/sessionState.svelte';
import { testids } from '$lib/testids';
import { detail, node, ScriptedTransport, unknownUsage } from './support';

afterEach(() => vi.restoreAllMocks());

const question: Approval = {
  callItem: 'c1',
  tool: 'mshtools-deploy_website',
  actions: ['deploy'],
  subject: 'site',
  reason: 'untrusted',
  untrusted: ['report.html'],
  scopes: ['once', 'session'],
  patterns: [{ kind: 'exact', text: 'site' }],
  state: { type: 'waiting' },
};
const send: Approval = {
  ...question,
  tool: 'mshtools-web_search',
  actions: ['send'],
  subject: 'https://a.test/q?x=1',
  reason: 'mode',
  untrusted: [],
  scopes: ['once', 'session', 'always'],
  patterns: [
    { kind: 'exact', text: 'https://a.test/q?x=1' },
    { kind: 'glob', text: 'https://a.test/*' },
  ],
};

function itemOf(approval: Approval): Item {
  const ended = approval.state.type === 'waiting' ? null : 5;
  return {
    id: 'q1',
    nodeId: 'n1',
    ordinal: 1,
    step: 0,
    startedAt: 0,
    endedAt: ended,
    body: { type: 'approval', ...approval },
  };
}

function setup(approval: Approval, untrusted: string[] = []) {
  const transport = new ScriptedTransport({
    approval_answer: () => itemOf({ ...approval, state: { type: 'allowed', scope: 'once' } }),
    session_set_mode: ({ mode }) => ({ ...detail().summary, mode }),
    turn_stop: () => ({}),
  });
  const app = new App(transport, null);
  app.preferences.settings = settings;
  const turn = {
    node: node('n1', null, 0, { status: 'running', endedAt: null, untrusted }),
    message: { text: 'hi', attachments: [] },
    items: [itemOf(approval)],
    error: null,
    usage: unknownUsage,
  };
  const session = new SessionState(detail({ turns: [turn], tree: [turn.node], currentNode: 'n1' }));
  app.session = session;
  return { app, transport, session };
}

function showTurn(app: App, session: SessionState): void {
  const props = { turn: session.turns[0], session, last: true };
  render(Harness, { props: { app, component: TurnView as unknown as Component, props } });
}

function show(approval: Approval, untrusted: string[] = []) {
  const made = setup(approval, untrusted);
  showTurn(made.app, made.session);
  return { ...made, card: screen.getByTestId(testids.approval) };
}

/** Keys count only a moment after the card came. */
function later(): void {
  const now = performance.now();
  vi.spyOn(performance, 'now').mockReturnValue(now + 10_000);
}

describe('a question of the agent', () => {
  it('says what would happen and why, and takes the focus', () => {
    const { card } = show(question, ['report.html']);
    expect(card).toHaveFocus();
    expect(card).toHaveTextContent('publish a site on this machine');
    expect(screen.getByTestId(testids.approvalSubject)).toHaveTextContent('site');
    expect(card).toHaveTextContent('report.html');
    expect(screen.queryByTestId(testids.approvalAlways)).toBeNull();
    expect(card).toHaveAccessibleName(/The agent asks/);
    expect(screen.getByTestId(testids.turnUntrusted)).toHaveTextContent('report.html');
  });

  it.each([
    ['y', { type: 'allow', scope: 'once' }],
    ['S', { type: 'allow', scope: 'session', pattern: question.patterns[0] }],
    ['n', { type: 'refuse' }],
    ['Escape', { type: 'refuse' }],
  ])('is answered by the key %s', async (key, answer) => {
    const { card, transport } = show(question);
    later();
    await fireEvent.keyDown(card, { key });
    await vi.waitFor(() =>
      expect(transport.named('approval_answer')).toEqual([{ sessionId: 's1', itemId: 'q1', answer }]),
    );
    expect(transport.named('turn_stop')).toEqual([]);
  });

  it('takes no key for an answer that was meant for something else', async () => {
    const { card, transport } = show(question);
    await fireEvent.keyDown(card, { key: 'y' });
    later();
    await fireEvent.keyDown(card, { key: 'y', ctrlKey: true });
    await fireEvent.keyDown(card, { key: 'y', repeat: true });
    await fireEvent.keyDown(card, { key: 'y', isComposing: true });
    // What is not offered is no answer.
    await fireEvent.keyDown(card, { key: 'a' });
    await fireEvent.keyDown(screen.getByTestId(testids.approvalReason), { key: 'y' });
    expect(transport.named('approval_answer')).toEqual([]);
  });

  it('leaves the focus to a sentence that is being written', async () => {
    const { app, session } = setup(question);
    app.composer.write('s1', 'yes, and');
    render(Harness, { app, component: Composer });
    const input = screen.getByTestId(testids.composerInput);
    input.focus();
    showTurn(app, session);
    expect(input).toHaveFocus();
  });

  it('goes from button to button by arrows, and sends one answer for two clicks', async () => {
    const { card, transport } = show(send);
    later();
    await fireEvent.keyDown(card, { key: 'ArrowRight' });
    expect(screen.getByTestId(testids.approvalOnce)).toHaveFocus();
    await fireEvent.keyDown(screen.getByTestId(testids.approvalOnce), { key: 'ArrowLeft' });
    expect(screen.getByTestId(testids.approvalRefuse)).toHaveFocus();
    const once = screen.getByTestId(testids.approvalOnce);
    await Promise.all([fireEvent.click(once), fireEvent.click(once)]);
    expect(transport.named('approval_answer')).toHaveLength(1);
  });

  it('gives a rule the pattern that the person chose, and a refusal its reason', async () => {
    const { transport } = show(send);
    await fireEvent.change(screen.getByTestId(testids.approvalPattern), { target: { value: '1' } });
    await fireEvent.click(screen.getByTestId(testids.approvalAlways));
    await fireEvent.input(screen.getByTestId(testids.approvalReason), { target: { value: ' not there ' } });
    await vi.waitFor(() => expect(screen.getByTestId(testids.approvalRefuse)).toBeEnabled());
    await fireEvent.click(screen.getByTestId(testids.approvalRefuse));
    const answers = transport.named('approval_answer').map((params) => (params as { answer: unknown }).answer);
    expect(answers).toEqual([
      { type: 'allow', scope: 'always', pattern: send.patterns[1] },
      { type: 'refuse', reason: 'not there' },
    ]);
  });

  it('says what became of it, also after a reload, and hears that it came too late', async () => {
    const { app, transport, session } = show(question);
    transport.handlers.approval_answer = () => {
      throw new CommandError({ message: 'This question is no longer open.', hint: 'It was refused.' });
    };
    await fireEvent.click(screen.getByTestId(testids.approvalOnce));
    await vi.waitFor(() => expect(app.toasts.list.at(-1)?.text).toBe('This question is no longer open.'));
    session.turns[0]?.upsert(itemOf({ ...question, state: { type: 'refused', reason: 'No.' } }));
    await vi.waitFor(() => expect(screen.getByTestId(testids.approval)).toHaveTextContent('Refused: No.'));
    expect(screen.queryByTestId(testids.approvalOnce)).toBeNull();
  });

  it('shows signs that would hide or turn others', () => {
    expect(visible('rm \u202Etxt.exe\u200B\n\ttab')).toBe('rm \\u{202e}txt.exe\\u{200b}\n\ttab');
    show({ ...question, subject: 'a\u202Eb' });
    expect(screen.getByTestId(testids.approvalSubject)).toHaveTextContent('a\\u{202e}b');
  });
});

describe('the mode and the rules', () => {
  it('is changed below the message box', async () => {
    const { app, transport } = setup(question);
    render(Harness, { app, component: Composer });
    const select = screen.getByTestId(testids.composerMode);
    expect(select).toHaveValue('ask');
    await fireEvent.change(select, { target: { value: 'plan' } });
    await vi.waitFor(() => expect(app.session?.summary.mode).toBe('plan'));
    expect(transport.named('session_set_mode')).toEqual([{ sessionId: 's1', mode: 'plan' }]);
    expect(select).toHaveValue('plan');
  });

  it('lists rules and takes one away', async () => {
    const { app, transport } = setup(question);
    const rule: PermissionRule = {
      id: 'r1',
      tool: 'mshtools-deploy_website',
      pattern: { kind: 'exact', text: 'site' },
      sessionId: 's1',
      coversUntrusted: true,
      madeAt: 0,
    };
    let rules = [rule];
    transport.handlers.rule_list = ({ sessionId }) => ({ rules: sessionId === null ? [] : rules });
    transport.handlers.rule_remove = () => {
      rules = [];
      app.rulesVersion += 1;
      return {};
    };
    render(Harness, { app, component: PermissionsSection });
    expect(await screen.findByTestId(testids.ruleRow)).toHaveTextContent('site');
    await fireEvent.click(screen.getByTestId(testids.ruleRemove));
    await vi.waitFor(() => expect(screen.queryByTestId(testids.ruleRow)).toBeNull());
    expect(transport.named('rule_remove')).toEqual([{ id: 'r1' }]);
  });
});
