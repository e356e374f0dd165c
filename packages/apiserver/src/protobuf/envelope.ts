// The envelope of Kubernetes' protobuf encoding: the bytes `k8s\0` and a runtime.Unknown that holds type and message
// (apimachinery pkg/runtime/serializer/protobuf, pkg/runtime/generated.proto).
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { isRecord, type JsonObject } from '../object.ts';
import { badRequest, StatusError, unsupportedMediaType } from '../status.ts';
import { decodeMessage, type MessageTable } from './message.ts';
import { deleteOptionsTable, messageTables } from './tables.ts';

const magic = Buffer.from([0x6b, 0x38, 0x73, 0x00]);

const typeMeta: MessageTable = {
  1: { name: 'apiVersion', type: 'string' },
  2: { name: 'kind', type: 'string' },
};

/** The object in the body, as JSON with apiVersion and kind. Throws 400, or 415 for a kind without a field table. */
export function decodeProtobuf(body: Uint8Array): JsonObject {
  try {
    return decode(body);
  } catch (error) {
    if (error instanceof StatusError) throw error;
    throw badRequest('the body is not a protobuf object of Kubernetes, or it is damaged');
  }
}

function decode(body: Uint8Array): JsonObject {
  if (!magic.equals(body.subarray(0, magic.length)))
    throw badRequest('the body does not begin as protobuf of Kubernetes does');
  const { type, raw } = readUnknown(body.subarray(magic.length));
  const apiVersion = typeof type.apiVersion === 'string' ? type.apiVersion : '';
  const kind = typeof type.kind === 'string' ? type.kind : '';
  const id = `${apiVersion}/${kind}`;
  const table =
    kind === 'DeleteOptions' ? deleteOptionsTable : Object.hasOwn(messageTables, id) ? messageTables[id] : undefined;
  if (table === undefined) throw unsupportedMediaType(['application/json', 'application/yaml']);
  return { apiVersion, kind, ...decodeMessage(raw, table) };
}

function readUnknown(bytes: Uint8Array): { type: JsonObject; raw: Uint8Array } {
  const reader = new BinaryReader(bytes);
  let type: JsonObject = {};
  let raw: Uint8Array = new Uint8Array();
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (number === 1 && wireType === 2) type = decodeMessage(reader.bytes(), typeMeta);
    else if (number === 2 && wireType === 2) raw = reader.bytes();
    else reader.skip(wireType, number);
  }
  return { type: isRecord(type) ? type : {}, raw };
}
