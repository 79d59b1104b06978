import { invalidParameter, ServiceError } from './errors.ts';

/** The constraints of one request field in the service's API model. */
export interface Field {
  readonly type: 'string' | 'integer' | 'boolean' | 'list' | 'structure' | 'map';
  readonly required?: true;
  /** The limits of a string's length or an integer's value. */
  readonly min?: number;
  readonly max?: number;
  /** Must match the whole string. */
  readonly pattern?: string;
  readonly values?: readonly string[];
  /** The service does not show sensitive values in its messages. */
  readonly sensitive?: true;
  /** The members of a list. */
  readonly member?: Field;
  /** The fields of a structure. */
  readonly fields?: Fields;
}

export type Fields = Readonly<Record<string, Field>>;

const patterns = new Map<string, RegExp>();

/**
 * Checks a request body against its fields. Throws SerializationException if a value has the wrong
 * JSON type, else one InvalidParameterException that counts and lists all violations.
 */
export function validate(input: Readonly<Record<string, unknown>>, fields: Fields): void {
  const problems: string[] = [];
  checkFields(input, fields, '', problems);
  if (problems.length === 0) return;
  const noun = problems.length === 1 ? 'error' : 'errors';
  throw invalidParameter(`${problems.length} validation ${noun} detected: ${problems.join('; ')}`);
}

function checkFields(
  input: Readonly<Record<string, unknown>>,
  fields: Fields,
  path: string,
  problems: string[],
): void {
  for (const [name, field] of Object.entries(fields)) {
    const at = `${path}${name.charAt(0).toLowerCase()}${name.slice(1)}`;
    const value = input[name];
    if (value !== undefined && value !== null) checkValue(value, field, at, problems);
    else if (field.required === true) {
      problems.push(`Value null at '${at}' failed to satisfy constraint: Member must not be null`);
    }
  }
}

function checkValue(value: unknown, field: Field, at: string, problems: string[]): void {
  checkType(value, field, at);
  const shown = field.sensitive === true ? 'Value' : `Value '${String(value)}'`;
  const fail = (constraint: string) => {
    problems.push(`${shown} at '${at}' failed to satisfy constraint: Member must ${constraint}`);
  };
  if (typeof value === 'string') checkString(value, field, fail);
  if (typeof value === 'number') {
    if (value > (field.max ?? value)) fail(`have value less than or equal to ${field.max}`);
    if (value < (field.min ?? value)) fail(`have value greater than or equal to ${field.min}`);
  }
  if (Array.isArray(value) && field.member !== undefined) {
    for (const [index, member] of value.entries()) {
      checkValue(member, field.member, `${at}.${index + 1}.member`, problems);
    }
  }
  if (field.fields !== undefined) {
    checkFields(value as Record<string, unknown>, field.fields, `${at}.`, problems);
  }
}

function checkString(text: string, field: Field, fail: (constraint: string) => void): void {
  const length = text.length;
  if (length > (field.max ?? length)) fail(`have length less than or equal to ${field.max}`);
  if (length < (field.min ?? length)) fail(`have length greater than or equal to ${field.min}`);
  if (field.pattern !== undefined && !compilePattern(field.pattern).test(text)) {
    fail(`satisfy regular expression pattern: ${field.pattern}`);
  }
  if (field.values !== undefined && !field.values.includes(text)) {
    fail(`satisfy enum value set: [${field.values.join(', ')}]`);
  }
}

function checkType(value: unknown, field: Field, at: string): void {
  const right = {
    string: typeof value === 'string',
    integer: typeof value === 'number' && Number.isInteger(value),
    boolean: typeof value === 'boolean',
    list: Array.isArray(value),
    structure: typeof value === 'object' && value !== null && !Array.isArray(value),
    map: typeof value === 'object' && value !== null && !Array.isArray(value),
  }[field.type];
  if (right) return;
  throw new ServiceError(
    'SerializationException',
    `The value at '${at}' must be of type ${field.type}.`,
  );
}

function compilePattern(source: string): RegExp {
  let pattern = patterns.get(source);
  if (pattern === undefined) {
    pattern = new RegExp(`^(?:${source})$`, 'u');
    patterns.set(source, pattern);
  }
  return pattern;
}
