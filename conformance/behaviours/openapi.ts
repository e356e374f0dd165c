import { listAt, textAt, valueAt } from '@varve/api';
import type { Area } from '../behaviour.ts';
import type { Answer, ApiClient } from '../client.ts';

const ours = 'apis/machineconfiguration.openshift.io/v1';
const poolPath = `/${ours}/machineconfigpools/{name}`;
const protobuf = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';

export const openapi: Area = {
  name: 'openapi',
  behaviours: [
    {
      name: 'the index of version 3',
      run: async ({ api }) => {
        const answer = await api.get('/openapi/v3');
        const url = textAt(answer.body, 'paths', ours, 'serverRelativeURL');
        return {
          code: answer.code,
          hashed: /^\/openapi\/v3\/apis\/machineconfiguration\.openshift\.io\/v1\?hash=\w+$/.test(url),
          core: textAt(answer.body, 'paths', 'api/v1', 'serverRelativeURL') !== '',
        };
      },
    },
    {
      name: 'a document by its hash',
      run: async ({ api }) => {
        const { code, headers, body } = await document(api, ours);
        return {
          code,
          type: headers['content-type'],
          cache: headers['cache-control'],
          etag: headers.etag !== undefined,
          openapi: valueAt(body, 'openapi'),
        };
      },
    },
    {
      name: 'a document by a wrong hash',
      run: async ({ api }) => {
        const { code, headers } = await api.get(`/openapi/v3/${ours}?hash=0`);
        return {
          code,
          location: /^\/openapi\/v3\/apis\/machineconfiguration\.openshift\.io\/v1\?hash=/.test(headers.location ?? ''),
        };
      },
    },
    {
      name: 'an unknown document',
      run: async ({ api }) => ({ code: (await api.get('/openapi/v3/apis/bananas.example.com/v1')).code }),
    },
    {
      name: 'what a patch of a custom kind takes',
      run: async ({ api }) => patchOf(await document(api, ours), poolPath),
    },
    {
      name: 'what a patch of a built-in kind takes',
      run: async ({ api }) => patchOf(await document(api, 'api/v1'), '/api/v1/nodes/{name}'),
    },
    { name: 'the schema of a pool', run: async ({ api }) => ({ properties: poolSchema(await document(api, ours)) }) },
    {
      name: 'which lists of a node are merged by what',
      run: async ({ api }) => {
        const { body } = await document(api, 'api/v1');
        const property = (schema: unknown, name: string) =>
          resolved(body, valueAt(resolved(body, schema), 'properties', name));
        const node = schemaOf(body, 'Node');
        const [status, spec] = [property(node, 'status'), property(node, 'spec')];
        return {
          conditions: extensionsOf(property(status, 'conditions')),
          addresses: extensionsOf(property(status, 'addresses')),
          taints: extensionsOf(property(spec, 'taints')),
        };
      },
    },
    {
      name: 'version 2 as protobuf',
      run: async ({ api }) => {
        const { code, headers, text } = await api.get('/openapi/v2', { accept: protobuf });
        return {
          code,
          type: headers['content-type'],
          ours: text.includes('io.openshift.machineconfiguration.v1.MachineConfigPool'),
        };
      },
    },
    {
      name: 'version 2 as JSON',
      run: async ({ api }) => {
        const { code, headers, body } = await api.get('/openapi/v2');
        return {
          code,
          type: headers['content-type'],
          swagger: valueAt(body, 'swagger'),
          patch: ['consumes', 'parameters', 'x-kubernetes-group-version-kind'].filter(
            (key) => valueAt(body, 'paths', poolPath, 'patch', key) !== undefined,
          ),
        };
      },
    },
    {
      name: 'version 2 as something else',
      run: async ({ api }) => ({ code: (await api.get('/openapi/v2', { accept: 'text/html' })).code }),
    },
  ],
};

async function document(api: ApiClient, groupVersion: string): Promise<Answer> {
  const index = await api.get('/openapi/v3');
  return api.get(textAt(index.body, 'paths', groupVersion, 'serverRelativeURL'));
}

function patchOf({ body }: Answer, path: string) {
  const patch = valueAt(body, 'paths', path, 'patch');
  const parameters = valueAt(patch, 'parameters');
  const names = Array.isArray(parameters)
    ? parameters.map((each: unknown) => textAt(each, 'name')).filter((name) => name !== '')
    : [];
  return {
    kind: valueAt(patch, 'x-kubernetes-group-version-kind'),
    action: valueAt(patch, 'x-kubernetes-action'),
    content: Object.keys(Object(valueAt(patch, 'requestBody', 'content'))).sort(),
    parameters: names.sort(),
  };
}

/** Without what every kind has. */
function poolSchema({ body }: Answer): unknown {
  const {
    metadata: _,
    apiVersion: _version,
    kind: _kind,
    ...properties
  } = Object(valueAt(schemaOf(body, 'MachineConfigPool'), 'properties'));
  return properties;
}

function schemaOf(body: unknown, kind: string): unknown {
  const schemas = Object.values(Object(valueAt(body, 'components', 'schemas')));
  return schemas.find((schema) =>
    listAt(schema, 'x-kubernetes-group-version-kind').some((each) => textAt(each, 'kind') === kind),
  );
}

/** The schema that a reference names, itself or as the only part of an allOf, with what stands beside it. */
function resolved(body: unknown, schema: unknown): object {
  const [part] = listAt(schema, 'allOf');
  const name = (textAt(schema, '$ref') || textAt(part, '$ref')).split('/').at(-1) ?? '';
  return name === '' ? Object(schema) : { ...Object(valueAt(body, 'components', 'schemas', name)), ...Object(schema) };
}

function extensionsOf(schema: unknown) {
  return Object.fromEntries(Object.entries(Object(schema)).filter(([key]) => key.startsWith('x-kubernetes-')));
}
