import type { Area } from '../behaviour.ts';
import {
  causesIn,
  configMap,
  configMaps,
  configs,
  done,
  namespaces,
  node,
  nodes,
  pool,
  pools,
  secret,
  secrets,
} from '../objects.ts';

export const create: Area = {
  name: 'create',
  behaviours: [
    {
      name: 'a built-in object',
      run: ({ api, namespace }) =>
        api.post(configMaps(namespace), configMap('made', { a: '1' }, { labels: { a: 'b' } })),
    },
    { name: 'a custom object', run: ({ api, name }) => api.post(pools, pool(name, { maxUnavailable: 2 })) },
    {
      name: 'a name that is taken',
      async run({ api, namespace }) {
        done(await api.post(configMaps(namespace), configMap('taken')));
        return api.post(configMaps(namespace), configMap('taken'));
      },
    },
    {
      name: 'a custom name that is taken',
      async run({ api, name }) {
        done(await api.post(pools, pool(name)));
        return api.post(pools, pool(name));
      },
    },
    {
      name: 'a name that is still being deleted',
      async run({ api, name }) {
        done(await api.post(pools, pool(name, {}, { finalizers: ['varve.dev/wait'] })));
        done(await api.delete(`${pools}/${name}`));
        const again = await api.post(pools, pool(name));
        done(await api.merge(`${pools}/${name}`, { metadata: { finalizers: null } }));
        return again;
      },
    },
    {
      name: 'a generated name',
      async run({ api, namespace }) {
        const { code, text } = await api.post(configMaps(namespace), {
          ...configMap(''),
          metadata: { generateName: 'made-' },
        });
        return { code, matches: /"name":"made-[bcdfghjklmnpqrstvwxz2456789]{5}"/.test(text) };
      },
    },
    {
      name: 'a generated name from a long prefix',
      async run({ api, namespace }) {
        const metadata = { generateName: 'a'.repeat(80) };
        const { code, text } = await api.post(configMaps(namespace), { ...configMap(''), metadata });
        return { code, length: /"name":"([^"]+)"/.exec(text)?.[1]?.length };
      },
    },
    {
      name: 'no name at all',
      run: ({ api, namespace }) =>
        api.post(configMaps(namespace), { apiVersion: 'v1', kind: 'ConfigMap', metadata: {} }),
    },
    { name: 'a custom object without a name', run: ({ api }) => api.post(pools, { ...pool(''), metadata: {} }) },
    { name: 'a bad name', run: ({ api, namespace }) => api.post(configMaps(namespace), configMap('Bad_Name')) },
    { name: 'a bad custom name', run: ({ api }) => api.post(pools, pool('Bad_Name')) },
    { name: 'a name that is too long', run: ({ api }) => api.post(nodes, node('a'.repeat(254))) },
    {
      name: 'a label value that is too long',
      run: ({ api, namespace }) =>
        api.post(configMaps(namespace), configMap('labelled', {}, { labels: { a: 'b'.repeat(64) } })),
    },
    {
      name: 'a namespace with a name that is too long',
      run: ({ api }) =>
        api.post(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'a'.repeat(64) } }),
    },
    {
      name: 'a bad label',
      run: ({ api, namespace }) =>
        api.post(configMaps(namespace), configMap('labelled', {}, { labels: { 'a b': 'c' } })),
    },
    { name: 'a bad label value', run: ({ api, name }) => api.post(pools, pool(name, {}, { labels: { a: 'b c' } })) },
    {
      name: 'annotations above their limit',
      run: ({ api, namespace }) =>
        api.post(configMaps(namespace), configMap('large', {}, { annotations: { a: 'x'.repeat(270_000) } })),
    },
    { name: 'a namespace that does not exist', run: ({ api }) => api.post(configMaps('nowhere'), configMap('lost')) },
    {
      name: 'another namespace in the body',
      run: ({ api, namespace }) => api.post(configMaps(namespace), configMap('other', {}, { namespace: 'default' })),
    },
    {
      name: 'a namespace on a cluster-scoped object',
      run: ({ api, name }) => api.post(pools, pool(name, {}, { namespace: 'default' })),
    },
    {
      name: 'with a resourceVersion',
      run: ({ api, namespace }) =>
        api.post(configMaps(namespace), configMap('versioned', {}, { resourceVersion: '5' })),
    },
    {
      name: 'metadata that only the server sets',
      run: ({ api, name }) =>
        api.post(
          pools,
          pool(name, {}, { uid: 'mine', creationTimestamp: '2001-01-01T00:00:00Z', generation: 7, selfLink: '/mine' }),
        ),
    },
    {
      name: 'a status on a kind with a status subresource',
      run: ({ api, name }) => api.post(pools, { ...pool(name), status: { machineCount: 3 } }),
    },
    {
      name: 'a node keeps its status',
      run: ({ api, name }) =>
        api.post(nodes, node(name, { status: { conditions: [{ type: 'Ready', status: 'True' }] } })),
    },
    {
      name: 'a namespace',
      run: ({ api, name }) =>
        api.post(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: `${name}-made` } }),
    },
    {
      name: 'a namespace with a bad name',
      run: ({ api }) => api.post(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'a.b' } }),
    },
    {
      name: 'another kind',
      run: ({ api, namespace }) => api.post(configMaps(namespace), { ...configMap('kind'), kind: 'Secret' }),
    },
    { name: 'another custom kind', run: ({ api, name }) => api.post(pools, { ...pool(name), kind: 'MachineConfig' }) },
    {
      name: 'another version',
      run: ({ api, name }) => api.post(pools, { ...pool(name), apiVersion: 'machineconfiguration.openshift.io/v2' }),
    },
    {
      name: 'a built-in object without kind and apiVersion',
      run: ({ api, namespace }) => api.post(configMaps(namespace), { metadata: { name: 'bare' } }),
    },
    {
      name: 'a custom object without kind',
      run: ({ api, name }) =>
        api.post(pools, { apiVersion: 'machineconfiguration.openshift.io/v1', metadata: { name } }),
    },
    {
      name: 'a custom object without apiVersion',
      run: ({ api, name }) => api.post(pools, { kind: 'MachineConfigPool', metadata: { name } }),
    },
    { name: 'broken JSON', run: ({ api, namespace }) => api.post(configMaps(namespace), '{"metadata":') },
    { name: 'an empty body', run: ({ api, namespace }) => api.post(configMaps(namespace), '') },
    { name: 'a list as the body', run: ({ api, namespace }) => api.post(configMaps(namespace), '[]') },
    {
      name: 'a wrong type',
      run: ({ api, namespace }) => api.post(configMaps(namespace), { ...configMap('typed'), data: { a: 1 } }),
    },
    { name: 'a named URL', run: ({ api, namespace }) => api.post(`${configMaps(namespace)}/made`, configMap('made')) },
    {
      name: 'a namespaced kind outside of a namespace',
      run: ({ api }) => api.post('/api/v1/configmaps', configMap('made')),
    },
    {
      name: 'dry run',
      async run({ api, name }) {
        const answer = await api.post(`${pools}?dryRun=All`, pool(name));
        return { answer, after: await api.get(`${pools}/${name}`) };
      },
    },
    {
      name: 'an unknown dry run',
      run: ({ api, namespace }) => api.post(`${configMaps(namespace)}?dryRun=Some`, configMap('dry')),
    },
    {
      name: 'unknown fields, strict',
      run: ({ api, name }) => api.post(`${pools}?fieldValidation=Strict`, pool(name, { bogus: 1, paused: true })),
    },
    {
      name: 'unknown fields of a built-in kind, strict',
      run: ({ api, namespace }) =>
        api.post(`${configMaps(namespace)}?fieldValidation=Strict`, { ...configMap('strict'), bogus: 1, dat: {} }),
    },
    {
      name: 'unknown fields, warned of',
      run: ({ api, name }) => api.post(`${pools}?fieldValidation=Warn`, pool(name, { bogus: 1, paused: true })),
    },
    {
      name: 'unknown fields by default',
      run: ({ api, namespace }) => api.post(configMaps(namespace), { ...configMap('warned'), bogus: 1 }),
    },
    {
      name: 'unknown fields, ignored',
      run: ({ api, name }) => api.post(`${pools}?fieldValidation=Ignore`, pool(name, { bogus: 1 })),
    },
    {
      name: 'an unknown field validation',
      run: ({ api, name }) => api.post(`${pools}?fieldValidation=Loose`, pool(name)),
    },
    {
      name: 'duplicate fields, strict',
      run: ({ api, namespace }) =>
        api.post(
          `${configMaps(namespace)}?fieldValidation=Strict`,
          '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"twice"},"data":{"a":"1","a":"2"}}',
        ),
    },
    { name: 'a field manager', run: ({ api, name }) => api.post(`${pools}?fieldManager=me`, pool(name)) },
    {
      name: 'a field manager that is too long',
      run: ({ api, name }) => api.post(`${pools}?fieldManager=${'m'.repeat(129)}`, pool(name)),
    },
    {
      name: 'a secret',
      run: ({ api, namespace }) =>
        api.post(secrets(namespace), secret('plain', { stringData: { a: 'text' }, data: { b: 'Yg==' } })),
    },
    {
      name: 'a secret that is not base64',
      run: ({ api, namespace }) => api.post(secrets(namespace), secret('broken', { data: { a: '%' } })),
    },
    {
      name: 'a TLS secret without its key',
      run: ({ api, namespace }) =>
        api.post(secrets(namespace), secret('tls', { type: 'kubernetes.io/tls', data: { 'tls.crt': 'Yg==' } })),
    },
    {
      name: 'a bad key of a config map',
      run: ({ api, namespace }) => api.post(configMaps(namespace), configMap('key', { 'a/b': '1' })),
    },
    {
      name: 'a config map above its limit',
      run: ({ api, namespace }) => api.post(configMaps(namespace), configMap('big', { a: 'x'.repeat(1_100_000) })),
    },
    {
      name: 'a body above the limit',
      run: async ({ api, namespace }) => ({
        code: (await api.post(configMaps(namespace), configMap('huge', { a: 'x'.repeat(3_200_000) }))).code,
      }),
    },
    {
      name: 'owner references without their fields',
      run: ({ api, namespace }) =>
        api.post(
          configMaps(namespace),
          configMap('owned', {}, { ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'n' }] }),
        ),
    },
    {
      name: 'a finalizer without a domain',
      run: ({ api, namespace }) =>
        api.post(configMaps(namespace), configMap('final', {}, { finalizers: ['nodomain'] })),
    },
    {
      name: 'a custom object with a finalizer without a domain',
      run: ({ api, name }) => api.post(pools, pool(name, {}, { finalizers: ['nodomain'] })),
    },
    { name: 'a value of the wrong type', run: ({ api, name }) => api.post(pools, pool(name, { paused: 'yes' })) },
    {
      name: 'several wrong values',
      run: async ({ api, name }) =>
        causesIn(await api.post(pools, pool(name, { paused: 'yes', healthChecks: { deadlineSeconds: 0 } }))),
    },
    {
      name: 'a value against a pattern',
      run: ({ api, name }) => api.post(pools, pool(name, { maxUnavailable: 'many' })),
    },
    {
      name: 'a required field',
      run: ({ api, name }) => api.post(pools, pool(name, { nodeSelector: { matchExpressions: [{ key: 'a' }] } })),
    },
    {
      name: 'an enumeration',
      run: ({ api, name }) =>
        api.post(pools, pool(name, { nodeSelector: { matchExpressions: [{ key: 'a', operator: 'Is' }] } })),
    },
    {
      name: 'a rule of the kind',
      run: ({ api, name }) =>
        api.post('/apis/operator.openshift.io/v1/machineconfigurations', {
          apiVersion: 'operator.openshift.io/v1',
          kind: 'MachineConfiguration',
          metadata: { name },
        }),
    },
    { name: 'null where a default is', run: ({ api, name }) => api.post(pools, { ...pool(name), spec: null }) },
    {
      name: 'a machine config',
      run: ({ api, name }) =>
        api.post(configs, {
          apiVersion: 'machineconfiguration.openshift.io/v1',
          kind: 'MachineConfig',
          metadata: { name },
          spec: { config: { ignition: { version: '3.4.0' } }, kernelArguments: ['quiet'] },
        }),
    },
  ],
};
