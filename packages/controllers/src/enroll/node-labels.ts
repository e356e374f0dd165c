// Labels that a join token gives to the hosts that join with it.
import { type Secret, secretResource } from '@varve/api';
import { isKubeError } from '@varve/kube';
import type { ControllerContext } from '../context.ts';

/** On a bootstrap token's Secret: `key=value` pairs with commas between them. */
export const nodeLabelsAnnotation = 'varve.dev/node-labels';

const keyPattern = /^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const valuePattern = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;

/** Labels of a list such as `zone=a,node-role.kubernetes.io/worker=`; entries that are no labels are left out. */
export function parseNodeLabels(text: string): Record<string, string> {
  const labels: [string, string][] = [];
  for (const entry of text.split(',')) {
    const [key = '', value = '', ...rest] = entry.trim().split('=');
    if (rest.length === 0 && keyPattern.test(key) && valuePattern.test(value)) labels.push([key, value]);
  }
  return Object.fromEntries(labels);
}

/**
 * Labels for whoever made a request as `system:bootstrap:<id>`; none for others, or when the token is gone. On a cluster
 * the controllers may not read tokens, which lie among other secrets: there labels are given by `kubectl label`.
 */
export async function tokenLabels(
  client: ControllerContext['client'],
  username: string,
  signal: AbortSignal,
): Promise<Record<string, string>> {
  const id = /^system:bootstrap:([a-z0-9]{6})$/.exec(username)?.[1];
  if (id === undefined) return {};
  try {
    const secret: Secret = await client.get(secretResource, `bootstrap-token-${id}`, {
      namespace: 'kube-system',
      signal,
    });
    return parseNodeLabels(secret.metadata.annotations?.[nodeLabelsAnnotation] ?? '');
  } catch (error) {
    if (isKubeError(error, 'NOT_FOUND', 'FORBIDDEN')) return {};
    throw error;
  }
}
