import { describe, expect, it } from 'vitest';
import { checkValues, fieldsOf, humanise, initialValues, type JsonSchema } from './schema';

const schema: JsonSchema = {
  type: 'object',
  required: ['unit'],
  properties: {
    lines: { type: 'integer', minimum: 1, maximum: 100, default: 10 },
    unit: { type: 'string', pattern: '^[a-z.]+$', maxLength: 20, description: 'A systemd unit' },
    ratio: { type: 'number', exclusiveMinimum: 0 },
    follow: { type: 'boolean', default: true },
    level: { enum: ['info', 'warn'] },
    retries: { enum: [1, 2] },
    paths: { type: 'array', items: { type: 'string' } }
  }
};

const fields = fieldsOf(schema);
const check = (values: Record<string, string | boolean>) => checkValues(fields, { ...initialValues(fields), ...values });

describe('forms from JSON Schema', () => {
  it('puts what is required first and knows every kind', () => {
    expect(fields.map((field) => [field.name, field.kind])).toEqual([
      ['unit', 'string'],
      ['lines', 'integer'],
      ['ratio', 'number'],
      ['follow', 'boolean'],
      ['level', 'enum'],
      ['retries', 'enum'],
      ['paths', 'list']
    ]);
    expect(humanise('max_retries')).toBe('Max retries');
    expect(humanise('maxRetries')).toBe('Max retries');
  });

  it("keeps the author's order where the schema tells it", () => {
    const ordered = fieldsOf({ ...schema, 'x-order': ['level', 'unit', 'gone', 'lines'] });
    expect(ordered.map((field) => field.name)).toEqual(['level', 'unit', 'lines', 'ratio', 'follow', 'retries', 'paths']);
  });

  it('begins with the defaults', () => {
    expect(initialValues(fields)).toMatchObject({ lines: '10', follow: true, unit: '', level: '' });
    expect(initialValues(fields, { unit: 'ssh.service' }).unit).toBe('ssh.service');
  });

  it('sends typed values and leaves out what is empty', () => {
    expect(check({ unit: 'nginx.service', ratio: '', retries: '2', paths: ' /a \n\n/b' })).toEqual({
      args: { unit: 'nginx.service', lines: 10, follow: true, retries: 2, paths: ['/a', '/b'] },
      errors: {}
    });
  });

  it('says at each field what is wrong', () => {
    expect(check({ unit: '' }).errors.unit).toBe('Needed.');
    expect(check({ unit: 'NO!' }).errors.unit).toContain('^[a-z.]+$');
    expect(check({ unit: 'a'.repeat(21) }).errors.unit).toContain('20');
    expect(check({ unit: 'a', lines: '1.5' }).errors.lines).toBe('Must be a whole number.');
    expect(check({ unit: 'a', lines: '101' }).errors.lines).toBe('Must be between 1 and 100.');
    expect(check({ unit: 'a', lines: 'many' }).errors.lines).toBe('Must be a number.');
    expect(check({ unit: 'a', ratio: '0' }).errors.ratio).toBe('Must be more than 0.');
    expect(check({ unit: 'a', level: 'debug' }).errors.level).toContain('Choose');
  });

  it('leaves a pattern that this browser cannot read to the host', () => {
    const odd = fieldsOf({ properties: { x: { type: 'string', pattern: '(?P<name>' } } });
    expect(checkValues(odd, { x: 'a' }).errors).toEqual({});
  });
});
