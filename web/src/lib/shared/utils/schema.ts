/** Forms from JSON Schema: object schemas with plain properties, which is what templates and plugins describe. */

export type FieldKind = 'string' | 'text' | 'integer' | 'number' | 'boolean' | 'enum' | 'list';
export type RawValue = string | boolean;
export type RawValues = Record<string, RawValue>;

export interface SchemaField {
  name: string;
  kind: FieldKind;
  title: string;
  help: string;
  required: boolean;
  /** What an empty field stands for; shown as its placeholder. */
  default: unknown;
  example: string;
  options: { value: unknown; label: string }[];
  schema: JsonSchema;
}

export interface JsonSchema {
  type?: string | string[];
  title?: string;
  description?: string;
  default?: unknown;
  enum?: unknown[];
  const?: unknown;
  oneOf?: JsonSchema[];
  examples?: unknown[];
  format?: string;
  /** A secret: it is taken and never told. */
  writeOnly?: boolean;
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  multipleOf?: number;
  items?: JsonSchema;
  minItems?: number;
  maxItems?: number;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  /** Names of properties in their author's order, which JSON objects do not keep. */
  'x-order'?: string[];
}

/** The form's fields: in their author's order where the schema tells it, otherwise required ones first. */
export function fieldsOf(schema: JsonSchema): SchemaField[] {
  const required = new Set(schema.required ?? []);
  const place = new Map((schema['x-order'] ?? []).map((name, index) => [name, index]));
  const rank = (field: SchemaField): number => place.get(field.name) ?? place.size + (field.required ? 0 : 1);
  return Object.entries(schema.properties ?? {})
    .map(([name, property]) => fieldOf(name, property, required.has(name)))
    .sort((a, b) => rank(a) - rank(b));
}

function fieldOf(name: string, schema: JsonSchema, required: boolean): SchemaField {
  const options = optionsOf(schema);
  return {
    name,
    kind: options.length > 0 ? 'enum' : kindOf(schema),
    title: schema.title ?? humanise(name),
    help: schema.description ?? '',
    required,
    default: schema.default,
    example: schema.examples?.length ? String(schema.examples[0]) : '',
    options,
    schema
  };
}

function optionsOf(schema: JsonSchema): SchemaField['options'] {
  if (schema.enum) return schema.enum.map((value) => ({ value, label: String(value) }));
  const choices = schema.oneOf ?? [];
  if (choices.length === 0 || !choices.every((choice) => 'const' in choice)) return [];
  return choices.map((choice) => ({ value: choice.const, label: choice.title ?? String(choice.const) }));
}

function kindOf(schema: JsonSchema): FieldKind {
  const type = Array.isArray(schema.type) ? schema.type.find((each) => each !== 'null') : schema.type;
  if (type === 'integer' || type === 'number' || type === 'boolean') return type;
  if (type === 'array') return 'list';
  return schema.format === 'multiline' || schema.format === 'textarea' ? 'text' : 'string';
}

/** Whether what is typed into a field is seen by nobody, and kept nowhere. */
export function isSecret({ schema }: Pick<SchemaField, 'schema'>): boolean {
  return schema.writeOnly === true || schema.format === 'password';
}

/** `service_name` and `serviceName` become `Service name`. */
export function humanise(name: string): string {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/[_-]+/g, ' ')
    .toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** What the form starts with. */
export function initialValues(fields: readonly SchemaField[], given: Record<string, unknown> = {}): RawValues {
  return Object.fromEntries(fields.map((field) => [field.name, rawOf(field, given[field.name] ?? field.default)]));
}

function rawOf(field: SchemaField, value: unknown): RawValue {
  if (field.kind === 'boolean') return value === true;
  if (value === undefined || value === null) return '';
  return Array.isArray(value) ? value.map(String).join('\n') : String(value);
}

export interface Checked {
  /** What is sent. Fields left empty are left out, so that the template's own default holds. */
  args: Record<string, unknown>;
  errors: Record<string, string>;
}

