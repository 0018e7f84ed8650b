// The times that several parts of a reset count with, in milliseconds.

export const minute = 60_000;
/** How long the holder of a link may see what it shows. */
export const leaseTime = 10 * minute;
