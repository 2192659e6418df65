// SPDX-License-Identifier: Apache-2.0
// server.js ADDRESS: a key service by gRPC's own library, which "wraps" by base64. The recipient "refuse-N" is refused with
// the code N, "large" gets 5 MiB, "slow" an answer after a second, "die" ends the service. Prints "ready", ends on SIGTERM.
const grpc = require('@grpc/grpc-js');
const proto = grpc.loadPackageDefinition(
  require('@grpc/proto-loader').loadSync(__dirname + '/keyservice.proto', { keepCase: true }));

function answer(request, reply, field) {
  const name = request.key && request.key.age_key ? request.key.age_key.recipient : '';
  if (name === 'die') process.exit(0);
  if (name.startsWith('refuse-')) return reply({ code: Number(name.slice(7)), details: 'refused: 100 % "schön"' });
  if (name.startsWith('large')) return reply(null, { [field]: Buffer.alloc(5 << 20) });
  const bytes = field === 'ciphertext'
    ? Buffer.from(request.plaintext.toString('base64')) : Buffer.from(request.ciphertext.toString(), 'base64');
  setTimeout(() => reply(null, { [field]: bytes }), name.startsWith('slow') ? 1000 : 0);
}

const server = new grpc.Server({ 'grpc.max_send_message_length': -1 });
server.addService(proto.KeyService.service, {
  Encrypt: (call, reply) => answer(call.request, reply, 'ciphertext'),
  Decrypt: (call, reply) => answer(call.request, reply, 'plaintext'),
});
server.bindAsync(process.argv[2], grpc.ServerCredentials.createInsecure(), (error) => {
  if (error) throw error;
  console.log('ready');
});
process.on('SIGTERM', () => server.forceShutdown());
