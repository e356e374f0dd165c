// The few ASN.1 types that a certificate request is made of, in DER (X.690). Only writing: what others wrote is read by
// a real parser.

/** One value: its tag, the length of its content in as few bytes as it takes (8.1.3, 10.1), and the content. */
function value(tag: number, ...content: readonly Uint8Array[]): Uint8Array {
  const body = Buffer.concat(content);
  return Buffer.concat([Uint8Array.of(tag, ...lengthOf(body.length)), body]);
}

function lengthOf(length: number): number[] {
  if (length < 0x80) return [length];
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return [0x80 + bytes.length, ...bytes];
}

export function sequence(...content: readonly Uint8Array[]): Uint8Array {
  return value(0x30, ...content);
}

/** A SET OF with one element needs no sorting (11.6). */
export function setOfOne(element: Uint8Array): Uint8Array {
  return value(0x31, element);
}

/** 0 to 127. */
export function smallInteger(number: number): Uint8Array {
  return value(0x02, Uint8Array.of(number));
}

/** `2.5.4.3` and the like (8.19). */
export function objectIdentifier(text: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number);
  const bytes: number[] = [];
  for (const arc of [first * 40 + second, ...rest]) {
    const groups = [arc % 128];
    for (let high = Math.floor(arc / 128); high > 0; high = Math.floor(high / 128)) groups.unshift((high % 128) + 128);
    bytes.push(...groups);
  }
  return value(0x06, Uint8Array.from(bytes));
}

export function utf8String(text: string): Uint8Array {
  return value(0x0c, Buffer.from(text, 'utf8'));
}

/** Of whole bytes. */
export function bitString(bytes: Uint8Array): Uint8Array {
  return value(0x03, Uint8Array.of(0), bytes);
}

/** `[number]` of a constructed type with nothing in it. */
export function emptyContext(number: number): Uint8Array {
  return value(0xa0 + number);
}
