// varve kube manifests: YAML for `kubectl apply -f -`, or a List in JSON.
import { defaultParts, type ManifestOptions, manifests, parts } from '@varve/deploy';
import { stringify } from 'yaml';
import { CliError } from '../error.ts';
import type { OutputFormat } from '../output.ts';

/** USAGE when a part is none. */
export function printManifests(
  options: Omit<ManifestOptions, 'parts'>,
  wanted: readonly string[] | undefined,
  format: OutputFormat,
): string {
  const unknown = wanted?.find((name) => !parts.some((part) => part === name));
  if (unknown !== undefined) throw new CliError('USAGE', `there is no part ${unknown}; there are ${parts.join(', ')}`);
  const chosen = wanted === undefined ? defaultParts : parts.filter((part) => wanted.includes(part));
  const objects = manifests({ ...options, parts: chosen });
  if (format === 'json') return JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }, null, 2);
  // As kubectl reads it: without anchors, and without lines broken inside of expressions.
  return objects
    .map((object) => stringify(object, { lineWidth: 0, aliasDuplicateObjects: false }))
    .join('---\n')
    .trimEnd();
}
