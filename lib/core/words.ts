import { IConstruct } from 'constructs';
import { check } from './errors';

/** Refuses words of a command line that can't be handed to a program; an empty one fails only when it is deployed. */
export function checkWords(scope: IConstruct | string, prop: string, words: readonly string[] | undefined): void {
  if (words === undefined) return;
  check(Array.isArray(words) && words.length > 0, scope, prop, words, 'give a list of words, or leave it out');
  for (const [index, word] of words.entries()) {
    check(typeof word === 'string' && word !== '', scope, `${prop}[${index}]`, word, 'give a text that is not empty');
    check(!word.includes('\u0000'), scope, `${prop}[${index}]`, word, 'leave out NUL characters');
  }
}

/** Refuses environment variables that the component sets itself, rather than to drop what was asked for in silence. */
export function withoutOwn(
  scope: IConstruct,
  environment: Record<string, string>,
  own: Record<string, string>,
): Record<string, string> {
  const taken = Object.keys(environment).find((name) => Object.hasOwn(own, name));
  check(taken === undefined, scope, 'environment', taken, 'leave it out: it is set from the other props');
  return environment;
}
