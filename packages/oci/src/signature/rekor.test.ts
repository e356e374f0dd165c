import { describe, expect, test } from 'vitest';
import { byKey, key, log, manifestDigest, name, policyOf, refusal, stranger, verify } from './testing/scene.ts';
import { attach, attachments, base64, logAttachment, makeKey, simpleSigning } from './testing/sign.ts';

const good = () => attach(key, simpleSigning(manifestDigest, `${name}:v1`));

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

  test('what strangers write does not reach a terminal as it is', () => {
    const rekorBundle = JSON.stringify({ ...JSON.parse(entry(signature)), '\u001b[2J': 1 });
    const told = refusal(policy, attachments({ ...signature, rekorBundle }));
    expect(told).toContain('?[2J');
    expect(told).not.toContain('\u001b');
  });
});
