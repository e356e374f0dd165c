import { BinaryWriter } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { StatusError } from '../status.ts';
import { decodeProtobuf } from './envelope.ts';

function message(write: (writer: BinaryWriter) => void): Uint8Array {
  const writer = new BinaryWriter();
  write(writer);
  return writer.finish();
}

function text(writer: BinaryWriter, field: number, value: string): void {
  writer.tag(field, 2).string(value);
}

function bytes(writer: BinaryWriter, field: number, value: Uint8Array): void {
  writer.tag(field, 2).bytes(value);
}

function entry(key: string, write: (writer: BinaryWriter) => void): Uint8Array {
  return message((writer) => {
    text(writer, 1, key);
    write(writer);
  });
}

function envelope(apiVersion: string, kind: string, raw: Uint8Array): Uint8Array {
  const type = message((writer) => {
    text(writer, 1, apiVersion);
    text(writer, 2, kind);
  });
  const unknown = message((writer) => {
    bytes(writer, 1, type);
    bytes(writer, 2, raw);
    text(writer, 3, '');
    text(writer, 4, '');
  });
  return Buffer.concat([Buffer.from('k8s\0'), unknown]);
}

describe('protobuf bodies', () => {
  test('become the JSON of a Secret, without what Go writes for "not set"', () => {
    const metadata = message((writer) => {
      text(writer, 1, 's');
      text(writer, 2, '');
      text(writer, 3, 'default');
      writer.tag(7, 0).int64(0);
      bytes(writer, 8, new Uint8Array());
      bytes(
        writer,
        11,
        entry('a', (inner) => text(inner, 2, 'b')),
      );
      bytes(
        writer,
        11,
        entry('empty', () => {}),
      );
    });
    const raw = message((writer) => {
      bytes(writer, 1, metadata);
      bytes(
        writer,
        2,
        entry('key', (inner) => inner.tag(2, 2).bytes(Buffer.from('value'))),
      );
      text(writer, 3, 'Opaque');
    });
    expect(decodeProtobuf(envelope('v1', 'Secret', raw))).toEqual({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 's', namespace: 'default', labels: { a: 'b', empty: '' } },
      data: { key: 'dmFsdWU=' },
      type: 'Opaque',
    });
  });

  test('keep the zeros of pointers and the microseconds of a Lease', () => {
    const time = message((writer) => {
      writer.tag(1, 0).int64(1_767_225_600);
      writer.tag(2, 0).int32(123_456_000);
    });
    const spec = message((writer) => {
      text(writer, 1, '');
      writer.tag(2, 0).int32(15);
      bytes(writer, 4, time);
      writer.tag(5, 0).int32(0);
    });
    const raw = message((writer) => bytes(writer, 2, spec));
    expect(decodeProtobuf(envelope('coordination.k8s.io/v1', 'Lease', raw))).toMatchObject({
      spec: {
        holderIdentity: '',
        leaseDurationSeconds: 15,
        renewTime: '2026-01-01T00:00:00.123456Z',
        leaseTransitions: 0,
      },
    });
  });

  test('of DeleteOptions are read in every group', () => {
    const raw = message((writer) => {
      writer.tag(1, 0).int64(0);
      text(writer, 4, 'Background');
      text(writer, 5, 'All');
    });
    expect(decodeProtobuf(envelope('machineconfiguration.openshift.io/v1', 'DeleteOptions', raw))).toMatchObject({
      gracePeriodSeconds: 0,
      propagationPolicy: 'Background',
      dryRun: ['All'],
    });
  });

  test('of unknown kinds are refused with 415', () => {
    expect(() => decodeProtobuf(envelope('demo.test/v1', 'Widget', new Uint8Array()))).toThrow(
      expect.objectContaining({ code: 415 }),
    );
  });

  test('that are damaged are refused, never more', () => {
    const good = envelope(
      'v1',
      'Node',
      message((writer) =>
        bytes(
          writer,
          1,
          message((inner) => text(inner, 1, 'n')),
        ),
      ),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(good.length), (noise, cut) => {
        for (const body of [
          noise,
          Buffer.concat([good.subarray(0, cut), noise]),
          Buffer.concat([Buffer.from('k8s\0'), noise]),
        ]) {
          try {
            decodeProtobuf(body);
          } catch (error) {
            expect(error).toBeInstanceOf(StatusError);
          }
        }
      }),
    );
  });

  test('with endless groups do not overflow the stack', () => {
    const groups = Buffer.alloc(1_000_000, (9 << 3) | 3);
    expect(() => decodeProtobuf(Buffer.concat([Buffer.from('k8s\0'), groups]))).toThrow(StatusError);
  });
});
