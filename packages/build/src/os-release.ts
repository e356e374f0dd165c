/** Parses os-release(5): `NAME=value` lines with optional quotes. */
export function parseOsRelease(text: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of text.split('\n')) {
    const match = /^(?<name>[A-Z][A-Z0-9_]*)=(?<value>.*)$/.exec(line.trim())?.groups;
    if (match === undefined) continue;
    fields.set(match.name ?? '', unquote(match.value ?? ''));
  }
  return fields;
}

function unquote(value: string): string {
  const quoted = /^"(?<double>.*)"$|^'(?<single>.*)'$/.exec(value)?.groups;
  const inner = quoted?.double ?? quoted?.single;
  return inner === undefined ? value : inner.replaceAll(/\\([$"\\`])/g, '$1');
}
