/** The longest attribute value that the service keeps, in bytes of UTF-8 (its quotas page). */
const MAX_VALUE_BYTES = 2048;

/**
 * Legal values that programs trip over. The last ones hold what Postgres cannot: U+0000 and
 * surrogates without their other half.
 */
export const ODD_TEXTS: readonly string[] = [
  'Zoë 👩‍👩‍👧‍👦 🇨🇭',
  '🦄🦄🦄',
  'محمد الأمين',
  '‮שלום עולם‬',
  'She said "hi", twice: ""',
  'C:\\temp\\new\\u0041',
  'back\\slash at the end\\',
  'two\nlines\r\nand\ta tab',
  '\u2028line and paragraph separators\u2029',
  "Robert'); DROP TABLE users;--",
  '{"looks":["like","json"]}',
  '<b>&amp;</b> %41 $x {{y}}',
  ' spaces around ',
  '',
  'e\u0301 is not \u00e9',
  '\ufeffa byte order mark',
  'control \u0001\u001f\u007f\u0085 characters',
  'a,b;"c"\t|d',
  '𝕳𝖊𝖑𝖑𝖔 \u{10ffff}',
  'NULL',
  'x'.repeat(MAX_VALUE_BYTES),
  '🙂'.repeat(MAX_VALUE_BYTES / 4),
  'nul \u0000 inside',
  '\u0000',
  'nul \u0000 and a \\u0000 that is text',
  'half an emoji \ud83d',
  '\ude00 the other half, \\ud83d as text',
];
