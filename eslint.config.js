'use strict';

const js = require('@eslint/js');
const { defineConfig } = require('eslint/config');
const tseslint = require('typescript-eslint');

/** The rules of docs/architecture.md that a linter can hold. None of them needs types, so that a lint stays quick. */
const architecture = {
  rules: {
    'construct-ids': require('./scripts/eslint/construct-ids'),
    layers: require('./scripts/eslint/layers'),
  },
};

const defaultsByOr = [
  {
    selector:
      ":matches(LogicalExpression[operator='||'], AssignmentExpression[operator='||='])" +
      '[right.type=/^(Literal|TemplateLiteral|ArrayExpression|ObjectExpression|NewExpression)$/]' +
      // an empty text is what these are asked about: `names.join(', ') || '(none)'`
      '[left.callee.property.name!=/^(join|trim)$/]',
    message: "use '??' for a default: '||' also replaces 0, false and ''",
  },
];

const machineAndMoment = [
  {
    selector: "MemberExpression[object.name='process'][property.name=/^(env|cwd|platform|pid|hrtime|uptime|argv)$/]",
    message: 'only lib/cli may look at the process: take a prop, or a cdktf context value',
  },
  {
    selector: "NewExpression[callee.name='Date'][arguments.length=0]",
    message: 'no clock at synth: the same input gives the same bytes',
  },
  {
    selector: "MemberExpression[object.name=/^(Date|performance)$/][property.name='now']",
    message: 'no clock at synth: the same input gives the same bytes',
  },
  {
    selector: "MemberExpression[object.name='Math'][property.name='random']",
    message: 'nothing random at synth: the same input gives the same bytes',
  },
  {
    selector:
      ':matches(ImportSpecifier[imported.name=/^(random|generateKey)/], MemberExpression[object.name=/^crypto$/i][property.name=/^(random|generateKey|getRandom)/])',
    message: 'nothing random at synth: the same input gives the same bytes; Secret.generated makes a secret at deploy',
  },
];

const silentDependency = [
  {
    selector: "CallExpression[callee.property.name='addDependency'][callee.object.property.name='node']",
    message: 'cdktf drops node.addDependency silently: pass dependsOn, or reference an attribute',
  },
];

module.exports = defineConfig(
  {
    ignores: ['**/node_modules/', 'dist/', 'dist-packages/', 'coverage/', '**/cdktf.out/', '.cdktf-mlops/'],
  },
  js.configs.recommended,
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.js', '**/*.mjs'],
    languageOptions: { globals: { __dirname: 'readonly', console: 'readonly', process: 'readonly' } },
  },
  {
    files: ['**/*.js'],
    languageOptions: {
      sourceType: 'commonjs',
      globals: { module: 'writable', require: 'readonly' },
    },
  },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommended],
    plugins: { architecture },
    rules: {
      'architecture/construct-ids': 'error',
      'architecture/layers': 'error',
      'no-restricted-syntax': ['error', ...defaultsByOr, ...silentDependency],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', ignoreRestSiblings: true }],
      '@typescript-eslint/consistent-type-assertions': 'error',
      '@typescript-eslint/no-require-imports': 'off',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': 'off',
      'prefer-const': 'error',
    },
  },
  {
    files: ['lib/**/*.ts'],
    ignores: ['lib/cli/**'],
    rules: {
      'no-console': 'error',
      'no-restricted-syntax': ['error', ...defaultsByOr, ...silentDependency, ...machineAndMoment],
    },
  },
);