export function checkValues(fields: readonly SchemaField[], values: RawValues): Checked {
  const args: Record<string, unknown> = {};
  const errors: Record<string, string> = {};
  for (const field of fields) {
    const raw = values[field.name] ?? '';
    if (raw === '') {
      if (field.required) errors[field.name] = 'Needed.';
      continue;
    }
    const value = convert(field, raw);
    const problem = value === undefined ? 'Must be a number.' : problemOf(field, value);
    if (problem) errors[field.name] = problem;
    else args[field.name] = value;
  }
  return { args, errors };
}

function convert(field: SchemaField, raw: RawValue): unknown {
  if (typeof raw === 'boolean') return raw;
  switch (field.kind) {
    case 'integer':
    case 'number': {
      const value = Number(raw.trim());
      return raw.trim() === '' || !Number.isFinite(value) ? undefined : value;
    }
    case 'enum':
      return field.options.find((option) => String(option.value) === raw)?.value ?? raw;
    case 'list': {
      const items = raw
        .split('\n')
        .map((item) => item.trim())
        .filter((item) => item !== '');
      const numeric = field.schema.items?.type === 'integer' || field.schema.items?.type === 'number';
      return numeric ? items.map(Number) : items;
    }
    default:
      return raw;
  }
}

function problemOf(field: SchemaField, value: unknown): string | null {
  if (field.kind === 'enum') {
    return field.options.some((option) => option.value === value) ? null : 'Choose one of the offered values.';
  }
  if (typeof value === 'number') return numberProblem(field, value);
  if (typeof value === 'string') return textProblem(field.schema, value);
  if (Array.isArray(value)) return listProblem(field.schema, value);
  return null;
}

function numberProblem({ kind, schema }: SchemaField, value: number): string | null {
  if (kind === 'integer' && !Number.isInteger(value)) return 'Must be a whole number.';
  const { minimum: min, maximum: max, exclusiveMinimum: above, exclusiveMaximum: below } = schema;
  if ((min !== undefined && value < min) || (max !== undefined && value > max)) return rangeText(min, max);
  if (above !== undefined && value <= above) return `Must be more than ${above}.`;
  if (below !== undefined && value >= below) return `Must be less than ${below}.`;
  if (schema.multipleOf && Math.abs(value / schema.multipleOf - Math.round(value / schema.multipleOf)) > 1e-9) {
    return `Must be a multiple of ${schema.multipleOf}.`;
  }
  return null;
}

function rangeText(min: number | undefined, max: number | undefined): string {
  if (min !== undefined && max !== undefined) return `Must be between ${min} and ${max}.`;
  return min !== undefined ? `Must be at least ${min}.` : `Must be at most ${max}.`;
}

function textProblem(schema: JsonSchema, value: string): string | null {
  const length = [...value].length;
  if (schema.minLength !== undefined && length < schema.minLength) return `Needs at least ${schema.minLength} characters.`;
  if (schema.maxLength !== undefined && length > schema.maxLength) return `Has at most ${schema.maxLength} characters.`;
  if (schema.pattern !== undefined && !fits(schema.pattern, value)) return `Must match ${schema.pattern}`;
  return null;
}

function listProblem(schema: JsonSchema, value: unknown[]): string | null {
  if (schema.minItems !== undefined && value.length < schema.minItems) return `Needs at least ${schema.minItems} lines.`;
  if (schema.maxItems !== undefined && value.length > schema.maxItems) return `Has at most ${schema.maxItems} lines.`;
  if (value.some((item) => typeof item === 'number' && Number.isNaN(item))) return 'Every line must be a number.';
  return null;
}

/** A pattern that this browser cannot read is left to the host. */
function fits(pattern: string, value: string): boolean {
  try {
    return new RegExp(pattern, 'u').test(value);
  } catch {
    return true;
  }
}
