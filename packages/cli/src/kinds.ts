// The kinds that `varve get` and `varve apply` know, and the words by which a user names them.
import { type ResourceDefinition, resources } from '@varve/api';
import { CliError } from './error.ts';

/** By plural, singular, kind or short name, in any case. KIND_UNKNOWN lists what there is. */
export function findDefinition(word: string): ResourceDefinition {
  const wanted = word.toLowerCase();
  for (const definition of resources) {
    const names = [definition.plural, definition.singular, definition.kind.toLowerCase(), ...definition.shortNames];
    if (names.includes(wanted) || `${definition.plural}.${definition.group}` === wanted) return definition;
  }
  throw new CliError(
    'KIND_UNKNOWN',
    `there is no kind ${word}; known: ${resources.map(({ plural }) => plural).join(', ')}`,
  );
}
