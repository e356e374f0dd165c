// Secret: stringData is folded into data and never returned; the type is Opaque unless it says something else
// (kubernetes/pkg/registry/core/secret/strategy.go).
import { type ApiObject, isRecord } from '../object.ts';
import { coreStrategy, type Strategy } from './strategy.ts';

export const secretStrategy: Strategy = { ...coreStrategy, prepareCreate: prepare, prepareUpdate: prepare };

function prepare(object: ApiObject): ApiObject {
  const { stringData, ...rest } = object;
  const secret: ApiObject = { ...rest, metadata: object.metadata, kind: object.kind, apiVersion: object.apiVersion };
  if (secret.type === undefined || secret.type === '') secret.type = 'Opaque';
  if (!isRecord(stringData)) return secret;
  const data = { ...(isRecord(secret.data) ? secret.data : {}) };
  for (const [key, value] of Object.entries(stringData)) {
    if (typeof value === 'string') data[key] = Buffer.from(value).toString('base64');
  }
  return { ...secret, data };
}
