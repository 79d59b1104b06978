/** Words that users and groups are generated from. */

export const GIVEN_NAMES: readonly string[] = [
  'Ada',
  'Amélie',
  'Björn',
  'Chidi',
  'Chloé',
  'Dmitri',
  'Elif',
  'Fatima',
  'Giulia',
  'Haruto',
  'Ines',
  'Jack',
  'Jürgen',
  'Kofi',
  'Lakshmi',
  'Łukasz',
  'Maria',
  'Mehmet',
  'Nguyen',
  'Olivia',
  'Priya',
  'Quentin',
  'Rosa',
  'Sanjay',
  'Søren',
  'Tariq',
  'Uma',
  'Valentina',
  'Wei',
  'Zanele',
];

export const FAMILY_NAMES: readonly string[] = [
  'Andersson',
  'Baptiste',
  'Chen',
  'Da Silva',
  'Eriksson',
  'Fischer',
  'García',
  'Hernández',
  'Ivanova',
  'Jansen',
  'Kowalski',
  'Lindqvist',
  'Müller',
  'Nakamura',
  "O'Brien",
  'Okafor',
  'Patel',
  'Quispe',
  'Rossi',
  'Schmidt',
  'Tanaka',
  'Ünal',
  'Van der Berg',
  'Williams',
  'Yılmaz',
  'Zhang',
];

/** The same names as user names and addresses can hold them. */
export const HANDLES: readonly string[] = [
  'ada',
  'amelie',
  'bjorn',
  'chidi',
  'dmitri',
  'elif',
  'fatima',
  'giulia',
  'haruto',
  'ines',
  'jack',
  'kofi',
  'lakshmi',
  'maria',
  'mehmet',
  'olivia',
  'priya',
  'rosa',
  'sanjay',
  'tariq',
  'uma',
  'wei',
];

/** Beginnings of plain user names; the rare ones are legal too. */
export const USERNAME_WORDS: readonly string[] = [
  ...HANDLES,
  'Ada',
  'ADA',
  'jürgen',
  'дмитрий',
  '陽翔',
  "o'brien",
  'a/b',
  'a\\b',
  '"quoted"',
  '100%',
  '🦊',
  'e\u0301lise',
  'comma,',
  '$1',
  '..',
  'x=y&z',
];

export const MAIL_DOMAINS: readonly string[] = [
  'example.com',
  'example.org',
  'mail.example.net',
  'corp.example',
];

export const LOCALES: readonly string[] = ['en-US', 'en-GB', 'de-DE', 'fr-FR', 'ja-JP', 'pt-BR'];

export const TIME_ZONES: readonly string[] = [
  'America/New_York',
  'Europe/Berlin',
  'Europe/London',
  'Asia/Tokyo',
  'America/Sao_Paulo',
];

export const CITIES: readonly string[] = [
  'Lagos',
  'Lisboa',
  'München',
  'Osaka',
  'São Paulo',
  'Seattle',
  'Zürich',
  'Kraków',
];

export const PLANS: readonly string[] = ['free', 'team', 'business', 'enterprise'];

/** Names of ordinary groups; beyond them a number follows the word. */
export const GROUP_WORDS: readonly string[] = [
  'everyone',
  'editors',
  'admins',
  'Viewers',
  'billing',
  'support',
  'beta-testers',
  'partners',
  'finance',
  'ops',
  'naïve/группа',
  'R&D',
  '"quoted"',
  'back\\slash',
  '🚀',
  '100%',
  'a=b',
  'admins.eu',
  'Admins',
  "it's",
];

/** The service's limit for an attribute value, in bytes of UTF-8 (its quotas page). */
const MAX_VALUE_BYTES = 2048;

/**
 * Valid values that programs often handle wrongly. The last ones cannot be stored in Postgres: they
 * contain U+0000 or lone surrogates.
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
