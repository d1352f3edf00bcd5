export interface HexRow {
  /** Eight hexadecimal digits. */
  offset: string;
  bytes: string;
  /** Printable ASCII, a dot for the rest. */
  letters: string;
}

const PER_ROW = 16;
const MOST_ROWS = 16;

/** Bytes that are given in hexadecimal, sixteen to a row. */
export function hexRows(hex: string): HexRow[] {
  const pairs = hex.match(/[0-9a-f]{2}/gi) ?? [];
  const rows: HexRow[] = [];
  for (let at = 0; at < pairs.length && rows.length < MOST_ROWS; at += PER_ROW) {
    const row = pairs.slice(at, at + PER_ROW);
    const bytes = row.map((pair, index) => (index === PER_ROW / 2 ? ` ${pair}` : pair)).join(' ');
    const letters = row.map((pair) => {
      const code = Number.parseInt(pair, 16);
      return code >= 0x20 && code < 0x7f ? String.fromCharCode(code) : '.';
    });
    rows.push({
      offset: at.toString(16).padStart(8, '0'),
      bytes: bytes.padEnd(PER_ROW * 3),
      letters: letters.join(''),
    });
  }
  return rows;
}
