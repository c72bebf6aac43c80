import { IConstruct } from 'constructs';
import { check } from './errors';

const MEMORY_UNITS: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/** Bytes of a Kubernetes memory quantity such as `512Mi` or `2G`. */
export function parseMemory(scope: IConstruct | string, prop: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)(Ki|Mi|Gi|Ti|k|M|G|T)?$/.exec(String(text));
  check(match !== null, scope, prop, text, "write a memory quantity such as '512Mi' or '2Gi'");
  const bytes = Number(match[1]) * MEMORY_UNITS[match[2] ?? ''];
  // Docker refuses less than 6 MiB ("Minimum memory limit allowed is 6MB").
  check(bytes >= 6 * 2 ** 20 && bytes <= 2 ** 50, scope, prop, text, "want at least '6Mi' and at most '1024Ti'");
  return bytes;
}

/** Bytes of a storage quantity such as `10Gi`. */
export function parseStorage(scope: IConstruct | string, prop: string, text: string): number {
  return parseMemory(scope, prop, text);
}

/** Thousandths of a core of a Kubernetes cpu quantity such as `500m`, `2` or `1.5`. */
export function parseCpu(scope: IConstruct | string, prop: string, text: string): number {
  const match = /^(?:(\d+)m|(\d+(?:\.\d{1,3})?))$/.exec(String(text));
  check(match !== null, scope, prop, text, "write a cpu quantity such as '500m', '2' or '1.5'");
  const milli = match[1] !== undefined ? Number(match[1]) : Math.round(Number(match[2]) * 1000);
  // The kernel's CFS quota is at least 1 ms of a 100 ms period.
  check(milli >= 10 && milli <= 1_000_000, scope, prop, text, "want at least '10m' and at most '1000'");
  return milli;
}

/** Refuses what is not a whole number in a range. */
export function checkWhole(scope: IConstruct | string, prop: string, value: number, min: number, max: number): void {
  check(
    Number.isInteger(value) && value >= min && value <= max,
    scope,
    prop,
    value,
    `want a whole number from ${min} to ${max}`,
  );
}

/** Refuses what is not a TCP port. */
export function checkPort(scope: IConstruct | string, prop: string, value: number): void {
  checkWhole(scope, prop, value, 1, 65535);
}
