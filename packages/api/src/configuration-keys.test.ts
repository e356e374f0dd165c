import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  type ConfigurationKeys,
  createConfigurationKey,
  createSigningKeys,
  followKeys,
  parseKeyChain,
  publicHalf,
  rotateSigningKeys,
  signKeys,
} from './configuration-keys.ts';

const [a, b, c] = [1, 2, 3].map(() => createPrivateKey(createConfigurationKey()));
if (!a || !b || !c) throw new Error('no keys');
const one: ConfigurationKeys = { version: 1, keys: [publicHalf(a)] };
const two: ConfigurationKeys = { version: 2, keys: [publicHalf(a), publicHalf(b)] };
const three: ConfigurationKeys = { version: 3, keys: [publicHalf(b), publicHalf(c)] };
const chain = [signKeys(one, a), signKeys(two, a), signKeys(three, b)];

describe('followKeys', () => {
  test('walks to the newest set from wherever a host stands', () => {
    for (const held of [undefined, one, two, three]) expect(followKeys(chain, held)).toEqual({ keys: three });
    expect(followKeys([], one)).toEqual({ keys: one });
  });

  test.each([
    ['an empty chain with nothing held', [], undefined],
    ['a set that the one before does not know', [signKeys(two, c)], one],
    ['a set signed by its own new key only', [signKeys(two, b)], one],
    ['a set left out', [signKeys(three, b)], one],
    ['a first set that somebody else signed', [signKeys(one, b)], undefined],
    ['rubbish', ['{}'], one],
    ['a set of private keys', [signKeys({ version: 2, keys: [createConfigurationKey()] }, a)], one],
    ['a set of keys of another kind', [signKeys({ version: 2, keys: [rsaKey()] }, a)], one],
    ['no keys', [signKeys({ version: 2, keys: [] }, a)], one],
  ])('takes nothing of %s', (_name, statements, held) => {
    expect(followKeys(statements, held)).toHaveProperty('problem');
  });

  test('never goes back', () => {
    expect(followKeys([signKeys(one, a)], three)).toEqual({ keys: three });
    // A key that was taken out signs what it likes: it is not in the chain from the set that is held.
    expect(followKeys([signKeys({ version: 4, keys: [publicHalf(a)] }, a)], three)).toHaveProperty('problem');
  });
});

test('what is published reads back, and rubbish is an empty chain', () => {
  expect(parseKeyChain(JSON.stringify(chain))).toEqual(chain);
  for (const text of ['', '{}', '[1]', 'null']) expect(parseKeyChain(text)).toEqual([]);
});

function rsaKey(): string {
  return generateKeyPairSync('rsa', { modulusLength: 2048 })
    .publicKey.export({ type: 'spki', format: 'pem' })
    .toString();
}

test('rotations overlap, and a revocation does not', () => {
  const first = createSigningKeys();
  const second = rotateSigningKeys(first);
  const third = rotateSigningKeys(second, { revoke: true });
  const halves = [first, second, third].map(({ privateKey }) => publicHalf(createPrivateKey(privateKey)));
  expect(followKeys(first.chain, undefined)).toEqual({ keys: { version: 1, keys: halves.slice(0, 1) } });
  const held = { version: 1, keys: halves.slice(0, 1) };
  expect(followKeys(second.chain, held)).toEqual({ keys: { version: 2, keys: halves.slice(0, 2) } });
  expect(followKeys(third.chain, held)).toEqual({ keys: { version: 3, keys: halves.slice(2) } });
});
