import { Mask } from '../../lib/cli/mask';

const SECRET = 'pa55"word/with+signs';

test.each([
  ['plain', SECRET],
  ['in JSON', JSON.stringify(SECRET).slice(1, -1)],
  ['in a URL', encodeURIComponent(SECRET)],
  ['in base64', Buffer.from(SECRET).toString('base64')],
])('hides a value %s', (_how, written) => {
  const mask = new Mask();
  mask.add(SECRET);
  expect(mask.apply(`user=${written}!`)).not.toContain(written.replace(/=+$/, ''));
  expect(mask.apply(`user=${written}!`)).toMatch(/^user=\*+=*!$/);
});

test('a value that contains another is hidden as a whole', () => {
  const mask = new Mask();
  mask.add('abcdefgh');
  mask.add('abcdefgh-and-more');
  expect(mask.apply('x abcdefgh-and-more y')).toBe('x ******** y');
});

test('takes passwords, sensitive attributes and sensitive outputs from a state, and no file names', () => {
  const mask = new Mask();
  mask.addState({
    outputs: {
      credentials: {
        sensitive: true,
        value: JSON.stringify({ registry: { username: 'administrator', password: 'from-an-output' } }),
      },
      components: { value: 'everybody-may-see-this' },
    },
    resources: [
      { type: 'random_password', instances: [{ attributes: { result: 'generated-value' } }] },
      {
        type: 'docker_container',
        instances: [
          {
            attributes: { name: 'staging-prepare', upload: [{ file: '/upload/password', content: 'uploaded-value' }] },
            sensitive_attributes: [[{ type: 'get_attr', value: 'upload' }]],
          },
        ],
      },
    ],
  });
  expect(mask.apply('from-an-output generated-value uploaded-value')).toBe('******** ******** ********');
  const readable = 'administrator everybody-may-see-this /upload/password staging-prepare';
  expect(mask.apply(readable)).toBe(readable);
});

test('leaves short values alone: they would hide half of every line', () => {
  const mask = new Mask();
  mask.add('admin');
  expect(mask.apply('administer')).toBe('administer');
});

test('takes anything for a state', () => {
  const mask = new Mask();
  mask.addState(undefined);
  mask.addState({});
  expect(mask.apply('text')).toBe('text');
});
