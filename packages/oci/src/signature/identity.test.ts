// https://github.com/containers/container-libs/blob/main/image/docs/containers-policy.json.5.md, signedIdentity
import { expect, test } from 'vitest';
import { parseImageReference } from '../reference.ts';
import { identityMatches } from './identity.ts';
import type { SignedIdentity } from './policy.ts';
import { intendedReference } from './signed-reference.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const other = `sha256:${'b'.repeat(64)}`;
const remap = { type: 'remapIdentity', prefix: 'mirror.example/m', signedPrefix: 'vendor.example' } as const;

const table: [rule: SignedIdentity, intended: string, signed: string, matches: boolean][] = [
  [{ type: 'matchExact' }, 'a.example/x:v1', 'a.example/x:v1', true],
  [{ type: 'matchExact' }, 'a.example/x:v1', 'a.example/x:v2', false],
  [{ type: 'matchExact' }, 'a.example/x:v1', 'a.example/x', false],
  [{ type: 'matchExact' }, 'a.example/x:latest', 'a.example/x', false],
  [{ type: 'matchExact' }, 'a.example/x:latest', 'a.example/x:latest', true],
  [{ type: 'matchExact' }, `a.example/x@${digest}`, 'a.example/x:v1', false],
  [{ type: 'matchExact' }, `a.example/x@${digest}`, `a.example/x@${digest}`, true],
  [{ type: 'matchExact' }, 'debian:v1', 'docker.io/library/debian:v1', true],

  [{ type: 'matchRepoDigestOrExact' }, 'a.example/x:v1', 'a.example/x:v1', true],
  [{ type: 'matchRepoDigestOrExact' }, 'a.example/x:v1', 'a.example/x:v2', false],
  [{ type: 'matchRepoDigestOrExact' }, `a.example/x@${digest}`, 'a.example/x:v1', true],
  [{ type: 'matchRepoDigestOrExact' }, `a.example/x@${digest}`, `a.example/x@${other}`, true],
  [{ type: 'matchRepoDigestOrExact' }, `a.example/x@${digest}`, 'a.example/y:v1', false],
  // cosign 2 signs the repository alone.
  [{ type: 'matchRepoDigestOrExact' }, `a.example/x@${digest}`, 'a.example/x', false],
  [{ type: 'matchRepoDigestOrExact' }, `a.example/x:v1@${digest}`, 'a.example/x:v2', true],

  [{ type: 'matchRepository' }, 'a.example/x:v1', 'a.example/x', true],
  [{ type: 'matchRepository' }, 'a.example/x:v1', 'a.example/x:v2', true],
  [{ type: 'matchRepository' }, 'a.example/x:v1', 'a.example/y:v1', false],
  [{ type: 'matchRepository' }, 'a.example/x:v1', 'a.example:5000/x:v1', false],
  [{ type: 'matchRepository' }, 'a.example/x:v1', 'UPPER CASE', false],
  [{ type: 'matchRepository' }, 'a.example/x:v1', '', false],

  [{ type: 'exactReference', dockerReference: 'b.example/y:v1' }, 'a.example/x:v2', 'b.example/y:v1', true],
  [{ type: 'exactReference', dockerReference: 'b.example/y:v1' }, 'a.example/x:v2', 'a.example/x:v2', false],
  [{ type: 'exactReference', dockerReference: 'b.example/y:v1' }, 'a.example/x:v2', 'b.example/y', false],

  [{ type: 'exactRepository', dockerRepository: 'b.example/y' }, 'a.example/x:v2', 'b.example/y:v7', true],
  [{ type: 'exactRepository', dockerRepository: 'b.example/y' }, 'a.example/x:v2', 'b.example/y', true],
  [{ type: 'exactRepository', dockerRepository: 'b.example/y' }, 'a.example/x:v2', 'a.example/x:v2', false],

  [remap, 'mirror.example/m/os:v1', 'vendor.example/os:v1', true],
  [remap, 'mirror.example/m/os:v1', 'mirror.example/m/os:v1', false],
  [remap, `mirror.example/m/os@${digest}`, 'vendor.example/os:v1', true],
  [remap, 'mirror.example/mm/os:v1', 'mirror.example/mm/os:v1', true],
  [remap, 'else.example/os:v1', 'else.example/os:v1', true],
  [remap, 'mirror.example/m/os:v1', 'vendor.example/os', false],
  // The name that comes out must be written out.
  [{ ...remap, signedPrefix: 'library' }, 'mirror.example/m/os:v1', 'library/os:v1', false],
];
test.each(table)('%j: %s, signed as %s: %s', (rule, intended, signed, matches) => {
  expect(identityMatches(rule, intendedReference(parseImageReference(intended)), signed)).toBe(matches);
});
