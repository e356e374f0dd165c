import { once } from 'node:events';
import { createServer } from 'node:https';
import { createCertificateAuthority, issueServerCertificate } from '@varve/kube';
import { expect, test } from 'vitest';
import { createJoinToken } from './token.ts';

/** What a token of a server is that presents `length` certificates of its chain. */
async function tokenOf(length: number) {
  const authority = await createCertificateAuthority({ commonName: 'test' });
  const { certificate, key } = await issueServerCertificate(authority, { hosts: ['127.0.0.1'] });
  const chain = `${certificate}\n${authority.certificate}`.match(/-----BEGIN[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
  const server = createServer({ cert: chain.slice(0, length).join('\n'), key });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const url = `https://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  const made: object[] = [];
  const client = {
    async create(_definition: unknown, object: object) {
      made.push(object);
      return object as never;
    },
  };
  try {
    const options = { lifetime: 60_000, labels: { a: 'b' }, signal: AbortSignal.timeout(10_000) };
    const token = await createJoinToken(client, { server: url, ca: authority.certificate }, options);
    return { token, made, authority };
  } finally {
    server.close();
  }
}

test('hosts need a pin only where the server presents its authority', async () => {
  const { token, made } = await tokenOf(2);
  expect(token.command).toBe(
    `varve node join --server ${token.server} --token ${token.token} --ca-hash ${token.caHash}`,
  );
  expect(token.ca).toBeNull();
  expect(made).toMatchObject([{ stringData: { 'auth-extra-groups': 'system:bootstrappers:varve' } }]);
});

test('hosts need the authority itself where the server presents its own certificate alone', async () => {
  const { token, authority } = await tokenOf(1);
  expect(token.command).toBe(`varve node join --server ${token.server} --token ${token.token} --ca-file ca.crt`);
  expect(token.ca).toBe(authority.certificate);
});
