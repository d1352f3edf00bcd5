import { expect, it } from 'vitest';
import { readLogLine } from './logLine';

it('shows the ids of the spans around a line', () => {
  const line = JSON.stringify({
    timestamp: '2026-01-02T03:04:05.678901Z',
    level: 'INFO',
    fields: { message: 'tool ends', status: 'Completed' },
    target: 'okcvm',
    span: { name: 'tool' },
    spans: [
      { name: 'turn', turn: 't1' },
      { name: 'tool', call: 'c1', tool: 'shell' },
    ],
  });
  expect(readLogLine(line)).toEqual({
    time: '03:04:05.678',
    level: 'INFO',
    message: 'tool ends',
    fields: 'status=Completed turn=t1 call=c1 tool=shell',
  });
  expect(readLogLine('not an object')).toEqual({ time: '', level: '', message: 'not an object', fields: '' });
});
