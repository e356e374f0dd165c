// The parts of an Ignition configuration that Varve acts on (coreos/ignition docs/configuration-v3_5.md).
// Other sections pass through unread; check.ts refuses those that a running host cannot follow.
import * as z from 'zod';

/** Spec versions that are read. They differ only in sections that a running host cannot follow anyway. */
export const ignitionVersions = ['3.0.0', '3.1.0', '3.2.0', '3.3.0', '3.4.0', '3.5.0'] as const;

const ownerSchema = z.looseObject({
  id: z.int().min(0).max(4_294_967_294).optional(),
  name: z.string().min(1).optional(),
});

const contentsSchema = z.looseObject({
  source: z.string().optional(),
  compression: z.enum(['', 'gzip']).optional(),
  verification: z.looseObject({ hash: z.string().optional() }).optional(),
});

const entrySchema = z.looseObject({
  path: z.string(),
  overwrite: z.boolean().optional(),
  user: ownerSchema.optional(),
  group: ownerSchema.optional(),
});
const modeSchema = z.int().min(0).max(0o7777).optional();

const fileSchema = entrySchema.extend({
  mode: modeSchema,
  contents: contentsSchema.optional(),
  append: z.array(z.unknown()).optional(),
});
const directorySchema = entrySchema.extend({ mode: modeSchema });
const linkSchema = entrySchema.extend({ target: z.string().optional(), hard: z.boolean().optional() });

const dropinSchema = z.looseObject({ name: z.string(), contents: z.string().optional() });
const unitSchema = z.looseObject({
  name: z.string(),
  enabled: z.boolean().optional(),
  mask: z.boolean().optional(),
  contents: z.string().optional(),
  dropins: z.array(dropinSchema).optional(),
});

const userSchema = z.looseObject({
  name: z.string(),
  passwordHash: z.string().optional(),
  sshAuthorizedKeys: z.array(z.string()).optional(),
});

export const ignitionSchema = z.looseObject({
  ignition: z.looseObject({ version: z.string() }),
  storage: z
    .looseObject({
      files: z.array(fileSchema).optional(),
      directories: z.array(directorySchema).optional(),
      links: z.array(linkSchema).optional(),
    })
    .optional(),
  systemd: z.looseObject({ units: z.array(unitSchema).optional() }).optional(),
  passwd: z.looseObject({ users: z.array(userSchema).optional() }).optional(),
  kernelArguments: z
    .looseObject({ shouldExist: z.array(z.string()).optional(), shouldNotExist: z.array(z.string()).optional() })
    .optional(),
});

export type IgnitionConfig = z.infer<typeof ignitionSchema>;
export type IgnitionFile = z.infer<typeof fileSchema>;
export type IgnitionDirectory = z.infer<typeof directorySchema>;
export type IgnitionLink = z.infer<typeof linkSchema>;
export type IgnitionUnit = z.infer<typeof unitSchema>;
export type IgnitionDropin = z.infer<typeof dropinSchema>;
export type IgnitionUser = z.infer<typeof userSchema>;
export type IgnitionContents = z.infer<typeof contentsSchema>;

/** Ignition treats null as absent everywhere; manifests generated from Go structs are full of them. */
export function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value;
  const result: Record<string, unknown> = Object.create(null);
  for (const [key, child] of Object.entries(value)) {
    if (child !== null) result[key] = withoutNulls(child);
  }
  return { ...result };
}
