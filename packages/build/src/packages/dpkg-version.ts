// Which of two Debian versions is newer: https://www.debian.org/doc/debian-policy/ch-controlfields.html#version (5.6.12).

interface DebianVersion {
  readonly epoch: string;
  readonly upstream: string;
  readonly revision: string;
}

/** Negative when `a` is older than `b`, positive when it is newer, 0 when the two mean the same. */
export function compareDpkgVersions(a: string, b: string): number {
  const [left, right] = [split(a), split(b)];
  return (
    comparePart(left.epoch, right.epoch) ||
    comparePart(left.upstream, right.upstream) ||
    comparePart(left.revision, right.revision)
  );
}

/** `[epoch:]upstream[-revision]`. What is absent counts as 0. */
function split(version: string): DebianVersion {
  const colon = version.indexOf(':');
  const rest = version.slice(colon + 1);
  const dash = rest.lastIndexOf('-');
  return {
    epoch: colon < 0 ? '0' : version.slice(0, colon),
    upstream: dash < 0 ? rest : rest.slice(0, dash),
    revision: dash < 0 ? '0' : rest.slice(dash + 1),
  };
}

/** Compares the texts by turns of non-digits, by `compareText`, and digits, by value. */
function comparePart(a: string, b: string): number {
  let [left, right] = [a, b];
  while (left !== '' || right !== '') {
    const [leftText, rightText] = [/^[^0-9]*/.exec(left)?.[0] ?? '', /^[^0-9]*/.exec(right)?.[0] ?? ''];
    const byText = compareText(leftText, rightText);
    if (byText !== 0) return byText;
    left = left.slice(leftText.length);
    right = right.slice(rightText.length);
    const [leftDigits, rightDigits] = [/^[0-9]*/.exec(left)?.[0] ?? '', /^[0-9]*/.exec(right)?.[0] ?? ''];
    const byNumber = compareDigits(leftDigits, rightDigits);
    if (byNumber !== 0) return byNumber;
    left = left.slice(leftDigits.length);
    right = right.slice(rightDigits.length);
  }
  return 0;
}

/** Letter by letter: `~` before the end of the text, the end before letters, letters before everything else. */
function compareText(a: string, b: string): number {
  for (let index = 0; index < Math.max(a.length, b.length); index += 1) {
    const difference = order(a.charCodeAt(index)) - order(b.charCodeAt(index));
    if (difference !== 0) return difference;
  }
  return 0;
}

/** NaN is the end of the text. */
function order(character: number): number {
  if (Number.isNaN(character)) return 0;
  if (character === 0x7e) return -1;
  return /[A-Za-z]/.test(String.fromCharCode(character)) ? character : character + 0x1_0000;
}

/** By value, of any length; the empty text is 0. Shared with rpm's rules, where digits mean the same. */
export function compareDigits(a: string, b: string): number {
  const [left, right] = [a.replace(/^0+/, ''), b.replace(/^0+/, '')];
  if (left.length !== right.length) return left.length - right.length;
  return left === right ? 0 : left < right ? -1 : 1;
}
