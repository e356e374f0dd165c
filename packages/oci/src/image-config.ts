// Image configurations: https://github.com/opencontainers/image-spec/blob/v1.1.0/config.md
import * as z from 'zod';
import { isDigest } from './digest.ts';
import { OciError } from './error.ts';
import { describeIssue } from './manifest.ts';

export const maximumImageConfigSize = 8 * 1024 * 1024;

const labelsSchema = z
  .record(z.string(), z.string())
  .nullish()
  .transform((labels) => labels ?? {});

const imageConfigSchema = z.object({
  architecture: z.string(),
  os: z.string(),
  variant: z.string().exactOptional(),
  created: z.string().exactOptional(),
  config: z
    .object({ Labels: labelsSchema })
    .nullish()
    .transform((config) => config ?? { Labels: {} }),
  rootfs: z.object({
    type: z.literal('layers'),
    diff_ids: z.array(z.string().refine(isDigest, 'is not a sha256 digest')).max(4096),
  }),
  history: z
    .array(
      z.object({
        created: z.string().exactOptional(),
        created_by: z.string().exactOptional(),
        comment: z.string().exactOptional(),
        empty_layer: z.boolean().exactOptional(),
      }),
    )
    .nullish()
    .transform((history) => history ?? []),
});

export type ImageConfig = z.infer<typeof imageConfigSchema>;

/**
 * Parses the configuration of an image. Absent labels and history become empty.
 * @throws OciError IMAGE_CONFIG_INVALID
 */
export function parseImageConfig(bytes: Uint8Array): ImageConfig {
  if (bytes.length > maximumImageConfigSize) {
    throw invalid(`it has ${bytes.length} bytes, and ${maximumImageConfigSize} are the most`);
  }
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw invalid('it is not JSON in UTF-8', cause);
  }
  const result = imageConfigSchema.safeParse(value);
  if (result.success) return result.data;
  throw invalid(describeIssue(result.error));
}

function invalid(why: string, cause?: unknown): OciError {
  return new OciError(
    'IMAGE_CONFIG_INVALID',
    `the image configuration is not valid: ${why}; build and push the image again`,
    { cause },
  );
}
