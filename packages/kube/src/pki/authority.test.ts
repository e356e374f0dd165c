import { X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { createCertificateAuthority, issueClientCertificate, issueServerCertificate } from './authority.ts';
import { certificatePin, parseCertificate } from './certificate.ts';

const hour = 60 * 60 * 1000;

test('an authority is a self-signed CA that may issue end certificates only', async () => {
  const authority = await createCertificateAuthority({ commonName: 'varve' });
  const certificate = new X509Certificate(authority.certificate);
  expect(certificate.ca).toBe(true);
  expect(certificate.verify(certificate.publicKey)).toBe(true);
  expect(certificate.toString()).toContain('BEGIN CERTIFICATE');
  expect(parseCertificate(authority.certificate)).toMatchObject({ commonName: 'varve', isAuthority: true });
});

test('a server certificate is signed by its authority, names its hosts and brings the authority along', async () => {
  const authority = await createCertificateAuthority({ commonName: 'varve' });
  const { certificate } = await issueServerCertificate(authority, {
    hosts: ['varve.example', '127.0.0.1', '::1', 'localhost'],
  });
  const leaf = new X509Certificate(certificate);
  const root = new X509Certificate(authority.certificate);
  expect(leaf.verify(root.publicKey)).toBe(true);
  expect(leaf.checkIssued(root)).toBe(true);
  expect(leaf.checkHost('varve.example')).toBe('varve.example');
  expect(leaf.checkHost('other.example')).toBeUndefined();
  expect(leaf.checkIP('127.0.0.1')).toBe('127.0.0.1');
  expect(leaf.checkIP('::1')).toBe('::1');
  expect(certificate.endsWith(authority.certificate)).toBe(true);
  expect(parseCertificate(certificate)).toMatchObject({ isAuthority: false, clientAuth: false });
});

test('a client certificate carries user and groups in any order of groups', async () => {
  const authority = await createCertificateAuthority({ commonName: 'varve' });
  const { certificate } = await issueClientCertificate(authority, {
    commonName: 'admin',
    organizations: ['system:masters', 'ops, europe'],
  });
  expect(parseCertificate(certificate)).toMatchObject({
    commonName: 'admin',
    organizations: ['system:masters', 'ops, europe'],
    clientAuth: true,
    isAuthority: false,
  });
  expect(parseCertificate(new X509Certificate(certificate).raw)).toEqual(parseCertificate(certificate));
});

test('no certificate outlives its authority, and serial numbers differ', async () => {
  const authority = await createCertificateAuthority({ commonName: 'varve', validity: hour });
  const options = { commonName: 'a', organizations: [], validity: 100 * hour };
  const first = parseCertificate((await issueClientCertificate(authority, options)).certificate);
  const second = parseCertificate((await issueClientCertificate(authority, options)).certificate);
  expect(first.notAfter).toEqual(parseCertificate(authority.certificate).notAfter);
  expect(first.serialNumber).not.toBe(second.serialNumber);
});

test.each([
  ['an empty name', { commonName: '', organizations: [] }],
  ['a name with a line break', { commonName: 'a\nb', organizations: [] }],
  ['an empty group', { commonName: 'a', organizations: [''] }],
  ['too many groups', { commonName: 'a', organizations: Array.from({ length: 17 }, (_, i) => `g${i}`) }],
  ['no validity', { commonName: 'a', organizations: [], validity: 0 }],
])('a client certificate with %s is refused', async (_, options) => {
  const authority = await createCertificateAuthority({ commonName: 'varve' });
  await expect(issueClientCertificate(authority, options)).rejects.toMatchObject({ code: 'CERTIFICATE_INVALID' });
});

test('an end certificate cannot issue', async () => {
  const authority = await createCertificateAuthority({ commonName: 'varve' });
  const client = await issueClientCertificate(authority, { commonName: 'a', organizations: [] });
  await expect(issueServerCertificate(client, { hosts: ['x'] })).rejects.toMatchObject({ code: 'CERTIFICATE_INVALID' });
});

test.each(['', 'x', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n', 'A'.repeat(100_000)])(
  'garbage is not a certificate (%#)',
  (text) => {
    expect(() => parseCertificate(text)).toThrow(expect.objectContaining({ code: 'CERTIFICATE_INVALID' }));
    expect(() => certificatePin(text)).toThrow(expect.objectContaining({ code: 'CERTIFICATE_INVALID' }));
  },
);
