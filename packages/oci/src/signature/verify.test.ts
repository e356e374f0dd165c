import { describe, expect, test } from 'vitest';
import { digestOf } from '../digest.ts';
import { parseImageReference } from '../reference.ts';
import { parseSignaturePolicy } from './parse-policy.ts';
import {
  byKey,
  byRepository,
  key,
  manifestDigest,
  name,
  otherDigest,
  policyOf,
  refusal,
  stranger,
  verify,
} from './testing/scene.ts';
import { attach, attachments, base64, makeKey, simpleSigning } from './testing/sign.ts';
import { verifySignatures } from './verify.ts';

const indexDigest = digestOf(Buffer.from('index'));

const good = () => attach(key, simpleSigning(manifestDigest, `${name}:v1`));

describe('attachments', () => {
  test('a good one is accepted, and it is told whose it is', () => {
    expect(verify(policyOf(byKey), attachments(good()))).toEqual({
      scope: 'registry.example:5000',
      isSigned: true,
      signatures: [
        {
          kind: 'attachment',
          digest: manifestDigest,
          signer: 'keyData',
          keyId: expect.stringMatching(/^[0-9a-f]{64}$/),
          signedReference: `${name}:v1`,
        },
      ],
    });
  });

  test.each(['P-256', 'P-384', 'P-521', 'rsa', 'ed25519'] as const)('a key of the kind %s', (kind) => {
    const other = makeKey(kind);
    const signature = attach(other, simpleSigning(manifestDigest, `${name}:v1`));
    const policy = policyOf({ keyData: base64(other.publicPem) });
    expect(verify(policy, attachments(signature)).isSigned).toBe(true);
    const payload = Buffer.from(JSON.stringify(simpleSigning(manifestDigest, `${name}:v2`)));
    expect(refusal(policy, attachments({ ...signature, payload: base64(payload) }))).toContain('no key of the policy');
  });

  test('a larger curve with SHA-256, as containers/image signs', () => {
    const other = { ...makeKey('P-384'), hash: 'sha256' };
    const signature = attach(other, simpleSigning(manifestDigest, `${name}:v1`));
    expect(verify(policyOf({ keyData: base64(other.publicPem) }), attachments(signature)).isSigned).toBe(true);
  });

  test('one of several keys will do, and its place is told', () => {
    const policy = policyOf({ keyDatas: [base64(stranger.publicPem), base64(key.publicPem)] });
    expect(verify(policy, attachments(good())).signatures[0]?.signer).toBe('keyDatas[1]');
  });

  test('one good one among bad ones will do', () => {
    const bad = attach(stranger, simpleSigning(manifestDigest, `${name}:v1`));
    const torn = { payload: '!', signature: '!' };
    expect(verify(policyOf(byKey), attachments(torn, bad, good())).isSigned).toBe(true);
  });

  test('and among damaged ones, which are told of where none is', () => {
    const damaged = ['layer 2: the blob\u202e is torn'];
    expect(verify(policyOf(byKey), { ...attachments(good()), damaged }).isSigned).toBe(true);
    expect(refusal(policyOf(byKey), { ...attachments(), damaged })).toContain(': layer 2: the blob? is torn; ');
  });

  const text = JSON.stringify(simpleSigning(manifestDigest, `${name}:v1`));
  const payloads: [string, string, string][] = [
    ['of another image', JSON.stringify(simpleSigning(otherDigest, `${name}:v1`)), 'which is another image'],
    ['of another name', JSON.stringify(simpleSigning(manifestDigest, 'registry.example:5000/x:v1')), 'does not accept'],
    ['of another type', text.replace('cosign container', 'atomic container'), 'critical.type'],
    ['with a key twice', text.replace('"type"', '"type":"x","type"'), 'comes twice'],
    [
      'with an escaped key twice',
      text.replace(
        '"docker-manifest-digest"',
        `"docker-m\\u0061nifest-digest":"${otherDigest}","docker-manifest-digest"`,
      ),
      'comes twice',
    ],
    ['with another key', text.replace('"optional"', '"more":1,"optional"'), 'more'],
    ['with another critical key', text.replace('"type"', '"more":1,"type"'), 'more'],
    ['with another key for the image', text.replace('"docker-manifest', '"x":1,"docker-manifest'), 'x'],
    ['without optional', text.replace(',"optional":null', ''), 'optional'],
    ['with a creator that is no text', text.replace('null', '{"creator":1}'), 'optional'],
    ['with a broken time', text.replace('null', '{"timestamp":1.5}'), 'optional'],
    ['that is no JSON', 'hello', 'JSON'],
    ['that goes on after its end', `${text}{}`, 'JSON'],
    ['that is a list', '[]', 'no image signature'],
  ];
  test.each(payloads)('a payload %s', (_name, payload, reason) => {
    const told = refusal(policyOf(byKey), attachments(attach(key, payload)));
    expect(told).toContain('SIGNATURE_REJECTED');
    expect(told).toContain(reason);
  });

  test('annotations of the signer are his', () => {
    const payload = {
      ...simpleSigning(manifestDigest, `${name}:v1`),
      optional: { creator: 'x', timestamp: 5, a: 'b' },
    };
    expect(verify(policyOf(byKey), attachments(attach(key, payload))).isSigned).toBe(true);
  });

  test('a payload is not looked into before its signature is good', () => {
    const told = refusal(policyOf(byKey), attachments({ ...good(), payload: base64('{') }));
    expect(told).toContain('no key of the policy has made it');
    expect(told).not.toContain('JSON');
  });

  test('without a signature the scope, the requirement and the reason are told', () => {
    expect(refusal(policyOf(byKey), attachments())).toBe(
      `SIGNATURE_REJECTED: ${name}:v1 (${manifestDigest}) is not accepted by policy.json, scope registry.example:5000, requirement 1 (sigstoreSigned): the image has no signature; sign the image as the policy asks, or change the policy`,
    );
  });
});

