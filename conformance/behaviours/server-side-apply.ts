import type { Area, Fixture } from '../behaviour.ts';
import { mediaTypes } from '../client.ts';
import { causesIn, configMap, configMaps, done, node, nodes, pool, pools, versionOf } from '../objects.ts';

const as = (manager: string, more = '') => `?fieldManager=${manager}${more}`;

export const serverSideApply: Area = {
  name: 'server-side apply',
  behaviours: [
    {
      name: 'creates a built-in object',
      run: ({ api, namespace }) => api.apply(`${configMaps(namespace)}/a${as('one')}`, configMap('a', { a: '1' })),
    },
    {
      name: 'creates a custom object',
      run: ({ api, name }) => api.apply(`${pools}/${name}${as('one')}`, pool(name, { maxUnavailable: 2 })),
    },
    {
      name: 'takes YAML',
      run: ({ api, namespace }) =>
        api.apply(
          `${configMaps(namespace)}/a${as('one')}`,
          'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  a: "1"\n',
        ),
    },
    { name: 'without a manager', run: ({ api, namespace }) => api.apply(`${configMaps(namespace)}/a`, configMap('a')) },
    {
      name: 'the same again changes nothing',
      async run({ api, name }) {
        const path = `${pools}/${name}${as('one')}`;
        const first = done(await api.apply(path, pool(name, { maxUnavailable: 2 })));
        const second = await api.apply(path, pool(name, { maxUnavailable: 2 }));
        return { second, same: first.text === second.text };
      },
    },
    {
      name: 'a conflict',
      async run({ api, name }) {
        done(await api.apply(`${pools}/${name}${as('one')}`, pool(name, { maxUnavailable: 2 })));
        return api.apply(`${pools}/${name}${as('two')}`, pool(name, { maxUnavailable: 3 }));
      },
    },
    {
      name: 'conflicts with several managers',
      async run({ api, namespace }) {
        const path = `${configMaps(namespace)}/a`;
        done(await api.apply(path + as('one'), configMap('a', { a: '1' })));
        done(await api.apply(path + as('two'), configMap('a', { b: '2', c: '3' })));
        return causesIn(await api.apply(path + as('three'), configMap('a', { a: '4', b: '5', c: '6' })));
      },
    },
    {
      name: 'a conflict with an update',
      async run({ api, name }) {
        done(await api.post(`${pools}${as('creator')}`, pool(name, { maxUnavailable: 2 })));
        return api.apply(`${pools}/${name}${as('one')}`, pool(name, { maxUnavailable: 3 }));
      },
    },
    {
      name: 'force takes the field',
      async run({ api, name }) {
        done(await api.apply(`${pools}/${name}${as('one')}`, pool(name, { maxUnavailable: 2, paused: true })));
        return api.apply(`${pools}/${name}${as('two', '&force=true')}`, pool(name, { maxUnavailable: 3 }));
      },
    },
    {
      name: 'the same value is shared',
      async run({ api, name }) {
        done(await api.apply(`${pools}/${name}${as('one')}`, pool(name, { maxUnavailable: 2 })));
        return api.apply(`${pools}/${name}${as('two')}`, pool(name, { maxUnavailable: 2 }));
      },
    },
    {
      name: 'a field left out is removed',
      async run({ api, name }) {
        done(
          await api.apply(
            `${pools}/${name}${as('one')}`,
            pool(name, { maxUnavailable: 2, paused: true }, { labels: { a: 'b' } }),
          ),
        );
        return api.apply(`${pools}/${name}${as('one')}`, pool(name, { paused: true }));
      },
    },
    {
      name: 'a shared field left out stays',
      async run({ api, namespace }) {
        const path = `${configMaps(namespace)}/a`;
        done(await api.apply(path + as('one'), configMap('a', { a: '1', b: '2' })));
        done(await api.apply(path + as('two'), configMap('a', { a: '1' })));
        return api.apply(path + as('one'), configMap('a', { b: '2' }));
      },
    },
    {
      name: 'an update takes the field away',
      async run({ api, namespace }) {
        const path = `${configMaps(namespace)}/a`;
        done(await api.apply(path + as('one'), configMap('a', { a: '1', b: '2' })));
        const updated = await api.merge(path + as('editor'), { data: { a: '3' } });
        return { updated, conflict: await api.apply(path + as('one'), configMap('a', { a: '1', b: '2' })) };
      },
    },
    {
      name: 'list elements by key',
      async run({ api, name }) {
        const conditions = (...types: string[]) => ({
          status: { conditions: types.map((type) => ({ type, status: 'True' })) },
        });
        const apply = (manager: string, ...types: string[]) =>
          api.apply(`${nodes}/${name}/status${as(manager)}`, node(name, conditions(...types)));
        done(await api.post(nodes, node(name)));
        done(await apply('one', 'Ready', 'Disk'));
        const both = await apply('two', 'Memory');
        return { both, removed: await apply('one', 'Ready') };
      },
    },
    {
      name: 'a set',
      async run({ api, namespace }) {
        const path = `${configMaps(namespace)}/a`;
        const finalizers = (...names: string[]) => ({
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: { name: 'a', finalizers: names },
        });
        done(await api.apply(path + as('one'), finalizers('example.com/a', 'example.com/b')));
        done(await api.apply(path + as('two'), finalizers('example.com/c')));
        const left = await api.apply(path + as('one'), finalizers('example.com/b'));
        done(await api.merge(path, { metadata: { finalizers: null } }));
        return left;
      },
    },
    {
      name: 'an unknown field',
      run: ({ api, name }) => api.apply(`${pools}/${name}${as('one')}`, pool(name, { bogus: 1 })).then(briefly),
    },
    {
      name: 'an unknown field, strict',
      run: ({ api, name }) =>
        api.apply(`${pools}/${name}${as('one', '&fieldValidation=Strict')}`, pool(name, { bogus: 1 })).then(briefly),
    },
    {
      name: 'the same key twice',
      async run({ api, name }) {
        done(await api.post(nodes, node(name)));
        const ready = { type: 'Ready', status: 'True' };
        return briefly(
          await api.apply(
            `${nodes}/${name}/status${as('one')}`,
            node(name, { status: { conditions: [ready, ready] } }),
          ),
        );
      },
    },
    {
      name: 'with managed fields',
      run: ({ api, name }) => api.apply(`${pools}/${name}${as('one')}`, pool(name, {}, { managedFields: [{}] })),
    },
    {
      name: 'with a stale resourceVersion',
      async run({ api, name }) {
        const resourceVersion = versionOf(await api.post(pools, pool(name)));
        done(await api.merge(`${pools}/${name}`, { spec: { paused: true } }));
        return api.apply(`${pools}/${name}${as('one')}`, pool(name, {}, { resourceVersion }));
      },
    },
    { name: 'another name', run: ({ api, name }) => api.apply(`${pools}/${name}${as('one')}`, pool(`${name}-b`)) },
    {
      name: 'another kind',
      run: ({ api, name }) =>
        api.apply(`${pools}/${name}${as('one')}`, { ...pool(name), kind: 'MachineConfig' }).then(briefly),
    },
    {
      name: 'a body that is no object',
      run: ({ api, name }) => api.apply(`${pools}/${name}${as('one')}`, '- a').then(briefly),
    },
    {
      name: 'to the status',
      async run({ api, name }) {
        done(await api.post(pools, pool(name)));
        const object = { ...pool(name, { paused: true }), status: { machineCount: 3 } };
        return api.apply(`${pools}/${name}/status${as('one')}`, object);
      },
    },
    {
      name: 'to the status of an absent object',
      run: ({ api, name }) => api.apply(`${pools}/${name}/status${as('one')}`, pool(name)),
    },
    {
      name: 'a status to the main path',
      run: ({ api, name }) =>
        api.apply(`${pools}/${name}${as('one')}`, { ...pool(name, { paused: true }), status: { machineCount: 3 } }),
    },
    {
      name: 'dry run',
      async run({ api, name }) {
        const answer = await api.apply(`${pools}/${name}${as('one', '&dryRun=All')}`, pool(name));
        return { answer, after: (await api.get(`${pools}/${name}`)).code };
      },
    },
    {
      name: 'managed fields cleared',
      async run({ api, namespace }: Fixture) {
        const path = `${configMaps(namespace)}/a`;
        done(await api.apply(path + as('one'), configMap('a', { a: '1' })));
        const cleared = await api.merge(path, { metadata: { managedFields: [{}] } });
        return { cleared, applied: await api.apply(path + as('two'), configMap('a', { b: '2' })) };
      },
    },
    {
      name: 'an object that kubectl applied before',
      async run({ api, namespace }) {
        const path = `${configMaps(namespace)}/a`;
        const last = JSON.stringify(configMap('a', { a: '1', b: '2' }));
        const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': last };
        done(
          await api.post(
            `${configMaps(namespace)}?fieldManager=kubectl-client-side-apply`,
            configMap('a', { a: '1', b: '2' }, { annotations }),
          ),
        );
        return api.apply(`${path}?fieldManager=kubectl`, configMap('a', { b: '3' }));
      },
    },
    {
      name: 'managers of writes by JSON patch and update',
      async run({ api, name }) {
        done(await api.post(`${pools}${as('creator')}`, pool(name, { paused: true })));
        done(
          await api.call('PATCH', `${pools}/${name}${as('patcher')}`, {
            body: [{ op: 'add', path: '/spec/maxUnavailable', value: 2 }],
            type: mediaTypes.jsonPatch,
          }),
        );
        done(await api.merge(`${pools}/${name}/status${as('reporter')}`, { status: { machineCount: 1 } }));
        return api.get(`${pools}/${name}`);
      },
    },
  ],
};

/** Without the wording, which upstream takes from Go's types. */
function briefly({ code, body }: { code: number; body: unknown }) {
  return {
    code,
    refused: code >= 400,
    kind: typeof body === 'object' && body !== null && 'kind' in body ? body.kind : undefined,
  };
}
