// Which actions a change needs: the administrator's rules and the built-in ones.
// Shape and rules: openshift/api operator/v1 types_machineconfiguration.go (NodeDisruptionPolicyConfig).
import * as z from 'zod';
import { normalPath, normalPathProblem } from './ignition/path.ts';
import type { FieldError } from './resource.ts';
import { withRules } from './structural-schema.ts';

/** openshift/api, NodeDisruptionPolicyServiceName; `@` as well, since systemd has templates. */
const unitName =
  '^[a-zA-Z0-9:._\\\\@][a-zA-Z0-9:._\\\\@-]*\\.(service|socket|device|mount|automount|swap|target|path|timer|snapshot|slice|scope)$';

const unitNameSchema = z
  .string()
  .max(255)
  .meta(withRules({ rule: `self.matches(r'${unitName}')`, message: 'is no systemd unit name' }));

const serviceSchema = z.object({ serviceName: unitNameSchema });

const onlyFor = (type: string) => `is required when type is ${type}, and forbidden otherwise`;

const policyActionSchema = z
  .object({
    type: z.enum(['Reboot', 'Drain', 'Reload', 'Restart', 'DaemonReload', 'None']),
    reload: serviceSchema.optional().describe('The unit to reload; only for type Reload.'),
    restart: serviceSchema.optional().describe('The unit to restart; only for type Restart.'),
  })
  .meta(
    withRules(
      { rule: "(self.type == 'Reload') == has(self.reload)", message: onlyFor('Reload'), fieldPath: '.reload' },
      { rule: "(self.type == 'Restart') == has(self.restart)", message: onlyFor('Restart'), fieldPath: '.restart' },
    ),
  );
export type PolicyAction = z.infer<typeof policyActionSchema>;

const aloneTypes = ['Reboot', 'None'] as const;
const standsAlone = (type: string) => `${type} stands alone, since it overrides any other action`;

const actionsSchema = z
  .array(policyActionSchema)
  .max(10)
  .describe('In this order. Reboot and None stand alone.')
  .meta({
    'x-kubernetes-list-type': 'atomic',
    ...withRules(
      ...aloneTypes.map((type) => ({
        rule: `size(self) < 2 || !self.exists(action, action.type == '${type}')`,
        message: standsAlone(type),
      })),
    ),
  });

export const disruptionPolicySchema = z.object({
  files: z
    .array(
      z.object({
        path: z
          .string()
          .max(4095)
          .describe('A file, directory or link, or a directory above some; the longest path wins.')
          .meta(
            withRules({
              rule: `self == '/' || self.matches(r'${normalPath}')`,
              message: 'is no absolute, normalised path: no ".", no "..", no "//", no "/" at the end',
            }),
          ),
        actions: actionsSchema,
      }),
    )
    .max(50)
    .optional()
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['path'] }),
  units: z
    .array(z.object({ name: unitNameSchema.describe('Whole name of a unit.'), actions: actionsSchema }))
    .max(50)
    .optional()
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] }),
  sshkey: z.object({ actions: actionsSchema }).optional().describe("For changes of core's keys and password."),
});
/** `spec.nodeDisruptionPolicy` of a MachineConfiguration. */
export type DisruptionPolicy = z.infer<typeof disruptionPolicySchema>;

/** One rule of ours. Units that a host does not have are passed over: not every host runs containers by CRI-O. */
export interface BuiltInRule {
  readonly path: string;
  readonly actions: readonly PolicyAction[];
}

const none: PolicyAction = { type: 'None' };
const daemonReload: PolicyAction = { type: 'DaemonReload' };
const reloadCrio = reload('crio.service');
const restartKubelet = restart('kubelet.service');
const updateTrust = restart('coreos-update-ca-trust.service');
const restartRegistry = restart('iri-registry.service');
const anchors = '/etc/pki/ca-trust/source/anchors';

