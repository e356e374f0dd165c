// Numbers in tar headers: octal text, or GNU's base-256 where the first byte's top bit is set.
// https://www.gnu.org/software/tar/manual/html_node/Extensions.html
import { OciError } from '../error.ts';

/**
 * Reads a header's number. Blank fields are 0.
 * @throws OciError LAYER_INVALID where it is not a number or beyond 2^53
 */
export function parseHeaderNumber(field: Uint8Array, name: string): number {
  const first = field[0] ?? 0;
  if ((first & 0x80) !== 0) return parseBase256(field, name);
  const text = Buffer.from(field.buffer, field.byteOffset, field.byteLength).toString('latin1');
  const digits = text.replace(/^[ \0]+/, '').replace(/[ \0][\s\S]*$/, '');
  if (digits === '') return 0;
  if (!/^[0-7]+$/.test(digits)) throw invalidNumber(name);
  return checkedNumber(BigInt(`0o${digits}`), name);
}

function parseBase256(field: Uint8Array, name: string): number {
  const negative = ((field[0] ?? 0) & 0x40) !== 0;
  let value = BigInt((field[0] ?? 0) & 0x7f);
  for (const byte of field.subarray(1)) value = (value << 8n) | BigInt(byte);
  return checkedNumber(negative ? value - (1n << BigInt(field.length * 8 - 1)) : value, name);
}

/**
 * Reads a decimal number of an extended header; fractions (of times) are kept.
 * @throws OciError LAYER_INVALID
 */
export function parseDecimal(text: string, name: string): number {
  if (!/^-?[0-9]{1,20}(?:\.[0-9]{0,30})?$/.test(text)) throw invalidNumber(name);
  const value = Number(text);
  if (Math.abs(value) > Number.MAX_SAFE_INTEGER) throw invalidNumber(name);
  return value === 0 ? 0 : value;
}

function checkedNumber(value: bigint, name: string): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw invalidNumber(name);
  return number;
}

function invalidNumber(name: string): OciError {
  return new OciError(
    'LAYER_INVALID',
    `an archive header has a ${name} that is no sensible number; push the image again`,
  );
}
