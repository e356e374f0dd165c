import { describe, expect, test } from 'vitest';
import {
  byKey,
  byRepository,
  key,
  log,
  manifestDigest,
  name,
  otherDigest,
  policyOf,
  refusal,
  stranger,
  verify,
} from './testing/scene.ts';
import {
  attachments,
  base64,
  bundle,
  bundles,
  logBundle,
  signBytes,
  statement,
  type TestBundle,
} from './testing/sign.ts';

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
