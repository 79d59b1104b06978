/** A length of time as a clock shows it: `0:07`, `12:30`, `6:12:00`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (part: number) => String(part).padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

const BYTE_UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** A number of bytes in the decimal unit that suits it, to two digits or more: `7.1 MB`, `161 MB`. */
export function formatBytes(bytes: number): string {
  const unit = Math.floor(Math.log10(Math.max(1, bytes)) / 3);
  const value = bytes / 1000 ** unit;
  const digits = unit === 0 || value >= 10 ? 0 : 1;
  return `${value.toFixed(digits)} ${BYTE_UNITS[unit]}`;
}

const { LC_ALL, LC_CTYPE, LANG } = process.env;

/** Empty where none is set, as in containers, whose terminals mostly show UTF-8. */
const locale = LC_ALL || LC_CTYPE || LANG || '';

/** Marks that the terminal can show: those of ASCII where the locale is not one of UTF-8. */
export const MARKS =
  locale === '' || /utf-?8/i.test(locale)
    ? { full: '█', empty: '░', more: '…' }
    : { full: '#', empty: '-', more: '~' };
