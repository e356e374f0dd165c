import { listAt, textAt, valueAt } from '@varve/api';
import type { Area, Fixture } from '../behaviour.ts';
import type { Answer } from '../client.ts';

const aggregated =
  'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json';
const ours = 'machineconfiguration.openshift.io';
/** Kinds of the core group that both serve in full. */
const coreKinds = new Set([
  'configmaps',
  'events',
  'namespaces',
  'namespaces/finalize',
  'namespaces/status',
  'nodes',
  'nodes/status',
  'secrets',
]);

export const discovery: Area = {
  name: 'discovery',
  behaviours: [
    { name: '/api', run: async ({ api }) => withoutAddress(await api.get('/api')) },
    {
      name: 'our group in /apis',
      run: async ({ api }) => {
        const { code, headers, body } = await api.get('/apis');
        const group = listAt(body, 'groups').find((each) => textAt(each, 'name') === ours);
        return {
          code,
          type: headers['content-type'],
          kind: valueAt(body, 'kind'),
          apiVersion: valueAt(body, 'apiVersion'),
          group,
        };
      },
    },
    { name: '/apis/GROUP', run: ({ api }) => api.get(`/apis/${ours}`) },
    {
      name: '/apis/GROUP of an unknown group',
      run: async ({ api }) => ({ code: (await api.get('/apis/bananas.example.com')).code }),
    },
    { name: '/apis/GROUP/VERSION', run: async ({ api }) => resourcesIn(await api.get(`/apis/${ours}/v1`), () => true) },
    { name: '/api/v1', run: async ({ api }) => resourcesIn(await api.get('/api/v1'), (name) => coreKinds.has(name)) },
    {
      name: '/apis/coordination.k8s.io/v1',
      run: async ({ api }) => resourcesIn(await api.get('/apis/coordination.k8s.io/v1'), (name) => name === 'leases'),
    },
    {
      name: '/apis/certificates.k8s.io/v1',
      run: async ({ api }) => resourcesIn(await api.get('/apis/certificates.k8s.io/v1'), () => true),
    },
    {
      name: '/apis/authorization.k8s.io/v1',
      run: async ({ api }) => resourcesIn(await api.get('/apis/authorization.k8s.io/v1'), () => true),
    },
    {
      name: '/apis/authentication.k8s.io/v1',
      run: async ({ api }) => resourcesIn(await api.get('/apis/authentication.k8s.io/v1'), () => true),
    },
    {
      name: 'aggregated, our group',
      run: async ({ api }) => groupIn(await api.get('/apis', { accept: aggregated }), ours),
    },
    {
      name: 'aggregated, the core group',
      run: async ({ api }) => groupIn(await api.get('/api', { accept: aggregated }), ''),
    },
    {
      name: 'aggregated, parameters in another order',
      run: async ({ api }) => {
        const { code, headers } = await api.get('/apis', {
          accept: 'application/json;as=APIGroupDiscoveryList;v=v2;g=apidiscovery.k8s.io',
        });
        return { code, type: headers['content-type'] };
      },
    },
    {
      name: 'aggregated, only the old version',
      run: async ({ api }) => {
        const accept = 'application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json';
        const { code, headers, body } = await api.get('/apis', { accept });
        return { code, type: headers['content-type'], kind: valueAt(body, 'kind') };
      },
    },
    {
      name: 'aggregated, not modified',
      run: async ({ api }) => {
        const first = await api.get('/apis', { accept: aggregated });
        const etag = first.headers.etag ?? '';
        const second = await api.get('/apis', { accept: aggregated, headers: { 'if-none-match': etag } });
        return { strong: /^"[^"]+"$/.test(etag), vary: first.headers.vary, code: second.code, text: second.text };
      },
    },
    {
      name: '/version',
      run: async ({ api }) => ({
        fields: Object.entries(objectOf(await api.get('/version')))
          .map(([key, value]) => `${key} ${typeof value}`)
          .filter((each) => !each.startsWith('emulation') && !each.startsWith('minCompat'))
          .sort(),
      }),
    },
    ...['/healthz', '/livez', '/readyz', '/healthz/ping'].map((path) => ({
      name: path,
      run: async ({ api }: Fixture) => {
        const { code, headers, text } = await api.get(path);
        return { code, type: headers['content-type'], text };
      },
    })),
    {
      name: '/readyz?verbose',
      run: async ({ api }) => {
        const { code, text } = await api.get('/readyz?verbose');
        return { code, line: text.includes('[+]ping ok\n'), end: text.trimEnd().split('\n').at(-1) };
      },
    },
    {
      name: 'the paths at the root',
      run: async ({ api }) => {
        const paths = listAt((await api.get('/')).body, 'paths');
        return {
          paths: ['/api', '/apis', `/apis/${ours}`, '/healthz', '/version'].filter((path) => paths.includes(path)),
        };
      },
    },
  ],
};

function withoutAddress({ code, headers, body }: Answer) {
  return { code, type: headers['content-type'], kind: valueAt(body, 'kind'), versions: valueAt(body, 'versions') };
}

/** Rows by name, without the hash that a server makes of its storage. */
function resourcesIn({ code, headers, body }: Answer, wanted: (name: string) => boolean) {
  const rows = listAt(body, 'resources')
    .filter((each) => wanted(textAt(each, 'name')))
    .map((each) => [textAt(each, 'name'), { ...withSortedVerbs(each), storageVersionHash: undefined }] as const);
  return {
    code,
    type: headers['content-type'],
    groupVersion: valueAt(body, 'groupVersion'),
    resources: Object.fromEntries(rows),
  };
}

function groupIn({ code, headers, body }: Answer, group: string) {
  const found = listAt(body, 'items').find((each) => textAt(each, 'metadata', 'name') === group);
  const versions = listAt(found, 'versions').map((version) => {
    const rows = listAt(version, 'resources').filter((each) => group !== '' || coreKinds.has(textAt(each, 'resource')));
    return {
      version: valueAt(version, 'version'),
      freshness: valueAt(version, 'freshness'),
      resources: Object.fromEntries(rows.map((each) => [textAt(each, 'resource'), withSortedVerbs(each)])),
    };
  });
  return {
    code,
    type: headers['content-type'],
    kind: valueAt(body, 'kind'),
    apiVersion: valueAt(body, 'apiVersion'),
    metadata: valueAt(found, 'metadata', 'name'),
    versions,
  };
}

/** Their order means nothing. */
function withSortedVerbs(row: unknown): Record<string, unknown> {
  const subresources = listAt(row, 'subresources');
  return {
    ...Object(row),
    verbs: listAt(row, 'verbs').toSorted(),
    ...(subresources.length > 0 && { subresources: subresources.map(withSortedVerbs) }),
  };
}

function objectOf({ body }: Answer): object {
  if (typeof body !== 'object' || body === null) throw new Error('no object in the answer');
  return body;
}
