// Timestamps of the core kinds: RFC 3339.
import * as z from 'zod';

/** metav1.Time. */
export const timeSchema = z.iso.datetime({ offset: true }).meta({ format: 'date-time' });

/** metav1.MicroTime: always with six digits of a second. */
export const microTimeSchema = z.iso
  .datetime({ offset: true })
  .meta({ format: 'date-time', 'x-varve-micro-time': true });
