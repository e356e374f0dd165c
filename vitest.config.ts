import { defineConfig } from 'vitest/config';

// unit: needs nothing. integration (*.integration.test.ts): needs the Debian packages of scripts/packages.txt and root.
// e2e: the whole product on real OSTree sysroots. long: hosts and fleets under random kills and faults, many times. vm: real boots in QEMU, emulated; skipped where it is not installed. kube: on a real kube-apiserver with etcd, where Go can build them.
// VARVE_SEED makes random tests try the same each time.
const setupFiles = ['scripts/test-seed.ts'];
/** Until what other processes do is seen; a machine may be busy. */
const expectation = { poll: { timeout: 60_000 } };

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          setupFiles,
          include: [
            'packages/*/src/**/*.test.ts',
            'conformance/**/*.test.ts',
            'docs/**/*.test.ts',
            'scripts/**/*.test.ts',
          ],
          exclude: ['**/*.integration.test.ts', '**/*.long.test.ts', '**/node_modules/**'],
          // VARVE_FUZZ_RUNS lets the tests of parsers try more, for as long as that takes.
          expect: expectation,
          testTimeout: process.env.VARVE_FUZZ_RUNS ? 3_600_000 : 120_000,
        },
      },
      {
        test: {
          name: 'integration',
          setupFiles,
          include: ['packages/*/src/**/*.integration.test.ts'],
          expect: expectation,
          testTimeout: 900_000,
          hookTimeout: 900_000,
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['e2e/**/*.test.ts'],
          exclude: ['**/*.vm.test.ts', '**/*.long.test.ts', '**/*.kube.test.ts', '**/node_modules/**'],
          expect: expectation,
          testTimeout: 1_800_000,
          hookTimeout: 900_000,
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'long',
          include: ['e2e/**/*.long.test.ts', 'packages/*/src/**/*.long.test.ts'],
          expect: expectation,
          testTimeout: 3_000_000,
          hookTimeout: 900_000,
          maxWorkers: 1,
        },
      },
      {
        test: {
          name: 'kube',
          include: ['e2e/kube/**/*.kube.test.ts'],
          testTimeout: 600_000,
          hookTimeout: 600_000,
          // One control plane at a time.
          maxWorkers: 1,
        },
      },
      {
        test: {
          name: 'vm',
          include: ['e2e/**/*.vm.test.ts'],
          expect: expectation,
          testTimeout: 900_000,
          hookTimeout: 1_500_000,
          maxWorkers: 1,
        },
      },
    ],
  },
});
