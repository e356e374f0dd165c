// Pagination: https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#listing-tags
import { RegistryError } from './error.ts';

export interface PageRequest {
  /** Most names that the page may have; all without it. */
  count?: number;
  /** The page begins behind this name. */
  last?: string;
}

export interface Page {
  names: string[];
  /** The query of the next page. */
  next?: string;
}

/** @throws RegistryError UNSUPPORTED */
export function parsePageRequest(query: URLSearchParams): PageRequest {
  const count = query.get('n');
  const last = query.get('last');
  if (count !== null && !/^[0-9]{1,9}$/.test(count)) {
    throw new RegistryError('UNSUPPORTED', 'n must be a number of names that a page may have', { status: 400 });
  }
  return { ...(count !== null && { count: Number(count) }), ...(last !== null && { last }) };
}

/** A page of names that are in the order of their bytes. */
export function choosePage(names: readonly string[], { count, last }: PageRequest): Page {
  const left = last === undefined ? [...names] : names.filter((name) => name > last);
  if (count === undefined || left.length <= count) return { names: left };
  const chosen = left.slice(0, count);
  const end = chosen.at(-1);
  if (end === undefined) return { names: [] };
  return { names: chosen, next: new URLSearchParams({ n: String(count), last: end }).toString() };
}
