// MachineConfigs for the pool `worker`, as a user would write them, for kubectl.
export interface ConfigSpec {
  readonly image?: string;
  readonly motd?: string;
  readonly kernelArguments?: readonly string[];
  readonly kernelType?: string;
  /** Replaces the Ignition section. */
  readonly ignition?: unknown;
}

export function machineConfig(name: string, spec: ConfigSpec): string {
  const source = spec.motd === undefined ? undefined : `data:,${encodeURIComponent(spec.motd)}`;
  const files = source === undefined ? [] : [{ path: '/etc/motd', mode: 0o644, overwrite: true, contents: { source } }];
  return JSON.stringify({
    apiVersion: 'machineconfiguration.openshift.io/v1',
    kind: 'MachineConfig',
    metadata: { name, labels: { 'machineconfiguration.openshift.io/role': 'worker' } },
    spec: {
      ...(spec.image === undefined ? {} : { osImageURL: spec.image }),
      ...(spec.kernelArguments === undefined ? {} : { kernelArguments: spec.kernelArguments }),
      ...(spec.kernelType === undefined ? {} : { kernelType: spec.kernelType }),
      config: spec.ignition ?? { ignition: { version: '3.4.0' }, storage: { files } },
    },
  });
}
