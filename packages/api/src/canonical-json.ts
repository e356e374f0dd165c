// One text for one value: keys sorted by UTF-16 code units, no white space, absent and undefined alike (RFC 8785's
// rules for objects; numbers here are integers). Names and comparisons of content stand on it.

export function canonicalJson(value: unknown): string {
  return JSON.stringify(sorted(value)) ?? 'null';
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, child]) => child !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  // A Map keeps "__proto__" a plain key; fromEntries defines properties and does not set them.
  return Object.fromEntries(entries.map(([key, child]) => [key, sorted(child)]));
}
