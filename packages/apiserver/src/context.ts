// One request, as the handlers see it, and what they give back.

import type { ResourceRequest } from './http/request-info.ts';
import type { ServedResource } from './resources.ts';
import type { User } from './user.ts';

export interface RequestContext {
  readonly resource: ServedResource;
  readonly info: ResourceRequest;
  readonly query: URLSearchParams;
  readonly accept: string | undefined;
  readonly contentType: string | undefined;
  readonly userAgent: string;
  readonly body: Uint8Array;
  readonly user: User;
  readonly now: Date;
  /** Sent as Warning headers. */
  readonly warnings: string[];
  readonly signal: AbortSignal;
}

export interface Answer {
  readonly code: number;
  /** JSON in UTF-8, in parts: those of a list are its objects as they are stored. */
  readonly body: readonly Uint8Array[];
  readonly format: 'json' | 'yaml';
}
