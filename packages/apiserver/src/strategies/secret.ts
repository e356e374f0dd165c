// Secret: stringData is folded into data and never returned; the type is Opaque unless it says something else
// (kubernetes/pkg/registry/core/secret/strategy.go).
import { isRecord, type JsonObject } from '../object.ts';
import { coreStrategy, type Strategy } from './strategy.ts';

export const secretStrategy: Strategy = {
  ...coreStrategy,
  fold: folded,
  fill: (object) => (object.type === undefined || object.type === '' ? { ...object, type: 'Opaque' } : object),
};

function folded(object: JsonObject): JsonObject {
  const { stringData, ...secret } = object;
  if (stringData === undefined || stringData === null) return secret;
  if (!isRecord(stringData)) return object;
  const data: JsonObject = { ...(isRecord(secret.data) ? secret.data : {}) };
  for (const [key, value] of Object.entries(stringData)) {
    if (typeof value !== 'string') return object;
    data[key] = Buffer.from(value).toString('base64');
  }
  return { ...secret, data };
}
