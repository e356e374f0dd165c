import { expect, test } from 'vitest';
import { parseImageReference } from '../reference.ts';
import { parseSignaturePolicy } from './parse-policy.ts';
import { findRequirements, scopesOf } from './scope.ts';

const digest = `sha256:${'a'.repeat(64)}`;

test.each([
  [
    'a.b.example:5000/x/y:v1',
    [
      'a.b.example:5000/x/y:v1',
      'a.b.example:5000/x/y',
      'a.b.example:5000/x',
      'a.b.example:5000',
      '*.b.example',
      '*.example',
      '',
    ],
  ],
  [`quay.io/x@${digest}`, [`quay.io/x@${digest}`, 'quay.io/x', 'quay.io', '*.io', '']],
  // With a digest, a scope of the tag is not for it.
  [`quay.io/x:v1@${digest}`, [`quay.io/x@${digest}`, 'quay.io/x', 'quay.io', '*.io', '']],
  [
    'debian',
    ['docker.io/library/debian:latest', 'docker.io/library/debian', 'docker.io/library', 'docker.io', '*.io', ''],
  ],
  ['localhost/x:v1', ['localhost/x:v1', 'localhost/x', 'localhost', '']],
  ['127.0.0.1:5955/x:v1', ['127.0.0.1:5955/x:v1', '127.0.0.1:5955/x', '127.0.0.1:5955', '*.0.0.1', '*.0.1', '*.1', '']],
])('%s', (reference, scopes) => {
  expect(scopesOf(parseImageReference(reference))).toEqual(scopes);
});

test.each([
  ['registry.example/app:v1', 'registry.example/app:v1'],
  ['registry.example/app:v2', 'registry.example/app'],
  ['registry.example/app/sub:v1', 'registry.example/app'],
  // A part of a path is no prefix of it.
  ['registry.example/apple:v1', 'registry.example'],
  ['registry.example:5000/app:v1', '*.example'],
  ['other.example/app:v1', '*.example'],
  ['example/app:v1', ''],
])('%s falls under the scope %s', (reference, scope) => {
  const scopes = ['', '*.example', 'registry.example', 'registry.example/app', 'registry.example/app:v1'];
  const docker = Object.fromEntries(scopes.map((one) => [one, [{ type: 'reject' }]]));
  const policy = parseSignaturePolicy(JSON.stringify({ default: [{ type: 'reject' }], transports: { docker } }), 'p');
  expect(findRequirements(policy, parseImageReference(reference)).scope).toBe(scope);
});