describe('requirements', () => {
  function policyWith(...requirements: object[]) {
    return parseSignaturePolicy(JSON.stringify({ default: requirements }), 'policy.json');
  }
  const anything = { type: 'insecureAcceptAnything' };
  const signed = { type: 'sigstoreSigned', ...byKey };

  test.each([
    ['reject', [{ type: 'reject' }], 'refuses every image'],
    ['accept, then reject', [anything, { type: 'reject' }], 'requirement 2 (reject)'],
    ['GPG', [{ type: 'signedBy', keyType: 'GPGKeys', keyPath: '/k' }], 'GPG keys are not supported'],
    ['base layers', [{ type: 'signedBaseLayer', baseLayerIdentity: byRepository }], 'not supported'],
    ['two keys, one signature', [signed, { ...signed, keyData: base64(stranger.publicPem) }], 'requirement 2'],
  ])('%s', (_name, requirements, reason) => {
    expect(refusal(policyWith(...requirements), attachments(good()))).toContain(reason);
  });

  test('accepting anything is told to be no signature', () => {
    expect(verify(policyWith(anything), attachments())).toEqual({ isSigned: false, signatures: [] });
  });

  test('two keys and a signature of each', () => {
    const second = attach(stranger, simpleSigning(manifestDigest, `${name}:v1`));
    const policy = policyWith(signed, { ...signed, keyData: base64(stranger.publicPem) });
    expect(verify(policy, attachments(good(), second)).signatures).toHaveLength(2);
  });

  test('a policy that does not mention the registry refuses, for that is its default', () => {
    const reference = parseImageReference('elsewhere.example/os:v1');
    const options = { policy: policyOf(byKey), reference, manifestDigest, signatures: attachments(good()) };
    expect(() => verifySignatures(options)).toThrow(/default, requirement 1 \(reject\)/);
  });

  test.each([
    ['a key file that was not read', { keyPath: '/no/such.pub' }, '/no/such.pub'],
    ['a key that is none', { keyData: base64('hello') }, 'no public key in PEM'],
    ['a private key', { keyData: base64(key.privateKey.export({ type: 'pkcs8', format: 'pem' })) }, 'private key'],
    ['a log whose key is not ECDSA', { ...byKey, rekorPublicKeyData: base64(makeKey('rsa').publicPem) }, 'ECDSA'],
    ['a key beside a broken one', { keyDatas: [base64(key.publicPem), base64('x')] }, 'keyDatas[1]'],
  ])('%s makes the requirement unusable', (_name, fields, reason) => {
    const told = refusal(policyOf(fields), attachments(good()));
    expect(told).toContain('SIGNATURE_POLICY_INVALID');
    expect(told).toContain(reason);
  });

  test('the digest that was named must be the image', () => {
    expect(refusal(policyOf(byKey), attachments(good()), `@${otherDigest}`)).toContain('not the one of the digest');
  });

  test('the signature of the index that holds the image counts where the caller has found it there', () => {
    const signatures = attachments(attach(key, simpleSigning(indexDigest, `${name}:v1`)));
    expect(refusal(policyOf(byKey), signatures)).toContain('another image');
    const reference = parseImageReference(`${name}@${indexDigest}`);
    const accepted = verifySignatures({ policy: policyOf(byKey), reference, manifestDigest, indexDigest, signatures });
    expect(accepted.signatures[0]?.digest).toBe(indexDigest);
  });
});
