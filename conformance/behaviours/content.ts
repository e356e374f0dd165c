import type { Area, Fixture } from '../behaviour.ts';
import type { Answer } from '../client.ts';
import { configMap, configMaps, done, pool, pools } from '../objects.ts';

const accepted = [
  '*/*',
  'application/*',
  'application/json;charset=utf-8',
  'application/vnd.kubernetes.protobuf,application/json',
  'application/cbor,application/json',
  'text/html,application/json;q=0.5',
];
const refused = ['text/html', 'application/xml', 'application/cbor'];

export const content: Area = {
  name: 'content',
  behaviours: [
    ...accepted.map((accept) => ({
      name: `a custom object as ${accept}`,
      async run({ api, name }: Fixture) {
        done(await api.post(pools, pool(name)));
        const { code, headers } = await api.get(`${pools}/${name}`, { accept });
        return { code, type: headers['content-type'] };
      },
    })),
    ...refused.map((accept) => ({
      name: `an object as ${accept}`,
      async run({ api, namespace }: Fixture) {
        done(await api.post(configMaps(namespace), configMap('a')));
        return api.get(`${configMaps(namespace)}/a`, { accept });
      },
    })),
    {
      name: 'a custom object only as protobuf',
      async run({ api, name }) {
        done(await api.post(pools, pool(name)));
        return api.get(`${pools}/${name}`, { accept: 'application/vnd.kubernetes.protobuf' });
      },
    },
    {
      name: 'YAML on the way in',
      run: ({ api, namespace }) =>
        api.post(configMaps(namespace), 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: yaml\ndata:\n  a: "1"\n', {
          type: 'application/yaml',
        }),
    },
    {
      name: 'YAML on the way out',
      async run({ api, name }) {
        done(await api.post(pools, pool(name, { paused: true })));
        const { code, headers, text } = await api.get(`${pools}/${name}`, { accept: 'application/yaml' });
        return { code, type: headers['content-type'], line: text.includes('\n  paused: true\n') };
      },
    },
    {
      name: 'a body of an unknown type',
      run: ({ api, namespace }) => api.post(configMaps(namespace), '<a/>', { type: 'application/xml' }),
    },
    {
      name: 'a body of an unknown type for a custom kind',
      run: ({ api }) => api.post(pools, '<a/>', { type: 'application/xml' }),
    },
    {
      name: 'a built-in object as protobuf on the way in',
      run: ({ api, namespace }) =>
        api.post(configMaps(namespace), protobufConfigMap('proto', 'a', '1'), {
          type: 'application/vnd.kubernetes.protobuf',
        }),
    },
    {
      name: 'protobuf without its prefix',
      run: async ({ api, namespace }) => ({
        code: (
          await api.post(configMaps(namespace), Buffer.from('none'), { type: 'application/vnd.kubernetes.protobuf' })
        ).code,
      }),
    },
    { name: 'compact for programs', run: ({ api, namespace }) => laidOut(api.get(configMaps(namespace))) },
    {
      name: 'indented when asked for',
      run: ({ api, namespace }) => laidOut(api.get(`${configMaps(namespace)}?pretty=true`)),
    },
    {
      name: 'indented for curl',
      run: ({ api, namespace }) => laidOut(api.get(configMaps(namespace), { headers: { 'user-agent': 'curl/8.0' } })),
    },
    {
      name: 'compressed when large',
      async run({ api, namespace }) {
        for (const name of ['a', 'b'])
          done(await api.post(configMaps(namespace), configMap(name, { a: 'x'.repeat(100_000) })));
        const headers = { 'accept-encoding': 'gzip' };
        const [large, small] = [
          await api.get(configMaps(namespace), { headers }),
          await api.get(`${configMaps(namespace)}?limit=0&fieldSelector=metadata.name%3Dc`, { headers }),
        ];
        return {
          large: large.headers['content-encoding'],
          vary: large.headers.vary,
          small: small.headers['content-encoding'] ?? 'plain',
        };
      },
    },
    {
      name: 'headers of every answer',
      async run({ api, namespace }) {
        const { headers } = await api.get(configMaps(namespace), { headers: { 'audit-id': 'mine' } });
        return { cache: headers['cache-control'], audit: headers['audit-id'] };
      },
    },
    { name: 'a timeout that is none', run: ({ api, namespace }) => api.get(`${configMaps(namespace)}?timeout=soon`) },
  ],
};

async function laidOut(answering: Promise<Answer>) {
  const { code, text } = await answering;
  return { code, indented: text.includes('\n  "'), newline: text.endsWith('\n') };
}

/** k8s.io/api/core/v1 generated.proto in the envelope of apimachinery's runtime.Unknown. */
function protobufConfigMap(name: string, key: string, value: string): Buffer {
  const field = (number: number, bytes: Buffer | string) => {
    const payload = Buffer.from(bytes);
    return Buffer.concat([Buffer.from([(number << 3) | 2, payload.length]), payload]);
  };
  const typeMeta = Buffer.concat([field(1, 'v1'), field(2, 'ConfigMap')]);
  const object = Buffer.concat([field(1, field(1, name)), field(2, Buffer.concat([field(1, key), field(2, value)]))]);
  return Buffer.concat([Buffer.from('k8s\0'), field(1, typeMeta), field(2, object)]);
}
