// Everything that a cluster needs, in parts that can be applied one by one, each in the order in which it can be applied.
import { customResourceDefinition, resources } from '@varve/api';
import { accessManifests } from './access.ts';
import { type AgentsOptions, agentManifests } from './agents.ts';
import { type ControlPlaneOptions, controlPlaneManifests } from './control-plane.ts';
import type { Manifest } from './manifest.ts';
import { monitoringManifests } from './monitoring.ts';
import { policyManifests } from './policies.ts';

export const parts = ['crds', 'access', 'policies', 'control-plane', 'agents', 'monitoring'] as const;
export type Part = (typeof parts)[number];
/** All but what needs the Prometheus operator. */
export const defaultParts: readonly Part[] = parts.filter((part) => part !== 'monitoring');

export interface ManifestOptions extends ControlPlaneOptions, AgentsOptions {
  readonly parts: readonly Part[];
}

export function manifests(options: ManifestOptions): Manifest[] {
  const made: Manifest[] = [];
  for (const part of parts) if (options.parts.includes(part)) made.push(...manifestsOf(part, options));
  return made;
}

function manifestsOf(part: Part, options: ManifestOptions): Manifest[] {
  switch (part) {
    case 'crds':
      return resources
        .filter(({ custom }) => custom)
        .map((definition) => ({ ...customResourceDefinition(definition) }));
    case 'access':
      return accessManifests();
    case 'policies':
      return policyManifests();
    case 'control-plane':
      return controlPlaneManifests(options);
    case 'agents':
      return agentManifests(options);
    case 'monitoring':
      return monitoringManifests();
  }
}
