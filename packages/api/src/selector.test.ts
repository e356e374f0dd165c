import { expect, it } from 'vitest';
import type { LabelSelector } from './schema.ts';
import { matchesSelector } from './selector.ts';

const labels = { role: 'web', canary: '' };

it.each<[LabelSelector | undefined, boolean]>([
  [undefined, false],
  [{}, false],
  [{ matchLabels: {} }, false],
  [{ matchLabels: { role: 'web' } }, true],
  [{ matchLabels: { role: 'web', canary: '' } }, true],
  [{ matchLabels: { role: 'db' } }, false],
  [{ matchLabels: { toString: 'x' } }, false],
  [{ matchExpressions: [{ key: 'role', operator: 'In', values: ['db', 'web'] }] }, true],
  [{ matchExpressions: [{ key: 'role', operator: 'NotIn', values: ['web'] }] }, false],
  [{ matchExpressions: [{ key: 'zone', operator: 'NotIn', values: ['a'] }] }, true],
  [{ matchExpressions: [{ key: 'canary', operator: 'Exists' }] }, true],
  [{ matchExpressions: [{ key: 'canary', operator: 'DoesNotExist' }] }, false],
  [{ matchLabels: { role: 'web' }, matchExpressions: [{ key: 'zone', operator: 'Exists' }] }, false],
])('%j matches: %s', (selector, expected) => expect(matchesSelector(selector, labels)).toBe(expected));
