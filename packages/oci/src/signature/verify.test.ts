import { describe, expect, test } from 'vitest';
import { digestOf } from '../digest.ts';
import { OciError } from '../error.ts';
import { parseImageReference } from '../reference.ts';
import { parseSignaturePolicy } from './parse-policy.ts';
import type { ImageSignatures } from './signatures.ts';
import {
  attach,
  attachments,
  base64,
  bundle,
  bundles,
  logAttachment,
  logBundle,
  makeKey,
  signBytes,
  simpleSigning,
  statement,
  type TestBundle,
} from './testing/sign.ts';
import { verifySignatures } from './verify.ts';

const manifestDigest = digestOf(Buffer.from('manifest'));
const indexDigest = digestOf(Buffer.from('index'));
const otherDigest = digestOf(Buffer.from('other'));
const name = 'registry.example:5000/os/base';
const key = makeKey();
const stranger = makeKey();
const log = makeKey();

/** A policy whose only scope asks for a signature of these keys. */
function policyOf(fields: object, identity?: object): ReturnType<typeof parseSignaturePolicy> {
  const requirement = { type: 'sigstoreSigned', ...fields, ...(identity && { signedIdentity: identity }) };
  const transports = { docker: { 'registry.example:5000': [requirement] } };
  return parseSignaturePolicy(JSON.stringify({ default: [{ type: 'reject' }], transports }), 'policy.json');
}

const byKey = { keyData: base64(key.publicPem) };
const byRepository = { type: 'matchRepository' };

function verify(policy: ReturnType<typeof parseSignaturePolicy>, signatures: ImageSignatures, tag = ':v1') {
  return verifySignatures({ policy, reference: parseImageReference(`${name}${tag}`), manifestDigest, signatures });
}

