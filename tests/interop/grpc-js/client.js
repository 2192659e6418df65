// SPDX-License-Identifier: Apache-2.0
// client.js ADDRESS RECIPIENT TEST … PID: asks our key service, whose process is PID, by gRPC's own library.
const fs = require('fs');
const grpc = require('@grpc/grpc-js');
const proto = grpc.loadPackageDefinition(
  require('@grpc/proto-loader').loadSync(__dirname + '/keyservice.proto', { keepCase: true }));

const [address, recipient, what, ...rest] = process.argv.slice(2);
const server = rest[rest.length - 1];
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

async function sequential(n) {
  const client = connect();
  for (let i = 0; i < n; i++) await roundTrip(client, i);
  return client;
}

// Half on one connection, half on one of their own each.
async function parallel(n) {
  const shared = connect();
  await Promise.all([...Array(n).keys()].map(async (i) => {
    const client = i % 2 ? connect() : shared;
    await roundTrip(client, i);
    if (client !== shared) client.close();
  }));
  shared.close();
}

const children = () => fs.readFileSync(`/proc/${server}/task/${server}/children`, 'utf8').split(' ').filter(Boolean);
const resident = (pid) => Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);

// Until the connections of earlier tests are gone.
async function alone(n) {
  for (let i = 0; i < 100 && children().length !== n; i++) await new Promise((resolve) => setTimeout(resolve, 50));
  if (children().length !== n) throw new Error(`${children().length} connections are open, not ${n}`);
}

const tests = {
  // Memory of the process that listens, and of the one that serves a connection, before and after.
  async flat(n) {
    await alone(0);
    const client = await sequential(100);
    const [worker] = children();
    const before = [resident(server), resident(worker)];
    for (let i = 0; i < n; i++) await roundTrip(client, i);
    await parallel(50);
    const after = [resident(server), resident(worker)];
    console.log(`resident KiB, listener ${before[0]} then ${after[0]}, connection ${before[1]} then ${after[1]}`);
    client.close();
    await alone(0);
    for (const i of [0, 1]) if (after[i] > before[i] + 256) throw new Error('memory grows');
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
  // A caller that gives up at once, again and again, on a connection that goes on.
  async deadline() {
    const client = connect();
    await roundTrip(client, 0);
    for (let i = 0; i < 20; i++) {
      await new Promise((resolve, reject) => client.Encrypt({ key, plaintext: Buffer.alloc(3 << 20) }, { deadline: Date.now() + 1 },
        (error) => error && error.code !== grpc.status.DEADLINE_EXCEEDED ? reject(error) : resolve()));
    }
    await roundTrip(client, 1);
    client.close();
  },
  // A process that ends in the middle of its calls; the next test wants to be alone.
  async vanish() {
    for (let i = 0; i < 20; i++) connect().Encrypt({ key, plaintext: Buffer.alloc(1 << 20) }, () => {});
    await new Promise((resolve) => setTimeout(resolve, 50));
    console.log(`${address} vanish: gone`);
    process.exit(0);
  },
};

tests[what](Number(rest[0])).then(() => console.log(`${address} ${what}: ok`), (error) => {
  console.error(`${address} ${what}: ${error.message}`);
  process.exitCode = 1;
});
