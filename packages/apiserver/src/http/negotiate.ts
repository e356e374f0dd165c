// Content negotiation: which form of the answer a client wants (apiserver pkg/endpoints/handlers/negotiation).
// Answers are JSON or YAML; clients that prefer protobuf always accept JSON too.
import { notAcceptable } from '../status.ts';

export type Transform = 'none' | 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList';

export interface Representation {
  readonly format: 'json' | 'yaml';
  readonly transform: Transform;
  /** Version of meta.k8s.io for a transform. */
  readonly version: string;
}

export interface MediaType {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
}

const plain: Representation = { format: 'json', transform: 'none', version: '' };
const accepted = ['application/json', 'application/yaml'];
const formats: Readonly<Record<string, 'json' | 'yaml'>> = {
  'application/json': 'json',
  'application/*': 'json',
  '*/*': 'json',
  'application/yaml': 'yaml',
};

export function parseMediaType(text: string): MediaType {
  const [type = '', ...rest] = text.split(';');
  const parameters = new Map<string, string>();
  for (const parameter of rest) {
    const equals = parameter.indexOf('=');
    if (equals > 0) parameters.set(parameter.slice(0, equals).trim().toLowerCase(), parameter.slice(equals + 1).trim());
  }
  return { type: type.trim().toLowerCase(), parameters };
}

export function parseAccept(header: string | undefined): MediaType[] {
  if (header === undefined || header.trim() === '') return [{ type: '*/*', parameters: new Map() }];
  return header.split(',', 50).map(parseMediaType);
}

/** The first form in `Accept` that the server has; `list` tells whether the answer is a list. Throws 406. */
export function negotiate(accept: string | undefined, list: boolean): Representation {
  for (const { type, parameters } of parseAccept(accept)) {
    const format = Object.hasOwn(formats, type) ? formats[type] : undefined;
    if (format === undefined) continue;
    const as = parameters.get('as');
    if (as === undefined) return { ...plain, format };
    const version = parameters.get('v') ?? '';
    if (parameters.get('g') !== 'meta.k8s.io' || (version !== 'v1' && version !== 'v1beta1')) continue;
    if (as === 'Table') return { format, transform: as, version };
    if (as === 'PartialObjectMetadata' && !list) return { format, transform: as, version };
    if (as === 'PartialObjectMetadataList' && list) return { format, transform: as, version };
  }
  throw notAcceptable(accepted);
}

/** True when the client asks for aggregated discovery v2 before anything else that the server has. */
export function wantsAggregatedDiscovery(accept: string | undefined): boolean {
  for (const { type, parameters } of parseAccept(accept)) {
    if (!Object.hasOwn(formats, type)) continue;
    const as = parameters.get('as');
    if (as === undefined) return false;
    if (
      as === 'APIGroupDiscoveryList' &&
      parameters.get('g') === 'apidiscovery.k8s.io' &&
      parameters.get('v') === 'v2'
    ) {
      return true;
    }
  }
  return false;
}
