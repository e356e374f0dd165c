import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { keyIdOf, maxEnvelopeLength, openEnvelope, preAuthenticationEncoding, sealEnvelope } from './dsse.ts';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const other = generateKeyPairSync('ed25519');
const type = 'application/x';

test('the encoding is that of the protocol', () => {
  // The example of protocol.md.
  const encoded = preAuthenticationEncoding('http://example.com/HelloWorld', Buffer.from('hello world'));
  expect(encoded.toString()).toBe('DSSEv1 29 http://example.com/HelloWorld 11 hello world');
  expect(preAuthenticationEncoding('ü', Buffer.from('ß')).toString()).toBe('DSSEv1 2 ü 2 ß');
});

test('what was sealed opens with the key, whatever it is', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.string({ maxLength: 20 }), (bytes, payloadType) => {
      const opened = openEnvelope(sealEnvelope(payloadType, bytes, privateKey), payloadType, [
        other.publicKey,
        publicKey,
      ]);
      expect(opened).toEqual({ payload: Buffer.from(bytes), keyId: keyIdOf(publicKey) });
    }),
  );
});

describe('nothing else opens', () => {
  const sealed: { payload: string; signatures: { sig: string }[] } = JSON.parse(
    sealEnvelope(type, Buffer.from('{"a":1}'), privateKey),
  );
  const sig = sealed.signatures[0]?.sig ?? '';
  test.each([
    ['another payload', { ...sealed, payload: Buffer.from('{"a":2}').toString('base64') }],
    ['another type in the envelope', { ...sealed, payloadType: 'application/y' }],
    ['no signature', { ...sealed, signatures: [] }],
    ['a signature of another length', { ...sealed, signatures: [{ sig: sig.slice(4) }] }],
    ['too many signatures', { ...sealed, signatures: Array.from({ length: 9 }, () => ({ sig })) }],
    ['a payload that is no base64', { ...sealed, payload: '{"a":1}' }],
    ['no object', 'text'],
  ])('%s', (_name, envelope) => {
    expect(openEnvelope(JSON.stringify(envelope), type, [publicKey])).toHaveProperty('problem');
  });

  test('another key, no key, other text, too much of it', () => {
    const text = JSON.stringify(sealed);
    expect(openEnvelope(text, type, [publicKey])).toHaveProperty('payload');
    for (const keys of [[other.publicKey], []]) expect(openEnvelope(text, type, keys)).toHaveProperty('problem');
    expect(openEnvelope('{', type, [publicKey])).toHaveProperty('problem');
    expect(openEnvelope(text + ' '.repeat(maxEnvelopeLength), type, [publicKey])).toHaveProperty('problem');
    expect(openEnvelope(text, 'application/y', [publicKey])).toHaveProperty('problem');
  });

  test('a key that another one claims to be', () => {
    const forged = JSON.parse(sealEnvelope(type, Buffer.from('x'), other.privateKey));
    forged.signatures[0].keyid = keyIdOf(createPublicKey(privateKey));
    expect(openEnvelope(JSON.stringify(forged), type, [publicKey])).toHaveProperty('problem');
  });
});

test('URL-safe base64 is read too', () => {
  const sealed = JSON.parse(sealEnvelope(type, Buffer.from([0xfb, 0xff, 0xfe]), privateKey));
  const urlSafe = (text: string) => text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
  sealed.payload = urlSafe(sealed.payload);
  sealed.signatures[0].sig = urlSafe(sealed.signatures[0].sig);
  expect(openEnvelope(JSON.stringify(sealed), type, [publicKey])).toHaveProperty('payload');
});
