// Run before each test file: with VARVE_SEED set, property tests try the same inputs each time.
import fc from 'fast-check';

const seed = process.env.VARVE_SEED;
if (seed !== undefined) fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(seed) });
