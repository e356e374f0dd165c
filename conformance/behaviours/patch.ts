import type { Area } from '../behaviour.ts';
import { mediaTypes } from '../client.ts';
import { causesIn, configMap, configMaps, done, events, node, nodes, pool, pools, versionOf } from '../objects.ts';

const { jsonPatch, strategicMergePatch } = mediaTypes;
const ready = { type: 'Ready', status: 'True' };
const disk = { type: 'DiskPressure', status: 'False' };

export const patch: Area = {
  name: 'patch',
  behaviours: [
    {
      name: 'merge',
      async run({ api, name }) {
        done(await api.post(pools, pool(name, { paused: true, maxUnavailable: 2 }, { labels: { a: '1', b: '2' } })));
        return api.merge(`${pools}/${name}`, {
          metadata: { labels: { a: null, c: '3' } },
          spec: { maxUnavailable: 3 },
        });
      },
    },
    {
      name: 'merge with a body that is no object',
      async run({ api, name }) {
        done(await api.post(pools, pool(name)));
        return api.merge(`${pools}/${name}`, '[1]');
      },
    },
    {
      name: 'merge with a body that is no JSON',
      async run({ api, name }) {
        done(await api.post(pools, pool(name)));
        return api.merge(`${pools}/${name}`, '{');
      },
    },
    {
      name: 'JSON patch, every operation',
      async run({ api, namespace }) {
        done(await api.post(configMaps(namespace), configMap('a', { a: '1', b: '2', c: '3' })));
        const operations = [
          { op: 'test', path: '/data/a', value: '1' },
          { op: 'add', path: '/data/d', value: '4' },
          { op: 'remove', path: '/data/b' },
          { op: 'replace', path: '/data/a', value: '5' },
          { op: 'move', from: '/data/c', path: '/data/e' },
          { op: 'copy', from: '/data/a', path: '/data/f' },
          { op: 'add', path: '/metadata/labels', value: { 'x/y': 'z' } },
          { op: 'remove', path: '/metadata/labels/x~1y' },
        ];
        return api.call('PATCH', `${configMaps(namespace)}/a`, { body: operations, type: jsonPatch });
      },
    },
    ...[
      { name: 'JSON patch, a test that fails', operations: [{ op: 'test', path: '/data/a', value: '2' }] },
      { name: 'JSON patch, a path that is missing', operations: [{ op: 'remove', path: '/data/z' }] },
      { name: 'JSON patch, a parent that is missing', operations: [{ op: 'add', path: '/nothing/z', value: 1 }] },
      { name: 'JSON patch, an unknown operation', operations: [{ op: 'grow', path: '/data/a' }] },
      { name: 'JSON patch, an object instead of a list', operations: { op: 'remove', path: '/data/a' } },
    ].map(({ name, operations }) => ({
      name,
      async run({ api, namespace }: Parameters<Area['behaviours'][number]['run']>[0]) {
        done(await api.post(configMaps(namespace), configMap('a', { a: '1' })));
        return api.call('PATCH', `${configMaps(namespace)}/a`, { body: operations, type: jsonPatch });
      },
    })),
    {
      name: 'JSON patch, too many operations',
      async run({ api, namespace }) {
        done(await api.post(configMaps(namespace), configMap('a', { a: '1' })));
        const operations = Array.from({ length: 10_001 }, () => ({ op: 'test', path: '/data/a', value: '1' }));
        return api.call('PATCH', `${configMaps(namespace)}/a`, { body: operations, type: jsonPatch });
      },
    },
    {
      name: 'JSON patch of a custom object',
      async run({ api, name }) {
        done(await api.post(pools, pool(name, { paused: true })));
        return api.call('PATCH', `${pools}/${name}`, {
          body: [{ op: 'remove', path: '/spec/paused' }],
          type: jsonPatch,
        });
      },
    },
    {
      name: 'strategic merge of a custom object',
      async run({ api, name }) {
        done(await api.post(pools, pool(name)));
        return api.call('PATCH', `${pools}/${name}`, { body: {}, type: strategicMergePatch });
      },
    },
    {
      name: 'plain JSON',
      async run({ api, namespace }) {
        done(await api.post(configMaps(namespace), configMap('a')));
        return api.call('PATCH', `${configMaps(namespace)}/a`, { body: {}, type: mediaTypes.json });
      },
    },
    {
      name: 'strategic merge, conditions by type',
      async run({ api, name }) {
        done(await api.post(nodes, node(name, { status: { conditions: [ready, disk] } })));
        const body = {
          status: {
            conditions: [
              { type: 'Ready', status: 'False' },
              { type: 'New', status: 'True' },
            ],
          },
        };
        return api.call('PATCH', `${nodes}/${name}/status`, { body, type: strategicMergePatch });
      },
    },
    {
      name: 'strategic merge, the order of conditions',
      async run({ api, name }) {
        done(await api.post(nodes, node(name, { status: { conditions: [ready, disk] } })));
        const body = {
          status: {
            '$setElementOrder/conditions': [{ type: 'DiskPressure' }, { type: 'New' }, { type: 'Ready' }],
            conditions: [{ type: 'New', status: 'True' }],
          },
        };
        return api.call('PATCH', `${nodes}/${name}/status`, { body, type: strategicMergePatch });
      },
    },
    {
      name: 'strategic merge, an element deleted',
      async run({ api, name }) {
        done(await api.post(nodes, node(name, { status: { conditions: [ready, disk] } })));
        const body = { status: { conditions: [{ $patch: 'delete', type: 'Ready' }] } };
        return api.call('PATCH', `${nodes}/${name}/status`, { body, type: strategicMergePatch });
      },
    },
    {
      name: 'strategic merge, a list replaced',
      async run({ api, name }) {
        done(await api.post(nodes, node(name, { status: { conditions: [ready, disk] } })));
        const body = { status: { conditions: [{ $patch: 'replace' }, { type: 'Only', status: 'True' }] } };
        return api.call('PATCH', `${nodes}/${name}/status`, { body, type: strategicMergePatch });
      },
    },
    {
      name: 'strategic merge, a map replaced',
      async run({ api, namespace }) {
        done(await api.post(configMaps(namespace), configMap('a', { a: '1', b: '2' })));
        const body = { data: { $patch: 'replace', c: '3' } };
        return api.call('PATCH', `${configMaps(namespace)}/a`, { body, type: strategicMergePatch });
      },
    },
    {
      name: 'strategic merge, taints replaced whole',
      async run({ api, name }) {
        done(await api.post(nodes, node(name, { spec: { taints: [{ key: 'a', effect: 'NoSchedule' }] } })));
        const body = { spec: { taints: [{ key: 'b', effect: 'NoExecute' }] } };
        return api.call('PATCH', `${nodes}/${name}`, { body, type: strategicMergePatch });
      },
    },
    {
      name: 'strategic merge, finalizers as a set',
      async run({ api, namespace }) {
        done(
          await api.post(configMaps(namespace), configMap('a', {}, { finalizers: ['example.com/a', 'example.com/b'] })),
        );
        const body = { metadata: { finalizers: ['example.com/c', 'example.com/a'] } };
        const added = await api.call('PATCH', `${configMaps(namespace)}/a`, { body, type: strategicMergePatch });
        const without = {
          metadata: { '$deleteFromPrimitiveList/finalizers': ['example.com/a', 'example.com/b', 'example.com/c'] },
        };
        return {
          added,
          removed: await api.call('PATCH', `${configMaps(namespace)}/a`, { body: without, type: strategicMergePatch }),
        };
      },
    },
    {
      name: 'strategic merge, null deletes',
      async run({ api, name }) {
        done(await api.post(nodes, node(name, { spec: { unschedulable: true } })));
        return api.call('PATCH', `${nodes}/${name}`, {
          body: { spec: { unschedulable: null } },
          type: strategicMergePatch,
        });
      },
    },
    {
      name: 'strategic merge of an event',
      async run({ api, namespace }) {
        const event = {
          metadata: { name: 'happened' },
          involvedObject: { kind: 'ConfigMap', name: 'a', namespace },
          reason: 'Tried',
          type: 'Normal',
          message: 'once',
          count: 1,
        };
        done(await api.post(events(namespace), event));
        return api.call('PATCH', `${events(namespace)}/happened`, {
          body: { count: 2, message: 'twice' },
          type: strategicMergePatch,
        });
      },
    },
    {
      name: 'an unknown directive',
      async run({ api, namespace }) {
        done(await api.post(configMaps(namespace), configMap('a')));
        return api.call('PATCH', `${configMaps(namespace)}/a`, {
          body: { data: { $patch: 'shuffle' } },
          type: strategicMergePatch,
        });
      },
    },
    { name: 'an absent object', run: ({ api, namespace }) => api.merge(`${configMaps(namespace)}/absent`, {}) },
    { name: 'an absent custom object', run: ({ api, name }) => api.merge(`${pools}/${name}`, {}) },
    {
      name: 'another name',
      async run({ api, namespace }) {
        done(await api.post(configMaps(namespace), configMap('a')));
        return api.merge(`${configMaps(namespace)}/a`, { metadata: { name: 'b' } });
      },
    },
    {
      name: 'another uid',
      async run({ api, name }) {
        done(await api.post(pools, pool(name)));
        const metadata = { uid: '0a0a0a0a-0000-4000-8000-000000000000' };
        return causesIn(await api.merge(`${pools}/${name}`, { metadata }));
      },
    },
    {
      name: 'another kind',
      async run({ api, name }) {
        done(await api.post(pools, pool(name)));
        return api.merge(`${pools}/${name}`, { kind: 'MachineConfig' });
      },
    },
    {
      name: 'with a stale resourceVersion',
      async run({ api, name }) {
        const resourceVersion = versionOf(await api.post(pools, pool(name)));
        done(await api.merge(`${pools}/${name}`, { spec: { paused: true } }));
        return api.merge(`${pools}/${name}`, { metadata: { resourceVersion }, spec: { paused: false } });
      },
    },
    {
      name: 'without a change',
      async run({ api, namespace }) {
        const before = done(await api.post(configMaps(namespace), configMap('a', { a: '1' })));
        const after = done(await api.merge(`${configMaps(namespace)}/a`, { data: { a: '1' } }));
        return { sameVersion: versionOf(before) === versionOf(after), sameText: before.text === after.text };
      },
    },
    {
      name: 'force without an apply',
      async run({ api, name }) {
        done(await api.post(pools, pool(name)));
        return api.merge(`${pools}/${name}?force=true`, {});
      },
    },
    {
      name: 'an unknown field, strict',
      async run({ api, name }) {
        done(await api.post(pools, pool(name)));
        return api.merge(`${pools}/${name}?fieldValidation=Strict`, { spec: { bogus: 1 } });
      },
    },
    {
      name: 'an unknown field of a built-in kind, strict',
      async run({ api, namespace }) {
        done(await api.post(configMaps(namespace), configMap('a')));
        return api.merge(`${configMaps(namespace)}/a?fieldValidation=Strict`, { bogus: 1 });
      },
    },
    {
      name: 'an unknown field, warned of',
      async run({ api, name }) {
        done(await api.post(pools, pool(name)));
        return api.merge(`${pools}/${name}?fieldValidation=Warn`, { spec: { bogus: 1 } });
      },
    },
    {
      name: 'a value of the wrong type',
      async run({ api, name }) {
        done(await api.post(pools, pool(name)));
        return api.merge(`${pools}/${name}`, { spec: { paused: 'yes' } });
      },
    },
    {
      name: 'a value of the wrong type in a built-in kind',
      async run({ api, namespace }) {
        done(await api.post(configMaps(namespace), configMap('a')));
        return api.merge(`${configMaps(namespace)}/a`, { data: { a: 1 } });
      },
    },
  ],
};
