// JSON patch (RFC 6902), with upstream's answers to patches that do not apply.
import { applyPatch, Pointer } from 'rfc6902';
import { isRecord, type JsonObject } from '../object.ts';
import { badRequest, StatusError, tooLarge } from '../status.ts';

const maxOperations = 10_000;
/** A few copies of copies would fill the memory. */
const maxCopiedCharacters = 3 * 1024 * 1024;

interface Operation {
  readonly op: 'add' | 'remove' | 'replace' | 'move' | 'copy' | 'test';
  readonly path: string;
  readonly from: string;
  readonly value: unknown;
}

/** The patched copy of `target`. Throws 400 for a malformed patch, 422 when it does not apply, 413 when it is too long. */
export function jsonPatch(target: JsonObject, patch: unknown): unknown {
  if (!Array.isArray(patch)) throw badRequest('error decoding patch: a JSON patch is a list of operations');
  if (patch.length > maxOperations) {
    const message = `Request entity too large: The allowed maximum operations in a JSON patch is ${maxOperations}, got ${patch.length}`;
    throw new StatusError(413, 'RequestEntityTooLarge', message);
  }
  const operations = patch.map(parseOperation);
  const document = { root: structuredClone(target) };
  // Below one key the whole document can be replaced by a patch with an empty path.
  const rooted = operations.map((operation) => ({
    ...operation,
    path: `/root${operation.path}`,
    from: `/root${operation.from}`,
  }));
  let copied = 0;
  for (const operation of rooted) {
    if (operation.op === 'copy') {
      copied += JSON.stringify(Pointer.fromJSON(operation.from).get(document) ?? null).length;
      if (copied > maxCopiedCharacters) throw tooLarge(maxCopiedCharacters);
    }
    const [failure] = applyPatch(document, [operation]);
    if (failure !== null && failure !== undefined) throw doesNotApply(failure.message.replace(': /root', ': '));
  }
  return document.root;
}

function parseOperation(value: unknown): Operation {
  if (!isRecord(value)) throw badRequest('error decoding patch: an operation is an object');
  const { op, path, from } = value;
  const known = (['add', 'remove', 'replace', 'move', 'copy', 'test'] as const).find((name) => name === op);
  if (known === undefined) throw doesNotApply(`unknown operation ${JSON.stringify(op ?? null)}`);
  if (typeof path !== 'string' || !isPointer(path))
    throw badRequest('error decoding patch: path is not a JSON pointer');
  const needsFrom = known === 'move' || known === 'copy';
  if (needsFrom && (typeof from !== 'string' || !isPointer(from))) {
    throw badRequest('error decoding patch: from is not a JSON pointer');
  }
  if ((known === 'add' || known === 'replace' || known === 'test') && !Object.hasOwn(value, 'value')) {
    throw badRequest(`error decoding patch: ${known} needs a value`);
  }
  return { op: known, path, from: typeof from === 'string' ? from : '', value: value.value };
}

function isPointer(text: string): boolean {
  return (text === '' || text.startsWith('/')) && !/\/(__proto__|constructor|prototype)(\/|$)/.test(text);
}

function doesNotApply(why: string): StatusError {
  const message = 'the server rejected our request due to an error in our request';
  return new StatusError(422, 'Invalid', message, { causes: [{ reason: '', message: why, field: 'patch' }] });
}
