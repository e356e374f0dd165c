// Which registry stands for which: mirrors, other locations, blocked ones. Version 2 of
// https://github.com/containers/image/blob/main/docs/containers-registries.conf.5.md
import { parse } from 'smol-toml';
import * as z from 'zod';
import { OciError } from '../error.ts';
import { describeIssue } from '../manifest.ts';
import { isRepositoryName } from '../reference.ts';

export interface Mirror {
  location: string;
  insecure: boolean;
  pulls: 'all' | 'digest-only' | 'tag-only';
}

/** What holds for all images below a prefix. */
export interface RegistryRule {
  /** `host`, `host/path`, or `*.domain`. */
  prefix: string;
  /** What the prefix is replaced by; the prefix itself where nothing is. */
  location?: string;
  insecure: boolean;
  blocked: boolean;
  mirrors: Mirror[];
}

export interface RegistriesConf {
  rules: RegistryRule[];
  /** Full names by short ones. */
  aliases: ReadonlyMap<string, string>;
}

/** A host, or a host and the beginning of repository names. */
const locationSchema = z.string().max(512).refine(isLocation, 'is not a registry or a part of one');
const pullSchema = z.enum(['', 'all', 'digest-only', 'tag-only']).default('all');

const mirrorSchema = z.object({
  location: locationSchema,
  insecure: z.boolean().default(false),
  'pull-from-mirror': pullSchema,
});

const registrySchema = z
  .object({
    prefix: z.string().default(''),
    location: z.union([z.literal(''), locationSchema]).default(''),
    insecure: z.boolean().default(false),
    blocked: z.boolean().default(false),
    'mirror-by-digest-only': z.boolean().default(false),
    mirror: z.array(mirrorSchema).default([]),
  })
  .refine(
    ({ prefix, location }) => isPrefix(prefix) || (prefix === '' && location !== ''),
    'has no prefix and no location',
  );

const confSchema = z.object({
  registry: z.array(registrySchema).default([]),
  aliases: z.record(z.string(), z.string()).default({}),
  /** Version 1, which c/image no longer reads. */
  registries: z.undefined('is of version 1; write [[registry]] tables').optional(),
});

export const emptyRegistriesConf: RegistriesConf = { rules: [], aliases: new Map() };

/** @throws OciError REGISTRIES_CONF_INVALID */
export function parseRegistriesConf(text: string, path: string): RegistriesConf {
  let value: unknown;
  try {
    value = parse(text);
  } catch (cause) {
    throw invalid(path, cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : 'it is not TOML', cause);
  }
  const result = confSchema.safeParse(value);
  if (!result.success) throw invalid(path, describeIssue(result.error));
  return {
    rules: result.data.registry.map(toRule),
    aliases: new Map(Object.entries(result.data.aliases).filter(([, name]) => name !== '')),
  };
}

/** Later files replace what earlier ones say of the same prefix or short name. */
export function mergeRegistriesConf(files: readonly RegistriesConf[]): RegistriesConf {
  const rules = new Map<string, RegistryRule>();
  const aliases = new Map<string, string>();
  for (const file of files) {
    for (const rule of file.rules) rules.set(rule.prefix, rule);
    for (const [name, full] of file.aliases) aliases.set(name, full);
  }
  return { rules: [...rules.values()], aliases };
}

function toRule(table: z.infer<typeof registrySchema>): RegistryRule {
  return {
    prefix: table.prefix === '' ? table.location : table.prefix,
    ...(table.location !== '' && { location: table.location }),
    insecure: table.insecure,
    blocked: table.blocked,
    mirrors: table.mirror.map((mirror) => ({
      location: mirror.location,
      insecure: mirror.insecure,
      pulls: table['mirror-by-digest-only'] ? 'digest-only' : mirror['pull-from-mirror'] || 'all',
    })),
  };
}

function isPrefix(text: string): boolean {
  return text.startsWith('*.') ? isLocation(text.slice(2)) && !text.includes('/') : isLocation(text);
}

function isLocation(text: string): boolean {
  const [host = '', ...path] = text.split('/');
  return (
    /^(?:[A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?$/.test(host) &&
    (path.length === 0 || isRepositoryName(path.join('/')))
  );
}

function invalid(path: string, why: string, cause?: unknown): OciError {
  return new OciError('REGISTRIES_CONF_INVALID', `${path} is not valid: ${why}; see containers-registries.conf(5)`, {
    cause,
  });
}
