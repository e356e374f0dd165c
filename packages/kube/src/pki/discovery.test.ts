import { once } from 'node:events';
import { createServer as createTcpServer, type Server } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { expect, test } from 'vitest';
import { ConnectProxy } from '../connect-proxy.fixture.ts';
import { createCertificateAuthority, issueServerCertificate } from './authority.ts';
import { certificatePin } from './certificate.ts';
import { fetchCertificateAuthority } from './discovery.ts';
import { createKey, importKey, signingAlgorithm } from './key.ts';
import { BasicConstraintsExtension, X509Certificate, X509CertificateGenerator } from './x509.ts';

async function listen(server: Server): Promise<{ address: string } & AsyncDisposable> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  return {
    address: `https://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.close();
    },
  };
}

test('the authority of the presented chain is taken when its pin fits', async () => {
  const authority = await createCertificateAuthority({ commonName: 'varve' });
  const { certificate, key } = await issueServerCertificate(authority, { hosts: ['127.0.0.1'] });
  await using server = await listen(
    createTlsServer({ cert: certificate, key }, (socket) => socket.on('error', () => {})),
  );
  const pin = certificatePin(authority.certificate);
  expect(await fetchCertificateAuthority({ server: server.address, pin })).toBe(authority.certificate);
});

test('the way may lead through a proxy, which may refuse it', async () => {
  const authority = await createCertificateAuthority({ commonName: 'varve' });
  const { certificate, key } = await issueServerCertificate(authority, { hosts: ['127.0.0.1'] });
  await using server = await listen(
    createTlsServer({ cert: certificate, key }, (socket) => socket.on('error', () => {})),
  );
  await using proxy = await ConnectProxy.start();
  const pin = certificatePin(authority.certificate);
  const options = { server: server.address, pin, proxy: `http://user:secret@${proxy.address}` };
  expect(await fetchCertificateAuthority(options)).toBe(authority.certificate);
  const authorization = `Basic ${Buffer.from('user:secret').toString('base64')}`;
  expect(proxy.tunnels).toEqual([{ target: server.address.replace('https://', ''), authorization }]);
  proxy.refusal = '403 Forbidden';
  const refused = fetchCertificateAuthority(options);
  await expect(refused).rejects.toMatchObject({
    code: 'UNREACHABLE',
    message: expect.stringContaining('403 Forbidden'),
  });
  await expect(refused).rejects.not.toThrow(/secret/);
});

test('another authority, or none, is a mismatch', async () => {
  const authority = await createCertificateAuthority({ commonName: 'varve' });
  const impostor = await createCertificateAuthority({ commonName: 'varve' });
  const { certificate, key } = await issueServerCertificate(impostor, { hosts: ['127.0.0.1'] });
  await using server = await listen(
    createTlsServer({ cert: certificate, key }, (socket) => socket.on('error', () => {})),
  );
  const pin = certificatePin(authority.certificate);
  await expect(fetchCertificateAuthority({ server: server.address, pin })).rejects.toMatchObject({
    code: 'PIN_MISMATCH',
  });
  const leafPin = certificatePin(certificate);
  await expect(fetchCertificateAuthority({ server: server.address, pin: leafPin })).rejects.toMatchObject({
    code: 'PIN_MISMATCH',
  });
});

test('a certificate with the pinned key that the key did not sign is a mismatch', async () => {
  // The authority's public key in a certificate that another key signed: same pin, forged dates and constraints.
  const authority = await createCertificateAuthority({ commonName: 'varve' });
  const forger = await createCertificateAuthority({ commonName: 'varve' });
  const original = new X509Certificate(authority.certificate);
  const signed = await X509CertificateGenerator.create({
    subject: original.subject,
    issuer: original.subject,
    publicKey: original.publicKey,
    signingKey: importKey(forger.key).privateKey,
    signingAlgorithm,
    extensions: [new BasicConstraintsExtension(true)],
  });
  const forged = signed.toString('pem');
  expect(certificatePin(forged)).toBe(certificatePin(authority.certificate));
  const { certificate, key } = await issueServerCertificate(forger, { hosts: ['127.0.0.1'] });
  const leaf = certificate.slice(0, certificate.length - forger.certificate.length);
  await using server = await listen(
    createTlsServer({ cert: leaf + forged, key }, (socket) => socket.on('error', () => {})),
  );
  await expect(
    fetchCertificateAuthority({ server: server.address, pin: certificatePin(authority.certificate) }),
  ).rejects.toMatchObject({ code: 'PIN_MISMATCH' });
});

test('a self-signed certificate with the pinned key that is no authority is a mismatch', async () => {
  const key = createKey();
  const selfSigned = await X509CertificateGenerator.createSelfSigned({
    name: [{ CN: ['127.0.0.1'] }],
    keys: importKey(key),
    signingAlgorithm,
  });
  const certificate = selfSigned.toString('pem');
  await using server = await listen(
    createTlsServer({ cert: certificate, key }, (socket) => socket.on('error', () => {})),
  );
  await expect(
    fetchCertificateAuthority({ server: server.address, pin: certificatePin(certificate) }),
  ).rejects.toMatchObject({ code: 'PIN_MISMATCH' });
});

test('silence, refusal, plain text and bad arguments are errors with their codes', async () => {
  const pin = `sha256:${'0'.repeat(64)}`;
  await using silent = await listen(createTcpServer((socket) => socket.on('error', () => {})));
  const signal = AbortSignal.timeout(200);
  await expect(fetchCertificateAuthority({ server: silent.address, pin, signal })).rejects.toThrow(signal.reason);
  await using plain = await listen(
    createTcpServer((socket) => socket.on('error', () => {}).end('HTTP/1.1 400\r\n\r\n')),
  );
  await expect(fetchCertificateAuthority({ server: plain.address, pin })).rejects.toMatchObject({
    code: 'UNREACHABLE',
  });
  await expect(fetchCertificateAuthority({ server: 'https://127.0.0.1:1', pin })).rejects.toMatchObject({
    code: 'UNREACHABLE',
  });
  await expect(fetchCertificateAuthority({ server: 'http://x', pin })).rejects.toMatchObject({ code: 'UNREACHABLE' });
  await expect(fetchCertificateAuthority({ server: plain.address, pin: 'abc' })).rejects.toMatchObject({
    code: 'PIN_MISMATCH',
  });
});
