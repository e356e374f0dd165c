// The kinds that `varve get` and `varve apply` know, and the words by which a user names them.
import {
  certificateSigningRequestResource,
  configMapResource,
  eventResource,
  leaseResource,
  machineConfigNodeResource,
  machineConfigPoolResource,
  machineConfigResource,
  namespaceResource,
  nodeResource,
  type ResourceDefinition,
  secretResource,
} from '@varve/api';
import { CliError } from './error.ts';

export const definitions: readonly ResourceDefinition[] = [
  machineConfigPoolResource,
  machineConfigNodeResource,
  machineConfigResource,
  nodeResource,
  eventResource,
  certificateSigningRequestResource,
  secretResource,
  configMapResource,
  leaseResource,
  namespaceResource,
];

/** By plural, singular, kind or short name, in any case. KIND_UNKNOWN lists what there is. */
export function findDefinition(word: string): ResourceDefinition {
  const wanted = word.toLowerCase();
  for (const definition of definitions) {
    const names = [definition.plural, definition.singular, definition.kind.toLowerCase(), ...definition.shortNames];
    if (names.includes(wanted) || `${definition.plural}.${definition.group}` === wanted) return definition;
  }
  throw new CliError(
    'KIND_UNKNOWN',
    `there is no kind ${word}; known: ${definitions.map(({ plural }) => plural).join(', ')}`,
  );
}
