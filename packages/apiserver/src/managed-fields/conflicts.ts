// The answer to an apply that would change fields of others (apimachinery pkg/util/managedfields/internal/conflict.go).
import { StatusError } from '../status.ts';
import { pathText } from './elements.ts';
import { type FieldSet, members } from './field-set.ts';
import type { Manager } from './managers.ts';

export interface Conflict {
  readonly manager: Manager;
  readonly fields: FieldSet;
}

/** Nobody reads more, and an answer must not be many times as long as its request. */
const maxCauses = 500;

/** 409 that names the fields and who has it; people decide by it whether to force. */
export function applyConflict(conflicts: readonly Conflict[]): StatusError {
  const found: { readonly manager: string; readonly field: string }[] = [];
  for (const { manager, fields } of conflicts) {
    for (const path of members(fields)) found.push({ manager: describe(manager), field: pathText(path) });
  }
  found.sort((a, b) => (a.manager < b.manager ? -1 : Number(a.manager > b.manager)));
  const causes = found.slice(0, maxCauses).map(({ manager, field }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${manager}`,
    field,
  }));
  return new StatusError(409, 'Conflict', messageOf(found), { causes });
}

function messageOf(found: readonly { readonly manager: string; readonly field: string }[]): string {
  const [first] = found;
  if (first !== undefined && found.length === 1) {
    return `Apply failed with 1 conflict: conflict with ${first.manager}: ${first.field}`;
  }
  const lines: string[] = [];
  let last: string | undefined;
  for (const { manager, field } of found.slice(0, maxCauses)) {
    if (manager !== last) lines.push(`conflicts with ${manager}:`);
    last = manager;
    lines.push(`- ${field}`);
  }
  if (found.length > maxCauses) lines.push(`and ${found.length - maxCauses} more`);
  return `Apply failed with ${found.length} conflicts: ${lines.join('\n')}`;
}

function describe({ name, operation, apiVersion, subresource }: Manager): string {
  const at = subresource === '' ? '' : ` with subresource ${JSON.stringify(subresource)}`;
  return `${JSON.stringify(name)}${at}${operation === 'Update' ? ` using ${apiVersion}` : ''}`;
}
