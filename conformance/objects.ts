// Paths and objects that behaviours are shown with: a built-in kind in a namespace, and a kind of Varve's.
import { listAt, textAt, valueAt } from '@varve/api';
import type { Answer } from './client.ts';

export const pools = '/apis/machineconfiguration.openshift.io/v1/machineconfigpools';
export const configs = '/apis/machineconfiguration.openshift.io/v1/machineconfigs';
export const nodes = '/api/v1/nodes';
export const namespaces = '/api/v1/namespaces';
export const requests = '/apis/certificates.k8s.io/v1/certificatesigningrequests';

export function configMaps(namespace: string): string {
  return `${namespaces}/${namespace}/configmaps`;
}

export function secrets(namespace: string): string {
  return `${namespaces}/${namespace}/secrets`;
}

export function leases(namespace: string): string {
  return `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
}

export function events(namespace: string): string {
  return `${namespaces}/${namespace}/events`;
}

export function configMap(name: string, data: object = {}, metadata: object = {}) {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...metadata }, data };
}

export function secret(name: string, fields: object = {}) {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name }, ...fields };
}

export function node(name: string, fields: object = {}, metadata: object = {}) {
  return { apiVersion: 'v1', kind: 'Node', metadata: { name, ...metadata }, ...fields };
}

export function lease(name: string, spec: object = {}) {
  return { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name }, spec };
}

export function pool(name: string, spec: object = {}, metadata: object = {}) {
  const apiVersion = 'machineconfiguration.openshift.io/v1';
  return { apiVersion, kind: 'MachineConfigPool', metadata: { name, ...metadata }, spec };
}

export function versionOf(answer: Answer): string {
  return textIn(answer, 'metadata', 'resourceVersion');
}

export function uidOf(answer: Answer): string {
  return textIn(answer, 'metadata', 'uid');
}

/** Fails where there is no text: the request before was refused, and the behaviour would compare nothing. */
export function textIn(answer: Answer, ...path: (string | number)[]): string {
  const value = path.reduce<unknown>((at, key) => valueAt(at, String(key)), answer.body);
  if (typeof value !== 'string') throw new Error(`HTTP ${answer.code} without ${path.join('.')}: ${answer.text}`);
  return value;
}

/** Fails when a request that only prepares was refused. */
export function done(answer: Answer): Answer {
  if (answer.code >= 300) throw new Error(`HTTP ${answer.code}: ${answer.text}`);
  return answer;
}

/** Each once and without their order: upstream repeats some, and takes others from maps. */
export function causesIn({ code, body }: Answer) {
  const causes = listAt(body, 'details', 'causes').map((cause) =>
    ['reason', 'field', 'message'].map((key) => textAt(cause, key)).join(' '),
  );
  return { code, reason: valueAt(body, 'reason'), causes: [...new Set(causes)].toSorted() };
}

export function namesIn(answer: Answer): unknown[] {
  const items = valueAt(answer.body, 'items');
  if (!Array.isArray(items)) throw new Error(`HTTP ${answer.code}, no list: ${answer.text.slice(0, 300)}`);
  return items.map((item: unknown) => valueAt(item, 'metadata', 'name'));
}
