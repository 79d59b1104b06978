import { invalidParameter } from './errors.ts';

/** The type of an attribute's values. All values are texts; the type limits which. */
export type AttributeType = 'String' | 'Number' | 'Boolean' | 'DateTime';

/** One attribute of a pool's schema. */
export interface SchemaAttribute {
  /** With its prefix, such as `custom:plan` or `dev:custom:crm_id`. */
  readonly name: string;
  readonly type: AttributeType;
  /** A required attribute must be given when a user is created. */
  readonly required: boolean;
  /** An immutable attribute can only be given when a user is created. */
  readonly mutable: boolean;
  /** The smallest and largest length of a String, or value of a Number; undefined: no limit. */
  readonly min?: number | undefined;
  readonly max?: number | undefined;
}

/** A pool's attributes by name. */
export type Schema = ReadonlyMap<string, SchemaAttribute>;

/** Standard attributes in the order in which the service describes them. */
const STANDARD: readonly SchemaAttribute[] = [
  text('profile'),
  text('address'),
  { ...text('birthdate'), min: 10, max: 10 },
  text('gender'),
  text('preferred_username'),
  { name: 'updated_at', type: 'Number', required: false, mutable: true, min: 0 },
  text('website'),
  text('picture'),
  { name: 'identities', type: 'String', required: false, mutable: true },
  { ...text('sub'), required: true, mutable: false, min: 1 },
  text('phone_number'),
  truth('phone_number_verified'),
  text('zoneinfo'),
  text('locale'),
  text('email'),
  truth('email_verified'),
  text('given_name'),
  text('family_name'),
  text('middle_name'),
  text('name'),
  text('nickname'),
];

function text(name: string): SchemaAttribute {
  return { name, type: 'String', required: false, mutable: true, min: 0, max: 2048 };
}

function truth(name: string): SchemaAttribute {
  return { name, type: 'Boolean', required: false, mutable: true };
}

/**
 * The schema of a pool: the standard attributes, as changed by `attributes`, and custom ones.
 *
 * @param attributes standard attributes with other rules, and custom attributes with their prefix
 */
export function createSchema(
  attributes: Iterable<SchemaAttribute> = [],
): Map<string, SchemaAttribute> {
  const schema = new Map(STANDARD.map((attribute) => [attribute.name, attribute]));
  for (const attribute of attributes) schema.set(attribute.name, attribute);
  return schema;
}

/** A custom attribute without rules of its own. */
export function customAttribute(name: string, type: AttributeType = 'String'): SchemaAttribute {
  return { name, type, required: false, mutable: true };
}

/** @throws ServiceError if a new user could not have these attributes */
export function checkNewAttributes(
  schema: Schema,
  attributes: Readonly<Record<string, string>>,
): void {
  checkValues(schema, attributes);
  for (const { name, required } of schema.values()) {
    if (required && name !== 'sub' && !attributes[name]) {
      throw nonconforming(`${name}: The attribute ${name} is required`);
    }
  }
}

/** @throws ServiceError if an existing user could not get these attributes */
export function checkChangedAttributes(
  schema: Schema,
  attributes: Readonly<Record<string, string>>,
): void {
  checkValues(schema, attributes);
  for (const [name, value] of Object.entries(attributes)) {
    const attribute = schema.get(name);
    if (attribute?.mutable === false) {
      throw invalidParameter(`user.${name}: Attribute cannot be updated.`);
    }
    if (attribute?.required === true && value === '') {
      throw nonconforming(`${name}: The attribute ${name} is required`);
    }
  }
}

function checkValues(schema: Schema, attributes: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === 'sub') throw invalidParameter('Cannot modify the non-mutable attribute sub');
    const attribute = schema.get(name);
    if (attribute === undefined) {
      throw nonconforming(`Type for attribute {${name}} could not be determined`);
    }
    // An empty value deletes the attribute.
    if (value !== '') checkValue(attribute, value);
  }
}

function checkValue({ name, type, min, max }: SchemaAttribute, value: string): void {
  const measure = type === 'Number' ? Number(value) : value.length;
  const right = {
    String: true,
    Number: /^-?\d+(\.\d+)?$/.test(value),
    Boolean: value === 'true' || value === 'false',
    DateTime: !Number.isNaN(Date.parse(value)),
  }[type];
  if (!right) throw nonconforming(`${name}: The value is not of type ${type}`);
  if (type !== 'String' && type !== 'Number') return;
  if (min !== undefined && measure < min) throw nonconforming(`${name}: ${limitText(type, 'min')}`);
  if (max !== undefined && measure > max) throw nonconforming(`${name}: ${limitText(type, 'max')}`);
}

function limitText(type: 'String' | 'Number', limit: 'min' | 'max'): string {
  const side = limit === 'min' ? 'lower than the minimum' : 'higher than the maximum';
  return type === 'String' ? `String length is ${side}` : `Number is ${side}`;
}

function nonconforming(problem: string) {
  return invalidParameter(`Attributes did not conform to the schema: ${problem}`);
}

/** The schema in the form of DescribeUserPool. */
export function schemaJson(schema: Schema): object[] {
  return [...schema.values()].map(({ name, type, required, mutable, min, max }) => ({
    Name: name,
    AttributeDataType: type,
    DeveloperOnlyAttribute: name.startsWith('dev:'),
    Mutable: mutable,
    Required: required,
    ...(type === 'String'
      ? { StringAttributeConstraints: { MinLength: limit(min), MaxLength: limit(max) } }
      : {}),
    ...(type === 'Number'
      ? { NumberAttributeConstraints: { MinValue: limit(min), MaxValue: limit(max) } }
      : {}),
  }));
}

/** The service gives limits as texts. */
function limit(value: number | undefined): string | undefined {
  return value === undefined ? undefined : String(value);
}
