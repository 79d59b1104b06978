const { LC_ALL, LC_CTYPE, LANG } = process.env;

/** Empty where none is set, as in containers, whose terminals mostly show UTF-8. */
const locale = LC_ALL || LC_CTYPE || LANG || '';

/** Marks that the terminal can show: those of ASCII where the locale is not one of UTF-8. */
export const MARKS =
  locale === '' || /utf-?8/i.test(locale)
    ? { full: '█', empty: '░', more: '…' }
    : { full: '#', empty: '-', more: '~' };
