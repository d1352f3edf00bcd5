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
    const { timestamp, level, target, fields, span: _span, spans: _spans, ...rest } = entry;
    const { message, ...details } = (typeof fields === 'object' && fields !== null ? fields : rest) as Record<
      string,
      unknown
    >;
    return {
      time: typeof timestamp === 'string' ? (timestamp.split('T')[1]?.slice(0, 12) ?? timestamp) : '',
      level: typeof level === 'string' ? level : '',
      message: typeof message === 'string' ? message : String(target ?? ''),
      fields: Object.entries(details)
        .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
        .join(' '),
    };
  } catch {
    return { time: '', level: '', message: line, fields: '' };
  }
}
