export interface LogLine {
  time: string;
  level: string;
  message: string;
  fields: string;
}

/** A line of the log, which is one JSON object; anything else is shown as it is. */
export function readLogLine(line: string): LogLine {
  try {
    const entry = JSON.parse(line) as Record<string, unknown>;
    const { timestamp, level, target, fields, span: _span, spans, ...rest } = entry;
    const { message, ...details } = (typeof fields === 'object' && fields !== null ? fields : rest) as Record<
      string,
      unknown
    >;
    return {
      time: typeof timestamp === 'string' ? (timestamp.split('T')[1]?.slice(0, 12) ?? timestamp) : '',
      level: typeof level === 'string' ? level : '',
      message: typeof message === 'string' ? message : String(target ?? ''),
      fields: Object.entries({ ...details, ...ofSpans(spans) })
        .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
        .join(' '),
    };
  } catch {
    return { time: '', level: '', message: line, fields: '' };
  }
}

/** What the spans around a line say, above all the ids of session, turn and call; the innermost wins. */
function ofSpans(spans: unknown): Record<string, unknown> {
  const said: Record<string, unknown> = {};
  for (const span of Array.isArray(spans) ? spans : []) {
    const { name: _name, ...fields } = (typeof span === 'object' && span !== null ? span : {}) as Record<
      string,
      unknown
    >;
    Object.assign(said, fields);
  }
  return said;
}
