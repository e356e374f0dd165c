// For tests of parsers: texts that are damaged anywhere.
import * as fc from 'fast-check';

/** How often a parser is given something new. VARVE_FUZZ_RUNS asks for more than a quick look. */
export function fuzzRuns(usual: number): number {
  const asked = Number(process.env.VARVE_FUZZ_RUNS ?? '');
  return Number.isInteger(asked) && asked > 0 ? asked : usual;
}

type Change = [at: number, removed: number, added: string];

const added = fc.oneof(
  fc.constantFrom(
    ...['', '"', '\\', '{', '}', '[', ']', ',', ':', '/', '@', '-', '..', 'null', '1e999', '-1', 'AAAA'],
    ...['\0', '\ud800', '\u{1f600}', '__proto__'],
  ),
  fc.string({ maxLength: 3 }),
);

/** Up to four, anywhere in a text. */
export const changes = fc.array(fc.tuple(fc.nat(1_000_000), fc.nat(8), added), { minLength: 1, maxLength: 4 });

export function damage(text: string, all: readonly Change[]): string {
  let damaged = text;
  for (const [where, removed, more] of all) {
    const at = where % (text.length + 1);
    damaged = damaged.slice(0, at) + more + damaged.slice(at + removed);
  }
  return damaged;
}
