// A signed target as it is written down or sent: parsed before anything looks into it.
import { type MachineConfigSpec, machineConfigResource } from '@varve/api';
import * as z from 'zod';

/** As it was received, fields of newer versions included: its digest is what was signed. */
export const receivedSpecSchema = z.custom<MachineConfigSpec>(
  (spec) => machineConfigResource.schema.safeParse({ apiVersion: '', kind: '', spec }).success,
);

export const signedTargetSchema = z.strictObject({
  /** Its length is checked where it is opened. */
  envelope: z.string(),
  spec: receivedSpecSchema,
});
