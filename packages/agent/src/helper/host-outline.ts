// The host as the helper tells of it. What is not listed here stays with root.
import * as z from 'zod';
import { appliedOutlineSchema } from '../content/entry.ts';
import type { HostOutline } from '../driver/driver.ts';
import { failedTargetSchema } from '../health/failed-target.ts';
import { probationSchema } from '../health/probation.ts';

const text = z.string().optional();

const deploymentSchema = z.object({
  name: z.string(),
  checksum: z.string(),
  image: text,
  imageDigest: text,
  kernelArguments: z.array(z.string()),
  applied: appliedOutlineSchema.optional(),
  complete: z.boolean(),
  pinned: z.boolean().optional(),
  root: z.string(),
  varDirectory: text,
});

const stateSchema = z.object({
  deployments: z.array(deploymentSchema),
  booted: deploymentSchema,
  bootId: z.string(),
  bootedKernelArguments: z.array(z.string()),
  baseKernelArguments: z.array(z.string()),
  staged: z
    .object({
      config: z.string(),
      image: z.string(),
      checksum: z.string(),
      origin: text,
      kernelArguments: z.array(z.string()).optional(),
    })
    .optional(),
  probation: probationSchema.optional(),
  failed: z.array(failedTargetSchema),
  bootFellBack: z.boolean(),
});

/** The outline of all that is known, or of an outline that has come. JSON has no undefined: what is absent is absent. */
export function outlineOf(value: unknown): HostOutline {
  const { staged, probation, booted, deployments, ...rest } = stateSchema.parse(value);
  return { ...rest, staged, probation, booted: withAbsent(booted), deployments: deployments.map(withAbsent) };
}

function withAbsent({ image, imageDigest, applied, ...rest }: z.infer<typeof deploymentSchema>) {
  return { ...rest, image, imageDigest, applied };
}
