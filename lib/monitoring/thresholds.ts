import { IConstruct } from 'constructs';
import { check } from '../core/errors';

/** Refuses an alert threshold that is not a share: more than 0 and less than 1. */
export function checkShare(scope: IConstruct | string, prop: string, value: number): number {
  check(
    typeof value === 'number' && value > 0 && value < 1,
    scope,
    prop,
    value,
    'want a share of more than 0 and less than 1, for example 0.05 for 5 per cent',
  );
  return value;
}

/** Refuses an alert threshold that is not a number within bounds, both included. */
export function checkBetween(
  scope: IConstruct | string,
  prop: string,
  value: number,
  min: number,
  max: number,
  unit: string,
): number {
  check(
    typeof value === 'number' && value >= min && value <= max,
    scope,
    prop,
    value,
    `want from ${min} to ${max} ${unit}`,
  );
  return value;
}
