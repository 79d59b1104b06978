/**
 * The quotas of the calls that write, by the service's names without "Rate", with their defaults in
 * requests a second for each account and Region (quotas page of the developer guide).
 */
export const WRITE_QUOTAS = {
  UserCreation: 50,
  UserAccountRecovery: 30,
  UserUpdate: 25,
  UserResourceUpdate: 25,
  UserPoolResourceUpdate: 15,
} as const;

export type WriteQuotaName = keyof typeof WRITE_QUOTAS;

/** The quotas of an account that differ from the defaults, in requests a second. */
export type WriteQuotas = Readonly<Partial<Record<WriteQuotaName, number>>>;

const NAMES = Object.keys(WRITE_QUOTAS) as WriteQuotaName[];

export const WRITE_QUOTAS_REMEDY = `Give requests per second for one or more of ${NAMES.slice(0, -1).join(', ')} and ${NAMES.at(-1)}, such as UserCreation=500,UserUpdate=100.`;

/** The problem with quotas such as `UserCreation=500,UserUpdate=100`, or null. */
export function findWriteQuotasProblem(text: string): string | null {
  const names = new Set<string>();
  for (const part of text.split(',')) {
    const [name, number] = splitPart(part);
    if (name === undefined) return 'each part must be a quota and a number.';
    if (!(NAMES as readonly string[]).includes(name)) return 'names an unknown quota.';
    if (!(Number(number) > 0)) return 'each number must be over 0.';
    if (names.has(name)) return 'repeats a quota.';
    names.add(name);
  }
  return null;
}

/** Parses quotas in which `findWriteQuotasProblem` finds nothing. */
export function parseWriteQuotas(text: string): WriteQuotas {
  return Object.fromEntries(
    text.split(',').map((part) => {
      const [name = '', number] = splitPart(part);
      return [name, Number(number)];
    }),
  );
}

/** Writes quotas as `parseWriteQuotas` reads them. */
export function formatWriteQuotas(quotas: WriteQuotas): string {
  return Object.entries(quotas)
    .map(([name, rps]) => `${name}=${rps}`)
    .join(',');
}

function splitPart(part: string): (string | undefined)[] {
  return /^\s*(\w+)\s*=\s*(\d+(?:\.\d+)?)\s*$/.exec(part)?.slice(1) ?? [];
}
