import * as fc from 'fast-check';
import { parse } from 'yaml';
import { toYaml } from '../../lib/core/yaml';

test.each(['1.1', '1.2'] as const)('a reader of YAML %s gets back what was written', (version) => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string(),
    fc.constantFrom('no', 'On', '~', 'null', '1e3', '0x1F', '12:30:45', '- a', 'a: b', "'", '\\', '"\n', '#', '', ' '),
  );
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      text,
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie('tree'), { maxLength: 4 }),
      fc.dictionary(
        text.filter((key) => key !== '__proto__' && key !== '<<'),
        tie('tree'),
        { maxKeys: 4, noNullPrototype: true },
      ),
    ),
  }));
  fc.assert(
    fc.property(tree, (value) => {
      expect(parse(toYaml(value), { version })).toEqual(value);
    }),
    { numRuns: 1000 },
  );
});

test('a person can read it, and what is undefined is left out', () => {
  const rule = { alert: 'Down', expr: 'up{job="a"} == 0', labels: {}, for: undefined };
  expect(toYaml({ groups: [{ name: 'a', rules: [rule, ['x', 1]] }], on: true })).toBe(
    `groups:
  - name: a
    rules:
      - alert: Down
        expr: 'up{job="a"} == 0'
        labels: {}
      - - x
        - 1
"on": true
`,
  );
});
