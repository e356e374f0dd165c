import { createCertificateAuthority, createCertificateRequest, createKey } from '@varve/kube';
import type { Area } from '../behaviour.ts';
import { done, requests } from '../objects.ts';

const pem = createCertificateRequest({
  commonName: 'system:node:a',
  organizations: ['system:nodes'],
  key: createKey(),
});
const certificate = await certificateOf('a');

function request(name: string, fields: object = {}) {
  return {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name },
    spec: {
      request: Buffer.from(pem).toString('base64'),
      signerName: 'example.com/signer',
      usages: ['client auth'],
      ...fields,
    },
  };
}

const condition = (type: string, fields: object = {}) => ({
  type,
  status: 'True',
  reason: 'Test',
  message: 'as asked',
  ...fields,
});

export const certificateRequests: Area = {
  name: 'certificate requests',
  behaviours: [
    {
      name: 'the server says who asks',
      async run({ as, name }) {
        const mine = request(name, { username: 'another', uid: 'another', groups: ['system:masters'] });
        return withoutRequest(
          await (await as('dora', 'system:masters')).post(requests, { ...mine, status: { certificate } }),
        );
      },
    },
    {
      name: 'a request that is none',
      run: ({ api, name }) => api.post(requests, request(name, { request: 'bm9uZQ==' })),
    },
    { name: 'no signer', run: ({ api, name }) => api.post(requests, request(name, { signerName: '' })).then(causesOf) },
    {
      name: 'a signer without a domain',
      run: ({ api, name }) => api.post(requests, request(name, { signerName: 'signer' })).then(causesOf),
    },
    {
      name: 'an unknown usage',
      run: ({ api, name }) => api.post(requests, request(name, { usages: ['flying'] })).then(causesOf),
    },
    { name: 'no usage', run: ({ api, name }) => api.post(requests, request(name, { usages: [] })).then(causesOf) },
    {
      name: 'too short a life',
      run: ({ api, name }) => api.post(requests, request(name, { expirationSeconds: 60 })).then(causesOf),
    },
    {
      name: 'approval',
      async run({ api, name }) {
        done(await api.post(requests, request(name)));
        return withoutRequest(
          await api.merge(`${requests}/${name}/approval`, { status: { conditions: [condition('Approved')] } }),
        );
      },
    },
    {
      name: 'approved and denied',
      async run({ api, name }) {
        done(await api.post(requests, request(name)));
        done(await api.merge(`${requests}/${name}/approval`, { status: { conditions: [condition('Approved')] } }));
        return api
          .merge(`${requests}/${name}/approval`, {
            status: { conditions: [condition('Approved'), condition('Denied')] },
          })
          .then(causesOf);
      },
    },
    {
      name: 'an approval taken back',
      async run({ api, name }) {
        done(await api.post(requests, request(name)));
        done(await api.merge(`${requests}/${name}/approval`, { status: { conditions: [condition('Approved')] } }));
        return api.merge(`${requests}/${name}/approval`, { status: { conditions: [] } }).then(causesOf);
      },
    },
    {
      name: 'the request itself does not change',
      async run({ api, name }) {
        done(await api.post(requests, request(name)));
        return withoutRequest(await api.merge(`${requests}/${name}`, { spec: { signerName: 'example.com/other' } }));
      },
    },
    {
      name: 'a certificate, and then another',
      async run({ api, name }) {
        done(await api.post(requests, request(name)));
        const issued = withoutRequest(await api.merge(`${requests}/${name}/status`, { status: { certificate } }));
        const other = await certificateOf('b');
        const changed = await api.merge(`${requests}/${name}/status`, { status: { certificate: other } });
        return { issued, changed: causesOf(changed) };
      },
    },
    {
      name: 'a certificate that is none',
      async run({ api, name }) {
        done(await api.post(requests, request(name)));
        return api.merge(`${requests}/${name}/status`, { status: { certificate: 'bm9uZQ==' } }).then(causesOf);
      },
    },
  ],
};

async function certificateOf(commonName: string): Promise<string> {
  return Buffer.from((await createCertificateAuthority({ commonName })).certificate).toString('base64');
}

/** Keys and certificates are made anew at each run. */
function withoutRequest<T extends { text: string; body: unknown }>(answer: T): T {
  return { ...answer, body: JSON.parse(answer.text.replaceAll(/"(request|certificate)":"[^"]*"/g, '"$1":"<$1>"')) };
}

function causesOf({ code, text }: { code: number; text: string }) {
  const { reason, details } = JSON.parse(text);
  const causes = (details?.causes ?? []).map(({ reason: why, field }: Record<string, string>) => `${why} ${field}`);
  return { code, reason, causes };
}
