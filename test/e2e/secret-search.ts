import { Readable } from 'node:stream';

/** A secret that was found. The value itself is never part of it. */
export interface Finding {
  /** Name of the secret. */
  readonly secret: string;
  /** How it was written: `plain`, `base64`, `URL`, `JSON`. */
  readonly encoding: string;
}

interface Pattern extends Finding {
  readonly bytes: Buffer;
}

/** Blocks of two bytes decide how far a search may skip. */
const BLOCK = 2;

/** Shorter ones are found everywhere. */
const SHORTEST = 8;

/**
 * Every way in which a secret may stand in a text: as it is, in base64 at each of the three places that it can have in
 * a longer text (`user:secret`), in a URL, and in JSON, also JSON within JSON.
 */
export function encodings(secret: string): ReadonlyArray<{ readonly encoding: string; readonly text: string }> {
  const json = (text: string): string => JSON.stringify(text).slice(1, -1);
  const found = [
    { encoding: 'plain', text: secret },
    { encoding: 'URL', text: encodeURIComponent(secret) },
    { encoding: 'URL', text: encodeURIComponent(secret).replace(/%20/g, '+') },
    { encoding: 'JSON', text: json(secret) },
    { encoding: 'JSON', text: json(json(secret)) },
  ];
  const bytes = Buffer.from(secret, 'utf8');
  for (let before = 0; before < 3; before++) {
    const padded = Buffer.concat([Buffer.alloc(before), bytes]);
    // Only those characters that hold nothing but bits of the secret: the others depend on what stands beside it.
    const from = Math.ceil((before * 8) / 6);
    const to = Math.floor((padded.length * 8) / 6);
    for (const alphabet of ['base64', 'base64url'] as const) {
      found.push({ encoding: 'base64', text: padded.toString(alphabet).slice(from, to) });
    }
  }
  return found.filter(({ text }, index) => found.findIndex((other) => other.text === text) === index);
}

/**
 * Looks for many secrets in many bytes at once (after Wu and Manber): the last two bytes of a window say how far the
 * next place is at which any of the patterns could end, so that most bytes are never looked at.
 */
export class SecretSearch {
  /** How many byte strings are looked for. */
  public readonly size: number;
  private readonly patterns: readonly Pattern[];
  private readonly window: number;
  private readonly longest: number;
  private readonly shift = new Uint8Array(2 ** 16);
  private readonly ending = new Map<number, Pattern[]>();

  /**
   * @param secrets values by name
   * @throws when one is too short to be told from other text
   */
  constructor(secrets: Readonly<Record<string, string>>) {
    this.patterns = Object.entries(secrets).flatMap(([secret, value]) => {
      if (value.length < SHORTEST) throw new Error(`the secret '${secret}' is too short to be looked for`);
      return encodings(value).map(({ encoding, text }) => ({ secret, encoding, bytes: Buffer.from(text, 'utf8') }));
    });
    if (this.patterns.length === 0) throw new Error('there is no secret to look for');
    this.size = this.patterns.length;
    const lengths = this.patterns.map(({ bytes }) => bytes.length);
    this.window = Math.min(200, ...lengths);
    this.longest = Math.max(...lengths);
    this.shift.fill(this.window - BLOCK + 1);
    for (const pattern of this.patterns) {
      for (let at = BLOCK - 1; at < this.window; at++) {
        const block = blockAt(pattern.bytes, at);
        this.shift[block] = Math.min(this.shift[block], this.window - 1 - at);
        if (at === this.window - 1) this.ending.set(block, [...(this.ending.get(block) ?? []), pattern]);
      }
    }
  }

  /** What stands in these bytes, each secret and encoding once. */
  public inBytes(bytes: Buffer): Finding[] {
    const found = new Set<Pattern>();
    this.scan(bytes, found);
    return findings(found);
  }

  /** What stands in this text. */
  public inText(text: string): Finding[] {
    return this.inBytes(Buffer.from(text, 'utf8'));
  }

  /** What stands in all that a stream brings, also across its pieces; and how many bytes that were. */
  public async inStream(stream: Readable): Promise<{ readonly found: Finding[]; readonly bytes: number }> {
    const found = new Set<Pattern>();
    let bytes = 0;
    let tail: Buffer = Buffer.alloc(0);
    for await (const piece of stream) {
      const chunk = Buffer.isBuffer(piece) ? piece : Buffer.from(piece as Uint8Array | string);
      bytes += chunk.length;
      if (tail.length > 0) this.scan(Buffer.concat([tail, chunk.subarray(0, this.longest)]), found);
      this.scan(chunk, found);
      const keep = this.longest - 1;
      tail = Buffer.from(
        chunk.length >= keep ? chunk.subarray(chunk.length - keep) : Buffer.concat([tail, chunk]).subarray(-keep),
      );
    }
    return { found: findings(found), bytes };
  }

  private scan(bytes: Buffer, found: Set<Pattern>): void {
    const { shift, window } = this;
    const { length } = bytes;
    for (let at = window - 1; at < length;) {
      const block = blockAt(bytes, at);
      const skip = shift[block];
      if (skip > 0) {
        at += skip;
        continue;
      }
      const start = at - window + 1;
      for (const pattern of this.ending.get(block) ?? []) {
        const end = start + pattern.bytes.length;
        if (end <= length && bytes.compare(pattern.bytes, 0, pattern.bytes.length, start, end) === 0) {
          found.add(pattern);
        }
      }
      at += 1;
    }
  }
}

function blockAt(bytes: Buffer, at: number): number {
  return (bytes[at - 1] << 8) | bytes[at];
}

function findings(patterns: ReadonlySet<Pattern>): Finding[] {
  const all = [...patterns].map(({ secret, encoding }) => ({ secret, encoding }));
  return all.filter(
    (one, index) => all.findIndex((other) => other.secret === one.secret && other.encoding === one.encoding) === index,
  );
}
