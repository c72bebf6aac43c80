'use strict';

/**
 * Attributes of resources that are Terraform expressions, not text. cdktf refuses such an id only when it can still
 * recognise the token, and a name that the platform computes would move the resource on the next deploy.
 */
const TOKENS = new Set([
  'arn',
  'bcryptHash',
  'containerLogs',
  'fqn',
  'hexDigest',
  'id',
  'imageId',
  'ipAddress',
  'networkData',
  'repoDigest',
  'result',
  'stringValue',
  'uid',
  'value',
]);

const SCOPES = /^(this|scope|stack|app|parent)$/;

/** The first member expression in an id that reads a token, as in `${secret.result}` or `network.id`. */
function tokenIn(node) {
  switch (node?.type) {
    case 'TemplateLiteral':
      return node.expressions.map(tokenIn).find(Boolean);
    case 'BinaryExpression':
      return tokenIn(node.left) ?? tokenIn(node.right);
    case 'ConditionalExpression':
      return tokenIn(node.consequent) ?? tokenIn(node.alternate);
    case 'LogicalExpression':
      return tokenIn(node.left) ?? tokenIn(node.right);
    case 'TSNonNullExpression':
    case 'TSAsExpression':
      return tokenIn(node.expression);
    case 'CallExpression':
      // `network.id.toLowerCase()` is still the token; what else a function makes of it cannot be told.
      return node.callee.type === 'MemberExpression' ? tokenIn(node.callee.object) : undefined;
    case 'ChainExpression':
      return tokenIn(node.expression);
    case 'MemberExpression': {
      const isTreeNode = node.object.type === 'MemberExpression' && node.object.property.name === 'node';
      return !node.computed && TOKENS.has(node.property.name) && !isTreeNode ? node : undefined;
    }
    default:
      return undefined;
  }
}

function nameOf(node) {
  if (node?.type === 'ThisExpression') return 'this';
  return node?.type === 'Identifier' ? node.name : undefined;
}

/** The id of a construct is written in the program or comes from its configuration, never from a resource. */
module.exports = {
  meta: { type: 'problem', schema: [], docs: { description: 'no Terraform token in a construct id' } },
  create(context) {
    function check(node) {
      const token = tokenIn(node.arguments[1]);
      if (token === undefined) return;
      const text = context.sourceCode.getText(token);
      context.report({
        node: token,
        message: `the id of a construct must not hold '${text}', which is a Terraform token: use a name that is known at synth`,
      });
    }
    return {
      NewExpression(node) {
        if (SCOPES.test(nameOf(node.arguments[0]) ?? '')) check(node);
      },
      'CallExpression[callee.type="MemberExpression"]'(node) {
        const isFactory = /^[A-Z]/.test(nameOf(node.callee.object) ?? '');
        if (isFactory && SCOPES.test(nameOf(node.arguments[0]) ?? '')) check(node);
      },
    };
  },
};
