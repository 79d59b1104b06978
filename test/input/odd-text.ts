import fc from '../support/fast-check.ts';

/** A character of each general category of Unicode, half of a surrogate pair among them. */
const OF_EACH_CATEGORY = [
  ...['Lu', 'Ll', 'Lt', 'Lm', 'Lo', 'Mn', 'Mc', 'Me', 'Nd', 'Nl', 'No', 'Pc', 'Pd', 'Ps', 'Pe'],
  ...['Pi', 'Pf', 'Po', 'Sm', 'Sc', 'Sk', 'So', 'Zs', 'Zl', 'Zp', 'Cc', 'Cf', 'Cs', 'Co', 'Cn'],
].map((category) => firstOf(new RegExp(`^\\p{${category}}$`, 'u')));

/** What a database, a shell, a spreadsheet, a browser or a terminal could take for its own. */
export const HOSTILE_TEXTS: readonly string[] = [
  "'; DROP TABLE directory.users; --",
  `$1 $$ ' || "x" || E'\\x41' -- /* */`,
  '../../../../etc/passwd',
  'C:\\..\\..\\x%2e%2e%2f\\\\server\\share',
  '=HYPERLINK("http://127.0.0.1/?"&A1,"x")',
  "+1+cmd|' /C calc'!A0",
  '@SUM(1,1)\t-2',
  '<script>alert(1)</script><img src=x onerror=alert(1)>&amp;',
  '\u001b[2J\u001b[1;31mred\u001b[0m',
  '\u009b2J\u0090q\u009c',
  '\u001b]0;title\u0007\u001b]8;;http://127.0.0.1\u001b\\link\u001b]8;;\u001b\\',
  'user\u202etxt.exe\u2066\u2069\u200f\u061c',
  'two\nlines\r\nand\ra tab\t\u2028\u2029\u0085',
  '{"a":"b"} {{y}} %s %n `id` $(id) $HOME',
  '\u{e0041}\u{e007f}\ufeff\u00ad',
];

/** Text that Postgres cannot hold, and text that looks like its escaped form. */
const ESCAPES = [
  ...['\0', '\ud83d', '\ude00', '\\', '\\u0000', '\\ud83d', '\\\\', '\\u', 'u0000', '\\U0000'],
  ...['\\\\u0000', '\\uD83D', '\\udfff', '\\u00000'],
];

const LONG = ['é'.repeat(1_024), '🙂'.repeat(512), '\0'.repeat(2_048), '\\'.repeat(2_048)];

const ORDINARY = ['', ' ', 'null', 'true', '0', '1e5', '2026-01-01', '{"a":[1]}', '__proto__'];

/** Any text that JSON can hold: any units of UTF-16, and often what is easily taken for something. */
export const anyText: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(...HOSTILE_TEXTS, ...ORDINARY, ...LONG),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc
    .array(
      fc.oneof(
        fc.constantFrom(...ESCAPES, ...OF_EACH_CATEGORY),
        fc.nat(0xffff).map((unit) => String.fromCharCode(unit)),
      ),
      { maxLength: 16 },
    )
    .map((units) => units.join('')),
);

/** Any text that can be a name: one character at least, and no more bytes than a key may have. */
export const anyName: fc.Arbitrary<string> = fc.oneof(
  anyText.filter((text) => text !== '' && text.length <= 128),
  fc.constantFrom(...ESCAPES.map((text) => `a${text}`), '🙂'.repeat(128), '\0'.repeat(128)),
);

/** Text with one of each category, for a value that no run goes without. */
export const EVERY_CATEGORY = OF_EACH_CATEGORY.join('');

/** The first beyond ASCII. */
function firstOf(pattern: RegExp): string {
  for (let point = 0x80; ; point++) {
    const character = String.fromCodePoint(point);
    if (pattern.test(character)) return character;
  }
}
