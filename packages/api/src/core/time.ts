// Timestamps of the core kinds (metav1.Time and metav1.MicroTime): RFC 3339.
import * as z from 'zod';

export const timeSchema = z.iso.datetime({ offset: true }).meta({ format: 'date-time' });
