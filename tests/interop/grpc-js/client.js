// SPDX-License-Identifier: Apache-2.0
// client.js ADDRESS RECIPIENT [sequential N | parallel N | errors | large]: asks our key service, by gRPC's own library.
const grpc = require('@grpc/grpc-js');
const proto = grpc.loadPackageDefinition(
  require('@grpc/proto-loader').loadSync(__dirname + '/keyservice.proto', { keepCase: true }));

const [address, recipient, what = 'sequential', count = '1'] = process.argv.slice(2);
const credentials = grpc.credentials.createInsecure();
const connect = () => new proto.KeyService(address, credentials, { 'grpc.use_local_subchannel_pool': 1 });
const key = { age_key: { recipient } };

function call(client, method, request) {
  return new Promise((resolve, reject) => {
    client[method](request, { deadline: Date.now() + 20000 }, (error, answer) => error ? reject(error) : resolve(answer));
  });
}

// One data key there and back.
async function roundTrip(client, i) {
  const plaintext = Buffer.from(`data key number ${i}`.padEnd(32, '.'));
  const { ciphertext } = await call(client, 'Encrypt', { key, plaintext });
  const answer = await call(client, 'Decrypt', { key, ciphertext });
  if (!answer.plaintext.equals(plaintext)) throw new Error(`number ${i} came back as something else`);
}

async function expectCode(client, method, request, code, words) {
  try {
    await call(client, method, request);
  } catch (error) {
    if (error.code !== code || !error.details.includes(words)) throw new Error(`${error.code} ${error.details}, not ${code} ${words}`);
    return;
  }
  throw new Error(`no error, wanted ${code} ${words}`);
}

const tests = {
  async sequential(n) {
    const client = connect();
    for (let i = 0; i < n; i++) await roundTrip(client, i);
    client.close();
  },
  // Half on one connection, half on one of their own each.
  async parallel(n) {
    const shared = connect();
    await Promise.all([...Array(n).keys()].map(async (i) => {
      const client = i % 2 ? connect() : shared;
      await roundTrip(client, i);
      if (client !== shared) client.close();
    }));
    shared.close();
  },
  async errors() {
    const client = connect();
    await expectCode(client, 'Encrypt', { plaintext: Buffer.from('x') }, grpc.status.NOT_FOUND, 'Must provide a key');
    await expectCode(client, 'Encrypt', { key: {}, plaintext: Buffer.from('x') }, grpc.status.NOT_FOUND, 'Must provide a key');
    await expectCode(client, 'Decrypt', { key, ciphertext: Buffer.from('nonsense') }, grpc.status.UNKNOWN, '');
    const stranger = new grpc.Client(address, credentials);
    const pass = (x) => x;
    for (const [path, words] of [['/KeyService/Nope', 'unknown method Nope for service KeyService'], ['/Other/Encrypt', 'unknown service Other']]) {
      await new Promise((resolve, reject) => stranger.makeUnaryRequest(path, pass, pass, Buffer.alloc(0), (error) =>
        error && error.code === grpc.status.UNIMPLEMENTED && error.details === words ? resolve() : reject(error || new Error('no error'))));
    }
    await new Promise((resolve, reject) => stranger.makeUnaryRequest('/KeyService/Encrypt', pass, pass, Buffer.from([255, 255]), (error) =>
      error && error.code === grpc.status.INTERNAL ? resolve() : reject(error || new Error('no error'))));
    stranger.close();
    await roundTrip(client, 0);
    client.close();
  },
  // Beyond the limit of a message; the connection survives it.
  async large() {
    const client = connect();
    await expectCode(client, 'Encrypt', { key, plaintext: Buffer.alloc(5 << 20) }, grpc.status.RESOURCE_EXHAUSTED, 'larger than max');
    await roundTrip(client, 0);
    client.close();
  },
};

tests[what](Number(count)).then(() => console.log(`${what} ${count}: ok`), (error) => {
  console.error(`${what} ${count}: ${error.message}`);
  process.exitCode = 1;
});
