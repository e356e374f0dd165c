import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Action, decideActions, describeAction, isLive, needsDrain } from './disruption.ts';
import { builtInRules, type DisruptionPolicy, policyProblems } from './disruption-policy.ts';
import type { MachineConfigSpec } from './machine-config-spec.ts';

const ignition = { version: '3.4.0' };
const contents = (text: string) => ({ source: `data:,${text}` });
const files = (...paths: string[]): MachineConfigSpec => ({
  config: { ignition, storage: { files: paths.map((path) => ({ path, contents: contents(path) })) } },
});
const units = (...names: string[]): MachineConfigSpec => ({
  config: { ignition, systemd: { units: names.map((name) => ({ name, enabled: true })) } },
});
const reload = (serviceName: string) => ({ type: 'Reload' as const, reload: { serviceName } });
const restart = (serviceName: string) => ({ type: 'Restart' as const, restart: { serviceName } });
const shown = (actions: readonly Action[]) => actions.map((action) => describeAction(action)).join(', ');

const policy: DisruptionPolicy = {
  files: [
    { path: '/etc/app', actions: [restart('app.service')] },
    { path: '/etc/app/live', actions: [reload('app.service')] },
    { path: '/etc/app/live/none.conf', actions: [{ type: 'None' }] },
    { path: '/etc/app/boot.conf', actions: [{ type: 'Reboot' }] },
    { path: '/etc/containers/policy.json', actions: [{ type: 'None' }] },
    { path: '/etc/busy', actions: [reload('web.service'), { type: 'DaemonReload' }, { type: 'Drain' }] },
  ],
  units: [{ name: 'app.service', actions: [{ type: 'DaemonReload' }, restart('app.service')] }],
};

describe('decideActions', () => {
  test.each<[string, MachineConfigSpec | undefined, MachineConfigSpec, string]>([
    ['nothing changes', files('/etc/x'), files('/etc/x'), ''],
    ['a host without a known config', undefined, {}, 'reboot'],
    ['a file without a rule', {}, files('/etc/x'), 'reboot'],
    ['a file that is no longer named', files('/etc/x'), {}, 'reboot'],
    ['the nearest directory with a rule', {}, files('/etc/app/a'), 'restart app.service'],
    ['a longer path wins', {}, files('/etc/app/live/a'), 'reload app.service'],
    ['the path itself wins', {}, files('/etc/app/live/none.conf'), 'nothing to restart'],
    ['a name is no prefix', {}, files('/etc/application'), 'reboot'],
    ['a restart makes a reload superfluous', {}, files('/etc/app/a', '/etc/app/live/a'), 'restart app.service'],
    ['each once', {}, files('/etc/app/a', '/etc/app/b'), 'restart app.service'],
    ['a reboot takes all with it', {}, files('/etc/app/a', '/etc/app/boot.conf'), 'reboot'],
    ['none beside others', {}, files('/etc/app/a', '/etc/app/live/none.conf'), 'restart app.service'],
    ['in the order of their doing', {}, files('/etc/busy'), 'drain, reload the unit files, reload web.service'],
    ['a unit', {}, units('app.service'), 'reload the unit files, restart app.service'],
    ['a unit without a rule', {}, units('b.service'), 'reboot'],
    ['a built-in rule', {}, files('/etc/crio/policies/a.json'), 'reload crio.service'],
    ['registries', {}, files('/etc/containers/registries.conf'), 'drain, reload crio.service'],
    ['a rule of the administrator for a built-in path', {}, files('/etc/containers/policy.json'), 'nothing to restart'],
    ['health checks', {}, files('/etc/varve/health.d/50-app'), 'nothing to restart'],
    ['drain hooks', {}, files('/etc/varve/drain.d/50-app'), 'nothing to restart'],
    [
      'keys',
      {},
      { config: { ignition, passwd: { users: [{ name: 'core', sshAuthorizedKeys: ['k'] }] } } },
      'nothing to restart',
    ],
    ['an image', {}, { osImageURL: 'r/a@1' }, 'reboot'],
    ['no image any more', { osImageURL: 'r/a@1' }, {}, ''],
    ['a kernel argument', {}, { kernelArguments: ['quiet'] }, 'reboot'],
    ['a base argument', {}, { config: { ignition, kernelArguments: { shouldNotExist: ['quiet'] } } }, 'reboot'],
    ['another spelling of arguments', { kernelArguments: ['a b'] }, { kernelArguments: ['a', 'b'] }, ''],
    ['the default kernel', { kernelType: '' }, { kernelType: 'default' }, ''],
    ['an extension', {}, { extensions: ['usbguard'] }, 'reboot'],
  ])('%s', (_, old, next, expected) => expect(shown(decideActions(old, next, policy))).toBe(expected));

  test('only units of built-in rules may be missing', () => {
    expect(decideActions({}, files('/etc/crio/policies/a'), policy)).toMatchObject([{ ifRunning: true }]);
    expect(decideActions({}, files('/etc/app/a'), policy)).toMatchObject([{ ifRunning: false }]);
  });

  const path = fc.constantFrom('/etc/app/a', '/etc/app/live/a', '/etc/busy', '/etc/x', '/etc/crio/policies/a');
  const spec = fc.array(fc.tuple(path, fc.constantFrom('1', '2')), { maxLength: 6 }).map((entries) => {
    const unique = new Map(entries);
    const list = [...unique].map(([at, text]) => ({ path: at, contents: contents(text) }));
    return { config: { ignition, storage: { files: list } } } satisfies MachineConfigSpec;
  });

  test('there and back need the same; one and the same nothing; no action twice, Reboot and None alone', () => {
    fc.assert(
      fc.property(spec, spec, (a, b) => {
        const actions = decideActions(a, b, policy);
        expect(decideActions(b, a, policy)).toEqual(actions);
        expect(decideActions(a, a, policy)).toEqual([]);
        const texts = actions.map((action) => ('unit' in action ? action.unit : action.kind));
        expect(new Set(texts).size).toBe(texts.length);
        if (actions.some(({ kind }) => kind === 'Reboot' || kind === 'None')) expect(actions).toHaveLength(1);
        expect(needsDrain(actions) || isLive(actions)).toBe(true);
      }),
    );
  });
});

describe('policyProblems', () => {
  test('the built-in rules and the ones above are sound', () => {
    const files = builtInRules.map(({ path, actions }) => ({ path, actions: [...actions] }));
    expect(policyProblems({ files }, 'p')).toEqual([]);
    expect(policyProblems(policy, 'p')).toEqual([]);
  });

  test.each<[string, DisruptionPolicy]>([
    ['p.files[0].path', { files: [{ path: 'etc', actions: [] }] }],
    ['p.files[0].actions', { files: [{ path: '/etc', actions: [{ type: 'Reboot' }, { type: 'Drain' }] }] }],
    ['p.units[0].name', { units: [{ name: 'app', actions: [] }] }],
    ['p.units[0].actions[0].reload', { units: [{ name: 'a.service', actions: [{ type: 'Reload' }] }] }],
    ['p.sshkey.actions[0].restart.serviceName', { sshkey: { actions: [restart('--now')] } }],
    ['p.sshkey.actions[0].restart', { sshkey: { actions: [{ ...restart('a.service'), type: 'None' }] } }],
  ])('%s', (field, refused) => {
    expect(policyProblems(refused, 'p').map((error) => error.field)).toContain(field);
  });
});
