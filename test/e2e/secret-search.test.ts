import { Readable } from 'node:stream';
import fc from 'fast-check';
import { encodings, SecretSearch } from './secret-search';

const SECRET = 'Xr7kP2mQ9vLs4TzW8bNc';
const AWKWARD = 'pä$$ "wörd"/with+all\\of it';

describe('SecretSearch', () => {
  const search = new SecretSearch({ simple: SECRET, awkward: AWKWARD });

  test.each([
    ['plain', `password: ${SECRET}`],
    ['base64', `Authorization: Basic ${Buffer.from(`admin:${SECRET}`).toString('base64')}`],
    ['base64', Buffer.from(SECRET).toString('base64')],
    ['base64', Buffer.from(`a${SECRET}b`).toString('base64')],
    ['base64', Buffer.from(`ab${SECRET}`).toString('base64')],
  ])('finds a secret that is written as %s', (encoding, text) => {
    expect(search.inText(`{"a": "${text}"}`)).toEqual([{ secret: 'simple', encoding }]);
  });

  test.each([
    ['plain', AWKWARD],
    ['URL', `http://user:${encodeURIComponent(AWKWARD)}@host`],
    ['JSON', JSON.stringify({ password: AWKWARD })],
    ['JSON', JSON.stringify({ file: JSON.stringify({ password: AWKWARD }) })],
    ['base64', Buffer.from(AWKWARD).toString('base64')],
    ['base64', Buffer.from(`~${AWKWARD}`).toString('base64url')],
  ])('finds one with signs that encodings change, written as %s', (encoding, text) => {
    expect(search.inText(text)).toContainEqual({ secret: 'awkward', encoding });
  });

  test('finds nothing in what only looks like it', () => {
    expect(search.inText(SECRET.slice(1))).toEqual([]);
    expect(search.inText(`${SECRET.slice(0, -1)}-${SECRET.slice(1)}`)).toEqual([]);
    expect(search.inText('')).toEqual([]);
  });

  test('finds a secret wherever a stream is cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(300),
        fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }),
        fc.constantFrom(...encodings(SECRET)),
        async (before, cuts, { text }) => {
          const bytes = Buffer.from(`${'x'.repeat(before)}${text}${'y'.repeat(before % 7)}`);
          const pieces: Buffer[] = [];
          for (let at = 0, cut = 0; at < bytes.length; at += cuts[cut % cuts.length], cut++) {
            pieces.push(bytes.subarray(at, at + cuts[cut % cuts.length]));
          }
          const result = await search.inStream(Readable.from(pieces));
          expect(result.bytes).toBe(bytes.length);
          expect(result.found.map(({ secret }) => secret)).toEqual(['simple']);
        },
      ),
    );
  });

  test('agrees with a plain search on any bytes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ minLength: 8, maxLength: 12, unit: fc.constantFrom('a', 'b') }), {
          minLength: 1,
          maxLength: 4,
        }),
        fc.string({ maxLength: 200, unit: fc.constantFrom('a', 'b', 'c') }),
        (secrets, text) => {
          const named = Object.fromEntries(secrets.map((value, index) => [String(index), value]));
          const found = new SecretSearch(named).inText(text).filter(({ encoding }) => encoding === 'plain');
          const wanted = Object.keys(named).filter((name) => text.includes(named[name]));
          expect(found.map(({ secret }) => secret).sort()).toEqual(wanted);
        },
      ),
    );
  });

  test('refuses what is too short to be told from other text', () => {
    expect(() => new SecretSearch({ pin: '1234' })).toThrow("the secret 'pin' is too short to be looked for");
  });
});
