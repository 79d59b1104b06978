const UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** A size in a decimal unit: `7.1 MB`. */
export function formatBytes(bytes: number): string {
  const unit = Math.floor(Math.log10(Math.max(1, bytes)) / 3);
  const value = bytes / 1000 ** unit;
  return `${value.toFixed(unit === 0 || value >= 10 ? 0 : 1)} ${UNITS[unit]}`;
}

/** A duration in its largest unit: `40 s`, `12 min`, `5 h`, `3 d`. */
export function formatSpan(seconds: number): string {
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (seconds < 3_600) return `${Math.round(seconds / 60)} min`;
  return seconds < 48 * 3_600
    ? `${Math.round(seconds / 3_600)} h`
    : `${Math.round(seconds / 86_400)} d`;
}

/** A time in a zone of the IANA database: `2026-11-22 02:00`. */
export function formatLocalTime(time: Date, timeZone: string): string {
  // Sweden writes dates by ISO 8601.
  return time.toLocaleString('sv-SE', { timeZone }).slice(0, 16);
}
