// The difference of two texts for people: removed and added lines with a little around them, without what may be
// secret. Pure.

const maxLines = 1_000;
const maxShown = 2_048;
const context = 1;
/** Names of settings whose values nobody shows, and words that look like keys or hashes. */
const secretName = /pass(word|wd|phrase)?|secret|token|credential|private|api.?key|_key\b|\bkey\b/i;
const secretWord = /[A-Za-z0-9+/_-]{24,}={0,2}/g;

interface Line {
  readonly sign: ' ' | '-' | '+';
  readonly text: string;
}

/** `-` is the config's line, `+` the host's. Undefined for texts that are too long, or no text at all. */
export function lineDiff(config: string, host: string): string | undefined {
  if (/\0|\u{fffd}/u.test(config + host)) return undefined;
  const before = linesOf(config);
  const after = linesOf(host);
  if (before.length > maxLines || after.length > maxLines) return undefined;
  const lines = withContext(compare(before, after)).map((line) => (line ? `${line.sign}${redact(line.text)}` : '…'));
  const text = lines.join('\n');
  return text.length > maxShown ? `${text.slice(0, maxShown)}…` : text;
}

/** A line without what may be secret in it. */
export function redact(line: string): string {
  const name = secretName.exec(line);
  if (name) {
    const end = name.index + name[0].length;
    return `${line.slice(0, end)}${end < line.length ? ' ***' : ''}`;
  }
  return line.replaceAll(secretWord, (word) => (looksRandom(word) ? '***' : word));
}

/** A path or a long word has no digits among letters of both cases, as keys and hashes do. */
function looksRandom(word: string): boolean {
  return /[0-9]/.test(word) && /[A-Za-z]/.test(word) && !word.includes('/');
}

function linesOf(text: string): string[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

/** By the longest common subsequence of what lies between the common beginning and the common end. */
function compare(before: readonly string[], after: readonly string[]): Line[] {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start++;
  let end = 0;
  while (end < before.length - start && end < after.length - start && before.at(-1 - end) === after.at(-1 - end)) end++;
  const same = (text: string): Line => ({ sign: ' ', text });
  const middle = compareMiddle(before.slice(start, before.length - end), after.slice(start, after.length - end));
  return [...before.slice(0, start).map(same), ...middle, ...before.slice(before.length - end).map(same)];
}

function compareMiddle(before: readonly string[], after: readonly string[]): Line[] {
  const width = after.length + 1;
  const common = new Uint16Array((before.length + 1) * width);
  const at = (row: number, column: number) => common[row * width + column] ?? 0;
  for (let row = before.length - 1; row >= 0; row--) {
    for (let column = after.length - 1; column >= 0; column--) {
      const isSame = before[row] === after[column];
      const value = isSame ? at(row + 1, column + 1) + 1 : Math.max(at(row + 1, column), at(row, column + 1));
      common[row * width + column] = value;
    }
  }
  const lines: Line[] = [];
  let column = 0;
  for (const [row, text] of before.entries()) {
    while (column < after.length && text !== after[column] && at(row, column + 1) > at(row + 1, column)) {
      lines.push({ sign: '+', text: after[column++] ?? '' });
    }
    if (column < after.length && text === after[column]) {
      lines.push({ sign: ' ', text });
      column++;
    } else lines.push({ sign: '-', text });
  }
  while (column < after.length) lines.push({ sign: '+', text: after[column++] ?? '' });
  return lines;
}

/** Lines that changed and their neighbours; undefined stands for what is left out. */
function withContext(lines: readonly Line[]): (Line | undefined)[] {
  const shown: (Line | undefined)[] = [];
  let last = -1;
  for (const [index, line] of lines.entries()) {
    const near = lines.slice(Math.max(0, index - context), index + context + 1);
    if (near.every(({ sign }) => sign === ' ')) continue;
    if (index > last + 1) shown.push(undefined);
    shown.push(line);
    last = index;
  }
  return shown;
}
