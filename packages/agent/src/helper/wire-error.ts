// Errors across the helper's socket: a code that the documents explain, a message, and the check behind it. Each side makes its
// own error of them, of the class that has the code.
import { ApiError, apiErrorCodes } from '@varve/api';
import { OciError, ociErrorCodes } from '@varve/oci';
import { OstreeError, ostreeErrorCodes } from '@varve/ostree';
import * as z from 'zod';
import { AgentError, agentErrorCodes } from '../error.ts';
import { HealthError } from '../health/failed-target.ts';
import { maxOutput } from '../health/result.ts';
import { failureOf } from '../report/failure.ts';

export const wireErrorSchema = z.object({
  code: z.string().max(64),
  message: z.string().max(8192),
  check: z.string().max(512).optional(),
  output: z.string().max(maxOutput).optional(),
});
export type WireError = z.infer<typeof wireErrorSchema>;

export function toWire(error: unknown): WireError {
  const { code, message, check, output } = failureOf(error);
  return { code, message, ...(check !== undefined && { check }), ...(output !== undefined && { output }) };
}

export function fromWire({ code, message, check, output }: WireError): Error {
  const agent = agentErrorCodes.find((known) => known === code);
  if (agent && check !== undefined) return new HealthError(agent, message, { check, output });
  if (agent) return new AgentError(agent, message);
  const oci = ociErrorCodes.find((known) => known === code);
  if (oci) return new OciError(oci, message);
  const ostree = ostreeErrorCodes.find((known) => known === code);
  if (ostree) return new OstreeError(ostree, message);
  const api = apiErrorCodes.find((known) => known === code);
  if (api) return new ApiError(api, message);
  return new AgentError('HOST_COMMAND_FAILED', `${code}: ${message}`);
}
