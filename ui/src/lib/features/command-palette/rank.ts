export interface Command {
  id: string;
  label: string;
  keys: string;
  group: string;
  run: () => void;
}

/** Commands that hold every word, those that begin with it first; ties keep their order. */
export function rank(commands: Command[], words: string): Command[] {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  if (wanted.length === 0) return commands;
  return commands
    .map((command) => ({ command, score: score(command, wanted) }))
    .filter(({ score: points }) => points > 0)
    .sort((left, right) => right.score - left.score)
    .map(({ command }) => command);
}

function score({ label, group }: Command, wanted: string[]): number {
  const text = label.toLowerCase();
  let points = 0;
  for (const word of wanted) {
    if (text.startsWith(word)) points += 4;
    else if (new RegExp(`(?:^|\\s)${word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}`).test(text)) points += 3;
    else if (text.includes(word)) points += 2;
    else if (group.toLowerCase().includes(word)) points += 1;
    else return 0;
  }
  return points;
}
