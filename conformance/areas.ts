// Everything that is compared, in the order of the table.
import type { Area } from './behaviour.ts';
import { access } from './behaviours/access.ts';
import { certificateRequests } from './behaviours/certificate-requests.ts';
import { content } from './behaviours/content.ts';
import { create } from './behaviours/create.ts';
import { deletion } from './behaviours/delete.ts';
import { discovery } from './behaviours/discovery.ts';
import { events } from './behaviours/events.ts';
import { get } from './behaviours/get.ts';
import { leases } from './behaviours/leases.ts';
import { list } from './behaviours/list.ts';
import { nodeCredential } from './behaviours/node-credential.ts';
import { openapi } from './behaviours/openapi.ts';
import { patch } from './behaviours/patch.ts';
import { reviews } from './behaviours/reviews.ts';
import { serverSideApply } from './behaviours/server-side-apply.ts';
import { subresources } from './behaviours/subresources.ts';
import { tables } from './behaviours/tables.ts';
import { update } from './behaviours/update.ts';
import { watch } from './behaviours/watch.ts';

export const areas: readonly Area[] = [
  discovery,
  openapi,
  content,
  create,
  get,
  update,
  patch,
  serverSideApply,
  deletion,
  list,
  watch,
  tables,
  subresources,
  access,
  reviews,
  nodeCredential,
  leases,
  events,
  certificateRequests,
];
