// For tests: how often a parser is given something new. VARVE_FUZZ_RUNS asks for more than a quick look.
export function fuzzRuns(usual: number): number {
  const asked = Number(process.env.VARVE_FUZZ_RUNS ?? '');
  return Number.isInteger(asked) && asked > 0 ? asked : usual;
}
