/** Signs that hide, turn or move other signs: control, zero-width, bidirectional, and tag characters. */
const HIDING =
  // eslint-disable-next-line no-control-regex -- exactly these are looked for
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]|[\u{e0000}-\u{e007f}]/gu;

/** Text as it is, with every sign that would make it look like another text written out. Lines and tabs stay. */
export function visible(text: string): string {
  return text.replace(HIDING, (sign) => `\\u{${(sign.codePointAt(0) ?? 0).toString(16)}}`);
}