/** Code and text of the refusal. */
function refusal(policy: ReturnType<typeof parseSignaturePolicy>, signatures: ImageSignatures, tag?: string): string {
  try {
    verify(policy, signatures, tag);
  } catch (error) {
    if (error instanceof OciError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'accepted';
}

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

describe('transparency log', () => {
  const policy = policyOf({ ...byKey, rekorPublicKeyData: base64(log.publicPem) });
  const entry = (changed = good(), pem = key.publicPem, by = log) => logAttachment(by, changed, pem);

  test('an entry of this signature', () => {
    const signature = good();
    const accepted = verify(policy, attachments({ ...signature, rekorBundle: entry(signature) }));
    expect(accepted.signatures[0]?.loggedAt).toBe('2025-10-09T08:53:20.000Z');
  });

  test('the one of several keys that the entry is about', () => {
    const signature = good();
    const keyDatas = [base64(stranger.publicPem), base64(key.publicPem)];
    const several = policyOf({ keyDatas, rekorPublicKeyDatas: [base64(makeKey().publicPem), base64(log.publicPem)] });
    expect(verify(several, attachments({ ...signature, rekorBundle: entry(signature) })).isSigned).toBe(true);
  });

  test('without an entry', () => {
    expect(refusal(policy, attachments(good()))).toContain('no entry in a transparency log');
  });

  const signature = good();
  const otherPayload = attach(key, simpleSigning(manifestDigest, `${name}:v1`.replace('v1', 'v9')));
  const set = (change: (value: { Payload: Record<string, unknown>; [more: string]: unknown }) => void) => {
    const value = JSON.parse(entry(signature));
    change(value);
    return JSON.stringify(value);
  };
  test.each([
    // ECDSA signatures differ each time: this one is as good, and not the one that was logged (CVE-2026-22703).
    ['of another signature of the same content', entry(good()), 'another signature'],
    ['of another content', entry({ ...otherPayload, signature: signature.signature }), 'another content'],
    ['of another key', entry(signature, stranger.publicPem), 'another key'],
    ['by another log', entry(signature, key.publicPem, stranger), 'no Rekor key'],
    ['with two keys', entry(signature, key.publicPem + stranger.publicPem), 'another key'],
    ['at another time', set((value) => Object.assign(value.Payload, { integratedTime: 1 })), 'no Rekor key'],
    ['with an unknown field', set((value) => Object.assign(value.Payload, { more: 1 })), 'more'],
    ['with a key twice', entry(signature).replace('"logIndex"', '"logIndex":1,"logIndex"'), 'twice'],
    ['that is no JSON', '{', 'JSON'],
  ])('an entry %s', (_name, rekorBundle, reason) => {
    expect(refusal(policy, attachments({ ...signature, rekorBundle }))).toContain(reason);
  });
});

describe('bundles', () => {
  const policy = policyOf(byKey, byRepository);
  const at = `@${manifestDigest}`;
  const fresh = () => bundle(key, statement(manifestDigest));

  test('a good one is accepted for an image that is named by its digest', () => {
    expect(verify(policy, bundles(fresh()), at).signatures).toEqual([
      { kind: 'bundle', digest: manifestDigest, signer: 'keyData', keyId: expect.any(String) },
    ]);
  });

  test.each(['0.1', '0.2', '0.3'])('version %s', (version) => {
    const mediaType = `application/vnd.dev.sigstore.bundle+json;version=${version}`;
    expect(verify(policy, bundles({ ...fresh(), mediaType }), at).isSigned).toBe(true);
  });

  test('not for a tag: which image it names, whoever holds the registry decides', () => {
    expect(refusal(policy, bundles(fresh()))).toContain('named by its digest');
  });

  test.each([
    { type: 'matchExact' },
    { type: 'matchRepoDigestOrExact' },
    { type: 'exactReference', dockerReference: `${name}:v1` },
    { type: 'exactRepository', dockerRepository: name },
    { type: 'remapIdentity', prefix: 'registry.example:5000', signedPrefix: 'registry.example:5000' },
  ])('not where the policy asks for more than the repository: $type', (identity) => {
    expect(refusal(policyOf(byKey, identity), bundles(fresh()), at)).toContain('a bundle names no image');
  });

  const change = (work: (value: TestBundle) => void) => {
    const value = fresh();
    work(value);
    return value;
  };
  const text = JSON.stringify(statement(manifestDigest));
  const cases: [string, unknown, string][] = [
    ['of another image', bundle(key, statement(otherDigest)), 'another image'],
    ['by another key', bundle(stranger, statement(manifestDigest)), 'no key of the policy'],
    [
      'of a list of packages',
      bundle(key, { ...statement(manifestDigest), predicateType: 'https://spdx.dev/Document' }),
      'predicateType',
    ],
    ['of a newer statement', bundle(key, text.replace('Statement/v1', 'Statement/v2')), '_type'],
    ['of a key twice', bundle(key, text.replace('"predicateType"', '"predicateType":"x","predicateType"')), 'twice'],
    ['of no subject', bundle(key, { ...statement(manifestDigest), subject: [] }), 'subject'],
    ['of another digest', bundle(key, text.replace('sha256', 'sha512')), 'another image'],
    ['of another type of payload', bundle(key, statement(manifestDigest), 'text/plain'), 'payloadType'],
    [
      'whose type of payload was changed',
      { ...bundle(key, statement(manifestDigest), 'application/json'), ...changedType() },
      'no key',
    ],
    ['of two signatures', change(({ dsseEnvelope }) => dsseEnvelope.signatures.push({ sig: 'AAAA' })), 'signatures'],
    ['of no signature', change(({ dsseEnvelope }) => dsseEnvelope.signatures.pop()), 'signatures'],
    [
      'of a future version',
      change((value) => Object.assign(value, { mediaType: 'application/vnd.dev.sigstore.bundle.v0.4+json' })),
      'mediaType',
    ],
    [
      'of a message and an envelope',
      change((value) => Object.assign(value, { messageSignature: {} })),
      'messageSignature',
    ],
    ['of a message', change((value) => Reflect.deleteProperty(value, 'dsseEnvelope')), 'dsseEnvelope'],
    ['of no key', change((value) => Object.assign(value, { verificationMaterial: {} })), 'exactly one'],
    [
      'of a key and a certificate',
      change((value) => Object.assign(value.verificationMaterial, { certificate: { rawBytes: '' } })),
      'exactly one',
    ],
    [
      'of a chain',
      change((value) =>
        Object.assign(value, { verificationMaterial: { x509CertificateChain: { certificates: [{ rawBytes: '' }] } } }),
      ),
      '0.3',
    ],
    ['that is no JSON', 'x', 'JSON'],
    ['with a key twice', JSON.stringify(fresh()).replace('"mediaType"', '"mediaType":"x","mediaType"'), 'twice'],
  ];
  test.each(cases)('one %s', (_name, value, reason) => {
    const told = refusal(policy, bundles(value), at);
    expect(told).toContain('SIGNATURE_REJECTED');
    expect(told).toContain(reason);
  });

  function changedType(): object {
    const { dsseEnvelope } = bundle(key, statement(manifestDigest), 'application/json');
    return { dsseEnvelope: { ...dsseEnvelope, payloadType: 'application/vnd.in-toto+json' } };
  }

  test('what an attachment signs does not pass as an envelope, nor the other way round', () => {
    const payload = Buffer.from(text);
    const value = fresh();
    value.dsseEnvelope.signatures = [{ sig: signBytes(key, payload) }];
    expect(refusal(policy, bundles(value), at)).toContain('no key of the policy');
    const { dsseEnvelope } = fresh();
    const swapped = { payload: dsseEnvelope.payload, signature: dsseEnvelope.signatures[0]?.sig ?? '' };
    expect(refusal(policy, attachments(swapped), at)).toContain('no key of the policy');
  });

  test('URL-safe base64', () => {
    const value = fresh();
    value.dsseEnvelope.payload = value.dsseEnvelope.payload.replaceAll('+', '-').replaceAll('/', '_');
    expect(verify(policy, bundles(value), at).isSigned).toBe(true);
  });

  describe('with a transparency log', () => {
    const logged = policyOf({ ...byKey, rekorPublicKeyData: base64(log.publicPem) }, byRepository);
    const withEntry = (value: TestBundle, entry: object) => ({
      ...value,
      verificationMaterial: { ...value.verificationMaterial, tlogEntries: [entry] },
    });

    test('its entry is compared', () => {
      const value = fresh();
      const accepted = verify(logged, bundles(withEntry(value, logBundle(log, value, key.publicPem))), at);
      expect(accepted.signatures[0]?.loggedAt).toBe('2025-10-09T08:53:20.000Z');
    });

    const value = fresh();
    const entry = logBundle(log, value, key.publicPem);
    test.each([
      ['of another bundle', logBundle(log, fresh(), key.publicPem), 'another signature'],
      ['of another key', logBundle(log, value, stranger.publicPem), 'another key'],
      ['by another log', logBundle(stranger, value, key.publicPem), 'no Rekor key'],
      ['at another time', { ...entry, integratedTime: '1760000001' }, 'no Rekor key'],
      ['without a promise', { ...entry, inclusionPromise: undefined }, 'signed promise'],
    ])('an entry %s', (_name, changed, reason) => {
      expect(refusal(logged, bundles(withEntry(value, changed)), at)).toContain(reason);
    });

    test('no entry', () => {
      expect(refusal(logged, bundles(fresh()), at)).toContain('signed promise');
    });
  });
});
