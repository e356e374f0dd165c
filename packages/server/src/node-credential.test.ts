// What a host's credential may do, found out by trying: every kind, verb, name and subresource, and the paths.
import { startTestServer } from '@varve/apiserver';
import { beforeAll, describe, expect, test } from 'vitest';
import { documentedTable, isAllowed } from './credential-table.fixture.ts';
import { attemptsOf, type Outcome, tryAll } from './node-credential.fixture.ts';
import { rolesOf } from './roles.ts';

let outcomes: readonly Outcome[] = [];

beforeAll(async () => {
  await using server = await startTestServer({ roles: rolesOf });
  outcomes = await tryAll(server);
}, 120_000);

describe("a host's credential", () => {
  test('is tried with everything', () => {
    expect(outcomes).toHaveLength(attemptsOf().length);
    expect(outcomes.length).toBeGreaterThan(1000);
    const unclear = outcomes.filter(({ code }) => !isAllowed(code) && code !== 403);
    expect(unclear, 'what is allowed must also work, or the table would say too much').toEqual([]);
  });

  test('does what the table in docs/security.md says, and nothing else', async () => {
    const { documented, tried } = await documentedTable('what a host may do', outcomes);
    expect(documented).toBe(tried);
  });

  test('never touches what is not its own', () => {
    const strangers = outcomes.filter(({ attempt, code }) => isAllowed(code) && attempt.object !== 'its own');
    expect(strangers.map(({ attempt }) => attempt)).toEqual([]);
  });
});
