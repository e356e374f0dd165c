import type { Area, Fixture, Observation } from '../behaviour.ts';
import { type Answer, mediaTypes } from '../client.ts';
import {
  configMap,
  configMaps,
  done,
  events,
  lease,
  leases,
  namespaces,
  node,
  nodes,
  pool,
  pools,
  requests,
  secret,
  secrets,
} from '../objects.ts';

const accept = mediaTypes.table;

export const tables: Area = {
  name: 'tables',
  behaviours: [
    {
      name: 'pools',
      async run({ api, name }) {
        done(await api.post(pools, pool(name, { maxUnavailable: 2 }, { labels: { of: name } })));
        done(
          await api.merge(`${pools}/${name}/status`, {
            status: { machineCount: 3, updatedMachineCount: 1, conditions: [] },
          }),
        );
        return ageless(await api.get(`${pools}?labelSelector=of%3D${name}`, { accept }));
      },
    },
    {
      name: 'one pool',
      async run({ api, name }) {
        done(await api.post(pools, pool(name)));
        return ageless(await api.get(`${pools}/${name}`, { accept }));
      },
    },
    {
      name: 'nodes',
      async run({ api, name }) {
        const labels = { of: name, 'node-role.kubernetes.io/worker': '', 'kubernetes.io/role': 'web' };
        const status = {
          conditions: [{ type: 'Ready', status: 'True' }],
          addresses: [{ type: 'InternalIP', address: '10.0.0.1' }],
          nodeInfo: {
            kubeletVersion: 'v1.2.3',
            osImage: 'Debian',
            kernelVersion: '6.1',
            containerRuntimeVersion: 'none',
          },
        };
        done(await api.post(nodes, node(`${name}-a`, { status, spec: { unschedulable: true } }, { labels })));
        done(
          await api.post(
            nodes,
            node(
              `${name}-b`,
              { status: { conditions: [{ type: 'Ready', status: 'Unknown' }] } },
              { labels: { of: name } },
            ),
          ),
        );
        done(await api.post(nodes, node(`${name}-c`, {}, { labels: { of: name } })));
        return columnsAndCells(await api.get(`${nodes}?labelSelector=of%3D${name}`, { accept }));
      },
    },
    {
      name: 'namespaces',
      run: async ({ api, namespace }) => columnsAndCells(await api.get(`${namespaces}/${namespace}`, { accept })),
    },
    {
      name: 'config maps',
      async run({ api, namespace }) {
        done(await api.post(configMaps(namespace), configMap('a', { a: '1', b: '2' })));
        return columnsAndCells(await api.get(configMaps(namespace), { accept }));
      },
    },
    {
      name: 'secrets',
      async run({ api, namespace }) {
        done(await api.post(secrets(namespace), secret('a', { stringData: { a: '1' } })));
        return columnsAndCells(await api.get(secrets(namespace), { accept }));
      },
    },
    {
      name: 'leases',
      async run({ api, namespace }) {
        done(await api.post(leases(namespace), lease('a', { holderIdentity: 'me' })));
        return columnsAndCells(await api.get(leases(namespace), { accept }));
      },
    },
    {
      name: 'events',
      async run({ api, namespace }) {
        done(
          await api.post(events(namespace), {
            metadata: { name: 'a' },
            involvedObject: { kind: 'ConfigMap', name: 'a', namespace },
            reason: 'Tried',
            type: 'Normal',
            message: 'it worked',
            source: { component: 'tester', host: 'here' },
            count: 2,
          }),
        );
        return columnsAndCells(await api.get(events(namespace), { accept }));
      },
    },
    {
      name: 'nothing',
      run: async ({ api, namespace }) => ageless(await api.get(configMaps(namespace), { accept })),
    },
    ...['None', 'Metadata', 'Object', 'Everything'].map((included) => ({
      name: `rows with ${included}`,
      async run({ api, name }: Fixture) {
        done(await api.post(pools, pool(name)));
        return ageless(await api.get(`${pools}/${name}?includeObject=${included}`, { accept }));
      },
    })),
    { name: 'an absent object stays a Status', run: ({ api }) => api.get(`${pools}/absent`, { accept }) },
    {
      name: 'certificate requests',
      run: async ({ api }) =>
        columnsAndCells(await api.get(`${requests}?fieldSelector=metadata.name%3Dabsent`, { accept })),
    },
    {
      name: 'metadata of one object',
      async run({ api, namespace }) {
        done(await api.post(configMaps(namespace), configMap('a', { a: '1' }, { labels: { a: 'b' } })));
        return api.get(`${configMaps(namespace)}/a`, {
          accept: 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1',
        });
      },
    },
    {
      name: 'metadata of a list',
      async run({ api, name }) {
        done(await api.post(pools, pool(name, {}, { labels: { of: name } })));
        return api.get(`${pools}?labelSelector=of%3D${name}`, {
          accept: 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1',
        });
      },
    },
    {
      name: 'the single form of metadata for a list',
      run: ({ api, namespace }) =>
        api.get(configMaps(namespace), { accept: 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1' }),
    },
    {
      name: 'an unknown form',
      run: ({ api, namespace }) =>
        api.get(configMaps(namespace), { accept: 'application/json;as=Chart;g=meta.k8s.io;v=v1' }),
    },
    {
      name: 'an unknown form with an alternative',
      async run({ api, name }) {
        done(await api.post(pools, pool(name)));
        return api.get(`${pools}/${name}`, { accept: 'application/json;as=Table;g=meta.k8s.io;v=v9,application/json' });
      },
    },
  ],
};

/** Ages depend on how fast the server was; descriptions of columns are prose. */
function withoutAges(text: string): string {
  return text.replaceAll(/"(<invalid>|\d+s)"/g, '"<age>"');
}

function ageless(answer: Answer): Observation {
  const body = JSON.parse(withoutAges(answer.text));
  const columnDefinitions = body.columnDefinitions?.map((column: object) => ({ ...column, description: undefined }));
  return { ...answer, body: { ...body, columnDefinitions } };
}

function columnsAndCells({ code, body }: Answer): Observation {
  if (typeof body !== 'object' || body === null || !('columnDefinitions' in body) || !('rows' in body))
    return { code, body };
  const { columnDefinitions: columns, rows } = JSON.parse(withoutAges(JSON.stringify(body)));
  return {
    code,
    columns: columns.map(({ name, type, format, priority }: Record<string, unknown>) =>
      [name, type, format, priority].join(' '),
    ),
    cells: rows?.map((row: { cells: unknown }) => row.cells) ?? [],
  };
}
