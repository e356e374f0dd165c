// JSON that means one thing to everybody: what is signed, and what decides about signatures, must not be read differently
// by two parsers. JSON.parse takes the last of two equal keys, others the first.

/**
 * Parses JSON; an object with a key twice is an error, as is the key `__proto__`, which means something else here.
 * @throws SyntaxError
 */
export function parseStrictJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  checkKeys(text);
  return value;
}

/** The same for bytes, which must be UTF-8. */
export function parseStrictJsonBytes(bytes: Uint8Array): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new SyntaxError('it is not UTF-8', { cause });
  }
  return parseStrictJson(text);
}

/** `text` is valid JSON, so that braces and quotes alone tell where keys are. */
function checkKeys(text: string): void {
  /** The keys of each object around the position; undefined for an array. */
  const open: (Set<string> | undefined)[] = [];
  let isKeyNext = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (character === '{' || character === '[') {
      open.push(character === '{' ? new Set() : undefined);
      isKeyNext = character === '{';
    } else if (character === '}' || character === ']') {
      open.pop();
    } else if (character === ',') {
      isKeyNext = open.at(-1) !== undefined;
    } else if (character === '"') {
      const end = endOfString(text, at);
      if (isKeyNext) addKey(open.at(-1), String(JSON.parse(text.slice(at, end))));
      isKeyNext = false;
      at = end - 1;
    }
  }
}

function addKey(keys: Set<string> | undefined, key: string): void {
  const shown = JSON.stringify(key.slice(0, 100));
  if (key === '__proto__') throw new SyntaxError(`the key ${shown} is not allowed`);
  if (keys?.has(key)) throw new SyntaxError(`the key ${shown} comes twice`);
  keys?.add(key);
}

/** Where the string that begins at `at` ends, its last quote included. */
function endOfString(text: string, at: number): number {
  let end = at + 1;
  while (text[end] !== '"') end += text[end] === '\\' ? 2 : 1;
  return end + 1;
}
