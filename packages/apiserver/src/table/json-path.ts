// The JSONPath of printer columns: `.a.b`, `['a.b']`, `.a[0]`, `.a[?(@.type=="Ready")].status`, `\.` in a name
// (kubernetes.io CustomResourceDefinitions, additionalPrinterColumns).
import { isRecord } from '../object.ts';

type Step =
  | { readonly kind: 'field'; readonly name: string }
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'filter'; readonly path: readonly string[]; readonly value: string };

export type JsonPath = readonly Step[];

const step =
  /\.((?:[^.[\]\\]|\\.)+)|\[(-?\d+)\]|\['((?:[^'\\]|\\.)*)'\]|\[\?\(\s*@((?:\.[A-Za-z0-9_-]+)+)\s*==\s*(?:"([^"]*)"|'([^']*)')\s*\)\]/y;

/** Throws SyntaxError for a path that printer columns do not have. */
export function parseJsonPath(text: string): JsonPath {
  const scanner = new RegExp(step);
  const steps: Step[] = [];
  while (scanner.lastIndex < text.length) {
    const at = scanner.lastIndex;
    const match = scanner.exec(text);
    if (match === null) throw new SyntaxError(`column path ${text} cannot be read at character ${at}`);
    const [, name, index, quoted, filter, doubleQuoted, singleQuoted] = match;
    const field = name ?? quoted;
    if (field !== undefined) steps.push({ kind: 'field', name: field.replaceAll(/\\(.)/g, '$1') });
    else if (index !== undefined) steps.push({ kind: 'index', index: Number(index) });
    else
      steps.push({
        kind: 'filter',
        path: (filter ?? '').slice(1).split('.'),
        value: doubleQuoted ?? singleQuoted ?? '',
      });
  }
  return steps;
}

/** The first value that the path names, or undefined. */
export function evaluate(path: JsonPath, object: unknown): unknown {
  let value = object;
  for (const part of path) {
    if (part.kind === 'field')
      value = isRecord(value) && Object.hasOwn(value, part.name) ? value[part.name] : undefined;
    else if (!Array.isArray(value)) value = undefined;
    else if (part.kind === 'index') value = value.at(part.index);
    else value = value.find((item) => String(evaluate(part.path.map(fieldStep), item)) === part.value);
    if (value === undefined) return undefined;
  }
  return value;
}

function fieldStep(name: string): Step {
  return { kind: 'field', name };
}
