// Where two observations differ.
import type { Seen } from './observe.ts';

export interface Difference {
  /** Such as `body.metadata.labels.a`; empty for the whole. */
  readonly path: string;
  /** undefined: not there. */
  readonly embedded: Seen | undefined;
  readonly kubernetes: Seen | undefined;
}

/** Every path at which they differ, outermost first; nothing where they are alike. Keys have no order, lists have. */
export function differencesOf(embedded: Seen | undefined, kubernetes: Seen | undefined, path = ''): Difference[] {
  if (isObject(embedded) && isObject(kubernetes)) {
    const keys = new Set([...Object.keys(embedded), ...Object.keys(kubernetes)]);
    return [...keys].flatMap((key) =>
      differencesOf(embedded[key], kubernetes[key], path === '' ? key : `${path}.${key}`),
    );
  }
  if (Array.isArray(embedded) && Array.isArray(kubernetes) && embedded.length === kubernetes.length) {
    return embedded.flatMap((each: Seen, index) => differencesOf(each, kubernetes[index], `${path}[${index}]`));
  }
  return JSON.stringify(embedded) === JSON.stringify(kubernetes) ? [] : [{ path, embedded, kubernetes }];
}

function isObject(value: Seen | undefined): value is { readonly [key: string]: Seen } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
