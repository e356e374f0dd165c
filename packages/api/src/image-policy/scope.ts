// Which images a policy is about, and the names that it compares with those in signatures
// (openshift/api config/v1 types_image_policy.go, ImageScope and IdentityRepositoryPrefix).
import * as z from 'zod';
import { withRules } from '../structural-schema.ts';

const label = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
const host = `(?:${label}(?:\\.${label})+|localhost)(?::[0-9]{1,5})?`;
const path = '(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*';
const suffix = '(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}|@sha256:[0-9a-f]{64})?';
/** Both patterns are for RE2 and JavaScript alike. */
const scopePattern = `^(?:[*](?:\\.${label})+|${host}${path}${suffix})$`;
const repositoryPattern = `^${host}${path}$`;

const notScope =
  'is no scope: write a host with a dot (or localhost), perhaps a port, and a path, tag or digest below it, or *.DOMAIN';
const notRepository = 'is no repository or registry: write HOST/PATH without tag and digest';

export const scopeSchema = textSchema(scopePattern, notScope);
export const repositorySchema = textSchema(repositoryPattern, notRepository);

export function scopeProblem(scope: string): string | undefined {
  return new RegExp(scopePattern).test(scope) ? undefined : notScope;
}

export function repositoryProblem(repository: string): string | undefined {
  return new RegExp(repositoryPattern).test(repository) ? undefined : notRepository;
}

function textSchema(pattern: string, message: string) {
  return z
    .string()
    .max(512)
    .meta(withRules({ rule: `self.matches(r'${pattern}')`, message }));
}
