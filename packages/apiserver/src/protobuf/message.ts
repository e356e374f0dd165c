// Decoding of proto2 messages into the JSON form of Kubernetes objects, driven by field tables.
// Bounded: a nested message is at most as long as its parent, and nesting is limited by the tables, which do not recur.
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { isRecord, type JsonObject } from '../object.ts';

/**
 * How a field is written. Scalars with a `?` are pointers in Go: a zero that was sent is meant. Without it a zero is
 * Go's way to say "not set" and is left out, as `omitempty` does in JSON.
 */
export type FieldType =
  | 'string'
  | 'string?'
  | 'int'
  | 'int?'
  | 'bool'
  | 'bool?'
  | 'bytes'
  | 'time'
  | 'microTime'
  | 'quantity'
  | 'strings'
  | MessageTable;

export interface Field {
  readonly name: string;
  readonly type: FieldType;
  readonly shape?: 'repeated' | 'map';
}

export interface MessageTable {
  readonly [number: number]: Field;
}

/** Throws RangeError or Error when the bytes are not such a message. */
export function decodeMessage(bytes: Uint8Array, table: MessageTable): JsonObject {
  const reader = new BinaryReader(bytes);
  const object: JsonObject = {};
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    const field = table[number];
    if (field === undefined) reader.skip(wireType, number);
    else readField(reader, wireType, field, object);
  }
  return object;
}

function readField(reader: BinaryReader, wireType: WireType, field: Field, object: JsonObject): void {
  if (wireType !== wireTypeOf(field)) throw new Error(`field ${field.name} has wire type ${wireType}`);
  if (field.shape === 'map') {
    const entries = object[field.name];
    const [key, value] = readEntry(reader.bytes(), field.type);
    if (key === '__proto__') throw new Error(`${field.name} has a key that is not allowed`);
    if (isRecord(entries)) entries[key] = value;
    else object[field.name] = { [key]: value };
    return;
  }
  const value = readValue(reader, field.type);
  if (field.shape === 'repeated') {
    const items = object[field.name];
    if (Array.isArray(items)) items.push(value);
    else object[field.name] = [value];
  } else if (!isUnset(value, field.type)) {
    object[field.name] = value;
  }
}

function wireTypeOf(field: Field): WireType {
  if (field.shape === 'map') return WireType.LengthDelimited;
  const { type } = field;
  return type === 'int' || type === 'int?' || type === 'bool' || type === 'bool?'
    ? WireType.Varint
    : WireType.LengthDelimited;
}

function isUnset(value: unknown, type: FieldType): boolean {
  if (value === undefined) return true;
  if (type === 'string' || type === 'bytes') return value === '';
  if (type === 'int') return value === 0;
  return type === 'bool' && value === false;
}

function readValue(reader: BinaryReader, type: FieldType): unknown {
  switch (type) {
    case 'string':
    case 'string?':
      return reader.string();
    case 'int':
    case 'int?':
      return Number(reader.int64());
    case 'bool':
    case 'bool?':
      return reader.bool();
    case 'bytes':
      return Buffer.from(reader.bytes()).toString('base64');
    case 'time':
      return readTime(reader.bytes(), false);
    case 'microTime':
      return readTime(reader.bytes(), true);
    case 'quantity':
      return decodeMessage(reader.bytes(), { 1: { name: 'string', type: 'string' } }).string ?? '0';
    case 'strings':
      return decodeMessage(reader.bytes(), { 1: { name: 'items', type: 'string', shape: 'repeated' } }).items ?? [];
    default:
      return decodeMessage(reader.bytes(), type);
  }
}

function readEntry(bytes: Uint8Array, type: FieldType): [string, unknown] {
  const entry = decodeMessage(bytes, { 1: { name: 'key', type: 'string?' }, 2: { name: 'value', type } });
  const key = typeof entry.key === 'string' ? entry.key : '';
  return [key, entry.value ?? (type === 'int' ? 0 : '')];
}

/** metav1.Time and MicroTime {1 seconds, 2 nanos}; an empty one is Go's zero time and means "not set". */
function readTime(bytes: Uint8Array, micro: boolean): string | undefined {
  if (bytes.length === 0) return undefined;
  const { seconds, nanos } = decodeMessage(bytes, {
    1: { name: 'seconds', type: 'int?' },
    2: { name: 'nanos', type: 'int?' },
  });
  const date = new Date(typeof seconds === 'number' ? seconds * 1000 : 0);
  // Throws RangeError for a time that no date can hold.
  const whole = date.toISOString().slice(0, -'.000Z'.length);
  if (!micro) return `${whole}Z`;
  const micros = typeof nanos === 'number' ? Math.trunc(nanos / 1000) : 0;
  return `${whole}.${String(micros).padStart(6, '0')}Z`;
}