/**
 * The reference's rules (machine-config-operator pkg/apihelpers/apihelpers.go, defaultClusterPolicies), and one for our
 * own health checks. Where the reference compares two registries.conf to see whether pods must leave, they always do.
 */
export const builtInRules: readonly BuiltInRule[] = [
  { path: '/var/lib/kubelet/config.json', actions: [none] },
  { path: '/etc/machine-config-daemon/no-reboot/containers-gpg.pub', actions: [reloadCrio] },
  { path: '/etc/containers/policy.json', actions: [reloadCrio] },
  { path: '/etc/containers/registries.conf', actions: [{ type: 'Drain' }, reloadCrio] },
  { path: '/etc/containers/registries.d', actions: [reloadCrio] },
  { path: '/etc/crio/policies', actions: [reloadCrio] },
  { path: '/etc/nmstate/openshift', actions: [none] },
  { path: `${anchors}/openshift-config-user-ca-bundle.crt`, actions: [updateTrust, restart('crio.service')] },
  { path: '/etc/kubernetes/credential-providers', actions: [restartKubelet] },
  {
    path: '/etc/systemd/system/kubelet.service.d/40-kubelet-crio-image-credential-provider.conf',
    actions: [daemonReload, restartKubelet],
  },
  { path: '/etc/iri-registry', actions: [restartRegistry] },
  { path: '/usr/local/bin/load-registry-image.sh', actions: [restartRegistry] },
  { path: `${anchors}/iri-root-ca.crt`, actions: [updateTrust] },
  { path: '/etc/varve/health.d', actions: [none] },
  { path: '/etc/varve/drain.d', actions: [none] },
];

/** Units by their whole name (the same source). */
export const builtInUnitRules: readonly { readonly name: string; readonly actions: readonly PolicyAction[] }[] = [
  { name: 'iri-registry.service', actions: [daemonReload, restartRegistry] },
];

/** Every violation that the schema cannot express; `at` is the policy's own path. */
export function policyProblems(policy: DisruptionPolicy, at: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const [index, { path, actions }] of (policy.files ?? []).entries()) {
    const problem = path === '/' ? undefined : normalPathProblem(path);
    if (problem) errors.push(invalid(`${at}.files[${index}].path`, problem));
    errors.push(...actionProblems(actions, `${at}.files[${index}].actions`));
  }
  for (const [index, { name, actions }] of (policy.units ?? []).entries()) {
    errors.push(...nameProblems(name, `${at}.units[${index}].name`));
    errors.push(...actionProblems(actions, `${at}.units[${index}].actions`));
  }
  if (policy.sshkey) errors.push(...actionProblems(policy.sshkey.actions, `${at}.sshkey.actions`));
  return errors;
}

function actionProblems(actions: readonly PolicyAction[], at: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const type of aloneTypes) {
    if (actions.length > 1 && actions.some((action) => action.type === type)) {
      errors.push(invalid(at, standsAlone(type)));
    }
  }
  for (const [index, action] of actions.entries()) {
    for (const [key, type] of [
      ['reload', 'Reload'],
      ['restart', 'Restart'],
    ] as const) {
      const field = `${at}[${index}].${key}`;
      const service = action[key];
      if ((action.type === type) !== (service !== undefined)) {
        errors.push(invalid(field, onlyFor(type)));
      } else if (service) errors.push(...nameProblems(service.serviceName, `${field}.serviceName`));
    }
  }
  return errors;
}

function nameProblems(name: string, field: string): FieldError[] {
  if (new RegExp(unitName).test(name)) return [];
  return [invalid(field, `${JSON.stringify(name)} is no systemd unit name`)];
}

function reload(serviceName: string): PolicyAction {
  return { type: 'Reload', reload: { serviceName } };
}

function restart(serviceName: string): PolicyAction {
  return { type: 'Restart', restart: { serviceName } };
}

function invalid(field: string, message: string): FieldError {
  return { reason: 'FieldValueInvalid', field, message };
}
