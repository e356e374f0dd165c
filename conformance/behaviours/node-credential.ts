// What a host's certificate may do, verb by verb: its own objects and those of another host, and what is nobody's.
import type { Area, Fixture } from '../behaviour.ts';
import type { ApiClient } from '../client.ts';
import {
  configMap,
  configMaps,
  configs,
  done,
  lease,
  leases,
  node,
  nodes,
  pool,
  pools,
  secret,
  secrets,
} from '../objects.ts';

const states = '/apis/machineconfiguration.openshift.io/v1/machineconfignodes';
const heartbeats = leases('kube-node-lease');

/** A collection, and makes an object of it. */
interface Kind {
  readonly name: string;
  readonly path: (fixture: Fixture) => string;
  readonly make: (name: string) => object;
  readonly status?: true;
}

const kinds: readonly Kind[] = [
  { name: 'nodes', path: () => nodes, make: (name) => node(name), status: true },
  { name: 'machineconfignodes', path: () => states, make: state, status: true },
  { name: 'leases', path: () => heartbeats, make: (name) => lease(name) },
  { name: 'machineconfigs', path: () => configs, make: config },
  { name: 'machineconfigpools', path: () => pools, make: (name) => pool(name), status: true },
  { name: 'configmaps', path: ({ namespace }) => configMaps(namespace), make: (name) => configMap(name) },
  { name: 'secrets', path: ({ namespace }) => secrets(namespace), make: (name) => secret(name) },
];

export const nodeCredential: Area = {
  name: 'node credential',
  behaviours: kinds.flatMap((kind) =>
    ['own', 'other'].map((whose) => ({
      name: `${kind.name} of its ${whose === 'own' ? 'own name' : 'neighbour'}`,
      async run(fixture: Fixture) {
        const own = fixture.name;
        const target = whose === 'own' ? own : `${own}-b`;
        for (const name of [own, `${own}-b`]) await fixture.api.post(nodes, node(name));
        const path = kind.path(fixture);
        if (path !== nodes) done(await fixture.api.post(path, kind.make(target)));
        return await tried(await fixture.as(`system:node:${own}`, 'system:nodes'), kind, path, target);
      },
    })),
  ),
};

/** Each verb by what became of it; writes are dry runs, refusals by anybody (roles, policies, admission) count alike. */
async function tried(host: ApiClient, { make, status }: Kind, path: string, name: string) {
  const object = `${path}/${name}`;
  const named = `fieldSelector=${encodeURIComponent(`metadata.name=${name}`)}`;
  const label = { metadata: { labels: { 'example.com/mine': 'true' } } };
  const answers = {
    get: host.get(object),
    list: host.get(path),
    'list by name': host.get(`${path}?${named}`),
    'watch by name': host.get(`${path}?watch=true&timeoutSeconds=1&${named}`),
    create: host.post(`${path}?dryRun=All`, make(`${name}-new`)),
    patch: host.merge(`${object}?dryRun=All`, label),
    delete: host.delete(`${object}?dryRun=All`),
    'delete all': host.delete(`${path}?dryRun=All`),
    ...(status && { status: host.merge(`${object}/status?dryRun=All`, { status: {} }) }),
  };
  const verbs: string[] = [];
  for (const [verb, answer] of Object.entries(answers)) if ((await answer).code !== 403) verbs.push(verb);
  return { allowed: verbs.join(', ') };
}

function state(name: string) {
  const spec = { node: { name }, pool: { name: '' }, configVersion: { desired: '' } };
  return { apiVersion: 'machineconfiguration.openshift.io/v1', kind: 'MachineConfigNode', metadata: { name }, spec };
}

function config(name: string) {
  const spec = { kernelArguments: ['quiet'] };
  return { apiVersion: 'machineconfiguration.openshift.io/v1', kind: 'MachineConfig', metadata: { name }, spec };
}
