import type { Area } from '../behaviour.ts';
import {
  causesIn,
  configMap,
  configMaps,
  done,
  lease,
  leases,
  namespaces,
  node,
  nodes,
  pool,
  pools,
  secret,
  secrets,
  versionOf,
} from '../objects.ts';

export const update: Area = {
  name: 'update',
  behaviours: [
    {
      name: 'with the present resourceVersion',
      async run({ api, name }) {
        const resourceVersion = versionOf(await api.post(pools, pool(name)));
        return api.put(`${pools}/${name}`, pool(name, { paused: true }, { resourceVersion }));
      },
    },
    {
      name: 'with a stale resourceVersion',
      async run({ api, namespace }) {
        const resourceVersion = versionOf(await api.post(configMaps(namespace), configMap('a', { a: '1' })));
        done(await api.put(`${configMaps(namespace)}/a`, configMap('a', { a: '2' })));
        return api.put(`${configMaps(namespace)}/a`, configMap('a', { a: '3' }, { resourceVersion }));
      },
    },
    {
      name: 'a custom object with a stale resourceVersion',
      async run({ api, name }) {
        const resourceVersion = versionOf(await api.post(pools, pool(name)));
        done(await api.merge(`${pools}/${name}`, { spec: { paused: true } }));
        return api.put(`${pools}/${name}`, pool(name, {}, { resourceVersion }));
      },
    },
    {
      name: 'without a resourceVersion',
      async run({ api, namespace }) {
        done(await api.post(configMaps(namespace), configMap('a', { a: '1' })));
        return api.put(`${configMaps(namespace)}/a`, configMap('a', { b: '2' }));
      },
    },
    {
      name: 'a custom object without a resourceVersion',
      async run({ api, name }) {
        done(await api.post(pools, pool(name)));
        return api.put(`${pools}/${name}`, pool(name));
      },
    },
    {
      name: 'a lease without a resourceVersion',
      async run({ api, namespace }) {
        done(await api.post(leases(namespace), lease('a')));
        return api.put(`${leases(namespace)}/a`, lease('a', { holderIdentity: 'b' }));
      },
    },
    {
      name: 'an absent object',
      run: ({ api, namespace }) => api.put(`${configMaps(namespace)}/absent`, configMap('absent')),
    },
    {
      name: 'an absent custom object',
      run: ({ api, name }) => api.put(`${pools}/${name}`, pool(name, {}, { resourceVersion: '1' })),
    },
    {
      name: 'an absent lease is created',
      run: ({ api, namespace }) => api.put(`${leases(namespace)}/a`, lease('a', { holderIdentity: 'b' })),
    },
    {
      name: 'another uid',
      async run({ api, namespace }) {
        done(await api.post(configMaps(namespace), configMap('a')));
        const { code, body } = await api.put(
          `${configMaps(namespace)}/a`,
          configMap('a', {}, { uid: '0a0a0a0a-0000-4000-8000-000000000000' }),
        );
        return { code, body };
      },
    },
    {
      name: 'another name than in the URL',
      async run({ api, namespace }) {
        done(await api.post(configMaps(namespace), configMap('a')));
        return api.put(`${configMaps(namespace)}/a`, configMap('b'));
      },
    },
    {
      name: 'another namespace than in the URL',
      async run({ api, namespace }) {
        done(await api.post(configMaps(namespace), configMap('a')));
        return api.put(`${configMaps(namespace)}/a`, configMap('a', {}, { namespace: 'default' }));
      },
    },
    {
      name: 'without a change',
      async run({ api, name }) {
        const before = done(await api.post(pools, pool(name, { paused: true })));
        const after = done(await api.put(`${pools}/${name}`, before.body));
        return {
          code: after.code,
          sameVersion: versionOf(before) === versionOf(after),
          sameText: before.text === after.text,
        };
      },
    },
    {
      name: 'generation',
      async run({ api, name }) {
        const path = `${pools}/${name}`;
        done(await api.post(pools, pool(name)));
        const labelled = await api.merge(path, { metadata: { labels: { a: 'b' } } });
        const changed = await api.merge(path, { spec: { paused: true } });
        const reported = await api.merge(`${path}/status`, { status: { machineCount: 1 } });
        return { labelled, changed, reported };
      },
    },
    {
      name: 'status through the main path',
      async run({ api, name }) {
        done(await api.post(pools, pool(name)));
        return api.merge(`${pools}/${name}`, { status: { machineCount: 1 } });
      },
    },
    {
      name: 'identity of the object',
      async run({ api, name }) {
        done(await api.post(pools, pool(name)));
        return api.merge(`${pools}/${name}`, {
          metadata: { creationTimestamp: '2001-01-01T00:00:00Z', generation: 9, selfLink: '/mine' },
        });
      },
    },
    {
      name: 'the time of its deletion',
      async run({ api, name }) {
        done(await api.post(pools, pool(name)));
        const metadata = { deletionTimestamp: '2001-01-01T00:00:00Z' };
        return causesIn(await api.merge(`${pools}/${name}`, { metadata }));
      },
    },
    {
      name: 'the data of an immutable config map',
      async run({ api, namespace }) {
        done(await api.post(configMaps(namespace), { ...configMap('fixed', { a: '1' }), immutable: true }));
        return api.put(`${configMaps(namespace)}/fixed`, { ...configMap('fixed', { a: '2' }), immutable: true });
      },
    },
    {
      name: 'the type of a secret',
      async run({ api, namespace }) {
        done(await api.post(secrets(namespace), secret('typed')));
        return api.put(`${secrets(namespace)}/typed`, secret('typed', { type: 'example.com/other' }));
      },
    },
    {
      name: 'the pod network of a node',
      async run({ api, name }) {
        done(await api.post(nodes, node(name, { spec: { podCIDR: '10.1.0.0/24', podCIDRs: ['10.1.0.0/24'] } })));
        return api.merge(`${nodes}/${name}`, { spec: { podCIDR: '10.2.0.0/24', podCIDRs: ['10.2.0.0/24'] } });
      },
    },
    {
      name: 'the same taint twice',
      async run({ api, name }) {
        done(await api.post(nodes, node(name)));
        const taint = { key: 'a', effect: 'NoSchedule' };
        return api.merge(`${nodes}/${name}`, { spec: { taints: [taint, taint] } });
      },
    },
    {
      name: 'the label of a namespace that holds its name',
      async run({ api, namespace }) {
        return api.merge(`${namespaces}/${namespace}`, {
          metadata: { labels: { 'kubernetes.io/metadata.name': 'other' } },
        });
      },
    },
    {
      name: 'dry run',
      async run({ api, name }) {
        const before = done(await api.post(pools, pool(name)));
        const answer = await api.merge(`${pools}/${name}?dryRun=All`, { spec: { paused: true } });
        const after = await api.get(`${pools}/${name}`);
        return { answer, unchanged: before.text === after.text };
      },
    },
    {
      name: 'a new finalizer while it is deleted',
      async run({ api, name }) {
        const path = `${pools}/${name}`;
        done(await api.post(pools, pool(name, {}, { finalizers: ['varve.dev/a'] })));
        done(await api.delete(path));
        const answer = await api.merge(path, { metadata: { finalizers: ['varve.dev/a', 'varve.dev/b'] } });
        const gone = await api.merge(path, { metadata: { finalizers: [] } });
        return { answer, gone, after: await api.get(path) };
      },
    },
  ],
};
