/** A snapshot that only lacks its archive is the run's own up to this age; then it is yesterday's. */
export const UNFINISHED_FOR_HOURS = 12;
