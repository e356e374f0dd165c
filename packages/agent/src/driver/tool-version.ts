// Versions of bootc (1.12.0) and rpm-ostree (2024.4): numbers with dots between them.

/** The first version in what a tool says of itself; undefined when there is none. */
export function parseToolVersion(text: string): string | undefined {
  return /\b\d+(?:\.\d+)+/.exec(text)?.[0];
}

/** Missing numbers count as zero. */
export function isAtLeast(version: string, wanted: string): boolean {
  const numbers = version.split('.').map(Number);
  for (const [index, number] of wanted.split('.').map(Number).entries()) {
    const have = numbers[index] ?? 0;
    if (have !== number) return have > number;
  }
  return true;
}
