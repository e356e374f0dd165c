// The one parser of request bodies: JSON, YAML and protobuf, with limits. What it returns is plain JSON data.
import { parse as parseYaml } from 'yaml';
import { isRecord, type JsonObject } from '../object.ts';
import { decodeProtobuf } from '../protobuf/envelope.ts';
import { badRequest, unsupportedMediaType } from '../status.ts';
import { duplicateKeys, findHazard } from './json-scan.ts';
import { parseMediaType } from './negotiate.ts';

export const bodyLimit = 3 * 1024 * 1024;

export interface Body {
  readonly value: unknown;
  /** Paths of keys that stood twice; the last one counts. */
  readonly duplicates: readonly string[];
}

export interface ObjectBody {
  readonly value: JsonObject;
  readonly duplicates: readonly string[];
}

/** Body of a create or update. `custom` kinds have no protobuf form. Throws 400 and 415. */
export function parseObjectBody(contentType: string | undefined, bytes: Uint8Array, custom: boolean): ObjectBody {
  const accepted = ['application/json', 'application/yaml', ...(custom ? [] : ['application/vnd.kubernetes.protobuf'])];
  const { type } = parseMediaType(contentType ?? 'application/json');
  if (!accepted.includes(type)) throw unsupportedMediaType(accepted);
  const { value, duplicates } = parseBody(type, bytes);
  if (!isRecord(value)) throw badRequest('the body is not a JSON object; send one object with apiVersion and kind');
  return { value, duplicates };
}

/** Body of a delete: DeleteOptions, or nothing. */
export function parseOptionsBody(contentType: string | undefined, bytes: Uint8Array): JsonObject | undefined {
  if (bytes.length === 0) return undefined;
  const { value } = parseObjectBody(contentType === '' ? undefined : contentType, bytes, false);
  return value;
}

export function parseJsonBody(bytes: Uint8Array): Body {
  const text = decodeUtf8(bytes);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw badRequest(`the body is not JSON: ${error instanceof SyntaxError ? error.message : 'it cannot be read'}`);
  }
  refuseHazards(value);
  return { value, duplicates: duplicateKeys(text) };
}

/** Body of a server-side apply: YAML, of which JSON is a part that is read much faster. */
export function parseApplyBody(bytes: Uint8Array): ObjectBody {
  const looksLikeJson = /^\s*\{/.test(new TextDecoder().decode(bytes.subarray(0, 64)));
  const { value, duplicates } = looksLikeJson ? parseJsonOrYaml(bytes) : parseYamlBody(bytes);
  if (!isRecord(value)) throw badRequest('error decoding patch: the configuration is not an object');
  return { value, duplicates };
}

/** YAML in braces is rare; the error is that of YAML, which allows more. */
function parseJsonOrYaml(bytes: Uint8Array): Body {
  try {
    JSON.parse(decodeUtf8(bytes));
  } catch {
    return parseYamlBody(bytes);
  }
  return parseJsonBody(bytes);
}

function parseBody(type: string, bytes: Uint8Array): Body {
  if (type === 'application/vnd.kubernetes.protobuf') return { value: decodeProtobuf(bytes), duplicates: [] };
  return type === 'application/yaml' ? parseYamlBody(bytes) : parseJsonBody(bytes);
}

function parseYamlBody(bytes: Uint8Array): Body {
  let value: unknown;
  try {
    // Without aliases, because a few lines of them can stand for gigabytes.
    value = parseYaml(decodeUtf8(bytes), { maxAliasCount: 0, schema: 'core', uniqueKeys: true });
  } catch (error) {
    throw badRequest(`the body is not YAML: ${error instanceof Error ? (error.message.split('\n')[0] ?? '') : ''}`);
  }
  refuseHazards(value);
  return { value, duplicates: [] };
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw badRequest('the body is not UTF-8');
  }
}

function refuseHazards(value: unknown): void {
  const hazard = findHazard(value);
  if (hazard !== undefined) throw badRequest(`the body is refused: ${hazard}`);
}
